// How libFuzzer changes the inputs of the targets that take whole models: mostly as messages, so that lengths
// stay right and the change reaches what a model means; sometimes as bytes, which is what files come as.
#include <google/protobuf/unknown_field_set.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "fuzz/model_input.hpp"
#include "model/proto.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed);

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using qi8::testing::kOptionBytes;

class ModelMutator {
 public:
  ModelMutator(onnx::ModelProto& model, unsigned seed) : model_(model), random_(seed) {}

  void Mutate() {
    for (std::size_t changes = Below(4) + 1; changes > 0; --changes) {
      Collect();
      // Few of the messages have anything to do with weights: choose among types first, so that each has its
      // turn.
      const Message* example = messages_[Below(messages_.size())];
      std::vector<Message*> same_type;
      for (Message* message : messages_) {
        if (message->GetDescriptor() == example->GetDescriptor()) same_type.push_back(message);
      }
      ChangeMessage(*same_type[Below(same_type.size())]);
    }
  }

 private:
  static constexpr std::size_t kMostMessages = 4096;
  static constexpr int kMostDepth = 60;

  std::size_t Below(std::size_t limit) { return random_() % limit; }

  template <typename Choices>
  const auto& OneOf(const Choices& choices) {
    return choices[Below(std::size(choices))];
  }

  void Collect() {
    messages_.clear();
    strings_.clear();
    Collect(model_, 0);
  }

