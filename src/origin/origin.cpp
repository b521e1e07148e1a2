#include "origin/origin.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "hash/sha256.hpp"

namespace qi8 {

bool HasOrigin(std::span<const MetadataEntry> metadata) {
  return std::ranges::any_of(metadata,
                             [](const MetadataEntry& entry) { return entry.key.starts_with(kOriginPrefix); });
}

namespace {

constexpr std::size_t kHashDigits = 64;
constexpr const char* kVersion = "quantize-int8.version";
constexpr const char* kSchema = "quantize-int8.schema";
constexpr const char* kOptions = "quantize-int8.options";
constexpr const char* kSource = "quantize-int8.source.sha256";
constexpr const char* kSourceData = "quantize-int8.source.data.sha256";
constexpr const char* kOptimizer = "quantize-int8.optimizer";
constexpr const char* kRounding = "quantize-int8.rounding";
constexpr const char* kSeal = "quantize-int8.seal";
constexpr std::string_view kBeforeLevel = ", ";  // "ONNX Runtime 1.30.0, extended"

constexpr std::array<std::pair<ExternalData, const char*>, 3> kExternalDataNames = {
    {{ExternalData::kAlways, "always"}, {ExternalData::kAuto, "auto"}, {ExternalData::kNever, "never"}}};
constexpr std::array<std::pair<Optimization, const char*>, 3> kOptimizationNames = {
    {{Optimization::kOff, "none"}, {Optimization::kBasic, "basic"}, {Optimization::kExtended, "extended"}}};

template <typename Names, typename Value>
std::string NameIn(const Names& names, Value value) {
  return std::ranges::find(names, value, [](const auto& entry) { return entry.first; })->second;
}

// How an option stands in the record.
struct DecidingOption {
  const char* key;
  nlohmann::ordered_json (*write)(const QuantizeOptions&);
  void (*read)(const nlohmann::json&, QuantizeOptions&);
  // The first schema that has it, and what the program did before, as JSON.
  unsigned since = kUnnumberedSchema;
  const char* before = "null";
};

template <auto Member>
constexpr DecidingOption OfSelection(const char* key, unsigned since = kUnnumberedSchema,
                                     const char* before = "null") {
  return {
      key, [](const QuantizeOptions& options) { return nlohmann::ordered_json(options.selection.*Member); },
      [](const nlohmann::json& json, QuantizeOptions& options) { json.get_to(options.selection.*Member); },
      since, before};
}

template <auto Member>
constexpr DecidingOption OfScheme(const char* key) {
  return {
      key,
      [](const QuantizeOptions& options) { return nlohmann::ordered_json(options.selection.scheme.*Member); },
      [](const nlohmann::json& json, QuantizeOptions& options) {
        json.get_to(options.selection.scheme.*Member);
      }};
}

TargetRuntime ParseTarget(const std::string& text) {
  TargetRuntime target;
  target.major = static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
  const std::size_t dot = std::min(text.find('.'), text.size() - 1);
  target.minor = static_cast<unsigned>(std::strtoul(text.c_str() + dot + 1, nullptr, 10));
  return target;
}

// One that is not known is read as the default, and then found to be written differently.
Form FormOf(const nlohmann::json& name) { return ParseForm(name.get<std::string>()).value_or(Form()); }

// All options that decide what is written, in the order of the record. A reader need not look for wrong
// values: ReadOrigin requires that what was read is written as it stood.
constexpr auto kDecidingOptions = std::to_array<DecidingOption>({
    OfSelection<&Selection::ops>("ops"),
    OfSelection<&Selection::store_int8>("store_int8"),
    OfSelection<&Selection::include>("include"),
    OfSelection<&Selection::exclude>("exclude"),
    {"forms",
     [](const QuantizeOptions& options) {
       auto json = nlohmann::ordered_json::array();
       for (const FormRule& rule : options.selection.forms) {
         nlohmann::ordered_json entry = {{"form", NameOf(rule.form)}};
         if (rule.pattern) entry["pattern"] = *rule.pattern;
         json.push_back(std::move(entry));
       }
       return json;
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       options.selection.forms.clear();
       for (const auto& entry : json) {
         FormRule rule{FormOf(entry.at("form"))};
         if (entry.contains("pattern")) rule.pattern = entry.at("pattern").get<std::string>();
         options.selection.forms.push_back(std::move(rule));
       }
     },
     3, R"([{"form": "per-tensor"}])"},
    {"node_forms",
     [](const QuantizeOptions& options) {
       auto json = nlohmann::ordered_json::object();
       for (const auto& [name, form] : options.selection.node_forms) json[name] = NameOf(form);
       return json;
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       options.selection.node_forms.clear();
       for (const auto& [name, form] : json.items()) options.selection.node_forms[name] = FormOf(form);
     },
     3, "{}"},
    OfSelection<&Selection::min_elements>("min_elements"),
    {"weight_type",
     [](const QuantizeOptions& options) {
       return nlohmann::ordered_json(options.selection.scheme.type == WeightType::kUint8 ? "uint8" : "int8");
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       options.selection.scheme.type = json == "uint8" ? WeightType::kUint8 : WeightType::kInt8;
     }},
    OfScheme<&Scheme::symmetric>("symmetric"),
    {"granularity",
     [](const QuantizeOptions& options) {
       return nlohmann::ordered_json(options.selection.granularity == Granularity::kTensor ? "tensor"
                                                                                           : "channel");
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       options.selection.granularity = json == "tensor" ? Granularity::kTensor : Granularity::kChannel;
     }},
    OfScheme<&Scheme::reduce_range>("reduce_range"),
    OfSelection<&Selection::matmul_const_b_only>("matmul_const_b_only"),
    {"target_ort",
     [](const QuantizeOptions& options) {
       const TargetRuntime& target = options.selection.target;
       return nlohmann::ordered_json(std::to_string(target.major) + "." + std::to_string(target.minor));
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       options.selection.target = ParseTarget(json.get<std::string>());
     }},
    {"keep_nonfinite",
     [](const QuantizeOptions& options) { return nlohmann::ordered_json(options.keep_non_finite); },
     [](const nlohmann::json& json, QuantizeOptions& options) { json.get_to(options.keep_non_finite); }},
    OfSelection<&Selection::subgraphs>("subgraphs"),
    OfSelection<&Selection::override_inputs>("override_inputs"),
    OfSelection<&Selection::allow_growth>("allow_growth", 2, "true"),
    {"external_data",
     [](const QuantizeOptions& options) {
       return nlohmann::ordered_json(NameIn(kExternalDataNames, options.external_data));
     },
     [](const nlohmann::json& json, QuantizeOptions& options) {
       for (const auto& [external_data, name] : kExternalDataNames) {
         if (json == name) options.external_data = external_data;
       }
     }},
});

nlohmann::ordered_json Deciding(const QuantizeOptions& options, unsigned schema = kOriginSchema) {
  auto json = nlohmann::ordered_json::object();
  for (const DecidingOption& option : kDecidingOptions) {
    if (option.since <= schema) json[option.key] = option.write(options);
  }
  return json;
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kInvalidModel, message); }

QuantizeOptions ParseDeciding(const std::string& text, unsigned schema) {
  QuantizeOptions options;
  const auto json = nlohmann::json::parse(text);
  for (const DecidingOption& option : kDecidingOptions) {
    const bool is_recorded = option.since <= schema;
    option.read(is_recorded ? json.at(option.key) : nlohmann::json::parse(option.before), options);
  }
  return options;
}

std::string SealOf(std::span<const MetadataEntry> entries) {
  std::string text;
  for (const MetadataEntry& entry : entries) {
    text += std::to_string(entry.key.size()) + " " + entry.key + " " + std::to_string(entry.value.size()) +
            " " + entry.value + "\n";
  }
  return Sha256::HexOf(text);
}

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string RequireHash(const std::string& key, const std::string& text) {
  if (!IsHash(text)) Fail("metadata " + Quote(key) + " is " + Quote(text) + ", which is not a SHA-256");
  return text;
}

unsigned ParseSchema(const std::string& text) {
  unsigned schema = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, schema);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
  if (!is_number || schema <= kUnnumberedSchema || std::to_string(schema) != text) {
    Fail("metadata " + std::string(kSchema) + " is " + Quote(text) + ", which is not the number of a schema");
  }
  return schema;
}

