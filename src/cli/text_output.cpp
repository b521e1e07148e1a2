#include "cli/text_output.hpp"

#include <span>

#include "core/text.hpp"
#include "io/publication.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {

void CheckTextOutput(FileSystem& file_system, const TextOutput& output) {
  const auto fail = [&output](const std::string& message) {
    throw Error(ErrorKind::kFailure, output.argument + ": " + Quote(output.path.native()) + " " + message);
  };
  const std::filesystem::path folder = FolderOf(output.path);
  if (!file_system.IsFolder(folder)) {
    throw Error(ErrorKind::kFailure, output.argument + ": there is no folder " + Quote(folder.native()));
  }
  if (file_system.OpenFolder(folder)->ReadLink(output.path.filename().native()))
    fail("is a symbolic link, which is not followed; name the file itself");
  const auto there = file_system.Identify(output.path);
  if (!there) return;
  for (const auto& input : output.inputs) {
    const auto identity = file_system.Identify(input);
    if (identity && identity->SameFile(*there)) fail("is a model that is to be read");
  }
  const std::string other = "exists and is not a " + output.kind + "; choose another name or remove it";
  if (there->size < output.mark.size() || file_system.IsFolder(output.path)) fail(other);
  std::string start(output.mark.size(), '\0');
  file_system.OpenForReading(output.path)->ReadAt(0, std::as_writable_bytes(std::span(start)));
  if (start != output.mark) fail(other);
}

void WriteTextOutput(FileSystem& file_system, const TextOutput& output, const std::string& text) {
  Publication publication(file_system, output.path, Publication::IfTaken::kFail);
  CheckTextOutput(file_system, output);
  publication.Create(output.path).WriteAt(0, std::as_bytes(std::span(text)));
  publication.Publish(Publication::IfThere::kReplace);
}

}  // namespace qi8::cli
