// Models that are whole files, and wrong all the same: each is named.
#include "verify/structure.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "verify/verify_fixture.hpp"

namespace qi8::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StructureTest : public VerifyFixture {
 protected:
  // Two products, of which the second may be anything, and an embedding; weights inside the model.
  void SetUp() override {
    ModelBuilder builder;
    builder.Input("x", {2, 16}).Output("y", {2, 8}).Output("e", {});
    builder.Input("i", {3}, onnx::TensorProto::INT64);
    builder.Initializer("w", {16, 8}, RandomValues(128)).Initializer("v", {8, 8}, RandomValues(64));
    builder.Initializer("table", {64, 16}, RandomValues(1024));
    builder.Node("MatMul", {"x", "w"}, {"h"}, "first");
    builder.Node("MatMul", {"h", "v"}, {"y"}, "second");
    builder.Node("Gather", {"table", "i"}, {"e"}, "embed");
    builder.Save(source());
    QuantizeOptions options;
    options.external_data = ExternalData::kNever;
    options.selection.scheme.symmetric = false;
    options.selection.forms = {{{FormKind::kPerTensor}}};
    QuantizeSource(options);
  }

  // Expects that this one check fails once the model is changed, and gives its problem.
  [[nodiscard]] std::string ProblemAfter(const std::string& check,
                                         const std::function<void(onnx::ModelProto&)>& change) {
    Change(change);
    VerifyOptions options = Plain();
    options.use_checksums = false;
    const VerifyReport report = Run(options);
    EXPECT_THAT(Failing(report), ElementsAre(check));
    return ProblemOf(report, check);
  }

  static void SetFloat(onnx::TensorProto& tensor, std::size_t i, float value) {
    std::memcpy(tensor.mutable_raw_data()->data() + i * sizeof(float), &value, sizeof(float));
  }
};

TEST_F(StructureTest, NamesThatNothingDefines) {
  EXPECT_THAT(
      ProblemAfter("names",
                   [](onnx::ModelProto& model) { FindNode(model, "MatMulInteger").set_input(0, "nothing"); }),
      AllOf(HasSubstr("reads 'nothing', which nothing defines"), HasSubstr("first_MatMulInteger")));
}

TEST_F(StructureTest, OutputsThatNothingDefines) {
  EXPECT_THAT(
      ProblemAfter("names",
                   [](onnx::ModelProto& model) { model.mutable_graph()->mutable_output(0)->set_name("z"); }),
      HasSubstr("gives 'z'"));
}

TEST_F(StructureTest, OperatorSetsThatAreNotImported) {
  EXPECT_THAT(
      ProblemAfter("names",
                   [](onnx::ModelProto& model) { FindNode(model, "MatMulInteger").set_domain("elsewhere"); }),
      HasSubstr("'elsewhere', which the model does not import"));
}

TEST_F(StructureTest, NodesOutOfOrder) {
  EXPECT_THAT(ProblemAfter("order",
                           [](onnx::ModelProto& model) {
                             auto& nodes = *model.mutable_graph()->mutable_node();
                             nodes.SwapElements(0, nodes.size() - 1);
                           }),
              HasSubstr("before"));
}

// A node with a body stands behind what the body reads from outside.
TEST_F(StructureTest, BodiesOutOfOrder) {
  ModelBuilder builder;
  builder.Input("x", {2, 2}).Input("c", {}, onnx::TensorProto::BOOL).Output("y", {2, 2});
  auto& node = builder.Node("If", {"c"}, {"y"}, "if");
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto& body = SetGraph(node, branch);
    auto& inner = *body.add_node();
    inner.set_op_type("Neg");
    inner.set_name("inside");
    inner.add_input("late");
    inner.add_output(std::string("out_") + branch);
    body.add_output()->set_name(std::string("out_") + branch);
  }
  builder.Node("Abs", {"x"}, {"late"}, "after");
  builder.Save(written());
  const auto file_system = MakePosixFileSystem();
  const Check wrong = CheckOrder(Model::Load(*file_system, written()));
  EXPECT_EQ(wrong.problem_count, 2U);
  EXPECT_THAT(wrong.problems.at(0), AllOf(HasSubstr("'inside' reads 'late'"), HasSubstr("'after'")));
  builder.graph().mutable_node()->SwapElements(0, 1);
  builder.Save(written());
  EXPECT_EQ(CheckOrder(Model::Load(*file_system, written())).problem_count, 0U);
}

