#include "app/preflight.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "qi8/error.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::ModelBuilder;
using qi8::testing::RandomValues;
using qi8::testing::Storage;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] QuantizeOptions FromTo(const fs::path& input, const fs::path& output) {
  QuantizeOptions options;
  options.input = input;
  options.output = output;
  return options;
}

TEST(PathsOf, ArePutBesideTheOutput) {
  const OutputPaths paths = PathsOf(FromTo("in/m.onnx", "out/q.onnx"));
  EXPECT_EQ(paths.model, "out/q.onnx");
  EXPECT_EQ(paths.data, "out/q.onnx.data");
  EXPECT_EQ(paths.checksums, "out/q.onnx.sha256");
  EXPECT_EQ(paths.audit_log.path, "out/quantization_log.jsonl");
  EXPECT_EQ(FolderOf(paths.model), "out");
  EXPECT_EQ(paths.data_location(), "q.onnx.data");
}

TEST(PathsOf, MayBeInTheCurrentFolder) {
  const OutputPaths paths = PathsOf(FromTo("m.onnx", "q.onnx"));
  EXPECT_EQ(paths.audit_log.path, "quantization_log.jsonl");
  EXPECT_EQ(FolderOf(paths.model), ".");
  EXPECT_EQ(paths.data_location(), "q.onnx.data");
}

TEST(PathsOf, AreWhatTheOptionsSay) {
  QuantizeOptions options = FromTo("m.onnx", "q.onnx");
  options.checksum_file = "all/SUMS";
  options.audit_log = "state/log";
  const OutputPaths paths = PathsOf(options);
  EXPECT_EQ(paths.checksums, "all/SUMS");
  EXPECT_EQ(paths.audit_log.path, "state/log");
}

class PreflightTest : public ::testing::Test {
 protected:
  PreflightTest() {
    fs::create_directory(folder_ / "in");
    fs::create_directory(folder_ / "out");
    ModelBuilder builder;
    builder.Initializer("w", {16, 16}, RandomValues(256), Storage::kExternal)
        .Initializer("few", {1}, RandomValues(1),
                     Storage::kUnpackedFloatData);  // lies in memory, under the model's name
    builder.Save(input());
  }

  [[nodiscard]] fs::path input() const { return folder_ / "in" / "m.onnx"; }

  void Check(const QuantizeOptions& options, std::uint64_t bytes_needed = 1000) {
    const Model model = Model::Load(*file_system_, input());
    PreflightPlaces(*file_system_, model, PathsOf(options));
    PreflightOutputs(*file_system_, PathsOf(options), options.replace_output, bytes_needed);
  }

