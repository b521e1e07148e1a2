#include "verify/verify.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "audit/checksum_file.hpp"
#include "core/text.hpp"
#include "hash/hash_file.hpp"
#include "io/peak_memory.hpp"
#include "kernels/isa.hpp"
#include "model/model.hpp"
#include "optimize/optimized_input.hpp"
#include "origin/origin.hpp"
#include "verify/check.hpp"
#include "verify/rederive.hpp"
#include "verify/structure.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

// A checksum file is read whole.
constexpr std::uint64_t kMostChecksumBytes = 16ULL << 20U;

// One verification: what its checks share, and what they find.
class Verification {
 public:
  Verification(FileSystem& file_system, const VerifyOptions& options, Observer& observer,
               Optimizer* optimizer, Rounder* rounder)
      : file_system_(file_system),
        options_(options),
        observer_(observer),
        optimizer_(optimizer),
        rounder_(rounder) {}

  VerifyReport Go() {
    const auto start = std::chrono::steady_clock::now();
    observer_.OnStage("load");
    ReadChecksums();
    LoadModel();
    CheckStructure();
    CheckOrigin();
    if (options_.against) Rederive();
    observer_.OnStage("checksums");
    CheckChecksums();
    if (model_) RequireUnchanged(*model_);

    VerifyReport report;
    report.checks = {checksums_, loads_, names_, order_, weights_, origin_check_};
    if (options_.against)
      report.checks.insert(report.checks.end(), {source_, rederived_.tensors, rederived_.graph});
    report.weights = std::move(rederived_.weights);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.peak_memory_bytes = PeakMemory();
    return report;
  }

 private:
  fs::path ChecksumPath() const {
    fs::path beside = options_.model;
    beside += ".sha256";
    return options_.checksum_file.value_or(beside);
  }

  void ReadChecksums() {
    if (!options_.use_checksums) return;
    const fs::path path = ChecksumPath();
    if (!file_system_.Identify(path)) {
      throw Error(ErrorKind::kFailure, "there is no checksum file " + Quote(path.native()) +
                                           "; name it with --checksums, or go without it by --no-checksums");
    }
    const auto file = file_system_.OpenForReading(path);
    const std::uint64_t size = file->Identity().size;
    if (size > kMostChecksumBytes) {
      throw Error(ErrorKind::kFailure, Quote(path.native()) + " has " + FormatBytes(size) +
                                           ", too much for a checksum file; name another with --checksums");
    }
    std::string text(size, '\0');
    file->ReadAt(0, std::as_writable_bytes(std::span(text)));
    entries_ = ParseChecksums(text);
  }