  void Collect(Message& message, int depth) {
    if (messages_.size() >= kMostMessages || depth > kMostDepth) return;
    messages_.push_back(&message);
    const Reflection* reflection = message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          Collect(field->is_repeated() ? *reflection->MutableRepeatedMessage(&message, field, i)
                                       : *reflection->MutableMessage(&message, field),
                  depth + 1);
        } else if (field->type() == FieldDescriptor::TYPE_STRING) {
          strings_.push_back(field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                                  : reflection->GetString(message, field));
        }
      }
    }
  }

  void ChangeMessage(Message& message) {
    const auto* type = message.GetDescriptor();
    if (type->field_count() == 0) return;
    std::vector<const FieldDescriptor*> present;
    message.GetReflection()->ListFields(message, &present);
    // What is there is more often worth a change than what might be.
    const FieldDescriptor* field =
        !present.empty() && Below(4) != 0
            ? OneOf(present)
            : type->field(static_cast<int>(Below(static_cast<std::size_t>(type->field_count()))));
    if (field->is_repeated()) {
      ChangeRepeated(message, field);
    } else if (Below(6) == 0) {
      message.GetReflection()->ClearField(&message, field);
    } else {
      SetSingular(message, field);
    }
  }

  void ChangeRepeated(Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    const int size = reflection->FieldSize(message, field);
    const auto any = [&] { return static_cast<int>(Below(static_cast<std::size_t>(size))); };
    switch (size == 0 ? 0 : Below(5)) {
      case 0:
        return Add(message, field);
      case 1:
        reflection->SwapElements(&message, field, any(), size - 1);
        return reflection->RemoveLast(&message, field);
      case 2:
        return reflection->SwapElements(&message, field, any(), any());
      default:
        return SetRepeated(message, field, any());
    }
  }

  // A message like another one of the model, else an empty one.
  void Fill(Message& into) {
    Collect();  // a message that came into a oneof has put another one out
    std::vector<const Message*> like;
    for (const Message* other : messages_) {
      if (other != &into && other->GetDescriptor() == into.GetDescriptor()) like.push_back(other);
    }
    if (like.empty() || Below(4) == 0) return;
    const std::string copy = OneOf(like)->SerializePartialAsString();  // it may hold `into`
    if (copy.size() < kLargestCopy) into.ParsePartialFromString(copy);
  }

  void Add(Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(*reflection->AddMessage(&message, field));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->AddString(&message, field, Text({}));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->AddInt64(&message, field, Integer(0));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->AddUInt64(&message, field, static_cast<std::uint64_t>(Integer(0)));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->AddInt32(&message, field, static_cast<std::int32_t>(Integer(0)));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection->AddFloat(&message, field, Float());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection->AddDouble(&message, field, static_cast<double>(Float()));
      default:
        return;
    }
  }

  void SetRepeated(Message& message, const FieldDescriptor* field, int i) {
    const Reflection* reflection = message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ChangeMessage(*reflection->MutableRepeatedMessage(&message, field, i));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetRepeatedString(&message, field, i,
                                             Text(reflection->GetRepeatedString(message, field, i)));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetRepeatedInt64(&message, field, i,
                                            Integer(reflection->GetRepeatedInt64(message, field, i)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->SetRepeatedUInt64(&message, field, i, static_cast<std::uint64_t>(Integer(0)));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->SetRepeatedInt32(&message, field, i, static_cast<std::int32_t>(Integer(0)));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection->SetRepeatedFloat(&message, field, i, Float());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection->SetRepeatedDouble(&message, field, i, static_cast<double>(Float()));
      default:
        return;
    }
  }

  void SetSingular(Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        const bool there = reflection->HasField(message, field);
        Message& inner = *reflection->MutableMessage(&message, field);
        return there ? ChangeMessage(inner) : Fill(inner);
      }
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetString(&message, field,
                                     field->type() == FieldDescriptor::TYPE_BYTES
                                         ? Bytes(reflection->GetString(message, field))
                                         : Text(reflection->GetString(message, field)));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetInt64(&message, field, Integer(reflection->GetInt64(message, field)));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->SetInt32(
            &message, field,
            field->name() == "data_type" || field->name() == "elem_type"
                ? static_cast<std::int32_t>(Below(30))
                : static_cast<std::int32_t>(Integer(reflection->GetInt32(message, field))));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection->SetEnumValue(&message, field, static_cast<int>(Below(18)));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection->SetFloat(&message, field, Float());
      default:
        return;
    }
  }

  std::int64_t Integer(std::int64_t old) {
    static constexpr std::int64_t kNumbers[] = {
        0,         1,  2,   3,   4,       5,         6,         7,         8,         9,
        10,        11, 13,  15,  16,      17,        18,        32,        64,        -1,
        -2,        -3, 128, 256, 1 << 16, 1LL << 31, 1LL << 32, 1LL << 61, 1LL << 62, INT64_MAX,
        INT64_MIN, 24, 25,  255, 257,     999,       1000,      1024,      2048,      8192};
    switch (Below(4)) {
      case 0:
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(old) + 1);
      case 1:
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(old) - 1);
      default:
        return OneOf(kNumbers);
    }
  }

  float Float() {
    static constexpr float kNumbers[] = {0.0F,
                                         -0.0F,
                                         1.0F,
                                         -1.0F,
                                         0.5F,
                                         2.0F,
                                         std::numeric_limits<float>::infinity(),
                                         std::numeric_limits<float>::quiet_NaN(),
                                         std::numeric_limits<float>::max(),
                                         std::numeric_limits<float>::denorm_min()};
    return OneOf(kNumbers);
  }

  // Mostly a name that the model has elsewhere, or one that means something to rules and loader.
  std::string Text(std::string old) {
    static const std::string kWords[] = {"",
                                         "MatMul",
                                         "Gemm",
                                         "Gather",
                                         "Conv",
                                         "LSTM",
                                         "GRU",
                                         "RNN",
                                         "ConvTranspose",
                                         "Attention",
                                         "EmbedLayerNormalization",
                                         "com.microsoft",
                                         "ai.onnx",
                                         "Constant",
                                         "Transpose",
                                         "Reshape",
                                         "Squeeze",
                                         "Unsqueeze",
                                         "Flatten",
                                         "Cast",
                                         "Identity",
                                         "If",
                                         "Loop",
                                         "Scan",
                                         "Add",
                                         "Relu",
                                         "DequantizeLinear",
                                         "DynamicQuantizeLinear",
                                         "MatMulInteger",
                                         "transB",
                                         "transA",
                                         "alpha",
                                         "beta",
                                         "axis",
                                         "axes",
                                         "perm",
                                         "value",
                                         "value_float",
                                         "value_floats",
                                         "value_int",
                                         "value_ints",
                                         "sparse_value",
                                         "then_branch",
                                         "else_branch",
                                         "body",
                                         "to",
                                         "location",
                                         "offset",
                                         "length",
                                         "m.onnx.data",
                                         "m.onnx",
                                         "0",
                                         "4",
                                         "4096",
                                         "group",
                                         "strides",
                                         "pads",
                                         "num_heads",
                                         "layout",
                                         "direction",
                                         "hidden_size"};
    switch (Below(8)) {
      case 0:
        return Bytes(std::move(old));
      case 1:
        return old + "_quantized";
      case 2:
      case 3:
        return OneOf(kWords);
      default:
        return strings_.empty() ? std::string() : OneOf(strings_);
    }
  }

  std::string Bytes(std::string old) {
    const std::size_t size = old.size();
    switch (Below(3)) {
      case 0:
        old.resize(Below(4) == 0 ? Below(2048) : size / 2);
        return old;
      case 1:
        old.resize(std::min<std::size_t>(size * 2 + 4, 4096), '\1');
        return old;
      default:
        old.resize(size + 8);
        old.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(old.data()), size, old.size()));
        return old;
    }
  }

  static constexpr std::size_t kLargestCopy = 8192;

  onnx::ModelProto& model_;
  std::minstd_rand random_;
  std::vector<Message*> messages_;
  std::vector<std::string> strings_;
};

}  // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
  constexpr unsigned kKinds = 8;
  const unsigned kind = seed % kKinds;
  if (kind == 0 || size < kOptionBytes) return LLVMFuzzerMutate(data, size, max_size);
  if (kind == 1) {  // the options alone
    LLVMFuzzerMutate(data, kOptionBytes, kOptionBytes);
    return size;
  }
  onnx::ModelProto model;
  if (!model.ParsePartialFromArray(data + kOptionBytes, static_cast<int>(size - kOptionBytes))) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  ModelMutator(model, seed / kKinds).Mutate();
  const std::string bytes = model.SerializePartialAsString();
  if (bytes.size() > max_size - kOptionBytes) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data + kOptionBytes, bytes.data(), bytes.size());
  return kOptionBytes + bytes.size();
}
