#include "exec/execute.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "core/text.hpp"
#include "exec/buffer_pool.hpp"
#include "exec/code_sums.hpp"
#include "exec/extremes.hpp"
#include "exec/handover.hpp"
#include "exec/matrix_part.hpp"
#include "exec/quantize_tile.hpp"
#include "exec/schedule.hpp"
#include "exec/tile_values.hpp"
#include "exec/transposed_writer.hpp"
#include "exec/unstorable.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

// Rows of a weight to be transposed that are collected before they are written.
constexpr std::uint64_t kTransposedBytes = 2ULL << 20U;

// How the memory budget is spent.
struct Budget {
  std::uint64_t tokens = 1;  // tiles on their way through the pipeline
  ScheduleOptions schedule;
};

Budget Divide(const ExecuteOptions& options) {
  Budget budget;
  budget.schedule.pass_unused = options.hash_inputs;
  const std::uint64_t tile = budget.schedule.tile_bytes;
  const std::uint64_t token_bytes = tile + tile / sizeof(float);  // with its INT8 form
  budget.tokens =
      std::clamp<std::uint64_t>(options.memory_budget / 4 / token_bytes, 1, 2ULL * options.threads + 1);
  // Each token counts one tile more, because a held tile is freed only when its token ends, which is later
  // than the schedule says.
  const std::uint64_t in_flight = budget.tokens * (token_bytes + tile) + kTransposedBytes;
  budget.schedule.held_tiles =
      options.memory_budget > in_flight ? (options.memory_budget - in_flight) / tile : 0;
  return budget;
}

// A tile on its way.
struct Token {
  const Step* step = nullptr;
  std::shared_ptr<std::byte> input;
  std::shared_ptr<std::byte> output;
  Extremes extremes;                                    // of the channels that the tile has a part in
  std::shared_ptr<const ChannelParameters> parameters;  // of the tile's groups
  std::optional<std::uint64_t> unstorable;              // element of the tensor that no code stands for
  CodeSums sums;                                        // of the codes, where they are wanted
  unsigned most_steps = 0;                              // of a given code from the nearest
  QuantizationError error;
};

class Pipeline {
 public:
  Pipeline(const Model& model, const Plan& plan, const Layout& layout, OutputFiles outputs,
           const ExecuteOptions& options)
      : model_(model),
        plan_(plan),
        layout_(layout),
        outputs_(outputs),
        options_(options),
        budget_(Divide(options)),
        steps_(MakeSchedule(model, plan, layout, budget_.schedule)),
        input_pool_(budget_.schedule.tile_bytes),
        output_pool_(budget_.schedule.tile_bytes / sizeof(float)),
        tokens_(budget_.tokens),
        input_hashes_(model.files().size()),
        input_hashed_(model.files().size(), 0),
        errors_(options.measure_errors ? plan.weights.size() : 0) {}

