// Every kernel on every instruction set of this machine against the plain loops, bit for bit, on any numbers,
// in any shape, from any alignment.
#include <bit>
#include <cmath>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "kernels/isa.hpp"
#include "kernels/kernels.hpp"
#include "kernels/reference.hpp"

namespace {

namespace kernels = qi8::kernels;
using qi8::testing::FuzzInput;
using qi8::testing::Require;

// What the bytes say: numbers of any bits, and how to take them.
struct Case {
  std::size_t columns = 1;
  std::size_t first_column = 0;
  std::size_t misaligned = 0;  // elements
  std::size_t stride_beyond = 0;
  kernels::Sign sign = kernels::Sign::kAny;
  bool has_zero_points = false;
  std::vector<float> scales;       // by column
  std::vector<float> zero_points;  // the same
  std::vector<float> values;
  std::string raw;
};

float Scale(std::uint32_t bits) {
  const float scale = std::fabs(std::bit_cast<float>(bits));
  return std::isfinite(scale) && scale > 0 ? scale : 1.0F;
}

Case TakeCase(FuzzInput& input) {
  static constexpr kernels::Sign kSigns[] = {kernels::Sign::kAny, kernels::Sign::kPositive,
                                             kernels::Sign::kNegative};
  Case taken;
  taken.columns = input.TakeBelow(200) + 1;
  taken.first_column = input.TakeBelow(taken.columns);
  taken.misaligned = input.TakeBelow(4);
  taken.stride_beyond = input.TakeBelow(8);
  taken.sign = input.TakeOneOf(kSigns);
  taken.has_zero_points = input.TakeBool();
  const auto near = input.Take<std::uint32_t>();
  for (std::size_t i = 0; i < taken.columns; ++i) {
    // One scale for all, or one of the same size for each: quotients that fall among the codes.
    taken.scales.push_back(Scale(near + static_cast<std::uint32_t>(input.TakeBelow(256))));
    taken.zero_points.push_back(static_cast<float>(static_cast<int>(i * 7 % 256) - 128));
  }
  taken.raw = input.TakeRest();
  const std::size_t count = taken.raw.size() / sizeof(float);
  taken.values.resize(count + taken.misaligned);
  if (count > 0) std::memcpy(taken.values.data() + taken.misaligned, taken.raw.data(), count * sizeof(float));
  return taken;
}

// Quantizing wants numbers; a NaN becomes one that lies exactly between two codes.
std::vector<float> WithoutNan(std::vector<float> values, float scale) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) values[i] = (static_cast<float>(i % 300) - 150.5F) * scale;
  }
  return values;
}

// All that the kernels give for the case, as bytes. `Kernels` is a set of them.
template <typename Kernels>
std::vector<std::uint8_t> Results(const Case& taken, const Kernels& set) {
  std::vector<std::uint8_t> results;
  const auto append = [&results](const auto& numbers) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.data());
    results.insert(results.end(), bytes, bytes + numbers.size() * sizeof(*numbers.data()));
  };
  const std::span<const float> any = std::span(taken.values).subspan(taken.misaligned);
  const std::size_t rows =
      std::min(any.size() / taken.columns, taken.scales.size());  // whole ones, with a scale each
  const std::size_t in_rows = rows * taken.columns;
  std::vector<std::uint32_t> by_row(rows, 0);
  if (rows > 0) set.abs_max_by_row(any.first(in_rows), by_row, taken.sign);
  append(by_row);
  std::vector<std::uint32_t> one_row(1, 0);
  set.abs_max_by_row(any, one_row, taken.sign);
  append(one_row);
  std::vector<std::uint32_t> columns(taken.columns, 0);
  set.abs_max_by_column(any, taken.first_column, columns, taken.sign);
  append(columns);
  append(std::vector<std::uint64_t>{set.find_non_finite(any).value_or(UINT64_MAX)});

  const std::vector<float> numbers = WithoutNan(taken.values, taken.scales[0]);
  const std::span<const float> finite = std::span(numbers).subspan(taken.misaligned);
  std::vector<std::int8_t> codes(finite.size());
  set.quantize_by_row(finite, std::span(taken.scales).first(1),
                      std::span(taken.zero_points).first(taken.has_zero_points), codes);
  append(codes);
  const std::span<const float> zero_points =
      taken.has_zero_points ? std::span(taken.zero_points) : std::span<float>();
  set.quantize_by_column(finite, taken.first_column, taken.scales, zero_points, codes);
  append(codes);

  const auto row_scales = std::span(taken.scales).first(rows);
  const auto row_zero_points = zero_points.first(std::min(rows, zero_points.size()));
  std::vector<std::int8_t> row_codes(in_rows);
  if (rows > 0) set.quantize_by_row(finite.first(in_rows), row_scales, row_zero_points, row_codes);
  append(row_codes);
  const std::size_t stride = rows + taken.stride_beyond;
  std::vector<std::int8_t> transposed(taken.columns * stride, 99);
  set.quantize_transposed(finite.first(in_rows), rows, taken.columns, row_scales, row_zero_points,
                          transposed.data(), stride);
  append(transposed);

  const auto halves = std::as_bytes(std::span(taken.raw)).first(taken.raw.size() / 2 * 2);
  std::vector<float> widened(halves.size() / 2);
  set.widen_float16(halves, widened);
  append(widened);
  set.widen_bfloat16(halves, widened);
  append(widened);
  return results;
}

struct Kernels {
  decltype(&kernels::AbsMaxBitsByRow) abs_max_by_row;
  decltype(&kernels::AbsMaxBitsByColumn) abs_max_by_column;
  decltype(&kernels::FindNonFinite) find_non_finite;
  decltype(&kernels::QuantizeByRow) quantize_by_row;
  decltype(&kernels::QuantizeByColumn) quantize_by_column;
  decltype(&kernels::QuantizeTransposed) quantize_transposed;
  decltype(&kernels::WidenFloat16) widen_float16;
  decltype(&kernels::WidenBfloat16) widen_bfloat16;
};

constexpr Kernels kDispatched = {
    kernels::AbsMaxBitsByRow,  kernels::AbsMaxBitsByColumn, kernels::FindNonFinite, kernels::QuantizeByRow,
    kernels::QuantizeByColumn, kernels::QuantizeTransposed, kernels::WidenFloat16,  kernels::WidenBfloat16};
constexpr Kernels kReference = {kernels::reference::AbsMaxBitsByRow,  kernels::reference::AbsMaxBitsByColumn,
                                kernels::reference::FindNonFinite,    kernels::reference::QuantizeByRow,
                                kernels::reference::QuantizeByColumn, kernels::reference::QuantizeTransposed,
                                kernels::reference::WidenFloat16,     kernels::reference::WidenBfloat16};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> isas = kernels::SupportedIsas();
  FuzzInput input(data, size);
  const Case taken = TakeCase(input);
  const auto expected = Results(taken, kReference);
  for (const std::string& isa : isas) {
    kernels::ForceIsa(isa);
    Require(Results(taken, kDispatched) == expected, isa + " gives what the plain loops give");
  }
  return 0;
}
