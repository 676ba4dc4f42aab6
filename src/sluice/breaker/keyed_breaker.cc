#include "sluice/breaker/keyed_breaker.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

constexpr std::size_t kKeysMax = 100'000;
// How many of those used longest ago are looked at for one that can go.
constexpr int kLookedAtMax = 8;

Result<void> CheckValid(const KeyedBreakerOptions& options) {
  if (options.max_keys < 1 || options.max_keys > kKeysMax) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}.max_keys: must be 1..{}, got {}", options.breaker.name, kKeysMax,
                            options.max_keys));
  }
  return CheckOptions(options.breaker, options.breaker.name);
}

bool IsClosed(const BreakerSnapshot& state) {
  return state.state == State::kClosed;
}

// An unhealthy key that nobody has asked for so long may go: or keys that fail once and never come
// back would fill the table for ever.
constexpr Nanos kAbandonedAfter = std::chrono::minutes(2);

// Open and due for a probe, or closed and empty: calls would have changed it.
bool IsAbandoned(const BreakerSnapshot& state, SteadyTime now) {
  const bool is_idle =
      state.state == State::kOpen ? state.retry_after <= Nanos(0) : state.window.calls == 0;
  return is_idle && state.state != State::kForcedOpen && now - state.since >= kAbandonedAfter;
}

// Nothing is lost with it but good calls.
bool IsHealthy(const BreakerSnapshot& state) {
  return IsClosed(state) && state.window.failed == 0 && state.window.slow == 0 &&
         state.failed_recoveries == 0;
}

void Add(const KeyedBreakerStats& more, KeyedBreakerStats& stats) {
  stats.keys_not_closed += more.keys_not_closed;
  stats.opened_total += more.opened_total;
  stats.successes_total += more.successes_total;
  stats.failures_total += more.failures_total;
  stats.not_permitted_total += more.not_permitted_total;
  stats.would_refuse_total += more.would_refuse_total;
  stats.evicted_total += more.evicted_total;
}

void SetTo(State state, Breaker& breaker, SteadyTime now) {
  switch (state) {
    case State::kForcedOpen:
      return breaker.ForceOpen(now);
    case State::kDisabled:
      return breaker.Disable(now);
    case State::kMetricsOnly:
      return breaker.MetricsOnly(now);
    default:
      return breaker.Close(now);
  }
}

}  // namespace

// One key. Permits report here, so that it is known while any is out.
struct KeyedBreaker::Entry final : PermitIssuer {
  Entry(std::uint64_t its_hash, std::unique_ptr<Breaker> its_breaker)
      : hash(its_hash), breaker(std::move(its_breaker)) {}
  virtual ~Entry() = default;

  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override {
    breaker->Settle(token, outcome, now);
    Leave();
  }
  void Abandon(const PermitToken& token) override {
    breaker->Abandon(token);
    Leave();
  }
  void Refund(const PermitToken& token, SteadyTime now) override {
    breaker->Refund(token, now);
    Leave();
  }
  // Release: who sees nobody here any more sees what the last one did.
  void Leave() { users.fetch_sub(1, std::memory_order_release); }

  const std::uint64_t hash;
  const std::unique_ptr<Breaker> breaker;
  std::atomic<std::int64_t> users{0};  // Permits out, and calls about to get one.
  // What its last look saw; behind the lock of its part.
  struct {
    std::uint64_t opened = 0;
    std::uint64_t returns = 0;
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::uint64_t not_permitted = 0;
    std::uint64_t would_refuse = 0;
    bool is_closed = true;
  } looked;
};

Result<std::unique_ptr<KeyedBreaker>> KeyedBreaker::Create(const KeyedBreakerOptions& options,
                                                           std::uint64_t seed,
                                                           SteadyTime now) {
  const Result<void> valid = CheckValid(options);
  if (!valid) return std::unexpected(valid.error());
  std::unique_ptr<KeyedBreaker> made(new KeyedBreaker(options, seed));
  Result<std::unique_ptr<Breaker>> shared = Breaker::Create(options.breaker, seed, now);
  if (!shared) return std::unexpected(shared.error());
  made->shared_ = std::make_unique<Entry>(0, std::move(*shared));
  return made;
}

KeyedBreaker::KeyedBreaker(const KeyedBreakerOptions& options, std::uint64_t seed)
    : name_(options.breaker.name),
      on_keys_full_(options.on_keys_full),
      next_seed_(seed + 1),
      max_keys_(options.max_keys),
      options_(options.breaker) {}

KeyedBreaker::~KeyedBreaker() {
  ForEach(
      [](const Entry& entry) { SLUICE_ASSERT(entry.users.load(std::memory_order_acquire) == 0); });
}

