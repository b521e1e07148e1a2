// CutPayloads: a model from the disk without the bytes of its tensors.

#include <google/protobuf/message.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <unordered_map>

#include "core/text.hpp"
#include "model/payload.hpp"
#include "model/payload_parts.hpp"
#include "model/tensor.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using WireType = WireFormatLite::WireType;

// protobuf's own bound on nested messages; deeper files cannot be parsed.
constexpr int kMaxDepth = 100;

// What a graph may take in memory. A graph of 100,000 nodes takes a fifth; but a file may be all empty
// messages, of which each takes two bytes there and a hundred times that here.
constexpr std::uint64_t kMostMemory = 1ULL << 29U;

// Adds up what the messages of a file will take in memory once they are parsed, before any is.
class MemoryEstimate {
 public:
  // `field` is null where the type has none of that number. `numbers`: how many of them a packed field has.
  void Add(const FieldDescriptor* field, std::uint64_t numbers, std::uint64_t length) {
    constexpr std::uint64_t kString = sizeof(std::string) + sizeof(void*);
    length = std::min(length, kMostMemory);  // what a file says, it may have no end
    if (field == nullptr) {
      bytes_ += 2 * kString + length;
    } else if (field->message_type() != nullptr) {
      bytes_ += SizeOf(field->message_type());
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      bytes_ += kString + length;
    } else {
      // As they are encoded, as protobuf keeps them, and once more as the 16-bit floats that they may stand
      // for.
      bytes_ += length + std::min(numbers, kMostMemory) * (SizeOfNumber(*field) + sizeof(std::uint16_t));
    }
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  // The bytes that protobuf keeps one number in.
  [[nodiscard]] static std::uint64_t SizeOfNumber(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
      case FieldDescriptor::CPPTYPE_UINT64:
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return sizeof(std::uint64_t);
      case FieldDescriptor::CPPTYPE_BOOL:
        return sizeof(bool);
      default:
        return sizeof(std::uint32_t);
    }
  }

 private:
  // A message without its fields, and as much again for what the loader notes of it.
  std::uint64_t SizeOf(const Descriptor* type) {
    std::uint64_t& size = sizes_[type];
    if (size == 0) {
      const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
      size = 2 * (static_cast<std::uint64_t>(prototype->SpaceUsedLong()) + sizeof(void*));
    }
    return size;
  }

  std::uint64_t bytes_ = 0;
  std::unordered_map<const Descriptor*, std::uint64_t> sizes_;
};

// Reads the wire format from a file through a window, so that what is skipped is never read.
class WireReader {
 public:
  WireReader(const ReadableFile& file, std::uint64_t size) : file_(file), size_(size) {}

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  void Seek(std::uint64_t position) { position_ = position; }

  // Numbers end before `end`, that of the message they stand in.
  std::uint64_t ReadVarint(std::uint64_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (position_ >= end) Fail("a number runs past the end of its message");
      const auto byte = static_cast<std::uint64_t>(ByteAt(position_++));
      value |= (byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    Fail("a number has more than 64 bits");
  }

  // How many numbers of one or more bytes the range holds, or `enough` where it holds more: each ends with a
  // byte whose top bit is not set. The position stays.
  std::uint64_t CountVarints(ByteRange range, std::uint64_t enough) {
    std::uint64_t count = 0;
    for (std::uint64_t position = range.offset; position < range.end() && count < enough;) {
      static_cast<void>(ByteAt(position));  // now the window has it
      const std::uint64_t start = position - window_start_;
      const std::uint64_t length = std::min(window_length_ - start, range.end() - position);
      const auto ends = [](std::byte byte) { return (byte & std::byte{0x80}) == std::byte{0}; };
      count +=
          static_cast<std::uint64_t>(std::ranges::count_if(std::span(window_).subspan(start, length), ends));
      position += length;
    }
    return count;
  }

  // The range of a field's content, for the types whose length is known before reading it.
  ByteRange ContentOf(WireType type, std::uint64_t end) {
    switch (type) {
      case WireFormatLite::WIRETYPE_VARINT: {
        const std::uint64_t start = position_;
        ReadVarint(end);
        const ByteRange content{start, position_ - start};
        position_ = start;
        return content;
      }
      case WireFormatLite::WIRETYPE_FIXED32:
        return Checked(sizeof(std::uint32_t), end);
      case WireFormatLite::WIRETYPE_FIXED64:
        return Checked(sizeof(std::uint64_t), end);
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return Checked(ReadVarint(end), end);
      default:
        Fail("a field has a type that ONNX files do not use");
    }
  }

  void Append(std::string& to, ByteRange range) {
    const std::size_t old_size = to.size();
    to.resize(old_size + range.length);
    file_.ReadAt(range.offset, std::as_writable_bytes(std::span(to).subspan(old_size)));
  }

  [[noreturn]] void Fail(const std::string& what) const {
    throw Error(ErrorKind::kInvalidModel, Quote(file_.path()) + " is not a whole ONNX model: at byte " +
                                              FormatCount(position_) + ", " + what +
                                              "; was it cut short, or is it another kind of file?");
  }

 private:
  ByteRange Checked(std::uint64_t length, std::uint64_t end) const {
    if (length > end - position_) {
      Fail("a field is said to be " + FormatCount(length) + " bytes long, but only " +
           FormatCount(end - position_) + " bytes are left");
    }
    return {position_, length};
  }

  std::byte ByteAt(std::uint64_t position) {
    if (position < window_start_ || position >= window_start_ + window_length_) {
      window_start_ = position;
      window_length_ = std::min<std::uint64_t>(window_.size(), size_ - position);
      file_.ReadAt(window_start_, std::span(window_).first(window_length_));
    }
    return window_.at(position - window_start_);
  }

  const ReadableFile& file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::uint64_t window_start_ = 0;
  std::uint64_t window_length_ = 0;
  std::array<std::byte, 16384> window_{};
};

struct Field {
  int number = 0;
  WireType type = WireFormatLite::WIRETYPE_VARINT;
  std::uint64_t tag_offset = 0;
  ByteRange content;
  [[nodiscard]] ByteRange Whole() const { return {tag_offset, content.end() - tag_offset}; }
};

class PayloadCutter {
 public:
  PayloadCutter(const ReadableFile& file, std::uint64_t size) : reader_(file, size), size_(size) {}

