#include "compare/compare.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <thread>

#include "compare/cases.hpp"
#include "compare/compare_outputs.hpp"
#include "compare/index_bounds.hpp"
#include "compare/mask.hpp"
#include "compare/saturation_note.hpp"
#include "compare/verdict.hpp"
#include "compare/worker.hpp"
#include "core/text.hpp"
#include "model/model.hpp"
#include "qi8/error.hpp"
#include "runtime/saturation.hpp"

namespace qi8::compare {
namespace {

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

ModelResult FilesOf(const Model& model, const std::filesystem::path& path) {
  ModelResult result;
  result.path = path.native();
  for (std::size_t i = 0; i < model.files().size(); ++i) {
    const InputFile& file = model.files()[i];
    if (!file.in_memory) (i == 0 ? result.model_bytes : result.data_bytes) += file.identity.size;
  }
  return result;
}

void CheckSame(const char* what, const std::vector<runtime::ValueInfo>& fp32,
               const std::vector<runtime::ValueInfo>& int8) {
  const auto describe = [](const std::vector<runtime::ValueInfo>& values) {
    std::string text;
    for (const auto& value : values) {
      text += (text.empty() ? "" : ", ") + Quote(value.name) + " of " + DataTypeName(value.type);
    }
    return text.empty() ? std::string("none") : text;
  };
  const auto same = [](const runtime::ValueInfo& a, const runtime::ValueInfo& b) {
    return a.name == b.name && a.type == b.type;
  };
  if (!std::ranges::equal(fp32, int8, same)) {
    Fail(std::string("the models have different ") + what + ": " + describe(fp32) + " against " +
         describe(int8) + "; compare two forms of one model");
  }
}

// The two models, loaded, each in its process.
class Contest {
 public:
  Contest(FileSystem& file_system, const CompareOptions& options, Observer& observer)
      : file_system_(file_system), options_(options), observer_(observer) {}

  Comparison Hold() {
    observer_.OnStage("read");
    const Model fp32 = LoadModel(options_.fp32);
    result_.models.fp32 = FilesOf(fp32, options_.fp32);
    const Model int8 = LoadModel(options_.int8);
    result_.models.int8 = FilesOf(int8, options_.int8);
    result_.processor = ProcessorName();
    result_.processors = std::thread::hardware_concurrency();

    observer_.OnStage("load");
    LoadBoth();
    CheckSame("inputs", opened_.fp32.inputs, opened_.int8.inputs);
    CheckSame("outputs", opened_.fp32.outputs, opened_.int8.outputs);
    Cases cases = options_.inputs.empty()
                      ? GenerateCases(options_, opened_.fp32.inputs, IndexBounds(fp32))
                      : ReadCases(file_system_, options_.inputs, opened_.fp32.inputs, options_.most_sets);
    cases_ = std::move(cases.cases);
    result_.inputs_from = std::move(cases.from);
    for (std::string& note : cases.notes) Note(std::move(note));
    mask_ = FindMask(options_.mask, opened_.fp32.inputs);
    if (mask_) {
      result_.inputs_from +=
          "; positions that " + Quote(opened_.fp32.inputs[*mask_].name) + " switches off do not count";
    }
    const Limits& limits = options_.limits;
    if (options_.inputs.empty() && (limits.min_sqnr_db || limits.min_cosine || limits.min_top1)) {
      Note(
          "the verdict on fidelity rests on made-up inputs; give recorded ones with --inputs, and let "
          "--require-inputs see to it");
    }
    NoteUnreadable();
    NoteSaturation(int8);

    observer_.OnStage("run");
    for (const Case& one : cases_) TimeCase(one);
    result_.models.fp32.after_runs = workers_.fp32->Memory();
    result_.models.int8.after_runs = workers_.int8->Memory();

    observer_.OnStage("compare");  // last, as outputs that are sent take memory too
    CheckDeterminism(cases_.front().sets.front());
    for (std::size_t i = 0; i < cases_.size(); ++i) CompareCase(cases_[i], result_.cases[i]);
    return std::move(result_);
  }

 private:
  Model LoadModel(const std::filesystem::path& path) {
    Model model = Model::Load(file_system_, path);
    for (const std::string& warning : model.warnings()) observer_.OnWarning(warning);
    return model;
  }

  // Loads the models in turn, as the speed of the machine drifts; the last process of each stays.
  void LoadBoth() {
    for (unsigned i = 0; i < options_.loads; ++i) {
      workers_ = {};
      Load(workers_.fp32, options_.fp32, opened_.fp32, result_.models.fp32);
      if (i + 1 < options_.loads) workers_.fp32.reset();  // two large models at once would be of no use
      Load(workers_.int8, options_.int8, opened_.int8, result_.models.int8);
    }
    result_.runtime_version = opened_.fp32.runtime_version;
  }

  void Load(std::unique_ptr<Worker>& worker, const std::filesystem::path& path, Worker::Opened& opened,
            ModelResult& result) {
    worker = std::make_unique<Worker>(options_.worker, options_.timeout_seconds,
                                      [this] { return observer_.ShouldStop(); });
    opened = worker->Open(path.native(), options_);
    result.load_seconds.push_back(opened.seconds);
    result.after_load = worker->Memory();
  }

  void Note(std::string note) {
    observer_.OnWarning(note);
    result_.notes.push_back(std::move(note));
  }