template <typename Visit>
void KeyedBreaker::ForEach(Visit visit) const {
  for (const Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    for (const std::unique_ptr<Entry>& entry : part.entries)
      visit(*entry);
  }
  visit(*shared_);
}

// True when the part has room for one more. Requires its lock; what is pushed out is destroyed by
// the caller, after the lock.
bool KeyedBreaker::MakeRoom(Part& part, SteadyTime now, std::unique_ptr<Entry>& pushed_out) {
  const std::size_t bound = max_keys_.load(std::memory_order_relaxed);
  const std::size_t share = std::max<std::size_t>(1, (bound + kParts - 1) / kParts);
  if (part.entries.size() < share) return true;
  const std::size_t looks = std::min<std::size_t>(kLookedAtMax, part.entries.size());
  for (std::size_t look = 0; look < looks; ++look) {
    const auto candidate = std::prev(part.entries.end());
    Entry& entry = **candidate;
    const BreakerSnapshot state = entry.breaker->Snapshot(now);
    const bool is_used = entry.users.load(std::memory_order_acquire) != 0;
    // What all are set to by hand, a key that comes back is as well.
    const bool is_as_all = state.state != State::kClosed && state.state == by_hand();
    const bool may_go = is_as_all || IsHealthy(state) || IsAbandoned(state, now);
    if (is_used || !may_go) {
      // To the front, so that the next call looks at others.
      part.entries.splice(part.entries.begin(), part.entries, candidate);
      continue;
    }
    LookAt(entry, part.seen, now);
    if (!entry.looked.is_closed) --part.seen.stats.keys_not_closed;
    ++part.seen.stats.evicted_total;
    pushed_out = std::move(*candidate);
    part.index.erase(entry.hash);
    part.entries.erase(candidate);
    return true;
  }
  return false;
}

// The key's entry, entered; null: let it through.
KeyedBreaker::Entry* KeyedBreaker::Enter(std::uint64_t key_hash, SteadyTime now) {
  std::unique_ptr<Entry> pushed_out;
  Part& part = parts_[(key_hash >> 32U) % kParts];
  const std::scoped_lock lock(part.mutex);
  const auto found = part.index.find(key_hash);
  if (found != part.index.end()) {
    part.entries.splice(part.entries.begin(), part.entries, found->second);
    Entry& entry = **found->second;
    entry.users.fetch_add(1, std::memory_order_relaxed);
    return &entry;
  }
  if (MakeRoom(part, now, pushed_out)) {
    BreakerOptions options;
    {
      const std::scoped_lock options_lock(options_mutex_);
      options = options_;
    }
    Result<std::unique_ptr<Breaker>> made =
        Breaker::Create(options, next_seed_.fetch_add(1, std::memory_order_relaxed), now);
    SLUICE_ASSERT(made.has_value());  // The options were validated.
    // Under the lock: who sets all keys by hand meets this one, or it meets what was set.
    if (by_hand() != State::kClosed) SetTo(by_hand(), **made, now);
    part.entries.push_front(std::make_unique<Entry>(key_hash, std::move(*made)));
    part.index.emplace(key_hash, part.entries.begin());
    part.entries.front()->users.fetch_add(1, std::memory_order_relaxed);
    return part.entries.front().get();
  }
  overflow_.fetch_add(1, std::memory_order_relaxed);
  if (on_keys_full_.load(std::memory_order_relaxed) == OnKeysFull::kAllow) return nullptr;
  shared_->users.fetch_add(1, std::memory_order_relaxed);
  return shared_.get();
}

GuardDecision KeyedBreaker::Acquire(const GuardRequest& request, SteadyTime now) {
  Entry* const entry = Enter(request.key_hash, now);
  GuardDecision decision;
  decision.admitted = true;
  if (entry == nullptr) return decision;
  const BreakerDecision decided = entry->breaker->TryAcquire(now);
  decision.admitted = decided.admitted;
  decision.would_refuse = decided.would_refuse;
  decision.retry_after = decided.retry_after;
  if (decided.admitted) {
    decision.permit = Permit(*entry, decided.token);
  } else {
    entry->Leave();
  }
  return decision;
}

void KeyedBreaker::SetByHand(State state, SteadyTime now) {
  by_hand_.store(state, std::memory_order_relaxed);
  ForEach([state, now](const Entry& entry) { SetTo(state, *entry.breaker, now); });
}

void KeyedBreaker::ForceOpen(SteadyTime now) {
  SetByHand(State::kForcedOpen, now);
}

void KeyedBreaker::Disable(SteadyTime now) {
  SetByHand(State::kDisabled, now);
}

