#include "exec/schedule.hpp"

#include <algorithm>
#include <deque>

#include "core/checked.hpp"
#include "core/piece.hpp"
#include "kernels/kernels.hpp"

namespace qi8 {
namespace {

class Scheduler {
 public:
  Scheduler(const Model& model, const Plan& plan, const Layout& layout, const ScheduleOptions& options)
      : model_(model), plan_(plan), layout_(layout), options_(options) {}

  std::vector<Step> Make() {
    std::size_t next = 0;
    for (FileId file = 0; file < model_.files().size(); ++file) {
      std::uint64_t position = 0;
      for (; next < layout_.work.size() && SourceOf(layout_.work[next]).file == file; ++next) {
        const ByteRange range = SourceOf(layout_.work[next]).range;
        Pass(file, position, range.offset);
        AddItem(static_cast<std::uint32_t>(next));
        position = std::max(position, range.end());
      }
      Pass(file, position, model_.files()[file].identity.size);
    }
    while (!to_emit_.empty()) EmitOne();
    return std::move(steps_);
  }

 private:
  const TensorSource& SourceOf(const WorkItem& item) const { return model_.tensors()[item.source].source; }

  // Bytes [from, to) that nothing needs.
  void Pass(FileId file, std::uint64_t from, std::uint64_t to) {
    if (!options_.pass_unused || model_.files()[file].in_memory) return;
    for (std::uint64_t at = from; at < to; at += options_.tile_bytes) {
      steps_.push_back(
          {.kind = StepKind::kPass, .file = file, .range = {at, std::min(options_.tile_bytes, to - at)}});
    }
  }

  void AddItem(std::uint32_t index) {
    const WorkItem& item = layout_.work[index];
    const std::uint64_t bytes = SourceOf(item).range.length;
    if (!item.weight) return AddWhole(index, options_.tile_bytes);
    const ChannelShape& shape = plan_.weights[*item.weight].encoding.shape;
    const std::uint64_t group_bytes = bytes / shape.groups;
    const std::uint64_t tile_bytes = MostBytes(index, group_bytes);
    if (group_bytes <= tile_bytes) return AddWhole(index, tile_bytes / group_bytes * group_bytes);
    for (std::uint64_t group = 0; group < shape.groups; ++group)
      AddGroup(index, group * group_bytes, group_bytes);
  }

  // The most bytes that a tile made of such units may have. A tile of INT8 codes has room only for as many
  // elements as a tile of float32 has; of rows to be transposed it takes the number that is fastest to
  // transpose.
  std::uint64_t MostBytes(std::uint32_t index, std::uint64_t unit) const {
    const std::uint64_t element = ElementBytes(model_.tensors()[layout_.work[index].source].type);
    const std::uint64_t code = plan_.weights[*layout_.work[index].weight].encoding.code_bytes();
    const std::uint64_t most =
        options_.tile_bytes / sizeof(float) / code * std::min<std::uint64_t>(element, sizeof(float));
    const bool is_row = unit == RowBytes(index) && unit <= most;
    return is_row ? kernels::RowsToTranspose(most / unit) * unit : most;
  }

  void AddWhole(std::uint32_t index, std::uint64_t tile_bytes) {
    const std::uint64_t bytes = SourceOf(layout_.work[index]).range.length;
    // Whole tiles write at once. Large ones wait for those before them, because what is written out of order
    // is read back to be hashed; for small ones, waiting would cost more than that.
    while (bytes > options_.tile_bytes && !to_emit_.empty()) EmitOne();
    for (std::uint64_t at = 0; at < bytes; at += tile_bytes) {
      Scan(MakeStep(StepKind::kWhole, index, {at, std::min(tile_bytes, bytes - at)}));
    }
  }

  // A group that takes several tiles: its scales are known only after the last of them.
  void AddGroup(std::uint32_t index, std::uint64_t start, std::uint64_t bytes) {
    const std::vector<ByteRange> ranges = Cut(index, start, bytes);
    const bool hold = ranges.size() <= options_.held_tiles;
    std::deque<Step> emissions;
    for (const ByteRange& range : ranges) {
      const bool last = range.end() == start + bytes;
      while (hold && held_ == options_.held_tiles) EmitOne();
      Step scan = MakeStep(hold ? StepKind::kScanHold : StepKind::kScan, index, range);
      scan.ends_group = last;
      Scan(scan);
      held_ += hold ? 1 : 0;
      Step emission = MakeStep(hold ? StepKind::kEmitHeld : StepKind::kEmitAgain, index, range);
      emission.ends_group = last;
      emissions.push_back(emission);
    }
    to_emit_.insert(to_emit_.end(), emissions.begin(), emissions.end());
  }

  // A group as tiles. Where its matrix is to be transposed, a tile has whole rows or a part of one.
  std::vector<ByteRange> Cut(std::uint32_t index, std::uint64_t start, std::uint64_t bytes) const {
    const std::uint64_t end = start + bytes;
    const std::uint64_t row_bytes = RowBytes(index);
    std::vector<ByteRange> ranges;
    for (std::uint64_t at = start; at < end;) {
      const std::uint64_t most = PieceLength(at, row_bytes, MostBytes(index, row_bytes));
      ranges.push_back({at, std::min(most, end - at)});
      at = ranges.back().end();
    }
    return ranges;
  }

  // Of the rows that tiles must not mix; everything is one row where nothing is transposed.
  std::uint64_t RowBytes(std::uint32_t index) const {
    const auto& transposition = plan_.weights[*layout_.work[index].weight].transposition;
    if (!transposition) return UINT64_MAX;
    return transposition->columns * ElementBytes(model_.tensors()[layout_.work[index].source].type);
  }

  // Reads a tile; then one that waits is written.
  void Scan(const Step& step) {
    steps_.push_back(step);
    if (!to_emit_.empty()) EmitOne();
  }

  void EmitOne() {
    steps_.push_back(to_emit_.front());
    held_ -= to_emit_.front().kind == StepKind::kEmitHeld ? 1 : 0;
    to_emit_.pop_front();
  }

  // `range` is within the tensor.
  Step MakeStep(StepKind kind, std::uint32_t index, ByteRange range) const {
    const Tensor& tensor = model_.tensors()[layout_.work[index].source];
    const std::uint64_t element_bytes =
        layout_.work[index].weight ? tensor.source.range.length / tensor.elements : 1;
    return {.kind = kind,
            .item = index,
            .file = tensor.source.file,
            .range = {tensor.source.range.offset + range.offset, range.length},
            .first_element = range.offset / element_bytes};
  }

  const Model& model_;
  const Plan& plan_;
  const Layout& layout_;
  const ScheduleOptions& options_;
  std::vector<Step> steps_;
  std::deque<Step> to_emit_;  // of groups that are scanned whole, and no others
  std::uint64_t held_ = 0;    // tiles kept for emissions
};

}  // namespace

std::vector<Step> MakeSchedule(const Model& model, const Plan& plan, const Layout& layout,
                               const ScheduleOptions& options) {
  return Scheduler(model, plan, layout, options).Make();
}

}  // namespace qi8
