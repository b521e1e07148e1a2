// Memory that is bounded, disks that are full, and users who change their mind.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class QuantizeLimitsTest : public QuantizeTest {
 protected:
  // Starts the program in the test's folder, both its streams going to the file "said".
  [[nodiscard]] pid_t Start(const std::vector<std::string>& arguments) const {
    return StartProgram(QI8_PROGRAM, arguments, folder_ / "said",
                        {.folder = folder_.path(), .environment = {}});
  }

  // A model whose weights are one hole: nothing to write, and long enough to read that it does not end by
  // itself.
  void WriteHugeModel(std::int64_t rows = 32768) const {
    constexpr std::int64_t kColumns = 32768;
    ModelBuilder builder;
    builder.Input("x", {1, rows}).Output("y", {1, kColumns});
    builder.Initializer("w", {1}, RandomValues(1), Storage::kExternal);
    auto& tensor = *builder.graph().mutable_initializer(0);
    tensor.clear_dims();
    tensor.add_dims(rows);
    tensor.add_dims(kColumns);
    const std::int64_t bytes = rows * kColumns * 4;
    for (auto& entry : *tensor.mutable_external_data()) {
      if (entry.key() == "length") entry.set_value(std::to_string(bytes));
    }
    builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
    builder.Save(input());
    fs::resize_file(folder_ / "in" / "m.onnx.data", static_cast<std::uintmax_t>(bytes));
  }
};

// --- memory

#if !defined(QI8_TEST_OVERHEAD)  // sanitizers, emulators and counters take memory of their own

class PeakMemoryTest : public QuantizeLimitsTest, public ::testing::WithParamInterface<bool> {};

