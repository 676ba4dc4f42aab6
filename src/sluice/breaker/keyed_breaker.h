// KeyedBreaker: a breaker for each key (a tenant, a shard, a bank), all with the same options, so
// that one that fails for some does not refuse all.
//
// Bounded: at `max_keys` the key used longest ago that is healthy and idle makes room; it loses
// only its successes. A key that fails, or whose calls are under way, is never pushed out, so a
// flood of new keys cannot make a breaker forget that it is open. Where nobody can make room the
// new key shares one breaker with all others that found none (or is let through), and is counted.
//
// Thread-safe: the table stands behind eight locks, each held for a look-up; every breaker has its
// own.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/breaker/breaker.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

// What a new key meets when nobody can make room.
enum class OnKeysFull : std::uint8_t { kSharedBreaker, kAllow };

struct KeyedBreakerOptions {
  BreakerOptions breaker;
  std::size_t max_keys = 1'000;  // 1 .. 100'000.
  OnKeysFull on_keys_full = OnKeysFull::kSharedBreaker;
};

// Over all keys, those included that have been pushed out. Each key as its last look saw it.
struct KeyedBreakerStats {
  std::size_t keys = 0;
  std::size_t keys_not_closed = 0;  // Open, half open, recovering, or so by hand.
  std::uint64_t opened_total = 0;
  std::uint64_t successes_total = 0;
  std::uint64_t failures_total = 0;
  std::uint64_t not_permitted_total = 0;
  std::uint64_t would_refuse_total = 0;
  std::uint64_t evicted_total = 0;   // Healthy keys that made room.
  std::uint64_t overflow_total = 0;  // Calls of keys that found no room.
};

// What a look has found; see KeyedBreaker::Look().
struct KeyedBreakerNews {
  std::uint64_t opened = 0;         // Times a key opened that no look has told yet.
  std::uint64_t returned = 0;       // The same of traffic let through again; see ReturnsOf().
  std::size_t keys = 0;             // Now.
  std::size_t keys_not_closed = 0;  // When each was looked at last.
};

class KeyedBreaker final : public Guard {
 public:
  // Fails with kInvalidOption, as Breaker::Create(), or for max_keys out of its range.
  static Result<std::unique_ptr<KeyedBreaker>> Create(const KeyedBreakerOptions& options,
                                                      std::uint64_t seed,
                                                      SteadyTime now);
  KeyedBreaker(const KeyedBreaker&) = delete;
  KeyedBreaker& operator=(const KeyedBreaker&) = delete;
  ~KeyedBreaker() override;  // Requires that no permit is left.

  // Guard. `request.key_hash` tells the keys apart; 0 is a key like others. Allocates only for a
  // key that is new.
  [[nodiscard]] GuardDecision Acquire(const GuardRequest& request, SteadyTime now) override;
  [[nodiscard]] std::string_view kind() const override { return "breaker"; }
  [[nodiscard]] std::string_view rule() const override { return name_; }
  [[nodiscard]] ErrorCode refusal() const override { return ErrorCode::kBreakerOpen; }

  // By hand, for all keys and for keys to come, until Close() or Reset().
  void ForceOpen(SteadyTime now);
  void Disable(SteadyTime now);
  void MetricsOnly(SteadyTime now);
  void Close(SteadyTime now);
  void Reset(SteadyTime now);
  // Which of these holds: kForcedOpen, kDisabled or kMetricsOnly; kClosed: each key has its own.
  [[nodiscard]] State by_hand() const { return by_hand_.load(std::memory_order_relaxed); }

  // Carries out what is due by time (see Breaker::Poll()) for some keys, and tells what is new of
  // them; the next look goes on with others. Of each lock's keys at most kKeysALook, so that
  // nobody waits long for a lock: 4'096 keys are looked at each time, 100'000 in 25 looks.
  [[nodiscard]] KeyedBreakerNews Look(SteadyTime now);
  // The sums of all keys, after a look: exact for 4'096 keys, and of more as old as it takes to
  // look at all. Counters never fall.
  [[nodiscard]] KeyedBreakerStats Stats(SteadyTime now);

  // Takes over everything but the name; kInvalidOption on any problem, and then nothing has
  // changed. Fewer keys are reached as keys become idle.
  [[nodiscard]] Result<void> Reconfigure(const KeyedBreakerOptions& options, SteadyTime now);

 private:
  struct Entry;
  struct SameHash {
    std::size_t operator()(std::uint64_t hash) const { return static_cast<std::size_t>(hash); }
  };
  using Entries = std::list<std::unique_ptr<Entry>>;  // Used last at the front.
  // What looks have seen, of keys that were pushed out as well.
  struct Seen {
    KeyedBreakerStats stats;          // But for `keys`.
    std::uint64_t opened_untold = 0;  // That no Look() has told yet.
    std::uint64_t returned_untold = 0;
  };
  static constexpr std::size_t kParts = 8;
  static constexpr std::size_t kKeysALook = 512;
  struct Part {
    mutable std::mutex mutex;
    Entries entries;
    std::unordered_map<std::uint64_t, Entries::iterator, SameHash> index;
    Seen seen;
    // Of looks. A bucket stands where it is, whoever is asked for: the list's order changes.
    std::size_t next_bucket = 0;
  };

  KeyedBreaker(const KeyedBreakerOptions& options, std::uint64_t seed);

  [[nodiscard]] Entry* Enter(std::uint64_t key_hash, SteadyTime now);
  [[nodiscard]] bool MakeRoom(Part& part, SteadyTime now, std::unique_ptr<Entry>& pushed_out);
  static void LookAt(Entry& entry, Seen& seen, SteadyTime now);
  static void LookAtSome(Part& part, SteadyTime now);
  void SetByHand(State state, SteadyTime now);
  template <typename Visit>
  void ForEach(Visit visit) const;

  const std::string name_;
  std::atomic<State> by_hand_{State::kClosed};
  std::atomic<OnKeysFull> on_keys_full_;
  std::atomic<std::uint64_t> next_seed_;
  std::atomic<std::uint64_t> overflow_{0};
  std::atomic<std::size_t> max_keys_;
  mutable std::mutex options_mutex_;
  BreakerOptions options_;
  std::unique_ptr<Entry> shared_;
  std::array<Part, kParts> parts_;
  std::mutex look_mutex_;  // One look at a time; also for what follows.
  Seen shared_seen_;
};

}  // namespace sluice::breaker
