// Tiles that are used again, so that a run of any length touches the same few megabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace qi8 {

class BufferPool {
 public:
  explicit BufferPool(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  // A buffer of at least the pool's size, aligned for any vector; it goes back to the pool with its last
  // owner. The pool outlives its buffers. May be called from several threads.
  [[nodiscard]] std::shared_ptr<std::byte> Take();

 private:
  struct Deleter {
    void operator()(std::byte* memory) const;
  };
  using Memory = std::unique_ptr<std::byte, Deleter>;

  std::size_t buffer_bytes_;
  std::mutex mutex_;
  std::vector<Memory> free_;
};

}  // namespace qi8
