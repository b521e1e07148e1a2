// What loading finds out, what it refuses, and that it reads no weight.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/model.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::AllOf;
using testing::Dims;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemoryFileSystem;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetGraph;
using testing::Storage;

constexpr const char* kPath = "models/m.onnx";

[[nodiscard]] std::string Bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// A model whose tensors have their bytes in files that a test describes entry by entry.
class ExternalModel {
 public:
  onnx::TensorProto& Tensor(const std::string& name, const Dims& dims,
                            std::int32_t type = onnx::TensorProto::FLOAT) {
    auto& tensor = *builder_.graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const auto dim : dims) tensor.add_dims(dim);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    return tensor;
  }

  static void Entry(onnx::TensorProto& tensor, const std::string& key, const std::string& value) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }

  onnx::TensorProto& Tensor(const std::string& name, const Dims& dims, const std::string& location,
                            const std::string& offset, const std::string& length) {
    auto& tensor = Tensor(name, dims);
    Entry(tensor, "location", location);
    if (!offset.empty()) Entry(tensor, "offset", offset);
    if (!length.empty()) Entry(tensor, "length", length);
    return tensor;
  }

  [[nodiscard]] Model Load() {
    files.Add(kPath, builder_.model().SerializeAsString());
    return Model::Load(files, kPath);
  }

  [[nodiscard]] std::string Refusal() {
    try {
      static_cast<void>(Load());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
      return error.what();
    }
    ADD_FAILURE() << "it was loaded";
    return "";
  }

  MemoryFileSystem files;

 private:
  ModelBuilder builder_;
};

[[nodiscard]] Model LoadBytes(MemoryFileSystem& files, const std::string& bytes) {
  files.Add(kPath, bytes);
  return Model::Load(files, kPath);
}

[[nodiscard]] Model Load(MemoryFileSystem& files, ModelBuilder& builder) {
  return LoadBytes(files, builder.model().SerializeAsString());
}

[[nodiscard]] std::string Refusal(const std::string& bytes) {
  MemoryFileSystem files;
  try {
    static_cast<void>(LoadBytes(files, bytes));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
    return error.what();
  }
  ADD_FAILURE() << "it was loaded";
  return "";
}

[[nodiscard]] std::string Refusal(ModelBuilder& builder) {
  return Refusal(builder.model().SerializeAsString());
}

[[nodiscard]] const Value& FindValue(const Model& model, std::string_view name, GraphId graph = 0) {
  static const Value none;
  for (const Value& value : model.values()) {
    if (value.name == name && value.graph == graph) return value;
  }
  ADD_FAILURE() << "no value " << name << " in graph " << graph;
  return none;
}

[[nodiscard]] std::string ReadTensor(const Model& model, const Tensor& tensor) {
  std::string bytes(tensor.source.range.length, '\0');
  model.files()[tensor.source.file].file->ReadAt(tensor.source.range.offset,
                                                 std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

// ---------------------------------------------------------------- where the bytes of tensors lie

TEST(LoaderSources, EveryStorageLeadsToTheSameBytes) {
  const auto values = RandomValues(6);
  for (const Storage storage :
       {Storage::kRawData, Storage::kFloatData, Storage::kUnpackedFloatData, Storage::kExternal}) {
    const testing::TempFolder folder;
    ModelBuilder builder;
    builder.Initializer("before", {1}, RandomValues(1), storage).Initializer("w", {2, 3}, values, storage);
    builder.Save(folder / "m.onnx");
    const auto file_system = MakePosixFileSystem();
    const Model model = Model::Load(*file_system, folder / "m.onnx");

    const Value& value = FindValue(model, "w");
    ASSERT_NE(value.tensor, kNone);
    const Tensor& tensor = model.tensors()[value.tensor];
    EXPECT_EQ(tensor.name, "w");
    EXPECT_EQ(tensor.type, DataType::kFloat);
    EXPECT_THAT(tensor.dims, ElementsAre(2, 3));
    EXPECT_EQ(tensor.elements, 6U);
    EXPECT_EQ(tensor.source.range.length, 24U);
    EXPECT_EQ(ReadTensor(model, tensor), Bytes(values));

    const InputFile& file = model.files()[tensor.source.file];
    // Of a list of one number protobuf cannot tell whether it was packed, so it is "before" that is asked of
    // here.
    EXPECT_EQ(file.in_memory, storage == Storage::kUnpackedFloatData);
    EXPECT_EQ(tensor.source.file == 0, storage == Storage::kRawData || storage == Storage::kFloatData);
    if (storage == Storage::kExternal) {
      EXPECT_EQ(file.location, "m.onnx.data");
      EXPECT_EQ(tensor.source.range.offset, 4U);
    }
  }
}

TEST(LoaderSources, NumbersOfFloat64) {
  ModelBuilder builder;
  auto& tensor = *builder.graph().add_initializer();
  tensor.set_name("d");
  tensor.set_data_type(onnx::TensorProto::DOUBLE);
  tensor.add_dims(2);
  auto& unknown = *tensor.GetReflection()->MutableUnknownFields(&tensor);
  const double numbers[] = {0.25, -3};
  for (const double number : numbers) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof(bits));
    unknown.AddFixed64(onnx::TensorProto::kDoubleDataFieldNumber, bits);
  }
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  ASSERT_EQ(model.tensors().size(), 1U);
  EXPECT_EQ(ReadTensor(model, model.tensors()[0]), std::string(reinterpret_cast<const char*>(numbers), 16));
}

