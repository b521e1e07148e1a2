#include "models/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "qi8/error.hpp"

namespace qi8::models {

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path_, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorKind::kFailure, "'" + path_.native() + "' exists and is not a regular file");
  }
  // Others may write beside us, and a killed run may have left its file: take the first free name.
  constexpr int kNames = 100;
  for (int i = 0; i < kNames; ++i) {
    temporary_ = path_;
    temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(i);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST) break;
  }
  const int error = errno;
  temporary_.clear();
  fail("create", error);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write", errno);
    }
    const auto count = static_cast<std::size_t>(written);
    bytes = bytes.subspan(count);
    size_ += count;
  }
}

void OutputFile::finish() {
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("close", errno);
}

void OutputFile::publish() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("replace", errno);
  temporary_.clear();
}

void OutputFile::fail(const char* action, int error) const {
  throw Error(ErrorKind::kFailure, std::string("cannot ") + action + " '" + path_.native() +
                                       "': " + std::generic_category().message(error));
}

}  // namespace qi8::models
