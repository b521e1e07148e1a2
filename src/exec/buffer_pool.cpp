#include "exec/buffer_pool.hpp"

#include <new>

namespace qi8 {
namespace {

constexpr std::align_val_t kAlignment{128};

}  // namespace

void BufferPool::Deleter::operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }

std::shared_ptr<std::byte> BufferPool::Take() {
  Memory memory;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      memory = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!memory) memory.reset(static_cast<std::byte*>(::operator new(buffer_bytes_, kAlignment)));
  return {memory.release(), [this](std::byte* returned) {
            const std::lock_guard lock(mutex_);
            free_.emplace_back(returned);
          }};
}

}  // namespace qi8
