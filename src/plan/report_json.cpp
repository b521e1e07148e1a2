#include "plan/report_json.hpp"

#include <cmath>

namespace qi8 {
namespace {

nlohmann::ordered_json Json(const std::vector<FileReport>& files) {
  auto list = nlohmann::ordered_json::array();
  for (const FileReport& file : files) {
    nlohmann::ordered_json entry{{"path", file.path}, {"bytes", file.size}};
    if (!file.sha256.empty()) entry["sha256"] = file.sha256;
    list.push_back(std::move(entry));
  }
  return list;
}

nlohmann::ordered_json Json(const NodeDecision& node) {
  nlohmann::ordered_json entry{{"node", node.node}, {"op_type", node.op_type}, {"weight", node.weight}};
  if (!node.weight_type.empty()) {
    entry["weight_type"] = node.weight_type;
    entry["weight_shape"] = node.weight_shape;
    entry["weight_bytes"] = node.weight_bytes;
  }
  entry["quantized"] = !node.skip;
  if (!node.skip) {
    entry["quantized_bytes"] = node.quantized_bytes;
    entry["stored_only"] = node.stored_only;
    if (!node.form.empty()) entry["form"] = node.form;
    if (!node.form_note.empty()) entry["form_note"] = node.form_note;
    entry["also_kept"] = node.also_kept;
  } else {
    entry["reason"] = Identifier(node.skip->reason);
    if (!node.skip->detail.empty()) entry["detail"] = node.skip->detail;
  }
  return entry;
}

// A share of power in decibels of signal to noise; null where there is no noise at all, which JSON has no
// number for.
nlohmann::ordered_json Decibels(double noise) {
  return noise > 0 ? nlohmann::ordered_json(-10 * std::log10(noise)) : nlohmann::ordered_json();
}

nlohmann::ordered_json Json(const LearnedWeight& weight) {
  nlohmann::ordered_json entry{{"weight", weight.name}, {"shape", weight.shape}};
  if (weight.block > 0) entry["block"] = weight.block;
  entry["rows"] = weight.rows;
  entry["learned"] = weight.is_learned();
  entry["nearest_sqnr_db"] = Decibels(weight.nearest_noise);
  entry["learned_sqnr_db"] = Decibels(weight.learned_noise);
  if (!weight.is_learned()) entry["reason"] = weight.obstacle;
  return entry;
}

}  // namespace

nlohmann::ordered_json ToJson(const RoundingReport& rounding) {
  auto weights = nlohmann::ordered_json::array();
  for (const LearnedWeight& weight : rounding.weights) weights.push_back(Json(weight));
  return {{"inputs", rounding.inputs},
          {"inputs_sha256", rounding.inputs_sha256},
          {"learned_from", rounding.learned_from},
          {"judged_by", rounding.judged_by},
          {"most_steps", rounding.most_steps()},
          {"weights", std::move(weights)}};
}

nlohmann::ordered_json ToJson(const PlanReport& plan) {
  auto nodes = nlohmann::ordered_json::array();
  for (const NodeDecision& node : plan.nodes) nodes.push_back(Json(node));
  nlohmann::ordered_json json = {
      {"inputs", Json(plan.inputs)},
      {"outputs", Json(plan.outputs)},
      {"quantized_nodes", plan.quantized_nodes},
      {"quantized_before", plan.quantized_before},
      {"quantized_weights", plan.quantized_weights},
      {"constant_inputs", plan.constant_inputs},
      {"weight_bytes_before", plan.fp32_weight_bytes},
      {"weight_bytes_after", plan.int8_weight_bytes},
      {"input_bytes", plan.input_bytes()},
      {"output_bytes", plan.output_bytes()},
      {"nodes", std::move(nodes)},
  };
  if (plan.store_advice) {
    json["store_advice"] = {{"operators", plan.store_advice->operators},
                            {"output_bytes", plan.store_advice->output_bytes}};
  }
  return json;
}

}  // namespace qi8