void ParseOptimizer(const std::string& text, Origin& origin) {
  const std::size_t comma = text.rfind(kBeforeLevel);
  for (const auto& [level, name] : kOptimizationNames) {
    if (level == Optimization::kOff || comma == std::string::npos) continue;
    if (text.substr(comma + kBeforeLevel.size()) != name) continue;
    origin.options.optimize = level;
    origin.optimizer = text.substr(0, comma);
    return;
  }
  Fail("metadata " + std::string(kOptimizer) + " is " + Quote(text) +
       ", which does not end with a level of optimization (basic or extended)");
}

std::vector<std::string> SplitAtSpaces(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ' ') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// "learned HASH 012": from inputs of that SHA-256, codes at most so many from the nearest.
constexpr std::string_view kLearned = "learned";
constexpr std::size_t kStepDigits = 3;

std::string TextOf(const LearnedRounding& rounding) {
  std::string steps = std::to_string(rounding.most_steps);
  steps.insert(0, kStepDigits - steps.size(), '0');
  const std::string hash =
      rounding.inputs_sha256.empty() ? std::string(kHashDigits, '0') : rounding.inputs_sha256;
  return std::string(kLearned) + " " + hash + " " + steps;
}

void ParseRounding(const std::string& text, Origin& origin) {
  const std::vector<std::string> words = SplitAtSpaces(text);
  if (words.size() == 3 && words[0] == kLearned && IsHash(words[1])) {
    origin.options.rounding = Rounding::kLearned;
    origin.rounding.inputs_sha256 = words[1];
    const char* const end = words[2].data() + words[2].size();
    std::from_chars(words[2].data(), end, origin.rounding.most_steps);
    if (origin.rounding.most_steps <= kMostSteps && TextOf(origin.rounding) == text) return;
  }
  Fail("metadata " + std::string(kRounding) + " is " + Quote(text) + ", which this version cannot read");
}

}  // namespace

