// Long work that Python asked for: it runs without the interpreter's lock, tells how it goes on, and ends
// when Python wants it to.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "qi8/observer.hpp"

namespace qi8::python {

// Something to tell the listener, a Python callable: listener(kind, text, done, total).
struct Event {
  const char* kind = "";  // "stage" and "warning" have a text, "read" bytes, "measured" measurements
  std::string text;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

// The observer of the work. It collects what the caller's thread then tells Python: the threads of the work
// never wait for the interpreter's lock, which others may hold for long.
class Watch final : public Observer {
 public:
  void OnStage(std::string_view stage) override;
  void OnProgress(std::uint64_t done, std::uint64_t total) override;
  void OnMeasured(std::uint64_t done, std::uint64_t total) override;
  void OnWarning(const std::string& message) override;
  [[nodiscard]] bool ShouldStop() override { return stopping_; }

  void Stop() { stopping_ = true; }

  // What has happened since the last call; of progress, the latest alone.
  [[nodiscard]] std::vector<Event> Take();

 private:
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<Event> events_;
  std::optional<Event> progress_;
};

// Runs `work(observer)` in a thread of its own. The caller's thread calls the listener, and sees to it that
// Python's signal handlers run, so that Ctrl-C ends the work as quickly as it ends the command. What the
// listener or a handler raises stops the work and is raised once nothing of it is left.
template <typename Work>
auto RunWatched(const nanobind::callable& listener, Work work) {
  constexpr auto kBetweenLooks = std::chrono::milliseconds(50);
  Watch watch;
  std::packaged_task<decltype(work(watch))()> task([&] { return work(watch); });
  auto result = task.get_future();
  std::thread thread(std::move(task));
  std::exception_ptr raised;
  for (bool ready = false; !ready;) {
    {
      const nanobind::gil_scoped_release others_may_run;
      ready = result.wait_for(kBetweenLooks) == std::future_status::ready;
    }
    if (raised) continue;
    try {
      for (const Event& event : watch.Take()) listener(event.kind, event.text, event.done, event.total);
      // A signal that comes when all is done is Python's own matter, after the call.
      if (!ready && PyErr_CheckSignals() != 0) throw nanobind::python_error();
    } catch (...) {
      raised = std::current_exception();
      watch.Stop();
    }
  }
  thread.join();
  if (raised) std::rethrow_exception(raised);
  return result.get();
}

}  // namespace qi8::python
