#include "verify/rederive.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/text.hpp"
#include "exec/comparing_file.hpp"
#include "exec/hashed_output.hpp"
#include "plan/node_forms.hpp"
#include "prepare/prepare.hpp"
#include "prepare/twins.hpp"
#include "verify/check.hpp"
#include "verify/written_codes.hpp"

namespace qi8 {
namespace {

// Where the tensors of the INT8 model should lie, to name what differs.
class TensorMap {
 public:
  void Add(OutputFile file, ByteRange range, std::string name) {
    if (range.length > 0) entries_.push_back({file, range, std::move(name), false});
  }

  void Sort() {
    std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
      return std::tie(a.file, a.range) < std::tie(b.file, b.range);
    });
  }

  struct Entry {
    OutputFile file = OutputFile::kData;
    ByteRange range;
    std::string name;
    bool differs = false;
  };

  // The tensors that share bytes with the range, by their place.
  std::vector<Entry*> Overlapping(OutputFile file, ByteRange range) {
    std::vector<Entry*> found;
    const auto end = std::ranges::lower_bound(
        entries_, std::pair(file, range.end()), {},
        [](const Entry& entry) { return std::pair(entry.file, entry.range.offset); });
    for (auto entry = end; entry != entries_.begin();) {
      --entry;
      if (entry->file != file || entry->range.end() <= range.offset) break;
      found.push_back(&*entry);
    }
    return found;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;
};

// The files of the model that was written: itself, and its data file if it has one.
std::vector<const InputFile*> FilesOf(const Model& written) {
  std::vector<const InputFile*> files;
  for (const InputFile& file : written.files()) {
    if (!file.in_memory) files.push_back(&file);
  }
  return files;
}

// As the run did that wrote it, leaving the tensors of `kept` as they are.
PreparedModel PrepareAgain(const Model& written, const Origin& origin, Model source,
                           const std::optional<std::vector<std::string>>& source_hashes,
                           const std::set<TensorId>& kept) {
  Origin again = origin;
  again.source_sha256 = source_hashes.value_or(UnknownHashes(origin.options, source));
  // A name is free to be another; that all tensors name the same follows from the comparison.
  const auto files = FilesOf(written);
  return Prepare(std::move(source), again, files.size() > 1 ? files[1]->location : "none.data", kept);
}

// What the rounding of the model follows from.
struct LearnedSource {
  std::vector<Learnable> weights;
  std::optional<Rounded> again;  // learned again; nothing: it cannot be
};

class Rederiver {
 public:
  Rederiver(FileSystem& file_system, const Model& written, const Origin& origin, PreparedModel source,
            std::optional<LearnedSource> learned, std::optional<std::vector<std::string>> source_hashes,
            ExecuteOptions execute, Observer& observer)
      : file_system_(file_system),
        learned_(std::move(learned)),
        written_(written),
        origin_(origin),
        source_(std::move(source)),
        source_hashes_(std::move(source_hashes)),
        execute_(std::move(execute)),
        observer_(observer) {}

  Rederivation Run() {
    ListSources();
    MapTensors();
    observer_.OnStage("compare");
    Compare();
    DescribeChecked(result_.tensors, FormatCount(source_.plan.weights.size(), "weight") + ", " +
                                         FormatCount(map_.size(), "tensor") + CodesNotMadeAgain());
    DescribeChecked(result_.graph, FormatCount(source_.layout.model_size, "byte"));
    if (learned_ && learned_->again) result_.inputs_sha256 = learned_->again->report.inputs_sha256;
    return std::move(result_);
  }

 private:
  // A check that takes codes as they are is a weaker one.
  [[nodiscard]] std::string CodesNotMadeAgain() const {
    if (!learned_ || learned_->again) return "";
    return " (codes of learned rounding were not made again, which takes --inputs: they are at most " +
           FormatCount(origin_.rounding.most_steps) + " from the nearest, as recorded)";
  }

