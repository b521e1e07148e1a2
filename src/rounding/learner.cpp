#include "rounding/learner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "compare/mask.hpp"
#include "compare/worker.hpp"
#include "core/text.hpp"
#include "exec/write_image.hpp"
#include "io/temporary_folder.hpp"
#include "qi8/error.hpp"
#include "rounding/gptq.hpp"
#include "rounding/rows.hpp"
#include "rounding/stored_weight.hpp"

namespace qi8::rounding {
namespace {

using Eigen::Index;
using Tensors = std::vector<runtime::Tensor>;

// What the products of several weights are given, with all cases: as many weights as this holds, and always
// one.
constexpr std::uint64_t kTapBytes = 256ULL << 20U;

const std::string kTapped = "tapped.onnx";
const std::string kCodes = "codes";

// The FP32 model, with what products are given among its outputs.
class TappedModel {
 public:
  TappedModel(FileSystem& file_system, const std::filesystem::path& path,
              const std::vector<Learnable>& weights, Folder& folder) {
    Model model = Model::Load(file_system, path);
    std::set<std::string_view> outputs(model.graphs().front().outputs.begin(),
                                       model.graphs().front().outputs.end());
    Rewrite rewrite;
    for (const Learnable& weight : weights) {
      for (const Use& use : weight.uses) {
        const Value& x = model.values()[use.x];
        names_.emplace(use.x, x.name);
        if (x.is_graph_input || !outputs.insert(x.name).second) continue;
        rewrite.added_outputs.push_back({std::string(x.name), DataType::kUndefined});
      }
    }
    model.Apply(rewrite);
    model.PlaceAsTheyWere();
    const auto file = folder.Create(kTapped);
    WriteImage(model, model.Render({}), *file);
  }

  void Open(compare::Worker& worker, const std::filesystem::path& path, const std::string& data_folder,
            const compare::RuntimeOptions& options) {
    const auto opened = worker.Open(path.native(), options, data_folder);
    for (std::size_t i = 0; i < opened.inputs.size(); ++i) inputs_.emplace(opened.inputs[i].name, i);
    for (std::size_t i = 0; i < opened.outputs.size(); ++i) outputs_.emplace(opened.outputs[i].name, i);
  }

  // What those values are with one case.
  [[nodiscard]] std::map<ValueId, runtime::Tensor> Run(compare::Worker& worker, const Tensors& inputs,
                                                       const std::set<ValueId>& values) const {
    std::map<ValueId, runtime::Tensor> found;
    std::vector<ValueId> read;
    std::vector<std::size_t> wanted;
    for (const ValueId id : values) {
      const std::string& name = names_.at(id);
      if (const auto input = inputs_.find(name); input != inputs_.end()) {
        found.emplace(id, inputs.at(input->second));
      } else {
        read.push_back(id);
        wanted.push_back(outputs_.at(name));
      }
    }
    if (wanted.empty()) return found;
    worker.SetInputs(inputs);
    Tensors tensors = worker.RunFor(wanted);
    for (std::size_t i = 0; i < read.size(); ++i) found.emplace(read[i], std::move(tensors.at(i)));
    return found;
  }

 private:
  std::unordered_map<ValueId, std::string> names_;
  std::map<std::string, std::size_t> inputs_, outputs_;  // places
};

std::set<ValueId> ReadBy(const Learnable& weight) {
  std::set<ValueId> values;
  for (const Use& use : weight.uses) values.insert(use.x);
  return values;
}

// The power of the rows of each use is multiplied by its factor: an error counts by that power.
RowsOfMatrices RowsFor(const Learnable& weight, const std::vector<double>& factors,
                       const std::vector<std::map<ValueId, runtime::Tensor>>& taps) {
  RowsOfMatrices rows(MatricesOf(weight.uses.front().factor));
  for (std::size_t use = 0; use < weight.uses.size(); ++use) {
    std::vector<Index> before(rows.size());
    std::ranges::transform(rows, before.begin(), [](const Floats& of_matrix) { return of_matrix.rows(); });
    for (const auto& tap : taps) AddRows(tap.at(weight.uses[use].x), weight.uses[use].factor, rows);
    if (factors[use] == 1) continue;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].bottomRows(rows[i].rows() - before[i]) *= static_cast<float>(std::sqrt(factors[use]));
    }
  }
  return rows;
}

// How H is damped, in the order in which it is tried. With as much as the second, all directions that inputs
// may take keep some weight: it wins less where the inputs are those that were learned from, and loses less
// where they are quiet or others. Of the DFT of kwt1_raw_audio, the first makes most of the bins less exact.
constexpr std::array kDampings = {kPapersDamping, 1.0};

// What the codes of a weight are learned from.
struct Lesson {
  std::vector<double> factors;  // of its uses
  // How much errors of the numbers themselves count beside those of products, where that is known.
  std::optional<double> of_numbers;
  RowsOfMatrices rows;
};

