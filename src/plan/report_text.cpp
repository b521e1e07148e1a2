#include "plan/report_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "plan/report_json.hpp"
#include "qi8/form.hpp"

namespace qi8 {
namespace {

std::string Percent(double fraction) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f %%", 100 * fraction);
  return text.data();
}

std::string Seconds(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f s", seconds);
  return text.data();
}

std::string WhatBecomes(const NodeDecision& node) {
  if (!node.skip) {
    const bool is_float16 = node.form == NameOf({FormKind::kFloat16});
    std::string text = node.stored_only ? "stored as INT8" : is_float16 ? "" : "INT8";
    if (!node.form.empty()) text += (text.empty() ? "" : " ") + node.form;
    text += ", " + FormatBytes(node.quantized_bytes);
    if (!node.form_note.empty()) text += "; not the form asked for: " + node.form_note;
    if (node.also_kept) text += "; kept as it is too, for other nodes";
    return text;
  }
  std::string text = "kept: " + Describe(node.skip->reason);
  if (!node.skip->detail.empty()) text += " (" + node.skip->detail + ")";
  return text;
}

// What the output is smaller by, or larger: "75.00 %".
std::string SizeChange(const PlanReport& plan) {
  const auto before = static_cast<double>(plan.input_bytes());
  const auto after = static_cast<double>(plan.output_bytes());
  return Percent(before == 0 ? 0 : std::abs(after - before) / before);
}

struct SkipGroup {
  std::size_t nodes = 0;
  std::uint64_t bytes = 0;        // of their weights, each counted once
  std::set<std::size_t> weights;  // those that are counted
};

// What is kept, in groups of one operator and one reason.
std::map<std::pair<std::string, std::string>, SkipGroup> GroupSkips(const PlanReport& plan) {
  std::map<std::pair<std::string, std::string>, SkipGroup> groups;
  for (const NodeDecision& node : plan.nodes) {
    if (!node.skip) continue;
    std::string reason = Describe(node.skip->reason);
    if (!node.skip->detail.empty()) reason += " (" + node.skip->detail + ")";
    SkipGroup& group = groups[{node.op_type, reason}];
    ++group.nodes;
    const bool is_first = !node.weight_number || group.weights.insert(*node.weight_number).second;
    if (is_first) group.bytes += node.weight_bytes;
  }
  return groups;
}

std::string OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPlanned:
      return "planned";
    case Outcome::kNothingQuantized:
      return "nothing-quantized";
    default:
      return "done";
  }
}

// Who counts on replacing them learns it here.
std::string ConstantInputs(const PlanReport& plan) {
  if (plan.constant_inputs == 0) return "";
  return "inputs     " + FormatCount(plan.constant_inputs, "initializer") +
         " listed as inputs, as IR versions before 4 want: the runtime lets nobody replace them, so they are "
         "constants\n";
}

}  // namespace

std::string PlanTable(const PlanReport& plan) {
  std::vector<std::vector<std::string>> rows = {{"OPERATOR", "NODE", "WEIGHT", "SHAPE", "BYTES", "BECOMES"}};
  for (const NodeDecision& node : plan.nodes) {
    const bool known = !node.weight_type.empty();
    rows.push_back({Plain(node.op_type), Plain(node.node), Plain(node.weight),
                    known ? FormatShape(node.weight_shape) : "", known ? FormatCount(node.weight_bytes) : "",
                    WhatBecomes(node)});
  }
  std::string text = FormatTable(rows);
  text += "\n";
  std::vector<std::vector<std::string>> files;
  for (const FileReport& file : plan.inputs)
    files.push_back({"input", FormatCount(file.size), Plain(file.path)});
  for (const FileReport& file : plan.outputs)
    files.push_back({"output", FormatCount(file.size), Plain(file.path)});
  text += FormatTable(files);
  text += ConstantInputs(plan);
  if (!plan.outputs.empty()) text += (Grows(plan) ? "growth     " : "reduction  ") + SizeChange(plan) + "\n";
  return text + Advice(plan);
}

bool Grows(const PlanReport& plan) { return plan.output_bytes() > plan.input_bytes(); }

std::string SkipTable(const PlanReport& plan) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, group] : GroupSkips(plan)) {
    rows.push_back({"  " + FormatCount(group.nodes), Plain(key.first), FormatBytes(group.bytes), key.second});
  }
  return FormatTable(rows);
}

