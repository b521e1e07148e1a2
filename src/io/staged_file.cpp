#include "io/staged_file.hpp"

#include <unistd.h>

#include <exception>
#include <string>
#include <utility>

namespace qi8 {

StagedFile::StagedFile(FileSystem& file_system, std::filesystem::path destination)
    : file_system_(file_system),
      destination_(std::move(destination)),
      staged_path_(destination_.parent_path() / ("." + destination_.filename().native() + "." +
                                                 std::to_string(::getpid()) + ".qi8-staged")),
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