  static void DescribeChecked(Check& check, const std::string& what) {
    check.detail = what + (check.outcome == CheckOutcome::kHolds ? ": match" : "");
  }

  // Names and shapes are those of the model as it came.
  void ListSources() {
    for (const QuantizedWeight& weight : source_.plan.weights) {
      const Tensor& tensor = source_.model.tensors()[weight.source];
      result_.weights.push_back(
          {.weight = tensor.name, .shape = tensor.dims, .sqnr_db = 0, .largest_error = 0});
    }
  }

  std::vector<MetadataEntry> Metadata(std::vector<std::string> hashes) const {
    Origin origin = origin_;
    origin.source_sha256 = std::move(hashes);
    return OriginMetadata(origin);
  }

  void MapTensors() {
    const Layout& layout = source_.layout;
    const std::size_t old_count = source_.model.tensors().size();
    for (std::size_t tensor = 0; tensor < layout.lengths.size(); ++tensor) {
      if (!layout.lengths[tensor]) continue;
      const OutputPlace& place = layout.places[tensor];
      map_.Add(place.file, {place.offset, *layout.lengths[tensor]},
               tensor < old_count ? source_.model.tensors()[tensor].name
                                  : source_.plan.rewrite.new_tensors[tensor - old_count].name);
    }
    map_.Sort();
  }

  void Compare() {
    const Layout& layout = source_.layout;
    const auto files = FilesOf(written_);
    const std::unique_ptr<ReadableFile> no_data = MakeMemoryFile("no data file", "");
    const ReadableFile& model = *files[0]->file;
    const ReadableFile& data = files.size() > 1 ? *files[1]->file : *no_data;
    CompareSize(OutputFile::kModel, model, layout.model_size);
    CompareSize(OutputFile::kData, data, layout.data_size);
    for (std::size_t i = 2; i < files.size(); ++i) {
      Different(result_.tensors, "the model names one data file more, " + Quote(files[i]->file->path()));
    }

    ComparingFile model_file(model, [this](ByteRange range) { NoteDifference(OutputFile::kModel, range); });
    ComparingFile data_file(data, [this](ByteRange range) { NoteDifference(OutputFile::kData, range); });
    HashedOutput model_output(model_file, layout.model_size);
    HashedOutput data_output(data_file, layout.data_size);
    for (const ByteRange& gap : GapsInData(source_.model, source_.plan, layout)) {
      data_file.WriteAt(gap.offset, std::vector<std::byte>(gap.length));
    }
    const std::uint64_t total = BytesToRead(source_.model, source_.plan, layout, execute_);
    execute_.on_progress = [this, total](std::uint64_t done) { observer_.OnProgress(done, total); };
    RoundedWeights rounded;
    if (learned_) {
      rounded = learned_->again ? learned_->again->codes
                                : CodesOfWritten(file_system_, source_.model, source_.plan, layout,
                                                 learned_->weights, {model, data});
      execute_.rounded = &rounded;
    }
    ExecuteResult executed =
        Execute(source_.model, source_.plan, layout,
                {.model = &model_output, .data = layout.data_size > 0 ? &data_output : nullptr}, execute_);
    result_.source_hashes = source_hashes_.value_or(std::move(executed.input_hashes));
    WriteGraph(source_.model.Render(Metadata(result_.source_hashes)), model_output);
    for (std::size_t i = 0; i < executed.errors.size(); ++i) {
      result_.weights[i].sqnr_db = executed.errors[i].SqnrDecibel();
      result_.weights[i].largest_error = executed.errors[i].largest;
    }
    CheckSteps(executed.most_steps);
    if (differs_) return;
    result_.written_hashes = {model_output.Finish()};
    if (layout.data_size > 0) result_.written_hashes.push_back(data_output.Finish());
  }