TEST(LoaderSources, SmallIntegersStayInTheGraph) {
  ModelBuilder builder;
  builder.Int64Initializer("shape", {2}, {1, 2})
      .Int64Initializer("table", {200}, std::vector<std::int64_t>(200));
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_EQ(FindValue(model, "shape").tensor, kNone);
  EXPECT_TRUE(FindValue(model, "shape").is_initializer);
  ASSERT_NE(FindValue(model, "table").tensor, kNone);
  EXPECT_EQ(model.tensors()[FindValue(model, "table").tensor].type, DataType::kInt64);
}

// However they are stored: what a rule asks for again and again must be small.
TEST(LoaderSources, MoreIntegersThanAShapeHasAreNoIntegerConstant) {
  for (const std::size_t count : {Model::kMostIntegers, Model::kMostIntegers + 1}) {
    const bool small = count == Model::kMostIntegers;
    ModelBuilder builder;
    auto& raw = *builder.graph().add_initializer();
    raw.set_name("raw");
    raw.set_data_type(onnx::TensorProto::INT32);
    raw.add_dims(static_cast<std::int64_t>(count));
    raw.set_raw_data(std::string(count * sizeof(std::int32_t), '\0'));
    auto& numbers = *builder.graph().add_initializer();
    numbers.set_name("numbers");
    numbers.set_data_type(onnx::TensorProto::INT64);
    numbers.add_dims(static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) numbers.add_int64_data(1);
    testing::SetInts(builder.Node("Constant", {}, {"attribute"}), "value_ints",
                     std::vector<std::int64_t>(count, 1));
    MemoryFileSystem files;
    const Model model = Load(files, builder);
    for (const char* name : {"raw", "numbers", "attribute"}) {
      const auto id = static_cast<ValueId>(&FindValue(model, name) - model.values().data());
      const auto found = model.IntegerConstant(id);
      ASSERT_EQ(found.has_value(), small) << name << " of " << count;
      if (small) {
        EXPECT_EQ(found->size(), count) << name;
      }
    }
  }
}

TEST(LoaderSources, OffsetAndLengthMayBeLeftOut) {
  ExternalModel external;
  external.Tensor("w", {2, 3}, "d", "", "");
  external.Tensor("v", {2}, "d", "16", "");
  external.files.AddZeros("models/d", 24);
  const Model model = external.Load();
  EXPECT_EQ(model.tensors()[0].source.range, (ByteRange{0, 24}));
  EXPECT_EQ(model.tensors()[1].source.range, (ByteRange{16, 8}));
}

TEST(LoaderSources, TheLastByteOfAFileCounts) {
  ExternalModel external;
  external.Tensor("w", {2}, "d", "16", "8");
  external.files.AddZeros("models/d", 24);
  EXPECT_EQ(external.Load().tensors()[0].source.range.end(), 24U);
}

