#include "optimize/optimized_input.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/text.hpp"
#include "hash/hash_file.hpp"
#include "qi8/error.hpp"

namespace qi8 {

namespace {

constexpr const char* kModelName = "model.onnx";

bool HasExternalData(const Model& model) {
  return std::ranges::count_if(model.files(), [](const InputFile& file) { return !file.in_memory; }) > 1;
}

std::string Without(std::string text, const std::string& part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
  return text;
}

}  // namespace

OptimizedInput::OptimizedInput(FileSystem& file_system, Model source, const Optimizing& how)
    : file_system_(file_system),
      source_(std::move(source)),
      beside_(file_system_.OpenFolder(FolderOf(how.beside))),
      staging_(StagingFolder::Claim(*beside_, "." + how.beside.filename().native() + ".qi8-optimized")) {
  if (!staging_) {
    throw Error(ErrorKind::kFailure, "another run is optimizing the model of " + Quote(how.beside.native()) +
                                         "; wait for its end, or give this one another output");
  }
  try {
    RequireOwnLeftovers();  // or nothing is touched
  } catch (const Error&) {
    staging_->GiveUpUnused();
    throw;
  }
  // By the open folder: the optimizer, which knows only paths, must not be led into another one.
  model_ = staging_->folder().StablePath() / kModelName;
  try {
    if (how.hash_source) HashSource(how.should_stop);
    Clear();
    how.optimizer.Optimize(source_.files()[0].file->path(), HasExternalData(source_), how.level, model_);
    RequireUnchangedSource();
  } catch (const std::exception&) {
    Remove();
    throw;
  }
}

OptimizedInput::~OptimizedInput() { Remove(); }

// Where there is external data, ONNX Runtime 1.30 leaves the initializers of bodies where they were and
// writes them a second time, and does not load that itself (its pull request 32474); 1.32 writes them
// correctly. So what was written decides, not the version.
Model OptimizedInput::Load() const {
  const auto refuse = [this](const std::string& why) {
    throw Error(ErrorKind::kFailure,
                "what the optimizer made of " + Quote(source_.files()[0].file->path()) +
                    " is not a valid model: " + why +
                    "; quantize it as it is, without --optimize, or with a later version of the "
                    "optimizer");
  };
  try {
    return Model::LoadOptimized(file_system_, model_, source_.Header());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInvalidModel) {
      // Its folder is named by a file descriptor, and goes when this run ends: it is nothing to look for.
      refuse(Without(error.what(), model_.parent_path().native() + "/"));
    }
    throw;
  }
}

void OptimizedInput::HashSource(const std::function<bool()>& should_stop) {
  for (const InputFile& input : source_.files()) {
    if (!input.in_memory) source_hashes_.push_back(HashFile(*input.file, should_stop));
  }
}

// The optimizer opened the files anew, by their names.
void OptimizedInput::RequireUnchangedSource() const {
  for (const InputFile& input : source_.files()) {
    if (input.in_memory || file_system_.Identify(input.file->path()) == input.identity) continue;
    throw Error(ErrorKind::kFailure, "input " + Quote(input.file->path()) +
                                         " was changed while it was read; run again when it is complete");
  }
}

// An optimizer writes the model, and its data beside it.
void OptimizedInput::RequireOwnLeftovers() {
  for (const std::string& name : staging_->List()) {
    const auto entry = staging_->folder().Examine(name);
    const bool is_ours = name.starts_with(kModelName) && entry && entry->kind == EntryStatus::Kind::kFile;
    if (!is_ours) staging_->Refuse(name, "no optimizer wrote it");
  }
}

void OptimizedInput::Clear() {
  for (const std::string& name : staging_->List()) staging_->folder().Remove(name);
}

void OptimizedInput::Remove() noexcept {
  try {
    Clear();
    staging_->Remove();
  } catch (const std::exception&) {
    // What is left is cleared by the next run, and is not a failure of this one.
  }
}

}  // namespace qi8
