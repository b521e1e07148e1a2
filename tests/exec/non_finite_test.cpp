#include "exec/non_finite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::RandomValues;

// Larger than what is read at once, with something wrong in the last place.
constexpr std::int64_t kElements = 70'001;

Model Load(testing::MemoryFileSystem& files) {
  ModelBuilder builder;
  for (const auto& [name, last] :
       {std::pair("fine", 1.0F), {"nan", std::nanf("")}, {"infinite", HUGE_VALF}}) {
    auto values = RandomValues(kElements);
    values.back() = last;
    builder.Initializer(name, {kElements}, values);
  }
  builder.Initializer("half", {2}, RandomValues(2));
  auto& half = *builder.graph().mutable_initializer(3);
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.set_raw_data(std::string("\0\0\0\x7c", 4));  // 0, infinity
  builder.Int64Initializer("integers", {1}, {-1});
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

TEST(FindNonFiniteTensors, OfEveryFloatingPointType) {
  testing::MemoryFileSystem files;
  const Model model = Load(files);
  std::vector<std::string> names;
  for (const TensorId id : FindNonFiniteTensors(model, {})) names.push_back(model.tensors()[id].name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("nan", "infinite", "half"));
}

TEST(FindNonFiniteTensors, CanBeInterrupted) {
  testing::MemoryFileSystem files;
  const Model model = Load(files);
  EXPECT_THROW(static_cast<void>(FindNonFiniteTensors(model, [] { return true; })), Error);
}

}  // namespace
}  // namespace qi8