TEST(LoaderSources, OneFileUnderTwoSpellingsIsOne) {
  ExternalModel external;
  external.Tensor("a", {1}, "d", "0", "4");
  external.Tensor("b", {1}, "./d", "4", "4");
  external.Tensor("c", {1}, "sub/../d", "8", "4");
  external.Tensor("e", {1}, "d", "12", "4");
  external.Tensor("f", {1}, "other", "0", "4");
  external.files.AddZeros("models/d", 16);
  external.files.AddZeros("models/other", 4);
  const Model model = external.Load();
  ASSERT_EQ(model.files().size(), 3U);
  EXPECT_EQ(model.files()[1].location, "d");
  EXPECT_EQ(model.files()[1].identity.size, 16U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(model.tensors()[i].source.file, 1U);
  EXPECT_EQ(model.tensors()[4].source.file, 2U);
  EXPECT_EQ(std::ranges::count(external.files.opened(), "models/d"), 3)
      << "once for each spelling, not for each tensor";
}

TEST(LoaderSources, TheModelItselfMayBeTheDataFile) {
  ExternalModel external;
  external.Tensor("w", {1}, "m.onnx", "3", "4");
  const Model model = external.Load();
  EXPECT_EQ(model.files().size(), 1U);
  EXPECT_EQ(model.tensors()[0].source, (TensorSource{0, {3, 4}}));
}

TEST(LoaderSources, TypesOfTomorrowAreTakenAsTheyCome) {
  ExternalModel external;
  for (const auto& [name, type, length] : {std::tuple("int4", 22, "3"), std::tuple("float8", 17, "5"),
                                           std::tuple("float4", 23, "3"), std::tuple("new", 99, "7")}) {
    auto& tensor = external.Tensor(name, {5}, type);
    ExternalModel::Entry(tensor, "location", "d");
    ExternalModel::Entry(tensor, "length", length);
  }
  external.files.AddZeros("models/d", 100);
  EXPECT_EQ(external.Load().tensors().size(), 4U);

  ExternalModel wrong;
  auto& tensor = wrong.Tensor("int4", {5}, 22);
  ExternalModel::Entry(tensor, "location", "d");
  ExternalModel::Entry(tensor, "length", "5");
  wrong.files.AddZeros("models/d", 100);
  EXPECT_THAT(wrong.Refusal(), AllOf(HasSubstr("of int4 takes 3 bytes"), HasSubstr("it has 5")));
}

// ---------------------------------------------------------------- no weight is read

TEST(LoaderReads, NothingOfExternalFiles) {
  ExternalModel external;
  external.Tensor("w", {1 << 20, 1 << 20}, "d", "0", std::to_string(1ULL << 42U));
  external.Tensor("v", {16}, "d", std::to_string(1ULL << 42U), "64");
  external.files.AddZeros("models/d", (1ULL << 42U) + 64);
  EXPECT_EQ(external.Load().tensors().size(), 2U);
  for (const auto& read : external.files.reads()) EXPECT_EQ(read.path, kPath);
}

TEST(LoaderReads, NothingOfInlineWeightsBeyondTheWindowOfTheReader) {
  constexpr std::uint64_t kWindow = 16384;
  ModelBuilder builder;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "w" + std::to_string(i);
    builder.Initializer(name, {50'000}, std::vector<float>(50'000, 1.0F),
                        i % 2 == 0 ? Storage::kRawData : Storage::kFloatData);
  }
  auto& branch = builder.Node("If", {"c"}, {"y"});
  auto& constant = *SetGraph(branch, "then_branch").add_node();
  constant.set_op_type("Constant");
  constant.add_output("inner");
  testing::SetTensor(constant, "value", {50'000}, std::vector<float>(50'000, 2.0F));

  MemoryFileSystem files;
  const Model model = Load(files, builder);
  ASSERT_EQ(model.tensors().size(), 9U);
  std::uint64_t total = 0;
  for (const auto& read : files.reads()) {
    total += read.range.length;
    for (const Tensor& tensor : model.tensors()) {
      const std::uint64_t from = tensor.source.range.offset + kWindow;
      EXPECT_FALSE(read.range.offset < tensor.source.range.end() && read.range.end() > from)
          << "bytes " << read.range.offset << " to " << read.range.end() << " are read";
    }
  }
  EXPECT_LT(total, 1'000'000U) << "of 1.8 MB";
}

// ---------------------------------------------------------------- what does not agree

TEST(LoaderRefuses, WhatIsNoModel) {
  EXPECT_THAT(Refusal(std::string()), AllOf(HasSubstr("'models/m.onnx'"), HasSubstr("empty")));
  EXPECT_THAT(Refusal("PK\3\4 this is a zip file"), HasSubstr("zip archive"));
  EXPECT_THAT(Refusal(std::string("\x08\x07", 2)), HasSubstr("no graph"));
  // The graph is no message but a number; its name is.
  EXPECT_THAT(Refusal(std::string("\x38\x07", 2)), HasSubstr("no graph"));
  EXPECT_THAT(Refusal(std::string("\x3a\x03\x5a\x05\x01", 5)), HasSubstr("not"));
}

TEST(LoaderRefuses, AMissingFile) {
  MemoryFileSystem files;
  EXPECT_THROW(Model::Load(files, "none.onnx"), Error);
}

TEST(LoaderRefuses, LengthsThatAreNotTheShapes) {
  for (const Storage storage : {Storage::kRawData, Storage::kFloatData, Storage::kUnpackedFloatData}) {
    for (const Dims& dims : {Dims{2, 2}, Dims{6}, Dims{}, Dims{0}, Dims{5, 0}}) {
      ModelBuilder builder;
      builder.Initializer("w", dims, RandomValues(5), storage);
      EXPECT_THAT(Refusal(builder),
                  AllOf(HasSubstr("'models/m.onnx'"), HasSubstr("tensor 'w'"), HasSubstr("it has 20")));
    }
  }
  ExternalModel external;
  external.Tensor("w", {2, 2}, "d", "0", "12");
  external.files.AddZeros("models/d", 100);
  EXPECT_THAT(external.Refusal(), HasSubstr("shape [2, 2] of float32 takes 16 bytes, but it has 12"));
}

TEST(LoaderRefuses, ShapesThatCannotBe) {
  const std::int64_t huge = std::int64_t{1} << 32U;
  for (const Dims& dims : {Dims{-1, 4}, Dims{-2, -2}, Dims{huge, huge}, Dims{0, -1}, Dims{INT64_MIN}}) {
    ModelBuilder builder;
    builder.Initializer("w", dims, RandomValues(4));
    EXPECT_THAT(Refusal(builder), AllOf(HasSubstr("tensor 'w'"), HasSubstr("shape")));

    ExternalModel external;
    external.Tensor("w", dims, "d", "0", "16");
    external.files.AddZeros("models/d", 16);
    EXPECT_THAT(external.Refusal(), AllOf(HasSubstr("tensor 'w'"), HasSubstr("shape")));
  }
}

