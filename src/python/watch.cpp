#include "python/watch.hpp"

#include <utility>

namespace qi8::python {

void Watch::OnStage(std::string_view stage) {
  const std::scoped_lock lock(mutex_);
  if (progress_) events_.push_back(*std::exchange(progress_, {}));  // that of the stage before
  events_.push_back({.kind = "stage", .text = std::string(stage)});
}

void Watch::OnProgress(std::uint64_t done, std::uint64_t total) {
  const std::scoped_lock lock(mutex_);
  progress_ = Event{.kind = "read", .text = {}, .done = done, .total = total};
}

void Watch::OnMeasured(std::uint64_t done, std::uint64_t total) {
  const std::scoped_lock lock(mutex_);
  progress_ = Event{.kind = "measured", .text = {}, .done = done, .total = total};
}

void Watch::OnWarning(const std::string& message) {
  const std::scoped_lock lock(mutex_);
  events_.push_back({.kind = "warning", .text = message});
}

std::vector<Event> Watch::Take() {
  const std::scoped_lock lock(mutex_);
  if (progress_) events_.push_back(*std::exchange(progress_, {}));
  return std::exchange(events_, {});
}

}  // namespace qi8::python
