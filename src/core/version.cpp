#include "core/version.hpp"

#include "qi8/quantize.hpp"

namespace qi8 {

std::string Version() { return QI8_VERSION; }

std::string BuildCommit() { return QI8_COMMIT; }

}  // namespace qi8
