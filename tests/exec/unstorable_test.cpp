#include "exec/unstorable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "qi8/error.hpp"
#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::RandomValues;

// Larger than what is read at once, with something wrong in the last place.
constexpr std::int64_t kWidth = 1'000, kElements = 70 * kWidth;

[[nodiscard]] Model Load(testing::MemoryFileSystem& files) {
  ModelBuilder builder;
  builder.Input("i", {1}, onnx::TensorProto::INT64);
  const auto add_gather = [&builder](const std::string& name) {
    builder.Node("Gather", {name, "i"}, {"of " + name}, name);
  };
  for (const auto& [name, last] :
       {std::pair("fine", 1.0F), {"nan", std::nanf("")}, {"infinite", HUGE_VALF}, {"unread", HUGE_VALF}}) {
    auto values = RandomValues(kElements);
    values.back() = last;
    builder.Initializer(name, {kElements / kWidth, kWidth}, values);
    if (std::string(name) != "unread") add_gather(name);
  }
  builder.Initializer("half", {2, 16}, RandomValues(32));
  auto& half = *builder.graph().mutable_initializer(4);
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.set_raw_data(std::string(62, '\0') + std::string("\0\x7c", 2));  // zeros, infinity
  add_gather("half");
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

// Of weights that are to be quantized: others may have what they like.
TEST(FindUnstorable, OfEveryFloatingPointType) {
  testing::MemoryFileSystem files;
  const Model model = Load(files);
  std::map<std::string, std::uint64_t> found;
  for (const auto& [id, element] : FindUnstorable(model, MakePlan(model, testing::OfAnySize()), {})) {
    found[model.tensors()[id].name] = element.index;
  }
  const std::map<std::string, std::uint64_t> expected = {
      {"nan", kElements - 1}, {"infinite", kElements - 1}, {"half", 31}};
  EXPECT_EQ(found, expected);
}

// A plan has one weight for all tensors that lie in the same bytes.
TEST(FindUnstorable, OfTensorsInTheSameBytes) {
  testing::MemoryFileSystem files;
  ModelBuilder builder;
  builder.Input("x", {2, 16});
  for (const std::string name : {"a", "b"}) {
    auto& tensor = *builder.graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (int d = 0; d < 2; ++d) tensor.add_dims(16);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto& entry = *tensor.add_external_data();
    entry.set_key("location");
    entry.set_value("d");
    builder.Node("MatMul", {"x", name}, {"y" + name}, name);
  }
  const std::vector<float> values(256, HUGE_VALF);
  files.Add("d", std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const auto found = FindUnstorable(model, MakePlan(model, testing::OfAnySize()), {});
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(MakePlan(model, testing::OfAnySize(), TensorsOf(found)).weights.empty());
}

TEST(FindUnstorable, CanBeInterrupted) {
  testing::MemoryFileSystem files;
  const Model model = Load(files);
  EXPECT_THROW(
      static_cast<void>(FindUnstorable(model, MakePlan(model, testing::OfAnySize()), [] { return true; })),
      Error);
}

}  // namespace
}  // namespace qi8
