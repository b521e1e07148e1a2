#include "cli/shared_options.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "cli/checks.hpp"
#include "cli/option_text.hpp"
#include "cli/quantity.hpp"
#include "core/text.hpp"

namespace qi8::cli {
namespace {

const std::map<std::string, ExternalData> kExternalData = {
    {"always", ExternalData::kAlways}, {"auto", ExternalData::kAuto}, {"never", ExternalData::kNever}};
const std::map<std::string, Granularity> kGranularities = {{"channel", Granularity::kChannel},
                                                           {"tensor", Granularity::kTensor}};

template <typename Map>
std::vector<std::string> Keys(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// "1.24", with more behind it or without.
std::optional<TargetRuntime> ParseVersion(const std::string& text) {
  TargetRuntime version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || (minor.ptr != end && *minor.ptr != '.')) return std::nullopt;
  return version;
}

// "residual", or "residual=/attn/": a form, and what nodes it is for.
std::optional<FormRule> ParseFormRule(const std::string& text) {
  const std::size_t equals = text.find('=');
  const auto form = ParseForm(text.substr(0, equals));
  if (!form) return std::nullopt;
  FormRule rule{*form};
  if (equals != std::string::npos) rule.pattern = text.substr(equals + 1);
  return rule;
}

// A rule for all nodes takes the place of those before it.
void AddRule(FormRule rule, std::vector<FormRule>& rules) {
  if (!rule.pattern) rules.clear();
  rules.push_back(std::move(rule));
}

std::string FormList() {
  std::string list;
  for (const std::string& name : FormNames()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

CLI::Validator IsFormRule() {
  return {[](const std::string& text) {
            return ParseFormRule(text)
                       ? std::string()
                       : Quote(text) + " is not a form, nor one with '=' and nodes behind it; forms are " +
                             FormList();
          },
          ""};
}

CLI::Validator IsVersion() {
  return {[](const std::string& text) {
            return ParseVersion(text) ? std::string() : Quote(text) + " is not a version (example: 1.24)";
          },
          ""};
}

}  // namespace

const std::map<std::string, ProgressMode> kProgressModes = {
    {"auto", ProgressMode::kAuto}, {"always", ProgressMode::kAlways}, {"never", ProgressMode::kNever}};
const std::map<std::string, WeightType> kWeightTypes = {{"int8", WeightType::kInt8},
                                                        {"uint8", WeightType::kUint8}};

void SelectionOptions::AddTo(CLI::App& app, QuantizeOptions& options) {
  const std::string selection = "What is quantized";
  app.add_option("--ops", options.selection.ops, "Operators to quantize, separated by commas, or \"all\"")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->capture_default_str()
      ->group(selection);
  app.add_option(
         "--store-int8", options.selection.store_int8,
         "Operators that compute as before from weights stored as INT8: Conv, ConvTranspose, LSTM, GRU, "
         "RNN, or \"all\"")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->group(selection);
  app.add_option("--include", options.selection.include,
                 "Only nodes whose name this regular expression matches (anywhere in it); repeatable")
      ->allow_extra_args(false)
      ->type_name("RE")
      ->group(selection);
  app.add_option("--exclude", options.selection.exclude,
                 "Leave out nodes whose name this regular expression matches; repeatable")
      ->allow_extra_args(false)
      ->type_name("RE")
      ->group(selection);
  app.add_option("--form", forms_,
                 "Form of all products, or FORM=RE of nodes whose name the regular expression RE matches; "
                 "repeatable, the last that matches a node counts: " +
                     FormList())
      ->allow_extra_args(false)
      ->check(IsFormRule())
      ->type_name("FORM[=RE]")
      ->default_str("per-token")
      ->group(selection);
  app.add_option("--node-form", node_forms_, "Form of the node of exactly that name; repeatable")
      ->allow_extra_args(false)
      ->check(IsFormRule())
      ->type_name(std::string(kTableType))
      ->group(selection);
  app.add_option("--min-elements", options.selection.min_elements, "Leave smaller weights alone")
      ->type_name("N")
      ->capture_default_str()
      ->group(selection);

  app.add_option("--matmul-const-b-only", options.selection.matmul_const_b_only,
                 "false: also MatMuls of two activations, both quantized when the model runs")
      ->type_name("BOOL")
      ->default_str("true")
      ->group(selection);
  nonfinite_option_ =
      OneOf(app.add_option("--nonfinite", nonfinite_,
                           "A weight with a NaN or an infinity stays as it is, or is an error"),
            {"keep", "error"})
          ->capture_default_str()
          ->group(selection);
  // What it was called before; not for people to see.
  app.add_flag("--keep-nonfinite", keep_nonfinite_)->group("");
  app.add_option("--subgraphs", options.selection.subgraphs, "Also in the bodies of If, Loop and Scan")
      ->type_name("BOOL")
      ->default_str("true")
      ->group(selection);
  app.add_flag("--override-inputs", options.selection.override_inputs,
               "Also initializers that are graph inputs too; a caller can then not replace them any more")
      ->group(selection);

  app.add_flag("--allow-growth", options.selection.allow_growth,
               "Also weights so small that the nodes of their INT8 form take more bytes than they save")
      ->group(selection);

  const std::string scheme = "How numbers become codes";
  AddWeightTypeOption(app, weight_type_, scheme);
  app.add_flag("--symmetric,!--asymmetric", options.selection.scheme.symmetric,
               "Zero is in the middle of the codes (the default), or the codes span just what a channel has")
      ->group(scheme);
  OneOf(app.add_option("--granularity", granularity_, "A scale for each channel, or one for each tensor"),
        Keys(kGranularities))
      ->capture_default_str()
      ->group(scheme);
  app.add_flag("--reduce-range", options.selection.scheme.reduce_range,
               "Codes of 7 bits, which are coarser, and whose products do not saturate either")
      ->group(scheme);

  app.add_option("--target-ort", target_ort_,
                 "Oldest ONNX Runtime that is to run the model: Conv has int8 codes from 1.24 on, else uint8")
      ->check(IsVersion())
      ->type_name("VERSION")
      ->default_str("1.0")
      ->group(scheme);

  OneOf(app.add_option("--external-data", external_data_,
                       "Weights beside the model; auto: inside it when below 1 GiB"),
        Keys(kExternalData))
      ->capture_default_str()
      ->group("What is written");
}

void SelectionOptions::Finish(QuantizeOptions& options) const {
  options.external_data = kExternalData.at(external_data_);
  options.keep_non_finite = nonfinite_ == "keep" && (keep_nonfinite_ || !nonfinite_option_->empty());
  options.selection.scheme.type = kWeightTypes.at(weight_type_);
  for (const std::string& text : forms_) AddRule(ParseFormRule(text).value(), options.selection.forms);
  for (const std::string& text : node_forms_) {
    const FormRule rule = ParseFormRule(text).value();
    options.selection.node_forms[rule.pattern.value_or("")] = rule.form;
  }
  if (!target_ort_.empty()) options.selection.target = ParseVersion(target_ort_).value();
  options.selection.granularity = kGranularities.at(granularity_);
}

void AddWeightTypeOption(CLI::App& app, std::string& weight_type, const std::string& group) {
  OneOf(app.add_option(
            "--weight-type", weight_type,
            "What the codes of weights are; uint8 for x86 processors without VNNI, on which products "
            "of bytes saturate"),
        Keys(kWeightTypes))
      ->capture_default_str()
      ->group(group);
}

void AddProgressOption(CLI::App& app, std::string& progress, const std::string& group) {
  OneOf(app.add_option("--progress", progress, "auto: on a terminal"), Keys(kProgressModes))
      ->capture_default_str()
      ->group(group);
}

void AddFollowLinksOption(CLI::App& app, LinkPolicy& links, const std::string& group) {
  app.add_flag_callback(
         "--follow-links", [&links] { links = LinkPolicy::kFollow; },
         "Read external data through any link; for folders of models that you trust")
      ->group(group);
}

void AddOnnxRuntimeOption(CLI::App& app, std::string& library, const std::string& group) {
  app.add_option(
         "--onnxruntime", library,
         "The library or its folder [QI8_ONNXRUNTIME, else beside the program, in pip's package, or where "
         "the loader looks]")
      ->type_name("PATH")
      ->group(group);
}

void AddResourceOptions(CLI::App& app, unsigned& threads, std::string& isa, std::uint64_t& memory_budget,
                        const std::string& group) {
  app.add_option("--threads", threads, "Threads [as many as the machine has]")
      ->check(WholeNumber(1, 1024))
      ->type_name("N")
      ->group(group);
  app.add_option("--isa", isa, "Instruction set, such as avx2; the output is the same with each")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(group);
  app.add_option("--memory-budget", memory_budget, "Memory for weights in flight, such as 96MiB or 1GiB")
      ->transform(InBytes())
      ->type_name("SIZE")
      ->default_str("96MiB")
      ->group(group);
}

}  // namespace qi8::cli
