#include "io/publication.hpp"

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

using Kind = EntryStatus::Kind;

constexpr const char* kOld = "old";
constexpr const char* kNew = "new";
constexpr const char* kOutdated = "outdated";  // what "old" is called when it is not needed any more
constexpr const char* kCurrent = "current";
constexpr const char* kNext = "next";  // a link on its way to its name

std::unique_ptr<Folder> FolderFor(FileSystem& file_system, const fs::path& lead) {
  const fs::path folder = FolderOf(lead);
  if (file_system.IsFolder(folder)) return file_system.OpenFolder(folder);
  throw Error(ErrorKind::kFailure, "cannot write " + Quote(lead.native()) + ": there is no folder " +
                                       Quote(folder.native()) + "; make it first");
}

std::unique_ptr<StagingFolder> Claim(Folder& folder, const std::string& name, const fs::path& lead,
                                     Publication::IfTaken if_taken,
                                     const std::function<bool()>& should_stop) {
  constexpr std::chrono::milliseconds kBetweenTries{5};
  for (;;) {
    if (auto claim = StagingFolder::Claim(folder, name)) return claim;
    if (if_taken == Publication::IfTaken::kFail) {
      throw Error(ErrorKind::kFailure, "another run is writing " + Quote(lead.native()) +
                                           "; wait for its end, or give this one another output");
    }
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    std::this_thread::sleep_for(kBetweenTries);
  }
}

}  // namespace

Publication::Publication(FileSystem& file_system, fs::path lead, IfTaken if_taken,
                         const std::function<bool()>& should_stop)
    : lead_(std::move(lead)),
      folder_(FolderFor(file_system, lead_)),
      staging_(Claim(*folder_, "." + lead_.filename().native() + ".qi8", lead_, if_taken, should_stop)) {
  bool is_own = false;
  try {
    RequireOwnLeftovers();
    is_own = true;
    leftover_ = Settle();
  } catch (const std::exception&) {
    // What is not a run's stays as it is, and so does the folder around it.
    if (is_own) {
      GiveUp();
    } else {
      staging_->GiveUpUnused();
    }
    throw;
  }
}

Publication::~Publication() {
  members_.clear();
  GiveUp();
}

void Publication::GiveUp() {
  try {
    Settle();
    staging_->Remove();
  } catch (const std::exception&) {
    // The run is failing already, with a better reason than this one, and the next one comes by here.
  }
}

std::unique_ptr<Folder> Publication::Inside(const char* name) const { return staging().OpenFolder(name); }

std::unique_ptr<Folder> Publication::MakeInside(const char* name) const {
  static_cast<void>(staging().MakeFolder(name));
  auto folder = Inside(name);
  if (!folder) {
    throw Error(ErrorKind::kFailure, "folder " + Quote(staging().PathOf(name).native()) +
                                         " was removed by another while this run used it");
  }
  return folder;
}

WritableFile& Publication::Create(const fs::path& destination) {
  if (!new_) new_ = MakeInside(kNew);
  const std::string name = destination.filename().native();
  members_.push_back({.name = name, .file = new_->Create(name), .replaced = {}});
  if (const auto there = folder_->Examine(name)) members_.back().replaced = there->identity;
  return *members_.back().file;
}

void Publication::Withdraw(const fs::path& destination) {
  const std::string name = destination.filename().native();
  members_.push_back({.name = name, .file = nullptr, .is_new = false, .replaced = {}});
  if (const auto there = folder_->Examine(name)) members_.back().replaced = there->identity;
}

void Publication::Finish() {
  for (Member& member : members_) {
    if (!member.file) continue;
    member.file->Sync();
    member.file->Close();
    member.file.reset();
  }
}

void Publication::Publish(IfThere if_there) {
  Finish();
  if (new_) new_->Sync();
  try {
    if (members_.size() == 1 && if_there == IfThere::kReplace) {
      SwitchOne(members_.front());  // one name changes at once as it is
    } else if (!SwitchByLinks(if_there)) {
      TakeBack();
      Clear(kOld);
      for (const char* link : {kNext, kCurrent}) staging().Remove(link);
      SwitchByNames(if_there);
    }
    published_ = true;
    Settle();
  } catch (const std::exception& error) {
    try {
      published_ = published_ || HasSwitched();
      Settle();
    } catch (const std::exception&) {
      // The names lead to whole files all the same; the next run tidies up.
    }
    if (!published_) throw;
    throw Error(ErrorKind::kFailure,
                Quote(lead_.native()) + " is whole and in its place, but then: " + error.what());
  }
}

