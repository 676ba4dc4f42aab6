#include "sluice/release/event_filter.h"

namespace sluice::release {
namespace {

// The finisher of MurmurHash3 (Appleby): each bit of the input changes half of the output's.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 33U)) * 0xff51afd7ed558ccdU;
  value = (value ^ (value >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33U);
}

constexpr std::uint64_t kBitCount = EventFilter::kWords * 64;
static_assert((kBitCount & (kBitCount - 1)) == 0);

}  // namespace

EventFilter::EventFilter() : words_(new std::atomic<std::uint64_t>[kWords] {}) {}

bool EventFilter::IsNew(std::uint64_t key_hash, std::uint32_t channel) {
  const std::uint64_t epoch = epoch_.load(std::memory_order_relaxed);
  const std::uint64_t first = Mix(key_hash ^ Mix(epoch * 64 + channel));
  // Kirsch and Mitzenmacher (2006): two hashes make as many as are needed.
  const std::uint64_t step = Mix(first) | 1U;
  std::uint64_t newly_set = 0;
  for (std::uint64_t i = 0; i < kProbes; ++i) {
    const std::uint64_t bit = (first + i * step) & (kBitCount - 1);
    const std::uint64_t mask = std::uint64_t{1} << (bit & 63U);
    const std::uint64_t before = words_[bit / 64].fetch_or(mask, std::memory_order_relaxed);
    if ((before & mask) == 0) ++newly_set;
  }
  if (newly_set > 0) bits_set_.fetch_add(newly_set, std::memory_order_relaxed);
  return newly_set > 0;
}

void EventFilter::BeginEpoch() {
  epoch_.fetch_add(1, std::memory_order_relaxed);
  if (bits_set_.load(std::memory_order_relaxed) < kBitCount / 3) return;
  for (std::size_t i = 0; i < kWords; ++i)
    words_[i].store(0, std::memory_order_relaxed);
  bits_set_.store(0, std::memory_order_relaxed);
}

}  // namespace sluice::release
