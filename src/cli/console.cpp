#include "cli/console.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/progress.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

// The one thing that a signal handler may touch.
volatile std::sig_atomic_t caught_signal = 0;

constexpr std::chrono::milliseconds kBetweenUpdates{100};
constexpr std::chrono::seconds kBetweenLines{10};  // where each update is a line of its own

// Whether a line can be written over: a file and a dumb terminal show each update, and what steers it.
bool IsTerminalWithControls() {
  const char* const term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

// Messages quote what models, runtimes and files say; not all of it came through Quote.
class PrintableSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    PrintMessage({line.data(), line.size()});
  }
  void flush_() override { std::fflush(stderr); }
};

[[noreturn]] void FailToPrint() { throw Error(ErrorKind::kFailure, "cannot write to standard output"); }

}  // namespace

std::shared_ptr<spdlog::logger> MakeLogger(const std::string& level) {
  auto sink = std::make_shared<PrintableSink>();
  auto logger = std::make_shared<spdlog::logger>("quantize-int8", std::move(sink));
  logger->set_pattern("%n: %l: %v");
  logger->set_level(spdlog::level::from_str(level));
  return logger;
}

ConsoleObserver::ConsoleObserver(std::shared_ptr<spdlog::logger> logger, ProgressMode progress)
    : logger_(std::move(logger)),
      show_progress_(progress == ProgressMode::kAlways ||
                     (progress == ProgressMode::kAuto && IsTerminalWithControls())),
      writes_over_(IsTerminalWithControls()) {}

ConsoleObserver::~ConsoleObserver() { ClearLine(); }

void ConsoleObserver::OnStage(std::string_view stage) {
  ClearLine();
  logger_->debug("{}", stage);
}

void ConsoleObserver::OnProgress(std::uint64_t done, std::uint64_t total) { Show(done, total, ProgressText); }

void ConsoleObserver::OnMeasured(std::uint64_t done, std::uint64_t total) { Show(done, total, MeasuredText); }

void ConsoleObserver::Show(std::uint64_t done, std::uint64_t total, Text describe) {
  if (!show_progress_) return;
  const auto now = Clock::now();
  const Clock::duration pause =
      writes_over_ ? Clock::duration(kBetweenUpdates) : Clock::duration(kBetweenLines);
  if (now - last_shown_ < pause && done < total) return;
  last_shown_ = now;
  const std::string text = describe(done, total, std::chrono::duration<double>(now - start_).count());
  std::fputs(writes_over_ ? ("\r\033[K" + text).c_str() : (text + "\n").c_str(), stderr);
  std::fflush(stderr);
  line_shown_ = writes_over_;
}

void ConsoleObserver::OnWarning(const std::string& message) {
  ClearLine();
  logger_->warn("{}", message);
}

bool ConsoleObserver::ShouldStop() { return caught_signal != 0; }

void ConsoleObserver::ClearLine() {
  if (!line_shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  line_shown_ = false;
}

void PrintMessage(const std::string& text) { std::fputs(Printable(text).c_str(), stderr); }

void PrintResult(const std::string& text) { PrintExactly(Printable(text)); }

void PrintExactly(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && errno != EPIPE) FailToPrint();
}

bool FlushResult() {
  if (std::fflush(stdout) == 0) return std::ferror(stdout) == 0;
  if (errno != EPIPE) FailToPrint();
  return false;
}

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { caught_signal = signal; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  // A reader of standard output that goes away is not a reason to leave a model half done.
  std::signal(SIGPIPE, SIG_IGN);
  // A file larger than the user's limit is then an error of write, with all that follows.
  std::signal(SIGXFSZ, SIG_IGN);
}

ExitStatus InterruptedStatus() {
  return caught_signal == 0 ? kInterrupted : static_cast<ExitStatus>(kKilledBySignal + caught_signal);
}

}  // namespace qi8::cli