// The number of elements fits 64 bits, that of their bytes does not.
TEST(LoaderRefuses, ShapesWhoseBytesOverflow) {
  for (const Dims& dims :
       {Dims{std::int64_t{1} << 62U}, Dims{3689348814741910324, 1}, Dims{std::int64_t{1} << 60U, 2}}) {
    ModelBuilder builder;
    builder.Initializer("w", dims, RandomValues(2));
    EXPECT_THAT(Refusal(builder), HasSubstr("tensor 'w'"));
    ExternalModel external;
    external.Tensor("w", dims, "d", "0", "8");
    external.files.AddZeros("models/d", 8);
    EXPECT_THAT(external.Refusal(), HasSubstr("tensor 'w'"));
  }
}

TEST(LoaderRefuses, RangesBeyondTheFile) {
  for (const auto& [offset, length] :
       {std::pair("0", "16"), std::pair("1", "12"), std::pair("13", "0"),
        std::pair("18446744073709551615", "12"), std::pair("4", "18446744073709551612"),
        std::pair("18446744073709551604", "12")}) {
    ExternalModel external;
    external.Tensor("w", {3}, "d", offset, length);
    external.files.AddZeros("models/d", 12);
    EXPECT_THAT(external.Refusal(), AllOf(HasSubstr("'models/m.onnx'"), HasSubstr("tensor 'w'"),
                                          HasSubstr("'d'"), HasSubstr("which has only 12 bytes")))
        << offset << " " << length;
  }
}

TEST(LoaderRefuses, PlacesThatAreNoNumbers) {
  for (const char* text : {"", "x", "-1", "+1", "0x10", "1 ", " 1", "1.0", "18446744073709551616"}) {
    for (const char* key : {"offset", "length"}) {
      ExternalModel external;
      auto& tensor = external.Tensor("w", {3});
      ExternalModel::Entry(tensor, "location", "d");
      ExternalModel::Entry(tensor, key, text);
      external.files.AddZeros("models/d", 12);
      EXPECT_THAT(external.Refusal(),
                  AllOf(HasSubstr("tensor 'w'"), HasSubstr(key), HasSubstr("not a number of bytes")))
          << text;
    }
  }
}

TEST(LoaderRefuses, ExternalDataWithoutPlaceOrLength) {
  ExternalModel nowhere;
  nowhere.Tensor("w", {3});
  EXPECT_THAT(nowhere.Refusal(), AllOf(HasSubstr("tensor 'w'"), HasSubstr("location is empty")));

  ExternalModel missing;
  missing.Tensor("w", {3}, "gone", "", "");
  EXPECT_THAT(missing.Refusal(), AllOf(HasSubstr("tensor 'w'"), HasSubstr("gone")));

  for (const std::int32_t type : {static_cast<std::int32_t>(onnx::TensorProto::STRING), 99}) {
    ExternalModel unsized;
    ExternalModel::Entry(unsized.Tensor("w", {3}, type), "location", "d");
    unsized.files.AddZeros("models/d", 100);
    EXPECT_THAT(unsized.Refusal(), AllOf(HasSubstr("tensor 'w'"), HasSubstr("no length")));
  }
}

TEST(LoaderRefuses, DataInsideAndOutside) {
  const auto refusal = [](auto fill) {
    ExternalModel external;
    fill(external.Tensor("w", {3}, "d", "0", "12"));
    external.files.AddZeros("models/d", 12);
    return external.Refusal();
  };
  const auto both = AllOf(HasSubstr("tensor 'w'"), HasSubstr("both inside the model and outside"));
  EXPECT_THAT(refusal([](auto& tensor) { tensor.set_raw_data(std::string(12, '\1')); }), both);
  EXPECT_THAT(refusal([](auto& tensor) {
                for (int i = 0; i < 3; ++i) tensor.add_float_data(1);
              }),
              both);
  EXPECT_THAT(refusal([](auto& tensor) {
                for (int i = 0; i < 3; ++i) {
                  tensor.GetReflection()->MutableUnknownFields(&tensor)->AddFixed32(
                      onnx::TensorProto::kFloatDataFieldNumber, 7);
                }
              }),
              both)
      << "numbers that were not packed";
}

TEST(LoaderRefuses, DataTwice) {
  for (const bool packed : {true, false}) {
    ModelBuilder builder;
    builder.Initializer("w", {2}, RandomValues(2),
                        packed ? Storage::kFloatData : Storage::kUnpackedFloatData);
    builder.graph().mutable_initializer(0)->set_raw_data(std::string(8, '\1'));
    EXPECT_THAT(Refusal(builder), AllOf(HasSubstr("tensor 'w'"), HasSubstr("twice")));
  }
}

