#include "compare/saturation_note.hpp"

#include <gtest/gtest.h>

#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::HasSubstr;
using testing::ModelBuilder;
using ::testing::Optional;

class MultipliesInt8Test : public ::testing::Test {
 protected:
  MultipliesInt8Test() { builder_.Input("x", {2, 4}, onnx::TensorProto::UINT8).Output("y", {2, 3}); }

  // Of a model whose node has that weight.
  [[nodiscard]] bool With(onnx::TensorProto::DataType type, const std::string& op_type) {
    onnx::TensorProto& weight = *builder_.graph().add_initializer();
    weight.set_name("w");
    weight.set_data_type(type);
    weight.add_dims(4);
    weight.add_dims(3);
    weight.set_raw_data(std::string(12, '\1'));
    builder_.Node(op_type, {"x", "w"}, {"y"});
    builder_.Save(folder_ / "m.onnx");
    return MultipliesInt8(Model::Load(*MakePosixFileSystem(), folder_ / "m.onnx"));
  }

  testing::TempFolder folder_;
  ModelBuilder builder_;
};

TEST_F(MultipliesInt8Test, ByAWeightOfInt8) { EXPECT_TRUE(With(onnx::TensorProto::INT8, "MatMulInteger")); }

TEST_F(MultipliesInt8Test, NotByOneOfUint8) { EXPECT_FALSE(With(onnx::TensorProto::UINT8, "MatMulInteger")); }

TEST_F(MultipliesInt8Test, NotWhatIsLookedUp) { EXPECT_FALSE(With(onnx::TensorProto::INT8, "Gather")); }

}  // namespace
}  // namespace qi8::compare
