// Models for processors on which products of uint8 by int8 saturate (runtime/saturation.hpp).
#pragma once

#include <filesystem>
#include <optional>

namespace qi8::testing {

// The same model with uint8 codes where products have int8 ones: each code and each zero point is 128 more,
// so the products are the same numbers, and exact on every processor. It is written beside `model`, whose
// external data it shares. Nothing where no product has int8 codes.
[[nodiscard]] std::optional<std::filesystem::path> WriteWithUint8Products(const std::filesystem::path& model);

}  // namespace qi8::testing
