#include "runtime/find_library.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace qi8::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLibrary = "libonnxruntime.so";

fs::path Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The numbers behind `prefix`, as {1, 32, 0} of "libonnxruntime.so.1.32.0"; nothing where another thing
// follows it.
std::optional<std::vector<int>> VersionBehind(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::vector<int> version;
  while (!name.empty()) {
    if (name.front() == '.') name.remove_prefix(1);
    int number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec != std::errc()) return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(parsed.ptr - name.data()));
    version.push_back(number);
  }
  return version;
}

// What is in the folder with a name of this prefix and numbers behind it, the highest version first. A folder
// that is not there or cannot be read has nothing in it.
std::vector<fs::path> Versions(const fs::path& folder, std::string_view prefix) {
  std::vector<std::pair<std::vector<int>, fs::path>> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    auto version = VersionBehind(entry->path().filename().native(), prefix);
    if (version) entries.emplace_back(std::move(*version), entry->path());
  }
  std::sort(entries.begin(), entries.end(), std::greater<>());
  std::vector<fs::path> paths;
  paths.reserve(entries.size());
  for (auto& [version, path] : entries) paths.push_back(std::move(path));
  return paths;
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// libonnxruntime.so.1.32.0 (pip), .so.1 (npm), .so (a link in release archives).
std::optional<fs::path> LibraryIn(const fs::path& folder) {
  for (const fs::path& file : Versions(folder, kLibrary)) {
    if (IsFile(file)) return file;
  }
  return std::nullopt;
}

// Whether `library` is as safe as the program: from the last folder that both are in, everything on the way
// to it belongs to root, to the user or to the program's owner, and nobody else may write to it.
bool AsSafeAs(const fs::path& program, const fs::path& library) {
  std::error_code error;
  const fs::path trusted = fs::canonical(program, error);
  fs::path part = fs::canonical(library, error);
  struct stat status {};
  if (error || ::stat(trusted.c_str(), &status) != 0) return false;
  const uid_t owner = status.st_uid;
  const auto holds_the_program = [&trusted](const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), trusted.begin(), trusted.end()).first == folder.end();
  };
  for (; !holds_the_program(part); part = part.parent_path()) {
    if (::lstat(part.c_str(), &status) != 0 || (status.st_mode & S_IWOTH) != 0) return false;
    if (status.st_uid != 0 && status.st_uid != ::geteuid() && status.st_uid != owner) return false;
  }
  return true;
}

class Search {
 public:
  void BesideTheProgram(const fs::path& program) {
    if (program.empty()) return;
    const fs::path folder = program.parent_path();
    for (const fs::path& place : {folder, (folder / "../lib").lexically_normal(),
                                  (folder / "../onnxruntime/lib").lexically_normal()}) {
      const auto library = LibraryIn(place);
      if (library && !AsSafeAs(program, *library)) {
        result.looked.push_back(place.native() +
                                " (not taken: others than the program's owner may write to it)");
        continue;
      }
      Take(library, place.native());
    }
  }

  // Of a Python whose lib/ is in `prefix`: Debian's own packages lie beside those of /usr/local.
  void PipPackage(const fs::path& prefix, const std::string& whose) {
    if (!prefix.is_absolute()) return;
    std::optional<fs::path> library;
    for (const char* lib : {"lib", "lib64", "local/lib"}) {
      for (const fs::path& python : Versions(prefix / lib, "python")) {
        for (const char* packages : {"site-packages", "dist-packages"}) {
          if (!library) library = LibraryIn(python / packages / "onnxruntime/capi");
        }
      }
    }
    Take(library, "the pip package onnxruntime of " + whose + ", " + prefix.native());
  }

  LibrarySearch result;

 private:
  void Take(const std::optional<fs::path>& library, std::string place) {
    result.looked.push_back(std::move(place));
    if (library) result.found.push_back(*library);
  }
};

// The prefix of the python3 that a shell would start; empty: there is none. What is relative on PATH depends
// on the current folder, and is passed over.
fs::path PrefixOfPython(const std::string& path) {
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const fs::path python = fs::path(path.substr(begin, end - begin)) / "python3";
    begin = end + 1;
    if (!python.is_absolute() || !IsFile(python) || ::access(python.c_str(), X_OK) != 0) continue;
    fs::path prefix = python.parent_path().parent_path();
    if (IsFile(prefix / "pyvenv.cfg")) return prefix;  // its python3 is a link to that of another prefix
    std::error_code error;
    const fs::path real = fs::canonical(python, error);
    return error ? prefix : real.parent_path().parent_path();
  }
  return {};
}

}  // namespace

Surroundings Surroundings::OfThisProcess() {
  std::error_code ignored;
  return {.program = fs::read_symlink("/proc/self/exe", ignored),
          .virtual_env = Variable("VIRTUAL_ENV"),
          .conda = Variable("CONDA_PREFIX"),
          .home = Variable("HOME"),
          .path = Variable("PATH").native()};
}

LibrarySearch FindLibraries(const Surroundings& surroundings) {
  Search search;
  search.BesideTheProgram(surroundings.program);
  search.PipPackage(surroundings.virtual_env, "VIRTUAL_ENV");
  search.PipPackage(surroundings.conda, "CONDA_PREFIX");
  search.PipPackage(PrefixOfPython(surroundings.path), "the python3 on PATH");
  if (!surroundings.home.empty()) search.PipPackage(surroundings.home / ".local", "the user");
  return std::move(search.result);
}

fs::path LibraryNamed(const fs::path& name) {
  std::error_code ignored;
  if (!fs::is_directory(name, ignored)) return name;
  for (const char* folder : {".", "lib", "capi"}) {
    if (const auto library = LibraryIn((name / folder).lexically_normal())) return *library;
  }
  return name;
}

}  // namespace qi8::runtime
