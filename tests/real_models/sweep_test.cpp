// Every model of Debian's libonnx-testdata: what ONNX Runtime loads and runs before, it loads and runs after,
// with results within the INT8 bound.

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "qi8/quantize.hpp"
#include "real_models/operators.hpp"
#include "support/any_size.hpp"

namespace qi8::testing {
namespace {

constexpr const char* kTestData = "/usr/share/libonnx-testdata/data";

// ---- Models and their inputs

[[nodiscard]] onnx::TensorProto ReadTensor(const std::filesystem::path& path) {
  onnx::TensorProto tensor;
  std::ifstream file(path, std::ios::binary);
  tensor.ParseFromIstream(&file);
  return tensor;
}

// Nothing for tensors that are not raw bytes, such as strings, and for what is no tensor.
[[nodiscard]] std::optional<runtime::Tensor> ToTensor(const onnx::TensorProto& proto) {
  runtime::Tensor tensor;
  tensor.type = static_cast<DataType>(proto.data_type());
  tensor.shape.assign(proto.dims().begin(), proto.dims().end());
  tensor.data.resize(proto.raw_data().size());
  std::memcpy(tensor.data.data(), proto.raw_data().data(), tensor.data.size());
  try {
    static_cast<void>(runtime::CheckedElementCount(tensor));
  } catch (const Error&) {
    return std::nullopt;
  }
  return tensor;
}

struct Case {
  std::string name;
  onnx::ModelProto model;
  std::vector<onnx::TensorProto> inputs;  // one for each graph input that is no initializer
};

[[nodiscard]] std::vector<Case> AllCases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kTestData)) {
    if (entry.path().filename() == "model.onnx") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<Case> cases;
  for (const auto& path : paths) {
    Case one{.name = path.parent_path().lexically_relative(kTestData).native(),
             .model = ParseModel(path),
             .inputs = {}};
    for (int i = 0;; ++i) {
      const auto input = path.parent_path() / "test_data_set_0" / ("input_" + std::to_string(i) + ".pb");
      if (!std::filesystem::exists(input)) break;
      one.inputs.push_back(ReadTensor(input));
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

// The model with its weights as initializers where they are inputs of its only node: the tests of operators
// have everything as inputs. Nothing where there is no such node.
[[nodiscard]] std::optional<Case> WithConstantWeights(const Case& one) {
  static const std::map<std::string, std::size_t> kFirstWeight = {
      {"MatMul", 1}, {"Gemm", 1}, {"Conv", 1}, {"ConvTranspose", 1},
      {"Gather", 0}, {"LSTM", 1}, {"GRU", 1},  {"RNN", 1}};
  if (one.model.graph().node_size() != 1) return std::nullopt;
  const auto& node = one.model.graph().node(0);
  const auto first = kFirstWeight.find(node.op_type());
  if (first == kFirstWeight.end() || !node.domain().empty()) return std::nullopt;
  Case made{.name = one.name + " with constant weights", .model = one.model, .inputs = {}};
  auto& graph = *made.model.mutable_graph();
  graph.clear_input();
  for (int i = 0; i < one.model.graph().input_size() && i < static_cast<int>(one.inputs.size()); ++i) {
    const auto& input = one.model.graph().input(i);
    const bool constant = first->second == 0 ? i == 0 : i > 0;
    if (constant) {
      *graph.add_initializer() = one.inputs[static_cast<std::size_t>(i)];
      graph.mutable_initializer(graph.initializer_size() - 1)->set_name(input.name());
    } else {
      *graph.add_input() = input;
      made.inputs.push_back(one.inputs[static_cast<std::size_t>(i)]);
    }
  }
  return made;
}

// ---- The bound

[[nodiscard]] bool IsFloat(const onnx::TensorProto& tensor) {
  return tensor.data_type() == onnx::TensorProto::FLOAT;
}

[[nodiscard]] std::vector<float> Numbers(const onnx::TensorProto& tensor) {
  std::vector<float> numbers(tensor.float_data().begin(), tensor.float_data().end());
  if (numbers.empty()) {
    numbers.resize(tensor.raw_data().size() / sizeof(float));
    std::memcpy(numbers.data(), tensor.raw_data().data(), numbers.size() * sizeof(float));
  }
  return numbers;
}

// Magnitudes, each larger by `more(numbers)`.
void MakePositive(onnx::TensorProto& tensor, const std::function<float(const std::vector<float>&)>& more) {
  std::vector<float> numbers = Numbers(tensor);
  const float addend = more(numbers);
  for (float& number : numbers) number = std::abs(number) + addend;
  tensor.clear_float_data();
  tensor.set_raw_data(numbers.data(), numbers.size() * sizeof(float));
}

[[nodiscard]] float Nothing(const std::vector<float>& /*numbers*/) { return 0; }

// The most that DynamicQuantizeLinear is off by.
[[nodiscard]] float ActivationError(const std::vector<float>& x) {
  if (x.empty()) return 0;
  const auto [min, max] = std::ranges::minmax(x);
  return (std::max(0.0F, max) - std::min(0.0F, min)) / 255;
}

// Half a step of the coarsest scale that a channel may have.
[[nodiscard]] float WeightError(const std::vector<float>& w) {
  float largest = 0;
  for (const float number : w) largest = std::max(largest, std::abs(number));
  return largest / 254;
}

// Operators whose outputs rise with the magnitudes of activations and weights.
[[nodiscard]] bool IsMonotone(const onnx::ModelProto& model) {
  static const std::set<std::string> kMonotone = {
      "MatMul",  "Gemm",    "Conv",    "ConvTranspose", "Gather",   "Add",     "Transpose",
      "Reshape", "Flatten", "Squeeze", "Unsqueeze",     "Identity", "Constant"};
  static const std::set<std::string> kProducts = {"MatMul", "Gemm", "Conv", "ConvTranspose"};
  int products = 0;
  for (const auto& node : model.graph().node()) {
    if (!kMonotone.contains(node.op_type())) return false;
    products += kProducts.contains(node.op_type()) ? 1 : 0;
  }
  return products <= 1;
}

class Sweep : public Operators {
 protected:
  struct Counts {
    int models = 0, not_loaded = 0, nothing_to_quantize = 0, quantized = 0, within_bound = 0, by_sqnr = 0,
        not_run = 0;
  };

  [[nodiscard]] std::vector<runtime::Tensor> Evaluate(const onnx::ModelProto& model,
                                                      const std::vector<onnx::TensorProto>& inputs) {
    Save(model, folder_ / "evaluated.onnx");
    std::vector<runtime::Tensor> tensors;
    for (const auto& input : inputs) tensors.push_back(ToTensor(input).value());
    return Open(folder_ / "evaluated.onnx").Run(tensors);
  }

  static void Save(const onnx::ModelProto& model, const std::filesystem::path& path) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    model.SerializeToOstream(&file);
  }

  [[nodiscard]] static runtime::Session Open(const std::filesystem::path& path,
                                             Optimization optimization = Optimization::kAll) {
    runtime::SessionOptions options;
    options.optimization = optimization;
    options.intra_threads = 1;
    return OpenExactly(path, options);
  }

  // How far the outputs may be apart. For operators f that are linear in activations x and in weights w, and
  // so rise with the magnitudes of both:
  //   |f(x, w) - f(x', w')| <= f(|x| + e_x, |w| + e_w) - f(|x|, |w|)
  // where e_x and e_w bound the errors of each; ONNX Runtime computes both terms.
  [[nodiscard]] std::vector<std::vector<double>> Bounds(const Case& one,
                                                        const std::set<std::string>& weights) {
    Case plain = one;
    Case larger = one;
    for (auto* changed : {&plain, &larger}) {
      const bool add = changed == &larger;
      for (auto& input : changed->inputs) {
        if (IsFloat(input)) MakePositive(input, add ? ActivationError : Nothing);
      }
      for (auto& tensor : *changed->model.mutable_graph()->mutable_initializer()) {
        if (weights.contains(tensor.name())) MakePositive(tensor, add ? WeightError : Nothing);
      }
    }
    const auto low = Evaluate(plain.model, plain.inputs);
    const auto high = Evaluate(larger.model, larger.inputs);
    std::vector<std::vector<double>> bounds;
    for (std::size_t i = 0; i < low.size(); ++i) {
      bounds.emplace_back();
      const auto a = low[i].As<float>();
      const auto b = high[i].As<float>();
      for (std::size_t k = 0; k < a.size(); ++k) {
        const double difference = std::abs(static_cast<double>(b[k]) - static_cast<double>(a[k]));
        bounds.back().push_back(difference + 1e-5 * std::abs(static_cast<double>(b[k])) + 1e-6);
      }
    }
    return bounds;
  }

  void Check(const Case& one, const Selection& selection, Counts& counts) {
    SCOPED_TRACE(one.name);
    ++counts.models;
    Save(one.model, folder_ / "in.onnx");
    std::optional<runtime::Session> before;
    try {
      before = Open(folder_ / "in.onnx");
    } catch (const Error&) {
      ++counts.not_loaded;
    }
    QuantizeOptions options;
    options.input = folder_ / "in.onnx";
    options.output = folder_ / "out.onnx";
    options.selection = selection;
    options.replace_output = true;
    options.audit_log = "/dev/null";
    Observer observer;
    RunReport report;
    try {
      report = Quantize(options, observer);
    } catch (const Error& error) {
      EXPECT_FALSE(before) << "ONNX Runtime loads it, but: " << error.what();
      return;
    }
    if (report.outcome == Outcome::kNothingQuantized) {
      ++counts.nothing_to_quantize;
      return;
    }
    ++counts.quantized;
    if (!before) return;
    try {
      CheckOutputs(one, *before, report, counts);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }

  void CheckOutputs(const Case& one, const runtime::Session& before, const RunReport& report,
                    Counts& counts) {
    std::vector<runtime::Session> after;
    for (const auto optimization : kAllAndNoOptimizations) {
      after.push_back(Open(folder_ / "out.onnx", optimization));
    }
    std::vector<runtime::Tensor> inputs;
    for (const auto& input : one.inputs) {
      if (const auto tensor = ToTensor(input)) inputs.push_back(*tensor);
    }
    const auto is_float = [](const runtime::ValueInfo& output) { return output.type == DataType::kFloat; };
    if (inputs.size() != before.inputs().size() || !std::ranges::all_of(before.outputs(), is_float)) {
      ++counts.not_run;
      return;
    }
    const auto expected = before.Run(inputs);
    if (!IsMonotone(one.model)) {
      ++counts.by_sqnr;
      for (const auto& session : after) ExpectSqnr(expected, session.Run(inputs));
      return;
    }
    std::set<std::string> weights;
    for (const NodeDecision& node : report.plan.nodes) {
      if (!node.skip) weights.insert(node.weight);
    }
    const auto bounds = Bounds(one, weights);
    ++counts.within_bound;
    for (const auto& session : after) ExpectWithinBounds(expected, session.Run(inputs), bounds);
  }

  using Tensors = std::vector<runtime::Tensor>;

  static void ExpectSqnr(const Tensors& expected, const Tensors& found) {
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_GT(runtime::CompareOutputs(expected[i], found[i]).sqnr_db, 20) << "output " << i;
    }
  }

  static void ExpectWithinBounds(const Tensors& expected, const Tensors& found,
                                 const std::vector<std::vector<double>>& bounds) {
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(expected[i].shape, found[i].shape);
      const auto a = expected[i].As<float>();
      const auto b = found[i].As<float>();
      for (std::size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], b[k], bounds[i][k]) << "element " << k;
    }
  }

  void Run(const std::string& mode, const Selection& asked_for) {
    const Selection selection = OfAnySize(asked_for);
    Counts counts;
    for (const Case& one : AllCases()) {
      Check(one, selection, counts);
      if (const auto constant = WithConstantWeights(one)) Check(*constant, selection, counts);
    }
    std::printf(
        "%s: %d models (%d that ONNX Runtime does not load), %d with nothing to quantize, %d quantized: %d "
        "within "
        "the bound, %d above 20 dB, %d loaded only\n",
        mode.c_str(), counts.models, counts.not_loaded, counts.nothing_to_quantize, counts.quantized,
        counts.within_bound, counts.by_sqnr, counts.not_run);
    EXPECT_GT(counts.models, 1000) << "is libonnx-testdata installed? scripts/test installs it";
    EXPECT_GT(counts.within_bound, 10);
  }
};