  // Text, sequences and maps are not numbers that could be near each other.
  void NoteUnreadable() {
    for (const runtime::ValueInfo& output : opened_.fp32.outputs) {
      if (output.is_tensor && ElementBytes(output.type) > 0) continue;
      Note("output " + Quote(output.name) + " was not compared: it is " +
           (output.is_tensor ? "of type " + DataTypeName(output.type) : std::string("no tensor")));
    }
  }

  void NoteSaturation(const Model& int8) {
    if (runtime::ProductsSaturateHere() && MultipliesInt8(int8)) Note(SaturationNote());
  }

  // What a model does not give twice, its INT8 form cannot give either.
  void CheckDeterminism(const InputSet& set) {
    constexpr double kRounding = 60;  // decibels: a sum in another order is far nearer to itself
    workers_.fp32->SetInputs(set.inputs);
    const auto once = workers_.fp32->Run();
    const auto again = workers_.fp32->Run();
    for (const OutputResult& output : Fidelities(once, again, set)) {
      const bool same = output.sqnr_db ? *output.sqnr_db >= kRounding : output.top1.value_or(1) == 1;
      if (same) continue;
      std::string against_itself;
      if (output.sqnr_db) against_itself = "SQNR " + FormatDecibels(*output.sqnr_db);
      if (output.cosine) against_itself += ", cosine " + FormatCosine(*output.cosine);
      if (output.top1)
        against_itself += (against_itself.empty() ? "" : ", ") + ("top-1 " + FormatShare(*output.top1));
      Note("the FP32 model is not deterministic: with the same inputs its output " + Quote(output.name) +
           " differs from run to run (" + against_itself +
           " against itself); the fidelity of INT8 means no more than that");
    }
  }

  [[nodiscard]] std::vector<OutputResult> Fidelities(const std::vector<runtime::Tensor>& fp32,
                                                     const std::vector<runtime::Tensor>& int8,
                                                     const InputSet& set) const {
    const auto counted = [&](const runtime::Tensor& output) {
      return mask_ ? WithoutMasked(output, set.inputs.at(*mask_)) : output;
    };
    std::vector<OutputResult> results;
    for (std::size_t i = 0; i < fp32.size(); ++i) {
      const runtime::ValueInfo& output = opened_.fp32.outputs[i];
      if (fp32[i].type == DataType::kUndefined) continue;  // see NoteUnreadable
      results.push_back(CompareOutput(output.name, HasClasses(output, opened_.fp32.inputs), counted(fp32[i]),
                                      counted(int8.at(i))));
    }
    return results;
  }

  void GiveInputs(const InputSet& one) {
    workers_.fp32->SetInputs(one.inputs);
    workers_.int8->SetInputs(one.inputs);
  }

  void TimeCase(const Case& one) {
    CaseResult result{
        .label = one.label, .length = one.length, .inputs = {}, .seconds = {}, .outputs = {}, .sets = {}};
    const auto& inputs = one.sets.front().inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      result.inputs.push_back(opened_.fp32.inputs[i].name + " " + DataTypeName(inputs[i].type) + " " +
                              FormatShape(inputs[i].shape));
    }
    GiveInputs(one.sets.front());
    CheckThatItRuns(result);
    for (unsigned i = 0; i < options_.warmup + options_.runs; ++i) {
      const double fp32 = workers_.fp32->TimeRun();
      const double int8 = workers_.int8->TimeRun();
      if (i < options_.warmup) continue;
      result.seconds.fp32.push_back(fp32);
      result.seconds.int8.push_back(int8);
    }
    result_.cases.push_back(std::move(result));
  }

  // What is made up may be nothing that the model can take.
  void CheckThatItRuns(const CaseResult& result) {
    try {
      static_cast<void>(workers_.fp32->TimeRun());
    } catch (const Error& error) {
      if (!options_.inputs.empty() || error.kind() == ErrorKind::kInterrupted) throw;
      std::string given;
      for (const std::string& input : result.inputs) given += (given.empty() ? "" : ", ") + Plain(input);
      Fail(std::string(error.what()) + "; the inputs were made up: " + given +
           "; say more of them with --dim and --values, let several dimensions vary together with "
           "--lengths NAME,NAME=LIST, or give real ones with --inputs");
    }
  }

  void CompareCase(const Case& one, CaseResult& result) {
    for (const InputSet& set : one.sets) {
      GiveInputs(set);
      const auto fp32 = workers_.fp32->Run();
      result.sets.push_back({set.label, Fidelities(fp32, workers_.int8->Run(), set)});
    }
    for (std::size_t output = 0; output < result.sets.front().outputs.size(); ++output) {
      std::vector<OutputResult> of_sets;
      for (const SetResult& set : result.sets) of_sets.push_back(set.outputs[output]);
      result.outputs.push_back(Combine(of_sets));
    }
    if (result.sets.size() == 1) result.sets.clear();
  }

  FileSystem& file_system_;
  const CompareOptions& options_;
  Observer& observer_;
  Both<std::unique_ptr<Worker>> workers_;
  Both<Worker::Opened> opened_;
  std::vector<Case> cases_;
  std::optional<std::size_t> mask_;  // the place of that input
  Comparison result_;
};

}  // namespace

Comparison Compare(FileSystem& file_system, const CompareOptions& options, Observer& observer) {
  return Contest(file_system, options, observer).Hold();
}

}  // namespace qi8::compare
