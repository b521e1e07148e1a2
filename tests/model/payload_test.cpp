// Models without their weights: what is cut out can be put back, and what is no model is refused.
#include "model/payload.hpp"

#include <gmock/gmock.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "qi8/error.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::Storage;

[[nodiscard]] std::string Cut(const std::string& bytes) {
  return CutPayloads(*MakeMemoryFile("m.onnx", bytes), bytes.size());
}

[[nodiscard]] onnx::ModelProto Parse(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

// Cut, parsed, spliced, and every slot filled from the place that its payload names.
[[nodiscard]] std::string RoundTripBytes(const std::string& bytes) {
  const SplicedModel spliced = SplicePayloads(Parse(Cut(bytes)));
  std::string file;
  std::size_t position = 0;
  for (const auto& slot : spliced.slots) {
    file += spliced.text.substr(position, slot.at - position);
    position = slot.at;
    EXPECT_EQ(file.size(), slot.offset);
    file += bytes.substr(slot.payload, slot.length);
  }
  file += spliced.text.substr(position);
  EXPECT_EQ(file.size(), spliced.size);
  return file;
}

[[nodiscard]] std::string ErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

[[nodiscard]] std::string CutError(const std::string& bytes) {
  return ErrorOf([&bytes] { static_cast<void>(Cut(bytes)); });
}

[[nodiscard]] onnx::TensorProto RawTensor(const std::string& name, std::int32_t type, std::int64_t elements,
                                          const std::string& bytes) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(type);
  tensor.add_dims(elements);
  tensor.set_raw_data(bytes);
  return tensor;
}

[[nodiscard]] onnx::TensorProto Floats(const std::string& name, std::size_t count) {
  const auto values = RandomValues(count, static_cast<std::uint32_t>(name.size()));
  return RawTensor(name, onnx::TensorProto::FLOAT, static_cast<std::int64_t>(count),
                   std::string(reinterpret_cast<const char*>(values.data()), 4 * count));
}

// Tensors in raw form at every place where ONNX allows one.
[[nodiscard]] ModelBuilder EveryPlace() {
  ModelBuilder builder;
  auto& model = builder.model();
  builder.Input("x", {2, 2}).Output("y", {2, 2});
  *builder.graph().add_initializer() = Floats("w", 64);
  *builder.graph().add_initializer() = RawTensor("shape", onnx::TensorProto::INT64, 2, std::string(16, '\1'));
  *builder.graph().add_initializer() =
      RawTensor("table", onnx::TensorProto::INT64, 256, std::string(2048, '\2'));
  *builder.graph().add_initializer() = RawTensor("half", onnx::TensorProto::FLOAT16, 3, "abcdef");
  auto& sparse = *builder.graph().add_sparse_initializer();
  *sparse.mutable_values() = Floats("sparse", 7);
  *sparse.mutable_indices() = RawTensor("sparse_at", onnx::TensorProto::INT64, 7, std::string(56, '\0'));
  sparse.add_dims(100);

  testing::SetTensor(builder.Node("Constant", {}, {"c"}), "value", {3}, RandomValues(3));
  auto& branch = builder.Node("If", {"c"}, {"y"}, "if");
  auto& body = testing::SetGraph(branch, "then_branch");
  *body.add_initializer() = Floats("in_branch", 9);
  auto& loop = *body.add_node();
  loop.set_op_type("Loop");
  auto& inner = testing::SetGraph(loop, "body");
  *inner.add_initializer() = Floats("in_loop", 11);
  auto& attribute = *loop.add_attribute();
  attribute.set_name("many");
  *attribute.add_tensors() = Floats("first", 5);
  *attribute.add_tensors() = Floats("second", 6);
  *attribute.add_graphs()->add_initializer() = Floats("in_graphs", 12);
  *attribute.mutable_sparse_tensor()->mutable_values() = Floats("sparse_attribute", 4);

  auto& function = *model.add_functions();
  function.set_name("f");
  auto& in_function = *function.add_node();
  in_function.set_op_type("Constant");
  testing::SetTensor(in_function, "value", {13}, RandomValues(13));
  *model.add_training_info()->mutable_initialization()->add_initializer() = Floats("gradient", 14);
  auto& property = *model.add_metadata_props();
  property.set_key("author");
  property.set_value("a");
  return builder;
}

[[nodiscard]] int CountPayloads(onnx::ModelProto model) {
  int count = 0;
  ForEachTensor(model, [&count](onnx::TensorProto& tensor) { count += GetPayload(tensor) ? 1 : 0; });
  return count;
}

