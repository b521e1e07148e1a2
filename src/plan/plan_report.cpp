#include "plan/plan_report.hpp"

#include <algorithm>
#include <set>

namespace qi8 {

std::vector<FileReport> InputsOf(const Model& model) {
  std::vector<FileReport> inputs;
  for (const InputFile& input : model.files()) {
    if (!input.in_memory) inputs.push_back({input.file->path(), input.identity.size, ""});
  }
  return inputs;
}

PlanReport ReportOf(const Model& model, const Plan& plan) {
  PlanReport report;
  report.inputs = InputsOf(model);
  report.constant_inputs = model.Header().constant_inputs;
  report.nodes = plan.nodes;
  report.quantized_nodes = static_cast<std::size_t>(std::ranges::count_if(
      plan.rewrite.replacements, [](const Replacement& replacement) { return !replacement.nodes.empty(); }));
  report.quantized_before = plan.quantized_before;
  report.quantized_weights = plan.weights.size();
  std::set<TensorSource> counted;  // a weight in two shapes is still one
  for (const QuantizedWeight& weight : plan.weights) {
    const TensorSource& source = model.tensors()[weight.source].source;
    if (counted.insert(source).second) report.fp32_weight_bytes += source.range.length;
  }
  for (const NewTensor& tensor : plan.rewrite.new_tensors) report.int8_weight_bytes += tensor.bytes;
  return report;
}

void AddOutputs(const Layout& layout, const std::filesystem::path& model, const std::filesystem::path& data,
                PlanReport& report) {
  report.outputs = {{model.native(), layout.model_size, ""}};
  if (layout.data_size > 0) report.outputs.push_back({data.native(), layout.data_size, ""});
}

}  // namespace qi8
