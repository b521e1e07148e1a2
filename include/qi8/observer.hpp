// How a run tells of itself while it goes on. The library never prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qi8 {

class Observer {
 public:
  virtual ~Observer() = default;

  // A stage begins: "load", "scan", "plan", "layout", "preflight", "execute", "publish", "record".
  virtual void OnStage(std::string_view stage) { static_cast<void>(stage); }

  // Bytes of input read so far and in all. Called from any thread, one at a time, often: be quick.
  virtual void OnProgress(std::uint64_t done, std::uint64_t total) {
    static_cast<void>(done);
    static_cast<void>(total);
  }

  // Measurements made so far and in all, where they are what takes the time.
  virtual void OnMeasured(std::uint64_t done, std::uint64_t total) {
    static_cast<void>(done);
    static_cast<void>(total);
  }

  // Something the user should know that does not end the run.
  virtual void OnWarning(const std::string& message) { static_cast<void>(message); }

  // Asked often: true ends the run with Error of kind kInterrupted, leaving nothing behind.
  [[nodiscard]] virtual bool ShouldStop() { return false; }
};

}  // namespace qi8