TEST(Payload, EveryTensorIsCutOutAndPutBack) {
  const auto model = EveryPlace().model();
  const std::string bytes = model.SerializeAsString();
  EXPECT_EQ(Parse(RoundTripBytes(bytes)).SerializeAsString(), bytes);
  // All of it but "shape" and "sparse_at", which are small and whole numbers.
  EXPECT_EQ(CountPayloads(Parse(Cut(bytes))), 13);
}

TEST(Payload, WhatIsCutOutIsNoLongerThere) {
  ModelBuilder builder;
  *builder.graph().add_initializer() =
      RawTensor("w", onnx::TensorProto::FLOAT, 100'000, std::string(400'000, 'W'));
  const std::string cut = Cut(builder.model().SerializeAsString());
  EXPECT_LT(cut.size(), 200U);
  EXPECT_EQ(cut.find("WWWW"), std::string::npos);
}

TEST(Payload, TellsPlaceAndLength) {
  ModelBuilder builder;
  *builder.graph().add_initializer() = RawTensor("w", onnx::TensorProto::FLOAT, 3, "ABCDEFGHIJKL");
  const std::string bytes = builder.model().SerializeAsString();
  const auto cut = Parse(Cut(bytes));
  const auto& tensor = cut.graph().initializer(0);
  const auto payload = GetPayload(tensor);
  ASSERT_TRUE(payload);
  EXPECT_EQ(bytes.substr(payload->first, payload->second), "ABCDEFGHIJKL");
  EXPECT_FALSE(tensor.has_raw_data());
  EXPECT_EQ(tensor.name(), "w");
  EXPECT_EQ(tensor.dims(0), 3);
}

// Whole numbers are wanted in the graph while they are small: shapes and axes.
TEST(Payload, SmallIntegersStay) {
  const auto cut_with = [](std::int32_t type, std::size_t size) {
    ModelBuilder builder;
    *builder.graph().add_initializer() = RawTensor("t", type, 1, std::string(size, '\3'));
    return GetPayload(Parse(Cut(builder.model().SerializeAsString())).graph().initializer(0)).has_value();
  };
  EXPECT_FALSE(cut_with(onnx::TensorProto::INT64, kLargeTensorBytes - 1));
  EXPECT_TRUE(cut_with(onnx::TensorProto::INT64, kLargeTensorBytes));
  EXPECT_FALSE(cut_with(onnx::TensorProto::UINT8, 8));
  for (const std::int32_t type : {1, 10, 11, 16}) EXPECT_TRUE(cut_with(type, 8)) << type;
  EXPECT_FALSE(cut_with(onnx::TensorProto::FLOAT, 0));
}

TEST(Payload, PackedNumbersAreCutAndComeBackAsRawData) {
  ModelBuilder builder;
  const auto values = RandomValues(50);
  builder.Initializer("w", {50}, values, Storage::kFloatData);
  auto& doubles = *builder.graph().add_initializer();
  doubles.set_name("d");
  doubles.set_data_type(onnx::TensorProto::DOUBLE);
  doubles.add_dims(2);
  doubles.add_double_data(1.5);
  doubles.add_double_data(-2.5);

  const auto after = Parse(RoundTripBytes(builder.model().SerializeAsString()));
  const auto& w = after.graph().initializer(0);
  EXPECT_EQ(w.float_data_size(), 0);
  EXPECT_EQ(w.raw_data(), std::string(reinterpret_cast<const char*>(values.data()), 200));
  const double expected[] = {1.5, -2.5};
  EXPECT_EQ(after.graph().initializer(1).double_data_size(), 0);
  EXPECT_EQ(after.graph().initializer(1).raw_data(),
            std::string(reinterpret_cast<const char*>(expected), 16));
}

TEST(Payload, NumbersThatAreNotOneRunStay) {
  // One field for each number, few and many; and one tensor in two runs, of which protobuf makes one list.
  for (const std::size_t count : {1U, 50U, 5000U}) {
    ModelBuilder builder;
    const auto values = RandomValues(count);
    builder.Initializer("w", {static_cast<std::int64_t>(count)}, values, Storage::kUnpackedFloatData);
    const auto after = Parse(RoundTripBytes(builder.model().SerializeAsString()));
    const auto& stored = after.graph().initializer(0).float_data();
    EXPECT_EQ(std::vector<float>(stored.begin(), stored.end()), values);
    EXPECT_EQ(CountPayloads(Parse(Cut(builder.model().SerializeAsString()))), 0);
  }
  ModelBuilder builder;
  auto& tensor = *builder.graph().add_initializer();
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  auto& unknown = *tensor.GetReflection()->MutableUnknownFields(&tensor);
  unknown.AddLengthDelimited(onnx::TensorProto::kFloatDataFieldNumber, std::string(8, '\1'));
  unknown.AddLengthDelimited(onnx::TensorProto::kFloatDataFieldNumber, std::string(4, '\2'));
  const std::string bytes = builder.model().SerializeAsString();
  EXPECT_EQ(CountPayloads(Parse(Cut(bytes))), 0);
  EXPECT_EQ(Parse(RoundTripBytes(bytes)).graph().initializer(0).float_data_size(), 3);
}