TEST_P(PeakMemoryTest, IsBelow128MiBWhateverTheSizeOfTheModel) {
  constexpr models::AudioCoreSize kSize{
      .blocks = 3, .width = 1024, .heads = 8, .feed_forward = 4096, .codes = 1024};
  models::write_audio_core(input(), {.size = kSize, .inline_weights = GetParam()});
  ASSERT_GT(fs::file_size(GetParam() ? input() : folder_ / "in" / "m.onnx.data"), 200'000'000U);
  for (const std::string threads : {"2", "8"}) {
    const pid_t child = Start({"in/m.onnx", "out/q.onnx", "-qf", "--threads", threads});
    int status = -1;
    rusage usage{};
    ASSERT_EQ(::wait4(child, &status, 0, &usage), child);
    EXPECT_EQ(status, 0) << ReadFile(folder_ / "said");
    EXPECT_LE(usage.ru_maxrss, 128 * 1024) << "KiB, with " << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Weights, PeakMemoryTest, ::testing::Bool(), [](const auto& inline_weights) {
  return inline_weights.param ? "Inline" : "External";
});

#endif

// --- signals

class SignalTest : public QuantizeLimitsTest, public ::testing::WithParamInterface<int> {};

TEST_P(SignalTest, EndsTheRunAndLeavesNothing) {
  WriteHugeModel();
  const pid_t child = Start({"in/m.onnx", "out/q.onnx"});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto is_writing = [this] {
    return fs::exists(folder_ / "out" / ".q.onnx.qi8" / "new" / "q.onnx.data");
  };
  while (!is_writing() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_TRUE(is_writing()) << ReadFile(folder_ / "said");
  ASSERT_EQ(::kill(child, GetParam()), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 128 + GetParam());
  EXPECT_EQ(ReadFile(folder_ / "said"), "quantize-int8: error: interrupted\n");
  EXPECT_TRUE(Written().empty()) << ::testing::PrintToString(Written());
}

INSTANTIATE_TEST_SUITE_P(Signals, SignalTest, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_F(QuantizeLimitsTest, AnInterruptedRunIsRecorded) {
  WriteHugeModel();
  WriteFile(folder_ / "out" / "quantization_log.jsonl", "");
  const pid_t child = Start({"in/m.onnx", "out/q.onnx"});
  while (Written().size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ASSERT_EQ(::kill(child, SIGINT), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(ReadFile(folder_ / "out" / "quantization_log.jsonl"), HasSubstr("\"status\":\"interrupted\""));
}

TEST_F(QuantizeLimitsTest, AReaderOfStandardOutputThatGoesAwayIsNoFailure) {
  WriteTinyModel();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int said = ::open((folder_ / "said").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (said < 0 || ::dup2(ends[1], STDOUT_FILENO) < 0 || ::dup2(said, STDERR_FILENO) < 0 ||
        ::chdir(folder_.path().c_str()) != 0) {
      ::_exit(127);
    }
    ::execl(QI8_PROGRAM, QI8_PROGRAM, "in/m.onnx", "out/q.onnx", "--json", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(ReadFile(folder_ / "said"), HasSubstr("nobody read standard output to its end"));
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
}

// --- a run that is killed

TEST_F(QuantizeLimitsTest, WhatAKilledRunLeftIsRemovedByTheNext) {
  WriteHugeModel();
  const fs::path data = folder_ / "out" / ".q.onnx.qi8" / "new" / "q.onnx.data";
  const pid_t child = Start({"in/m.onnx", "out/q.onnx"});
  while (!fs::exists(data)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const ProgramResult other = Quantize();
  EXPECT_EQ(other.status, 1);
  EXPECT_EQ(
      other.err,
      "quantize-int8: error: another run is writing 'out/q.onnx'; wait for its end, or give this one another "
      "output\n");
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(fs::exists(data));
  WriteTinyModel();
  const ProgramResult next = Quantize();
  EXPECT_EQ(next.status, 0);
  EXPECT_THAT(next.err, AllOf(HasSubstr("quantize-int8: warning: an earlier run that wrote 'out/q.onnx'"),
                              HasSubstr("unfinished files that it left are removed")));
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
  EXPECT_FALSE(fs::exists(folder_ / "out" / ".q.onnx.qi8"));
}

// --- a file that changes

TEST_F(QuantizeLimitsTest, AnInputThatChangesWhileItIsReadIsAnError) {
  WriteHugeModel();
  const pid_t child = Start({"in/m.onnx", "out/q.onnx"});
  while (Written().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  fs::resize_file(folder_ / "in" / "m.onnx.data", 1 << 20);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1) << "signal " << WTERMSIG(status);
  EXPECT_THAT(ReadFile(folder_ / "said"), AllOf(HasSubstr("m.onnx.data'"), HasSubstr("while it was read")));
  EXPECT_TRUE(Written().empty());
}

TEST_F(QuantizeLimitsTest, AnInputThatGrowsWhileItIsReadIsAnErrorToo) {
  WriteHugeModel(4096);  // 512 MiB: the run goes on to its end before it is told
  const pid_t child = Start({"in/m.onnx", "out/q.onnx"});
  while (Written().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const fs::path data = folder_ / "in" / "m.onnx.data";
  fs::resize_file(data, fs::file_size(data) + 1);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(ReadFile(folder_ / "said"),
              AllOf(HasSubstr("m.onnx.data'"), HasSubstr("was changed while it was read")));
  EXPECT_TRUE(Written().empty());
}

// --- full disks

class SmallDisk {
 public:
  SmallDisk(const fs::path& folder, std::uint64_t bytes) : folder_(folder) {
    const std::string options = "size=" + std::to_string(bytes);
    mounted_ = ::mount("none", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount(folder_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  fs::path folder_;
  bool mounted_;
};

TEST_F(QuantizeLimitsTest, ADiskWithoutRoomForTheOutput) {
  WriteTinyModel();
  const SmallDisk disk(folder_ / "out", 64 * 1024);
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  ExpectFailure(1, {"folder 'out' has 61.4 KB free", "the output takes 1", "free some space"});
}

TEST_F(QuantizeLimitsTest, ADiskThatIsFullBeforeTheEnd) {
  WriteTinyModel();
  ASSERT_EQ(Run({"in/m.onnx", "in/q.onnx"}).status, 0);
  constexpr std::uint64_t kPage = 4096;
  std::uint64_t pages = 1;  // for the record in the staging folder
  for (const char* name : {"q.onnx", "q.onnx.data"})
    pages += (fs::file_size(folder_ / "in" / name) + kPage - 1) / kPage;
  // Room for the model and its data, and none for their checksums.
  const SmallDisk disk(folder_ / "out", pages * kPage);
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  ExpectFailure(1, {"q.onnx.sha256", "No space left on device", "free some space"});
}

TEST_F(QuantizeLimitsTest, ALimitOfTheSizeOfFiles) {
  WriteTinyModel();
  const std::string command = "ulimit -f 20; exec " + std::string(QI8_PROGRAM) + " in/m.onnx out/q.onnx";
  const ProgramResult result =
      RunProgram("bash", {"-c", command}, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("quantize-int8: error: "), HasSubstr("File too large")));
  EXPECT_TRUE(Written().empty()) << ::testing::PrintToString(Written());
}

}  // namespace
}  // namespace qi8::testing
