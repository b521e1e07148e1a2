#include "prepare/learnable.hpp"

#include <map>
#include <tuple>
#include <utility>

#include "plan/decide.hpp"
#include "plan/selection.hpp"

namespace qi8 {
std::vector<Learnable> FindLearnable(const Model& model, const Selection& selection,
                                     const std::vector<Form>& forms, const std::set<TensorId>& non_finite) {
  const NodeSelector selector(selection, model);
  const Decisions decisions = Decide(model, selection, selector, forms, non_finite);
  // As the pool of weights has it (plan/weight_pool.hpp): what stands in one place is stored once.
  std::map<std::pair<TensorSource, Encoding>, std::size_t> numbers;
  std::vector<Learnable> found;
  for (NodeId id = 0; id < decisions.size(); ++id) {
    const Edit* edit = EditOf(decisions, id);
    if (edit == nullptr) continue;
    const Node& node = model.nodes()[id];
    for (const WeightRequest& request : edit->weights) {
      if (!request.encoding.has_scales()) continue;
      const auto [number, is_new] =
          numbers.try_emplace({model.tensors()[request.tensor].source, request.encoding}, found.size());
      if (is_new)
        found.push_back({.tensor = request.tensor,
                         .encoding = request.encoding,
                         .uses = {},
                         .readers = {},
                         .obstacle = ""});
      Learnable& weight = found[number->second];
      if (!request.factor) {
        weight.readers.push_back(id);
      } else {
        weight.uses.push_back({id, node.input_values[request.factor->other], *request.factor});
        if (node.graph != 0) {
          weight.obstacle = "it is used in the body of a loop or branch, whose inputs are not seen";
        }
      }
    }
  }
  // Tables and other weights that no product uses are rounded as ever; nobody has to be told.
  std::erase_if(found, [](const Learnable& weight) { return weight.uses.empty(); });
  return found;
}

}  // namespace qi8
