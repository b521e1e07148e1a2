// A whole run with each call to the file system failing in turn: nothing is lost, nothing is left, and the
// message says why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "app/quantize.hpp"
#include "hash/sha256.hpp"
#include "support/copying_optimizer.hpp"
#include "support/faulty_file_system.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/stride.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FaultyFileSystem;
using qi8::testing::FileCall;
using qi8::testing::MemoryFileSystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Listing = std::map<std::string, std::string>;

// What others keep in a checksum file that they share.
const std::string kOthersLine = std::string(64, '0') + "  somebody-elses.bin\n";

struct Case {
  std::string name;
  bool is_over_old;
  ExternalData external_data;
  std::optional<fs::path> checksums;
  Optimization optimize = Optimization::kOff;
};

class FaultsTest : public ::testing::TestWithParam<Case> {
 protected:
  FaultsTest() {
    testing::ModelBuilder builder;
    builder.Input("x", {2, 64}).Output("z", {2, 32});
    builder.Initializer("w", {64, 64}, testing::RandomValues(64 * 64), testing::Storage::kExternal);
    builder.Initializer("v", {64, 32}, testing::RandomValues(64 * 32));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "first");
    builder.Node("MatMul", {"y", "v"}, {"z"}, "second");
    const testing::TempFolder folder;
    builder.Save(folder / "m.onnx");
    model_ = testing::ReadFile(folder / "m.onnx");
    data_ = testing::ReadFile(folder / "m.onnx.data");
    old_ = OldOutput();
  }

  // What an earlier run made of another model.
  [[nodiscard]] static Listing OldOutput() {
    testing::ModelBuilder builder;
    builder.Input("x", {2, 48})
        .Output("y", {2, 48})
        .Initializer("w", {48, 48}, testing::RandomValues(48 * 48, 7));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "only");
    MemoryFileSystem files;
    files.Add("in/old.onnx", builder.model().SerializeAsString());
    files.AddFolder("out");
    QuantizeOptions options;
    options.input = "in/old.onnx";
    options.output = "out/q.onnx";
    Observer observer;
    EXPECT_EQ(Quantize(files, options, observer, nullptr).outcome, Outcome::kDone);
    return files.Listing();
  }

  [[nodiscard]] std::unique_ptr<MemoryFileSystem> Prepared() const {
    auto files = std::make_unique<MemoryFileSystem>();
    files->Add("in/m.onnx", model_);
    files->Add("in/m.onnx.data", data_);
    files->AddFolder("out");
    files->AddFolder("sums");
    files->Add("sums/ALL", kOthersLine);
    if (GetParam().is_over_old) {
      for (const std::string name : {"out/q.onnx", "out/q.onnx.data", "out/q.onnx.sha256"})
        files->Add(name, old_.at(name));
      files->Add("out/quantization_log.jsonl", "");
    }
    return files;
  }

  // Everything but the log: that of a failed run has one line more.
  [[nodiscard]] static Listing FilesOf(const MemoryFileSystem& files) {
    Listing listing = files.Listing();
    listing.erase("out/quantization_log.jsonl");
    for (auto& [name, contents] : listing) {
      if (contents.size() > 100) contents = Sha256::HexOf(contents);  // short enough for a message
    }
    return listing;
  }

  // Empty, or the message of the error that ended the run. `files` is what `file_system` has below it: that
  // of an optimizer, whose calls are not the run's.
  [[nodiscard]] static std::string Run(FileSystem& file_system, MemoryFileSystem& files) {
    QuantizeOptions options;
    options.input = "in/m.onnx";
    options.output = "out/q.onnx";
    options.replace_output = GetParam().is_over_old;
    options.external_data = GetParam().external_data;
    options.checksum_file = GetParam().checksums;
    options.threads = 1;
    options.optimize = GetParam().optimize;
    testing::CopyingOptimizer optimizer(files);
    Observer observer;
    try {
      EXPECT_EQ(Quantize(file_system, options, observer, &optimizer).outcome, Outcome::kDone);
    } catch (const Error& error) {
      EXPECT_THAT(error.kind(), AnyOf(ErrorKind::kFailure, ErrorKind::kInvalidModel)) << error.what();
      return error.what();
    }
    return "";
  }

  std::string model_;
  std::string data_;
  Listing old_;
};

TEST_P(FaultsTest, EveryCallMayFail) {
  const auto sound = Prepared();
  const Listing before = FilesOf(*sound);
  ASSERT_EQ(Run(*sound, *sound), "");
  const Listing after = FilesOf(*sound);

  std::size_t covered = 0;
  std::size_t tolerated = 0;
  std::array<std::size_t, testing::kFileCalls> calls_of{};
  for (int kind = 0; kind < testing::kFileCalls; ++kind) {
    const auto failing = static_cast<FileCall>(kind);
    for (const std::string& reason : testing::ReasonsToFail(failing)) {
      for (std::size_t number = 0;; number += testing::kStride) {
        std::size_t calls = 0;
        std::string failed_path;
        const auto files = Prepared();
        FaultyFileSystem faulty(*files,
                                [&](FileCall call, const std::string& path) -> std::optional<std::string> {
                                  if (call != failing || calls++ != number) return std::nullopt;
                                  failed_path = path;
                                  return reason;
                                });
        const std::string message = Run(faulty, *files);
        if (calls <= number) break;
        SCOPED_TRACE("kind " + std::to_string(kind) + ", call " + std::to_string(number) + " (" +
                     failed_path + "): " + reason + "; message: " + message);
        ++covered;
        ++calls_of.at(static_cast<std::size_t>(kind));
        if (message.empty()) {
          // The very last tidying up failed, or a file that was read already could not be closed.
          ++tolerated;
          Listing left = FilesOf(*files);
          std::erase_if(left, [](const auto& entry) { return entry.first.find("/.") != std::string::npos; });
          ASSERT_EQ(left, after);
          continue;
        }
        ASSERT_THAT(message, HasSubstr(reason));
        ASSERT_THAT(message, HasSubstr("'"));
        if (message.find("whole") != std::string::npos) {
          ASSERT_THAT(message, AnyOf(HasSubstr("but then"), HasSubstr("could not be recorded"),
                                     HasSubstr("its checksum file could not")));
          if (message.find("checksum file could not") == std::string::npos) {
            ASSERT_EQ(FilesOf(*files), after);
          }
        } else {
          ASSERT_EQ(FilesOf(*files), before);
        }
      }
    }
  }
  std::cout << covered << " failures of " << testing::kFileCalls << " kinds of call, " << tolerated
            << " of them did no harm\n";
  for (const FileCall must :
       {FileCall::kOpen, FileCall::kRead, FileCall::kCreate, FileCall::kWrite, FileCall::kReserve,
        FileCall::kSync, FileCall::kClose, FileCall::kRename, FileCall::kMakeLink, FileCall::kMakeFolder,
        FileCall::kLock, FileCall::kSyncFolder, FileCall::kAppend}) {
    EXPECT_GT(calls_of.at(static_cast<std::size_t>(must)), 0U) << static_cast<int>(must);
  }
  EXPECT_LT(tolerated, covered / 5);
}

INSTANTIATE_TEST_SUITE_P(
    Runs, FaultsTest,
    ::testing::Values(Case{"ToNothing", false, ExternalData::kAlways, {}},
                      Case{"OverOld", true, ExternalData::kAlways, {}},
                      Case{"OverOldWithoutData", true, ExternalData::kNever, {}},
                      Case{"WithSharedChecksums", true, ExternalData::kAlways, "sums/ALL"},
                      Case{"Optimized", true, ExternalData::kAlways, {}, Optimization::kBasic}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace qi8
