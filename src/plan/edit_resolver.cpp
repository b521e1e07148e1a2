#include "plan/edit_resolver.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace qi8 {
namespace {

// Names need not be there, and a node may have a first output that nobody wants.
std::string LabelOf(const Node& node) {
  if (!node.name.empty()) return std::string(node.name);
  const auto named = std::ranges::find_if(node.outputs, [](auto output) { return !output.empty(); });
  return std::string(named == node.outputs.end() ? node.op_type : *named);
}

// A text that two values have in common only if they are equal.
struct ValueKey {
  std::string operator()(std::int64_t value) const { return "i" + std::to_string(value); }
  std::string operator()(float value) const {
    return "f" + std::to_string(std::bit_cast<std::uint32_t>(value));
  }
  template <typename Number>
  std::string operator()(const std::vector<Number>& values) const {
    std::string key = "[";
    for (const Number value : values) key += (*this)(value) + ",";
    return key + "]";
  }
  std::string operator()(const FloatTensor& tensor) const {
    return (*this)(tensor.dims) + (*this)(tensor.values);
  }
  std::string operator()(const Int64Tensor& tensor) const {
    return (*this)(tensor.dims) + (*this)(tensor.values);
  }
};

// Names may have any character, so each stands behind its length.
std::string Framed(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

std::string KeyOf(GraphId graph, const NewNode& node) {
  std::string key = std::to_string(graph) + Framed(node.domain) + Framed(node.op_type);
  for (const std::string& input : node.inputs) key += Framed(input);
  for (const NewAttribute& attribute : node.attributes) {
    key += "=" + Framed(attribute.name) + std::visit(ValueKey(), attribute.value);
  }
  return key;
}

}  // namespace

EditResolver::EditResolver(const Model& model, NameAllocator& names, WeightPool& weights,
                           Leftovers& leftovers)
    : model_(model), names_(names), weights_(weights), leftovers_(leftovers) {}

void EditResolver::Resolve(NodeId id, const Edit& edit) {
  const Node& node = model_.nodes()[id];
  for (const ValueId value : node.input_values) leftovers_.RemoveUse(value);
  Replacement replacement{.node = id, .nodes = {}};
  Symbols symbols;
  for (const WeightRequest& request : edit.weights) {
    symbols.weights.push_back(StoreWeight(request, node, replacement));
  }
  for (std::size_t i = 0; i < edit.nodes.size(); ++i) {
    const EditNode& edit_node = edit.nodes[i];
    if (edit_node.shared) {
      symbols.results.push_back(Share(edit_node, node, symbols, replacement));
      continue;
    }
    CountUses(edit_node, node);
    NewNode fresh = Name(edit_node, node, i + 1 == edit.nodes.size(), symbols);
    symbols.results.push_back(fresh.outputs);
    Add(replacement, std::move(fresh));
  }
  replacements_.push_back(std::move(replacement));
}

std::map<WeightPart, std::string> EditResolver::StoreWeight(const WeightRequest& request, const Node& node,
                                                            Replacement& replacement) {
  WeightPool::Stored stored = weights_.Store(request);
  if (!stored.turn.empty()) {
    std::string& codes = stored.names.at(WeightPart::kCodes);
    codes = TransposedName(codes, stored.turn, node, replacement);
  }
  return std::move(stored.names);
}

std::string EditResolver::TransposedName(const std::string& codes, const std::vector<std::int64_t>& perm,
                                         const Node& node, Replacement& replacement) {
  NewNode transpose{.op_type = "Transpose",
                    .domain = "",
                    .name = "",
                    .inputs = {codes},
                    .outputs = {},
                    .attributes = {{"perm", perm}},
                    .inherits = {}};
  const auto [known, is_new] = shared_.try_emplace(KeyOf(node.graph, transpose));
  if (is_new) {
    known->second = {names_.Allocate(codes + "_transposed")};
    transpose.name = names_.Allocate(known->second[0] + "_Transpose");
    transpose.outputs = known->second;
    Add(replacement, std::move(transpose));
  }
  return known->second[0];
}

// A node that stands once in its graph, at its first user. What it is called after is not looked at: nodes of
// equal inputs compute the same.
std::vector<std::string> EditResolver::Share(const EditNode& edit_node, const Node& node,
                                             const Symbols& symbols, Replacement& replacement) {
  NewNode fresh{.op_type = edit_node.op_type,
                .domain = edit_node.domain,
                .name = "",
                .inputs = {},
                .outputs = {},
                .attributes = edit_node.attributes,
                .inherits = {}};
  for (const Operand& operand : edit_node.inputs) fresh.inputs.push_back(NameOf(operand, symbols));
  const auto [known, is_new] = shared_.try_emplace(KeyOf(node.graph, fresh));
  if (is_new) {
    CountUses(edit_node, node);
    const std::string name = NameOf(edit_node.shared->value, symbols);
    for (const std::string& output : edit_node.shared->outputs) {
      known->second.push_back(names_.Allocate(name + output));
    }
    fresh.name = names_.Allocate(name + edit_node.shared->node);
    fresh.outputs = known->second;
    Add(replacement, std::move(fresh));
  }
  return known->second;
}

NewNode EditResolver::Name(const EditNode& edit_node, const Node& node, bool is_last,
                           const Symbols& symbols) {
  NewNode fresh{.op_type = edit_node.op_type,
                .domain = edit_node.domain,
                .name = edit_node.has_all_outputs && !node.name.empty()
                            ? std::string(node.name)
                            : names_.Allocate(LabelOf(node) + "_" + edit_node.op_type),
                .inputs = {},
                .outputs = {},
                .attributes = edit_node.attributes,
                .inherits = edit_node.inherits};
  for (const Operand& operand : edit_node.inputs) fresh.inputs.push_back(NameOf(operand, symbols));
  if (edit_node.has_all_outputs) {
    fresh.outputs.assign(node.outputs.begin(), node.outputs.end());
  } else {
    fresh.outputs = {is_last ? std::string(node.outputs[0]) : fresh.name};
  }
  return fresh;
}

void EditResolver::Add(Replacement& replacement, NewNode node) {
  if (!node.domain.empty()) domains_.insert(node.domain);
  replacement.nodes.push_back(std::move(node));
}

// A new node reads what the node that it stands for read.
void EditResolver::CountUses(const EditNode& edit_node, const Node& node) {
  for (const Operand& operand : edit_node.inputs) {
    const auto* name = std::get_if<NameOperand>(&operand);
    if (name == nullptr) continue;
    const auto found = std::ranges::find(node.inputs, name->name);
    if (found != node.inputs.end()) {
      leftovers_.AddUse(node.input_values[static_cast<std::size_t>(found - node.inputs.begin())]);
    }
  }
}

std::string EditResolver::NameOf(const Operand& operand, const Symbols& symbols) {
  if (const auto* name = std::get_if<NameOperand>(&operand)) return name->name;
  if (const auto* weight = std::get_if<WeightOperand>(&operand)) {
    return symbols.weights.at(weight->weight).at(weight->part);
  }
  const auto& result = std::get<ResultOperand>(operand);
  return symbols.results.at(result.node).at(result.output);
}

std::vector<OpsetImport> EditResolver::MissingImports() const {
  std::vector<OpsetImport> imports;
  for (const std::string& domain : domains_) {
    const bool is_known = std::ranges::any_of(
        model_.opsets(), [&domain](const OpsetImport& import) { return import.domain == domain; });
    if (!is_known) imports.push_back({domain, 1});
  }
  return imports;
}

}  // namespace qi8
