// HeavyHitters: which keys of a rule ask most, now.
//
// A count-min sketch (Cormode and Muthukrishnan, 2005; 4 rows of 8192 counters, with conservative
// update) estimates how often a key asks, never too low; the sixteen greatest stand in a table. All
// counts are halved every second, so they tell of the last seconds. Bounded: some 130 KiB a rule,
// however many keys there are.
//
// Off the path of requests: a busy rule notes only a part of its requests, each for the others, so
// that a second has about `kNotesPerSecond` notes; and a note that finds the table taken by another
// thread is dropped. Hashes are those of KeyHasher, so nobody outside can aim at another's
// counters.
//
// Thread-safe.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"

namespace sluice::limit {

struct HeavyHitter {
  std::uint64_t key_hash = 0;
  double per_second = 0;          // Requests, estimated.
  double refused_per_second = 0;  // Of them, while the key was among the greatest.
  std::string text;               // As NoteText() had it; empty: nobody has told.
};

enum class Asked : std::uint8_t { kAdmitted, kRefused };

class HeavyHitters {
 public:
  static constexpr std::size_t kTop = 16;
  static constexpr std::size_t kTextMax = 64;
  static constexpr std::uint32_t kNotesPerSecond = 4'096;

  explicit HeavyHitters(SteadyTime now);
  HeavyHitters(const HeavyHitters&) = delete;
  HeavyHitters& operator=(const HeavyHitters&) = delete;

  // Counts one request. True when the key is among the greatest and its text is not known yet: then
  // tell it by NoteText().
  [[nodiscard]] bool Note(std::uint64_t key_hash, Asked asked, SteadyTime now) {
    const std::uint32_t shift = shift_.load(std::memory_order_relaxed);
    if (shift > 0 && !IsSampled(shift)) return false;
    return Count(key_hash, asked, now, shift);
  }

  // At most kTextMax bytes of it are kept, as long as the key is among the greatest.
  void NoteText(std::uint64_t key_hash, std::string_view text);

  // The greatest first, at most `most`. Allocates.
  [[nodiscard]] std::vector<HeavyHitter> Top(SteadyTime now, std::size_t most) const;

  [[nodiscard]] static std::size_t bytes();

 private:
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t kColumns = 8'192;
  static constexpr std::uint32_t kShiftMax = 10;
  using Sketch = std::array<std::array<std::uint32_t, kColumns>, kRows>;

  struct Entry {
    std::uint32_t count = 0;
    std::uint32_t refused = 0;
    bool has_text = false;  // Which may be empty.
    std::uint8_t text_size = 0;
    std::array<char, kTextMax> text{};
  };

  // True for one of 2^shift calls, in no order that requests could have.
  [[nodiscard]] static bool IsSampled(std::uint32_t shift);
  [[nodiscard]] bool Count(std::uint64_t key_hash,
                           Asked asked,
                           SteadyTime now,
                           std::uint32_t shift);
  [[nodiscard]] std::uint32_t Raise(std::uint64_t key_hash, std::uint32_t weight);
  // Where the key stands among the greatest, perhaps instead of the least; kTop: nowhere.
  [[nodiscard]] std::size_t PlaceOf(std::uint64_t key_hash, std::uint32_t count);
  void Age(SteadyTime now);

  std::atomic<std::uint32_t> shift_{0};  // Each note stands for 2^shift requests.
  mutable Spinlock lock_;
  SteadyTime halved_at_;
  std::uint32_t notes_ = 0;  // Since then.
  std::uint32_t least_ = 0;  // No key of the table counts less.
  std::array<std::uint64_t, kTop> hashes_{};
  std::array<Entry, kTop> entries_;
  std::unique_ptr<Sketch> sketch_;
};

}  // namespace sluice::limit
