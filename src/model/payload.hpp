// Models without their weights: the bytes of tensors are cut out of a serialized ModelProto on the way in, so
// that parsing a model of any size takes the memory of its graph only, and put back in on the way out.
//
// A TensorProto whose bytes were cut out carries in their place an unknown field, number kPayloadField, of
// two little-endian uint64. What the two mean is the holder's: from CutPayloads, offset and length in the
// file; within Model, the number of the tensor and its length.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "model/proto.hpp"

namespace qi8 {

// The largest field number that protobuf allows; ONNX counts up from 1.
inline constexpr int kPayloadField = 536870911;

struct Payload {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// The payload of a tensor, if it was cut out.
[[nodiscard]] std::optional<Payload> GetPayload(const onnx::TensorProto& tensor);
void SetPayload(onnx::TensorProto& tensor, Payload payload);
void ClearPayload(onnx::TensorProto& tensor);

// Reads a serialized ModelProto of `size` bytes and returns it with payloads cut out: every raw_data,
// float_data and double_data that is one contiguous run of bytes, of floating-point tensors always, of others
// from `kLargeTensorBytes` on (small integers are shapes and axes, which are wanted in the graph). Throws
// Error where the file is not protobuf, is cut short or nests deeper than protobuf allows.
[[nodiscard]] std::string CutPayloads(const ReadableFile& file, std::uint64_t size);
inline constexpr std::uint64_t kLargeTensorBytes = 1024;

// A serialized ModelProto with room for payloads: `text` in which each slot is a gap of `length` bytes before
// text[at] that the payload fills.
struct SplicedModel {
  struct Slot {
    std::size_t at = 0;        // position in text
    std::uint64_t offset = 0;  // position in the finished file
    std::uint64_t length = 0;
    std::uint64_t payload = 0;  // Payload::first
  };
  std::string text;
  std::vector<Slot> slots;  // by rising position
  std::uint64_t size = 0;   // of the finished file
};

// Serializes `model`, each payload (Payload::second bytes long) as raw_data.
[[nodiscard]] SplicedModel SplicePayloads(const onnx::ModelProto& model);

// Calls `visit` for every TensorProto anywhere in the message, in the order of fields.
void ForEachTensor(google::protobuf::Message& message, const std::function<void(onnx::TensorProto&)>& visit);

}  // namespace qi8
