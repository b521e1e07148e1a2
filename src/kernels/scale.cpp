#include "kernels/scale.hpp"

#include <bit>
#include <limits>

namespace qi8::kernels {

float SymmetricInt8Scale(std::uint32_t absmax_bits) {
  constexpr double kSteps = 254;  // from -127 to 127
  const double range = 2.0 * static_cast<double>(std::bit_cast<float>(absmax_bits));
  const double scale = range / kSteps;
  return scale < std::numeric_limits<float>::min() ? 1.0F : static_cast<float>(scale);
}

}  // namespace qi8::kernels