  void Run() {
    constexpr auto serial = oneapi::tbb::filter_mode::serial_in_order;
    constexpr auto parallel = oneapi::tbb::filter_mode::parallel;
    const oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism,
                                              options_.threads);
    oneapi::tbb::task_arena arena(static_cast<int>(options_.threads));
    const AtScopeEnd<TakeOver> end(&end_);
    HandOver(&tokens_);
    arena.execute([this] {
      oneapi::tbb::parallel_pipeline(
          budget_.tokens,
          Stage<void, Token*>(serial, [this](auto& flow) { return Read(flow); }) &
              Stage<Token*, Token*>(serial, [this](Token* token) { return HashInput(token); }) &
              Stage<Token*, Token*>(parallel, [this](Token* token) { return Scan(token); }) &
              Stage<Token*, Token*>(serial, [this](Token* token) { return Settle(token); }) &
              Stage<Token*, Token*>(parallel, [this](Token* token) { return Quantize(token); }) &
              Stage<Token*, void>(serial, [this](Token* token) { Write(*token); }));
    });
  }

  ExecuteResult Result() {
    std::vector<std::string> hashes;
    for (std::size_t i = 0; options_.hash_inputs && i < input_hashes_.size(); ++i) {
      if (!model_.files()[i].in_memory) hashes.push_back(input_hashes_[i].FinishHex());
    }
    return {.input_hashes = std::move(hashes), .errors = std::move(errors_), .most_steps = most_steps_};
  }

 private:
  // A token goes from stage to stage, and from the last to the first; a serial stage has one after the other;
  // and the run ends when all stages have.
  template <typename In, typename Out, typename Body>
  oneapi::tbb::filter<In, Out> Stage(oneapi::tbb::filter_mode mode, const Body& body) {
    void* const turn = mode == oneapi::tbb::filter_mode::parallel ? nullptr : &turns_.emplace_back();
    return oneapi::tbb::make_filter<In, Out>(mode, [this, body, turn](auto&& in) -> Out {
      const AtScopeEnd<HandOver> end(&end_);
      if (turn != nullptr) TakeOver(turn);
      if constexpr (std::is_void_v<In>) {
        TakeOver(&tokens_);
        Token* const token = body(in);
        HandOver(token);
        HandOver(turn);
        return token;
      } else {
        TakeOver(in);
        static_cast<void>(body(in));
        if (turn != nullptr) HandOver(turn);
        HandOver(std::is_void_v<Out> ? static_cast<void*>(&tokens_) : in);
        if constexpr (!std::is_void_v<Out>) return in;
      }
    });
  }

  const WorkItem& ItemOf(const Step& step) const { return layout_.work[step.item]; }
  const Tensor& TensorOf(const Step& step) const { return model_.tensors()[ItemOf(step).source]; }
  const QuantizedWeight* WeightOf(const Step& step) const {
    if (step.item == kNoItem || !ItemOf(step).weight) return nullptr;
    return &plan_.weights[*ItemOf(step).weight];
  }

  std::uint64_t ElementsOf(const Step& step) const {
    return step.range.length / ElementBytes(TensorOf(step).type);
  }

  TileValues Values(const Token& token) const {
    return {TensorOf(*token.step).type, std::span(token.input.get(), token.step->range.length)};
  }
  std::span<std::int8_t> Quantized(const Token& token) const {
    return {reinterpret_cast<std::int8_t*>(token.output.get()), ElementsOf(*token.step)};
  }

  // Stage 1, one tile after the other: the bytes.
  Token* Read(oneapi::tbb::flow_control& flow) {
    if (next_step_ == steps_.size()) {
      flow.stop();
      return nullptr;
    }
    if (options_.should_stop && options_.should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    // As many tokens as the pipeline has on their way, used in turn: the last user of this one has left the
    // last stage.
    Token* token = &tokens_[next_step_ % tokens_.size()];
    const Step& step = steps_[next_step_++];
    token->step = &step;
    if (!Reads(step.kind)) {
      token->input = std::move(held_.front());
      held_.pop_front();
      return token;
    }
    token->input = input_pool_.Take();
    const std::span<std::byte> bytes(token->input.get(), step.range.length);
    model_.files()[step.file].file->ReadAt(step.range.offset, bytes);
    if (step.kind == StepKind::kScanHold) held_.push_back(token->input);
    bytes_read_ += step.range.length;
    if (options_.on_progress) options_.on_progress(bytes_read_);
    return token;
  }

  // Stage 2, in order: the checksum of the input. A stage of its own, so that the next tile is read
  // meanwhile: hashing is what a run takes longest for. Tensors may overlap, and tiles may come again: only
  // what lies beyond the hashed part is hashed.
  Token* HashInput(Token* token) {
    const Step& step = *token->step;
    if (!options_.hash_inputs || !Reads(step.kind) || model_.files()[step.file].in_memory) return token;
    std::uint64_t& hashed = input_hashed_[step.file];
    if (step.range.end() <= hashed) return token;
    const std::span<const std::byte> bytes(token->input.get(), step.range.length);
    input_hashes_[step.file].Update(bytes.subspan(hashed - step.range.offset));
    hashed = step.range.end();
    return token;
  }

  // Stage 3, in parallel: how far the numbers of each channel of the tile reach.
  Token* Scan(Token* token) {
    const QuantizedWeight* weight = WeightOf(*token->step);
    if (weight == nullptr || !Scans(token->step->kind)) return token;
    const TileValues values = Values(*token);
    const std::uint64_t first_element = token->step->first_element;
    const bool has_scales = weight->encoding.has_scales();
    if (has_scales) {
      token->extremes = FindExtremes(weight->encoding.scheme, weight->encoding.shape, first_element, values);
    }
    if (!has_scales || !token->extremes.AllFinite()) {
      const auto index = FindUnstorable(weight->encoding, values);
      if (index) token->unstorable = first_element + *index;
    }
    return token;
  }

  // Stage 4, in order: the extremes of all tiles of a group become its scales and zero points, which its
  // emissions then find here.
  Token* Settle(Token* token) {
    const Step& step = *token->step;
    const QuantizedWeight* weight = WeightOf(step);
    if (weight == nullptr) return token;
    if (token->unstorable)
      throw UnstorableWeight(model_, ItemOf(step).source, {*token->unstorable, weight->encoding});
    if (!weight->encoding.has_scales()) return token;
    const auto settled = [weight](const Extremes& extremes) {
      return std::make_shared<const ChannelParameters>(ParametersOf(weight->encoding.scheme, extremes));
    };
    if (step.kind == StepKind::kWhole) {
      token->parameters = settled(token->extremes);
    } else if (Scans(step.kind)) {
      group_extremes_.Add(token->extremes);
      if (step.ends_group) {
        group_parameters_.push_back(settled(group_extremes_));
        group_extremes_ = {};
      }
    } else {
      token->parameters = group_parameters_.front();
      if (step.ends_group) group_parameters_.pop_front();
    }
    return token;
  }

  // Stage 5, in parallel: the INT8 form of the tile.
  Token* Quantize(Token* token) {
    const Step& step = *token->step;
    const QuantizedWeight* weight = WeightOf(step);
    if (weight == nullptr || !Emits(step.kind)) return token;
    token->output = output_pool_.Take();
    const ChannelShape& shape = weight->encoding.shape;
    const TileValues values = Values(*token);
    if (!weight->encoding.has_scales()) {
      const std::span<std::byte> narrowed(token->output.get(),
                                          ElementsOf(step) * weight->encoding.code_bytes());
      NarrowTile(values, narrowed);
      if (options_.measure_errors) token->error = ErrorOfFloat16(values, narrowed);
      return token;
    }
    const auto output = Quantized(*token);
    const GivenCodes* given = options_.rounded == nullptr
                                  ? nullptr
                                  : options_.rounded->Find(TensorOf(step).source, weight->encoding);
    const bool in_order = !weight->transposition;
    // Codes that are given, and errors, are in the order of the values; codes of another order are made after
    // that.
    if (in_order || options_.measure_errors || given != nullptr) {
      QuantizeTile(shape, step.first_element, values, *token->parameters, output);
    }
    if (given != nullptr) token->most_steps = TakeGiven(*given, step.first_element, output);
    if (options_.measure_errors) {
      token->error = ErrorOf(shape, step.first_element, values, *token->parameters, output);
    }
    if (!in_order && given != nullptr) {
      const std::vector<std::int8_t> codes(output.begin(), output.end());
      TransposeCodes(*weight->transposition, step.first_element, codes, output);
    } else if (!in_order) {
      QuantizeTurned(*weight, step.first_element, values, *token->parameters, output);
    }
    if (weight->HasPart(WeightPart::kSums)) {
      token->sums = in_order ? SumCodes(shape, step.first_element, output)
                             : SumTransposedCodes(shape, *weight->transposition, step.first_element, output);
    }
    if (weight->encoding.scheme.type != WeightType::kInt8) MakeUnsigned(output);
    return token;
  }

  // Puts the codes that are given in place of those that are nearest. How far they are from these at most.
  static unsigned TakeGiven(const GivenCodes& given, std::uint64_t first_element,
                            std::span<std::int8_t> codes) {
    std::vector<std::int8_t> taken(codes.size());
    given.file->ReadAt(given.offset + first_element, std::as_writable_bytes(std::span(taken)));
    int most = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) most = std::max(most, std::abs(taken[i] - codes[i]));
    std::ranges::copy(taken, codes.begin());
    return static_cast<unsigned>(most);
  }

  static void QuantizeTurned(const QuantizedWeight& weight, std::uint64_t first_element,
                             const TileValues& values, const ChannelParameters& parameters,
                             std::span<std::int8_t> codes) {
    if (weight.encoding.block == 0) {
      return QuantizeTileTransposed(*weight.transposition, first_element, values, parameters, codes);
    }
    // Scales go along the columns, so these codes are made in their order first.
    std::vector<std::int8_t> in_order(codes.size());
    QuantizeTile(weight.encoding.shape, first_element, values, parameters, in_order);
    TransposeCodes(*weight.transposition, first_element, in_order, codes);
  }

  // Codes of int8, of zero points less by 128, become the uint8 codes that they stand for.
  static void MakeUnsigned(std::span<std::int8_t> codes) {
    for (std::int8_t& code : codes) code = static_cast<std::int8_t>(code ^ INT8_MIN);
  }

  // Stage 6, in order: to its place in the output.
  void Write(Token& token) {
    if (options_.measure_errors && WeightOf(*token.step) != nullptr) {
      errors_[*ItemOf(*token.step).weight].Add(token.error);
    }
    most_steps_ = std::max(most_steps_, token.most_steps);
    if (token.step->item != kNoItem && Emits(token.step->kind)) WriteTile(token);
    token = Token();  // its tiles go back to the pool
  }

  void WriteTile(const Token& token) {
    const Step& step = *token.step;
    const WorkItem& item = ItemOf(step);
    const QuantizedWeight* weight = WeightOf(step);
    if (weight == nullptr) {
      const OutputPlace& place = layout_.places[item.output];
      const std::uint64_t offset = step.range.offset - TensorOf(step).source.range.offset;
      FileFor(place).Write(place.offset + offset, {token.input.get(), step.range.length});
      return;
    }
    const bool has_parameters = step.kind == StepKind::kWhole || step.ends_group;
    CodeSums sums = token.sums;
    if (step.kind != StepKind::kWhole) {
      AddSums(group_sums_, token.sums);
      if (step.ends_group) sums = std::exchange(group_sums_, {});
    }
    std::vector<OutputPlace> written;
    for (const WeightOutput& output : weight->outputs) {
      const bool is_code = output.part == WeightPart::kCodes;
      if ((!is_code && !has_parameters) || !IsNew(layout_.places[output.tensor], written)) continue;
      if (is_code) {
        WriteCodes(token, *weight, output.tensor);
      } else {
        WriteParameters(token, *weight, output, sums);
      }
    }
  }

  // Tensors of the same bytes mostly have the same place, which is written once.
  static bool IsNew(const OutputPlace& place, std::vector<OutputPlace>& written) {
    if (std::ranges::find(written, place) != written.end()) return false;
    written.push_back(place);
    return true;
  }

  void WriteCodes(const Token& token, const QuantizedWeight& weight, std::uint32_t tensor) {
    const Step& step = *token.step;
    const OutputPlace& place = layout_.places[tensor];
    const std::uint64_t code_bytes = weight.encoding.code_bytes();
    const std::span<const std::byte> codes(token.output.get(), ElementsOf(step) * code_bytes);
    if (!weight.transposition) {
      return FileFor(place).Write(place.offset + step.first_element * code_bytes, codes);
    }
    const Transposition& matrices = *weight.transposition;
    ForEachMatrix(matrices, step.first_element, codes.size(), [&](const MatrixPart& part) {
      const TransposedMatrix matrix{&FileFor(place),
                                    place.offset + part.matrix * matrices.rows * matrices.columns,
                                    matrices.rows, matrices.columns};
      TransposedWriter& writer = transposed_.try_emplace(tensor, kTransposedBytes).first->second;
      writer.Write(matrix, part.first_element, codes.subspan(part.start, part.elements()));
    });
    if (step.first_element + codes.size() == weight.encoding.shape.elements()) transposed_.erase(tensor);
  }

  // Scales, zero points or sums of the groups that end with this tile.
  void WriteParameters(const Token& token, const QuantizedWeight& weight, const WeightOutput& output,
                       const CodeSums& sums) {
    const ChannelShape& shape = weight.encoding.shape;
    const std::uint64_t first = token.step->first_element / shape.group_elements() * shape.channels;
    const OutputPlace& place = layout_.places[output.tensor];
    if (output.part == WeightPart::kScales) {
      std::vector<float> scales = token.parameters->scales;
      for (float& scale : scales) scale *= output.factor;
      if (weight.encoding.block > 0 && weight.transposition) {
        return WriteTurned(scales, first, shape, output.tensor);
      }
      return FileFor(place).Write(place.offset + first * sizeof(float), std::as_bytes(std::span(scales)));
    }
    if (output.part == WeightPart::kSums) {
      const auto numbers = SumsOfChannels(sums, *token.parameters, shape.reduced, output.factor);
      return FileFor(place).Write(place.offset + first * sizeof(float), std::as_bytes(std::span(numbers)));
    }
    std::vector<std::int8_t> zero_points;
    for (const float zero_point : token.parameters->zero_points) {
      zero_points.push_back(static_cast<std::int8_t>(zero_point));
    }
    if (weight.encoding.scheme.type != WeightType::kInt8) MakeUnsigned(zero_points);
    FileFor(place).Write(place.offset + first, std::as_bytes(std::span(zero_points)));
  }

  // Scales [groups, channels] of some groups, which the file has as [channels, groups].
  void WriteTurned(std::span<const float> scales, std::uint64_t first, const ChannelShape& shape,
                   std::uint32_t tensor) {
    const std::uint64_t groups = scales.size() / shape.channels;
    std::vector<float> turned(scales.size());
    for (std::uint64_t g = 0; g < groups; ++g) {
      for (std::uint64_t c = 0; c < shape.channels; ++c)
        turned[c * groups + g] = scales[g * shape.channels + c];
    }
    const OutputPlace& place = layout_.places[tensor];
    const TransposedMatrix matrix{&FileFor(place), place.offset, shape.groups, shape.channels, sizeof(float)};
    TransposedWriter& writer = transposed_.try_emplace(tensor, kTransposedBytes).first->second;
    writer.Write(matrix, first, std::as_bytes(std::span<const float>(turned)));
    if (first + scales.size() == shape.scales()) transposed_.erase(tensor);
  }

  HashedOutput& FileFor(const OutputPlace& place) const {
    return place.file == OutputFile::kModel ? *outputs_.model : *outputs_.data;
  }

  const Model& model_;
  const Plan& plan_;
  const Layout& layout_;
  OutputFiles outputs_;
  const ExecuteOptions& options_;
  Budget budget_;
  std::vector<Step> steps_;
  BufferPool input_pool_;
  BufferPool output_pool_;
  std::vector<Token> tokens_;

  std::map<std::uint32_t, TransposedWriter> transposed_;  // by output tensor, while one streams by

  // Stage 1's own.
  std::size_t next_step_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::deque<std::shared_ptr<std::byte>> held_;

  // Places to hand over.
  std::deque<char> turns_;  // of the serial stages
  char end_ = 0;

  // Stage 2's own.
  std::vector<Sha256> input_hashes_;
  std::vector<std::uint64_t> input_hashed_;

  // Stage 6's own.
  std::vector<QuantizationError> errors_;
  unsigned most_steps_ = 0;
  CodeSums group_sums_;  // of the group whose codes are being written

  // Stage 4's own.
  Extremes group_extremes_;
  std::deque<std::shared_ptr<const ChannelParameters>> group_parameters_;
};

}  // namespace

