// Files of one folder that change together.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "io/staging_folder.hpp"

namespace qi8 {

// A set of files, named after the first among them, that is written out of sight and then takes its place as
// a whole: at every instant, also after a crash at any instant, all of its names lead to the old files or all
// lead to the new ones.
//
// Beside the files lies, as long as this lives, the folder ".<lead>.qi8":
//
//     lock           held by the process that has the set, see StagingFolder
//     new/<name>     the new files
//     old/<name>     while publishing: the files that were there
//     current        while publishing: a link to "old", then to "new"
//
// Publishing makes each name a link to ".<lead>.qi8/current/<name>", at which moment nothing changes for who
// reads it; then `current` is turned from old to new, and with that one rename all names are; then each link
// gives way to the new file. Who comes after a crash finds in `current` which way to go, and goes it.
//
// Where names cannot be exchanged (NFS), hard links do as well. Where there are no links (FAT), the old files
// are moved away and the new ones moved in: an error in between puts all back, but a crash may leave names
// without a file until the next run, and readers may find none.
class Publication {
 public:
  enum class IfTaken { kFail, kWait };
  enum class IfThere { kFail, kReplace };

  // What a run that was killed had left, and what became of it.
  enum class Leftover {
    kNothing,
    kRemoved,    // files that were not yet published
    kTakenBack,  // it was publishing: the old files have their names again
    kCompleted,  // it had published: the new files have their names
  };

  // Claims the set of `lead`, and settles what is left of a run that had it. What is there and no run left is
  // an error, and stays as it is. Where another process has the set, that is an error or waited for, until
  // `should_stop` (which may be empty) says so: then Error of kind kInterrupted.
  Publication(FileSystem& file_system, std::filesystem::path lead, IfTaken if_taken,
              const std::function<bool()>& should_stop = {});

  // Removes what was not published.
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  [[nodiscard]] Leftover leftover() const { return leftover_; }

  // The new file that gets the name `destination`, in the folder of the lead. Valid until Finish. What has
  // the name now is what may be replaced; what takes its place until then stays, and publishing is an error.
  [[nodiscard]] WritableFile& Create(const std::filesystem::path& destination);

  // The new set has no such file: one that is there goes when the others come.
  void Withdraw(const std::filesystem::path& destination);

  // Syncs and closes the new files: after this their bytes are safe, though not under their names.
  void Finish();

  // Gives the files their names; once. On an error the old files are in place, unless it says that the new
  // ones are.
  void Publish(IfThere if_there);
  [[nodiscard]] bool published() const { return published_; }

 private:
  struct Member {
    std::string name;
    std::unique_ptr<WritableFile> file;         // open until Finish
    bool is_new = true;                         // false: withdrawn
    std::optional<FileIdentity> replaced = {};  // what has the name when the member is made
  };

  [[nodiscard]] std::string LinkText(const std::string& name) const;
  [[nodiscard]] bool IsOurLink(const std::string& name) const;
  void RequireFree(const std::string& name) const;
  [[noreturn]] void FailForChange(const std::string& name) const;
  [[nodiscard]] static bool MayBeReplaced(const Member& member, const EntryStatus& there);

  // A folder in the staging folder, where there is one.
  [[nodiscard]] std::unique_ptr<Folder> Inside(const char* name) const;
  [[nodiscard]] std::unique_ptr<Folder> MakeInside(const char* name) const;
  [[nodiscard]] Folder& staging() const { return staging_->folder(); }

  void SwitchOne(const Member& member);
  // The next two answer whether the file system has what it takes; where it does not, TakeBack is due.
  [[nodiscard]] bool SwitchByLinks(IfThere if_there);
  [[nodiscard]] bool PutLinkInPlaceOf(const Member& member, Folder& old);
  void SwitchByNames(IfThere if_there);
  [[nodiscard]] bool HasSwitched() const;

  void GiveUp();

  // From whatever state on, to all old or all new, with real files under all names and nothing beside the
  // lock. May be stopped anywhere and called again.
  Leftover Settle();
  void Complete();
  void TakeBack();
  void Clear();
  void Clear(const char* inside);

  // That all in the staging folder is what a publication puts there, before anything of it is moved or
  // removed.
  void RequireOwnLeftovers() const;
  void RequireOwnFiles(const std::string& inside) const;

  std::filesystem::path lead_;
  std::unique_ptr<Folder> folder_;
  std::unique_ptr<StagingFolder> staging_;
  std::unique_ptr<Folder> new_;  // from the first Create on
  Leftover leftover_ = Leftover::kNothing;
  std::vector<Member> members_;
  bool published_ = false;
};

}  // namespace qi8