  std::string Cut() {
    Message(onnx::ModelProto::descriptor(), {0, size_}, 0);
    FlushPending();
    return std::move(output_);
  }

 private:
  Field NextField(std::uint64_t end) {
    Field field;
    field.tag_offset = reader_.position();
    const std::uint64_t tag = reader_.ReadVarint(end);
    field.number = static_cast<int>(std::min<std::uint64_t>(tag >> 3U, kPayloadField));
    field.type = static_cast<WireType>(tag & 7U);
    if (tag >> 3U == 0 || tag > UINT32_MAX) reader_.Fail("a field has a number that protobuf does not allow");
    field.content = reader_.ContentOf(field.type, end);
    return field;
  }

  void Message(const Descriptor* type, ByteRange body, int depth) {
    if (depth > kMaxDepth) FailDepth();
    if (type == onnx::TensorProto::descriptor()) return TensorMessage(body);
    reader_.Seek(body.offset);
    while (reader_.position() < body.end()) {
      const Field field = NextField(body.end());
      const FieldDescriptor* known = Count(type, field);
      const Descriptor* inner = IsDelimited(field) ? HolderType(known) : nullptr;
      if (inner == nullptr) {
        if (IsDelimited(field) && known != nullptr)
          CountWithin(known->message_type(), field.content, depth + 1);
        Keep(field.Whole());
      } else {
        const std::size_t length_at = OpenMessage(field.number);
        Message(inner, field.content, depth + 1);
        CloseMessage(length_at);
      }
      reader_.Seek(field.content.end());
    }
  }

  // How many numbers the field has, as many as are worth counting; 0 where it holds none.
  std::uint64_t NumbersIn(const FieldDescriptor* known, const Field& field) {
    if (known == nullptr || known->message_type() != nullptr ||
        known->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return 0;
    }
    if (!IsDelimited(field)) return 1;
    switch (WireFormatLite::WireTypeForFieldType(static_cast<WireFormatLite::FieldType>(known->type()))) {
      case WireFormatLite::WIRETYPE_FIXED32:
        return field.content.length / sizeof(std::uint32_t);
      case WireFormatLite::WIRETYPE_FIXED64:
        return field.content.length / sizeof(std::uint64_t);
      default:
        return reader_.CountVarints(field.content, kMostMemory / MemoryEstimate::SizeOfNumber(*known));
    }
  }

  // Notes what the field will take. Returns what protobuf knows of it.
  const FieldDescriptor* Count(const Descriptor* type, const Field& field) {
    const FieldDescriptor* known = type->FindFieldByNumber(field.number);
    memory_.Add(known, NumbersIn(known, field), IsDelimited(field) ? field.content.length : 0);
    if (memory_.bytes() > kMostMemory) {
      throw Error(ErrorKind::kFailure,
                  Quote(reader_.path()) + ": its graph would take more than " + FormatBytes(kMostMemory) +
                      " of memory without any weight, from byte " + FormatCount(field.tag_offset) +
                      " on; a model of that many nodes and names is not supported");
    }
    return known;
  }

  // Counts a message that is kept as it is; null: not a message.
  void CountWithin(const Descriptor* type, ByteRange body, int depth) {
    if (type == nullptr) return;
    if (depth > kMaxDepth) FailDepth();
    reader_.Seek(body.offset);
    while (reader_.position() < body.end()) {
      const Field field = NextField(body.end());
      CountWhole(type, field, depth);
      reader_.Seek(field.content.end());
    }
  }