TEST(LoaderRefuses, DataTwiceAsNumbersOfTwoTypes) {
  for (const DataType type : {DataType::kFloat, DataType::kDouble, DataType::kFloat16, DataType::kBfloat16}) {
    ModelBuilder builder;
    builder.Initializer("w", {2}, RandomValues(2));
    onnx::TensorProto& tensor = *builder.graph().mutable_initializer(0);
    tensor.clear_raw_data();
    tensor.set_data_type(static_cast<std::int32_t>(type));
    for (int i = 0; i < 2; ++i) {
      if (type == DataType::kFloat) tensor.add_float_data(1);
      if (type == DataType::kDouble) tensor.add_double_data(1);
      if (type == DataType::kFloat16 || type == DataType::kBfloat16) tensor.add_int32_data(1);
    }
    MemoryFileSystem files;
    EXPECT_NO_THROW(static_cast<void>(LoadBytes(files, builder.model().SerializeAsString())));
    tensor.add_uint64_data(1);
    EXPECT_THAT(Refusal(builder), AllOf(HasSubstr("tensor 'w'"), HasSubstr("twice"))) << DataTypeName(type);
  }
}

// Where protobuf finds a field twice that there can be once, both are one message.
TEST(Loader, ATensorInPiecesIsOne) {
  const auto model_of = [](const onnx::TensorProto& second) {
    ModelBuilder builder;
    onnx::AttributeProto& attribute = *builder.Node("Constant", {}, {"c"}, "constant").add_attribute();
    attribute.set_name("value");
    attribute.set_type(onnx::AttributeProto::TENSOR);
    attribute.mutable_t()->add_dims(2);
    attribute.mutable_t()->set_name("w");
    attribute.mutable_t()->set_raw_data(Bytes({1, 2}));
    attribute.GetReflection()
        ->MutableUnknownFields(&attribute)
        ->AddLengthDelimited(onnx::AttributeProto::kTFieldNumber, second.SerializeAsString());
    return builder.model().SerializeAsString();
  };
  onnx::TensorProto second;
  second.set_data_type(onnx::TensorProto::FLOAT);
  MemoryFileSystem files;
  const Model model = LoadBytes(files, model_of(second));
  ASSERT_EQ(model.tensors().size(), 1U);
  EXPECT_EQ(model.tensors()[0].type, DataType::kFloat);
  EXPECT_EQ(model.tensors()[0].elements, 2U);
  EXPECT_EQ(model.tensors()[0].source.range.length, 8U);

  second.add_dims(3);
  EXPECT_THAT(Refusal(model_of(second)), AllOf(HasSubstr("tensor 'w'"), HasSubstr("shape [2, 3]")));
}

// On a real file system, where links and folders are.
TEST(LoaderRefuses, DataOutsideTheFolderOfTheModel) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "models/sub");
  testing::WriteFile(folder / "secret", std::string(12, 's'));
  testing::WriteFile(folder / "models/data", std::string(12, 's'));
  std::filesystem::create_symlink("../secret", folder / "models/link");
  std::filesystem::create_symlink("data", folder / "models/good_link");
  std::filesystem::create_hard_link(folder / "secret", folder / "models/hard");
  std::filesystem::permissions(folder / "models", std::filesystem::perms(0777));  // anybody can have made it
  const auto file_system = MakePosixFileSystem();
  const auto load = [&](const std::string& location) {
    ModelBuilder builder;
    auto& tensor = *builder.graph().add_initializer();
    tensor.set_name("w");
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(3);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    ExternalModel::Entry(tensor, "location", location);
    builder.Save(folder / "models/m.onnx");
    return Model::Load(*file_system, folder / "models/m.onnx").files().size();
  };
  EXPECT_EQ(load("data"), 2U);
  EXPECT_EQ(load("good_link"), 2U);
  for (const std::string& location :
       {std::string("../secret"), (folder / "secret").native(), std::string("link"), std::string("hard"),
        std::string("sub"), std::string("sub/../../secret"), std::string("data\0", 5)}) {
    try {
      load(location);
      ADD_FAILURE() << location << " was taken";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("tensor 'w': its external data")) << location;
    }
  }
}

// ---------------------------------------------------------------- names, nodes, graphs

