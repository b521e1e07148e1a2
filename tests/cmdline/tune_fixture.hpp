// Calls of quantize-int8 tune on a small model.
#pragma once

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cmdline/quantize_fixture.hpp"
#include "support/onnx_runtime.hpp"

namespace qi8::testing {

class TuneTest : public QuantizeTest {
 protected:
  TuneTest() { std::filesystem::create_directory(folder_ / "tmp"); }

  [[nodiscard]] ProgramResult Call(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--threads", "1", "--onnxruntime", QI8_TEST_ONNXRUNTIME});
    return RunQuantizeInt8(
        arguments, {.folder = folder_.path(), .environment = {"TMPDIR=" + (folder_ / "tmp").native()}});
  }
  [[nodiscard]] ProgramResult Tune(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"tune", "in/m.onnx", "out/plan.toml"});
    return Call(options);
  }

  void ExpectNothing(const ProgramResult& result, int status, const std::vector<std::string>& words) {
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    for (const std::string& word : words) EXPECT_THAT(result.err, ::testing::HasSubstr(word));
    EXPECT_THAT(Written(), ::testing::IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "tmp")) << "what is temporary is gone";
  }

  // SQNR of out/q.onnx against the model, by compare.
  [[nodiscard]] double Sqnr(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"compare", "in/m.onnx", "out/q.onnx", "--runs",
                                          "1",       "--loads",   "1",          "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult result = Call(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    const auto sqnr = nlohmann::json::parse(result.out)["cases"][0]["outputs"][0]["sqnr_db"];
    return sqnr.is_number() ? sqnr.get<double>() : std::numeric_limits<double>::infinity();
  }
};

}  // namespace qi8::testing