  [[nodiscard]] std::string FailureOf(const QuantizeOptions& options, std::uint64_t bytes_needed = 1000) {
    const auto before = folder_.Listing();
    try {
      Check(options, bytes_needed);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailure);
      EXPECT_EQ(folder_.Listing(), before);
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  [[nodiscard]] QuantizeOptions Options(const fs::path& output) const { return FromTo(input(), output); }

  // An output of an earlier run, as far as can be seen, and its data.
  static void WriteOutput(const fs::path& path) {
    ModelBuilder builder;
    builder.Initializer("w", {16, 16}, RandomValues(256), Storage::kExternal);
    auto& property = *builder.model().add_metadata_props();
    property.set_key("quantize-int8.version");
    property.set_value("0.1.0");
    builder.Save(path);
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PreflightTest, PassesWhereAllIsWell) {
  const auto before = folder_.Listing();
  Check(Options(folder_ / "out" / "q.onnx"));
  Check(Options(folder_ / "in" / "q.onnx"));  // beside the input
  EXPECT_EQ(folder_.Listing(), before);
}

TEST_F(PreflightTest, WantsTheFolder) {
  EXPECT_THAT(FailureOf(Options(folder_ / "missing" / "q.onnx")),
              AllOf(HasSubstr("/missing/q.onnx'"), HasSubstr("there is no folder"), HasSubstr("make it")));
  WriteFile(folder_ / "file", "");
  EXPECT_THAT(FailureOf(Options(folder_ / "file" / "q.onnx")), HasSubstr("there is no folder"));
}

TEST_F(PreflightTest, WantsNoFolderInTheWay) {
  for (const std::string name : {"q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"}) {
    fs::create_directory(folder_ / "out" / name);
    QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
    options.replace_output = true;
    EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/" + name + "'"), HasSubstr("it is a folder")));
    fs::remove(folder_ / "out" / name);
  }
}

TEST_F(PreflightTest, NeverReplacesTheModelItReads) {
  fs::create_symlink(input(), folder_ / "symlink.onnx");
  fs::create_hard_link(input(), folder_ / "hard.onnx");
  fs::create_directory_symlink(folder_ / "in", folder_ / "folder-link");
  for (const fs::path& output :
       {input(), folder_ / "in" / "." / "m.onnx", folder_ / "out" / ".." / "in" / "m.onnx",
        folder_ / "symlink.onnx", folder_ / "hard.onnx", folder_ / "folder-link" / "m.onnx"}) {
    QuantizeOptions options = Options(output);
    options.replace_output = true;  // --force does not mean the input
    EXPECT_THAT(FailureOf(options),
                AllOf(HasSubstr(output.native()), HasSubstr("is the input file"), HasSubstr("another name")));
  }
}

TEST_F(PreflightTest, NeverReplacesTheDataItReads) {
  const fs::path data = folder_ / "in" / "m.onnx.data";
  fs::create_symlink(data, folder_ / "out" / "q.onnx.data");
  QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
  options.replace_output = true;
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx.data'"), HasSubstr("is the input file")));
  fs::remove(folder_ / "out" / "q.onnx.data");
  Check(options);

  options.checksum_file = data;
  EXPECT_THAT(FailureOf(options), HasSubstr("is the input file"));
  options.checksum_file.reset();
  options.audit_log = input();
  EXPECT_THAT(FailureOf(options), HasSubstr("is the input file"));
}

TEST_F(PreflightTest, ReplacesAnOutputOnlyWhenTold) {
  WriteOutput(folder_ / "out" / "q.onnx");
  QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx'"), HasSubstr("exists"), HasSubstr("--force")));
  options.replace_output = true;
  Check(options);
  fs::remove(folder_ / "out" / "q.onnx");
  options.replace_output = false;
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx.data'"), HasSubstr("exists")));
}

// A model that this program wrote says so, and names its data file.
TEST_F(PreflightTest, ReplacesOnlyWhatItWrote) {
  const fs::path output = folder_ / "out" / "q.onnx";
  QuantizeOptions options = Options(output);
  options.replace_output = true;
  fs::copy(input(), output);
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx'"), HasSubstr("was not written by quantize-int8"),
                                        HasSubstr("remove it")))
      << "an FP32 model";
  for (const std::string text : {"", "notes", "\x0a\x01"}) {
    WriteFile(output, text);
    EXPECT_THAT(FailureOf(options), HasSubstr("was not written by quantize-int8"));
  }
  fs::remove(output);
  WriteFile(folder_ / "out" / "q.onnx.data", "precious");
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx.data'"), HasSubstr("no model beside it")));

  ModelBuilder inside;
  inside.Initializer("w", {16, 16}, RandomValues(256));
  auto& property = *inside.model().add_metadata_props();
  property.set_key("quantize-int8.version");
  property.set_value("0.1.0");
  inside.Save(output);
  EXPECT_THAT(FailureOf(options), AllOf(HasSubstr("/q.onnx.data'"), HasSubstr("is not the data of")))
      << "a model that has its weights inside";
}

TEST_F(PreflightTest, AddsLinesOnlyToAChecksumFile) {
  QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
  options.checksum_file = folder_ / "out" / "SUMS";
  const std::string digest(64, 'a');
  for (const std::string text : {"", "# by hand\n\n", "SHA256 (x) = ", "D x"}) {
    std::string lines = text;
    if (lines == "SHA256 (x) = ") lines += digest + "\n";
    if (lines == "D x") lines = digest + "  x\r\n" + digest.substr(0, 32) + " *y\n\\" + digest + "  a\\nb\n";
    WriteFile(*options.checksum_file, lines);
    Check(options);
  }
  for (const std::string& text : {std::string("notes\n"), digest + "\n", digest + "  x\nnotes\n",
                                  std::string("\0\0", 2), digest.substr(1) + "g  x\n"}) {
    WriteFile(*options.checksum_file, text);
    EXPECT_THAT(FailureOf(options),
                AllOf(HasSubstr("/SUMS'"), HasSubstr("is not a checksum file"), HasSubstr("--checksums")));
  }
  WriteFile(*options.checksum_file, "");
  fs::resize_file(*options.checksum_file, (16ULL << 20U) + 1);
  EXPECT_THAT(FailureOf(options), HasSubstr("is larger than"));
}