  // The field of a message of this type, with all that is within.
  void CountWhole(const Descriptor* type, const Field& field, int depth) {
    const FieldDescriptor* known = Count(type, field);
    if (IsDelimited(field) && known != nullptr) CountWithin(known->message_type(), field.content, depth + 1);
  }

  // Whether the field of a tensor is its numbers as one run of bytes, where it is packed.
  static bool HoldsBytes(int number) {
    return number == onnx::TensorProto::kRawDataFieldNumber ||
           number == onnx::TensorProto::kFloatDataFieldNumber ||
           number == onnx::TensorProto::kDoubleDataFieldNumber;
  }

  static bool IsDelimited(const Field& field) {
    return field.type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  }

  [[noreturn]] void FailDepth() const {
    reader_.Fail("messages nest more than " + std::to_string(kMaxDepth) + " deep");
  }

  void TensorMessage(ByteRange body) {
    std::vector<Field> fields;
    bool fields_noted =
        true;  // numbers that were not packed come one field each: such a tensor stays as it is
    std::int64_t data_type = 0;
    std::map<int, int> occurrences;
    reader_.Seek(body.offset);
    while (reader_.position() < body.end()) {
      const Field field = NextField(body.end());
      if (field.number == kPayloadField) {
        reader_.Fail("a tensor has the field " + std::to_string(kPayloadField) +
                     ", which this program keeps for itself");
      }
      if (HoldsBytes(field.number)) ++occurrences[field.number];
      fields_noted = fields_noted && fields.size() < kMostFieldsNoted;
      if (fields_noted) fields.push_back(field);
      if (field.number == onnx::TensorProto::kDataTypeFieldNumber &&
          field.type == WireFormatLite::WIRETYPE_VARINT) {
        reader_.Seek(field.content.offset);
        data_type = static_cast<std::int64_t>(reader_.ReadVarint(body.end()));
      }
      reader_.Seek(field.content.end());
    }
    if (!fields_noted) {
      CountWithin(onnx::TensorProto::descriptor(), body, 0);
      return Keep(body);
    }
    const bool floating = IsFloatingPoint(static_cast<DataType>(data_type));
    for (const Field& field : fields) {
      const bool cut = HoldsBytes(field.number) && IsDelimited(field) && occurrences[field.number] == 1 &&
                       field.content.length > 0 && (floating || field.content.length >= kLargeTensorBytes);
      if (!cut) {
        CountWhole(onnx::TensorProto::descriptor(), field, 0);
        Keep(field.Whole());
        continue;
      }
      FlushPending();
      AppendVarint(WireFormatLite::MakeTag(kPayloadField, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
      AppendVarint(kPayloadBytes);
      const std::array<std::uint64_t, 2> range = {field.content.offset, field.content.length};
      output_.append(reinterpret_cast<const char*>(range.data()), kPayloadBytes);
    }
  }

  // What is kept is copied in runs, not field by field.
  void Keep(ByteRange range) {
    if (range.length == 0) return;
    if (pending_.end() == range.offset && pending_.length > 0) {
      pending_.length += range.length;
    } else {
      FlushPending();
      pending_ = range;
    }
  }

  void FlushPending() {
    if (pending_.length > 0) reader_.Append(output_, pending_);
    pending_ = {};
  }

  void AppendVarint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) output_ += static_cast<char>(value | 0x80U);
    output_ += static_cast<char>(value);
  }

  // The length of a message whose payloads go is known only at its end: five bytes are left for it, and any
  // number that protobuf allows fits them.
  std::size_t OpenMessage(int number) {
    FlushPending();
    AppendVarint(WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    output_.append(kLengthBytes, '\0');
    return output_.size() - kLengthBytes;
  }

  void CloseMessage(std::size_t length_at) {
    FlushPending();
    std::uint64_t length = output_.size() - length_at - kLengthBytes;
    if (length > INT32_MAX)
      reader_.Fail("a graph without its weights is larger than the 2 GiB that protobuf allows");
    for (std::size_t i = 0; i < kLengthBytes; ++i, length >>= 7U) {
      const std::uint64_t more = i + 1 < kLengthBytes ? 0x80U : 0U;
      output_[length_at + i] = static_cast<char>((length & 0x7fU) | more);
    }
  }

  static constexpr std::size_t kLengthBytes = 5;
  static constexpr std::size_t kMostFieldsNoted = 4096;

  WireReader reader_;
  std::uint64_t size_;
  MemoryEstimate memory_;
  std::string output_;
  ByteRange pending_;
};

}  // namespace

std::string CutPayloads(const ReadableFile& file, std::uint64_t size) {
  return PayloadCutter(file, size).Cut();
}

}  // namespace qi8