TEST_F(Sweep, Defaults) { Run("defaults", {}); }

TEST_F(Sweep, AllOperators) {
  Selection selection;
  selection.ops = {"all"};
  Run("--ops all", selection);
}

TEST_F(Sweep, AllOperatorsAndInitializersThatAreInputs) {
  Selection selection;
  selection.ops = {"all"};
  selection.override_inputs = true;
  Run("--ops all --override-inputs", selection);
}

TEST_F(Sweep, AllStored) {
  Selection selection;
  selection.store_int8 = {"all"};
  selection.override_inputs = true;
  Run("--store-int8 all --override-inputs", selection);
}

TEST_F(Sweep, ProductsOfTwoActivations) {
  Selection selection;
  selection.matmul_const_b_only = false;
  Run("--matmul-const-b-only false", selection);
}

class SweepOfForms : public Sweep, public ::testing::WithParamInterface<const char*> {};

// Every model in every form; the default one is in all the others.
TEST_P(SweepOfForms, EveryModel) {
  Selection selection;
  selection.forms = {{ParseForm(GetParam()).value()}};
  Run(std::string("--form ") + GetParam(), selection);
}

INSTANTIATE_TEST_SUITE_P(Forms, SweepOfForms,
                         ::testing::Values("per-tensor", "residual", "blockwise-16", "float16"));

}  // namespace
}  // namespace qi8::testing
