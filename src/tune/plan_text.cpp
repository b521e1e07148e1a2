#include "tune/plan_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/text.hpp"
#include "qi8/quantize.hpp"

namespace qi8::tune {
namespace {

using Json = nlohmann::ordered_json;

std::string Formatted(double number, const char* format) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

std::string Milliseconds(double seconds) { return Formatted(1e3 * seconds, "%.4g ms"); }

std::string Percent(double share) { return Formatted(100 * share, "%.0f %%"); }

Json NumberJson(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

// A string as TOML writes it: as JSON does, but for one sign that only JSON has as it is.
std::string TomlString(const std::string& text) {
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string escaped;
  for (const char c : quoted) escaped += c == '\x7f' ? std::string("\\u007f") : std::string(1, c);
  return escaped;
}

// What goes into a comment has no line feeds.
std::string Comment(const std::string& text) { return "# " + Plain(text, 2000) + "\n"; }

// The noise of a choice over all cases, at the output where it is largest.
double TotalNoise(const Measurements& measured, const ChoiceMeasure& choice) {
  return std::pow(10.0, -SqnrOver(measured, choice.noise, Over::kSum) / 10);
}

// By unit, what it is of the noise of all.
std::vector<double> NoiseShares(const Measurements& measured, const Choices& choices) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    shares.push_back(TotalNoise(measured, measured.units[i].choices[choices[i]]));
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share = sum > 0 ? share / sum : 0;
  return shares;
}

// "3 float32, 12 per-token"
std::string CountForms(const Measurements& measured, const Choices& choices) {
  std::map<std::string, std::size_t> counts;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    ++counts[measured.units[i].choices[choices[i]].choice.written];
  }
  std::string text;
  for (const auto& [form, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + form;
  }
  return text;
}

// Of a frontier of many points those that are some decibels apart, its ends and the plan.
std::vector<Point> Shown(const Tuning& tuning) {
  constexpr double kApart = 3;  // decibels
  std::vector<Point> shown;
  for (const Point& point : tuning.frontier) {
    const bool must = shown.empty() || &point == &tuning.frontier.back() || point.choices == tuning.choices;
    if (must || point.predicted.sqnr_db >= shown.back().predicted.sqnr_db + kApart) shown.push_back(point);
  }
  const auto is_plan = [&](const Point& point) { return point.choices == tuning.choices; };
  if (std::ranges::none_of(shown, is_plan)) {  // it may stand between two of the frontier
    const auto behind = std::ranges::find_if(
        shown, [&](const Point& point) { return point.predicted.sqnr_db > tuning.predicted.sqnr_db; });
    shown.insert(behind, {tuning.choices, tuning.predicted});
  }
  return shown;
}

std::string DescribeCases(const Measurements& measured) {
  const std::size_t count = measured.cases.size();
  return count == 1 ? std::string("1 case") : FormatCount(count) + " cases";
}

// "24.5 dB (25.3 dB over all cases together)"
std::string DescribeSqnr(double sqnr_db, double overall_db) {
  if (overall_db == sqnr_db) return FormatSqnr(sqnr_db);
  return FormatSqnr(sqnr_db) + " (" + FormatSqnr(overall_db) + " over all cases together)";
}

std::string DescribePrediction(const Measurements& measured, const Prediction& predicted) {
  return DescribeSqnr(predicted.sqnr_db, predicted.overall_db) + ", " +
         FormatTimes(measured.fp32_seconds / predicted.seconds) + " the speed of FP32, " +
         FormatBytes(predicted.bytes);
}

std::string DescribeFound(const PlanMeasure& found) {
  return DescribeSqnr(found.sqnr_db, found.overall_db) + ", " + FormatTimes(found.speedup()) +
         " the speed of FP32, " + FormatBytes(found.int8_bytes);
}

std::string_view Describe(Over over) {
  switch (over) {
    case Over::kSum:
      return "over all cases together";
    case Over::kWorst:
      return "over each case";
    default:
      return "over all cases together, and over each but one in ten";
  }
}

// The codes that were measured are learned again from the same inputs.
std::string RoundingText(const TuneOptions& options) {
  std::string text = "rounding = \"learned\"\ninputs = " + TomlString(options.inputs.native()) + "\n";
  if (options.most_sets) text += "cases = " + std::to_string(*options.most_sets) + "\n";
  if (options.mask) text += "mask = " + TomlString(*options.mask) + "\n";
  return text + "\n";
}

}  // namespace

std::map<std::string, Form> NodeFormsOf(const Measurements& measured, const Choices& choices) {
  std::map<std::string, Form> forms;
  for (const std::string& name : measured.unplanned) forms[name] = {FormKind::kFloat32};
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const UnitMeasure& unit = measured.units[i];
    for (const std::string& name : unit.unit.names) forms[name] = unit.choices[choices[i]].choice.form;
  }
  return forms;
}