void KeyedBreaker::MetricsOnly(SteadyTime now) {
  SetByHand(State::kMetricsOnly, now);
}

void KeyedBreaker::Close(SteadyTime now) {
  SetByHand(State::kClosed, now);
}

void KeyedBreaker::Reset(SteadyTime now) {
  by_hand_.store(State::kClosed, std::memory_order_relaxed);
  ForEach([now](const Entry& entry) { entry.breaker->Reset(now); });
}

// Adds to `seen` what is new of the key since its last look.
void KeyedBreaker::LookAt(Entry& entry, Seen& seen, SteadyTime now) {
  const BreakerSnapshot state = entry.breaker->Snapshot(now);  // Advances its time.
  const auto news = [](std::uint64_t& before, std::uint64_t count) {
    return count - std::exchange(before, count);
  };
  KeyedBreakerStats& stats = seen.stats;
  const std::uint64_t opened = news(entry.looked.opened, OpenedOf(state));
  stats.opened_total += opened;
  seen.opened_untold += opened;
  seen.returned_untold += news(entry.looked.returns, ReturnsOf(state));
  stats.successes_total += news(entry.looked.successes, state.successes_total);
  stats.failures_total += news(entry.looked.failures, state.failures_total);
  stats.not_permitted_total += news(entry.looked.not_permitted, state.not_permitted_total);
  stats.would_refuse_total += news(entry.looked.would_refuse, state.would_refuse_total);
  const bool was_closed = std::exchange(entry.looked.is_closed, IsClosed(state));
  if (was_closed && !entry.looked.is_closed) ++stats.keys_not_closed;
  if (!was_closed && entry.looked.is_closed) --stats.keys_not_closed;
}

// Requires the part's lock.
void KeyedBreaker::LookAtSome(Part& part, SteadyTime now) {
  const std::size_t buckets = part.index.bucket_count();
  std::size_t looked = 0;
  for (std::size_t i = 0; i < buckets && looked < kKeysALook; ++i) {
    if (part.next_bucket >= buckets) part.next_bucket = 0;
    const std::size_t bucket = part.next_bucket++;
    for (auto it = part.index.begin(bucket); it != part.index.end(bucket); ++it) {
      LookAt(**it->second, part.seen, now);
      ++looked;
    }
  }
}

KeyedBreakerNews KeyedBreaker::Look(SteadyTime now) {
  const std::scoped_lock look(look_mutex_);
  KeyedBreakerNews news;
  for (Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    LookAtSome(part, now);
    news.opened += std::exchange(part.seen.opened_untold, 0);
    news.returned += std::exchange(part.seen.returned_untold, 0);
    news.keys_not_closed += part.seen.stats.keys_not_closed;
    news.keys += part.entries.size();
  }
  LookAt(*shared_, shared_seen_, now);
  news.opened += std::exchange(shared_seen_.opened_untold, 0);
  if (by_hand() == State::kClosed) news.keys_not_closed += shared_seen_.stats.keys_not_closed;
  return news;
}

KeyedBreakerStats KeyedBreaker::Stats(SteadyTime now) {
  const std::scoped_lock look(look_mutex_);
  KeyedBreakerStats stats;
  for (Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    LookAtSome(part, now);
    Add(part.seen.stats, stats);
    stats.keys += part.entries.size();
  }
  // By hand it is set as the keys are, and would look like one.
  LookAt(*shared_, shared_seen_, now);
  const std::size_t keys_not_closed = stats.keys_not_closed;
  Add(shared_seen_.stats, stats);
  if (by_hand() != State::kClosed) stats.keys_not_closed = keys_not_closed;
  stats.overflow_total = overflow_.load(std::memory_order_relaxed);
  return stats;
}

Result<void> KeyedBreaker::Reconfigure(const KeyedBreakerOptions& options, SteadyTime now) {
  const Result<void> valid = CheckValid(options);
  if (!valid) return std::unexpected(valid.error());
  if (options.breaker.name != name_) {
    return Fail(ErrorCode::kInvalidOption, fmt::format("{}: cannot become {}; make a new breaker",
                                                       name_, options.breaker.name));
  }
  max_keys_.store(options.max_keys, std::memory_order_relaxed);
  on_keys_full_.store(options.on_keys_full, std::memory_order_relaxed);
  {
    const std::scoped_lock lock(options_mutex_);
    options_ = options.breaker;
  }
  ForEach([&](const Entry& entry) {
    const Result<void> done = entry.breaker->Reconfigure(options.breaker, now);
    SLUICE_ASSERT(done.has_value());  // Validated above.
  });
  return {};
}

}  // namespace sluice::breaker
