#include "compare/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <functional>

#include "models/audio_core.hpp"
#include "qi8/error.hpp"
#include "support/onnx_runtime.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] std::string MessageOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    models::write_audio_core(folder_ / "m.onnx", {});
    options_.onnxruntime = QI8_TEST_ONNXRUNTIME;
  }
  [[nodiscard]] std::string model() const { return (folder_ / "m.onnx").native(); }

  testing::TempFolder folder_;
  CompareOptions options_;
};

const std::vector<std::string> kWorker = {QI8_PROGRAM, "compare-worker"};

TEST_F(WorkerTest, LoadsRunsAndMeasuresAModel) {
  Worker worker(kWorker);
  const auto opened = worker.Open(model(), options_);
  EXPECT_THAT(opened.runtime_version, ::testing::StartsWith("1."));
  EXPECT_GT(opened.seconds, 0);
  ASSERT_EQ(opened.inputs.size(), 1U);
  EXPECT_EQ(opened.inputs[0].name, "codes");
  EXPECT_THAT(opened.inputs[0].dim_names, ::testing::ElementsAre("batch", "time"));
  const auto input = testing::AudioCodes(10, 256);
  worker.SetInputs({{input}});
  EXPECT_GT(worker.TimeRun(), 0);
  const auto outputs = worker.Run();
  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].data, testing::RunModel(model(), {input})[0].data);
  const MemoryUse memory = worker.Memory();
  EXPECT_GT(memory.resident, 1'000'000U);
  EXPECT_GE(memory.peak, memory.resident);
}

TEST_F(WorkerTest, TakesOtherInputsAndGivesWhatIsWanted) {
  Worker worker(kWorker);
  static_cast<void>(worker.Open(model(), options_));
  worker.SetInputs({{testing::AudioCodes(10, 256)}});
  const auto other = testing::AudioCodes(7, 256);
  worker.SetInput(0, other);
  const std::vector<std::size_t> wanted = {0};
  const auto outputs = worker.RunFor(wanted);
  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].data, testing::RunModel(model(), {other})[0].data);
  const auto seconds = worker.TimeRuns(4);
  ASSERT_EQ(seconds.size(), 4U);
  for (const double one : seconds) EXPECT_GT(one, 0);
}

TEST_F(WorkerTest, PassesOnWhatOnnxRuntimeReports) {
  Worker worker(kWorker);
  EXPECT_THAT(MessageOf([&] { worker.Open((folder_ / "none.onnx").native(), options_); }),
              AllOf(HasSubstr("none.onnx"), HasSubstr("cannot open the model")));
  worker.Open(model(), options_);  // and goes on
  worker.SetInputs({{testing::FloatTensor({1}, {1})}});
  EXPECT_THAT(MessageOf([&] { static_cast<void>(worker.Run()); }),
              HasSubstr("input 'codes' was given float32"));
}

TEST_F(WorkerTest, SaysHowAProcessEndedThatEndedTooEarly) {
  const auto open_with = [this](const std::vector<std::string>& command) {
    return MessageOf([&] { Worker(command).Open("m.onnx", options_); });
  };
  EXPECT_THAT(open_with({"/bin/sh", "-c", "kill -SEGV $$"}),
              AllOf(HasSubstr("'m.onnx'"), HasSubstr("ended with signal 11")));
  EXPECT_THAT(open_with({"/bin/sh", "-c", "kill -KILL $$"}), HasSubstr("too little memory"));
  EXPECT_THAT(open_with({"/bin/sh", "-c", "exit 7"}), HasSubstr("ended with status 7"));
  EXPECT_THAT(open_with({"/nowhere/at/all"}), HasSubstr("cannot start '/nowhere/at/all'"));
}

TEST_F(WorkerTest, WaitsNoLongerThanItMay) {
  EXPECT_THAT(MessageOf([&] {
                Worker({"/bin/sleep", "1000"}, 0.1).Open("m.onnx", options_);
              }),
              AllOf(HasSubstr("'m.onnx'"), HasSubstr("took longer than 100 ms"), HasSubstr("--timeout")));
  try {
    Worker({"/bin/sleep", "1000"}, 0, [] { return true; }).Open("m.onnx", options_);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
}

TEST_F(WorkerTest, EndsAProcessThatNobodyWaitsFor) {
  { const Worker worker({"/bin/sleep", "1000"}); }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "there is still a process";
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace qi8::compare
