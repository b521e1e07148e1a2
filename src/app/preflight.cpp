#include "app/preflight.hpp"

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

void RequireNoInput(FileSystem& file_system, const Model& model, const fs::path& output) {
  const auto identity = file_system.Identify(output);
  if (!identity) return;
  for (const InputFile& input : model.files()) {
    if (input.in_memory || !input.identity.SameFile(*identity)) continue;
    Fail("output " + Quote(output.native()) + " is the input file " + Quote(input.file->path()) +
         "; give the output another name, the input is never replaced");
  }
}

}  // namespace

fs::path OutputPaths::folder() const {
  const fs::path parent = model.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

OutputPaths PathsOf(const QuantizeOptions& options) {
  const auto with_suffix = [&options](const char* suffix) {
    fs::path path = options.output;
    path += suffix;
    return path;
  };
  return {.model = options.output,
          .data = with_suffix(".data"),
          .checksums = options.checksum_file.value_or(with_suffix(".sha256")),
          .audit_log = options.audit_log.value_or(options.output.parent_path() / "quantization_log.jsonl")};
}

void Preflight(FileSystem& file_system, const Model& model, const OutputPaths& paths, bool replace_output,
               std::uint64_t bytes_needed) {
  const fs::path folder = paths.folder();
  if (!file_system.IsFolder(folder)) {
    Fail("cannot write " + Quote(paths.model.native()) + ": there is no folder " + Quote(folder.native()) +
         "; make it first");
  }
  for (const fs::path& output : {paths.model, paths.data, paths.checksums, paths.audit_log}) {
    if (file_system.IsFolder(output)) Fail("cannot write " + Quote(output.native()) + ": it is a folder");
    RequireNoInput(file_system, model, output);
  }
  for (const fs::path& output : {paths.model, paths.data}) {
    if (!replace_output && file_system.Identify(output)) {
      Fail("output " + Quote(output.native()) + " exists; use --force to replace it");
    }
  }
  if (!file_system.IsWritableFolder(folder)) {
    Fail("cannot write to folder " + Quote(folder.native()) + "; check its permissions or choose another");
  }
  const std::uint64_t free = file_system.FreeSpace(folder);
  if (free < bytes_needed) {
    Fail("folder " + Quote(folder.native()) + " has " + FormatBytes(free) + " free, the output takes " +
         FormatBytes(bytes_needed) + "; free some space or choose another folder");
  }
}

}  // namespace qi8
