// The order that oneTBB promises, told to ThreadSanitizer: Debian's oneTBB is not built with it, so it cannot
// see that what one stage did to a token happened before what the next one does. In other builds this is
// nothing.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define QI8_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QI8_THREAD_SANITIZER 1
#endif
#endif

#if defined(QI8_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace qi8 {

// All before a HandOver of `place` happened before all behind the TakeOver of it that comes next.
inline void HandOver([[maybe_unused]] void* place) {
#if defined(QI8_THREAD_SANITIZER)
  __tsan_release(place);
#endif
}

inline void TakeOver([[maybe_unused]] void* place) {
#if defined(QI8_THREAD_SANITIZER)
  __tsan_acquire(place);
#endif
}

// One of the two at the end of a scope, by an exception too.
template <void (*kAct)(void*)>
class AtScopeEnd {
 public:
  explicit AtScopeEnd(void* place) : place_(place) {}
  ~AtScopeEnd() { kAct(place_); }
  AtScopeEnd(const AtScopeEnd&) = delete;
  AtScopeEnd& operator=(const AtScopeEnd&) = delete;

 private:
  void* place_;
};

}  // namespace qi8