TEST(LoaderGraph, ValuesNodesAndUses) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 2}).Input("d", {2, 2}).Output("y", {2, 2}).Output("w", {2, 2});
  builder.Initializer("w", {2, 2}, RandomValues(4)).Initializer("d", {2, 2}, RandomValues(4));
  testing::SetTensor(builder.Node("Constant", {}, {"c"}, "constant"), "value", {2, 2}, RandomValues(4));
  builder.Node("MatMul", {"x", "w"}, {"t"}, "first");
  builder.Node("Add", {"t", "", "nowhere", "w"}, {"y"}, "second").set_domain("ai.onnx");
  builder.Node("Other", {"c", "c"}, {"", "o"}).set_domain("com.example");
  auto& import = *builder.model().add_opset_import();
  import.set_domain("com.example");
  import.set_version(3);
  MemoryFileSystem files;
  const Model model = Load(files, builder);

  EXPECT_EQ(model.onnx_opset(), 17);
  ASSERT_EQ(model.opsets().size(), 2U);
  EXPECT_EQ(model.opsets()[1].domain, "com.example");
  ASSERT_EQ(model.graphs().size(), 1U);
  EXPECT_EQ(model.graphs()[0].parent, kNone);
  EXPECT_EQ(model.graphs()[0].owner, kNone);

  ASSERT_EQ(model.nodes().size(), 4U);
  const Node& second = model.nodes()[2];
  EXPECT_EQ(second.name, "second");
  EXPECT_EQ(second.op_type, "Add");
  EXPECT_EQ(second.domain, "") << "ai.onnx under its other name";
  EXPECT_THAT(second.inputs, ElementsAre("t", "", "nowhere", "w"));
  EXPECT_THAT(second.outputs, ElementsAre("y"));
  ASSERT_EQ(second.input_values.size(), 4U);
  EXPECT_EQ(model.values()[second.input_values[0]].name, "t");
  EXPECT_EQ(second.input_values[1], kNone);
  EXPECT_EQ(second.input_values[2], kNone);
  EXPECT_EQ(model.nodes()[3].domain, "com.example");

  EXPECT_TRUE(FindValue(model, "x").is_graph_input);
  EXPECT_FALSE(FindValue(model, "x").is_initializer);
  EXPECT_EQ(FindValue(model, "t").producer, 1U);
  EXPECT_EQ(FindValue(model, "x").producer, kNone);
  EXPECT_TRUE(FindValue(model, "w").is_initializer);
  EXPECT_FALSE(FindValue(model, "w").is_graph_input);
  EXPECT_TRUE(FindValue(model, "d").is_initializer && FindValue(model, "d").is_graph_input);
  for (const Value& value : model.values()) {
    EXPECT_FALSE(value.name.empty()) << "an output left out is no value";
  }

  EXPECT_EQ(FindValue(model, "w").uses, 3U) << "two nodes, and an output of the graph";
  EXPECT_EQ(FindValue(model, "c").uses, 2U) << "twice by one node";
  EXPECT_EQ(FindValue(model, "d").uses, 0U);
  EXPECT_EQ(FindValue(model, "y").uses, 1U);
}

TEST(LoaderGraph, ConstantNodesAreConstants) {
  ModelBuilder builder;
  testing::SetTensor(builder.Node("Constant", {}, {"c"}), "value", {2}, RandomValues(2));
  testing::SetTensor(builder.Node("Constant", {}, {"other_domain"}), "value", {2}, RandomValues(2));
  builder.graph().mutable_node(1)->set_domain("com.example");
  testing::SetFloat(builder.Node("Constant", {}, {"scalar"}), "value_float", 2);
  auto& floats = *builder.Node("Constant", {}, {"vector"}).add_attribute();
  floats.set_name("value_floats");
  floats.set_type(onnx::AttributeProto::FLOATS);
  for (const float number : {1.0F, 2.0F, 3.0F}) floats.add_floats(number);
  testing::SetTensor(builder.Node("ConstantOfShape", {"s"}, {"filled"}), "value", {1}, RandomValues(1));
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  const Value& constant = FindValue(model, "c");
  ASSERT_NE(constant.tensor, kNone);
  EXPECT_EQ(constant.producer, 0U);
  EXPECT_FALSE(constant.is_initializer);
  EXPECT_EQ(model.tensors()[constant.tensor].name, "c");
  ASSERT_NE(FindValue(model, "scalar").tensor, kNone);
  EXPECT_THAT(model.tensors()[FindValue(model, "scalar").tensor].dims, ::testing::IsEmpty());
  ASSERT_NE(FindValue(model, "vector").tensor, kNone);
  EXPECT_THAT(model.tensors()[FindValue(model, "vector").tensor].dims, ::testing::ElementsAre(3));
  for (const char* name : {"other_domain", "filled"}) EXPECT_EQ(FindValue(model, name).tensor, kNone) << name;
}

TEST(LoaderGraph, AConstantOfNoFloatsHasItsPlaceToo) {
  ModelBuilder builder;
  builder.Node("Constant", {}, {"c"}).add_attribute()->set_name("value_floats");
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  ASSERT_EQ(model.tensors().size(), 1U);
  ASSERT_LT(model.tensors()[0].source.file, model.files().size());
  EXPECT_EQ(ReadTensor(model, model.tensors()[0]), "");
}

TEST(LoaderGraph, NamesAreDefinedOnce) {
  const std::pair<const char*, std::function<void(ModelBuilder&)>> kTwice[] = {
      {"input", [](auto& builder) { builder.Input("input", {1}); }},
      {"input", [](auto& builder) { builder.Node("Op", {}, {"input"}); }},
      {"inner",
       [](auto& builder) {
         auto& body = SetGraph(builder.Node("If", {"input"}, {"y"}), "then_branch");
         for (int i = 0; i < 2; ++i) body.add_initializer()->set_name("inner");
       }},
      {"tensor", [](auto& builder) { builder.Node("Op", {}, {"tensor"}); }},
      {"tensor",
       [](auto& builder) { builder.graph().add_sparse_initializer()->mutable_values()->set_name("tensor"); }},
      {"output", [](auto& builder) { builder.Node("Op", {}, {"output"}); }},
      {"both",
       [](auto& builder) {
         builder.Node("Op", {}, {"both", "both"});
       }},
  };
  const auto load = [](const std::function<void(ModelBuilder&)>& change) {
    ModelBuilder builder;
    builder.Input("input", {1}).Input("default", {1});
    builder.Initializer("tensor", {1}, RandomValues(1)).Initializer("default", {1}, RandomValues(1));
    builder.Node("Op", {}, {"output"});
    change(builder);
    MemoryFileSystem files;
    static_cast<void>(Load(files, builder));
  };
  EXPECT_NO_THROW(load([](auto&) {})) << "an input may have an initializer as its default";
  for (const auto& twice : kTwice) {
    EXPECT_THAT([&] { load(twice.second); },
                ::testing::ThrowsMessage<Error>(
                    HasSubstr("tensor '" + std::string(twice.first) + "' is defined twice")));
  }
}

