#include "app/origin.hpp"

#include <nlohmann/json.hpp>

#include "qi8/quantize.hpp"

namespace qi8 {
namespace {

constexpr std::size_t kHashDigits = 64;

std::string NameOf(ExternalData external_data) {
  switch (external_data) {
    case ExternalData::kAuto:
      return "auto";
    case ExternalData::kNever:
      return "never";
    default:
      return "always";
  }
}

nlohmann::ordered_json Deciding(const QuantizeOptions& options) {
  return {{"ops", options.selection.ops},
          {"store_int8", options.selection.store_int8},
          {"include", options.selection.include},
          {"exclude", options.selection.exclude},
          {"min_elements", options.selection.min_elements},
          {"weight_type", options.selection.scheme.type == WeightType::kUint8 ? "uint8" : "int8"},
          {"symmetric", options.selection.scheme.symmetric},
          {"granularity", options.selection.granularity == Granularity::kTensor ? "tensor" : "channel"},
          {"reduce_range", options.selection.scheme.reduce_range},
          {"matmul_const_b_only", options.selection.matmul_const_b_only},
          {"target_ort", std::to_string(options.selection.target.major) + "." +
                             std::to_string(options.selection.target.minor)},
          {"keep_nonfinite", options.keep_non_finite},
          {"subgraphs", options.selection.subgraphs},
          {"override_inputs", options.selection.override_inputs},
          {"external_data", NameOf(options.external_data)}};
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string DecidingOptions(const QuantizeOptions& options) { return Dump(Deciding(options)); }

std::string AllOptions(const QuantizeOptions& options) {
  auto json = Deciding(options);
  json["input"] = options.input.native();
  json["output"] = options.output.native();
  json["force"] = options.replace_output;
  json["allow_empty"] = options.allow_empty;
  json["input_checksum"] = options.hash_inputs;
  json["threads"] = options.threads;
  json["isa"] = options.isa;
  json["memory_budget"] = options.memory_budget;
  return Dump(json);
}

std::vector<MetadataEntry> OriginMetadata(const QuantizeOptions& options, const Model& model,
                                          const std::vector<std::string>& input_hashes) {
  std::vector<MetadataEntry> entries = {{"quantize-int8.version", Version()},
                                        {"quantize-int8.options", DecidingOptions(options)}};
  if (!options.hash_inputs) return entries;
  std::string data_hashes;
  for (std::size_t i = 1; i < input_hashes.size(); ++i) {
    if (model.files()[i].in_memory) continue;
    data_hashes += (data_hashes.empty() ? "" : " ") + input_hashes[i];
  }
  entries.push_back({"quantize-int8.source.sha256", input_hashes.at(0)});
  if (!data_hashes.empty()) entries.push_back({"quantize-int8.source.data.sha256", data_hashes});
  return entries;
}

std::vector<std::string> UnknownHashes(const QuantizeOptions& options, const Model& model) {
  if (!options.hash_inputs) return {};
  return std::vector<std::string>(model.files().size(), std::string(kHashDigits, '0'));
}

}  // namespace qi8
