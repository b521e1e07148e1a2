#include "io/file_replacement.hpp"

#include <unistd.h>

#include <span>
#include <system_error>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

std::filesystem::path Resolved(const std::filesystem::path& path) {
  std::error_code error;
  auto target = std::filesystem::canonical(path, error);
  if (error) throw Error(ErrorKind::kFailure, "cannot find " + Quote(path.native()) + ": " + error.message());
  return target;
}

}  // namespace

FileReplacement::FileReplacement(FileSystem& file_system, const std::filesystem::path& path,
                                 const FileIdentity& read, std::string_view text)
    : target_(Resolved(path)),
      folder_(file_system.OpenFolder(target_.parent_path())),
      name_(target_.filename().native()),
      staged_("." + name_ + "." + std::to_string(::getpid()) + ".qi8-staged"),
      read_(read) {
  const auto file = folder_->CreateLike(Unchanged(), staged_);
  try {
    file->WriteAt(0, std::as_bytes(std::span(text)));
    file->Sync();
    file->Close();
  } catch (...) {
    folder_->Remove(staged_);
    throw;
  }
}

FileReplacement::~FileReplacement() {
  if (published_) return;
  try {
    folder_->Remove(staged_);
  } catch (const Error&) {
    // There is nobody left to tell.
  }
}

EntryStatus FileReplacement::Unchanged() {
  const auto now = folder_->Examine(name_);
  if (now && now->identity == read_) return *now;
  throw Error(ErrorKind::kFailure,
              Quote(target_.native()) + " was changed by somebody else meanwhile; run again");
}

void FileReplacement::Publish() {
  static_cast<void>(Unchanged());
  folder_->Rename(staged_, *folder_, name_);
  published_ = true;
  folder_->Sync();
}

}  // namespace qi8
