#include "models/random_weights.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cstddef>

#ifdef __FAST_MATH__
#error "the weights' bytes rest on IEEE arithmetic: build without -ffast-math"
#endif

namespace qi8::models {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "excess precision would change the weights' bytes");

constexpr double kLn2 = 0.69314718055994530942;
constexpr double kOneOverSqrt2Pi = 0.39894228040143267794;
// sqrt of the mean square of 2^t for t uniform in [-1, 1], which is 15 / (16 ln 2).
constexpr double kChannelRootMeanSquare = 1.1629817714966142;

// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014), in the variant of Vigna's
// splitmix64.c.
constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

constexpr std::uint64_t bits_at(std::uint64_t key, std::uint64_t counter) {
  return mix(key + (counter + 1) * kGoldenGamma);
}

constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// In [0, 1), from the upper 53 bits.
constexpr double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// e^y for |y| <= 16: Taylor's series at y / 1024, squared ten times.
double exponential(double y) {
  const double r = y / 1024;
  double sum = 1;
  for (int n = 10; n > 0; --n) sum = 1 + r / n * sum;
  for (int i = 0; i < 10; ++i) sum *= sum;
  return sum;
}

double normal_density(double x) { return kOneOverSqrt2Pi * exponential(-x * x / 2); }

// The probability of a normal value above x, x >= 0.
double normal_tail(double x) {
  if (x < 2) {  // 1/2 - density * (x + x^3/3 + x^5/(3*5) + ...)
    double term = x;
    double sum = x;
    for (int n = 3; n < 80; n += 2) {
      term = term * x * x / n;
      sum += term;
    }
    return 0.5 - normal_density(x) * sum;
  }
  double fraction = x;  // density / (x + 1/(x + 2/(x + 3/(x + ...))))
  for (int n = 200; n > 0; --n) fraction = x + n / fraction;
  return normal_density(x) / fraction;
}

// The magnitude of a normal value as a function of a uniform v in (0, 1]: the x with normal_tail(x) = v / 2.
// It grows as v nears 0, so v is cut into octaves [2^-(o+1), 2^-o), and each into equal cells with a straight
// line in each. The last octave stands for all below it too; the largest magnitude is normal_tail^-1(2^-25)
// = 5.42.
class NormalTable {
 public:
  NormalTable() {
    double x = 0;  // at the upper end of the cell
    for (int octave = 0; octave < kOctaves; ++octave) {
      const double lower_end = 1.0 / static_cast<double>(std::uint64_t{2} << octave);
      for (int cell = kCells - 1; cell >= 0; --cell) {
        const double tail = lower_end * (1 + static_cast<double>(cell) / kCells) / 2;
        const double next = quantile(tail, x);
        cells_[static_cast<std::size_t>(octave) * kCells + static_cast<std::size_t>(cell)] = {
            static_cast<float>(next), static_cast<float>(x - next)};
        x = next;
      }
    }
  }

  // Bit 63 is the sign, the rest v: leading zeros are the octave, then the cell, then the place in it. The
  // lowest ten bits have no part in it.
  [[nodiscard]] float operator()(std::uint64_t bits) const {
    constexpr std::uint64_t kLastOctave = std::uint64_t{1} << (64 - kOctaves);
    const std::uint64_t v = bits << 1;
    const int octave = std::countl_zero(v | kLastOctave);
    const std::uint64_t within = v << (octave + 1);
    const Cell& cell = cells_[static_cast<std::size_t>(octave) * kCells + (within >> (64 - kCellBits))];
    const float place = static_cast<float>(within << kCellBits >> 40) * 0x1p-24F;
    const float magnitude = cell.start + cell.rise * place;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) |
                                (static_cast<std::uint32_t>(bits >> 32) & 0x80000000U));
  }

 private:
  static constexpr int kOctaves = 24;
  static constexpr int kCellBits = 5;
  static constexpr int kCells = 1 << kCellBits;

  struct Cell {
    float start;
    float rise;
  };

  // Newton's method, from a start close by.
  static double quantile(double tail, double x) {
    for (int i = 0; i < 6; ++i) x += (normal_tail(x) - tail) / normal_density(x);
    return x;
  }

  std::array<Cell, std::size_t{kOctaves} * kCells> cells_;
};

const NormalTable& normal_table() {
  static const NormalTable table;
  return table;
}

float outlier_factor(std::uint64_t bits) {
  constexpr std::uint64_t kLowBits = 1024;  // the bits that the normal value leaves
  if (bits % kLowBits != 0) [[likely]] {
    return 1;
  }
  const std::uint64_t more = mix(bits + kGoldenGamma);
  if (more % (kOutlierPeriod / kLowBits) != 0) return 1;
  return static_cast<float>(4 + 4 * unit(more));
}

}  // namespace

RandomWeights::RandomWeights(std::uint64_t seed, std::string_view tensor_name,
                             const Distribution& distribution, std::uint64_t rows, std::uint64_t columns)
    : distribution_(distribution),
      key_(mix(mix(seed + kGoldenGamma) ^ fnv1a(tensor_name))),
      columns_(columns) {
  if (distribution.channels == ChannelAxis::kNone) return;
  const std::uint64_t key = mix(~key_);
  channel_scales_.resize(distribution.channels == ChannelAxis::kFirst ? rows : columns);
  for (std::size_t i = 0; i < channel_scales_.size(); ++i) {
    const double power = 2 * unit(bits_at(key, i)) - 1;
    const double scale = exponential(power * kLn2) / kChannelRootMeanSquare;
    channel_scales_[i] = static_cast<float>(scale * static_cast<double>(distribution.deviation));
  }
}

void RandomWeights::fill(std::uint64_t first, std::span<float> out) const {
  const NormalTable& normal = normal_table();
  if (distribution_.channels == ChannelAxis::kNone) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = distribution_.mean + distribution_.deviation * normal(bits_at(key_, first + i));
    }
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t bits = bits_at(key_, first + i);
    out[i] = normal(bits) * outlier_factor(bits);
  }
  while (!out.empty()) {  // a row, or a part of one, at a time
    const std::uint64_t column = first % columns_;
    const auto part = out.first(std::min<std::uint64_t>(out.size(), columns_ - column));
    if (distribution_.channels == ChannelAxis::kFirst) {
      const float scale = channel_scales_[first / columns_];
      for (float& weight : part) weight = distribution_.mean + scale * weight;
    } else {
      const float* scales = channel_scales_.data() + column;
      for (std::size_t i = 0; i < part.size(); ++i) part[i] = distribution_.mean + scales[i] * part[i];
    }
    first += part.size();
    out = out.subspan(part.size());
  }
}

}  // namespace qi8::models
