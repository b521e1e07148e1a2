#include "compare/npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A file as NumPy writes it.
[[nodiscard]] std::string Npy(const std::string& header, const std::string& data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  const int bytes = version == 1 ? 2 : 4;
  for (int i = 0; i < bytes; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xFFU);
  return file + header + data;
}

[[nodiscard]] std::string Header(const std::string& type, const std::string& shape,
                                 const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }      \n";
}

class NpyTest : public ::testing::Test {
 protected:
  [[nodiscard]] runtime::Tensor Read(const std::string& bytes) {
    testing::WriteFile(folder_ / "x.npy", bytes);
    return ReadNpy(*MakePosixFileSystem(), folder_ / "x.npy");
  }
  void ExpectError(const std::string& bytes, const std::string& words) {
    try {
      static_cast<void>(Read(bytes));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr("x.npy"));
    }
  }
  testing::TempFolder folder_;
};

TEST_F(NpyTest, ReadsFloats) {
  const std::vector<float> values = {1, -2, 0.5F, 4, 5, 6};
  const std::string data(reinterpret_cast<const char*>(values.data()), 24);
  for (const char version : {'\x01', '\x02', '\x03'}) {
    const auto tensor = Read(Npy(Header("<f4", "(2, 3)"), data, version));
    EXPECT_EQ(tensor.type, DataType::kFloat);
    EXPECT_THAT(tensor.shape, ElementsAre(2, 3));
    EXPECT_THAT(tensor.As<float>(), ::testing::ElementsAreArray(values));
  }
}

TEST_F(NpyTest, ReadsEveryTypeAndRank) {
  EXPECT_EQ(Read(Npy(Header("<i8", "()"), "12345678")).type, DataType::kInt64);
  EXPECT_THAT(Read(Npy(Header("<i8", "()"), "12345678")).shape, IsEmpty());
  EXPECT_THAT(Read(Npy(Header("|u1", "(4,)"), "abcd")).shape, ElementsAre(4));
  EXPECT_EQ(Read(Npy(Header("<f2", "(1,)"), "ab")).type, DataType::kFloat16);
  EXPECT_EQ(Read(Npy(Header("|b1", "(0, 3)"), "")).type, DataType::kBool);
  EXPECT_EQ(Read(Npy("{'shape': (1,), 'fortran_order': False, 'descr': '<i2'}", "ab")).type,
            DataType::kInt16);
}

TEST_F(NpyTest, RefusesOtherFiles) {
  ExpectError("", "not a .npy file");
  ExpectError(std::string(80, 'x'), "does not begin with NumPy's mark");
  ExpectError(Npy(Header("<f4", "(1,)"), "1234", 4), "format 4");
  ExpectError(Npy(Header("<f4", "(1,)"), "1234").substr(0, 40), "longer than the file");
  std::string huge = Npy(Header("<f4", "(1,)"), "1234", 2);
  huge[11] = '\x7f';
  ExpectError(huge, "longer than the file or than any in use");
}

TEST_F(NpyTest, RefusesOtherArrays) {
  ExpectError(Npy(Header(">f4", "(1,)"), "1234"), "type '>f4'");
  ExpectError(Npy(Header("|O", "(1,)"), "1234"), "type '|O'");
  ExpectError(Npy(Header("<f4", "(1,)", "True"), "1234"), "Fortran order");
  ExpectError(Npy(Header("<f4", "(2,)"), "1234"), "[2] does not fit its 4 bytes");
  ExpectError(Npy(Header("<f4", "(-1,)"), "1234"), "does not fit");
  ExpectError(Npy(Header("<f4", "(9223372036854775807, 4)"), "1234"), "does not fit");
}

TEST_F(NpyTest, RefusesHeadersThatAreNone) {
  for (const std::string header :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1}", "{'descr': [('a', '<f4')]}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f4"}) {
    ExpectError(Npy(header, "1234"), "not that of an array of numbers");
  }
  std::string dims = "(";
  for (int i = 0; i < 1000; ++i) dims += "1, ";
  ExpectError(Npy(Header("<f4", dims + ")"), "1234"), "not that of an array of numbers");
}

}  // namespace
}  // namespace qi8::compare
