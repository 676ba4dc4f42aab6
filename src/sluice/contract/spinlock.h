// Spinlock: for critical sections of some ten instructions that loops share. Never held across a
// suspension, an allocation of unknown size, or a call into code of others.
//
// Test, then test-and-set: waiters read a shared line and write only when it looks free. Lock() is
// an acquire, Unlock() a release, so what one holder wrote the next one sees. A waiter that has
// spun for long lets other threads run, for the holder may have lost its core.

#pragma once

#include <atomic>
#include <thread>

namespace sluice {

class Spinlock {
 public:
  void Lock() {
    int spins = 0;
    while (held_.exchange(true, std::memory_order_acquire)) {
      while (held_.load(std::memory_order_relaxed)) {
        if (++spins % kSpinsBeforeYield == 0) {
          std::this_thread::yield();
        } else {
          Pause();
        }
      }
    }
  }
  // Takes the lock if it is free.
  [[nodiscard]] bool TryLock() { return !held_.exchange(true, std::memory_order_acquire); }
  void Unlock() { held_.store(false, std::memory_order_release); }

 private:
  static constexpr int kSpinsBeforeYield = 256;

  // Tells the core that this is a wait: saves power and gives the sibling thread the pipeline.
  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::atomic<bool> held_{false};
};

// Holds the lock for its own life.
class [[nodiscard]] SpinlockHolder {
 public:
  explicit SpinlockHolder(Spinlock& lock) : lock_(lock) { lock_.Lock(); }
  SpinlockHolder(const SpinlockHolder&) = delete;
  SpinlockHolder& operator=(const SpinlockHolder&) = delete;
  ~SpinlockHolder() { lock_.Unlock(); }

 private:
  Spinlock& lock_;
};

}  // namespace sluice