TEST(Payload, IntegersInListsStay) {
  ModelBuilder builder;
  auto& tensor = *builder.graph().add_initializer();
  tensor.set_data_type(onnx::TensorProto::INT64);
  for (int i = 0; i < 2000; ++i) tensor.add_int64_data(i * 1000);
  const std::string bytes = builder.model().SerializeAsString();
  EXPECT_EQ(CountPayloads(Parse(Cut(bytes))), 0);
  EXPECT_EQ(Parse(RoundTripBytes(bytes)).SerializeAsString(), bytes);
}

TEST(Payload, UnknownFieldsSurviveEverywhere) {
  auto model = EveryPlace().model();
  const auto mark = [](google::protobuf::Message& message, int field) {
    auto& unknown = *message.GetReflection()->MutableUnknownFields(&message);
    unknown.AddLengthDelimited(field, "tomorrow");
    unknown.AddVarint(field + 1, 77);
    unknown.AddFixed32(field + 2, 78);
    unknown.AddFixed64(field + 3, 79);
  };
  mark(model, 26);
  mark(*model.mutable_graph(), 16);
  mark(*model.mutable_graph()->mutable_node(0), 8);
  mark(*model.mutable_graph()->mutable_node(0)->mutable_attribute(0), 30);
  mark(*model.mutable_graph()->mutable_initializer(0), 16);
  mark(*model.mutable_functions(0), 11);
  const std::string bytes = model.SerializeAsString();
  EXPECT_EQ(Parse(RoundTripBytes(bytes)).SerializeAsString(), bytes);
}

TEST(Payload, LengthsOfAnySizeAreMended) {
  // Around each power of 128, where the length of a message takes one byte more.
  for (const std::size_t size : {1U, 100U, 115U, 120U, 127U, 128U, 129U, 16370U, 16384U, 16390U, 2097152U}) {
    ModelBuilder builder;
    *builder.graph().add_initializer() =
        RawTensor("w", onnx::TensorProto::FLOAT16, static_cast<std::int64_t>(size), std::string(size, 'x'));
    const std::string bytes = builder.model().SerializeAsString();
    EXPECT_EQ(RoundTripBytes(bytes), bytes) << size;
  }
}

TEST(Payload, SetAndClear) {
  onnx::TensorProto tensor;
  EXPECT_FALSE(GetPayload(tensor));
  SetPayload(tensor, {1, 2});
  SetPayload(tensor, {3, UINT64_MAX});
  ASSERT_TRUE(GetPayload(tensor));
  EXPECT_EQ(GetPayload(tensor)->first, 3U);
  EXPECT_EQ(GetPayload(tensor)->second, UINT64_MAX);
  EXPECT_EQ(tensor.unknown_fields().field_count(), 1);
  ClearPayload(tensor);
  EXPECT_FALSE(GetPayload(tensor));
}

// Sizes far beyond memory: nothing but the graph is ever made.
TEST(Payload, OffsetsBeyondFourGibibytes) {
  onnx::ModelProto model;
  for (int i = 0; i < 3; ++i)
    SetPayload(*model.mutable_graph()->add_initializer(), {static_cast<unsigned>(i), 3ULL << 30U});
  const SplicedModel spliced = SplicePayloads(model);
  ASSERT_EQ(spliced.slots.size(), 3U);
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_GE(spliced.slots[i].offset, spliced.slots[i - 1].offset + (3ULL << 30U));
    EXPECT_EQ(spliced.slots[i].payload, i);
  }
  EXPECT_EQ(spliced.size, spliced.text.size() + 3 * (3ULL << 30U));
}

