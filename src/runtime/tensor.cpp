#include "runtime/tensor.hpp"

#include <optional>
#include <string>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::runtime {
namespace {

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

}  // namespace

void internal::FailHeldType(DataType type, std::size_t bytes) {
  Fail("a tensor's elements are of type " + DataTypeName(type) + ", which is not the C++ type of " +
       std::to_string(bytes) + " bytes they were asked for; this is a defect of this program");
}

std::size_t CheckedElementCount(const Tensor& tensor) {
  const std::size_t element_bytes = ElementBytes(tensor.type);
  if (element_bytes == 0) {
    Fail("a tensor of type " + DataTypeName(tensor.type) + " cannot be held in memory here");
  }
  const std::optional<std::uint64_t> count = ElementCount(tensor.shape);
  const std::optional<std::uint64_t> bytes = count ? CheckedMultiply(*count, element_bytes) : std::nullopt;
  if (!bytes) {
    Fail("a tensor's shape " + FormatShape(tensor.shape) + " is negative or too large");
  }
  if (*bytes != tensor.data.size()) {
    Fail("a tensor of shape " + FormatShape(tensor.shape) + " and type " + DataTypeName(tensor.type) +
         " takes " + std::to_string(*bytes) + " bytes, but has " + std::to_string(tensor.data.size()));
  }
  return *count;
}

}  // namespace qi8::runtime
