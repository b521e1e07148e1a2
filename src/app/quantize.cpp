// The pipeline, its stages in order: load -> prepare -> preflight -> execute -> publish -> record.

#include "app/quantize.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "app/preflight.hpp"
#include "audit/audit_log.hpp"
#include "audit/checksum_file.hpp"
#include "core/text.hpp"
#include "exec/execute.hpp"
#include "hash/hash_file.hpp"
#include "io/peak_memory.hpp"
#include "io/publication.hpp"
#include "kernels/isa.hpp"
#include "model/model.hpp"
#include "optimize/optimized_input.hpp"
#include "origin/origin.hpp"
#include "plan/plan_report.hpp"
#include "plan/report_text.hpp"
#include "plan/storing.hpp"
#include "prepare/prepare.hpp"

namespace qi8 {
namespace {

// One run: what its stages share, and what they find out.
class Run {
 public:
  Run(FileSystem& file_system, const QuantizeOptions& options, Observer& observer, Optimizer* optimizer,
      Rounder* rounder)
      : file_system_(file_system),
        options_(options),
        observer_(observer),
        optimizer_(optimizer),
        rounder_(rounder),
        paths_(PathsOf(options)) {}

  RunReport Go() {
    try {
      Quantize();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kUsage && !recorded_) {
        End(Outcome::kDone);
        RecordWithoutOutput(error.kind() == ErrorKind::kInterrupted ? "interrupted" : "failed", error.what());
      }
      throw;
    }
    return std::move(report_);
  }

 private:
  void Quantize() {
    observer_.OnStage("load");
    Model model = Load();
    // A dry run reads the weights that it would quantize, as its list and its sizes are to be those of the
    // run. What is learned takes long, so what cannot be quantized is found before.
    if (options_.dry_run || learns()) {
      const std::set<TensorId> kept = NonFiniteTensors(model);
      if (learns()) Learn(model, kept);
      return Quantize(std::move(model), kept);
    }
    // Most models have no such weight, and none pays for looking: it shows while the run reads.
    try {
      return Quantize(std::move(model), {});
    } catch (const UnstorableWeight&) {
      if (!options_.keep_non_finite) throw;
    }
    observer_.OnStage("load");
    Model again = LoadAgain();
    const std::set<TensorId> kept = NonFiniteTensors(again);
    Quantize(std::move(again), kept);
  }

  [[nodiscard]] bool learns() const { return options_.rounding == Rounding::kLearned && !options_.dry_run; }

  // What would fail afterwards is looked for before.
  void Learn(const Model& model, const std::set<TensorId>& kept) {
    PreflightPlaces(file_system_, model, paths_);
    PreflightOutputs(file_system_, paths_, options_.replace_output, 0);
    observer_.OnStage("learn");
    rounded_ = rounder_->Round(options_.selection, kept);
    report_.rounding = rounded_->report;
  }

  // Leaves the tensors of `kept` as they are.
  void Quantize(Model model, const std::set<TensorId>& kept) {
    observer_.OnStage("plan");
    auto inputs = std::move(report_.plan.inputs);
    PreparedModel prepared = PrepareFor(std::move(model), options_, kept);
    report_.plan = std::move(prepared.report);
    report_.plan.inputs = std::move(inputs);  // what the user gave, not what an optimizer made of it
    if (report_.plan.quantized_nodes == 0 && !options_.allow_empty) {
      AdviseStoring();
      End(Outcome::kNothingQuantized);
      return RecordWithoutOutput("nothing-quantized", "");
    }

    AddOutputs(prepared.layout, paths_.model, paths_.data, report_.plan);
    AdviseStoring();
    WarnOfGrowth();
    if (options_.dry_run) return End(Outcome::kPlanned);

    observer_.OnStage("preflight");
    PreflightPlaces(file_system_, Source(prepared.model), paths_);
    Publication publication(file_system_, paths_.model, Publication::IfTaken::kFail);
    TellOfLeftover(publication.leftover());
    PreflightOutputs(file_system_, paths_, options_.replace_output, report_.plan.output_bytes());

    observer_.OnStage("execute");
    WriteOutputs(prepared, publication);

    observer_.OnStage("publish");
    Publish(publication);

    observer_.OnStage("record");
    report_.checksum_file = paths_.checksums.native();
    report_.audit_log = paths_.audit_log.path.native();
    End(Outcome::kDone);
    RecordDone();
  }

  // What the user gave, when `model` is what is quantized: itself, or what an optimizer made of it.
  [[nodiscard]] const Model& Source(const Model& model) const {
    return optimized_ ? optimized_->source() : model;
  }

