#include "compare/probes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace qi8::compare {
namespace {

constexpr std::int64_t kLong = 8;
constexpr double kTurn = 2 * std::numbers::pi;

// The longest first; of equals, the last axis.
std::vector<std::size_t> LongAxes(std::span<const std::int64_t> shape) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = shape.size(); axis-- > (shape.size() > 1 ? 1U : 0U);) {
    if (shape[axis] >= kLong) axes.push_back(axis);
  }
  std::ranges::stable_sort(axes, std::ranges::greater{}, [&](std::size_t axis) { return shape[axis]; });
  return axes;
}

// A tensor as planes: the two axes that a probe runs over, and all places on the others.
struct Axis {
  std::size_t size = 1;
  std::size_t stride = 0;
};
struct Planes {
  Axis first;   // the longest
  Axis second;  // of size 1 where only one is long
  std::vector<std::size_t> starts;
  std::size_t count = 1;
};

Planes PlanesOf(std::span<const std::int64_t> shape) {
  const std::vector<std::size_t> axes = LongAxes(shape);
  Planes planes;
  planes.starts = {0};
  std::size_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    const Axis here{static_cast<std::size_t>(shape[axis]), stride};
    stride *= here.size;
    if (!axes.empty() && axis == axes[0]) {
      planes.first = here;
    } else if (axes.size() > 1 && axis == axes[1]) {
      planes.second = here;
    } else {
      std::vector<std::size_t> starts;
      for (std::size_t i = 0; i < here.size; ++i) {
        for (const std::size_t start : planes.starts) starts.push_back(start + i * here.stride);
      }
      planes.starts = std::move(starts);
    }
  }
  planes.count = stride;
  return planes;
}

// Noise that changes little within `spacing` elements: values by chance at every such distance, and between
// them a smooth way from the one to the other.
class SmoothNoise {
 public:
  SmoothNoise(const Planes& planes, std::size_t spacing, Random& random)
      : spacing_(static_cast<double>(spacing)),
        shift_{random.Uniform(0, 1), random.Uniform(0, 1)},
        columns_(planes.second.size / spacing + 3) {
    values_.resize((planes.first.size / spacing + 3) * columns_);
    for (double& value : values_) value = random.Normal();
  }

  [[nodiscard]] double At(std::size_t first, std::size_t second) const {
    const auto [row, down] = Split(static_cast<double>(first) / spacing_ + shift_[0]);
    const auto [column, right] = Split(static_cast<double>(second) / spacing_ + shift_[1]);
    const double* const corner = &values_[row * columns_ + column];
    const double upper = std::lerp(corner[0], corner[1], right);
    const double lower = std::lerp(corner[columns_], corner[columns_ + 1], right);
    return std::lerp(upper, lower, down);
  }

 private:
  static std::pair<std::size_t, double> Split(double place) {
    const double whole = std::floor(place);
    const double rest = place - whole;
    return {static_cast<std::size_t>(whole), rest * rest * (3 - 2 * rest)};
  }

  double spacing_;
  double shift_[2];
  std::size_t columns_;
  std::vector<double> values_;
};

// Adds up noise of every octave, each with the same power.
std::vector<double> PinkNoise(const Planes& planes, Random& random) {
  std::vector<double> values(planes.count);
  for (const std::size_t start : planes.starts) {
    const auto add = [&](auto value_at) {
      for (std::size_t i = 0; i < planes.first.size; ++i) {
        for (std::size_t j = 0; j < planes.second.size; ++j) {
          values[start + i * planes.first.stride + j * planes.second.stride] += value_at(i, j);
        }
      }
    };
    for (std::size_t spacing = std::bit_ceil(planes.first.size); spacing > 1; spacing /= 2) {
      const SmoothNoise octave(planes, spacing, random);
      add([&](std::size_t i, std::size_t j) { return octave.At(i, j); });
    }
    add([&](std::size_t, std::size_t) { return random.Normal(); });
  }
  return values;
}

// Gives each element a value by its place on the longest axis: what it is now, the place, and the start of
// its plane in the list of starts go in.
template <typename Function>
void AlongFirst(const Planes& planes, std::vector<double>& values, Function function) {
  for (std::size_t plane = 0; plane < planes.starts.size(); ++plane) {
    for (std::size_t i = 0; i < planes.first.size; ++i) {
      for (std::size_t j = 0; j < planes.second.size; ++j) {
        double& value = values[planes.starts[plane] + i * planes.first.stride + j * planes.second.stride];
        value = function(value, i, plane);
      }
    }
  }
}