bool Publication::HasSwitched() const {
  return staging().ReadLink(kCurrent) == kNew || staging().Examine(kOutdated).has_value();
}

std::string Publication::LinkText(const std::string& name) const {
  return (staging().path().filename() / kCurrent / name).native();
}

bool Publication::IsOurLink(const std::string& name) const {
  return folder_->ReadLink(name) == LinkText(name);
}

void Publication::RequireFree(const std::string& name) const {
  if (!folder_->Examine(name)) return;
  throw Error(ErrorKind::kFailure,
              "output " + Quote(folder_->PathOf(name).native()) +
                  " was made by another while this run wrote its own; nothing was replaced");
}

void Publication::FailForChange(const std::string& name) const {
  throw Error(ErrorKind::kFailure,
              "output " + Quote(folder_->PathOf(name).native()) +
                  " was replaced by another while this run wrote its own; nothing was replaced");
}

bool Publication::MayBeReplaced(const Member& member, const EntryStatus& there) {
  return there.kind == Kind::kFile && there.identity == member.replaced;
}

void Publication::SwitchOne(const Member& member) {
  const std::string& name = member.name;
  const auto there = folder_->Examine(name);
  if (there && !MayBeReplaced(member, *there)) FailForChange(name);
  if (there && new_->Exchange(name, *folder_, name)) {
    published_ = true;
    const auto replaced = new_->Examine(name);
    if (!replaced || !MayBeReplaced(member, *replaced)) {
      // Somebody was faster. What they put there goes back to its name.
      published_ = !new_->Exchange(name, *folder_, name);
      FailForChange(name);
    }
  } else {
    new_->Rename(name, *folder_, name);
    published_ = true;
  }
  folder_->Sync();
}

bool Publication::SwitchByLinks(IfThere if_there) {
  if (!staging().MakeLink(kOld, kCurrent)) return false;
  const auto old = MakeInside(kOld);
  staging().Sync();  // before a name leads there
  for (const Member& member : members_) {
    if (if_there == IfThere::kFail) RequireFree(member.name);
    const auto there = folder_->Examine(member.name);
    if (there && !MayBeReplaced(member, *there)) FailForChange(member.name);
    const bool done = there ? PutLinkInPlaceOf(member, *old)
                            : !member.is_new || folder_->MakeLink(LinkText(member.name), member.name);
    if (!done) return false;
  }
  old->Sync();
  folder_->Sync();
  if (!staging().MakeLink(kNew, kNext)) return false;
  staging().Rename(kNext, staging(), kCurrent);  // this is the moment
  staging().Sync();
  return true;
}

bool Publication::PutLinkInPlaceOf(const Member& member, Folder& old) {
  const std::string& name = member.name;
  if (!old.MakeLink(LinkText(name), name)) return false;
  if (old.Exchange(name, *folder_, name)) {
    const auto replaced = old.Examine(name);
    if (replaced && MayBeReplaced(member, *replaced)) return true;
    // Somebody was faster. What they put there goes back to its name.
    if (old.Exchange(name, *folder_, name)) old.Remove(name);
    FailForChange(name);
  }
  old.Remove(name);
  if (!folder_->MakeHardLink(name, old, name)) return false;
  if (!staging().MakeLink(LinkText(name), kNext)) return false;
  staging().Rename(kNext, *folder_, name);
  return true;
}