// A tensor of float16 packed in int32_data: three bytes for each number that has its sign bit.
class PackedHalves final : public ReadableFile {
 public:
  explicit PackedHalves(std::uint64_t numbers) {
    onnx::ModelProto model;
    auto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_data_type(onnx::TensorProto::FLOAT16);
    tensor.add_dims(static_cast<std::int64_t>(numbers));
    const std::string small = tensor.SerializeAsString();
    const std::string packed = Head(5, 3 * numbers);                                // int32_data
    const std::string inner = Head(5, small.size() + packed.size() + 3 * numbers);  // GraphProto.initializer
    const std::string outer = Head(7, inner.size() + small.size() + packed.size() + 3 * numbers);
    head_ = outer + inner + small + packed;
    size_ = head_.size() + 3 * numbers;
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] FileIdentity Identity() const override { return {.size = size_}; }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    while (!into.empty()) {
      const bool in_head = offset < head_.size();
      const std::string& from = in_head ? head_ : numbers_;
      const std::size_t start = in_head ? offset : (offset - head_.size()) % 3;
      const std::size_t count = std::min(into.size(), from.size() - start);
      std::memcpy(into.data(), from.data() + start, count);
      into = into.subspan(count);
      offset += count;
    }
  }

 private:
  [[nodiscard]] static std::string Head(unsigned number, std::uint64_t length) {
    std::string head(1, static_cast<char>(number << 3U | 2U));
    for (; length >= 0x80; length >>= 7U) head += static_cast<char>(length | 0x80U);
    return head + static_cast<char>(length);
  }

  [[nodiscard]] static std::string ManyNumbers() {
    std::string numbers;
    for (int i = 0; i < 100'000; ++i) numbers += "\xff\xff\x03";  // 65535
    return numbers;
  }

  std::string path_ = "halves.onnx";
  std::string head_;
  std::string numbers_ = ManyNumbers();
  std::uint64_t size_ = 0;
};

// What counts is how many numbers there are and what one takes, not the bytes in which they are encoded.
TEST(Payload, PackedNumbersAreReckonedByTheirNumber) {
  const PackedHalves file(24'000'000);  // 72 MB, and 216 MB of memory
  EXPECT_GT(CutPayloads(file, file.size()).size(), 72'000'000U);
}

TEST(Payload, ForEachTensorGoesEverywhereInOrder) {
  auto model = EveryPlace().model();
  std::string names;
  ForEachTensor(model, [&names](onnx::TensorProto& tensor) { names += tensor.name() + " "; });
  EXPECT_EQ(names,
            // Of the Constant, which has no name; of the branch and of the Loop in it; of the main graph; of
            // training; of the function's Constant.
            " in_loop sparse_attribute first second in_graphs in_branch "
            "w shape table half sparse sparse_at gradient  ");
}

TEST(PayloadRefuses, ItsOwnField) {
  ModelBuilder builder;
  auto& tensor = *builder.graph().add_initializer();
  SetPayload(tensor, {0, 10});
  EXPECT_THAT(CutError(builder.model().SerializeAsString()), HasSubstr("536870911"));

  ClearPayload(tensor);
  tensor.GetReflection()->MutableUnknownFields(&tensor)->AddVarint(kPayloadField, 1);
  EXPECT_THAT(CutError(builder.model().SerializeAsString()), HasSubstr("536870911"));

  // Behind so many numbers that the fields are no longer noted.
  ModelBuilder many;
  many.Initializer("w", {5000}, RandomValues(5000), Storage::kUnpackedFloatData);
  auto& last = *many.graph().mutable_initializer(0);
  last.GetReflection()->MutableUnknownFields(&last)->AddLengthDelimited(kPayloadField, "");
  EXPECT_THAT(CutError(many.model().SerializeAsString()), HasSubstr("536870911"));
}

// Where the fields of the outermost message end: only there can a file be cut short and still be protobuf.
[[nodiscard]] std::set<std::size_t> FieldEnds(const std::string& bytes) {
  std::set<std::size_t> ends = {0};
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  while (stream.CurrentPosition() < static_cast<int>(bytes.size())) {
    const std::uint32_t tag = stream.ReadTag();
    std::uint32_t length = 0;
    if ((tag & 7U) == 0) {
      std::uint64_t ignored = 0;
      EXPECT_TRUE(stream.ReadVarint64(&ignored));
    } else {
      EXPECT_TRUE((tag & 7U) == 2 && stream.ReadVarint32(&length));
      EXPECT_TRUE(stream.Skip(static_cast<int>(length)));
    }
    ends.insert(static_cast<std::size_t>(stream.CurrentPosition()));
  }
  return ends;
}

