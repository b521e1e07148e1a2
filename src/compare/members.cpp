#include "compare/members.hpp"

#include <algorithm>

namespace qi8::compare {

std::int64_t BatchOf(const std::vector<runtime::Tensor>& inputs) {
  std::int64_t size = 0;
  for (const runtime::Tensor& input : inputs) {
    if (input.shape.empty() || (size != 0 && input.shape.front() != size)) return 1;
    size = input.shape.front();
  }
  return std::max<std::int64_t>(size, 1);
}

runtime::Tensor MembersOf(const runtime::Tensor& tensor, std::int64_t first, std::int64_t count) {
  runtime::Tensor part{.type = tensor.type, .shape = tensor.shape, .data = {}};
  part.shape.front() = count;
  const std::size_t bytes = tensor.data.size() / static_cast<std::size_t>(tensor.shape.front());
  const auto begin = tensor.data.begin() + first * static_cast<std::ptrdiff_t>(bytes);
  part.data.assign(begin, begin + count * static_cast<std::ptrdiff_t>(bytes));
  return part;
}

}  // namespace qi8::compare
