// The members of a batch.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/tensor.hpp"

namespace qi8::compare {

// The size of axis 0 that all inputs have; 1 where they differ.
[[nodiscard]] std::int64_t BatchOf(const std::vector<runtime::Tensor>& inputs);

// `count` members along axis 0, from the member `first` on.
[[nodiscard]] runtime::Tensor MembersOf(const runtime::Tensor& tensor, std::int64_t first,
                                        std::int64_t count);

}  // namespace qi8::compare
