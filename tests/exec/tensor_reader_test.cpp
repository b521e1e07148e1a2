#include "exec/tensor_reader.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

TEST(TensorReader, GivesPiecesOfEveryFloatingPointType) {
  testing::ModelBuilder builder;
  const std::vector<float> values = testing::RandomValues(1000);
  builder.Initializer("external", {10, 100}, values, testing::Storage::kExternal);
  auto& doubles = *builder.graph().add_initializer();
  doubles.set_name("doubles");
  doubles.set_data_type(onnx::TensorProto::DOUBLE);
  doubles.add_dims(1000);
  for (const float value : values) doubles.add_double_data(static_cast<double>(value));
  const testing::TempFolder folder;
  builder.Save(folder / "m.onnx");
  const auto file_system = MakePosixFileSystem();
  const Model model = Model::Load(*file_system, folder / "m.onnx");
  ASSERT_EQ(model.tensors().size(), 2U);
  for (TensorId id = 0; id < 2; ++id) {
    TensorReader reader(model, id);
    for (const auto& [first, count] : std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 1000}, {0, 1}, {999, 1}, {123, 456}, {1000, 0}}) {
      const auto read = reader.Read(first, count);
      ASSERT_EQ(read.size(), count);
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(read[i], values[first + i]) << model.tensors()[id].name;
    }
  }
}

}  // namespace
}  // namespace qi8
