// SplicePayloads: a model as it will be in its file, with gaps where the bytes of tensors go.

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <cstring>

#include "model/payload.hpp"
#include "model/payload_parts.hpp"

namespace qi8 {
namespace {

using google::protobuf::Descriptor;

// Takes a serialized model with payload fields apart and lays it out with payloads in their place.
class PayloadSplicer {
 public:
  explicit PayloadSplicer(std::string_view bytes) : bytes_(bytes) {}

  SplicedModel Splice() {
    Measure(onnx::ModelProto::descriptor(), bytes_, 0);
    next_length_ = 0;
    Emit(onnx::ModelProto::descriptor(), bytes_, 0);
    result_.size = offset_;
    return std::move(result_);
  }

 private:
  struct Piece {
    int number = 0;
    std::string_view whole;  // tag and content
    std::string_view content;
    bool delimited = false;
  };

  // The bytes come from protobuf's own serializer, so they are well formed.
  static Piece TakePiece(std::string_view& rest) {
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(rest.data()),
                                                  static_cast<int>(rest.size()));
    const std::uint32_t tag = stream.ReadTag();
    Piece piece;
    piece.number = WireFormatLite::GetTagFieldNumber(tag);
    piece.delimited = WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (piece.delimited) {
      std::uint32_t length = 0;
      stream.ReadVarint32(&length);
      const auto start = static_cast<std::size_t>(stream.CurrentPosition());
      piece.content = rest.substr(start, length);
      piece.whole = rest.substr(0, start + length);
    } else {
      WireFormatLite::SkipField(&stream, tag);
      piece.whole = rest.substr(0, static_cast<std::size_t>(stream.CurrentPosition()));
    }
    rest.remove_prefix(piece.whole.size());
    return piece;
  }

  static Payload PayloadOf(const Piece& piece) {
    std::array<std::uint64_t, 2> numbers{};
    std::memcpy(numbers.data(), piece.content.data(), kPayloadBytes);
    return {numbers[0], numbers[1]};
  }

  static bool IsPayload(const Descriptor* type, const Piece& piece) {
    return type == onnx::TensorProto::descriptor() && piece.number == kPayloadField;
  }

  static std::uint64_t VarintSize(std::uint64_t value) {
    return google::protobuf::io::CodedOutputStream::VarintSize64(value);
  }

  static std::uint64_t DelimitedSize(int number, std::uint64_t length) {
    return VarintSize(WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) +
           VarintSize(length) + length;
  }

  // Notes the finished length of every message that holds tensors, in the order in which Emit asks for them.
  std::uint64_t Measure(const Descriptor* type, std::string_view rest, int depth) {
    const std::size_t note = lengths_.size();
    lengths_.push_back(0);
    std::uint64_t length = 0;
    while (!rest.empty()) {
      const Piece piece = TakePiece(rest);
      const Descriptor* inner = piece.delimited ? HolderType(type->FindFieldByNumber(piece.number)) : nullptr;
      if (IsPayload(type, piece)) {
        length += DelimitedSize(onnx::TensorProto::kRawDataFieldNumber, PayloadOf(piece).second);
      } else if (inner != nullptr) {
        length += DelimitedSize(piece.number, Measure(inner, piece.content, depth + 1));
      } else {
        length += piece.whole.size();
      }
    }
    lengths_[note] = length;
    return length;
  }

  void Emit(const Descriptor* type, std::string_view rest, int depth) {
    ++next_length_;
    while (!rest.empty()) {
      const Piece piece = TakePiece(rest);
      const Descriptor* inner = piece.delimited ? HolderType(type->FindFieldByNumber(piece.number)) : nullptr;
      if (IsPayload(type, piece)) {
        const Payload payload = PayloadOf(piece);
        AppendHeader(onnx::TensorProto::kRawDataFieldNumber, payload.second);
        result_.slots.push_back({.at = result_.text.size(),
                                 .offset = offset_,
                                 .length = payload.second,
                                 .payload = payload.first});
        offset_ += payload.second;
      } else if (inner != nullptr) {
        AppendHeader(piece.number, lengths_.at(next_length_));
        Emit(inner, piece.content, depth + 1);
      } else {
        Append(piece.whole);
      }
    }
  }

  void AppendHeader(int number, std::uint64_t length) {
    std::array<std::uint8_t, 16> header{};
    using google::protobuf::io::CodedOutputStream;
    std::uint8_t* end = CodedOutputStream::WriteTagToArray(
        WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED), header.data());
    end = CodedOutputStream::WriteVarint64ToArray(length, end);
    Append({reinterpret_cast<const char*>(header.data()), static_cast<std::size_t>(end - header.data())});
  }

  void Append(std::string_view bytes) {
    result_.text += bytes;
    offset_ += bytes.size();
  }

  std::string_view bytes_;
  std::vector<std::uint64_t> lengths_;
  std::size_t next_length_ = 0;
  std::uint64_t offset_ = 0;
  SplicedModel result_;
};

}  // namespace

SplicedModel SplicePayloads(const onnx::ModelProto& model) {
  return PayloadSplicer(model.SerializeAsString()).Splice();
}

}  // namespace qi8