// The factored H of what a weight is multiplied with. Numbers that are read themselves, too, count as a
// product with rows that have nothing to do with each other; where nothing is known of how much, of as much
// power as the weight's own, as of both the noise as a share of the signal is what adds up.
std::optional<FactoredHessian> FactoredHessianOf(const Learnable& weight, const Lesson& lesson,
                                                 std::size_t matrix, const Floats& numbers, double damping) {
  const Floats& rows = lesson.rows[matrix];
  Doubles gram = Doubles::Zero(rows.cols(), rows.cols());
  AddGram(rows, gram);
  if (!weight.readers.empty()) {
    const double power = numbers.cast<double>().squaredNorm();
    if (lesson.of_numbers) {
      gram.diagonal().array() += *lesson.of_numbers;
    } else if (power > 0) {
      gram.diagonal().array() += PowerOfProduct(gram, numbers) / power;
    }
  }
  return FactoredHessian::Of(std::move(gram), damping);
}

// The last one that was factored is kept: it serves all weights that are multiplied with the same.
class HessianCache {
 public:
  const std::optional<FactoredHessian>& Of(const Learnable& weight, const Lesson& lesson, std::size_t matrix,
                                           const Floats& numbers, double damping) {
    Key key{.uses = {}, .damping = damping};
    for (std::size_t i = 0; i < weight.uses.size(); ++i) {
      const Use& use = weight.uses[i];
      key.uses.emplace_back(use.x, use.factor.other_is_turned, lesson.factors[i]);
    }
    const bool is_shared = weight.readers.empty() && lesson.rows.size() == 1;
    if (is_shared && key == key_) return hessian_;
    hessian_.reset();  // before there is another
    hessian_ = FactoredHessianOf(weight, lesson, matrix, numbers, damping);
    key_ = is_shared ? std::move(key) : Key();
    return hessian_;
  }

 private:
  struct Key {
    std::vector<std::tuple<ValueId, bool, double>> uses;
    double damping = 0;

    bool operator==(const Key&) const = default;
  };

  Key key_;
  std::optional<FactoredHessian> hessian_;
};

class LearningRun {
 public:
  LearningRun(FileSystem& file_system, const std::filesystem::path& path,
              const compare::RuntimeOptions& options, Observer& observer, std::vector<Learnable> weights,
              const Influences& influences)
      : observer_(observer),
        model_(Model::Load(file_system, path)),
        weights_(std::move(weights)),
        influences_(influences),
        scratch_(file_system),
        tapped_(file_system, path, weights_, scratch_.folder()),
        worker_(options.worker, options.timeout_seconds, [this] { return observer_.ShouldStop(); }),
        codes_(scratch_.folder().Create(kCodes)) {
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    tapped_.Open(worker_, scratch_.path() / kTapped, folder.native(), options);
  }

  Learning Run(FileSystem& file_system, const SplitCases& cases, std::optional<std::size_t> mask) {
    learned_bytes_ = BytesOf(cases.learned_from);
    judged_bytes_ = BytesOf(cases.judged_by);
    for (std::size_t first = 0; first < weights_.size();) {
      const std::size_t last = GroupEnd(first, cases);
      std::set<ValueId> values;
      for (std::size_t i = first; i < last; ++i) values.merge(ReadBy(weights_[i]));
      const auto learned_from = Tap(cases.learned_from, values, mask);
      const auto judged_by = Tap(cases.judged_by, values, mask);
      for (; first < last; ++first) {
        if (observer_.ShouldStop()) throw Error(ErrorKind::kInterrupted, "interrupted");
        LearnOne(weights_[first], learned_from, judged_by);
        observer_.OnMeasured(first + 1, weights_.size());
      }
    }
    codes_->Close();
    const std::shared_ptr<const ReadableFile> file = file_system.OpenForReading(scratch_.path() / kCodes);
    for (const auto& [weight, offset] : places_) {
      const Learnable& learned = weights_[weight];
      learning_.codes.Add(model_.tensors()[learned.tensor].source, learned.encoding, {file, offset});
    }
    return std::move(learning_);
  }

 private:
  using Taps = std::vector<std::map<ValueId, runtime::Tensor>>;  // by case

  // The weights from `first` on that are learned together, by the size of what they are given.
  std::size_t GroupEnd(std::size_t first, const SplitCases& cases) {
    std::uint64_t bytes = 0;
    std::set<ValueId> values;
    std::size_t last = first;
    for (; last < weights_.size(); ++last) {
      for (const ValueId id : ReadBy(weights_[last])) {
        if (!bytes_.contains(id)) Size(last, cases);
        if (values.insert(id).second) bytes += bytes_.at(id);
      }
      if (last > first && bytes > kTapBytes) break;
    }
    return last;
  }

  // Finds how many bytes some weights, from that one on, are given with all cases: by one case, as larger
  // inputs make larger values.
  void Size(std::size_t first, const SplitCases& cases) {
    constexpr std::size_t kAtATime = 8;
    std::set<ValueId> values;
    for (std::size_t i = first; i < std::min(first + kAtATime, weights_.size()); ++i) {
      values.merge(ReadBy(weights_[i]));
    }
    const compare::InputSet& one = cases.judged_by.front();
    const auto all = static_cast<double>(BytesOf(cases.learned_from) + BytesOf(cases.judged_by));
    const double ratio = all / static_cast<double>(std::max<std::uint64_t>(1, BytesOf({&one, 1})));
    for (const auto& [id, tensor] : tapped_.Run(worker_, one.inputs, values)) {
      bytes_[id] = static_cast<std::uint64_t>(ratio * static_cast<double>(tensor.data.size()));
    }
  }

