#include <cmath>
#include <nlohmann/json.hpp>

#include "compare/report.hpp"

namespace qi8::compare {
namespace {

using Json = nlohmann::ordered_json;

Json Number(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;  // JSON writes NaN as null
}

Json Number(const std::optional<double>& value) { return value ? Number(*value) : Json(); }

Json Latency(const std::vector<double>& seconds) {
  return {{"p50", Percentile(seconds, 50)},
          {"p90", Percentile(seconds, 90)},
          {"p99", Percentile(seconds, 99)},
          {"runs", seconds}};
}

Json Memory(const MemoryUse& memory) { return {{"resident", memory.resident}, {"peak", memory.peak}}; }

Json ModelJson(const ModelResult& model) {
  return {{"path", model.path},
          {"model_bytes", model.model_bytes},
          {"data_bytes", model.data_bytes},
          {"load_seconds", model.load_seconds},
          {"memory_after_load", Memory(model.after_load)},
          {"memory_after_runs", Memory(model.after_runs)}};
}

Json OutputJson(const OutputResult& output) {
  return {{"name", output.name},
          {"type", DataTypeName(output.type)},
          {"sqnr_db", Number(output.sqnr_db)},
          {"cosine", Number(output.cosine)},
          {"max_difference", Number(output.max_difference)},
          {"top1", Number(output.top1)}};
}

Json CaseJson(const CaseResult& one) {
  Json outputs = Json::array();
  for (std::size_t i = 0; i < one.outputs.size(); ++i) {
    Json output = OutputJson(one.outputs[i]);
    if (!one.sets.empty()) {
      output["worst_set"] = WorstSet(one, i);
      output["overall_sqnr_db"] = Number(OverallSqnr(one, i));
    }
    outputs.push_back(std::move(output));
  }
  Json json{{"label", one.label}};
  if (one.length) json["length"] = *one.length;
  json["inputs"] = one.inputs;
  json["fp32_latency"] = Latency(one.seconds.fp32);
  json["int8_latency"] = Latency(one.seconds.int8);
  json["speedup"] = Speedup(one);
  json["outputs"] = std::move(outputs);
  for (const SetResult& set : one.sets) {
    Json of_set = Json::array();
    for (const OutputResult& output : set.outputs) of_set.push_back(OutputJson(output));
    json["sets"].push_back({{"label", set.label}, {"outputs", std::move(of_set)}});
  }
  return json;
}

Json LimitsJson(const Judgement& judgement) {
  Json limits = Json::array();
  for (const Row& row : judgement.rows) {
    if (!row.limit) continue;
    limits.push_back({{"limit", row.limit->option},
                      {"of", row.what},
                      {"bound", row.limit->bound},
                      {"measured", Number(row.limit->measured)},
                      {"holds", row.limit->holds}});
  }
  return limits;
}

std::string VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    default:
      return "no-limits";
  }
}

}  // namespace

std::string ReportJson(const CompareOptions& options, const Comparison& comparison,
                       const Judgement& judgement) {
  Json cases = Json::array();
  for (const CaseResult& one : comparison.cases) cases.push_back(CaseJson(one));
  const Json json{{"verdict", VerdictName(judgement.verdict())},
                  {"limits", LimitsJson(judgement)},
                  {"inputs_from", comparison.inputs_from},
                  {"inputs_made_up", options.inputs.empty()},
                  {"notes", comparison.notes},
                  {"fp32", ModelJson(comparison.models.fp32)},
                  {"int8", ModelJson(comparison.models.int8)},
                  {"cases", std::move(cases)},
                  {"onnxruntime", comparison.runtime_version},
                  {"processor", comparison.processor},
                  {"processors", comparison.processors},
                  {"threads", options.threads},
                  {"runs", options.runs},
                  {"warmup", options.warmup},
                  {"seed", options.seed}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace qi8::compare
