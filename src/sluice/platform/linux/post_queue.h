// PostQueue: work from any thread for one loop, and the wake-up of that loop.
//
// Posting takes a short lock and writes to the eventfd only when the loop may be asleep. Ordering:
// the loop publishes `may_sleep_` and then looks at `pending_`; a poster publishes `pending_` and
// then looks at `may_sleep_`; both sequentially consistent, so at least one sees the other and no
// wake-up is lost (Dekker).
//
// What was posted may run, and end the loop, while its poster still writes to the eventfd: so
// posters are counted, and the loop's end waits for those on their way out.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace sluice::platform {

class PostQueue {
 public:
  using Work = std::move_only_function<void()>;

  // Any thread: what it lives for keeps the queue, and the eventfd, from going.
  class Poster {
   public:
    explicit Poster(PostQueue& queue) : queue_(queue) { queue_.posters_.fetch_add(1); }
    Poster(const Poster&) = delete;
    Poster& operator=(const Poster&) = delete;
    ~Poster() { queue_.posters_.fetch_sub(1, std::memory_order_release); }

   private:
    PostQueue& queue_;
  };

  // Any thread. True when the loop must be woken: write to its eventfd. Work posted after Close()
  // is destroyed unrun.
  [[nodiscard]] bool Post(Work work);

  // Any thread: Take() returns kStop once all work posted before was taken. Returns as Post().
  [[nodiscard]] bool RequestStop();

  // Loop thread, before sleeping. False when there is work, and then it must not sleep.
  [[nodiscard]] bool PrepareToSleep();
  // Loop thread, after sleeping.
  void Awake();

  enum class Taken : std::uint8_t { kGoOn, kStop };
  // Loop thread. Swaps what was posted into `batch`, which must be empty.
  [[nodiscard]] Taken Take(std::vector<Work>& batch);

  // Loop thread: refuses and destroys what comes from now on.
  void Close();
  // The end, after Close(): returns when every Poster that has begun is gone.
  void AwaitPosters() const;

 private:
  [[nodiscard]] bool Publish();

  std::atomic<bool> pending_{false};
  std::atomic<bool> may_sleep_{false};
  std::atomic<int> posters_{0};
  std::mutex mutex_;
  std::vector<Work> work_;
  bool stop_requested_ = false;
  bool closed_ = false;
};

}  // namespace sluice::platform
