#include "model/element_types.hpp"

#include <gtest/gtest.h>

#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::SetInt;

// Types follow from what is declared, through operators that keep them.
TEST(ElementTypes, AreFollowedForward) {
  ModelBuilder builder;
  builder.Input("x", {2, 2});
  builder.Node("Softmax", {"x"}, {"a"});
  SetInt(builder.Node("Cast", {"a"}, {"b"}), "to", onnx::TensorProto::FLOAT16);
  builder.Node("Transpose", {"b"}, {"c"});
  builder.Node("Shape", {"c"}, {"d"});
  builder.Node("Add", {"a", "a"}, {"e"}).set_domain("com.example");
  builder.Node("Where", {"d", "b", "b"}, {"f"});
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const auto types = InferElementTypes(model);
  const auto type_of = [&](std::string_view name) {
    for (ValueId id = 0; id < model.values().size(); ++id) {
      if (model.values()[id].name == name) return types[id];
    }
    return DataType::kString;
  };
  EXPECT_EQ(type_of("a"), DataType::kFloat);
  EXPECT_EQ(type_of("b"), DataType::kFloat16);
  EXPECT_EQ(type_of("c"), DataType::kFloat16);
  EXPECT_EQ(type_of("d"), DataType::kUndefined);
  EXPECT_EQ(type_of("e"), DataType::kUndefined);
  EXPECT_EQ(type_of("f"), DataType::kFloat16);
}

}  // namespace
}  // namespace qi8
