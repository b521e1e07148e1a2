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

struct Places {
  std::size_t all = 0;
  std::size_t same = 0;
};

// Rows, and those whose largest element is the same.
Places Top1(const std::vector<double>& fp32, const std::vector<double>& int8, std::size_t classes) {
  Places places{.all = fp32.size() / classes};
  for (std::size_t row = 0; row < places.all; ++row) {
    const auto of = [&](const std::vector<double>& values) {
      return LargestAt(std::span(values).subspan(row * classes, classes));
    };
    if (of(fp32) == of(int8)) ++places.same;
  }
  return places;
}

// Elements, and those that are equal.
Places Equal(const runtime::Tensor& fp32, const runtime::Tensor& int8) {
  const std::size_t element = ElementBytes(fp32.type);
  Places places{.all = fp32.data.size() / element};
  for (std::size_t i = 0; i < places.all; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(i * element);
    const auto last = first + static_cast<std::ptrdiff_t>(element);
    if (std::equal(fp32.data.begin() + first, fp32.data.begin() + last, int8.data.begin() + first)) {
      ++places.same;
    }
  }
  return places;
}

void SetTop1(OutputResult& result, Places places) {
  result.places = places.all;
  result.same_places = places.same;
  result.top1 = places.all == 0 ? 1 : static_cast<double>(places.same) / static_cast<double>(places.all);
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
    result.noise = kInfinity;
    if (is_floating) result.sqnr_db = -kInfinity;
    if (is_floating) result.cosine = 0;
    if (has_classes || !is_floating) SetTop1(result, {.all = 1, .same = 0});
    return result;
  }
  runtime::Fidelity fidelity;
  try {
    fidelity = runtime::CompareOutputs(fp32, int8);
  } catch (const Error& error) {
    throw Error(error.kind(), "output " + Quote(name) + ": " + error.what());
  }
  result.max_difference = fidelity.max_abs_difference;
  result.signal = fidelity.signal;
  result.noise = fidelity.noise;
  if (!is_floating) {
    SetTop1(result, Equal(fp32, int8));
    return result;
  }
  result.sqnr_db = fidelity.sqnr_db;
  result.cosine = fidelity.cosine;
  if (has_classes) {
    SetTop1(result, Top1(runtime::ToDoubles(fp32), runtime::ToDoubles(int8),
                         static_cast<std::size_t>(fp32.shape.back())));
  }
  return result;
}

OutputResult Combine(std::span<const OutputResult> results) {
  OutputResult all = results.front();
  for (const OutputResult& one : results.subspan(1)) {
    if (one.sqnr_db) all.sqnr_db = std::min(*one.sqnr_db, all.sqnr_db.value_or(*one.sqnr_db));
    if (one.cosine) all.cosine = std::min(*one.cosine, all.cosine.value_or(*one.cosine));
    all.max_difference = std::max(all.max_difference, one.max_difference);
    all.signal += one.signal;
    all.noise += one.noise;
    if (one.top1) SetTop1(all, {.all = all.places + one.places, .same = all.same_places + one.same_places});
  }
  return all;
}

}  // namespace qi8::compare
