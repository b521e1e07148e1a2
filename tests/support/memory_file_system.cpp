#include "support/memory_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& action, const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::kFailure, "cannot " + action + " " + Quote(path) + ": " + reason);
}

[[nodiscard]] std::string Normal(const fs::path& path) {
  std::string text = path.lexically_normal().native();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text.empty() ? "." : text;
}

[[nodiscard]] bool IsRoot(const std::string& path) { return path == "." || path == "/"; }

[[nodiscard]] std::string ParentOf(const std::string& path) { return Normal(fs::path(path).parent_path()); }

}  // namespace

class MemoryFileSystem::File final : public ReadableFile {
 public:
  File(MemoryFileSystem& owner, std::string path, std::shared_ptr<Contents> contents)
      : owner_(owner), path_(std::move(path)), contents_(std::move(contents)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileIdentity Identity() const override {
    const std::lock_guard lock(owner_.mutex_);
    return IdentityOf(*contents_);
  }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    const std::lock_guard lock(owner_.mutex_);
    owner_.reads_.push_back({path_, {offset, into.size()}});
    ReadContents(*contents_, path_, offset, into);
  }

 private:
  MemoryFileSystem& owner_;
  std::string path_;
  std::shared_ptr<Contents> contents_;
};

class MemoryFileSystem::Writer final : public WritableFile {
 public:
  Writer(MemoryFileSystem& owner, std::string path, std::shared_ptr<Contents> contents)
      : owner_(owner), path_(std::move(path)), contents_(std::move(contents)) {}

  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const std::lock_guard lock(owner_.mutex_);
    const std::uint64_t end = offset + bytes.size();
    if (contents_->bytes.size() < end) contents_->bytes.resize(end);
    contents_->size = std::max(contents_->size, end);
    if (!bytes.empty()) std::memcpy(contents_->bytes.data() + offset, bytes.data(), bytes.size());
    ++contents_->writes;
  }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    const std::lock_guard lock(owner_.mutex_);
    ReadContents(*contents_, path_, offset, into);
  }
  void Reserve(std::uint64_t size) override {
    const std::lock_guard lock(owner_.mutex_);
    contents_->size = std::max(contents_->size, size);
  }
  void StartWriteBack(std::uint64_t, std::uint64_t) override {}
  void Sync() override {}
  void Close() override {}

 private:
  MemoryFileSystem& owner_;
  std::string path_;
  std::shared_ptr<Contents> contents_;
};

class MemoryFileSystem::Locked final : public LockedFile {
 public:
  Locked(MemoryFileSystem& owner, std::shared_ptr<Contents> contents)
      : owner_(owner), contents_(std::move(contents)) {}
  ~Locked() override {
    const std::lock_guard lock(owner_.mutex_);
    owner_.locked_.erase(contents_->inode);
  }
  EntryStatus Status() override {
    const std::lock_guard lock(owner_.mutex_);
    return StatusOf({contents_, {}});
  }
  std::string Read(std::size_t limit) override {
    const std::lock_guard lock(owner_.mutex_);
    return contents_->bytes.substr(0, limit);
  }
  void Write(const std::string& text) override {
    const std::lock_guard lock(owner_.mutex_);
    contents_->bytes = text;
    contents_->size = text.size();
    ++contents_->writes;
  }

 private:
  MemoryFileSystem& owner_;
  std::shared_ptr<Contents> contents_;
};

// By its path: unlike an open folder of a real file system, it does not move with the folder.
class MemoryFileSystem::MemoryFolder final : public Folder {
 public:
  MemoryFolder(MemoryFileSystem& owner, fs::path path) : owner_(owner), path_(std::move(path)) {}

  const fs::path& path() const override { return path_; }
  fs::path StablePath() const override { return path_; }
  EntryStatus Status() override {
    const std::lock_guard lock(owner_.mutex_);
    if (IsRoot(Normal(path_))) return {.kind = EntryStatus::Kind::kFolder, .owner = User()};
    return StatusOf(owner_.Existing(path_, LastLink::kFollow, "examine"));
  }
  std::uint32_t User() const override { return 0; }
  EntryStatus StatusOfNewFolder() override { return {.kind = EntryStatus::Kind::kFolder, .owner = User()}; }

  std::optional<EntryStatus> Examine(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.Find(path_ / name, LastLink::kKeep);
    if (found == owner_.nodes_.end()) return std::nullopt;
    return StatusOf(found->second);
  }

