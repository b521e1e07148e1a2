#include "runtime/fidelity.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::runtime {
namespace {

// Its significand holds every 64-bit integer and its exponent the square of every double.
using Wide = long double;
static_assert(std::numeric_limits<Wide>::digits >= 64);
static_assert(std::numeric_limits<Wide>::max_exponent >= 4 * std::numeric_limits<double>::max_exponent);

float Bfloat16ToFloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
float Float16ToFloat(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  float magnitude = 0;
  if (exponent == 0x1F) {
    magnitude =
        fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

class Sums {
 public:
  void Add(Wide reference, Wide candidate) {
    if (!std::isfinite(reference) || !std::isfinite(candidate)) {
      const bool same = reference == candidate || (std::isnan(reference) && std::isnan(candidate));
      infinite_error_ = infinite_error_ || !same;
      return;
    }
    const Wide difference = reference - candidate;
    reference_ += reference * reference;
    candidate_ += candidate * candidate;
    product_ += reference * candidate;
    error_ += difference * difference;
    max_difference_ = std::max(max_difference_, std::fabs(difference));
  }

  [[nodiscard]] Fidelity Result() const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (infinite_error_) {
      return {.sqnr_db = -kInfinity,
              .cosine = 0,
              .max_abs_difference = kInfinity,
              .signal = static_cast<double>(reference_),
              .noise = kInfinity};
    }
    Fidelity fidelity{.signal = static_cast<double>(reference_), .noise = static_cast<double>(error_)};
    fidelity.sqnr_db = error_ == 0 ? kInfinity : static_cast<double>(10 * std::log10(reference_ / error_));
    if (reference_ == 0 || candidate_ == 0) {
      fidelity.cosine = reference_ == candidate_ ? 1 : 0;
    } else {
      const Wide cosine = product_ / (std::sqrt(reference_) * std::sqrt(candidate_));
      fidelity.cosine = std::clamp(static_cast<double>(cosine), -1.0, 1.0);
    }
    fidelity.max_abs_difference = static_cast<double>(max_difference_);
    return fidelity;
  }

 private:
  Wide reference_ = 0;  // sum r^2
  Wide candidate_ = 0;  // sum c^2
  Wide product_ = 0;    // sum r c
  Wide error_ = 0;      // sum (r - c)^2
  Wide max_difference_ = 0;
  bool infinite_error_ = false;
};

struct ToWide {
  template <class T>
  Wide operator()(T value) const {
    return static_cast<Wide>(value);
  }
};

template <class T, class Widen = ToWide>
Fidelity Compare(const Tensor& reference, const Tensor& candidate, Widen widen = {}) {
  const std::span<const T> r = reference.As<T>();
  const std::span<const T> c = candidate.As<T>();
  Sums sums;
  for (std::size_t i = 0; i < r.size(); ++i) {
    sums.Add(widen(r[i]), widen(c[i]));
  }
  return sums.Result();
}

template <class T, class Widen = ToWide>
std::vector<double> Widened(const Tensor& tensor, Widen widen = {}) {
  std::vector<double> values;
  for (const T value : tensor.As<T>()) values.push_back(static_cast<double>(widen(value)));
  return values;
}

}  // namespace

Fidelity CompareOutputs(const Tensor& reference, const Tensor& candidate) {
  if (reference.type != candidate.type) {
    throw Error(ErrorKind::kFailure, "outputs cannot be compared: the reference is " +
                                         DataTypeName(reference.type) + ", the candidate " +
                                         DataTypeName(candidate.type) + "; compare two forms of one model");
  }
  if (reference.shape != candidate.shape) {
    throw Error(ErrorKind::kFailure, "outputs cannot be compared: the reference has the shape " +
                                         FormatShape(reference.shape) + ", the candidate " +
                                         FormatShape(candidate.shape) + "; compare two forms of one model");
  }
  (void)CheckedElementCount(reference);
  (void)CheckedElementCount(candidate);
  switch (reference.type) {
    case DataType::kFloat:
      return Compare<float>(reference, candidate);
    case DataType::kDouble:
      return Compare<double>(reference, candidate);
    case DataType::kFloat16:
      return Compare<std::uint16_t>(reference, candidate, Float16ToFloat);
    case DataType::kBfloat16:
      return Compare<std::uint16_t>(reference, candidate, Bfloat16ToFloat);
    case DataType::kUint8:
    case DataType::kBool:
      return Compare<std::uint8_t>(reference, candidate);
    case DataType::kInt8:
      return Compare<std::int8_t>(reference, candidate);
    case DataType::kUint16:
      return Compare<std::uint16_t>(reference, candidate);
    case DataType::kInt16:
      return Compare<std::int16_t>(reference, candidate);
    case DataType::kUint32:
      return Compare<std::uint32_t>(reference, candidate);
    case DataType::kInt32:
      return Compare<std::int32_t>(reference, candidate);
    case DataType::kUint64:
      return Compare<std::uint64_t>(reference, candidate);
    case DataType::kInt64:
      return Compare<std::int64_t>(reference, candidate);
    default:
      throw Error(ErrorKind::kFailure,
                  "outputs of type " + DataTypeName(reference.type) +
                      " cannot be compared; only floats of 16 bits and more, integers and bool");
  }
}

std::vector<double> ToDoubles(const Tensor& tensor) {
  (void)CheckedElementCount(tensor);
  switch (tensor.type) {
    case DataType::kFloat:
      return Widened<float>(tensor);
    case DataType::kDouble:
      return Widened<double>(tensor);
    case DataType::kFloat16:
      return Widened<std::uint16_t>(tensor, Float16ToFloat);
    case DataType::kBfloat16:
      return Widened<std::uint16_t>(tensor, Bfloat16ToFloat);
    default:
      throw Error(ErrorKind::kFailure,
                  "a tensor of type " + DataTypeName(tensor.type) + " is not one of floating point");
  }
}

}  // namespace qi8::runtime
