#include "rollout/model_files.hpp"

#include "core/text.hpp"
#include "hash/hash_file.hpp"
#include "qi8/error.hpp"

namespace qi8 {

void RequireUnchanged(FileSystem& file_system, const std::filesystem::path& model,
                      const std::vector<RecordedFile>& recorded, const std::function<bool()>& should_stop) {
  const auto refuse = [](const std::filesystem::path& path, const std::string& why) {
    throw Error(ErrorKind::kCheckFailed, Quote(path.native()) + " " + why);
  };
  const auto old_folder = std::filesystem::path(recorded.at(0).path).parent_path();
  for (const RecordedFile& file : recorded) {
    const auto path =
        &file == recorded.data()
            ? model
            : model.parent_path() / std::filesystem::path(file.path).lexically_relative(old_folder);
    if (file.sha256.empty()) {
      refuse(path, "has no SHA-256 in the audit log; quantize without --no-input-checksum");
    }
    const auto identity = file_system.Identify(path);
    if (!identity) refuse(path, "is gone; the audit log has it with SHA-256 " + file.sha256);
    if (identity->size != file.bytes ||
        HashFile(*file_system.OpenForReading(path), should_stop) != file.sha256) {
      refuse(path, "is not what it was when it was recorded: its SHA-256 was " + file.sha256);
    }
  }
}

}  // namespace qi8