  std::unique_ptr<ReadableFile> Open(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const Node& node = owner_.Existing(path_ / name, LastLink::kKeep, "open");
    if (!node.contents) Fail("read", PathOf(name), "it is not a regular file");
    return std::make_unique<File>(owner_, PathOf(name).native(), node.contents);
  }

  std::unique_ptr<WritableFile> Create(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const Node& node = owner_.Insert(path_ / name, {owner_.NewContents("", 0), {}}, "create");
    return std::make_unique<Writer>(owner_, PathOf(name).native(), node.contents);
  }

  std::unique_ptr<WritableFile> CreateLike(const EntryStatus&, const std::string& name) override {
    return Create(name);
  }

  std::unique_ptr<Folder> OpenFolder(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.Find(path_ / name, LastLink::kKeep);
    if (found == owner_.nodes_.end()) return nullptr;
    if (!found->second.is_folder()) Fail("open the folder", PathOf(name), "Not a directory");
    return std::make_unique<MemoryFolder>(owner_, PathOf(name));
  }

  bool MakeFolder(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.Find(path_ / name, LastLink::kKeep) != owner_.nodes_.end()) return false;
    owner_.Insert(path_ / name, {nullptr, {}, ++owner_.last_inode_}, "make the folder");
    return true;
  }

  bool RemoveFolder(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.Find(path_ / name, LastLink::kKeep);
    if (found == owner_.nodes_.end()) return true;
    if (!found->second.is_folder()) Fail("remove the folder", PathOf(name), "Not a directory");
    const auto next = std::next(found);
    if (next != owner_.nodes_.end() && next->first.starts_with(found->first + "/")) return false;
    owner_.nodes_.erase(found);
    return true;
  }

  void Remove(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.Find(path_ / name, LastLink::kKeep);
    if (found == owner_.nodes_.end()) return;
    if (found->second.is_folder()) Fail("remove", PathOf(name), "it is a folder");
    owner_.nodes_.erase(found);
  }

  void Rename(const std::string& name, Folder& to, const std::string& new_name) override {
    const std::lock_guard lock(owner_.mutex_);
    owner_.Move(PathOf(name), to.PathOf(new_name));
  }

  bool Exchange(const std::string& name, Folder& other, const std::string& other_name) override {
    const std::lock_guard lock(owner_.mutex_);
    std::swap(owner_.Existing(path_ / name, LastLink::kKeep, "exchange"),
              owner_.Existing(other.PathOf(other_name), LastLink::kKeep, "exchange"));
    return true;
  }

  bool MakeLink(const std::string& text, const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    owner_.Insert(path_ / name, {nullptr, text, ++owner_.last_inode_}, "make the link");
    return true;
  }

  std::optional<std::string> ReadLink(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto found = owner_.Find(path_ / name, LastLink::kKeep);
    return found == owner_.nodes_.end() ? std::nullopt : found->second.link;
  }

  bool MakeHardLink(const std::string& name, Folder& to, const std::string& new_name) override {
    const std::lock_guard lock(owner_.mutex_);
    owner_.Insert(to.PathOf(new_name),
                  owner_.Existing(path_ / name, LastLink::kKeep, "make a second name of"),
                  "make a second name");
    return true;
  }

  std::vector<std::string> List() override {
    const std::lock_guard lock(owner_.mutex_);
    std::vector<std::string> names;
    const std::string resolved = owner_.Resolve(path_, LastLink::kFollow);
    const std::string start = resolved == "." ? "" : resolved == "/" ? "/" : resolved + "/";
    for (auto inside = owner_.nodes_.lower_bound(start);
         inside != owner_.nodes_.end() && inside->first.starts_with(start); ++inside) {
      const std::string name = inside->first.substr(start.size());
      if (name.find('/') == std::string::npos) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

  std::unique_ptr<LockedFile> Lock(const std::string& name) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.Find(path_ / name, LastLink::kKeep) == owner_.nodes_.end()) {
      owner_.Insert(path_ / name, {owner_.NewContents("", 0), {}}, "lock");
    }
    const Node& node = owner_.Existing(path_ / name, LastLink::kKeep, "lock");
    if (!node.contents) Fail("lock", PathOf(name), "it is not a regular file");
    if (!owner_.locked_.insert(node.contents->inode).second) return nullptr;
    return std::make_unique<Locked>(owner_, node.contents);
  }

  void Sync() override {}

 private:
  MemoryFileSystem& owner_;
  fs::path path_;
};