  void CheckSteps(unsigned most_steps) {
    if (most_steps <= origin_.rounding.most_steps) return;
    Different(result_.tensors,
              "a code is " + FormatCount(most_steps) +
                  " from the one that is nearest, and the record says that none is more than " +
                  FormatCount(origin_.rounding.most_steps));
  }

  void CompareSize(OutputFile which, const ReadableFile& file, std::uint64_t expected) {
    const std::uint64_t size = file.Identity().size;
    if (size == expected) return;
    Different(
        which == OutputFile::kModel ? result_.graph : result_.tensors,
        Quote(file.path()) + " has " + FormatCount(size) + " bytes instead of " + FormatCount(expected));
  }

  void Different(Check& check, const std::string& what) {
    differs_ = true;
    AddProblem(check, what);
  }

  // A tensor is named once, at its first difference.
  void NoteDifference(OutputFile file, ByteRange range) {
    differs_ = true;
    const auto tensors = map_.Overlapping(file, range);
    for (TensorMap::Entry* tensor : tensors) {
      if (std::exchange(tensor->differs, true)) continue;
      const std::uint64_t first = std::max(range.offset, tensor->range.offset) - tensor->range.offset;
      Different(result_.tensors,
                "tensor " + Quote(tensor->name) + " differs from its byte " + FormatCount(first) + " on");
    }
    if (!tensors.empty()) return;
    if (file == OutputFile::kModel) {
      Different(result_.graph, "bytes " + FormatCount(range.offset) + " to " + FormatCount(range.end() - 1) +
                                   " are not what follows from the other model");
    } else {
      Different(result_.tensors, "bytes " + FormatCount(range.offset) + " to " +
                                     FormatCount(range.end() - 1) +
                                     " of the data file, between its tensors, are not zero");
    }
  }

  FileSystem& file_system_;
  std::optional<LearnedSource> learned_;
  const Model& written_;
  const Origin& origin_;
  PreparedModel source_;
  std::optional<std::vector<std::string>> source_hashes_;
  ExecuteOptions execute_;
  Observer& observer_;
  TensorMap map_;
  bool differs_ = false;
  Rederivation result_ = {.tensors = NewCheck("tensors"),
                          .graph = NewCheck("graph"),
                          .source_hashes = {},
                          .weights = {},
                          .written_hashes = {},
                          .inputs_sha256 = {}};
};

}  // namespace

Rederivation Rederive(FileSystem& file_system, const Model& written, const Origin& origin,
                      RederiveSource source, const ExecuteOptions& options, Observer& observer) {
  const Selection& selection = origin.options.selection;
  const auto rederive = [&](Model model, const std::set<TensorId>& kept) {
    std::optional<LearnedSource> learned;
    if (origin.options.rounding == Rounding::kLearned) {
      model.SetTwins(FindTwins(model, options.should_stop));
      learned = {FindLearnable(model, selection, NodeForms(model, selection), kept), std::nullopt};
      if (source.rounder != nullptr) {
        observer.OnStage("learn");
        learned->again = source.rounder->Round(selection, kept);
      }
    }
    observer.OnStage("plan");
    PreparedModel prepared = PrepareAgain(written, origin, std::move(model), source.hashes, kept);
    return Rederiver(file_system, written, origin, std::move(prepared), std::move(learned), source.hashes,
                     options, observer)
        .Run();
  };
  // As the run did that wrote it: looking for weights to be kept costs a reading, and most models have none.
  if (origin.options.rounding == Rounding::kLearned) {
    const auto kept = TensorsOf(FindUnstorable(source.model, selection, options.should_stop));
    return rederive(std::move(source.model), kept);
  }
  try {
    return rederive(std::move(source.model), {});
  } catch (const UnstorableWeight&) {
    if (!origin.options.keep_non_finite) throw;
  }
  Model again = source.load_again();
  const auto kept = TensorsOf(FindUnstorable(again, selection, options.should_stop));
  return rederive(std::move(again), kept);
}

}  // namespace qi8
