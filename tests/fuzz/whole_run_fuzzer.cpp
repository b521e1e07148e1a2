// The whole job on any model, with any options, on a file system in memory: either Error, and everything is
// as it was; or an output of exactly the promised sizes and checksums that loads again. The input never
// changes.
#include "app/quantize.hpp"
#include "fuzz/model_input.hpp"
#include "hash/sha256.hpp"
#include "model/model.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::MemoryFileSystem;
using qi8::testing::Require;

constexpr const char* kOutputPath = "out/q.onnx";
constexpr const char* kOldOutput = "the output of an earlier run";

qi8::QuantizeOptions TakeOptions(FuzzInput& input) {
  qi8::QuantizeOptions options;
  options.input = qi8::testing::kModelPath;
  options.output = kOutputPath;
  options.selection = qi8::testing::TakeSelection(input);
  options.external_data = qi8::testing::TakeExternalData(input);
  const auto switches = input.Take<std::uint8_t>();
  options.hash_inputs = (switches & 1U) == 0;
  options.keep_non_finite = (switches & 2U) != 0;
  options.allow_empty = (switches & 4U) != 0;
  options.dry_run = (switches & 8U) != 0;
  options.replace_output = (switches & 16U) != 0;
  options.threads = 1;
  options.memory_budget = 8U << 20U;
  return options;
}

void CheckOutput(MemoryFileSystem& files, const qi8::RunReport& report) {
  const auto listing = files.Listing();
  for (const qi8::FileReport& output : report.plan.outputs) {
    const auto found = listing.find(output.path);
    Require(found != listing.end(), "an output is there");
    Require(found->second.size() == output.size, "an output has the size that was promised");
    Require(qi8::Sha256::HexOf(found->second) == output.sha256,
            "an output has the checksum that is told of it");
  }
  try {
    static_cast<void>(qi8::Model::Load(files, kOutputPath));
  } catch (const qi8::Error& error) {
    Require(false, error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  FuzzInput option_bytes(input.TakeBytes(qi8::testing::kOptionBytes));
  const qi8::QuantizeOptions options = TakeOptions(option_bytes);
  MemoryFileSystem files;
  files.Add(qi8::testing::kModelPath, std::string(input.TakeRest()));
  files.Add(qi8::testing::kDataPath, qi8::testing::DataFile());
  files.Add("out/other", "");
  if (options.replace_output) files.Add(kOutputPath, kOldOutput);
  const auto before = files.Listing();
  qi8::Observer observer;
  bool is_written = false;
  try {
    const qi8::RunReport report = qi8::Quantize(files, options, observer);
    is_written = report.outcome == qi8::Outcome::kDone;
    if (is_written) CheckOutput(files, report);
  } catch (const qi8::Error&) {
    // Not a model, or one that is refused.
  }
  const auto after = files.Listing();
  for (const auto& [name, contents] : before) {
    if (is_written && name == kOutputPath) continue;
    Require(after.contains(name) && after.at(name) == contents, "what the run was not to write is as it was");
  }
  Require(is_written || after == before, "a run without output leaves nothing");
  return 0;
}