void MemoryFileSystem::Add(const std::string& path, std::string bytes) {
  const std::lock_guard lock(mutex_);
  MakeParents(Normal(path));
  const std::uint64_t size = bytes.size();
  nodes_[Normal(path)] = {NewContents(std::move(bytes), size), {}};
}

void MemoryFileSystem::AddZeros(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  MakeParents(Normal(path));
  nodes_[Normal(path)] = {NewContents("", size), {}};
}

void MemoryFileSystem::AddFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  MakeParents(path + "/inside");
}

std::map<std::string, std::string> MemoryFileSystem::Listing() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> listing;
  for (const auto& [path, node] : nodes_) {
    if (node.link) {
      listing[path] = "-> " + *node.link;
    } else if (node.is_folder()) {
      listing[path] = "/";
    } else {
      listing[path] = node.contents->bytes;
      listing[path].resize(node.contents->size);
    }
  }
  return listing;
}

std::unique_ptr<ReadableFile> MemoryFileSystem::OpenForReading(const fs::path& path) {
  const std::lock_guard lock(mutex_);
  const Node& node = Existing(path, LastLink::kFollow, "open");
  if (node.is_folder()) Fail("read", path.native(), "it is a folder, not a file");
  opened_.push_back(path.native());
  return std::make_unique<File>(*this, path.native(), node.contents);
}

std::unique_ptr<ReadableFile> MemoryFileSystem::OpenBeneath(const fs::path& folder,
                                                            const std::string& relative) {
  const fs::path wanted = fs::path(relative).lexically_normal();
  if (relative.empty()) throw Error(ErrorKind::kFailure, "its location is empty");
  if (wanted.is_absolute() || *wanted.begin() == "..") {
    throw Error(ErrorKind::kFailure, "its location " + Quote(relative) + " leads out of the model's folder");
  }
  return OpenForReading((folder / wanted).lexically_normal());
}

std::optional<FileIdentity> MemoryFileSystem::Identify(const fs::path& path) {
  const std::lock_guard lock(mutex_);
  const auto found = Find(path, LastLink::kFollow);
  if (found == nodes_.end()) {
    if (IsRoot(Normal(path))) return FileIdentity{.device = 1};
    return std::nullopt;
  }
  return StatusOf(found->second).identity;
}

bool MemoryFileSystem::IsFolder(const fs::path& path) {
  const std::lock_guard lock(mutex_);
  const auto found = Find(path, LastLink::kFollow);
  return found == nodes_.end() ? IsRoot(Normal(path)) : found->second.is_folder();
}

std::unique_ptr<Folder> MemoryFileSystem::OpenFolder(const fs::path& path) {
  if (!IsFolder(path)) Fail("open the folder", path.native(), "No such file or directory");
  return std::make_unique<MemoryFolder>(*this, path);
}

void MemoryFileSystem::Move(const fs::path& from, const fs::path& to) {
  Node node = Existing(from, LastLink::kKeep, "rename");
  const auto target = Find(to, LastLink::kKeep);
  if (target != nodes_.end()) {
    if (target->second.is_folder()) Fail("rename a finished file to", to.native(), "it is a folder");
    // As POSIX has it: two names of one file stay two.
    if (node.contents && target->second.contents == node.contents) return;
    nodes_.erase(target);
  }
  Insert(to, std::move(node), "rename a finished file to");
  nodes_.erase(Find(from, LastLink::kKeep));
  const std::string old_start = Resolve(from, LastLink::kKeep) + "/";
  const std::string new_start = Resolve(to, LastLink::kKeep) + "/";
  for (auto inside = nodes_.lower_bound(old_start);
       inside != nodes_.end() && inside->first.starts_with(old_start);) {
    nodes_[new_start + inside->first.substr(old_start.size())] = std::move(inside->second);
    inside = nodes_.erase(inside);
  }
}

void MemoryFileSystem::RequireLog(const LogPlace& log) {
  const std::lock_guard lock(mutex_);
  const auto found = Find(log.path, LastLink::kKeep);
  if (found != nodes_.end() && !found->second.contents) Fail("append to", log.path.native(), "it is no file");
}

void MemoryFileSystem::AppendLocked(const LogPlace& log, const ComposeLine& compose,
                                    const std::function<bool()>&) {
  const std::lock_guard lock(mutex_);
  const fs::path& path = log.path;
  auto found = Find(path, LastLink::kFollow);
  if (found == nodes_.end()) {
    Insert(path, {NewContents("", 0), {}}, "open");
    found = Find(path, LastLink::kFollow);
  }
  if (!found->second.contents) Fail("open", path.native(), "Is a directory");
  Contents& contents = *found->second.contents;
  std::string_view lines = contents.bytes;
  const bool is_whole = lines.empty() || lines.ends_with('\n');
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  const std::string last_line(lines.substr(lines.rfind('\n') + 1));
  contents.bytes += (is_whole ? "" : "\n") + compose(last_line);
  contents.size = contents.bytes.size();
  ++contents.writes;
}

