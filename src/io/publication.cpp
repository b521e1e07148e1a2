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

constexpr const char* kOld = "old";
constexpr const char* kNew = "new";

std::unique_ptr<FolderClaim> Claim(FileSystem& file_system, const fs::path& staging, const fs::path& lead,
                                   Publication::IfTaken if_taken, const std::function<bool()>& should_stop) {
  constexpr std::chrono::milliseconds kBetweenTries{5};
  for (;;) {
    if (auto claim = file_system.ClaimFolder(staging)) return claim;
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
    : file_system_(file_system),
      lead_(std::move(lead)),
      folder_(lead_.parent_path()),
      staging_(folder_ / ("." + lead_.filename().native() + ".qi8")),
      new_(staging_ / kNew),
      old_(staging_ / kOld),
      outdated_(staging_ / "outdated"),
      current_(staging_ / "current"),
      next_(staging_ / "next"),
      claim_(Claim(file_system_, staging_, lead_, if_taken, should_stop)) {
  try {
    leftover_ = Settle();
  } catch (const std::exception&) {
    GiveUp();
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
    claim_->RemoveFolder();
  } catch (const std::exception&) {
    // The run is failing already, with a better reason than this one, and the next one comes by here.
  }
}

WritableFile& Publication::Create(const fs::path& destination) {
  file_system_.MakeFolder(new_);
  const std::string name = destination.filename().native();
  members_.push_back({name, file_system_.Create(new_ / name), true});
  return *members_.back().file;
}

void Publication::Withdraw(const fs::path& destination) {
  members_.push_back({destination.filename().native(), nullptr, false});
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
  file_system_.SyncFolder(new_);
  try {
    if (members_.size() == 1 && if_there == IfThere::kReplace) {
      const std::string& name = members_.front().name;
      file_system_.Rename(new_ / name, Place(name));  // one name changes at once as it is
      published_ = true;
      file_system_.SyncFolder(FolderOf(lead_));
    } else if (!SwitchByLinks(if_there)) {
      TakeBack();
      ClearFolder(old_);
      for (const fs::path& link : {next_, current_}) file_system_.Remove(link);
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
  return file_system_.ReadLink(current_) == kNew || file_system_.IsFolder(outdated_);
}

std::string Publication::LinkText(const std::string& name) const {
  return (staging_.filename() / current_.filename() / name).native();
}

bool Publication::IsOurLink(const std::string& name) const {
  return file_system_.ReadLink(Place(name)) == LinkText(name);
}

void Publication::RequireFree(const std::string& name) const {
  if (!file_system_.Identify(Place(name))) return;
  throw Error(ErrorKind::kFailure,
              "output " + Quote(Place(name).native()) +
                  " was made by another while this run wrote its own; nothing was replaced");
}

bool Publication::SwitchByLinks(IfThere if_there) {
  if (!file_system_.MakeLink(kOld, current_)) return false;
  file_system_.MakeFolder(old_);
  file_system_.SyncFolder(staging_);  // before a name leads there
  for (const Member& member : members_) {
    if (if_there == IfThere::kFail) RequireFree(member.name);
    const fs::path place = Place(member.name);
    const bool done = file_system_.Identify(place)
                          ? PutLinkInPlaceOf(member.name)
                          : !member.is_new || file_system_.MakeLink(LinkText(member.name), place);
    if (!done) return false;
  }
  file_system_.SyncFolder(old_);
  file_system_.SyncFolder(FolderOf(lead_));
  if (!file_system_.MakeLink(kNew, next_)) return false;
  file_system_.Rename(next_, current_);  // this is the moment
  file_system_.SyncFolder(staging_);
  return true;
}

bool Publication::PutLinkInPlaceOf(const std::string& name) {
  if (!file_system_.MakeLink(LinkText(name), old_ / name)) return false;
  if (file_system_.Exchange(old_ / name, Place(name))) return true;
  file_system_.Remove(old_ / name);
  if (!file_system_.MakeHardLink(Place(name), old_ / name)) return false;
  if (!file_system_.MakeLink(LinkText(name), next_)) return false;
  file_system_.Rename(next_, Place(name));
  return true;
}

void Publication::SwitchByNames(IfThere if_there) {
  file_system_.MakeFolder(old_);
  std::vector<std::string> added;  // where nothing was before
  try {
    // Backwards, as readers begin with what was created last: they find nothing rather than a mixture.
    for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
      if (if_there == IfThere::kFail) RequireFree(member->name);
      if (file_system_.Identify(Place(member->name))) {
        file_system_.Rename(Place(member->name), old_ / member->name);
      }
    }
    for (const auto& [name, file, is_new] : members_) {
      if (!is_new) continue;
      const bool is_added = !file_system_.Identify(old_ / name);
      file_system_.Rename(new_ / name, Place(name));
      if (is_added) added.push_back(name);
    }
    file_system_.SyncFolder(FolderOf(lead_));
    file_system_.Rename(old_, outdated_);  // from now on nothing is taken back
  } catch (const std::exception&) {
    for (const std::string& name : added) file_system_.Remove(Place(name));
    throw;
  }
}

Publication::Leftover Publication::Settle() {
  Leftover found = Leftover::kNothing;
  if (HasSwitched()) {
    Complete();
    found = Leftover::kCompleted;
  } else if (file_system_.ReadLink(current_) || !file_system_.List(old_).empty()) {
    TakeBack();
    found = Leftover::kTakenBack;
  } else if (file_system_.IsFolder(new_)) {
    found = Leftover::kRemoved;
  }
  Clear();
  return found;
}

// A name that is not our link any more was dealt with already, or is a file that somebody put there since.
void Publication::Complete() {
  for (const std::string& name : file_system_.List(new_)) {
    if (IsOurLink(name)) file_system_.Rename(new_ / name, Place(name));
  }
  for (const std::string& name : file_system_.List(old_)) {
    if (IsOurLink(name)) file_system_.Remove(Place(name));  // withdrawn
  }
  file_system_.SyncFolder(FolderOf(lead_));
}

void Publication::TakeBack() {
  const bool by_links = file_system_.ReadLink(current_).has_value();
  for (const std::string& name : file_system_.List(old_)) {
    const bool is_file = !file_system_.ReadLink(old_ / name);  // else publishing did not come this far
    if (is_file && (!by_links || IsOurLink(name))) file_system_.Rename(old_ / name, Place(name));
  }
  for (const std::string& name : file_system_.List(new_)) {
    if (IsOurLink(name)) file_system_.Remove(Place(name));
  }
  file_system_.SyncFolder(FolderOf(lead_));
}

// `current` goes after what it tells of.
void Publication::Clear() {
  for (const fs::path& folder : {new_, old_, outdated_}) ClearFolder(folder);
  for (const fs::path& link : {next_, current_}) file_system_.Remove(link);
}

void Publication::ClearFolder(const fs::path& folder) {
  for (const std::string& name : file_system_.List(folder)) file_system_.Remove(folder / name);
  file_system_.RemoveFolder(folder);
}

}  // namespace qi8