  void LoadModel() {
    // What cannot be opened cannot be read at all; what is read and is not a model does not hold.
    model_file_ = file_system_.OpenForReading(options_.model);
    try {
      model_.emplace(Model::Load(file_system_, options_.model));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInvalidModel) throw;
      AddProblem(loads_, error.what());
      return;
    }
    for (const std::string& warning : model_->warnings()) observer_.OnWarning(warning);
    std::uint64_t bytes = 0;
    for (const InputFile& file : model_->files()) bytes += file.in_memory ? 0 : file.identity.size;
    loads_.detail = FormatCount(model_->tensors().size(), "tensor") + ", " + FormatBytes(bytes);
  }

  void CheckStructure() {
    if (!model_) return;
    names_ = CheckNames(*model_);
    order_ = CheckOrder(*model_);
    weights_ = CheckWeights(*model_);
  }

  void CheckOrigin() {
    if (!model_) return;
    origin_check_ = NewCheck("origin");
    try {
      origin_ = ReadOrigin(model_->Metadata());
    } catch (const Error& error) {
      return AddProblem(origin_check_, error.what());
    }
    origin_check_.detail = "quantize-int8 " + origin_->version;
    const std::uint64_t files = CountFiles(*model_);
    if (origin_->options.external_data == ExternalData::kNever && files > 1) {
      AddProblem(origin_check_, "it says that weights stand in the model, but there is a data file");
    }
  }

  static std::uint64_t CountFiles(const Model& model) {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(model.files(), [](const InputFile& file) { return !file.in_memory; }));
  }

  void Rederive() {
    const std::string why = !model_ ? "the model cannot be loaded" : "the model does not say how it was made";
    if (!model_ || !origin_) {
      source_ = NotChecked("source", why);
      rederived_.tensors = NotChecked("tensors", why);
      rederived_.graph = NotChecked("graph", why);
      return;
    }
    RederiveSource source = Source();
    const ExecuteOptions execute{.threads = options_.threads > 0 ? options_.threads : DefaultThreads(),
                                 .memory_budget = options_.memory_budget,
                                 .hash_inputs = origin_->options.hash_inputs && !optimized_,
                                 .measure_errors = true,
                                 .on_progress = {},
                                 .should_stop = [this] { return observer_.ShouldStop(); }};
    std::vector<std::string> source_hashes;
    try {
      rederived_ = qi8::Rederive(file_system_, *model_, *origin_, std::move(source), execute, observer_);
      source_hashes = rederived_.source_hashes;
    } catch (const Error& error) {
      // The model could not have been made from this one.
      if (error.kind() != ErrorKind::kUsage && error.kind() != ErrorKind::kInvalidModel) throw;
      rederived_.tensors = NewCheck("tensors");
      AddProblem(rederived_.tensors,
                 "it cannot be made from " + Quote(options_.against->native()) + ": " + error.what());
      rederived_.graph = NotChecked("graph", "it cannot be made again");
      if (origin_->options.hash_inputs) source_hashes = HashSource();
    }
    CheckSource(source_hashes);
    ExplainDifferences();
  }

  // What differs need not be damage: another source gives other bytes, and so may another version.
  void ExplainDifferences() {
    if (source_.outcome == CheckOutcome::kFails) {
      const std::string why = "this is not the model that was quantized";
      rederived_.tensors = NotChecked("tensors", why);
      rederived_.graph = NotChecked("graph", why);
      return;
    }
    for (Check* check : {&rederived_.tensors, &rederived_.graph}) {
      if (check->outcome != CheckOutcome::kFails) continue;
      const std::string& inputs = rederived_.inputs_sha256;
      if (!inputs.empty() && inputs != origin_->rounding.inputs_sha256) {
        check->advice = "the rounding was learned from other inputs: theirs have the SHA-256 " +
                        origin_->rounding.inputs_sha256 + ", and these have " + inputs;
      } else if (!inputs.empty()) {
        check->advice =
            "what is learned depends on the version of ONNX Runtime and on the processor; verify without "
            "--inputs elsewhere than where the model was made";
      } else if (origin_->schema < kOriginSchema) {
        check->advice = ("quantize-int8 " + origin_->version + " wrote this model, and version " + Version() +
                         " makes other bytes of some models; verify it with version " + origin_->version +
                         ", or quantize again");
      } else if (!origin_->options.hash_inputs) {
        check->advice =
            ("the SHA-256 of the FP32 model was not recorded (--no-input-checksum), so it can be "
             "another model");
      }
    }
  }

  // The model that was quantized: the FP32 one, or what its optimizer makes of that.
  RederiveSource Source() {
    Model source = Model::Load(file_system_, *options_.against);
    for (const std::string& warning : source.warnings()) observer_.OnWarning(warning);
    if (origin_->optimizer.empty()) {
      return {std::move(source), std::nullopt,
              [this] { return Model::Load(file_system_, *options_.against); }, rounder_};
    }
    RequireOptimizer();
    observer_.OnStage("optimize");
    optimized_.emplace(file_system_, std::move(source),
                       Optimizing{.optimizer = *optimizer_,
                                  .level = origin_->options.optimize,
                                  .beside = options_.model,
                                  .hash_source = origin_->options.hash_inputs,
                                  .should_stop = [this] { return observer_.ShouldStop(); }});
    return {optimized_->Load(), optimized_->source_hashes(), [this] { return optimized_->Load(); }, nullptr};
  }

  void RequireOptimizer() {
    const std::string what = Quote(options_.model.native()) + " was optimized by " + origin_->optimizer +
                             " before it was quantized";
    if (optimizer_ == nullptr)
      throw Error(ErrorKind::kUsage, what + ", but no optimizer is available to do that again");
    const std::string name = optimizer_->Name();
    if (name == origin_->optimizer) return;
    throw Error(ErrorKind::kFailure, what + ", but the library found here is " + name +
                                         "; name the library of that version with --onnxruntime");
  }

  // For where the model could not be made again, which reads all of it on the way.
  std::vector<std::string> HashSource() {
    if (optimized_) return optimized_->source_hashes();
    std::vector<std::string> hashes;
    const Model source = Model::Load(file_system_, *options_.against);
    for (const InputFile& file : source.files()) {
      if (!file.in_memory) hashes.push_back(Hash(*file.file));
    }
    return hashes;
  }

  void CheckSource(const std::vector<std::string>& found) {
    if (!origin_->options.hash_inputs) {
      source_ = NotChecked("source", "its SHA-256 was not recorded (--no-input-checksum)");
      return;
    }
    const std::vector<std::string>& recorded = origin_->source_sha256;
    source_ = NewCheck("source", "SHA-256 of " + FormatCount(recorded.size(), "file") + ": match");
    if (found == recorded) return;
    source_.detail = Quote(options_.against->native());
    if (found.empty() || found[0] != recorded[0]) {
      const std::string digest = found.empty() ? "unknown" : found[0];
      return AddProblem(source_, "this is another FP32 model: its SHA-256 is " + digest +
                                     ", and the model that was quantized has " + recorded[0]);
    }
    for (std::size_t i = 1; i < std::max(found.size(), recorded.size()); ++i) {
      const std::string is = i < found.size() ? found[i] : "missing";
      const std::string was = i < recorded.size() ? recorded[i] : "none";
      if (is == was) continue;
      AddProblem(source_, "this is the model that was quantized, but its data file " + FormatCount(i) +
                              " is not the same: its SHA-256 is " + is + ", and that of the run was " + was);
    }
  }

  void CheckChecksums() {
    if (!options_.use_checksums) {
      checksums_ = NotChecked("checksums", "left out by --no-checksums");
      return;
    }
    std::size_t count = 0;
    if (model_) {
      for (const InputFile& file : model_->files()) {
        if (file.in_memory) continue;
        const bool is_known = count < rederived_.written_hashes.size();
        CheckFile(*file.file, is_known ? rederived_.written_hashes[count] : "");
        ++count;
      }
    } else {
      count = CheckFilesOfNoModel();
    }
    checksums_.detail = FormatCount(count, "file") + " of " + Quote(ChecksumPath().native());
  }

  // What cannot be loaded does not name its data file; where the checksum file does, it is checked.
  std::size_t CheckFilesOfNoModel() {
    CheckFile(*model_file_, "");
    fs::path data = options_.model;
    data += ".data";
    const std::string name = NameForChecksum(data, ChecksumPath());
    if (std::ranges::find(entries_, name, &ChecksumEntry::name) == entries_.end()) return 1;
    try {
      CheckFile(*file_system_.OpenForReading(data), "");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted) throw;
      AddProblem(checksums_, error.what());
    }
    return 2;
  }

  void CheckFile(const ReadableFile& file, const std::string& known_hash) {
    const std::string name = NameForChecksum(file.path(), ChecksumPath());
    bool is_listed = false;
    std::string hash = known_hash;
    for (const ChecksumEntry& entry : entries_) {
      if (entry.name != name) continue;
      is_listed = true;
      if (hash.empty()) hash = Hash(file);
      if (entry.sha256 != hash) {
        AddProblem(checksums_, Quote(file.path()) + " has SHA-256 " + hash + " instead of " + entry.sha256);
      }
    }
    if (!is_listed) {
      AddProblem(checksums_, Quote(ChecksumPath().native()) + " has no line for " + Quote(name));
    }
  }

  std::string Hash(const ReadableFile& file) {
    return HashFile(
        file, [this] { return observer_.ShouldStop(); },
        [this](std::uint64_t done, std::uint64_t total) { observer_.OnProgress(done, total); });
  }

  FileSystem& file_system_;
  const VerifyOptions& options_;
  Observer& observer_;
  Optimizer* optimizer_;
  Rounder* rounder_;
  std::optional<OptimizedInput> optimized_;
  std::vector<ChecksumEntry> entries_;
  std::unique_ptr<ReadableFile> model_file_;
  std::optional<Model> model_;
  std::optional<Origin> origin_;
  Rederivation rederived_ = {.tensors = {},
                             .graph = {},
                             .source_hashes = {},
                             .weights = {},
                             .written_hashes = {},
                             .inputs_sha256 = {}};

  static constexpr const char* kNotLoaded = "the model cannot be loaded";
  Check checksums_ = NewCheck("checksums");
  Check loads_ = NewCheck("loads");
  Check names_ = NotChecked("names", kNotLoaded);
  Check order_ = NotChecked("order", kNotLoaded);
  Check weights_ = NotChecked("weights", kNotLoaded);
  Check origin_check_ = NotChecked("origin", kNotLoaded);
  Check source_;
};

}  // namespace

VerifyReport Verify(FileSystem& file_system, const VerifyOptions& options, Observer& observer,
                    Optimizer* optimizer, Rounder* rounder) {
  RequireMemoryBudget(options.memory_budget);
  kernels::ForceIsa(options.isa);
  return Verification(file_system, options, observer, optimizer, rounder).Go();
}

VerifyReport Verify(const VerifyOptions& options, Observer& observer, Optimizer* optimizer) {
  const auto file_system = MakePosixFileSystem(options.links);
  return Verify(*file_system, options, observer, optimizer);
}

}  // namespace qi8