TEST_F(StructureTest, ScalesThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(
        ProblemAfter("weights", [bad](onnx::ModelProto& model) { SetFloat(Find(model, "w_scale"), 3, bad); }),
        AllOf(HasSubstr("'w_scale'"), HasSubstr("scale 3 "), HasSubstr("not finite")));
  }
}

TEST_F(StructureTest, ScalesOfMixedSign) {
  for (const float bad : {-0.5F, 0.0F}) {
    EXPECT_THAT(
        ProblemAfter("weights",
                     [bad](onnx::ModelProto& model) { SetFloat(Find(model, "table_scale"), 5, bad); }),
        AllOf(HasSubstr("'table_scale'"), HasSubstr("scale 5 "), HasSubstr("sign")));
  }
}

TEST_F(StructureTest, ScalesOfTheWrongShape) {
  EXPECT_THAT(ProblemAfter("weights",
                           [](onnx::ModelProto& model) {
                             auto& scale = Find(model, "w_scale");
                             scale.set_dims(0, 4);
                             scale.mutable_raw_data()->resize(4 * sizeof(float));
                           }),
              AllOf(HasSubstr("scales of shape [4]"), HasSubstr("of shape [16, 8]")));
}

// Those of a batch of matrices have one shape for vectors and another for matrices, which is computed where
// the rank shows only when the model runs.
TEST_F(StructureTest, ScalesOfABatchOfMatrices) {
  for (const bool is_known : {true, false}) {
    ModelBuilder builder;
    builder.Input("x", {16}).Output("y", {3, 8}).Initializer("w", {3, 16, 8}, RandomValues(384));
    if (!is_known) builder.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
    builder.Save(source());
    QuantizeSource();
    EXPECT_THAT(Failing(Against()), ::testing::IsEmpty());
    EXPECT_THAT(ProblemAfter("weights",
                             [](onnx::ModelProto& model) {
                               auto& scale = Find(model, "w_scale");
                               scale.clear_dims();
                               for (const std::int64_t dim : {8, 3}) scale.add_dims(dim);
                             }),
                AllOf(HasSubstr("scales of shape [8, 3]"), HasSubstr("of shape [3, 16, 8]")));
  }
}

// [16, 1] broadcasts against the weight, but each of its columns needs one scale.
TEST_F(StructureTest, ScalesByRowsOfAProduct) {
  EXPECT_THAT(ProblemAfter("weights",
                           [](onnx::ModelProto& model) {
                             auto& scale = Find(model, "w_scale");
                             scale.set_dims(0, 16);
                             scale.add_dims(1);
                             scale.set_raw_data(scale.raw_data() + scale.raw_data());
                           }),
              HasSubstr("scales of shape [16, 1]"));
}

TEST_F(StructureTest, ZeroPointsOfTheWrongType) {
  EXPECT_THAT(ProblemAfter("weights",
                           [](onnx::ModelProto& model) {
                             Find(model, "w_zero_point").set_data_type(onnx::TensorProto::UINT8);
                           }),
              AllOf(HasSubstr("'w_zero_point'"), HasSubstr("uint8")));
}

TEST_F(StructureTest, ZeroPointsOfTheWrongNumber) {
  EXPECT_THAT(ProblemAfter("weights",
                           [](onnx::ModelProto& model) {
                             auto& zero_points = Find(model, "w_zero_point");
                             zero_points.set_dims(0, 5);
                             zero_points.mutable_raw_data()->resize(5);
                           }),
              HasSubstr("5 zero points"));
}

// Small integer tensors stand in the graph: the loader leaves them as they are.
TEST_F(StructureTest, TensorsWithAnotherNumberOfElementsThanTheirShape) {
  EXPECT_THAT(ProblemAfter(
                  "weights",
                  [](onnx::ModelProto& model) { Find(model, "v_quantized").mutable_raw_data()->pop_back(); }),
              AllOf(HasSubstr("'v_quantized'"), HasSubstr("as many elements as")));
}

}  // namespace
}  // namespace qi8::testing
