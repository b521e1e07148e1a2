#include "io/open_beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/text.hpp"
#include "io/posix_calls.hpp"
#include "io/posix_file.hpp"

namespace qi8::posix {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVouch = "; if you trust the model's folder, --follow-links reads it";

// Where the path lies beneath `base`; nothing where it lies elsewhere. Both without links and "..".
std::optional<fs::path> Beneath(const fs::path& base, const fs::path& path) {
  const auto [base_end, rest] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
  if (base_end != base.end()) return std::nullopt;
  fs::path beneath;
  for (auto part = rest; part != path.end(); ++part) beneath /= *part;
  return beneath.empty() ? fs::path(".") : beneath;
}

// Opens a file beneath a folder that stays the same while its path is resolved, whatever is put in its place.
class BeneathFolder {
 public:
  // `root` is canonical.
  BeneathFolder(fs::path root, BeneathBy by)
      : root_(std::move(root)), by_(by), fd_(static_cast<int>(Retry([&] {
          return ::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        }))) {
    if (!fd_.is_open()) FailWithErrno("open folder", root_.native());
  }

  // `relative` is as seen from the root; `shown` is what messages call the file, `location` what the model
  // calls it.
  [[nodiscard]] Descriptor Open(const fs::path& relative, const std::string& shown,
                                const std::string& location) const {
    Descriptor fd(by_ == BeneathBy::kKernel ? AskKernel(relative) : -1);
    // Where the kernel cannot or may not do it, and also where it refuses: a link to an absolute path within
    // the folder is none for the kernel, and a refusal wants its reason told.
    return fd.is_open() ? std::move(fd) : OpenStepByStep(Resolve(relative, shown, location));
  }

 private:
  [[nodiscard]] int AskKernel(const fs::path& relative) const {
    open_how how{};
    how.flags = kReadFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, fd_.get(), relative.c_str(), &how, sizeof(how)));
  }

  // Where the path leads, as seen from the root: no "..", and a link at the time of asking nowhere.
  [[nodiscard]] fs::path Resolve(const fs::path& relative, const std::string& shown,
                                 const std::string& location) const {
    std::error_code error;
    const fs::path resolved = fs::canonical(root_ / relative, error);
    if (error) Fail("cannot open " + Quote(shown) + ": " + error.message());
    if (auto beneath = Beneath(root_, resolved)) return *std::move(beneath);
    Fail("its location " + Quote(location) + " leads out of the model's folder to " +
         Quote(resolved.native()) + kVouch);
  }

  // Follows no link, so that one that was put there since is an error.
  [[nodiscard]] Descriptor OpenStepByStep(const fs::path& beneath) const {
    const auto open = [](int at, const fs::path& part, int flags) {
      return Descriptor(static_cast<int>(
          Retry([&] { return ::openat(at, part.c_str(), flags | O_NOFOLLOW | O_CLOEXEC); })));
    };
    Descriptor folder = open(fd_.get(), ".", O_PATH | O_DIRECTORY);
    for (const fs::path& part : beneath.parent_path()) {
      if (!folder.is_open()) break;
      folder = open(folder.get(), part, O_PATH | O_DIRECTORY);
    }
    if (!folder.is_open()) return folder;
    return open(folder.get(), beneath.filename(), kReadFlags);
  }

  fs::path root_;
  BeneathBy by_;
  Descriptor fd_;
};

// A repository in the cache of the Hugging Face hub is a folder "models--OWNER--NAME" where the files that
// users open, snapshots/REVISION/..., are links to blobs/HASH of the same repository.
std::optional<fs::path> HubRepository(const fs::path& folder) {
  constexpr std::array<std::string_view, 3> kKinds = {"models--", "datasets--", "spaces--"};
  fs::path repository;
  const auto end = folder.end();
  for (auto part = folder.begin(); part != end; ++part) {
    repository /= *part;
    const std::string& name = part->native();
    const auto next = std::next(part);
    const bool is_repository =
        std::ranges::any_of(kKinds, [&](std::string_view kind) { return name.starts_with(kind); });
    if (!is_repository || next == end || *next != "snapshots" || std::next(next) == end) continue;
    std::error_code ignored;
    if (fs::is_directory(fs::symlink_status(repository / "blobs", ignored))) return repository;
  }
  return std::nullopt;
}

// The file has other names, which may lie anywhere: whoever made the name in the model's folder chose what it
// stands for. It is safe where that can only have been the user, or root, who both could have made a copy as
// well.
bool OnlyTheUserCanHaveLinkedIt(const struct stat& file, const struct stat& folder) {
  const auto is_trusted = [](uid_t owner) { return owner == ::geteuid() || owner == 0; };
  return is_trusted(file.st_uid) && is_trusted(folder.st_uid) && (folder.st_mode & S_IWOTH) == 0;
}

void RequireSafeHardLinks(const Descriptor& fd, const std::string& shown) {
  const struct stat file = Stat(fd.get(), shown);
  if (!S_ISREG(file.st_mode) || file.st_nlink <= 1) return;
  // Where the file was found, by the descriptor: its path may lead elsewhere by now.
  std::error_code error;
  const fs::path found = fs::read_symlink("/proc/self/fd/" + std::to_string(fd.get()), error);
  struct stat folder {};
  if (!error && ::stat(found.parent_path().c_str(), &folder) == 0 &&
      OnlyTheUserCanHaveLinkedIt(file, folder)) {
    return;
  }
  Fail(Quote(shown) +
       " has several hard links, and others than you or root own it or can put files into its folder, so it "
       "may be a "
       "file from elsewhere; copy it" +
       std::string(kVouch));
}

}  // namespace

std::unique_ptr<ReadableFile> OpenBeneath(const fs::path& folder, const std::string& relative,
                                          LinkPolicy links, BeneathBy by) {
  const fs::path wanted(relative);
  if (relative.empty()) Fail("its location is empty");
  if (relative.find('\0') != std::string::npos) Fail("its location has a zero byte in it");
  if (wanted.is_absolute())
    Fail("its location " + Quote(relative) + " is absolute, not relative to the model's folder");
  const std::string shown = (folder / wanted).native();
  if (*wanted.lexically_normal().begin() == "..") {
    Fail("its location " + Quote(relative) + " leads out of the model's folder to " + Quote(shown));
  }

  std::error_code error;
  const fs::path base = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
  if (error) Fail("cannot resolve folder " + Quote(folder.native()) + ": " + error.message());
  if (links == LinkPolicy::kFollow) {
    return RegularFile(
        Descriptor(static_cast<int>(Retry([&] { return ::open((base / wanted).c_str(), kReadFlags); }))),
        shown);
  }
  const fs::path root = HubRepository(base).value_or(base);
  Descriptor fd = BeneathFolder(root, by).Open(Beneath(root, base).value() / wanted, shown, relative);
  if (fd.is_open()) RequireSafeHardLinks(fd, shown);
  return RegularFile(std::move(fd), shown);
}

}  // namespace qi8::posix