void RequireMemoryBudget(std::uint64_t bytes) {
  if (bytes >= kLeastMemoryBudget) return;
  throw Error(ErrorKind::kUsage, "--memory-budget: " + FormatBytes(bytes) + " is too little; the least is " +
                                     FormatBytes(kLeastMemoryBudget));
}

unsigned DefaultThreads() { return std::max(1U, std::thread::hardware_concurrency()); }

void RequireUnchanged(const Model& model) {
  for (const InputFile& input : model.files()) {
    if (!input.in_memory && input.file->Identity() != input.identity) {
      throw Error(
          ErrorKind::kFailure,
          Quote(input.file->path()) + " was changed while it was read; run again when nothing writes to it");
    }
  }
}

ExecuteResult Execute(const Model& model, const Plan& plan, const Layout& layout, OutputFiles outputs,
                      const ExecuteOptions& options) {
  if (outputs.data != nullptr) {
    for (const ByteRange& gap : GapsInData(model, plan, layout)) outputs.data->MarkWritten(gap);
  }
  Pipeline pipeline(model, plan, layout, outputs, options);
  pipeline.Run();
  RequireUnchanged(model);
  return pipeline.Result();
}

std::vector<ByteRange> GapsInData(const Model& model, const Plan& plan, const Layout& layout) {
  std::vector<ByteRange> used;
  const auto add = [&](std::uint32_t tensor, std::uint64_t length) {
    if (layout.places[tensor].file == OutputFile::kData)
      used.push_back({layout.places[tensor].offset, length});
  };
  for (const WorkItem& item : layout.work) {
    if (!item.weight) {
      add(item.output, model.tensors()[item.source].source.range.length);
      continue;
    }
    const QuantizedWeight& weight = plan.weights[*item.weight];
    for (const WeightOutput& output : weight.outputs) {
      add(output.tensor, weight.encoding.BytesOf(output.part));
    }
  }
  std::ranges::sort(used);
  std::vector<ByteRange> gaps;
  std::uint64_t end = 0;
  for (const ByteRange& range : used) {  // some share their place
    if (range.offset > end) gaps.push_back({end, range.offset - end});
    end = std::max(end, range.end());
  }
  return gaps;
}

void WriteGraph(const ModelImage& image, HashedOutput& model_file) {
  const auto text = std::as_bytes(std::span(image.text));
  std::size_t position = 0;
  std::uint64_t offset = 0;
  for (const auto& slot : image.slots) {
    model_file.Write(offset, text.subspan(position, slot.text_position - position));
    position = slot.text_position;
    offset = slot.offset + slot.length;
  }
  model_file.Write(offset, text.subspan(position));
}

std::uint64_t BytesToRead(const Model& model, const Plan& plan, const Layout& layout,
                          const ExecuteOptions& options) {
  std::uint64_t total = 0;
  for (const Step& step : MakeSchedule(model, plan, layout, Divide(options).schedule)) {
    if (Reads(step.kind)) total += step.range.length;
  }
  return total;
}

std::string TbbVersion() { return TBB_runtime_version(); }

}  // namespace qi8
