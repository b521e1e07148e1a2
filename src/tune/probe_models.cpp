#include "tune/probe_models.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "exec/execute.hpp"
#include "exec/hashed_output.hpp"
#include "exec/write_image.hpp"
#include "model/element_types.hpp"
#include "plan/layout.hpp"
#include "plan/names.hpp"
#include "plan/plan.hpp"

namespace qi8::tune {
namespace {

std::vector<std::string> Strings(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

// What is left of a model where it is to be one unit.
class Excerpt {
 public:
  Excerpt(const Model& model, const Unit& unit)
      : model_(model), unit_(unit), is_constant_(ConstantValues(model)) {
    keeps_node_.resize(model.nodes().size());
    KeepNode(unit.node);
  }

  // Completes what a plan makes of the unit by taking away all else.
  void Restrict(Rewrite& rewrite, std::span<const DataType> read_types) const {
    std::unordered_set<NodeId> replaced;
    for (const Replacement& replacement : rewrite.replacements) replaced.insert(replacement.node);
    for (const Node& node : model_.nodes()) {
      if (node.graph == 0 && !keeps_node_[node.id] && !replaced.contains(node.id)) {
        rewrite.replacements.push_back({node.id, {}});
      }
    }
    std::unordered_set<ValueId> removed(rewrite.removed_initializers.begin(),
                                        rewrite.removed_initializers.end());
    for (ValueId id = 0; id < model_.values().size(); ++id) {
      const Value& value = model_.values()[id];
      const bool is_declared = value.graph == 0 && (value.is_initializer || value.is_graph_input);
      if (is_declared && !kept_.contains(id) && !removed.contains(id)) {
        rewrite.removed_initializers.push_back(id);
      }
    }
    for (std::size_t i = 0; i < unit_.reads.size(); ++i) {
      rewrite.added_inputs.push_back({std::string(model_.values()[unit_.reads[i]].name), read_types[i]});
    }
    rewrite.drops_outputs = true;
    for (const ValueId id : unit_.gives) {
      rewrite.added_outputs.push_back({std::string(model_.values()[id].name), DataType::kUndefined});
    }
  }

 private:
  void KeepNode(NodeId id) {
    if (keeps_node_[id]) return;
    keeps_node_[id] = true;
    for (const ValueId value : model_.nodes()[id].input_values) Keep(value);
    for (const Node& inner : model_.nodes()) {  // in its bodies
      if (inner.graph != 0 && model_.graphs()[inner.graph].owner == id) KeepNode(inner.id);
    }
  }

  void Keep(ValueId id) {
    if (id == kNone || model_.values()[id].graph != 0 || !is_constant_[id]) return;
    kept_.insert(id);
    if (const NodeId producer = model_.values()[id].producer; producer != kNone) KeepNode(producer);
  }

  const Model& model_;
  const Unit& unit_;
  std::vector<bool> is_constant_;
  std::vector<bool> keeps_node_;
  std::unordered_set<ValueId> kept_;
};

}  // namespace

TappedModel WriteTapped(Model model, std::span<const Unit> units, Folder& folder, const std::string& name) {
  const std::vector<DataType> types = InferElementTypes(model);
  NameAllocator names(model.AllNames());
  TappedModel tapped;
  Rewrite rewrite;
  std::unordered_set<std::string_view> outputs(model.graphs().front().outputs.begin(),
                                               model.graphs().front().outputs.end());
  for (const Unit& unit : units) {
    const Node& node = model.nodes()[unit.node];
    TappedModel::Tap& tap = tapped.taps.emplace_back();
    NewNode exact{.op_type = std::string(node.op_type),
                  .domain = std::string(node.domain),
                  .name = std::string(node.name),
                  .inputs = Strings(node.inputs),
                  .outputs = Strings(node.outputs),
                  .attributes = {},
                  .inherits = {.attributes = true, .without = {}}};
    Replacement replacement{unit.node, {}};
    for (const ValueId id : unit.gives) {
      const std::string given(model.values()[id].name);
      const DataType type = types[id] == DataType::kUndefined ? DataType::kFloat : types[id];
      tap.exact.push_back(names.Allocate(given + "_exact"));
      tap.errors.push_back(names.Allocate(given + "_error"));
      tap.error_types.push_back(type);
      std::ranges::replace(exact.outputs, given, tap.exact.back());
      replacement.nodes.push_back({.op_type = "Add",
                                   .domain = "",
                                   .name = names.Allocate(given + "_add"),
                                   .inputs = {tap.exact.back(), tap.errors.back()},
                                   .outputs = {given},
                                   .attributes = {},
                                   .inherits = {}});
      rewrite.added_inputs.push_back({tap.errors.back(), type});
      rewrite.added_outputs.push_back({tap.exact.back(), DataType::kUndefined});
    }
    replacement.nodes.insert(replacement.nodes.begin(), std::move(exact));
    rewrite.replacements.push_back(std::move(replacement));
    for (const ValueId id : unit.reads) {
      const Value& value = model.values()[id];
      if (value.is_graph_input || !outputs.insert(value.name).second) continue;
      rewrite.added_outputs.push_back({std::string(value.name), DataType::kUndefined});
    }
  }
  model.Apply(rewrite);
  model.PlaceAsTheyWere();
  const auto file = folder.Create(name);
  WriteImage(model, model.Render({}), *file);
  return tapped;
}

void WriteAlone(FileSystem& file_system, const std::filesystem::path& source, const Selection& selection,
                const std::set<TensorId>& non_finite, const Unit& unit, const Choice& choice,
                std::span<const DataType> read_types, const KnownCodes& codes, Folder& folder,
                const std::string& name, const std::function<bool()>& should_stop) {
  Model model = Model::Load(file_system, source);
  model.SetTwins(codes.twins);
  Plan plan = MakePlan(model, selection, FormsOfOne(model, unit, choice), non_finite);
  Excerpt(model, unit).Restrict(plan.rewrite, read_types);
  model.Apply(plan.rewrite);
  const std::string data_name = name + ".data";
  const Layout layout = LayOut(model, plan, ExternalData::kAlways, data_name, {});
  const auto model_file = folder.Create(name);
  std::unique_ptr<WritableFile> data_file;
  std::optional<HashedOutput> data;
  if (layout.data_size > 0) {
    data_file = folder.Create(data_name);
    data.emplace(*data_file, layout.data_size);
  }
  HashedOutput output(*model_file, layout.model_size);
  constexpr std::uint64_t kMemoryBudget = 96ULL << 20U;
  static_cast<void>(Execute(model, plan, layout, {.model = &output, .data = data ? &*data : nullptr},
                            {.threads = DefaultThreads(),
                             .memory_budget = kMemoryBudget,
                             .hash_inputs = false,
                             .measure_errors = false,
                             .rounded = codes.rounded,
                             .on_progress = {},
                             .should_stop = should_stop}));
  WriteGraph(model.Render({}), output);
}

}  // namespace qi8::tune
