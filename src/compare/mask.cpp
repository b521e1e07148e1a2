#include "compare/mask.hpp"

#include <algorithm>
#include <cstddef>

#include "core/data_type.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {

std::optional<std::size_t> FindMask(const std::optional<std::string>& named,
                                    std::span<const runtime::ValueInfo> inputs) {
  const std::string name = named.value_or(std::string(kUsualMask));
  const auto found = std::ranges::find(inputs, name, &runtime::ValueInfo::name);
  if (found != inputs.end()) return static_cast<std::size_t>(found - inputs.begin());
  if (!named) return std::nullopt;
  std::string list;
  for (const auto& input : inputs) list += (list.empty() ? "" : ", ") + Quote(input.name);
  throw Error(ErrorKind::kUsage, "--mask: the model has no input " + Quote(name) + "; it has " + list);
}

runtime::Tensor WithoutMasked(const runtime::Tensor& output, const runtime::Tensor& mask) {
  const std::size_t rank = mask.shape.size();
  const bool has_positions = rank > 0 && output.shape.size() >= rank &&
                             std::equal(mask.shape.begin(), mask.shape.end(), output.shape.begin());
  const std::size_t element = ElementBytes(mask.type);
  if (!has_positions || element == 0 || output.data.empty()) return output;
  const std::size_t positions = mask.data.size() / element;
  const std::size_t bytes = output.data.size() / positions;
  std::vector<std::byte> data;
  std::int64_t left = 0;
  for (std::size_t i = 0; i < positions; ++i) {
    // All masks are zero where their bytes are: integers, bool, and floating point but for -0, which none
    // has.
    const auto first = mask.data.begin() + static_cast<std::ptrdiff_t>(i * element);
    if (std::all_of(first, first + static_cast<std::ptrdiff_t>(element),
                    [](std::byte byte) { return byte == std::byte{0}; })) {
      continue;
    }
    const auto row = output.data.begin() + static_cast<std::ptrdiff_t>(i * bytes);
    data.insert(data.end(), row, row + static_cast<std::ptrdiff_t>(bytes));
    ++left;
  }
  if (left == 0) return output;
  std::vector<std::int64_t> shape = {left};
  shape.insert(shape.end(), output.shape.begin() + static_cast<std::ptrdiff_t>(rank), output.shape.end());
  return {.type = output.type, .shape = std::move(shape), .data = std::move(data)};
}

}  // namespace qi8::compare
