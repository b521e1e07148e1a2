#include "plan/decide.hpp"

#include <algorithm>
#include <utility>

#include "model/element_types.hpp"
#include "plan/growth.hpp"
#include "plan/plan.hpp"
#include "rules/rule.hpp"

namespace qi8 {
namespace {

class Decider {
 public:
  Decider(const Model& model, const Selection& selection, const NodeSelector& selector,
          std::vector<Form> forms, std::set<TensorId> non_finite)
      : model_(model),
        context_{.model = model,
                 .selection = selection,
                 .element_types =
                     selection.matmul_const_b_only ? std::vector<DataType>() : InferElementTypes(model),
                 .ranges = InferRanges(model),
                 .forms = std::move(forms),
                 .non_finite = std::move(non_finite),
                 .settled_shapes = {}},
        selector_(selector),
        has_body_(NodesWithBodies(model)),
        decisions_(model.nodes().size()) {}

  Decisions Run() {
    // Rules that can choose how they share a weight are asked after all others.
    for (const bool can_choose : {false, true}) {
      for (NodeId id = 0; id < decisions_.size(); ++id) DecideNode(id, can_choose);
    }
    return std::move(decisions_);
  }

 private:
  void DecideNode(NodeId id, bool can_choose) {
    const Node& node = model_.nodes()[id];
    if (has_body_[id] || node.calls_function) return;
    const Rule* rule = FindRule(node);
    if (rule == nullptr) return;
    if ((rule->computed && rule->computed->can_choose_shape) != can_choose) return;
    decisions_[id] = Check(Ask(*rule, node), node);
    NoteForm(node, *decisions_[id]);
    const auto* edit = std::get_if<Edit>(&*decisions_[id]);
    if (edit == nullptr || can_choose) return;
    for (const WeightRequest& request : edit->weights) {
      context_.settled_shapes.emplace(request.tensor, request.encoding.shape);
    }
  }

  // Operators whose integer form is one node have one form, whatever was asked for.
  void NoteForm(const Node& node, Decision& decision) const {
    auto* edit = std::get_if<Edit>(&decision);
    if (edit == nullptr || !edit->form || !edit->form->obstacle.empty()) return;
    if (edit->form->form == context_.forms.at(node.id)) return;
    edit->form->obstacle = std::string(node.op_type) + " has only this form";
  }

  Decision Ask(const Rule& rule, const Node& node) const {
    if (auto skip = selector_.Refuse(node)) return *std::move(skip);
    if (node.outputs.empty()) return Skip{SkipReason::kShape, "it has no output"};
    const FormKind form = context_.forms.at(node.id).kind;
    if (form == FormKind::kFloat32) return Skip{SkipReason::kForm, ""};
    if (form == FormKind::kFloat16) return PlanFloat16(context_, node);
    return selector_.StoresOnly(node) ? PlanStored(context_, node) : rule.computed->plan(context_, node);
  }

  Decision Check(Decision decision, const Node& node) const {
    const auto* edit = std::get_if<Edit>(&decision);
    if (edit == nullptr) return decision;
    if (!edit->nodes.back().has_all_outputs && HasMoreOutputs(node)) {
      return Skip{SkipReason::kShape, "it has an output that the operator does not have"};
    }
    for (const WeightRequest& request : edit->weights) {
      const Tensor& tensor = model_.tensors()[request.tensor];
      if (tensor.elements < context_.selection.min_elements) {
        return Skip{SkipReason::kTooSmall, std::to_string(tensor.elements) + " elements"};
      }
      if (request.encoding.shape.channels > kMostChannels) {
        return Skip{SkipReason::kShape, std::to_string(request.encoding.shape.channels) + " output channels"};
      }
      if (request.bytes() >= tensor.source.range.length) return Skip{SkipReason::kNoSaving, ""};
    }
    if (!context_.selection.allow_growth && !Shrinks(node, *edit)) {
      return Skip{SkipReason::kNoSaving, "counting its new nodes; --allow-growth quantizes it all the same"};
    }
    return decision;
  }

  // Whether the file gets smaller by this edit. A product of two activations has no weight that could shrink,
  // so it is always accepted.
  bool Shrinks(const Node& node, const Edit& edit) const {
    if (edit.weights.empty()) return true;
    std::int64_t growth = GraphGrowth(model_, node, edit);
    for (const WeightRequest& request : edit.weights) {
      growth += static_cast<std::int64_t>(request.bytes());
      growth -= static_cast<std::int64_t>(model_.tensors()[request.tensor].source.range.length);
    }
    return growth < 0;
  }

  const Model& model_;
  RuleContext context_;
  const NodeSelector& selector_;
  std::vector<bool> has_body_;
  Decisions decisions_;
};

}  // namespace

Decisions Decide(const Model& model, const Selection& selection, const NodeSelector& selector,
                 std::vector<Form> forms, std::set<TensorId> non_finite) {
  return Decider(model, selection, selector, std::move(forms), std::move(non_finite)).Run();
}

const Edit* EditOf(const Decisions& decisions, NodeId id) {
  return decisions[id] ? std::get_if<Edit>(&*decisions[id]) : nullptr;
}

std::vector<const Edit*> EditsOf(const Decisions& decisions) {
  std::vector<const Edit*> edits;
  for (NodeId id = 0; id < decisions.size(); ++id) {
    if (const Edit* edit = EditOf(decisions, id)) edits.push_back(edit);
  }
  return edits;
}

bool HasMoreOutputs(const Node& node) {
  return std::any_of(node.outputs.begin() + 1, node.outputs.end(), [](auto name) { return !name.empty(); });
}

std::vector<bool> NodesWithBodies(const Model& model) {
  std::vector<bool> has_body(model.nodes().size());
  for (const Graph& graph : model.graphs()) {
    if (graph.owner != kNone) has_body[graph.owner] = true;
  }
  return has_body;
}

}  // namespace qi8
