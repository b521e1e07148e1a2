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

// The schema of the records that this program writes. It counts both the form of the record and what the
// program makes of the recorded options: whoever lets the same options give other bytes of the same model
// raises it. Records of the first schema have no number.
//
// A program reads the records of all earlier schemas and fails on those of later ones. Where it makes other
// bytes of an earlier record, this is not damage by itself: Verify then says which version wrote the model.
//
//   1  version 0.1
//   2  version 0.2: initializers of models of IR versions before 4, batches of matrices times an activation
//      whose rank is not known, weights with a NaN or an infinity, --allow-growth (always on before)
//   3  version 0.2: forms (all products were per-tensor before), weights that are another one transposed
//   stored once, learned rounding
inline constexpr unsigned kUnnumberedSchema = 1;
inline constexpr unsigned kOriginSchema = 3;
inline constexpr unsigned kFirstSchemaWithTwins = 3;

// Whether this program wrote the model with this metadata, in whatever version.
[[nodiscard]] bool HasOrigin(std::span<const MetadataEntry> metadata);

// "none", "basic", "extended"
[[nodiscard]] std::string NameOf(Optimization optimization);

// The options that decide what is written, as one JSON object: nothing of paths, threads, time or host.
[[nodiscard]] std::string DecidingOptions(const QuantizeOptions& options);

// All options in force, as one JSON object.
[[nodiscard]] std::string AllOptions(const QuantizeOptions& options);

// Of a model whose rounding was learned.
struct LearnedRounding {
  std::string inputs_sha256;  // as RoundingReport has it
  unsigned most_steps = 0;    // that a code is from the nearest; at most kMostSteps
};
inline constexpr unsigned kMostSteps = 255;

// Where a model came from.
struct Origin {
  std::string version = Version();  // of the program that wrote the model
  unsigned schema = kOriginSchema;
  QuantizeOptions options;  // the deciding ones, `hash_inputs`, `optimize` and `rounding`

  // SHA-256 of the source: of the model, then of its data files in the order in which it first names them.
  // Empty where it was not hashed.
  std::vector<std::string> source_sha256;

  // What optimized the source before it was quantized, and its version; empty where options.optimize is kOff.
  std::string optimizer;

  // Where options.rounding is kLearned. Before it is known, anything: its length is always the same.
  LearnedRounding rounding = {};
};

// As many as the hashes of the model's files, and as long, for laying out before these are known. None where
// none are wanted.
[[nodiscard]] std::vector<std::string> UnknownHashes(const QuantizeOptions& options, const Model& model);

// Entries for metadata_props: all of the origin, and a seal, the SHA-256 of the others, so that a change in
// any of them shows. Their length does not depend on the hashes' values.
[[nodiscard]] std::vector<MetadataEntry> OriginMetadata(const Origin& origin);

// Out of a model's metadata. Throws Error of kind kInvalidModel where there is no origin in it, one that is
// not as OriginMetadata writes it, or one of a later schema; the message then names the version that wrote
// it.
[[nodiscard]] Origin ReadOrigin(std::span<const MetadataEntry> metadata);

}  // namespace qi8
