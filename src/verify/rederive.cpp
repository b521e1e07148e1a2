#include "verify/rederive.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/text.hpp"
#include "exec/comparing_file.hpp"
#include "exec/hashed_output.hpp"
#include "exec/non_finite.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "verify/check.hpp"

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

class Rederiver {
 public:
  // Leaves the tensors of `kept` as they are.
  Rederiver(const Model& written, const Origin& origin, Model source,
            std::optional<std::vector<std::string>> source_hashes, std::set<TensorId> kept,
            const ExecuteOptions& execute, Observer& observer)
      : written_(written),
        origin_(origin),
        source_(std::move(source)),
        source_hashes_(std::move(source_hashes)),
        kept_(std::move(kept)),
        execute_(execute),
        observer_(observer) {}

  Rederivation Run() {
    const QuantizeOptions& options = origin_.options;
    observer_.OnStage("plan");
    const Plan plan = MakePlan(source_, options.selection, kept_);
    ListSources(plan);
    source_.Apply(plan.rewrite);
    source_.RemoveMetadata(kOriginPrefix);

    observer_.OnStage("layout");
    std::vector<std::pair<std::uint32_t, std::uint64_t>> tensors;
    source_.ForEachOutputTensor(
        [&tensors](std::uint32_t tensor, std::uint64_t length) { tensors.emplace_back(tensor, length); });
    const Layout layout = LayOut(source_, plan, options.external_data, DataLocation(),
                                 Metadata(source_hashes_.value_or(UnknownHashes(options, source_))));
    MapTensors(plan, layout, tensors);

    observer_.OnStage("compare");
    Compare(plan, layout);
    DescribeChecked(result_.tensors,
                    FormatCount(plan.weights.size(), "weight") + ", " + FormatCount(map_.size(), "tensor"));
    DescribeChecked(result_.graph, FormatCount(layout.model_size, "byte"));
    return std::move(result_);
  }

 private:
  static void DescribeChecked(Check& check, const std::string& what) {
    check.detail = what + (check.outcome == CheckOutcome::kHolds ? ": match" : "");
  }

  // Names and shapes are those of the model as it came.
  void ListSources(const Plan& plan) {
    for (const QuantizedWeight& weight : plan.weights) {
      const Tensor& tensor = source_.tensors()[weight.source];
      result_.weights.push_back(
          {.weight = tensor.name, .shape = tensor.dims, .sqnr_db = 0, .largest_error = 0});
    }
  }

  // The files of the model that was written: itself, and its data file if it has one.
  std::vector<const InputFile*> WrittenFiles() const {
    std::vector<const InputFile*> files;
    for (const InputFile& file : written_.files()) {
      if (!file.in_memory) files.push_back(&file);
    }
    return files;
  }

  // A name is free to be another; that all tensors name the same follows from the comparison.
  std::string DataLocation() const {
    const auto files = WrittenFiles();
    return files.size() > 1 ? files[1]->location : "none.data";
  }

  std::vector<MetadataEntry> Metadata(std::vector<std::string> hashes) const {
    Origin origin = origin_;
    origin.source_sha256 = std::move(hashes);
    return OriginMetadata(origin);
  }

  void MapTensors(const Plan& plan, const Layout& layout,
                  const std::vector<std::pair<std::uint32_t, std::uint64_t>>& tensors) {
    const std::size_t old_count = source_.tensors().size();
    for (const auto& [tensor, length] : tensors) {
      const OutputPlace& place = layout.places[tensor];
      map_.Add(place.file, {place.offset, length},
               tensor < old_count ? source_.tensors()[tensor].name
                                  : plan.rewrite.new_tensors[tensor - old_count].name);
    }
    map_.Sort();
  }

  void Compare(const Plan& plan, const Layout& layout) {
    const auto files = WrittenFiles();
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
    for (const ByteRange& gap : GapsInData(source_, plan, layout)) {
      data_file.WriteAt(gap.offset, std::vector<std::byte>(gap.length));
    }
    const std::uint64_t total = BytesToRead(source_, plan, layout, execute_);
    execute_.on_progress = [this, total](std::uint64_t done) { observer_.OnProgress(done, total); };
    ExecuteResult executed =
        Execute(source_, plan, layout,
                {.model = &model_output, .data = layout.data_size > 0 ? &data_output : nullptr}, execute_);
    result_.source_hashes = source_hashes_.value_or(std::move(executed.input_hashes));
    WriteGraph(source_.Render(Metadata(result_.source_hashes)), model_output);
    for (std::size_t i = 0; i < executed.errors.size(); ++i) {
      result_.weights[i].sqnr_db = executed.errors[i].SqnrDecibel();
      result_.weights[i].largest_error = executed.errors[i].largest;
    }
    if (differs_) return;
    result_.written_hashes = {model_output.Finish()};
    if (layout.data_size > 0) result_.written_hashes.push_back(data_output.Finish());
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

  const Model& written_;
  const Origin& origin_;
  Model source_;
  std::optional<std::vector<std::string>> source_hashes_;
  std::set<TensorId> kept_;
  ExecuteOptions execute_;
  Observer& observer_;
  TensorMap map_;
  bool differs_ = false;
  Rederivation result_ = {.tensors = NewCheck("tensors"),
                          .graph = NewCheck("graph"),
                          .source_hashes = {},
                          .weights = {},
                          .written_hashes = {}};
};

}  // namespace

Rederivation Rederive(const Model& written, const Origin& origin, RederiveSource source,
                      const ExecuteOptions& options, Observer& observer) {
  // As the run did that wrote it: looking for weights to be kept costs a reading, and most models have none.
  try {
    return Rederiver(written, origin, std::move(source.model), source.hashes, {}, options, observer).Run();
  } catch (const NonFiniteWeight&) {
    if (!origin.options.keep_non_finite) throw;
  }
  Model again = source.load_again();
  std::set<TensorId> kept =
      TensorsOf(FindNonFinite(again, MakePlan(again, origin.options.selection), options.should_stop));
  return Rederiver(written, origin, std::move(again), source.hashes, std::move(kept), options, observer)
      .Run();
}

}  // namespace qi8
