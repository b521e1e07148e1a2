// A folder that is held open. Everything that this program changes on a disk, it changes through one of
// these.
//
// What is done in a folder is done in that very folder, whatever its path leads to by then, and a name in it
// is one component that is never followed where it is a symbolic link. So nobody who can write beside an
// output can send a run into another folder, before it begins or while it goes on.
//
// Every error is a qi8::Error of kind kFailure made of action, quoted path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/file.hpp"

namespace qi8 {

// A file that is open under an exclusive lock for as long as this lives, or its process does.
class LockedFile {
 public:
  virtual ~LockedFile() = default;
  [[nodiscard]] virtual EntryStatus Status() = 0;
  [[nodiscard]] virtual std::string Read(std::size_t limit) = 0;  // its first `limit` bytes
  virtual void Write(const std::string& text) = 0;                // all of its new contents
};

class Folder {
 public:
  virtual ~Folder() = default;

  // What messages call it.
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
  [[nodiscard]] std::filesystem::path PathOf(const std::string& name) const {
    return path() == "." ? std::filesystem::path(name) : path() / name;
  }

  // A path that leads to this very folder for as long as it is open, for those who only know paths.
  [[nodiscard]] virtual std::filesystem::path StablePath() const = 0;

  [[nodiscard]] virtual EntryStatus Status() = 0;

  // The user of this process, and what a folder is like that this user makes here: file systems without
  // owners or permissions (FAT, CIFS, some network file systems for root) show the same ones for everything.
  // To know, it makes one and removes it.
  [[nodiscard]] virtual std::uint32_t User() const = 0;
  [[nodiscard]] virtual EntryStatus StatusOfNewFolder() = 0;

  // Nothing where there is no such name.
  [[nodiscard]] virtual std::optional<EntryStatus> Examine(const std::string& name) = 0;

  // Opens a regular file for reading; anything else is an error.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> Open(const std::string& name) = 0;

  // Creates a file where nothing may be.
  [[nodiscard]] virtual std::unique_ptr<WritableFile> Create(const std::string& name) = 0;

  // The same, with the permissions of another file and, where the system allows it, its owner and group.
  [[nodiscard]] virtual std::unique_ptr<WritableFile> CreateLike(const EntryStatus& other,
                                                                 const std::string& name) = 0;

  // Opens a folder in this one. Null where there is no such name; anything but a folder is an error.
  [[nodiscard]] virtual std::unique_ptr<Folder> OpenFolder(const std::string& name) = 0;

  // Makes a folder that only its owner may write to. False where something has the name already.
  [[nodiscard]] virtual bool MakeFolder(const std::string& name) = 0;

  // Removes an empty folder. Gone already is fine. False where something is in it.
  [[nodiscard]] virtual bool RemoveFolder(const std::string& name) = 0;

  // Removes a file or a link. Gone already is fine.
  virtual void Remove(const std::string& name) = 0;

  // Moves a name to a folder of the same file system, where it replaces a file or link of that name.
  virtual void Rename(const std::string& name, Folder& to, const std::string& new_name) = 0;

  // Swaps two names, whatever they are; no moment sees one of them missing. False where the file system
  // cannot.
  [[nodiscard]] virtual bool Exchange(const std::string& name, Folder& other,
                                      const std::string& other_name) = 0;

  // Makes a symbolic link with this text, where nothing may be. False where the file system has none.
  [[nodiscard]] virtual bool MakeLink(const std::string& text, const std::string& name) = 0;

  // The text of a symbolic link; nothing where the name is something else or nothing.
  [[nodiscard]] virtual std::optional<std::string> ReadLink(const std::string& name) = 0;

  // Makes `new_name`, where nothing may be, a second name of a file. False where the file system has none.
  [[nodiscard]] virtual bool MakeHardLink(const std::string& name, Folder& to,
                                          const std::string& new_name) = 0;

  // The names in the folder, in order.
  [[nodiscard]] virtual std::vector<std::string> List() = 0;

  // Opens the file, creating it where there is none, and locks it. Null where another process has the lock.
  // Anything but a regular file of one name is an error.
  [[nodiscard]] virtual std::unique_ptr<LockedFile> Lock(const std::string& name) = 0;

  // Makes what happened to the names in the folder lasting.
  virtual void Sync() = 0;
};

}  // namespace qi8
