#include "io/staging_folder.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using Kind = EntryStatus::Kind;

constexpr const char* kLock = "lock";
constexpr std::string_view kRecordStart = "quantize-int8 stages files in the folder of inode ";

std::string Record(const EntryStatus& folder) {
  return std::string(kRecordStart) + std::to_string(folder.identity.inode) + "\n";
}

[[noreturn]] void FailInTheWay(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorKind::kFailure, Quote(path.native()) + " is in the way: " + what +
                                       ". This program stages files under that name and did not make what is "
                                       "there, so it changed nothing; "
                                       "look at it and remove it, or give this run another output");
}

bool IsThere(Folder& parent, const std::string& name, const EntryStatus& folder) {
  const auto now = parent.Examine(name);
  return now && now->kind == Kind::kFolder && now->identity.SameFile(folder.identity);
}

}  // namespace

StagingFolder::StagingFolder(Folder& parent, std::string name, std::unique_ptr<Folder> folder)
    : parent_(parent), name_(std::move(name)), folder_(std::move(folder)) {}

std::unique_ptr<StagingFolder> StagingFolder::Claim(Folder& parent, const std::string& name) {
  for (;;) {
    const bool is_new = parent.MakeFolder(name);
    std::unique_ptr<StagingFolder> staging;
    EntryStatus status;
    try {
      const auto found = parent.Examine(name);
      if (!found) continue;  // the run before removed it just now
      if (found->kind == Kind::kLink) FailInTheWay(parent.PathOf(name), "it is a symbolic link");
      if (found->kind != Kind::kFolder) FailInTheWay(parent.PathOf(name), "it is not a folder");
      auto folder = parent.OpenFolder(name);
      if (!folder) continue;
      status = folder->Status();
      staging.reset(new StagingFolder(parent, name, std::move(folder)));
      const bool is_claimed = staging->TakeOver(status);
      if (!IsThere(parent, name, status)) continue;
      return is_claimed ? std::move(staging) : nullptr;
    } catch (const Error&) {
      if (staging && !IsThere(parent, name, status)) continue;
      if (is_new && staging) staging->Remove();
      if (is_new && !staging) static_cast<void>(parent.RemoveFolder(name));
      throw;
    }
  }
}

bool StagingFolder::TakeOver(const EntryStatus& status) {
  constexpr const char* kOfOthers = "it belongs to another user, or others may write to it";
  constexpr const char* kNoRecord = "it has no record of a run that made it here; it may be a copy";
  if (!IsOwn(status)) FailInTheWay(folder_->path(), kOfOthers);
  // The lock comes first and goes last, so that no run's folder has anything in it without a lock. It is one
  // look at the folder: between two, another run may begin or end.
  const std::vector<std::string> names = folder_->List();
  if (!names.empty() && std::ranges::find(names, kLock) == names.end()) {
    FailInTheWay(folder_->path(), kNoRecord);
  }
  lock_ = folder_->Lock(kLock);
  if (!lock_) return false;
  if (!IsOwn(lock_->Status())) Refuse(kLock, kOfOthers);
  const std::string record = Record(status);
  const std::string text = lock_->Read(record.size() + 1);
  if (text == record) return true;
  // A run that was killed before it put anything there, or a copy of what it left then.
  const bool is_empty = List().empty() && (text.empty() || text.starts_with(kRecordStart));
  if (!is_empty) FailInTheWay(folder_->path(), kNoRecord);
  lock_->Write(record);
  return true;
}

std::vector<std::string> StagingFolder::List() {
  std::vector<std::string> names = folder_->List();
  std::erase(names, kLock);
  return names;
}

bool StagingFolder::IsOwn(const EntryStatus& status) {
  if (status.owner == parent_.User() && !status.others_may_write()) return true;
  constexpr std::uint32_t kWriteBits = 022;
  const EntryStatus ours = parent_.StatusOfNewFolder();
  return status.owner == ours.owner && (status.mode & kWriteBits & ~ours.mode) == 0;
}

void StagingFolder::Refuse(const std::string& name, const std::string& what) const {
  FailInTheWay(folder_->PathOf(name), what);
}

void StagingFolder::GiveUpUnused() noexcept {
  try {
    if (List().empty()) Remove();
  } catch (const std::exception&) {
    // The run is failing already, with a better reason than this one, and the next one takes the folder over.
  }
}

void StagingFolder::Remove() {
  const EntryStatus status = folder_->Status();
  folder_->Remove(kLock);
  // Another may have come in since the lock has no name any more: the folder is theirs then.
  if (IsThere(parent_, name_, status)) static_cast<void>(parent_.RemoveFolder(name_));
  lock_.reset();
}

}  // namespace qi8
