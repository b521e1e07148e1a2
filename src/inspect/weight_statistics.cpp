#include "inspect/weight_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "exec/extremes.hpp"
#include "exec/quantization_error.hpp"
#include "exec/quantize_tile.hpp"
#include "exec/tensor_reader.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kTileElements = 1ULL << 18U;

// Reads the weight twice: for its mean and deviation, then, by groups, for what needs these, and for the
// error of its INT8 form. A group of more than a tile is read once more in between, for its scales.
class Statistician {
 public:
  Statistician(const Model& model, TensorId tensor, const QuantizedWeight* weight,
               const std::function<bool()>& should_stop)
      : elements_(model.tensors()[tensor].elements),
        weight_(weight),
        should_stop_(should_stop),
        reader_(model, tensor) {}

  WeightStatistics Run() {
    ForEachTile(0, elements_, [this](std::uint64_t, std::span<const float> tile) { Sum(tile); });
    Conclude();
    if (weight_ != nullptr) {
      MeasureGroups();
    } else {
      ForEachTile(0, elements_, [this](std::uint64_t, std::span<const float> tile) { CountOutliers(tile); });
    }
    return result_;
  }

 private:
  template <typename Visit>
  void ForEachTile(std::uint64_t first, std::uint64_t count, const Visit& visit) {
    for (std::uint64_t at = 0; at < count; at += kTileElements) {
      if (should_stop_ && should_stop_()) throw Error(ErrorKind::kInterrupted, "interrupted");
      visit(first + at, reader_.Read(first + at, std::min(kTileElements, count - at)));
    }
  }

  void Sum(std::span<const float> tile) {
    for (const float value : tile) {
      if (!std::isfinite(value)) {
        ++result_.non_finite;
        continue;
      }
      if (count_++ == 0) result_.least = result_.greatest = value;
      result_.least = std::min<double>(result_.least, value);
      result_.greatest = std::max<double>(result_.greatest, value);
      sum_ += value;
      squares_ += static_cast<double>(value) * value;
    }
  }

  void Conclude() {
    if (count_ == 0) return;
    const auto count = static_cast<double>(count_);
    result_.mean = sum_ / count;
    result_.deviation = std::sqrt(std::max(0.0, squares_ / count - result_.mean * result_.mean));
    const double rms = std::sqrt(squares_ / count);
    if (rms > 0) result_.peak_over_rms = std::max(-result_.least, result_.greatest) / rms;
  }

  void CountOutliers(std::span<const float> tile) {
    const double limit = kOutlierDeviations * result_.deviation;
    for (const float value : tile) {
      if (std::isfinite(value) && std::abs(value - result_.mean) > limit) ++result_.outliers;
    }
  }

  // Measures as many whole groups at a time as fit a tile, and at least one.
  void MeasureGroups() {
    const ChannelShape& shape = weight_->encoding.shape;
    result_.channels = shape.scales();
    if (shape.elements() == 0) return;
    const std::uint64_t groups = std::max<std::uint64_t>(1, kTileElements / shape.group_elements());
    for (std::uint64_t group = 0; group < shape.groups; group += groups) {
      const std::uint64_t count = std::min(groups, shape.groups - group) * shape.group_elements();
      MeasureRun(group * shape.group_elements(), count);
    }
    if (result_.non_finite > 0) return;  // there is no INT8 form
    result_.sqnr_db = error_.SqnrDecibel();
    result_.largest_error = error_.largest;
  }

  void MeasureRun(std::uint64_t first, std::uint64_t count) {
    Extremes extremes;
    ForEachTile(first, count, [&](std::uint64_t at, std::span<const float> tile) {
      extremes.Add(FindExtremes(weight_->encoding.scheme, weight_->encoding.shape, at, tile));
      CountOutliers(tile);
    });
    for (std::size_t i = 0; i < extremes.above.size(); ++i) {
      const bool is_zero = extremes.above[i] == 0 && (extremes.below.empty() || extremes.below[i] == 0);
      result_.zero_channels += is_zero ? 1 : 0;
    }
    if (result_.non_finite > 0) return;
    const ChannelParameters parameters = ParametersOf(weight_->encoding.scheme, extremes);
    ForEachTile(first, count, [&](std::uint64_t at, std::span<const float> tile) {
      codes_.resize(tile.size());
      QuantizeTile(weight_->encoding.shape, at, tile, parameters, codes_);
      error_.Add(ErrorOf(weight_->encoding.shape, at, tile, parameters, codes_));
    });
  }

  std::uint64_t elements_;
  const QuantizedWeight* weight_;
  const std::function<bool()>& should_stop_;
  TensorReader reader_;
  std::uint64_t count_ = 0;  // finite ones
  double sum_ = 0;
  double squares_ = 0;
  QuantizationError error_;
  std::vector<std::int8_t> codes_;
  WeightStatistics result_;
};

}  // namespace

WeightStatistics StatisticsOf(const Model& model, TensorId tensor, const QuantizedWeight* weight,
                              const std::function<bool()>& should_stop) {
  return Statistician(model, tensor, weight, should_stop).Run();
}

}  // namespace qi8
