#include "model/repeated_initializers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/model.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MemoryFileSystem;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::Storage;
using ::testing::ThrowsMessage;

[[nodiscard]] Model Load(MemoryFileSystem& files, ModelBuilder& builder) {
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

// The same name, twice, with numbers of these seeds.
[[nodiscard]] ModelBuilder Twice(std::int64_t size, std::uint32_t first_seed, std::uint32_t last_seed,
                                 Storage storage) {
  const auto count = static_cast<std::size_t>(size);
  ModelBuilder builder;
  builder.Initializer("w", {size}, RandomValues(count, first_seed), storage);
  builder.Initializer("other", {1}, RandomValues(1));
  builder.Initializer("w", {size}, RandomValues(count, last_seed), storage);
  builder.Node("Op", {"w", "other"}, {"y"});
  return builder;
}

TEST(RepeatedInitializers, TheLastOfSmallOnesCounts) {
  ModelBuilder builder = Twice(31, 1, 2, Storage::kRawData);
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  ASSERT_EQ(model.tensors().size(), 2U);
  EXPECT_EQ(model.tensors()[1].name, "w");
  EXPECT_EQ(model.values()[model.nodes()[0].input_values[0]].tensor, 1U);
  EXPECT_THAT(model.warnings(), ElementsAre(HasSubstr("initializer 'w' is defined more than once")));
}

// A shape, twice, of so many numbers of a byte each in the file, and of eight in memory.
[[nodiscard]] ModelBuilder TwoShapes(int count) {
  ModelBuilder builder;
  for (const std::int64_t number : {8, 9}) {
    auto& shape = *builder.graph().add_initializer();
    shape.set_name("shape");
    shape.set_data_type(onnx::TensorProto::INT64);
    shape.add_dims(count);
    for (int i = 0; i < count; ++i) shape.add_int64_data(number);
  }
  builder.Node("Op", {"shape"}, {"y"});
  return builder;
}

TEST(RepeatedInitializers, TheLastIntegersCount) {
  ModelBuilder builder = TwoShapes(15);
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_EQ(model.IntegerConstant(model.nodes()[0].input_values[0]), std::vector<std::int64_t>(15, 9));
}

TEST(RepeatedInitializers, AreLargeByTheirSizeInMemory) {
  ModelBuilder builder = TwoShapes(16);
  MemoryFileSystem files;
  EXPECT_THAT([&] { static_cast<void>(Load(files, builder)); },
              ThrowsMessage<Error>(HasSubstr("with different numbers")));
}

TEST(RepeatedInitializers, LargeOnesMustBeTheSame) {
  for (const Storage storage : {Storage::kRawData, Storage::kUnpackedFloatData}) {
    MemoryFileSystem files;
    ModelBuilder same = Twice(100'000, 1, 1, storage);
    EXPECT_EQ(Load(files, same).tensors().size(), 2U);
    ModelBuilder different = Twice(100'000, 1, 2, storage);
    EXPECT_THAT([&] { static_cast<void>(Load(files, different)); },
                ThrowsMessage<Error>(HasSubstr("initializer 'w' is defined twice, with different numbers")));
    ModelBuilder longer = Twice(100, 1, 1, storage);
    longer.Initializer("w", {101}, RandomValues(101), storage);
    EXPECT_THAT([&] { static_cast<void>(Load(files, longer)); },
                ThrowsMessage<Error>(HasSubstr("defined twice")));
  }
}

TEST(RepeatedInitializers, OfExternalDataTheLastCounts) {
  ModelBuilder builder = Twice(100, 1, 2, Storage::kExternal);
  const testing::TempFolder folder;
  builder.Save(folder / "m.onnx");
  const auto file_system = MakePosixFileSystem();
  const Model model = Model::Load(*file_system, folder / "m.onnx");
  ASSERT_EQ(model.tensors().size(), 2U);
  EXPECT_GT(model.tensors()[1].source.range.offset, 0U);
}

}  // namespace
}  // namespace qi8
