#include "prepare/prepare.hpp"

#include <utility>

#include "plan/plan_report.hpp"
#include "prepare/twins.hpp"

namespace qi8 {

PreparedModel Prepare(Model model, const Origin& origin, const std::string& data_location,
                      const std::set<TensorId>& kept, const std::function<bool()>& should_stop) {
  const QuantizeOptions& options = origin.options;
  if (origin.schema >= kFirstSchemaWithTwins) model.SetTwins(FindTwins(model, should_stop));
  Plan plan = MakePlan(model, options.selection, kept);
  PlanReport report = ReportOf(model, plan);
  model.Apply(plan.rewrite);
  model.RemoveMetadata(kOriginPrefix);  // of a model that is quantized again
  Layout layout = LayOut(model, plan, options.external_data, data_location, OriginMetadata(origin));
  return {std::move(model), std::move(plan), std::move(report), std::move(layout)};
}

UnstorableElements FindUnstorable(const Model& model, const Selection& selection,
                                  const std::function<bool()>& should_stop) {
  return FindUnstorable(model, MakePlan(model, selection), should_stop);
}

}  // namespace qi8