std::string NameOf(Optimization optimization) { return NameIn(kOptimizationNames, optimization); }

std::string DecidingOptions(const QuantizeOptions& options) { return Dump(Deciding(options)); }

std::string AllOptions(const QuantizeOptions& options) {
  auto json = Deciding(options);
  json["input"] = options.input.native();
  json["output"] = options.output.native();
  if (options.data_file) json["data_file"] = *options.data_file;
  json["optimize"] = NameOf(options.optimize);
  json["rounding"] = options.rounding == Rounding::kLearned ? "learned" : "nearest";
  json["force"] = options.replace_output;
  json["follow_links"] = options.links == LinkPolicy::kFollow;
  json["allow_empty"] = options.allow_empty;
  json["input_checksum"] = options.hash_inputs;
  json["threads"] = options.threads;
  json["isa"] = options.isa;
  json["memory_budget"] = options.memory_budget;
  return Dump(json);
}

std::vector<std::string> UnknownHashes(const QuantizeOptions& options, const Model& model) {
  if (!options.hash_inputs) return {};
  const auto files =
      std::ranges::count_if(model.files(), [](const InputFile& file) { return !file.in_memory; });
  return std::vector<std::string>(static_cast<std::size_t>(files), std::string(kHashDigits, '0'));
}

std::vector<MetadataEntry> OriginMetadata(const Origin& origin) {
  std::vector<MetadataEntry> entries = {{kVersion, origin.version}};
  if (origin.schema != kUnnumberedSchema) entries.push_back({kSchema, std::to_string(origin.schema)});
  entries.push_back({kOptions, Dump(Deciding(origin.options, origin.schema))});
  if (!origin.source_sha256.empty()) {
    entries.push_back({kSource, origin.source_sha256[0]});
    std::string data_hashes;
    for (std::size_t i = 1; i < origin.source_sha256.size(); ++i) {
      data_hashes += (data_hashes.empty() ? "" : " ") + origin.source_sha256[i];
    }
    if (!data_hashes.empty()) entries.push_back({kSourceData, data_hashes});
  }
  if (!origin.optimizer.empty()) {
    entries.push_back(
        {kOptimizer, origin.optimizer + std::string(kBeforeLevel) + NameOf(origin.options.optimize)});
  }
  if (origin.options.rounding == Rounding::kLearned) entries.push_back({kRounding, TextOf(origin.rounding)});
  entries.push_back({kSeal, SealOf(entries)});
  return entries;
}

