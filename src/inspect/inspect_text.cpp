#include "inspect/inspect_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "plan/report_json.hpp"
#include "plan/report_text.hpp"

namespace qi8 {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// What a line has room for.
constexpr std::size_t kMostText = 100;
constexpr std::size_t kMostOperators = 12;

std::string Number(const char* format, double number) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

std::string Header(const InspectReport& report) {
  Rows rows;
  const auto add = [&rows](const std::string& what, const std::string& value) {
    if (!value.empty()) rows.push_back({what, Plain(value, kMostText)});
  };
  add("model", report.path);
  std::string format = "IR " + std::to_string(report.ir_version);
  for (const auto& [domain, version] : report.opsets) format += ", " + domain + " " + std::to_string(version);
  add("format", format);
  add("producer", report.producer);
  add("domain", report.domain);
  if (report.model_version != 0) add("version", std::to_string(report.model_version));
  add("described", report.doc_string);
  for (const auto& [key, value] : report.metadata) add("metadata", key + " = " + value);
  for (const DeclaredValue& input : report.inputs)
    add("input", input.name + "  " + input.type + " " + input.shape);
  for (const DeclaredValue& output : report.outputs)
    add("output", output.name + "  " + output.type + " " + output.shape);
  std::uint64_t nodes = 0;
  for (const auto& [name, count] : report.operators) nodes += count;
  std::string graph = Plain(report.graph_name, kMostText) + (report.graph_name.empty() ? "" : ", ") +
                      FormatCount(nodes, "node");
  if (report.graphs > 1) graph += " in " + FormatCount(report.graphs, "graph");
  if (report.functions > 0) graph += ", " + FormatCount(report.functions, "function");
  add("graph", graph);
  std::string operators;
  for (std::size_t i = 0; i < report.operators.size() && i < kMostOperators; ++i) {
    operators +=
        (i > 0 ? ", " : "") + FormatCount(report.operators[i].second) + " " + report.operators[i].first;
  }
  if (report.operators.size() > kMostOperators) {
    operators += ", and " + std::to_string(report.operators.size() - kMostOperators) + " more";
  }
  if (!operators.empty()) rows.push_back({"operators", Plain(operators, 4 * kMostText)});
  return FormatTable(rows);
}

std::string TotalsTable(const std::string& title, const std::vector<TensorTotal>& totals) {
  Rows rows = {{title, "TENSORS", "PARAMETERS", "BYTES"}};
  TensorTotal sum;
  for (const TensorTotal& total : totals) {
    rows.push_back({Plain(total.key), FormatCount(total.tensors), FormatCount(total.elements),
                    FormatCount(total.bytes)});
    sum.tensors += total.tensors;
    sum.elements += total.elements;
    sum.bytes += total.bytes;
  }
  rows.push_back({"all", FormatCount(sum.tensors), FormatCount(sum.elements), FormatCount(sum.bytes)});
  return FormatTable(rows);
}

std::vector<std::string> Cells(const WeightStatistics& statistics) {
  const std::string range = Number("%.3g", statistics.least) + " .. " + Number("%.3g", statistics.greatest);
  return {
      statistics.non_finite == 0 ? range : range + ", " + FormatCount(statistics.non_finite) + " not finite",
      Number("%.3g", statistics.deviation),
      Number("%.1f", statistics.peak_over_rms),
      FormatCount(statistics.outliers),
      statistics.channels ? FormatCount(statistics.zero_channels) + " of " + FormatCount(*statistics.channels)
                          : "",
      statistics.sqnr_db ? Number("%.2f", *statistics.sqnr_db) : ""};
}

std::string WeightTable(const std::vector<WeightReport>& weights, std::uint64_t top) {
  const std::uint64_t shown = std::min<std::uint64_t>(top, weights.size());
  if (shown == 0) return "";
  Rows rows = {{"BYTES", "TYPE", "SHAPE", "OPERATOR", "BECOMES"}};
  if (weights[0].statistics) {
    const std::vector<std::string> more = {"RANGE",    "DEVIATION",     "PEAK/RMS",
                                           "OUTLIERS", "ZERO CHANNELS", "SQNR dB"};
    rows[0].insert(rows[0].end(), more.begin(), more.end());
  }
  rows[0].emplace_back("WEIGHT");
  for (std::size_t i = 0; i < shown; ++i) {
    const WeightReport& weight = weights[i];
    std::vector<std::string> row = {FormatCount(weight.bytes), weight.type, FormatShape(weight.shape),
                                    Plain(weight.op_type),
                                    weight.quantized        ? "INT8"
                                    : weight.reason.empty() ? "kept"
                                                            : "kept: " + weight.reason};
    if (weight.statistics) {
      const auto cells = Cells(*weight.statistics);
      row.insert(row.end(), cells.begin(), cells.end());
    }
    row.push_back(Plain(weight.name));
    rows.push_back(std::move(row));
  }
  std::string text = FormatTable(rows);
  if (shown < weights.size()) text += "and " + FormatCount(weights.size() - shown, "smaller one") + "\n";
  return text;
}

nlohmann::ordered_json Finite(double number) {
  return std::isfinite(number) ? nlohmann::ordered_json(number) : nlohmann::ordered_json();
}

nlohmann::ordered_json Json(const WeightStatistics& statistics) {
  nlohmann::ordered_json json{{"non_finite", statistics.non_finite},
                              {"least", statistics.least},
                              {"greatest", statistics.greatest},
                              {"mean", Finite(statistics.mean)},
                              {"deviation", Finite(statistics.deviation)},
                              {"peak_over_rms", Finite(statistics.peak_over_rms)},
                              {"outliers", statistics.outliers}};
  if (statistics.channels) {
    json["channels"] = *statistics.channels;
    json["zero_channels"] = statistics.zero_channels;
  }
  if (statistics.sqnr_db) json["sqnr_db"] = Finite(*statistics.sqnr_db);
  if (statistics.largest_error) json["largest_error"] = Finite(*statistics.largest_error);
  return json;
}

nlohmann::ordered_json Json(const WeightReport& weight) {
  nlohmann::ordered_json json{{"weight", weight.name},        {"type", weight.type},
                              {"shape", weight.shape},        {"elements", weight.elements},
                              {"bytes", weight.bytes},        {"op_type", weight.op_type},
                              {"quantized", weight.quantized}};
  if (!weight.reason.empty()) json["reason"] = weight.reason;
  if (weight.statistics) json["statistics"] = Json(*weight.statistics);
  return json;
}

nlohmann::ordered_json Json(const std::vector<TensorTotal>& totals, const char* key) {
  auto list = nlohmann::ordered_json::array();
  for (const TensorTotal& total : totals) {
    list.push_back(
        {{key, total.key}, {"tensors", total.tensors}, {"elements", total.elements}, {"bytes", total.bytes}});
  }
  return list;
}

nlohmann::ordered_json Json(const std::vector<DeclaredValue>& values) {
  auto list = nlohmann::ordered_json::array();
  for (const DeclaredValue& value : values) {
    list.push_back({{"name", value.name}, {"type", value.type}, {"shape", value.shape}});
  }
  return list;
}

template <typename Pairs>
nlohmann::ordered_json Object(const Pairs& pairs) {
  auto object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

}  // namespace

std::string InspectText(const InspectReport& report, std::uint64_t top) {
  std::string text = Header(report) + "\n" + TotalsTable("TYPE", report.by_type) + "\n" +
                     TotalsTable("OPERATOR", report.by_operator) + "\n";
  if (const std::string weights = WeightTable(report.weights, top); !weights.empty()) text += weights + "\n";
  text += PlanSummary(report.plan);
  if (!report.read_weights) text += "weights    not read: --weights tells which have a NaN or an infinity\n";
  return text;
}

std::string InspectJson(const InspectReport& report) {
  auto weights = nlohmann::ordered_json::array();
  for (const WeightReport& weight : report.weights) weights.push_back(Json(weight));
  const nlohmann::ordered_json json{{"path", report.path},
                                    {"ir_version", report.ir_version},
                                    {"opsets", Object(report.opsets)},
                                    {"producer", report.producer},
                                    {"domain", report.domain},
                                    {"model_version", report.model_version},
                                    {"doc_string", report.doc_string},
                                    {"graph_name", report.graph_name},
                                    {"metadata", Object(report.metadata)},
                                    {"inputs", Json(report.inputs)},
                                    {"outputs", Json(report.outputs)},
                                    {"graphs", report.graphs},
                                    {"functions", report.functions},
                                    {"operators", Object(report.operators)},
                                    {"by_type", Json(report.by_type, "type")},
                                    {"by_operator", Json(report.by_operator, "op_type")},
                                    {"read_weights", report.read_weights},
                                    {"weights", std::move(weights)},
                                    {"plan", ToJson(report.plan)}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qi8