  PreparedModel PrepareFor(Model model, const QuantizeOptions& options,
                           const std::set<TensorId>& kept) const {
    const Origin origin = OriginOf(options, UnknownHashes(options, Source(model)));
    return Prepare(std::move(model), origin, paths_.data_location(), kept,
                   [this] { return observer_.ShouldStop(); });
  }

  // What --store-int8 would make of a model that stays as it is for the most part: planned and laid out, as a
  // dry run would. Nobody asked for it, so it fails no run.
  void AdviseStoring() {
    const std::vector<std::string> operators = WorthStoring(report_.plan);
    if (operators.empty()) return;
    QuantizeOptions options = options_;
    auto& stored = options.selection.store_int8;
    stored.insert(stored.end(), operators.begin(), operators.end());
    try {
      Model model = LoadAgain();
      const auto kept =
          TensorsOf(FindUnstorable(model, options.selection, [this] { return observer_.ShouldStop(); }));
      const Layout layout = PrepareFor(std::move(model), options, kept).layout;
      const std::uint64_t bytes = layout.model_size + layout.data_size;
      const bool helps = report_.plan.outputs.empty() || bytes < report_.plan.output_bytes();
      if (helps) report_.plan.store_advice = StoreAdvice{operators, bytes};
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted) throw;
    }
  }

  void WarnOfGrowth() {
    if (!Grows(report_.plan)) return;
    observer_.OnWarning("the output is larger than the input: " + FormatCount(report_.plan.output_bytes()) +
                        " bytes instead of " + FormatCount(report_.plan.input_bytes()) +
                        "; the FP32 model may serve you better");
  }

  [[nodiscard]] Origin OriginOf(const QuantizeOptions& options,
                                std::vector<std::string> source_hashes) const {
    return {.version = Version(),
            .options = options,
            .source_sha256 = std::move(source_hashes),
            .optimizer = optimizer_name_,
            .rounding = rounded_
                            ? LearnedRounding{rounded_->report.inputs_sha256, rounded_->report.most_steps()}
                            : LearnedRounding()};
  }

  // The model that is quantized: the user's, or what an optimizer makes of it.
  Model Load() {
    Model source = Model::Load(file_system_, options_.input);
    RequireExpectedInput(source);
    for (const std::string& warning : source.warnings()) observer_.OnWarning(warning);
    report_.plan.inputs = InputsOf(source);
    return options_.optimize == Optimization::kOff ? std::move(source) : Optimize(std::move(source));
  }

  void RequireExpectedInput(const Model& source) const {
    if (!options_.expected_input) return;
    const std::string found =
        HashFile(*source.files().front().file, [this] { return observer_.ShouldStop(); });
    if (found == *options_.expected_input) return;
    throw Error(ErrorKind::kCheckFailed, Quote(options_.input.native()) + " has the SHA-256 " + found +
                                             ", but the plan (or --expect-input) is for the model with " +
                                             *options_.expected_input +
                                             "; give that model, or make a new plan");
  }

  // What would fail afterwards is looked for before, as optimizing takes a while and the space of another
  // model.
  Model Optimize(Model source) {
    optimizer_name_ = optimizer_->Name();
    if (!options_.dry_run) {
      PreflightPlaces(file_system_, source, paths_);
      PreflightOutputs(file_system_, paths_, options_.replace_output, report_.plan.input_bytes());
    }
    observer_.OnStage("optimize");
    optimized_.emplace(file_system_, std::move(source),
                       Optimizing{.optimizer = *optimizer_,
                                  .level = options_.optimize,
                                  .beside = paths_.model,
                                  .hash_source = options_.hash_inputs && !options_.dry_run,
                                  .should_stop = [this] { return observer_.ShouldStop(); }});
    StopIfAsked();
    return optimized_->Load();
  }

  // After an attempt that gave it up.
  Model LoadAgain() {
    if (optimized_) return optimized_->Load();
    Model model = Model::Load(file_system_, options_.input);
    report_.plan.inputs = InputsOf(model);
    return model;
  }