std::string WhyNothing(const PlanReport& plan) {
  std::string why;
  if (plan.quantized_before > 0) {
    why = FormatCount(plan.quantized_before) + " of its nodes " +
          (plan.quantized_before == 1 ? "is" : "are") + " quantized already";
  }
  const auto groups = GroupSkips(plan);
  if (groups.empty()) return why.empty() ? "none of its nodes has a constant weight" : why;
  const auto& [key, group] =
      *std::ranges::max_element(groups, {}, [](const auto& entry) { return entry.second.bytes; });
  if (!why.empty()) why += "; ";
  return why + "the weights of its " + FormatCount(group.nodes, Plain(key.first) + " node") + " (" +
         FormatBytes(group.bytes) + ") are kept: " + key.second;
}

std::string Advice(const PlanReport& plan) {
  if (!plan.store_advice) return "";
  std::string operators;
  for (const std::string& name : plan.store_advice->operators)
    operators += (operators.empty() ? "" : ",") + name;
  return "advice     --store-int8 " + operators + " would make it " +
         FormatBytes(plan.store_advice->output_bytes) + " (" + FormatCount(plan.store_advice->output_bytes) +
         " bytes)\n";
}

std::string PlanSummary(const PlanReport& plan) {
  std::size_t skipped = 0;
  for (const NodeDecision& node : plan.nodes) skipped += node.skip ? 1 : 0;
  std::string text = "quantized  " + FormatCount(plan.quantized_nodes, "node") + ", " +
                     FormatCount(plan.quantized_weights, "weight") + ": " +
                     FormatBytes(plan.fp32_weight_bytes) + " -> " + FormatBytes(plan.int8_weight_bytes) +
                     "\n";
  text += ConstantInputs(plan);
  if (skipped > 0)
    text += "kept       " + FormatCount(skipped, "weight use") + " in FP32\n" + SkipTable(plan);
  if (!plan.outputs.empty()) {
    text += "size       " + FormatCount(plan.input_bytes()) + " -> " + FormatCount(plan.output_bytes()) +
            " bytes, " + SizeChange(plan) + (Grows(plan) ? " larger\n" : " less\n");
  }
  return text + Advice(plan);
}

namespace {

std::string DecibelText(double decibels) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f dB", decibels);
  return text.data();
}

std::string RoundingSummary(const RoundingReport& rounding) {
  std::vector<double> gains;
  std::map<std::string, std::size_t> kept;  // by reason
  for (const LearnedWeight& weight : rounding.weights) {
    if (!weight.is_learned()) {
      ++kept[weight.obstacle];
    } else if (weight.learned_noise > 0) {
      gains.push_back(10 * std::log10(weight.nearest_noise / weight.learned_noise));
    }
  }
  std::size_t learned = rounding.weights.size();
  for (const auto& [reason, count] : kept) learned -= count;
  std::string text = "rounding   learned for " + FormatCount(learned) + " of " +
                     FormatCount(rounding.weights.size(), "weight") + " of products, from " +
                     FormatCount(rounding.learned_from, "case") + " of " + Plain(rounding.inputs);
  if (!gains.empty()) {
    std::ranges::nth_element(gains, gains.begin() + static_cast<std::ptrdiff_t>(gains.size() / 2));
    text += "; with " + FormatCount(rounding.judged_by, "other") + ", the noise of their products falls by " +
            DecibelText(gains[gains.size() / 2]) + " (median)";
  }
  text += "\n";
  for (const auto& [reason, count] : kept) {
    text += "           " + FormatCount(count, "weight") + (count == 1 ? " keeps" : " keep") +
            " the nearest codes: " + reason + "\n";
  }
  return text;
}

}  // namespace

std::string Summary(const RunReport& run) {
  const PlanReport& plan = run.plan;
  std::string text = PlanSummary(plan);
  if (run.rounding) text += RoundingSummary(*run.rounding);
  if (run.outcome == Outcome::kDone) {
    for (const FileReport& file : plan.outputs) {
      text += "wrote      " + Plain(file.path) + ", " + FormatCount(file.size) + " bytes\n";
    }
    if (!run.checksum_file.empty()) text += "checksums  " + Plain(run.checksum_file) + "\n";
    if (!run.audit_log.empty()) text += "audit log  " + Plain(run.audit_log) + "\n";
  }
  text += "took       " + Seconds(run.seconds) + ", peak memory " + FormatBytes(run.peak_memory_bytes) + "\n";
  return text;
}

std::string RunJson(const RunReport& run) {
  nlohmann::ordered_json json{{"outcome", OutcomeName(run.outcome)}};
  if (run.outcome == Outcome::kNothingQuantized) json["reason"] = WhyNothing(run.plan);
  json.update(ToJson(run.plan));
  if (run.rounding) json["rounding"] = ToJson(*run.rounding);
  json["seconds"] = run.seconds;
  json["peak_memory_bytes"] = run.peak_memory_bytes;
  // Names that are not UTF-8 must not end a run that succeeded.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qi8
