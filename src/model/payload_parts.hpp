// What cutting payloads out and splicing them in have in common.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace qi8 {

using google::protobuf::internal::WireFormatLite;

inline constexpr std::size_t kPayloadBytes = 2 * sizeof(std::uint64_t);

// The type of the field's messages if those can hold tensors, else null; null for a null field. Asked of
// protobuf's descriptors, so that no list of fields can go stale.
[[nodiscard]] const google::protobuf::Descriptor* HolderType(const google::protobuf::FieldDescriptor* field);

}  // namespace qi8