  // Weights that are to stay as they are, which is said; or an error, where they are to be one.
  std::set<TensorId> NonFiniteTensors(const Model& model) {
    observer_.OnStage("scan");
    const auto found = FindUnstorable(model, options_.selection, [this] { return observer_.ShouldStop(); });
    if (found.empty()) return {};
    if (!options_.keep_non_finite) {
      throw UnstorableWeight(model, found.begin()->first, found.begin()->second);
    }
    constexpr std::size_t kMostNames = 5;
    std::string names;
    std::size_t count = 0;
    for (const auto& [tensor, element] : found) {
      if (++count <= kMostNames) names += (count > 1 ? ", " : "") + Quote(model.tensors()[tensor].name);
    }
    if (count > kMostNames) names += " and " + FormatCount(count - kMostNames) + " more";
    observer_.OnWarning(
        (count == 1 ? "a weight has" : FormatCount(count) + " weights have") +
        (std::ranges::all_of(found, [](const auto& weight) { return weight.second.encoding.has_scales(); })
             ? " a NaN or an infinity, and no INT8 form: "
             : " a NaN, an infinity or, for the form float16, a number beyond 65504: ") +
        names + (count == 1 ? " stays as it is" : " stay as they are"));
    return TensorsOf(found);
  }

  void TellOfLeftover(Publication::Leftover leftover) {
    static const std::map<Publication::Leftover, std::string> kWhatBecame = {
        {Publication::Leftover::kRemoved, "the unfinished files that it left are removed"},
        {Publication::Leftover::kTakenBack, "the files that it was replacing have their names again"},
        {Publication::Leftover::kCompleted, "the files that it had finished have their names now"}};
    const auto found = kWhatBecame.find(leftover);
    if (found == kWhatBecame.end()) return;
    observer_.OnWarning("an earlier run that wrote " + Quote(paths_.model.native()) +
                        " did not end by itself; " + found->second);
  }

  // Data first: where a file system cannot publish all at once, a model never stands there whose data does
  // not.
  void WriteOutputs(PreparedModel& prepared, Publication& publication) {
    auto& [model, plan, report, layout] = prepared;
    std::unique_ptr<HashedOutput> data_output;
    if (layout.data_size > 0) {
      data_output = std::make_unique<HashedOutput>(publication.Create(paths_.data), layout.data_size);
    } else {
      publication.Withdraw(paths_.data);  // that of a model that is replaced would only puzzle
    }
    HashedOutput model_output(publication.Create(paths_.model), layout.model_size);

    ExecuteOptions execute{.threads = options_.threads > 0 ? options_.threads : DefaultThreads(),
                           .memory_budget = options_.memory_budget,
                           .hash_inputs = options_.hash_inputs && !optimized_,
                           .measure_errors = false,
                           .rounded = rounded_ ? &rounded_->codes : nullptr,
                           .on_progress = {},
                           .should_stop = [this] { return observer_.ShouldStop(); }};
    const std::uint64_t total = BytesToRead(model, plan, layout, execute);
    execute.on_progress = [this, total](std::uint64_t done) { observer_.OnProgress(done, total); };
    std::vector<std::string> hashes =
        Execute(model, plan, layout, {.model = &model_output, .data = data_output.get()}, execute)
            .input_hashes;
    if (optimized_) hashes = optimized_->source_hashes();
    for (std::size_t i = 0; i < hashes.size(); ++i) report_.plan.inputs.at(i).sha256 = hashes[i];

    WriteGraph(model.Render(OriginMetadata(OriginOf(options_, std::move(hashes)))), model_output);
    report_.plan.outputs[0].sha256 = model_output.Finish();
    if (data_output) report_.plan.outputs[1].sha256 = data_output->Finish();
  }

  // A checksum file that others write to as well is held from reading its lines until they are replaced.
  void Publish(Publication& publication) {
    const auto if_there =
        options_.replace_output ? Publication::IfThere::kReplace : Publication::IfThere::kFail;
    if (!paths_.shares_checksums()) {
      WriteChecksums(publication);
      StopIfAsked();
      return publication.Publish(if_there);
    }
    Publication shared(file_system_, paths_.checksums, Publication::IfTaken::kWait,
                       [this] { return observer_.ShouldStop(); });
    WriteChecksums(shared);
    shared.Finish();
    StopIfAsked();
    try {
      publication.Publish(if_there);
    } catch (const Error&) {
      if (publication.published()) shared.Publish(Publication::IfThere::kReplace);
      throw;
    }
    try {
      shared.Publish(Publication::IfThere::kReplace);
    } catch (const Error& error) {
      throw Error(error.kind(), "the output is whole, but its checksum file could not be written: " +
                                    std::string(error.what()));
    }
  }

