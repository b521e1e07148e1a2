#include "io/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {

TemporaryFolder::TemporaryFolder(FileSystem& file_system) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::temp_directory_path(error);
  std::string name = (place / "quantize-int8-XXXXXX").native();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorKind::kFailure, "cannot make a temporary folder in " + Quote(place.native()) + ": " +
                                         (error ? error.message() : std::strerror(errno)) +
                                         "; the environment variable TMPDIR names another place");
  }
  path_ = name;
  folder_ = file_system.OpenFolder(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace qi8