TEST(LoaderGraph, BodiesSeeWhatIsAroundThemAndHideIt) {
  ModelBuilder builder;
  builder.Input("x", {2})
      .Initializer("w", {2}, RandomValues(2))
      .Initializer("hidden", {2}, RandomValues(2, 2));
  auto& branch = builder.Node("If", {"x"}, {"y"}, "if");
  auto& then_graph = SetGraph(branch, "then_branch");
  auto& loop = *then_graph.add_node();
  loop.set_op_type("Loop");
  loop.add_input("w");
  loop.add_output("l");
  auto& hidden = *then_graph.add_initializer();
  hidden.set_name("hidden");
  hidden.set_data_type(onnx::TensorProto::FLOAT);
  hidden.add_dims(1);
  hidden.add_float_data(3);
  then_graph.add_output()->set_name("w");  // a value of the graph around it
  auto& body = SetGraph(loop, "body");
  body.add_input()->set_name("x");  // hides the main graph's
  auto& node = *body.add_node();
  node.set_op_type("Op");
  for (const char* name : {"x", "w", "hidden", "late"}) node.add_input(name);
  node.add_output("out");
  auto& else_graph = SetGraph(branch, "else_branch");
  auto& other = *else_graph.add_node();
  other.set_op_type("Op");
  for (const char* name : {"l", "hidden"}) other.add_input(name);
  builder.Node("Op", {"x"}, {"late"});

  MemoryFileSystem files;
  const Model model = Load(files, builder);
  ASSERT_EQ(model.graphs().size(), 4U);
  EXPECT_EQ(model.graphs()[1].parent, 0U);
  EXPECT_EQ(model.nodes()[model.graphs()[1].owner].name, "if");
  EXPECT_EQ(model.graphs()[2].parent, 1U);
  EXPECT_EQ(model.nodes()[model.graphs()[2].owner].op_type, "Loop");
  EXPECT_EQ(model.graphs()[3].parent, 0U);

  const auto find_node = [&](GraphId graph) -> const Node& {
    return *std::ranges::find_if(model.nodes(), [graph](const Node& n) { return n.graph == graph; });
  };
  const Node& inner = find_node(2);
  ASSERT_EQ(inner.input_values.size(), 4U);
  EXPECT_EQ(model.values()[inner.input_values[0]].graph, 2U);
  EXPECT_EQ(model.values()[inner.input_values[1]].graph, 0U);
  EXPECT_EQ(model.values()[inner.input_values[2]].graph, 1U);
  EXPECT_EQ(model.tensors()[model.values()[inner.input_values[2]].tensor].dims.size(), 1U);
  EXPECT_EQ(model.values()[inner.input_values[3]].name, "late") << "defined behind the node with the body";
  const Node& sibling = find_node(3);
  EXPECT_EQ(sibling.input_values[0], kNone) << "a value of the other branch";
  EXPECT_EQ(model.values()[sibling.input_values[1]].graph, 0U);

  EXPECT_EQ(FindValue(model, "w").uses, 3U) << "the Loop, a node in its body, an output of the branch";
  EXPECT_EQ(FindValue(model, "hidden").uses, 1U);
  EXPECT_EQ(FindValue(model, "hidden", 1).uses, 1U);
}

TEST(LoaderGraph, Attributes) {
  ModelBuilder builder;
  auto& node = builder.Node("Gemm", {"a", "b"}, {"y"});
  testing::SetInt(node, "transB", 1);
  testing::SetFloat(node, "alpha", 0.5F);
  builder.Node("Gemm", {"a", "b"}, {"z"});
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_EQ(model.IntAttribute(model.nodes()[0], "transB", 0), 1);
  EXPECT_EQ(model.IntAttribute(model.nodes()[0], "transA", 7), 7);
  EXPECT_EQ(model.IntAttribute(model.nodes()[0], "alpha", 7), 7) << "of another type";
  EXPECT_EQ(model.FloatAttribute(model.nodes()[0], "alpha", 1), 0.5F);
  EXPECT_EQ(model.FloatAttribute(model.nodes()[0], "beta", 2), 2.0F);
  EXPECT_EQ(model.IntAttribute(model.nodes()[1], "transB", 0), 0);
}