std::vector<double> GatedNoise(const Planes& planes, Random& random) {
  constexpr std::size_t kSections = 6;  // every other one is silent
  std::vector<double> values = PinkNoise(planes, random);
  AlongFirst(planes, values, [&](double value, std::size_t i, std::size_t) {
    return i * kSections / planes.first.size % 2 == 0 ? value : 0;
  });
  return values;
}

// Middle notes and pulses of a voice, at the rates that sound is sampled with; in a short tensor still
// several of them.
double Period(const Planes& planes, double shortest, double longest, double at_least, Random& random) {
  const double most = static_cast<double>(planes.first.size) / at_least;
  return std::max(2.5, std::min(most, random.Uniform(shortest, longest)));
}

std::vector<double> Tone(const Planes& planes, Random& random) {
  std::vector<double> values(planes.count);
  const double period = Period(planes, 20, 60, 2, random);
  std::vector<double> phases;
  for (std::size_t i = 0; i < planes.starts.size(); ++i) phases.push_back(random.Uniform(0, kTurn));
  AlongFirst(planes, values, [&](double, std::size_t i, std::size_t plane) {
    return std::sin(kTurn * static_cast<double>(i) / period + phases[plane]);
  });
  return values;
}

std::vector<double> Pulses(const Planes& planes, Random& random) {
  constexpr double kSwells = 4;        // of the envelope
  constexpr double kDecays = 6;        // within a period
  constexpr double kOscillations = 9;  // likewise
  std::vector<double> values(planes.count);
  const double period = Period(planes, 100, 160, 8, random);
  AlongFirst(planes, values, [&](double, std::size_t i, std::size_t) {
    const auto place = static_cast<double>(i);
    const double since = std::fmod(place, period) / period;
    const double envelope =
        (1 - std::cos(kTurn * kSwells * (place + 0.5) / static_cast<double>(planes.first.size))) / 2;
    return envelope * std::exp(-kDecays * since) * std::cos(kTurn * kOscillations * since);
  });
  return values;
}

std::vector<double> WhiteNoise(const Planes& planes, Random& random) {
  std::vector<double> values(planes.count);
  for (double& value : values) value = random.Normal();
  return values;
}

std::vector<double> Raw(Probe probe, const Planes& planes, Random& random) {
  switch (probe) {
    case Probe::kPinkNoise:
      return PinkNoise(planes, random);
    case Probe::kGatedNoise:
      return GatedNoise(planes, random);
    case Probe::kTone:
      return Tone(planes, random);
    case Probe::kPulses:
      return Pulses(planes, random);
    default:
      return WhiteNoise(planes, random);
  }
}

double Peak(const std::vector<double>& values) {
  double peak = 0;
  for (const double value : values) peak = std::max(peak, std::fabs(value));
  return peak;
}

double RootMeanSquare(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

}  // namespace

std::string_view ProbeName(Probe probe) {
  switch (probe) {
    case Probe::kPinkNoise:
      return "1/f noise";
    case Probe::kGatedNoise:
      return "gated 1/f noise";
    case Probe::kTone:
      return "tone";
    case Probe::kPulses:
      return "pulses";
    default:
      return "white noise";
  }
}

std::vector<Probe> ProbesFor(std::span<const std::int64_t> shape) {
  std::vector<Probe> probes = {Probe::kWhiteNoise};
  const std::size_t axes = LongAxes(shape).size();
  if (axes > 0) probes.insert(probes.end(), {Probe::kPinkNoise, Probe::kGatedNoise});
  if (axes == 1) probes.insert(probes.end(), {Probe::kTone, Probe::kPulses});
  return probes;
}

std::vector<double> MakeProbe(Probe probe, std::span<const std::int64_t> shape, Random& random) {
  std::vector<double> values = Raw(probe, PlanesOf(shape), random);
  if (probe == Probe::kWhiteNoise) return values;
  const double size = LongAxes(shape).size() > 1 ? RootMeanSquare(values) : Peak(values);
  if (size > 0) {
    for (double& value : values) value /= size;
  }
  return values;
}

std::vector<double> MakeProbe(Probe probe, std::span<const std::int64_t> shape, Random& random, double low,
                              double high) {
  const Planes planes = PlanesOf(shape);
  if (probe == Probe::kWhiteNoise) {
    std::vector<double> values(planes.count);
    for (double& value : values) value = random.Uniform(low, high);
    return values;
  }
  std::vector<double> values = Raw(probe, planes, random);
  const double peak = Peak(values);
  for (double& value : values) {
    value = std::lerp(low, high, peak > 0 ? (value / peak + 1) / 2 : 0.5);
  }
  return values;
}

}  // namespace qi8::compare
