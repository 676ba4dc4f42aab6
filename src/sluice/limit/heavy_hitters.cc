#include "sluice/limit/heavy_hitters.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace sluice::limit {

namespace {

constexpr Nanos kHalving = std::chrono::seconds(1);

std::uint32_t SaturatingAdd(std::uint32_t count, std::uint32_t more) {
  return count > std::numeric_limits<std::uint32_t>::max() - more
             ? std::numeric_limits<std::uint32_t>::max()
             : count + more;
}

}  // namespace

HeavyHitters::HeavyHitters(SteadyTime now) : halved_at_(now), sketch_(std::make_unique<Sketch>()) {}

std::size_t HeavyHitters::bytes() {
  return sizeof(HeavyHitters) + sizeof(Sketch);
}

bool HeavyHitters::IsSampled(std::uint32_t shift) {
  // A linear congruential generator (Numerical Recipes): its high bits have no short period.
  thread_local std::uint32_t state = 1;
  state = state * 1'664'525U + 1'013'904'223U;
  return state >> (32U - shift) == 0;
}

// Halves what was counted, once for each second that has passed, and sets the sampling by what the
// last of them had.
void HeavyHitters::Age(SteadyTime now) {
  if (now < halved_at_ + kHalving) return;
  const std::int64_t seconds = (now - halved_at_) / kHalving;
  const auto times = static_cast<std::uint32_t>(std::min<std::int64_t>(seconds, 31));
  for (auto& row : *sketch_) {
    for (std::uint32_t& count : row)
      count >>= times;
  }
  for (std::size_t place = 0; place < kTop; ++place) {
    entries_[place].count >>= times;
    entries_[place].refused >>= times;
    if (entries_[place].count > 0) continue;
    hashes_[place] = 0;
    entries_[place] = {};
  }
  least_ >>= times;
  const std::uint64_t requests = std::uint64_t{notes_} << shift_.load(std::memory_order_relaxed);
  const auto shift = static_cast<std::uint32_t>(std::bit_width(requests / kNotesPerSecond));
  shift_.store(seconds > 1 ? 0 : std::min(shift, kShiftMax), std::memory_order_relaxed);
  halved_at_ += seconds * kHalving;
  notes_ = 0;
}

// The key's new estimate: the least of its four counters and `weight`. Only counters below that are
// raised, which keeps other keys' counters lower.
std::uint32_t HeavyHitters::Raise(std::uint64_t key_hash, std::uint32_t weight) {
  const auto low = static_cast<std::uint32_t>(key_hash);
  const auto high = static_cast<std::uint32_t>(key_hash >> 32U) | 1U;
  std::array<std::uint32_t*, kRows> counters{};
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  for (std::uint32_t row = 0; row < kRows; ++row) {
    counters[row] = &(*sketch_)[row][(low + row * high) % kColumns];
    least = std::min(least, *counters[row]);
  }
  const std::uint32_t count = SaturatingAdd(least, weight);
  for (std::uint32_t* const counter : counters)
    *counter = std::max(*counter, count);
  return count;
}

std::size_t HeavyHitters::PlaceOf(std::uint64_t key_hash, std::uint32_t count) {
  for (std::size_t place = 0; place < kTop; ++place) {
    if (hashes_[place] == key_hash) return place;
  }
  if (count <= least_) return kTop;
  std::size_t lowest = 0;
  for (std::size_t place = 1; place < kTop; ++place) {
    if (entries_[place].count < entries_[lowest].count) lowest = place;
  }
  least_ = entries_[lowest].count;
  if (count <= least_) return kTop;
  hashes_[lowest] = key_hash;
  entries_[lowest] = {};
  return lowest;
}

bool HeavyHitters::Count(std::uint64_t key_hash, Asked asked, SteadyTime now, std::uint32_t shift) {
  if (key_hash == 0 || !lock_.TryLock()) return false;
  Age(now);
  ++notes_;
  const std::uint32_t weight = std::uint32_t{1} << shift;
  const std::uint32_t count = Raise(key_hash, weight);
  const std::size_t place = PlaceOf(key_hash, count);
  bool wants_text = false;
  if (place < kTop) {
    Entry& entry = entries_[place];
    entry.count = count;
    if (asked == Asked::kRefused) entry.refused = SaturatingAdd(entry.refused, weight);
    wants_text = !entry.has_text;
  }
  lock_.Unlock();
  return wants_text;
}

void HeavyHitters::NoteText(std::uint64_t key_hash, std::string_view text) {
  const SpinlockHolder holder(lock_);
  const auto found = std::ranges::find(hashes_, key_hash);
  if (found == hashes_.end() || key_hash == 0) return;
  Entry& entry = entries_[static_cast<std::size_t>(found - hashes_.begin())];
  entry.has_text = true;
  entry.text_size = static_cast<std::uint8_t>(std::min(text.size(), kTextMax));
  std::copy_n(text.begin(), entry.text_size, entry.text.begin());
}

std::vector<HeavyHitter> HeavyHitters::Top(SteadyTime now, std::size_t most) const {
  std::vector<HeavyHitter> top;
  top.reserve(kTop);
  const SpinlockHolder holder(lock_);
  // A steady rate r leaves r of the past at each halving, and adds r a second to that.
  const Nanos since = std::max(Nanos(0), now - halved_at_);
  const auto halvings = static_cast<std::uint32_t>(std::min<std::int64_t>(since / kHalving, 31));
  const double part = static_cast<double>((since % kHalving).count()) /
                      static_cast<double>(Nanos(kHalving).count());
  for (std::size_t place = 0; place < kTop; ++place) {
    const Entry& entry = entries_[place];
    if (hashes_[place] == 0 || entry.count >> halvings == 0) continue;
    top.push_back({.key_hash = hashes_[place],
                   .per_second = (entry.count >> halvings) / (1 + part),
                   .refused_per_second = (entry.refused >> halvings) / (1 + part),
                   .text = std::string(entry.text.data(), entry.text_size)});
  }
  std::ranges::sort(top, std::ranges::greater(), &HeavyHitter::per_second);
  if (top.size() > most) top.resize(most);
  return top;
}

}  // namespace sluice::limit