TEST(LoaderGraph, AllNames) {
  ModelBuilder builder;
  builder.Input("x", {1}).Initializer("w", {1}, RandomValues(1));
  auto& branch = builder.Node("If", {"nowhere"}, {"y"}, "branch");
  auto& inner = *SetGraph(branch, "then_branch").add_node();
  inner.set_name("inner_node");
  inner.add_output("inner_value");
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  const auto names = model.AllNames();
  for (const char* name : {"x", "w", "nowhere", "y", "branch", "inner_node", "inner_value"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
}

TEST(LoaderGraph, AnEmptyGraph) {
  ModelBuilder builder;
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_TRUE(model.nodes().empty());
  EXPECT_TRUE(model.values().empty());
  EXPECT_TRUE(model.tensors().empty());
  EXPECT_EQ(model.files().size(), 1U);
}

TEST(LoaderGraph, NodesInAnyOrder) {
  ModelBuilder builder;
  builder.Node("Op", {"later"}, {"sooner"});
  builder.Node("Op", {}, {"later"});
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_EQ(model.values()[model.nodes()[0].input_values[0]].producer, 1U);
}

TEST(LoaderRefuses, NodesThatNeedThemselves) {
  ModelBuilder itself;
  itself.Node("Op", {"a"}, {"a"}, "itself");
  EXPECT_THAT(Refusal(itself), AllOf(HasSubstr("node 'itself' (Op)"), HasSubstr("needs its own output")));

  ModelBuilder circle;
  circle.Node("Op", {"d", "x"}, {"after"}, "after the circle");
  circle.Node("Op", {"x"}, {"a"}, "before it");
  circle.Node("Op", {"a", "d"}, {"b"}, "in it");
  circle.Node("Op", {"b"}, {"c"}, "in it");
  circle.Node("Op", {"c", "a"}, {"d"}, "in it");
  EXPECT_THAT(Refusal(circle), HasSubstr("node 'in it' (Op)"));

  // The body of one node reads what comes of another, which needs the first.
  ModelBuilder body;
  auto& branch = body.Node("If", {"c"}, {"y"}, "if");
  auto& inner = *SetGraph(branch, "then_branch").add_node();
  inner.set_op_type("Op");
  inner.add_input("z");
  inner.add_output("w");
  body.Node("Op", {"y"}, {"z"}, "back");
  EXPECT_THAT(Refusal(body), HasSubstr("needs its own output"));
  // Without that, no circle: two nodes may share an input, and a body may read it too.
  body.graph().mutable_node(1)->set_input(0, "c");
  MemoryFileSystem files;
  EXPECT_EQ(Load(files, body).nodes().size(), 3U);
}

TEST(LoaderGraph, NodesOfFunctionsAreNotOfTheGraph) {
  ModelBuilder builder;
  builder.Node("f", {"x"}, {"y"}).set_domain("local");
  auto& function = *builder.model().add_functions();
  function.set_name("f");
  auto& constant = *function.add_node();
  constant.set_op_type("Constant");
  constant.add_output("c");
  testing::SetTensor(constant, "value", {4}, RandomValues(4));
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_EQ(model.nodes().size(), 1U);
  ASSERT_EQ(model.tensors().size(), 1U) << "its weight is known all the same, for it has to be copied";
  EXPECT_EQ(ReadTensor(model, model.tensors()[0]), Bytes(RandomValues(4)));
}

// ---------------------------------------------------------------- damage

TEST(LoaderRefuses, RandomDamageWithoutEverCrashing) {
  ModelBuilder builder;
  builder.Input("x", {2, 8}).Output("y", {2, 8});
  builder.Initializer("w", {8, 8}, RandomValues(64))
      .Initializer("f", {8}, RandomValues(8), Storage::kUnpackedFloatData);
  builder.Int64Initializer("shape", {2}, {2, 8});
  auto& external = *builder.graph().add_initializer();
  external.set_name("e");
  external.set_data_type(onnx::TensorProto::FLOAT);
  external.add_dims(8);
  external.set_data_location(onnx::TensorProto::EXTERNAL);
  ExternalModel::Entry(external, "location", "d");
  ExternalModel::Entry(external, "offset", "16");
  ExternalModel::Entry(external, "length", "32");
  builder.Node("MatMul", {"x", "w"}, {"t"}, "matmul");
  auto& branch = builder.Node("If", {"t"}, {"y"}, "if");
  auto& inner = *SetGraph(branch, "then_branch").add_node();
  inner.set_op_type("Gemm");
  for (const char* name : {"t", "w", "e"}) inner.add_input(name);
  inner.add_output("y");
  const std::string whole = builder.model().SerializeAsString();

  std::mt19937 random(7);
  int loaded = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      if (random() % 2 == 0) {
        bytes[at] = static_cast<char>(random());
      } else {
        bytes[at] = static_cast<char>(bytes[at] + (random() % 2 == 0 ? 1 : -1));
      }
    }
    MemoryFileSystem files;
    files.AddZeros("models/d", 48);
    try {
      const Model model = LoadBytes(files, bytes);
      for (const Tensor& tensor : model.tensors()) {
        ASSERT_LT(tensor.source.file, model.files().size());
        ASSERT_TRUE(tensor.source.range.Within(model.files()[tensor.source.file].identity.size));
      }
      ++loaded;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
    }
  }
  EXPECT_GT(loaded, 300);
  EXPECT_LT(loaded, 2900);
}

}  // namespace
}  // namespace qi8
