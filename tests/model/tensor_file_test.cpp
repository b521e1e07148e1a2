#include "model/tensor_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "model/proto.hpp"
#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TensorFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] TensorFile Read(const std::string& bytes) {
    WriteFile(folder_ / "input_0.pb", bytes);
    return ReadTensorFile(*MakePosixFileSystem(), folder_ / "input_0.pb");
  }
  [[nodiscard]] TensorFile Read(const onnx::TensorProto& tensor) { return Read(tensor.SerializeAsString()); }

  template <typename T>
  [[nodiscard]] std::vector<T> Elements(const onnx::TensorProto& tensor) {
    const TensorFile file = Read(tensor);
    std::vector<T> elements(file.data.size() / sizeof(T));
    std::memcpy(elements.data(), file.data.data(), file.data.size());
    return elements;
  }

  void ExpectError(const std::string& bytes, const std::string& words) {
    try {
      static_cast<void>(Read(bytes));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr("input_0.pb"));
    }
  }

  [[nodiscard]] static onnx::TensorProto Of(std::int32_t type, const std::vector<std::int64_t>& dims) {
    onnx::TensorProto tensor;
    tensor.set_name("x");
    tensor.set_data_type(type);
    for (const auto dim : dims) tensor.add_dims(dim);
    return tensor;
  }

  TempFolder folder_;
};

TEST_F(TensorFileTest, ReadsRawBytes) {
  auto tensor = Of(onnx::TensorProto::FLOAT, {1, 2});
  const std::vector<float> values = {1.5F, -2};
  tensor.set_raw_data(values.data(), 8);
  const TensorFile file = Read(tensor);
  EXPECT_EQ(file.name, "x");
  EXPECT_EQ(file.type, DataType::kFloat);
  EXPECT_THAT(file.dims, ElementsAre(1, 2));
  EXPECT_EQ(Elements<float>(tensor), values);
}

TEST_F(TensorFileTest, ReadsNumbersOfEveryField) {
  auto floats = Of(onnx::TensorProto::FLOAT, {1});
  floats.add_float_data(0.5F);
  EXPECT_THAT(Elements<float>(floats), ElementsAre(0.5F));
  auto doubles = Of(onnx::TensorProto::DOUBLE, {1});
  doubles.add_double_data(0.25);
  EXPECT_THAT(Elements<double>(doubles), ElementsAre(0.25));
  auto int64 = Of(onnx::TensorProto::INT64, {1});
  int64.add_int64_data(-5'000'000'000);
  EXPECT_THAT(Elements<std::int64_t>(int64), ElementsAre(-5'000'000'000));
  auto uint32 = Of(onnx::TensorProto::UINT32, {1});
  uint32.add_uint64_data(4'000'000'000);
  EXPECT_THAT(Elements<std::uint32_t>(uint32), ElementsAre(4'000'000'000U));
  auto half = Of(onnx::TensorProto::FLOAT16, {1});
  half.add_int32_data(0x3C00);
  EXPECT_THAT(Elements<std::uint16_t>(half), ElementsAre(0x3C00));
  auto int8 = Of(onnx::TensorProto::INT8, {2});
  int8.add_int32_data(-128);
  int8.add_int32_data(127);
  EXPECT_THAT(Elements<std::int8_t>(int8), ElementsAre(-128, 127));
}

TEST_F(TensorFileTest, RefusesWhatIsNoTensor) {
  ExpectError("", "no ONNX tensor");
  ExpectError("\xff\xff\xff", "no ONNX tensor");
  ExpectError(std::string(100, 'a'), "no ONNX tensor");
}

TEST_F(TensorFileTest, RefusesDataThatDoesNotFitItsShape) {
  auto tensor = Of(onnx::TensorProto::FLOAT, {3});
  tensor.set_raw_data("12345678");
  ExpectError(tensor.SerializeAsString(), "takes 12 bytes, but there are 8");
  ExpectError(Of(onnx::TensorProto::FLOAT, {-1}).SerializeAsString(), "negative or too large");
  ExpectError(Of(onnx::TensorProto::FLOAT, {INT64_MAX, 4}).SerializeAsString(), "negative or too large");
}

TEST_F(TensorFileTest, RefusesTypesThatNoModelCanBeGiven) {
  ExpectError(Of(onnx::TensorProto::STRING, {1}).SerializeAsString(), "type string");
  ExpectError(Of(99, {1}).SerializeAsString(), "type 99");
}

TEST_F(TensorFileTest, OpensNoOtherFile) {
  auto tensor = Of(onnx::TensorProto::FLOAT, {1});
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = tensor.add_external_data();
  entry->set_key("location");
  entry->set_value("/etc/passwd");
  ExpectError(tensor.SerializeAsString(), "keeps its data in another file");
}

}  // namespace
}  // namespace qi8::testing
