// Positions that an input switches off: what a model gives for them is read by nobody, so it counts for
// nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/onnx_runtime.hpp"

namespace qi8::compare {

// The input that is a mask where none is named.
inline constexpr std::string_view kUsualMask = "attention_mask";

// The place of the mask among the inputs; nothing where none is named and there is none of the usual name.
// Throws Error of kind kUsage where one is named that the model does not have.
[[nodiscard]] std::optional<std::size_t> FindMask(const std::optional<std::string>& named,
                                                  std::span<const runtime::ValueInfo> inputs);

// The positions of an output that count: those where `mask` is not 0. An output has a position for each
// element of the mask where its shape begins with that of the mask, as [batch, time, classes] does with
// [batch, time]; any other stays as it is, and so does one whose mask switches all off. Of the result, the
// first axis has the positions that are left.
[[nodiscard]] runtime::Tensor WithoutMasked(const runtime::Tensor& output, const runtime::Tensor& mask);

}  // namespace qi8::compare
