#include "app/preflight.hpp"

#include <array>

#include "audit/checksum_file.hpp"
#include "core/text.hpp"
#include "model/outline.hpp"
#include "origin/origin.hpp"
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

// Outputs that have one name, or are one file, would overwrite each other.
void RequireDistinct(FileSystem& file_system, const fs::path& one, const fs::path& other) {
  const auto place = [](const fs::path& path) {
    std::error_code ignored;
    return fs::weakly_canonical(FolderOf(path), ignored) / path.filename();
  };
  const auto identity = file_system.Identify(one);
  const auto other_identity = file_system.Identify(other);
  const bool same_file = identity && other_identity && identity->SameFile(*other_identity);
  if (same_file || place(one) == place(other)) {
    // Not recorded either: the log would be one of the two.
    throw Error(ErrorKind::kUsage, "outputs " + Quote(one.native()) + " and " + Quote(other.native()) +
                                       " are one file; give each output a name of its own");
  }
}

void RequireNoLink(FileSystem& file_system, const fs::path& output) {
  const auto target = file_system.OpenFolder(FolderOf(output))->ReadLink(output.filename().native());
  if (!target) return;
  Fail("output " + Quote(output.native()) + " is a symbolic link to " + Quote(*target) +
       ", which is never replaced; name another output, or remove the link");
}

// --force is for what an earlier run wrote. It says so in its metadata, and its data file is the one that it
// names.
void RequireOwnOutputs(FileSystem& file_system, const OutputPaths& paths) {
  const auto fail = [](const fs::path& output, const std::string& why) {
    Fail("output " + Quote(output.native()) + " exists and " + why +
         ", so --force does not replace it; remove it, or name another output");
  };
  std::optional<ModelOutline> model;
  if (file_system.Identify(paths.model)) {
    model = ReadOutline(*file_system.OpenForReading(paths.model));
    if (!model || !HasOrigin(model->metadata)) fail(paths.model, "was not written by quantize-int8");
  }
  if (!file_system.Identify(paths.data)) return;
  if (!model) fail(paths.data, "there is no model beside it that quantize-int8 wrote");
  if (!model->data_locations.contains(paths.data_location())) {
    fail(paths.data, "is not the data of " + Quote(paths.model.native()));
  }
}

fs::path WithSuffix(fs::path path, const char* suffix) {
  path += suffix;
  return path;
}

fs::path OwnChecksums(const fs::path& model) { return WithSuffix(model, ".sha256"); }

// Runtimes look for external data in the folder of the model and below, and a run stages its outputs under a
// name with a dot in front.
void RequireFileName(const std::string& name) {
  const bool is_one = !name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
                      name.find('\0') == std::string::npos;
  if (is_one) return;
  throw Error(ErrorKind::kUsage, "--data-file: " + Quote(name) +
                                     " is not the name of a file beside the output; give a name without "
                                     "folders and without a dot in front (example: model.onnx_data)");
}

// A checksum file may be shared through a link, which is to stay one.
fs::path ThroughLink(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored) && fs::exists(path, ignored) ? fs::canonical(path, ignored) : path;
}

}  // namespace

bool OutputPaths::shares_checksums() const {
  return checksums.lexically_normal() != OwnChecksums(model).lexically_normal();
}

OutputPaths PathsOf(const QuantizeOptions& options) {
  if (options.data_file) RequireFileName(*options.data_file);
  OutputPaths paths{
      .model = options.output,
      .data = options.data_file ? options.output.parent_path() / *options.data_file
                                : WithSuffix(options.output, ".data"),
      .checksums = options.checksum_file.value_or(OwnChecksums(options.output)),
      .audit_log = {
          .path = options.audit_log.value_or(options.output.parent_path() / "quantization_log.jsonl"),
          .named_by = options.audit_log ? LogPlace::NamedBy::kUser : LogPlace::NamedBy::kDefault}};
  if (paths.shares_checksums()) paths.checksums = ThroughLink(paths.checksums);
  return paths;
}

void PreflightPlaces(FileSystem& file_system, const Model& model, const OutputPaths& paths) {
  for (const fs::path& output : {paths.model, paths.checksums, paths.audit_log.path}) {
    if (file_system.IsFolder(FolderOf(output))) continue;
    Fail("cannot write " + Quote(output.native()) + ": there is no folder " +
         Quote(FolderOf(output).native()) + "; make it first");
  }
  for (const fs::path& output : {paths.model, paths.data, paths.checksums, paths.audit_log.path}) {
    if (file_system.IsFolder(output)) Fail("cannot write " + Quote(output.native()) + ": it is a folder");
    RequireNoInput(file_system, model, output);
  }
  const std::array<fs::path, 4> outputs = {paths.model, paths.data, paths.checksums, paths.audit_log.path};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) RequireDistinct(file_system, outputs.at(k), outputs.at(i));
  }
  for (const fs::path& output : {paths.model, paths.checksums}) {
    const fs::path folder = FolderOf(output);
    if (file_system.IsWritableFolder(folder)) continue;
    Fail("cannot write to folder " + Quote(folder.native()) + "; check its permissions or choose another");
  }
}

void PreflightOutputs(FileSystem& file_system, const OutputPaths& paths, bool replace_output,
                      std::uint64_t bytes_needed) {
  for (const fs::path& output : {paths.model, paths.data, paths.checksums})
    RequireNoLink(file_system, output);
  RequireOwnOutputs(file_system, paths);
  for (const fs::path& output : {paths.model, paths.data}) {
    if (!replace_output && file_system.Identify(output)) {
      Fail("output " + Quote(output.native()) + " exists; use --force to replace it");
    }
  }
  static_cast<void>(ReadChecksumFile(file_system, paths.checksums));  // the lines in it will be kept
  file_system.RequireLog(paths.audit_log);
  const fs::path folder = FolderOf(paths.model);
  const std::uint64_t free = file_system.FreeSpace(folder);
  if (free < bytes_needed) {
    Fail("folder " + Quote(folder.native()) + " has " + FormatBytes(free) + " free, the output takes " +
         FormatBytes(bytes_needed) + "; free some space or choose another folder");
  }
}

}  // namespace qi8
