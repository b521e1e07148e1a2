// A folder beside an output, in which one run at a time keeps what it has not published.
#pragma once

#include <memory>
#include <string>

#include "io/folder.hpp"

namespace qi8 {

// A run that is killed leaves its folder behind, and the next one takes it over. As the next one removes and
// renames what it finds, it has to know that the folder is such a leftover, and not something that came with
// a download or that somebody else put there. So a folder is taken over only if
//
//   - it is a folder and no link, and belongs to the user of this process, and nobody else may write to it;
//   - the file "lock" in it, of which the same holds, says the folder's own inode number. A copy of a folder,
//   as in an
//     archive or a repository, is another inode. Only where there is nothing beside the lock may the lock be
//     empty.
//
// Anything else stops the run, and is not touched.
class StagingFolder {
 public:
  // Makes the folder where there is none yet, and claims it; null where another process has it. `parent`
  // stays open for as long as this lives.
  [[nodiscard]] static std::unique_ptr<StagingFolder> Claim(Folder& parent, const std::string& name);

  // The claim ends, and the folder stays for the next run; see Remove.
  ~StagingFolder() = default;
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;

  [[nodiscard]] Folder& folder() { return *folder_; }

  // The names in the folder, without that of the lock.
  [[nodiscard]] std::vector<std::string> List();

  // Whether only this user can have put there what was examined, so that it may be removed.
  [[nodiscard]] bool IsOwn(const EntryStatus& status);

  // Says what is in the way and ends the run.
  [[noreturn]] void Refuse(const std::string& name, const std::string& what) const;

  // Removes the folder, if nothing is in it any more, and gives up the claim.
  void Remove();

  // Gives up a claim that came to nothing: removes the folder if there is nothing in it but the lock, and
  // leaves it alone otherwise.
  void GiveUpUnused() noexcept;

 private:
  StagingFolder(Folder& parent, std::string name, std::unique_ptr<Folder> folder);

  // Locks the folder, which `status` is of. False where another process has it; throws where it is not a
  // leftover.
  [[nodiscard]] bool TakeOver(const EntryStatus& status);

  Folder& parent_;
  std::string name_;
  std::unique_ptr<Folder> folder_;
  std::unique_ptr<LockedFile> lock_;
};

}  // namespace qi8
