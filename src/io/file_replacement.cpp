#include "io/file_replacement.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

[[noreturn]] void FailWithErrno(const std::string& action, const std::filesystem::path& path) {
  throw Error(ErrorKind::kFailure,
              action + " " + Quote(path.native()) + ": " + std::generic_category().message(errno));
}

void CopyModeAndOwner(const std::filesystem::path& from, const std::filesystem::path& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) FailWithErrno("cannot examine", from);
  // Only root may give files away, and only members of a group may give to it: then they are the writer's
  // own.
  const bool same_owner = ::chown(to.c_str(), status.st_uid, status.st_gid) == 0 ||
                          ::chown(to.c_str(), static_cast<uid_t>(-1), status.st_gid) == 0;
  // Rights of a group are not for another one; so are those of set-user-id and its like.
  const mode_t mode = status.st_mode & (same_owner ? 07777U : 0707U);
  if (::chmod(to.c_str(), mode) != 0) FailWithErrno("cannot set the mode of", to);
}

}  // namespace

FileReplacement::FileReplacement(FileSystem& file_system, const std::filesystem::path& path,
                                 const FileIdentity& read, std::string_view text)
    : file_system_(file_system), read_(read) {
  std::error_code error;
  target_ = std::filesystem::canonical(path, error);
  if (error) throw Error(ErrorKind::kFailure, "cannot find " + Quote(path.native()) + ": " + error.message());
  staged_ = target_;
  staged_.replace_filename("." + target_.filename().native() + "." + std::to_string(::getpid()) +
                           ".qi8-staged");
  const auto file = file_system_.Create(staged_);
  try {
    CopyModeAndOwner(target_, staged_);
    file->WriteAt(0, std::as_bytes(std::span(text)));
    file->Sync();
    file->Close();
  } catch (...) {
    file_system_.Remove(staged_);
    throw;
  }
}

FileReplacement::~FileReplacement() {
  if (published_) return;
  try {
    file_system_.Remove(staged_);
  } catch (const Error&) {
    // There is nobody left to tell.
  }
}

void FileReplacement::Publish() {
  const auto now = file_system_.Identify(target_);
  if (!now || *now != read_) {
    throw Error(ErrorKind::kFailure,
                Quote(target_.native()) + " was changed by somebody else meanwhile; run again");
  }
  file_system_.Rename(staged_, target_);
  published_ = true;
  file_system_.SyncFolder(target_.parent_path());
}

}  // namespace qi8
