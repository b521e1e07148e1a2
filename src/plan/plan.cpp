#include "plan/plan.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "plan/decide.hpp"
#include "plan/edit_resolver.hpp"
#include "plan/leftovers.hpp"
#include "plan/listing.hpp"
#include "plan/names.hpp"
#include "plan/node_forms.hpp"
#include "plan/selection.hpp"
#include "plan/weight_pool.hpp"

namespace qi8 {

bool WeightOutput::HasBytesOf(const WeightOutput& other) const {
  return part == other.part &&
         std::bit_cast<std::uint32_t>(factor) == std::bit_cast<std::uint32_t>(other.factor);
}

bool QuantizedWeight::HasPart(WeightPart part) const {
  return std::ranges::any_of(outputs, [part](const WeightOutput& output) { return output.part == part; });
}

Plan MakePlan(const Model& model, const Selection& selection, std::set<TensorId> non_finite) {
  return MakePlan(model, selection, NodeForms(model, selection), std::move(non_finite));
}

Plan MakePlan(const Model& model, const Selection& selection, std::vector<Form> forms,
              std::set<TensorId> non_finite) {
  const NodeSelector selector(selection, model);
  const Decisions decisions = Decide(model, selection, selector, std::move(forms), std::move(non_finite));
  NameAllocator names(model.AllNames());
  WeightPool weights(model, names);
  for (const Edit* edit : EditsOf(decisions)) weights.Collect(*edit);
  Leftovers leftovers(model, selection);
  EditResolver resolver(model, names, weights, leftovers);
  for (NodeId id = 0; id < decisions.size(); ++id) {
    if (const Edit* edit = EditOf(decisions, id)) resolver.Resolve(id, *edit);
  }
  Plan plan;
  plan.rewrite.replacements = resolver.TakeReplacements();
  leftovers.Remove(plan.rewrite);
  plan.rewrite.opset_imports = resolver.MissingImports();
  plan.rewrite.new_tensors = weights.TakeTensors();
  plan.weights = weights.TakeWeights();
  plan.nodes = ListWeights(model, selector, {decisions, ValuesOfTensors(model), leftovers.removed()});
  plan.quantized_before = CountQuantizedNodes(model);
  return plan;
}

}  // namespace qi8