std::string FormatSqnr(double decibels) {
  return std::isinf(decibels) && decibels > 0 ? "no noise" : Formatted(decibels, "%.1f dB");
}

std::string FormatTimes(double factor) { return Formatted(factor, "%.2f times"); }

std::string PlanText(const TuneOptions& options, const Tuning& tuning) {
  const Measurements& measured = tuning.measured;
  std::string text = std::string(kPlanMark) + Plain(options.model.filename().native()) +
                     ", found by quantize-int8 tune " + Version() + "\n";
  text += Comment("predicted: " + DescribePrediction(measured, tuning.predicted));
  text += Comment("measured:  " + DescribeFound(tuning.found));
  text += Comment("SQNR is that of the worst output, " + std::string(Describe(options.goals.over)) + "; " +
                  DescribeCases(measured));
  text += Comment("inputs: " + tuning.inputs_from);
  text += Comment("inputs' SHA-256: " + tuning.inputs_sha256);
  text += Comment("ONNX Runtime " + tuning.runtime_version);
  text += Comment("To use it: quantize-int8 INPUT OUTPUT --config THIS-FILE");
  text += "\nexpect-input = \"" + tuning.model_sha256 + "\"\n\n";
  if (options.selection.scheme.type == WeightType::kUint8) text += "weight-type = \"uint8\"\n\n";
  if (options.rounding == Rounding::kLearned) text += RoundingText(options);
  // An array and no table: of a file that is cut short it has no end.
  text += "node-form = [\n";
  const std::vector<double> shares = NoiseShares(measured, tuning.choices);
  constexpr double kWorthSaying = 0.01;
  for (std::size_t i = 0; i < tuning.choices.size(); ++i) {
    const UnitMeasure& unit = measured.units[i];
    const Choice& choice = unit.choices[tuning.choices[i]].choice;
    for (const std::string& name : unit.unit.names) {
      text += "  " + TomlString(NameOf(choice.form) + "=" + name) + ",";
      if (shares[i] >= kWorthSaying) text += "  # " + Percent(shares[i]) + " of the noise";
      text += "\n";
    }
  }
  for (const std::string& name : measured.unplanned) {
    text += "  " + TomlString("float32=" + name) + ",  # what it is for cannot be measured alone\n";
  }
  text += "]\n";
  return text;
}

