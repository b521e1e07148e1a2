#include "compare/compare_outputs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "qi8/error.hpp"
#include "runtime/fidelity.hpp"

namespace qi8::compare {
namespace {

std::size_t LargestAt(std::span<const double> row) {
  return static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
}

// The share of rows whose largest element is the same.
double Top1(const std::vector<double>& fp32, const std::vector<double>& int8, std::size_t classes) {
  const std::size_t rows = fp32.size() / classes;
  std::size_t same = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto of = [&](const std::vector<double>& values) {
      return LargestAt(std::span(values).subspan(row * classes, classes));
    };
    if (of(fp32) == of(int8)) ++same;
  }
  return rows == 0 ? 1 : static_cast<double>(same) / static_cast<double>(rows);
}

double ShareOfEqual(const runtime::Tensor& fp32, const runtime::Tensor& int8) {
  const std::size_t element = ElementBytes(fp32.type);
  const std::size_t count = fp32.data.size() / element;
  std::size_t same = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(i * element);
    const auto last = first + static_cast<std::ptrdiff_t>(element);
    if (std::equal(fp32.data.begin() + first, fp32.data.begin() + last, int8.data.begin() + first)) ++same;
  }
  return count == 0 ? 1 : static_cast<double>(same) / static_cast<double>(count);
}

}  // namespace

bool HasClasses(const runtime::ValueInfo& output, const std::vector<runtime::ValueInfo>& inputs) {
  if (!IsFloatingPoint(output.type) || output.shape.size() < 2 || output.shape.back() < 2) return false;
  return std::ranges::none_of(inputs, [&](const runtime::ValueInfo& input) {
    return input.type == output.type && input.shape == output.shape && input.dim_names == output.dim_names;
  });
}

OutputResult CompareOutput(const std::string& name, bool has_classes, const runtime::Tensor& fp32,
                           const runtime::Tensor& int8) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  OutputResult result{.name = name, .type = fp32.type};
  const bool is_floating = IsFloatingPoint(fp32.type);
  if (fp32.type == int8.type && fp32.shape != int8.shape) {
    result.max_difference = kInfinity;
    if (is_floating) result.sqnr_db = -kInfinity;
    if (is_floating) result.cosine = 0;
    if (has_classes || !is_floating) result.top1 = 0;
    return result;
  }
  runtime::Fidelity fidelity;
  try {
    fidelity = runtime::CompareOutputs(fp32, int8);
  } catch (const Error& error) {
    throw Error(error.kind(), "output " + Quote(name) + ": " + error.what());
  }
  result.max_difference = fidelity.max_abs_difference;
  if (!is_floating) {
    result.top1 = ShareOfEqual(fp32, int8);
    return result;
  }
  result.sqnr_db = fidelity.sqnr_db;
  result.cosine = fidelity.cosine;
  if (has_classes) {
    result.top1 =
        Top1(runtime::ToDoubles(fp32), runtime::ToDoubles(int8), static_cast<std::size_t>(fp32.shape.back()));
  }
  return result;
}

}  // namespace qi8::compare