TEST_F(PreflightTest, WantsALogThatItMayAppendTo) {
  fs::create_symlink("../in/m.onnx.data", folder_ / "out" / "quantization_log.jsonl");
  EXPECT_THAT(FailureOf(Options(folder_ / "out" / "q.onnx")), HasSubstr("is the input file"));
  fs::remove(folder_ / "out" / "quantization_log.jsonl");
  fs::create_symlink("nowhere", folder_ / "out" / "quantization_log.jsonl");
  EXPECT_THAT(FailureOf(Options(folder_ / "out" / "q.onnx")),
              AllOf(HasSubstr("/quantization_log.jsonl'"), HasSubstr("symbolic link to 'nowhere'")));
}

// Through a link, other files than those named would change; in its place, the link would be lost.
TEST_F(PreflightTest, NeverReplacesALink) {
  WriteFile(folder_ / "elsewhere", "old");
  for (const std::string target : {"../elsewhere", "nowhere"}) {
    for (const std::string name : {"q.onnx", "q.onnx.data", "q.onnx.sha256"}) {
      fs::create_symlink(target, folder_ / "out" / name);
      QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
      options.replace_output = true;
      EXPECT_THAT(FailureOf(options),
                  AllOf(HasSubstr("/" + name + "'"), HasSubstr("symbolic link to '" + target + "'")));
      fs::remove(folder_ / "out" / name);
    }
  }
}

// Its owner may have reasons to keep it elsewhere, and nothing but its own lines changes in it.
TEST_F(PreflightTest, ASharedChecksumFileIsReachedThroughItsLink) {
  WriteFile(folder_ / "real", "");
  fs::create_symlink(folder_ / "real", folder_ / "out" / "SUMS");
  QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
  options.checksum_file = folder_ / "out" / "SUMS";
  EXPECT_EQ(PathsOf(options).checksums, folder_ / "real");
  EXPECT_TRUE(PathsOf(options).shares_checksums());
  Check(options);
  options.checksum_file = folder_ / "out" / "." / "q.onnx.sha256";
  EXPECT_FALSE(PathsOf(options).shares_checksums());
}

TEST_F(PreflightTest, ChecksumFileAndLogMayExist) {
  WriteFile(folder_ / "out" / "q.onnx.sha256", "");
  WriteFile(folder_ / "out" / "quantization_log.jsonl", "");
  Check(Options(folder_ / "out" / "q.onnx"));
}

TEST_F(PreflightTest, WantsRoom) {
  EXPECT_THAT(FailureOf(Options(folder_ / "out" / "q.onnx"), 1ULL << 60U),
              AllOf(HasSubstr((folder_ / "out").native()), HasSubstr("free"), HasSubstr("1.15 EB")));
}

TEST_F(PreflightTest, WantsAFolderThatItMayWriteTo) {
  if (::geteuid() == 0) {
    // root may write anywhere: ask as somebody else.
    fs::permissions(folder_.path(), fs::perms(0755));
    fs::permissions(folder_ / "out", fs::perms(0755));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
      const std::string message = FailureOf(Options(folder_ / "out" / "q.onnx"));
      ::_exit(message.find("cannot write to folder") != std::string::npos ? 0 : 2);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return;
  }
  fs::permissions(folder_ / "out", fs::perms(0555));
  EXPECT_THAT(FailureOf(Options(folder_ / "out" / "q.onnx")),
              AllOf(HasSubstr("cannot write to folder"), HasSubstr((folder_ / "out").native())));
  fs::permissions(folder_ / "out", fs::perms(0755));
}

// Two of a run's files under one name would overwrite each other.
TEST_F(PreflightTest, WantsAFileOfItsOwnForEachOutput) {
  const fs::path output = folder_ / "out" / "q.onnx";
  const fs::path data = folder_ / "out" / "q.onnx.data";
  using Path = std::optional<fs::path>;
  for (const auto& [checksums, log] :
       std::vector<std::pair<Path, Path>>{{output, {}},
                                          {data, {}},
                                          {{}, output},
                                          {{}, data},
                                          {folder_ / "both", folder_ / "both"},
                                          {{}, folder_ / "out" / "." / "q.onnx"},
                                          {{}, folder_ / "out" / "q.onnx.sha256"}}) {
    QuantizeOptions options = Options(output);
    options.checksum_file = checksums;
    options.audit_log = log;
    EXPECT_THROW(Check(options), Error) << checksums.value_or("") << " " << log.value_or("");
  }
}

// Found here, and not when the outputs have their names.
TEST_F(PreflightTest, WantsTheFoldersOfChecksumFileAndLog) {
  QuantizeOptions options = Options(folder_ / "out" / "q.onnx");
  options.checksum_file = folder_ / "missing" / "SUMS";
  EXPECT_THROW(Check(options), Error);
  options.checksum_file.reset();
  options.audit_log = folder_ / "missing" / "log";
  EXPECT_THROW(Check(options), Error);
}

}  // namespace
}  // namespace qi8
