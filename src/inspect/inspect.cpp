#include "inspect/inspect.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "edit/constant_view.hpp"
#include "inspect/weight_statistics.hpp"
#include "model/model.hpp"
#include "origin/origin.hpp"
#include "plan/plan_report.hpp"
#include "prepare/prepare.hpp"

namespace qi8 {
namespace {

// Totals by a key, largest first.
class Totals {
 public:
  void Add(const std::string& key, std::uint64_t elements, std::uint64_t bytes) {
    TensorTotal& total = by_key_[key];
    ++total.tensors;
    total.elements += elements;
    total.bytes += bytes;
  }

  [[nodiscard]] std::vector<TensorTotal> Sorted() && {
    std::vector<TensorTotal> totals;
    for (auto& [key, total] : by_key_) {
      total.key = key;
      totals.push_back(std::move(total));
    }
    std::ranges::stable_sort(totals, std::ranges::greater(), &TensorTotal::bytes);
    return totals;
  }

 private:
  std::map<std::string, TensorTotal> by_key_;
};

class Inspection {
 public:
  Inspection(FileSystem& file_system, const InspectOptions& options, Observer& observer)
      : options_(options), observer_(observer), model_(LoadModel(file_system)) {}

  InspectReport Run() {
    Describe();
    CountOperators();
    FindReaders();
    CountTensors();

    ListTensors();
    observer_.OnStage("plan");
    const PreparedModel prepared = PrepareAsAnOutput();
    MarkQuantized(prepared);
    if (options_.read_weights) ReadWeights(prepared);
    std::ranges::stable_sort(report_.weights, std::ranges::greater(), &WeightReport::bytes);
    return std::move(report_);
  }

 private:
  Model LoadModel(FileSystem& file_system) {
    observer_.OnStage("load");
    Model model = Model::Load(file_system, options_.model);
    for (const std::string& warning : model.warnings()) observer_.OnWarning(warning);
    return model;
  }

  // ---- What the model says of itself

  void Describe() {
    const ModelHeader header = model_.Header();
    report_.path = options_.model.native();
    report_.read_weights = options_.read_weights;
    report_.ir_version = header.ir_version;
    for (const OpsetImport& import : model_.opsets()) {
      report_.opsets.emplace_back(import.domain.empty() ? "ai.onnx" : import.domain, import.version);
    }
    report_.producer =
        header.producer_name + (header.producer_version.empty() ? "" : " ") + header.producer_version;
    report_.domain = header.domain;
    report_.model_version = header.model_version;
    report_.doc_string = header.doc_string;
    report_.graph_name = header.graph_name;
    report_.functions = header.functions;
    report_.graphs = model_.graphs().size();
    for (const MetadataEntry& entry : model_.Metadata())
      report_.metadata.emplace_back(entry.key, entry.value);
    for (const auto& input : header.inputs) report_.inputs.push_back(DeclaredOf(input));
    for (const auto& output : header.outputs) report_.outputs.push_back(DeclaredOf(output));
  }

  static DeclaredValue DeclaredOf(const ValueDeclaration& value) {
    DeclaredValue declared{.name = value.name, .type = "", .shape = ""};
    if (value.type != DataType::kUndefined) declared.type = DataTypeName(value.type);
    if (!value.dims) return declared;
    declared.shape = "[";
    for (const std::string& dim : *value.dims)
      declared.shape += (declared.shape.size() > 1 ? ", " : "") + dim;
    declared.shape += "]";
    return declared;
  }

  void CountOperators() {
    std::map<std::string, std::size_t> counts;
    for (const Node& node : model_.nodes()) ++counts[OperatorName(node)];
    report_.operators.assign(counts.begin(), counts.end());
    std::ranges::stable_sort(report_.operators, std::ranges::greater(),
                             [](const auto& entry) { return entry.second; });
  }

  static std::string OperatorName(const Node& node) {
    return node.domain.empty() ? std::string(node.op_type)
                               : std::string(node.domain) + "." + std::string(node.op_type);
  }

  // ---- Tensors

  // For every value the first node that does something with it: one that only shows it in another way passes
  // on to its own reader.
  void FindReaders() {
    readers_.resize(model_.values().size(), kNone);
    tensor_values_.resize(model_.tensors().size(), kNone);
    for (NodeId id = 0; id < model_.nodes().size(); ++id) {
      const Node& node = model_.nodes()[id];
      for (const ValueId input : node.input_values) {
        if (input != kNone && readers_[input] == kNone) readers_[input] = id;
      }
    }
    results_.resize(model_.nodes().size(), kNone);
    for (ValueId id = 0; id < model_.values().size(); ++id) {
      const Value& value = model_.values()[id];
      if (value.tensor != kNone) tensor_values_[value.tensor] = id;
      if (value.producer != kNone && results_[value.producer] == kNone) results_[value.producer] = id;
    }
  }

  // "(unused)" where no node reads it.
  std::string OperatorOf(ValueId value) const {
    constexpr int kMostViews = 100;  // graphs may be cyclic
    for (int step = 0; step < kMostViews; ++step) {
      const NodeId reader = readers_[value];
      if (reader == kNone) break;
      const Node& node = model_.nodes()[reader];
      const bool shows = IsViewOperator(node) && node.input_values[0] == value && results_[reader] != kNone;
      if (!shows) return OperatorName(node);
      value = results_[reader];
    }
    return "(unused)";
  }

  std::string OperatorOfTensor(TensorId tensor) const {
    const ValueId value = tensor_values_[tensor];
    return value == kNone ? "(elsewhere)" : OperatorOf(value);
  }