std::string MemoryFileSystem::Resolve(const fs::path& path, LastLink last_link) const {
  constexpr int kMostLinks = 40;
  std::string name = Normal(path);
  // Up to `end` there is no link.
  int links = 0;
  for (std::size_t end = 0; end < name.size();) {
    end = std::min(name.find('/', end + 1), name.size());
    if (end == name.size() && last_link == LastLink::kKeep) break;
    const auto found = nodes_.find(name.substr(0, end));
    if (found == nodes_.end() || !found->second.link) continue;
    if (++links > kMostLinks) Fail("examine", path.native(), "Too many levels of symbolic links");
    name = Normal(fs::path(ParentOf(found->first)) / (*found->second.link + name.substr(end)));
    end = 0;
  }
  return name;
}

MemoryFileSystem::Nodes::iterator MemoryFileSystem::Find(const fs::path& path, LastLink last_link) {
  return nodes_.find(Resolve(path, last_link));
}

MemoryFileSystem::Node& MemoryFileSystem::Existing(const fs::path& path, LastLink last_link,
                                                   const char* action) {
  const auto found = Find(path, last_link);
  if (found == nodes_.end()) Fail(action, path.native(), "No such file or directory");
  return found->second;
}

MemoryFileSystem::Node& MemoryFileSystem::Insert(const fs::path& path, Node node, const char* action) {
  const std::string name = Resolve(path, LastLink::kKeep);
  const std::string parent = ParentOf(name);
  const auto folder = nodes_.find(parent);
  if (!IsRoot(parent) && (folder == nodes_.end() || !folder->second.is_folder())) {
    Fail(action, path.native(), "No such file or directory");
  }
  const auto [place, inserted] = nodes_.try_emplace(name, std::move(node));
  if (!inserted) Fail(action, path.native(), "File exists");
  return place->second;
}

void MemoryFileSystem::MakeParents(const std::string& path) {
  for (std::string folder = ParentOf(path); !IsRoot(folder); folder = ParentOf(folder)) {
    nodes_.try_emplace(folder, Node{nullptr, {}, ++last_inode_});
  }
}

std::shared_ptr<MemoryFileSystem::Contents> MemoryFileSystem::NewContents(std::string bytes,
                                                                          std::uint64_t size) {
  return std::make_shared<Contents>(Contents{std::move(bytes), size, ++last_inode_, 0});
}

FileIdentity MemoryFileSystem::IdentityOf(const Contents& contents) {
  return {.device = 1, .inode = contents.inode, .size = contents.size, .modified_ns = contents.writes};
}

EntryStatus MemoryFileSystem::StatusOf(const Node& node) {
  using Kind = EntryStatus::Kind;
  if (node.contents) return {.kind = Kind::kFile, .identity = IdentityOf(*node.contents)};
  return {.kind = node.link ? Kind::kLink : Kind::kFolder, .identity = {.device = 1, .inode = node.inode}};
}

void MemoryFileSystem::ReadContents(const Contents& contents, const std::string& path, std::uint64_t offset,
                                    std::span<std::byte> into) {
  if (!ByteRange{offset, into.size()}.Within(contents.size)) Fail("read", path, "it ends before");
  std::ranges::fill(into, std::byte{0});
  if (offset >= contents.bytes.size()) return;
  const auto count = std::min<std::uint64_t>(into.size(), contents.bytes.size() - offset);
  if (count > 0) std::memcpy(into.data(), contents.bytes.data() + offset, count);
}

std::string Assemble(const ModelImage& image,
                     const std::function<std::string(std::uint32_t, std::uint64_t)>& bytes_of) {
  std::string file;
  std::size_t position = 0;
  for (const auto& slot : image.slots) {
    file += image.text.substr(position, slot.text_position - position);
    position = slot.text_position;
    if (file.size() != slot.offset) throw std::logic_error("a slot is not where it says");
    file += bytes_of(slot.tensor, slot.length);
  }
  return file + image.text.substr(position);
}

std::string Zeros(std::uint32_t, std::uint64_t length) { return std::string(length, '\0'); }

}  // namespace qi8::testing
