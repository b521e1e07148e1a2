#include "io/staged_file.hpp"

#include <unistd.h>

#include <exception>
#include <string>
#include <utility>

namespace qi8 {

namespace {

// A run that was killed may have left a file behind, and process numbers come again.
std::filesystem::path FreeName(FileSystem& file_system, const std::filesystem::path& destination) {
  const std::string start = "." + destination.filename().native() + "." + std::to_string(::getpid());
  for (int number = 0;; ++number) {
    const auto path = destination.parent_path() /
                      (start + (number == 0 ? "" : "-" + std::to_string(number)) + ".qi8-staged");
    if (!file_system.Identify(path)) return path;
  }
}

}  // namespace

StagedFile::StagedFile(FileSystem& file_system, std::filesystem::path destination)
    : file_system_(file_system),
      destination_(std::move(destination)),
      staged_path_(FreeName(file_system, destination_)),
      file_(file_system_.Create(staged_path_)) {}

StagedFile::~StagedFile() {
  if (published_) return;
  file_.reset();
  try {
    file_system_.Remove(staged_path_);
  } catch (const std::exception&) {
    // The run is failing already, with a better reason than this one.
  }
}

void StagedFile::Finish() {
  file_->Sync();
  file_->Close();
}

void StagedFile::Publish() {
  file_system_.Rename(staged_path_, destination_);
  published_ = true;
}

}  // namespace qi8