  void CountTensors() {
    Totals by_type;
    Totals by_operator;
    std::set<TensorSource> counted;  // bytes that several tensors share are there once
    for (TensorId id = 0; id < model_.tensors().size(); ++id) {
      const Tensor& tensor = model_.tensors()[id];
      const bool is_first = counted.insert(tensor.source).second;
      const std::uint64_t bytes = is_first ? tensor.source.range.length : 0;
      by_type.Add(DataTypeName(tensor.type), tensor.elements, bytes);
      by_operator.Add(OperatorOfTensor(id), tensor.elements, bytes);
    }
    // Small integers stand in the graph.
    for (ValueId id = 0; id < model_.values().size(); ++id) {
      if (model_.values()[id].tensor != kNone) continue;
      const auto constant = model_.Constant(id);
      if (!constant) continue;
      const std::uint64_t elements = ElementCount(constant->dims).value_or(0);
      const std::uint64_t bytes = StoredBytes(constant->type, elements).value_or(0);
      by_type.Add(DataTypeName(constant->type), elements, bytes);
      by_operator.Add(OperatorOf(id), elements, bytes);
    }
    report_.by_type = std::move(by_type).Sorted();
    report_.by_operator = std::move(by_operator).Sorted();
  }

  // ---- Plan

  std::set<TensorId> NonFiniteTensors() const {
    if (!options_.read_weights) return {};
    return TensorsOf(FindUnstorable(model_, options_.selection, [this] { return observer_.ShouldStop(); }));
  }

  // While there are nodes to be seen.
  void ListTensors() {
    for (TensorId id = 0; id < model_.tensors().size(); ++id) {
      const Tensor& tensor = model_.tensors()[id];
      if (!IsFloatingPoint(tensor.type)) continue;
      listed_.push_back(id);
      report_.weights.push_back({.name = tensor.name,
                                 .type = DataTypeName(tensor.type),
                                 .shape = tensor.dims,
                                 .elements = tensor.elements,
                                 .bytes = tensor.source.range.length,
                                 .op_type = OperatorOfTensor(id),
                                 .quantized = false,
                                 .reason = "",
                                 .statistics = std::nullopt});
    }
  }

  // Prepares the model as quantizing would, for an output of this name: the model names its data file, so the
  // sizes depend on it.
  PreparedModel PrepareAsAnOutput() {
    std::filesystem::path output = options_.model;
    output.replace_filename(options_.model.stem().native() + "_int8.onnx");
    const std::filesystem::path data = output.native() + ".data";
    Origin origin;
    origin.options.selection = options_.selection;
    origin.options.external_data = options_.external_data;
    origin.options.keep_non_finite = options_.keep_non_finite;
    origin.source_sha256 = UnknownHashes(origin.options, model_);
    const std::set<TensorId> kept = NonFiniteTensors();
    PreparedModel prepared = Prepare(std::move(model_), origin, data.filename().native(), kept,
                                     [this] { return observer_.ShouldStop(); });
    report_.plan = std::move(prepared.report);
    AddOutputs(prepared.layout, output, data, report_.plan);
    return prepared;
  }

  void MarkQuantized(const PreparedModel& prepared) {
    const auto tensors = prepared.model.tensors();
    std::set<TensorSource> quantized;  // views of one tensor, and tensors of one place, are one weight
    for (const QuantizedWeight& weight : prepared.plan.weights)
      quantized.insert(tensors[weight.source].source);
    std::map<std::string, std::string> reasons;
    for (const NodeDecision& node : report_.plan.nodes) {
      if (node.skip) reasons.try_emplace(node.weight, Identifier(node.skip->reason));
    }
    for (std::size_t i = 0; i < listed_.size(); ++i) {
      WeightReport& weight = report_.weights[i];
      weight.quantized = quantized.contains(tensors[listed_[i]].source);
      const auto reason = reasons.find(weight.name);
      if (!weight.quantized && reason != reasons.end()) weight.reason = reason->second;
    }
  }

  void ReadWeights(const PreparedModel& prepared) {
    observer_.OnStage("read");
    const auto tensors = prepared.model.tensors();
    std::map<TensorSource, const QuantizedWeight*> planned;
    for (const QuantizedWeight& weight : prepared.plan.weights) {
      planned.try_emplace(tensors[weight.source].source, &weight);
    }
    std::uint64_t total = 0;
    for (const WeightReport& weight : report_.weights) total += weight.bytes;
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < listed_.size(); ++i) {
      const auto found = planned.find(tensors[listed_[i]].source);
      report_.weights[i].statistics =
          StatisticsOf(prepared.model, listed_[i], found == planned.end() ? nullptr : found->second,
                       [this] { return observer_.ShouldStop(); });
      done += report_.weights[i].bytes;
      observer_.OnProgress(done, total);
    }
  }

  const InspectOptions& options_;
  Observer& observer_;
  Model model_;
  std::vector<NodeId> readers_;         // by value
  std::vector<ValueId> results_;        // by node: its first output
  std::vector<ValueId> tensor_values_;  // by tensor
  std::vector<TensorId> listed_;        // of report_.weights
  InspectReport report_;
};

}  // namespace

InspectReport Inspect(FileSystem& file_system, const InspectOptions& options, Observer& observer) {
  return Inspection(file_system, options, observer).Run();
}

InspectReport Inspect(const InspectOptions& options, Observer& observer) {
  const auto file_system = MakePosixFileSystem(options.links);
  return Inspect(*file_system, options, observer);
}

}  // namespace qi8
