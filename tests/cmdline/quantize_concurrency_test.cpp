// Several programs at the same time.
#include <nlohmann/json.hpp>
#include <sstream>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class QuantizeConcurrencyTest : public QuantizeTest {
 protected:
  // Runs the program once for each list of arguments, all at once, in the test's folder. The streams of
  // number N go to the file "said-N".
  [[nodiscard]] std::vector<int> RunAll(const std::vector<std::vector<std::string>>& runs) const {
    std::vector<pid_t> programs;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      programs.push_back(StartProgram(QI8_PROGRAM, runs[i], folder_ / ("said-" + std::to_string(i)),
                                      {.folder = folder_.path(), .environment = {}}));
    }
    std::vector<int> statuses;
    for (const pid_t program : programs) statuses.push_back(StatusOf(program));
    return statuses;
  }

  [[nodiscard]] std::string Said(std::size_t number) const {
    return ReadFile(folder_ / ("said-" + std::to_string(number)));
  }
};

TEST_F(QuantizeConcurrencyTest, OfManyToOneOutputOneWinsAndTheOthersSaySo) {
  WriteTinyModel();
  ASSERT_EQ(Run({"in/m.onnx", "in/q.onnx"}).status, 0);
  const std::vector<std::vector<std::string>> runs(8, {"in/m.onnx", "out/q.onnx"});
  for (int round = 0; round < 5; ++round) {
    const std::vector<int> statuses = RunAll(runs);
    EXPECT_EQ(std::ranges::count(statuses, 0), 1);
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (statuses[i] == 0) continue;
      EXPECT_EQ(statuses[i], 1);
      EXPECT_THAT(Said(i), AllOf(HasSubstr("'out/q.onnx'"),
                                 AnyOf(HasSubstr("another run is writing"), HasSubstr("exists"))));
    }
    EXPECT_THAT(Written(), ElementsAre("q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"));
    EXPECT_EQ(ReadFile(output()), ReadFile(folder_ / "in" / "q.onnx"));
    EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
    for (const std::string& name : Written()) fs::remove(folder_ / "out" / name);
  }
}

TEST_F(QuantizeConcurrencyTest, ManyWithForceToOneOutputLeaveAWholeOne) {
  WriteTinyModel();
  ASSERT_EQ(Quantize().status, 0);
  const std::vector<int> statuses =
      RunAll(std::vector<std::vector<std::string>>(8, {"in/m.onnx", "out/q.onnx", "--force"}));
  EXPECT_GE(std::ranges::count(statuses, 0), 1);
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] != 0) {
      EXPECT_THAT(Said(i), HasSubstr("another run is writing 'out/q.onnx'"));
    }
  }
  EXPECT_THAT(Written(), ElementsAre("q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"));
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
}

// The audit log and a checksum file may be shared by all builds of a machine.
TEST_F(QuantizeConcurrencyTest, ManyShareOneLogAndOneChecksumFile) {
  constexpr std::size_t kRuns = 20;
  WriteTinyModel();
  WriteFile(folder_ / "SUMS", std::string(64, '0') + "  somebody-else\n");
  std::vector<std::vector<std::string>> runs;
  for (std::size_t i = 0; i < kRuns; ++i) {
    runs.push_back(
        {"in/m.onnx", "out/q" + std::to_string(i) + ".onnx", "--checksums", "SUMS", "--audit-log", "log"});
  }
  EXPECT_EQ(RunAll(runs), std::vector<int>(kRuns, 0));

  std::istringstream log(ReadFile(folder_ / "log"));
  std::string previous;
  std::size_t lines = 0;
  for (std::string line; std::getline(log, line); ++lines) {
    const auto record = nlohmann::json::parse(line);
    EXPECT_EQ(record["status"], "done");
    EXPECT_EQ(record["previous"], previous);
    previous = Sha256::HexOf(line);
  }
  EXPECT_EQ(lines, kRuns);
  EXPECT_EQ(Run({"audit", "log"}).status, 0);

  const std::string sums = ReadFile(folder_ / "SUMS");
  EXPECT_EQ(std::ranges::count(sums, '\n'), static_cast<std::ptrdiff_t>(2 * kRuns + 1)) << sums;
  EXPECT_THAT(sums, HasSubstr("somebody-else\n"));
  WriteFile(folder_ / "OURS", sums.substr(sums.find('\n') + 1));
  const ProgramResult check = CheckSums(".", "OURS");
  EXPECT_EQ(check.status, 0) << check.out << check.err;
  EXPECT_FALSE(fs::exists(folder_ / ".SUMS.qi8"));
}

}  // namespace
}  // namespace qi8::testing
