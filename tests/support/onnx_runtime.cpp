#include "support/onnx_runtime.hpp"

#include <cstdlib>
#include <random>
#include <span>

#include "runtime/saturation.hpp"
#include "support/exact_products.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

void CountOperators(const onnx::GraphProto& graph, std::map<std::string, int>& counts) {
  for (const auto& node : graph.node()) {
    ++counts[node.op_type()];
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) CountOperators(attribute.g(), counts);
    }
  }
}

}  // namespace

std::string RuntimeLibrary() {
  const char* const named = std::getenv("QI8_TEST_RUNTIME");
  return named == nullptr ? QI8_TEST_ONNXRUNTIME : named;
}

const runtime::OnnxRuntime& Runtime() {
  static const auto library = runtime::OnnxRuntime::Load(RuntimeLibrary());
  return *library;
}

runtime::Session OpenExactly(const std::filesystem::path& model, const runtime::SessionOptions& options) {
  const auto exact = runtime::ProductsSaturateHere() ? WriteWithUint8Products(model) : std::nullopt;
  if (!exact) return Runtime().OpenSession(model.native(), options);
  runtime::Session session = Runtime().OpenSession(exact->native(), options);
  std::filesystem::remove(*exact);
  return session;
}

std::vector<runtime::Tensor> RunModel(const std::filesystem::path& model,
                                      const std::vector<runtime::Tensor>& inputs, Optimization optimization) {
  runtime::SessionOptions options;
  options.optimization = optimization;
  options.intra_threads =
      1;  // others would mostly wait, and a thread that waits takes as much time as one that works
  return OpenExactly(model, options).Run(inputs);
}

std::map<std::string, int> OptimizedOperators(const std::filesystem::path& model) {
  const TempFolder folder;
  runtime::SessionOptions options;
  options.optimization = runtime::SessionOptions::Optimization::kExtended;
  options.optimized_model_path = (folder / "optimized.onnx").native();
  options.optimized_data_name = "optimized.onnx.data";
  static_cast<void>(Runtime().OpenSession(model.native(), options));
  std::map<std::string, int> counts;
  CountOperators(ParseModel(folder / "optimized.onnx").graph(), counts);
  return counts;
}

int FusedProducts(const std::map<std::string, int>& operators) {
  const auto count = [&operators](const char* name) {
    const auto found = operators.find(name);
    return found == operators.end() ? 0 : found->second;
  };
  return count("MatMulIntegerToFloat") + count("DynamicQuantizeMatMul");
}

runtime::Tensor FloatTensor(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return runtime::Tensor::Of(DataType::kFloat, std::move(shape), std::span(values));
}

runtime::Tensor Int64Tensor(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& values) {
  return runtime::Tensor::Of(DataType::kInt64, std::move(shape), std::span(values));
}

runtime::Tensor AudioCodes(std::int64_t count, std::int64_t codes) {
  std::mt19937 generator(7);
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = static_cast<std::int64_t>(generator()) % codes;
  return Int64Tensor({1, count}, values);
}

}  // namespace qi8::testing
