#include "compare/npz.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"
#include "support/npz_builder.hpp"

namespace qi8::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::NpyFile;
using testing::ZipFile;
using testing::ZipMember;

[[nodiscard]] std::string Three() { return NpyFile<float>("<f4", "(3,)", {1, -2, 0.5F}); }

void ReadAll(const std::string& bytes) {
  testing::MemoryFileSystem file_system;
  file_system.Add("x.npz", bytes);
  NpzFile file(file_system, "x.npz");
  for (std::size_t i = 0; i < file.names().size(); ++i) static_cast<void>(file.Read(i));
}

void ExpectError(const std::string& bytes, const std::string& words) {
  try {
    ReadAll(bytes);
    ADD_FAILURE() << "nothing was thrown; expected: " << words;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'x.npz'"));
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

TEST(NpzTest, ReadsStoredAndCompressedArrays) {
  testing::MemoryFileSystem file_system;
  file_system.Add("x.npz", ZipFile({{.name = "audio.npy", .bytes = Three()},
                                    {.name = "a/label.npy",
                                     .bytes = NpyFile<std::int64_t>("<i8", "(2, 1)", {7, 8}),
                                     .deflated = true}}));
  NpzFile file(file_system, "x.npz");
  EXPECT_THAT(file.names(), ElementsAre("audio", "a/label"));
  const auto label = file.Read(1);
  EXPECT_THAT(label.shape, ElementsAre(2, 1));
  EXPECT_THAT(label.As<std::int64_t>(), ElementsAre(7, 8));
  EXPECT_THAT(file.Read(0).As<float>(), ElementsAre(1, -2, 0.5F));
  EXPECT_THAT(file.Read(0).As<float>(), ElementsAre(1, -2, 0.5F));  // again
}

TEST(NpzTest, WhatIsNoArchiveOfArraysIsAnError) {
  ExpectError("", "it is not a .npz file");
  ExpectError(Three(), "it is not a .npz file");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three()}}).substr(40), "x.npz");
  ExpectError(ZipFile({{.name = "notes.txt", .bytes = "hello"}}),
              "it holds 'notes.txt', which is not an array");
  ExpectError(ZipFile({{.name = "folder/", .bytes = ""}}), "it holds 'folder/', which is not an array");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = "no array at all"}}), "array 'x': it is not a .npy file");
}

TEST(NpzTest, DamageIsFound) {
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .bad_checksum = true}}),
              "array 'x': it is damaged");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .deflated = true, .bad_checksum = true}}),
              "array 'x': it is damaged");
}

TEST(NpzTest, ArchivesMadeToDoHarmAreRefused) {
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .flags = 1}}), "'x.npy' is encrypted");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three()}, {.name = "x.npy", .bytes = Three()}}), "twice");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .method_instead = 12}}), "method 12");
  // Sizes that its bytes cannot have, and that they do not have.
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .deflated = true, .stated_size = 0xF0000000}}),
              "more than its");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .deflated = true, .stated_size = 1000}}),
              "array 'x'");
  ExpectError(ZipFile({{.name = "x.npy", .bytes = Three(), .deflated = true, .stated_size = 50}}),
              "array 'x'");
  std::vector<ZipMember> many;
  for (int i = 0; i < 5000; ++i) many.push_back({.name = std::to_string(i) + ".npy", .bytes = ""});
  ExpectError(ZipFile(many), "5,000 files");
}

}  // namespace
}  // namespace qi8::compare