void Publication::SwitchByNames(IfThere if_there) {
  const auto old = MakeInside(kOld);
  std::vector<std::string> added;  // where nothing was before
  try {
    // Backwards, as readers begin with what was created last: they find nothing rather than a mixture.
    for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
      if (if_there == IfThere::kFail) RequireFree(member->name);
      const auto there = folder_->Examine(member->name);
      if (there && !MayBeReplaced(*member, *there)) FailForChange(member->name);
      if (there) folder_->Rename(member->name, *old, member->name);
    }
    for (const auto& member : members_) {
      if (!member.is_new) continue;
      const bool is_added = !old->Examine(member.name);
      new_->Rename(member.name, *folder_, member.name);
      if (is_added) added.push_back(member.name);
    }
    folder_->Sync();
    staging().Rename(kOld, staging(), kOutdated);  // from now on nothing is taken back
  } catch (const std::exception&) {
    for (const std::string& name : added) folder_->Remove(name);
    throw;
  }
}

void Publication::RequireOwnLeftovers() const {
  for (const std::string& name : staging_->List()) {
    if (name == kNew || name == kOld || name == kOutdated) {
      RequireOwnFiles(name);
    } else if (name == kCurrent || name == kNext) {
      const auto text = staging().ReadLink(name);
      const bool leads_inside =
          text && (*text == kOld || *text == kNew || *text == LinkText(fs::path(*text).filename().native()));
      if (!leads_inside) staging_->Refuse(name, "it is not a link that a run made while publishing");
    } else {
      staging_->Refuse(name, "no run makes a file of this name there");
    }
  }
}

void Publication::RequireOwnFiles(const std::string& inside) const {
  const auto status = staging().Examine(inside);
  if (!status || status->kind != Kind::kFolder || !staging_->IsOwn(*status)) {
    staging_->Refuse(inside, "it is not a folder that only you can write to");
  }
  const auto folder = staging().OpenFolder(inside);
  if (!folder) return;
  for (const std::string& name : folder->List()) {
    const auto entry = folder->Examine(name);
    if (!entry || entry->kind == Kind::kFile) continue;
    if (entry->kind == Kind::kLink && folder->ReadLink(name) == LinkText(name)) continue;
    staging_->Refuse(inside + "/" + name, "it is not a file that a run wrote or replaced");
  }
}

Publication::Leftover Publication::Settle() {
  Leftover found = Leftover::kNothing;
  if (HasSwitched()) {
    Complete();
    found = Leftover::kCompleted;
  } else if (const auto old = Inside(kOld); staging().ReadLink(kCurrent) || (old && !old->List().empty())) {
    TakeBack();
    found = Leftover::kTakenBack;
  } else if (staging().Examine(kNew)) {
    found = Leftover::kRemoved;
  }
  Clear();
  return found;
}

// A name that is not our link any more was dealt with already, or is a file that somebody put there since.
void Publication::Complete() {
  if (const auto files = Inside(kNew)) {
    for (const std::string& name : files->List()) {
      if (IsOurLink(name)) files->Rename(name, *folder_, name);
    }
  }
  if (const auto files = Inside(kOld)) {
    for (const std::string& name : files->List()) {
      if (IsOurLink(name)) folder_->Remove(name);  // withdrawn
    }
  }
  folder_->Sync();
}

void Publication::TakeBack() {
  const bool by_links = staging().ReadLink(kCurrent).has_value();
  if (const auto files = Inside(kOld)) {
    for (const std::string& name : files->List()) {
      const bool is_file = !files->ReadLink(name);  // else publishing did not come this far
      if (is_file && (!by_links || IsOurLink(name))) files->Rename(name, *folder_, name);
    }
  }
  if (const auto files = Inside(kNew)) {
    for (const std::string& name : files->List()) {
      if (IsOurLink(name)) folder_->Remove(name);
    }
  }
  folder_->Sync();
}

// `current` goes after what it tells of.
void Publication::Clear() {
  new_.reset();
  for (const char* inside : {kNew, kOld, kOutdated}) Clear(inside);
  for (const char* link : {kNext, kCurrent}) staging().Remove(link);
}

void Publication::Clear(const char* inside) {
  const auto folder = Inside(inside);
  if (!folder) return;
  for (const std::string& name : folder->List()) folder->Remove(name);
  if (!staging().RemoveFolder(inside)) {
    throw Error(ErrorKind::kFailure, "cannot remove the folder " + Quote(staging().PathOf(inside).native()) +
                                         ": something was put into it meanwhile");
  }
}

}  // namespace qi8
