// Where a model says that it came from, in its own metadata.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.hpp"
#include "qi8/options.hpp"
#include "qi8/quantize.hpp"

namespace qi8 {

// What the keys of all entries begin with.
inline constexpr std::string_view kOriginPrefix = "quantize-int8.";

// The options that decide what is written, as one JSON object: nothing of paths, threads, time or host.
[[nodiscard]] std::string DecidingOptions(const QuantizeOptions& options);

// All options in force, as one JSON object.
[[nodiscard]] std::string AllOptions(const QuantizeOptions& options);

// Entries for metadata_props: tool version, deciding options, where hashes are given the source's SHA-256
// (of the model, and of its data files in the order in which the model first names them), and a seal, the
// SHA-256 of the others, so that a change in any of them shows. Their length does not depend on the hashes'
// values.
[[nodiscard]] std::vector<MetadataEntry> OriginMetadata(const QuantizeOptions& options, const Model& model,
                                                        const std::vector<std::string>& input_hashes,
                                                        const std::string& version = Version());

// As many hashes as OriginMetadata will be given, for laying out before they are known.
[[nodiscard]] std::vector<std::string> UnknownHashes(const QuantizeOptions& options, const Model& model);

// What OriginMetadata wrote.
struct Origin {
  std::string version;
  QuantizeOptions options;    // the deciding ones, and hash_inputs
  std::string source_sha256;  // empty where the source was not hashed
  std::vector<std::string> source_data_sha256;
};

// Out of a model's metadata. Throws Error of kind kInvalidModel where there is no origin in it, or one that
// is not as OriginMetadata writes it.
[[nodiscard]] Origin ReadOrigin(std::span<const MetadataEntry> metadata);

}  // namespace qi8
