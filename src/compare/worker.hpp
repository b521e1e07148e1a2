// The process that runs a model: one for each, so that its memory is its own, and so that whatever a model
// makes of ONNX Runtime does not take the comparison with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "compare/message.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::compare {

// What the worker itself does: answers what comes over the socket until the other end closes it.
void Serve(int socket);

// A worker, as the comparison sees it. Every function throws Error: what ONNX Runtime reports, or how the
// process ended when it ended too early.
class Worker {
 public:
  // Starts `command`; it is to call Serve with its standard input. An answer that takes longer than
  // `timeout_seconds` (0: none does) is an error, and so is, of kind kInterrupted, `should_stop` that says
  // so.
  explicit Worker(const std::vector<std::string>& command, double timeout_seconds = 0,
                  std::function<bool()> should_stop = {});
  ~Worker();  // ends it
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  struct Opened {
    std::string runtime_version;
    double seconds = 0;  // from the model's path to a session; loading the library is not in it
    std::vector<runtime::ValueInfo> inputs;
    std::vector<runtime::ValueInfo> outputs;
  };
  // `external_data_folder`: as SessionOptions has it.
  Opened Open(const std::string& model, const RuntimeOptions& options,
              const std::string& external_data_folder = "");

  // What the runs that follow are given.
  void SetInputs(std::span<const runtime::Tensor> inputs);
  // Another value for one of them.
  void SetInput(std::size_t place, const runtime::Tensor& input);
  [[nodiscard]] double TimeRun();  // seconds
  // Seconds of each of so many runs, one right after the other: the threads of the model do not sleep
  // between.
  [[nodiscard]] std::vector<double> TimeRuns(std::size_t count);
  // Runs the model, as Session::Run does with Unreadable::kSkip.
  [[nodiscard]] std::vector<runtime::Tensor> Run();
  // The same, and gives only the outputs at these places.
  [[nodiscard]] std::vector<runtime::Tensor> RunFor(std::span<const std::size_t> wanted);
  [[nodiscard]] MemoryUse Memory();

 private:
  Message Ask(const Message& request);
  void CheckWhetherToWait(double waited_seconds) const;
  [[noreturn]] void FailByItsEnd();

  double timeout_seconds_;
  std::function<bool()> should_stop_;
  pid_t process_ = -1;
  int socket_ = -1;
  std::string model_;
};

}  // namespace qi8::compare