TEST(PayloadRefuses, AFileCutShortAnywhere) {
  const std::string bytes = EveryPlace().model().SerializeAsString();
  const auto ends = FieldEnds(bytes);
  ASSERT_GT(ends.size(), 5U);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string prefix = bytes.substr(0, size);
    if (ends.contains(size)) {
      EXPECT_NO_THROW(static_cast<void>(Cut(prefix))) << size;
    } else {
      EXPECT_THAT(CutError(prefix), HasSubstr("'m.onnx' is not a whole ONNX model")) << size;
    }
  }
}

[[nodiscard]] std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}

[[nodiscard]] std::string Delimited(std::uint64_t field, const std::string& content) {
  return Varint(field << 3U | 2U) + Varint(content.size()) + content;
}

TEST(PayloadRefuses, WhatIsNotProtobuf) {
  const std::string eleven_bytes = std::string(10, '\xff') + '\1';
  EXPECT_THAT(CutError(eleven_bytes), HasSubstr("64 bits"));
  EXPECT_THAT(CutError("\x08" + eleven_bytes), HasSubstr("64 bits"));
  EXPECT_THAT(CutError("\x3a" + eleven_bytes), HasSubstr("64 bits"));
  EXPECT_THAT(CutError(std::string("\x02\x00", 2)), HasSubstr("number")) << "field 0";
  EXPECT_THAT(CutError(Varint((1ULL << 32U) | 2U) + '\0'), HasSubstr("number")) << "field 2^29";
  for (const int type : {3, 4, 6, 7}) {
    EXPECT_THAT(CutError(std::string(1, static_cast<char>(8 | type)) + "\x0c"), HasSubstr("type")) << type;
  }
  EXPECT_THAT(CutError(Varint(7U << 3U | 2U) + Varint(UINT64_MAX)),
              HasSubstr("18,446,744,073,709,551,615 bytes"));
  EXPECT_THAT(CutError(Varint(7U << 3U | 2U) + Varint(1) + ""),
              HasSubstr("1 bytes long, but only 0 bytes are left"));
  EXPECT_THAT(CutError("\x0d\x01\x02\x03"), HasSubstr("4 bytes")) << "half a fixed32";
  EXPECT_THAT(CutError("\x09\x01\x02\x03\x04\x05\x06\x07"), HasSubstr("8 bytes")) << "half a fixed64";
  // An inner message may not reach beyond the outer one, though the file goes on.
  EXPECT_THAT(CutError(Varint(7U << 3U | 2U) + Varint(4) + Varint(1U << 3U | 2U) + Varint(100) +
                       std::string(200, 'x')),
              HasSubstr("100 bytes long, but only 2 bytes are left"));
  EXPECT_THAT(CutError("PK\x03\x04" + std::string(100, 'z')), HasSubstr("another kind of file"));
}

// The main graph with bodies nested in it, an initializer in the innermost.
[[nodiscard]] std::string Nested(int bodies) {
  std::string graph = Delimited(5, Floats("deep", 2).SerializeAsString());
  for (int i = 0; i < bodies; ++i) graph = Delimited(1, Delimited(5, Delimited(6, graph)));
  return Delimited(7, graph);
}

TEST(PayloadRefuses, DeepNesting) {
  EXPECT_EQ(Parse(RoundTripBytes(Nested(32))).SerializeAsString(), Parse(Nested(32)).SerializeAsString());
  EXPECT_THAT(CutError(Nested(33)), HasSubstr("100 deep"));
  EXPECT_THAT(CutError(Nested(2000)), HasSubstr("100 deep"));
}

// Whatever stands in the file: an error, or a message that can be written again.
TEST(PayloadRefuses, RandomDamageWithoutEverCrashing) {
  const std::string whole = EveryPlace().model().SerializeAsString();
  std::mt19937 random(20240601);
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  int accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 2:
          bytes.erase(at, 1 + below(8));
          break;
        default:
          bytes.insert(at, 1 + below(8), static_cast<char>(random()));
      }
      if (bytes.empty()) bytes = "x";
    }
    try {
      const std::string cut = Cut(bytes);
      onnx::ModelProto model;
      if (!model.ParseFromString(cut)) continue;
      const SplicedModel spliced = SplicePayloads(model);
      std::uint64_t payloads = 0;
      for (const auto& slot : spliced.slots) payloads += slot.length;
      EXPECT_EQ(spliced.size, spliced.text.size() + payloads);
      EXPECT_TRUE(onnx::ModelProto().ParseFromString(RoundTripBytes(bytes)));
      ++accepted;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
    }
  }
  EXPECT_GT(accepted, 500) << "the damage should leave something to parse";
  EXPECT_LT(accepted, 3900);
}

}  // namespace
}  // namespace qi8
