// What people see of a run: messages and progress, all on standard error.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/exit_status.hpp"
#include "qi8/observer.hpp"

namespace qi8::cli {

enum class ProgressMode { kAuto, kAlways, kNever };

// The program's logger: "quantize-int8: error: ..." on standard error.
[[nodiscard]] std::shared_ptr<spdlog::logger> MakeLogger(const std::string& level);

// Shows a run on a console: one line of progress that is written over where standard error is a terminal that
// can do that; elsewhere none, or now and then a line of its own where progress was asked for.
class ConsoleObserver final : public Observer {
 public:
  ConsoleObserver(std::shared_ptr<spdlog::logger> logger, ProgressMode progress);
  ~ConsoleObserver() override;

  void OnStage(std::string_view stage) override;
  void OnProgress(std::uint64_t done, std::uint64_t total) override;
  void OnMeasured(std::uint64_t done, std::uint64_t total) override;
  void OnWarning(const std::string& message) override;
  [[nodiscard]] bool ShouldStop() override;

 private:
  using Clock = std::chrono::steady_clock;
  void ClearLine();
  using Text = std::string (*)(std::uint64_t done, std::uint64_t total, double seconds);
  void Show(std::uint64_t done, std::uint64_t total, Text describe);

  std::shared_ptr<spdlog::logger> logger_;
  bool show_progress_;
  bool writes_over_;  // one line, again and again; else a line for each update
  bool line_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_shown_;
};

// Text of many lines on standard error. Like all that is printed here it is made Printable.
void PrintMessage(const std::string& text);

// Standard output is what was asked for: where it cannot be written, that is an error. FlushResult ends every
// result; false: its reader went away before the end, which is the reader's own affair.
void PrintResult(const std::string& text);
// The same byte by byte: for what another program is to take as it is.
void PrintExactly(const std::string& text);
bool FlushResult();

// From now on SIGINT, SIGTERM and SIGHUP ask the run to stop (Observer::ShouldStop) instead of ending the
// program.
void CatchSignals();

// Of a run that stopped because it was asked to: 128 and the signal's number, as shells have it.
[[nodiscard]] ExitStatus InterruptedStatus();

}  // namespace qi8::cli