  Taps Tap(const std::vector<compare::InputSet>& cases, const std::set<ValueId>& values,
           std::optional<std::size_t> mask) {
    Taps taps;
    for (const compare::InputSet& one : cases) {
      taps.push_back(tapped_.Run(worker_, one.inputs, values));
      if (!mask) continue;
      for (auto& [id, tensor] : taps.back()) tensor = compare::WithoutMasked(tensor, one.inputs.at(*mask));
    }
    return taps;
  }

  void LearnOne(const Learnable& weight, const Taps& learned_from, const Taps& judged_by) {
    const Tensor& tensor = model_.tensors()[weight.tensor];
    LearnedWeight result{.name = tensor.name,
                         .shape = tensor.dims,
                         .block = weight.encoding.block,
                         .rows = 0,
                         .nearest_noise = 0,
                         .learned_noise = 0,
                         .most_steps = 0,
                         .obstacle = weight.obstacle};
    std::vector<std::int8_t> codes;
    if (result.is_learned()) Round(weight, learned_from, judged_by, result, codes);
    if (result.is_learned()) {
      places_.emplace_back(static_cast<std::size_t>(&weight - weights_.data()), used_);
      codes_->WriteAt(used_, std::as_bytes(std::span(codes)));
      used_ += codes.size();
    }
    learning_.weights.push_back(std::move(result));
  }

  void Round(const Learnable& weight, const Taps& learned_from, const Taps& judged_by, LearnedWeight& result,
             std::vector<std::int8_t>& codes) {
    Lesson lesson{.factors = FactorsOf(weight, influences_), .of_numbers = {}, .rows = {}};
    lesson.rows = RowsFor(weight, lesson.factors, learned_from);
    const MatrixFactor& factor = weight.uses.front().factor;
    const std::int64_t k = factor.dims[factor.dims.size() - 2];
    const auto fewest = std::ranges::min_element(lesson.rows, {}, [](const Floats& x) { return x.rows(); });
    result.rows = static_cast<std::uint64_t>(fewest->rows());
    if (fewest->rows() < k) {
      result.obstacle = "learning needs at least as many rows as the weight has, " +
                        FormatCount(static_cast<std::uint64_t>(k)) + ", and the inputs give " +
                        FormatCount(result.rows);
      return;
    }
    const RowsOfMatrices judges = RowsFor(weight, lesson.factors, judged_by);
    const StoredWeight stored = StoredWeight::Read(model_, weight);
    const RoundedWeight nearest = stored.Round(judges, RoundedToNearest).value();
    const auto of_numbers = [&](std::uint64_t input_bytes) {
      return FactorOfNumbers(weight, influences_, input_bytes, nearest.itself.noise);
    };
    lesson.of_numbers = of_numbers(learned_bytes_);
    const Judgement judgement(nearest, of_numbers(judged_bytes_));
    result.nearest_noise = judgement.Noise(nearest);
    for (const double damping : kDampings) {
      std::optional<RoundedWeight> learned =
          stored.Round(judges, [&](std::size_t matrix, const Floats& numbers, const CodeGrid& grid) {
            const auto& hessian = hessians_.Of(weight, lesson, matrix, numbers, damping);
            return hessian ? std::optional(hessian->Round(numbers, grid)) : std::nullopt;
          });
      if (!learned) {
        result.obstacle = "its product is given nothing but zeros";
        return;
      }
      result.learned_noise = judgement.Noise(*learned);
      result.most_steps = learned->most_steps;
      result.obstacle = judgement.Shortcoming(*learned);
      if (!result.is_learned()) continue;
      codes = std::move(learned->codes);
      return;
    }
  }

  Observer& observer_;
  Model model_;
  std::vector<Learnable> weights_;
  const Influences& influences_;
  std::uint64_t learned_bytes_ = 0, judged_bytes_ = 0;  // of the inputs
  TemporaryFolder scratch_;
  TappedModel tapped_;
  compare::Worker worker_;
  std::unique_ptr<WritableFile> codes_;
  std::uint64_t used_ = 0;                                     // of that file
  std::vector<std::pair<std::size_t, std::uint64_t>> places_;  // of the codes of weights, by number
  std::map<ValueId, std::uint64_t> bytes_;                     // of values with all cases
  HessianCache hessians_;
  Learning learning_;
};

}  // namespace

Learning Learner::Learn(std::vector<Learnable> weights, const Influences& influences, const SplitCases& cases,
                        std::optional<std::size_t> mask) {
  if (weights.empty()) return {};
  return LearningRun(file_system_, path_, options_, observer_, std::move(weights), influences)
      .Run(file_system_, cases, mask);
}

}  // namespace qi8::rounding
