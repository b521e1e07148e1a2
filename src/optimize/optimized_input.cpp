#include "optimize/optimized_input.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/text.hpp"
#include "hash/hash_file.hpp"
#include "qi8/error.hpp"

namespace qi8 {

namespace {

bool HasExternalData(const Model& model) {
  return std::ranges::count_if(model.files(), [](const InputFile& file) { return !file.in_memory; }) > 1;
}

}  // namespace

OptimizedInput::OptimizedInput(FileSystem& file_system, Model source, const Optimizing& how)
    : file_system_(file_system),
      source_(std::move(source)),
      folder_(how.beside.parent_path() / ("." + how.beside.filename().native() + ".qi8-optimized")),
      model_(folder_ / "model.onnx"),
      claim_(file_system_.ClaimFolder(folder_)) {
  if (!claim_) {
    throw Error(ErrorKind::kFailure, "another run is optimizing the model of " + Quote(how.beside.native()) +
                                         "; wait for its end, or give this one another output");
  }
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

// Where there is external data, ONNX Runtime writes the initializers of bodies twice or leaves them where
// they were, and does not load that itself (its pull request 32474).
Model OptimizedInput::Load() const {
  const auto refuse = [this](const std::string& why) {
    throw Error(ErrorKind::kFailure, "what the optimizer made of " + Quote(source_.files()[0].file->path()) +
                                         " is no valid model: " + why +
                                         "; quantize it as it is, without --optimize");
  };
  try {
    return Model::LoadOptimized(file_system_, model_, source_.Header());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInvalidModel) refuse(error.what());
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

void OptimizedInput::Clear() {
  for (const std::string& name : file_system_.List(folder_)) {
    if (name != "lock") file_system_.Remove(folder_ / name);
  }
}

void OptimizedInput::Remove() noexcept {
  try {
    Clear();
    claim_->RemoveFolder();
  } catch (const std::exception&) {
    // What is left is cleared by the next run, and is no failure of this one.
  }
}

}  // namespace qi8
