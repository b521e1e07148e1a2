// Where a model says that it came from, in its own metadata.
#pragma once

#include <string>
#include <vector>

#include "model/model.hpp"
#include "qi8/options.hpp"

namespace qi8 {

// The options that decide what is written, as one JSON object: nothing of paths, threads, time or host.
[[nodiscard]] std::string DecidingOptions(const QuantizeOptions& options);

// All options in force, as one JSON object.
[[nodiscard]] std::string AllOptions(const QuantizeOptions& options);

// Entries for metadata_props: tool version, deciding options, and, where hashes are given, the source's
// SHA-256: of the model, and of its data files in the order in which the model first names them. Their length
// does not depend on the hashes' values.
[[nodiscard]] std::vector<MetadataEntry> OriginMetadata(const QuantizeOptions& options, const Model& model,
                                                        const std::vector<std::string>& input_hashes);

// As many hashes as OriginMetadata will be given, for laying out before they are known.
[[nodiscard]] std::vector<std::string> UnknownHashes(const QuantizeOptions& options, const Model& model);

}  // namespace qi8