Origin ReadOrigin(std::span<const MetadataEntry> metadata) {
  std::vector<MetadataEntry> entries;
  for (const MetadataEntry& entry : metadata) {
    if (entry.key.starts_with(kOriginPrefix)) entries.push_back(entry);
  }
  if (entries.empty()) {
    Fail("it has no metadata " + std::string(kOriginPrefix) +
         "*, so it does not say which model it was made from; was it written by another program?");
  }
  if (entries.back().key != kSeal) Fail("its metadata has no " + std::string(kSeal) + " at the end");
  const std::string seal = entries.back().value;
  entries.pop_back();
  if (SealOf(entries) != seal) Fail("its record of the origin was changed after it was written");
  std::map<std::string, std::string> values;
  for (const MetadataEntry& entry : entries) {
    if (!values.emplace(entry.key, entry.value).second) {
      Fail("metadata " + Quote(entry.key) + " stands twice");
    }
  }
  const auto required = [&values](const char* key) {
    const auto found = values.find(key);
    if (found == values.end()) Fail("it has no metadata " + std::string(key));
    return found->second;
  };
  Origin origin{.version = required(kVersion),
                .schema = values.contains(kSchema) ? ParseSchema(values.at(kSchema)) : kUnnumberedSchema,
                .options = {},
                .source_sha256 = {},
                .optimizer = "",
                .rounding = {}};
  if (origin.schema > kOriginSchema) {
    Fail("quantize-int8 " + origin.version + " wrote it, and its record of the origin has the schema " +
         std::to_string(origin.schema) + "; this version, " + Version() + ", reads schemas up to " +
         std::to_string(kOriginSchema) + ". Verify the model with version " + origin.version +
         " or a later one");
  }
  const std::string options = required(kOptions);
  try {
    origin.options = ParseDeciding(options, origin.schema);
  } catch (const nlohmann::json::exception& error) {
    Fail("metadata " + std::string(kOptions) + " cannot be read: " + error.what());
  }
  if (Dump(Deciding(origin.options, origin.schema)) != options) {
    Fail("metadata " + std::string(kOptions) + " has options that this version, " + Version() +
         ", does not know; quantize-int8 " + origin.version + " wrote them: " + Quote(options, 400));
  }
  origin.options.hash_inputs = values.contains(kSource);
  if (origin.options.hash_inputs) origin.source_sha256 = {RequireHash(kSource, values.at(kSource))};
  if (values.contains(kSourceData)) {
    for (const std::string& hash : SplitAtSpaces(values.at(kSourceData))) {
      origin.source_sha256.push_back(RequireHash(kSourceData, hash));
    }
  }
  if (values.contains(kOptimizer)) ParseOptimizer(values.at(kOptimizer), origin);
  if (values.contains(kRounding)) ParseRounding(values.at(kRounding), origin);
  return origin;
}

}  // namespace qi8