  void WriteChecksums(Publication& publication) {
    std::vector<ChecksumEntry> entries;
    for (const FileReport& file : report_.plan.outputs) {
      entries.push_back({file.sha256, NameForChecksum(file.path, paths_.checksums)});
    }
    WritableFile& file =
        publication.Create(paths_.checksums);  // what is there from now on is what is replaced
    const std::string existing = ReadChecksumFile(file_system_, paths_.checksums);
    std::vector<std::string> gone;
    if (entries.size() == 1) gone.push_back(NameForChecksum(paths_.data, paths_.checksums));
    const std::string text = UpdateChecksums(existing, entries, gone);
    file.WriteAt(0, std::as_bytes(std::span(text)));
  }

  // The last moment at which a run can be interrupted. Publishing, once begun, goes on to its end, some
  // milliseconds later.
  void StopIfAsked() {
    if (observer_.ShouldStop()) throw Error(ErrorKind::kInterrupted, "interrupted");
  }

  void End(Outcome outcome) {
    report_.outcome = outcome;
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    report_.peak_memory_bytes = PeakMemory();
  }

  AuditRecord MakeRecord(const std::string& status, const std::string& error) const {
    std::vector<std::pair<std::string, std::string>> libraries = {{"onnx", OnnxVersion()},
                                                                  {"protobuf", ProtobufVersion()},
                                                                  {"openssl", OpenSslVersion()},
                                                                  {"onetbb", TbbVersion()}};
    if (!optimizer_name_.empty()) libraries.emplace_back("optimizer", optimizer_name_);
    return {.command = "quantize",
            .status = status,
            .error = error,
            .libraries = std::move(libraries),
            .isa = kernels::ActiveIsa(),
            .options_json = AllOptions(options_),
            .run = report_};
  }

  void RecordDone() {
    recorded_ = true;  // or it could not be: then there is no use in trying again
    try {
      AppendAuditRecord(file_system_, paths_.audit_log, MakeRecord("done", ""),
                        [this] { return observer_.ShouldStop(); });
    } catch (const Error& error) {
      throw Error(error.kind(),
                  std::string("the output is whole, but the run could not be recorded: ") + error.what());
    }
  }

  // A run without output must not leave a file behind where there was none, so it is recorded only where a
  // log exists or one was asked for. Why it has no output counts for more than a log that cannot be written
  // either.
  void RecordWithoutOutput(const std::string& status, const std::string& error) {
    if (options_.dry_run) return;
    recorded_ = true;
    try {
      if (!options_.audit_log && !file_system_.Identify(paths_.audit_log.path)) return;
      // An interrupted run still waits for those who write their line just now, but not for one that hangs.
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
      AppendAuditRecord(file_system_, paths_.audit_log, MakeRecord(status, error),
                        [end] { return std::chrono::steady_clock::now() > end; });
    } catch (const Error& log_error) {
      if (log_error.what() == error) return;  // the log is what the run failed for
      observer_.OnWarning(std::string("the run could not be recorded: ") + log_error.what());
    }
  }

  FileSystem& file_system_;
  const QuantizeOptions& options_;
  Observer& observer_;
  Optimizer* optimizer_;        // used where the options ask for it
  Rounder* rounder_;            // likewise
  std::string optimizer_name_;  // empty: not used
  std::optional<Rounded> rounded_;
  OutputPaths paths_;
  std::optional<OptimizedInput> optimized_;
  RunReport report_;
  bool recorded_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

RunReport Quantize(FileSystem& file_system, const QuantizeOptions& options, Observer& observer,
                   Optimizer* optimizer, Rounder* rounder) {
  RequireMemoryBudget(options.memory_budget);
  if (options.output.empty()) {
    throw Error(ErrorKind::kUsage, "the name of the output is empty");
  }
  if (options.optimize != Optimization::kOff && optimizer == nullptr) {
    throw Error(ErrorKind::kUsage, "a model can only be optimized where there is an optimizer");
  }
  if (options.rounding == Rounding::kLearned) {
    if (rounder == nullptr && !options.dry_run) {
      throw Error(ErrorKind::kUsage, "rounding can only be learned where there is something to learn from");
    }
    if (options.optimize != Optimization::kOff) {
      throw Error(
          ErrorKind::kUsage,
          "rounding is learned from what the nodes of INPUT are given; write the optimized model first "
          "and quantize that");
    }
  }
  kernels::ForceIsa(options.isa);
  return Run(file_system, options, observer, optimizer, rounder).Go();
}

RunReport Quantize(const QuantizeOptions& options, Observer& observer, Optimizer* optimizer) {
  return Quantize(*MakePosixFileSystem(options.links), options, observer, optimizer);
}

}  // namespace qi8