std::string TuningText(const TuneOptions& options, const Tuning& tuning) {
  const Measurements& measured = tuning.measured;
  std::vector<std::vector<std::string>> rows = {{"SQNR", "speed", "size", "nodes", ""}};
  for (const Point& point : Shown(tuning)) {
    rows.push_back({FormatSqnr(point.predicted.sqnr_db),
                    FormatTimes(measured.fp32_seconds / point.predicted.seconds),
                    FormatBytes(point.predicted.bytes), CountForms(measured, point.choices),
                    point.choices == tuning.choices ? "<- the plan" : ""});
  }
  std::string text = "what can be had (predicted; speed as a multiple of FP32's, " +
                     Milliseconds(measured.fp32_seconds) + "):\n" + FormatTable(rows);

  const std::vector<double> shares = NoiseShares(measured, tuning.choices);
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  constexpr std::size_t kMostNodes = 10;
  rows = {{"node", "form", "of the noise"}};
  for (std::size_t i = 0; i < std::min(kMostNodes, order.size()); ++i) {
    const UnitMeasure& unit = measured.units[order[i]];
    rows.push_back({Plain(unit.unit.label), unit.choices[tuning.choices[order[i]]].choice.written,
                    Percent(shares[order[i]])});
  }
  text += "\nwhere the noise of the plan comes from:\n" + FormatTable(rows);
  text += "\nplan:      " + CountForms(measured, tuning.choices);
  if (std::ranges::all_of(tuning.node_forms,
                          [](const auto& entry) { return entry.second.kind == FormKind::kFloat32; })) {
    text += "\n           no other form is faster here; --max-size asks for a smaller model";
  }
  if (std::ranges::any_of(tuning.node_forms,
                          [](const auto& entry) { return entry.second.kind == FormKind::kPerTensor; })) {
    text += "\n           with per-tensor, a result depends on what else is in the batch";
  }
  text += "\npredicted: " + DescribePrediction(measured, tuning.predicted);
  text += "\nmeasured:  " + DescribeFound(tuning.found);
  if (measured.outputs.size() > 1) {
    text += "\noutputs:   ";
    for (std::size_t i = 0; i < measured.outputs.size(); ++i) {
      text +=
          (i > 0 ? ", " : "") + Plain(measured.outputs[i]) + " " + FormatSqnr(tuning.found.db_by_output[i]);
    }
  }
  text += "\nSQNR of the worst output, " + std::string(Describe(options.goals.over)) + " (" +
          DescribeCases(measured) + ")";
  text += "\ninputs: " + Printable(tuning.inputs_from) + "\n";
  return text;
}

std::string TuningJson(const TuneOptions& options, const Tuning& tuning) {
  const Measurements& measured = tuning.measured;
  const auto predicted = [&](const Prediction& one) {
    return Json{{"sqnr_db", NumberJson(one.sqnr_db)},
                {"overall_sqnr_db", NumberJson(one.overall_db)},
                {"seconds", one.seconds},
                {"speedup", measured.fp32_seconds / one.seconds},
                {"bytes", one.bytes}};
  };
  Json json{{"command", "tune"},
            {"model", options.model.native()},
            {"model_sha256", tuning.model_sha256},
            {"inputs_from", tuning.inputs_from},
            {"inputs_sha256", tuning.inputs_sha256},
            {"runtime_version", tuning.runtime_version},
            {"fp32_seconds", measured.fp32_seconds},
            {"fp32_bytes", measured.fp32_bytes},
            {"cases", measured.cases},
            {"outputs", measured.outputs}};
  Json frontier = Json::array();
  for (const Point& point : tuning.frontier) {
    Json one = predicted(point.predicted);
    one["nodes"] = CountForms(measured, point.choices);
    frontier.push_back(std::move(one));
  }
  json["frontier"] = std::move(frontier);
  json["predicted"] = predicted(tuning.predicted);
  Json by_output = Json::array();
  for (const double decibels : tuning.found.db_by_output) by_output.push_back(NumberJson(decibels));
  json["measured"] = {{"sqnr_db", NumberJson(tuning.found.sqnr_db)},
                      {"overall_sqnr_db", NumberJson(tuning.found.overall_db)},
                      {"sqnr_db_by_output", std::move(by_output)},
                      {"fp32_seconds", tuning.found.fp32_seconds},
                      {"int8_seconds", tuning.found.int8_seconds},
                      {"speedup", tuning.found.speedup()},
                      {"bytes", tuning.found.int8_bytes}};
  Json units = Json::array();
  for (std::size_t i = 0; i < measured.units.size(); ++i) {
    const UnitMeasure& unit = measured.units[i];
    Json choices = Json::array();
    for (const ChoiceMeasure& choice : unit.choices) {
      Json noise = Json::array();
      for (const double share : choice.noise) noise.push_back(NumberJson(share));
      choices.push_back({{"form", choice.choice.written},
                         {"seconds", choice.seconds},
                         {"bytes", choice.choice.bytes()},
                         {"noise", choice.is_measured ? std::move(noise) : Json()}});
    }
    units.push_back({{"node", unit.unit.label},
                     {"op_type", unit.unit.op_type},
                     {"weight_shape", unit.unit.weight_dims},
                     {"form", unit.choices[tuning.choices[i]].choice.written},
                     {"choices", std::move(choices)}});
  }
  json["nodes"] = std::move(units);
  json["notes"] = tuning.notes;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace qi8::tune
