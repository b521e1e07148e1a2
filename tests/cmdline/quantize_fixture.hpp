// The program as a shell sees it: a folder with a model to read and one to write to.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hash/sha256.hpp"
#include "models/audio_core.hpp"
#include "support/model_builder.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {

class QuantizeTest : public ::testing::Test {
 protected:
  QuantizeTest() {
    std::filesystem::create_directory(folder_ / "in");
    std::filesystem::create_directory(folder_ / "out");
  }

  [[nodiscard]] std::filesystem::path input() const { return folder_ / "in" / "m.onnx"; }
  [[nodiscard]] std::filesystem::path output() const { return folder_ / "out" / "q.onnx"; }

  void WriteTinyModel() const { models::write_audio_core(input(), {}); }

  // x [2, 8] times w [8, 4]: the smallest model that is worth quantizing.
  [[nodiscard]] static ModelBuilder OneMatMul(Storage storage = Storage::kRawData) {
    ModelBuilder builder;
    builder.Input("x", {2, 8}).Output("y", {2, 4}).Initializer("w", {8, 4}, RandomValues(32), storage);
    builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
    return builder;
  }

  // quantize-int8 in/m.onnx out/q.onnx with these options, run in the test's folder.
  [[nodiscard]] ProgramResult Quantize(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"in/m.onnx", "out/q.onnx"});
    return Run(options);
  }
  [[nodiscard]] ProgramResult Run(const std::vector<std::string>& arguments) const {
    return RunQuantizeInt8(arguments, {.folder = folder_.path(), .environment = {}});
  }

  // Expects this run to end with `status`, to say nothing on standard output and one line "quantize-int8:
  // error: ..." with all of `words` on standard error, and to change nothing in the folder.
  void ExpectFailure(const std::vector<std::string>& arguments, int status,
                     const std::vector<std::string>& words) {
    const auto before = Snapshot();
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("quantize-int8: error: ")) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    for (const std::string& word : words) EXPECT_THAT(result.err, ::testing::HasSubstr(word));
    EXPECT_EQ(Snapshot(), before) << result.err;
  }
  void ExpectFailure(int status, const std::vector<std::string>& words) {
    ExpectFailure({"in/m.onnx", "out/q.onnx"}, status, words);
  }

  // Everything in the folder: the name, and what tells one content from another, short enough for a message.
  [[nodiscard]] std::map<std::string, std::string> Snapshot() const {
    auto snapshot = folder_.Listing();
    for (auto& [name, contents] : snapshot) {
      if (contents != "/") contents = std::to_string(contents.size()) + " bytes, " + Sha256::HexOf(contents);
    }
    return snapshot;
  }

  // The names in out/.
  [[nodiscard]] std::vector<std::string> Written() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out")) {
      names.push_back(entry.path().filename().native());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  [[nodiscard]] ProgramResult CheckSums(const std::string& folder, const std::string& file) const {
    return RunProgram("sha256sum", {"--check", "--strict", file},
                      {.folder = folder_ / folder, .environment = {}});
  }

  TempFolder folder_;
};

}  // namespace qi8::testing
