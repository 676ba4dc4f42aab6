// Trace: what happened in a world, as a hash of everything and as a bounded list of the last steps.
//
// Two runs with the same seed and the same program have the same hash; when they have not, the
// program read something outside its parameters. Not thread-safe: belongs to one world.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"

namespace sluice::sim {

enum class Step : std::uint8_t {
  kPosted,     // Work posted to a loop ran.
  kTimers,     // Timers of one moment fired.
  kConnect,    // A connection was asked for.
  kConnected,  // …and stands.
  kRefused,    // …or was refused.
  kAccepted,   // The server took it.
  kSent,       // Bytes left a sender.
  kReceived,   // Bytes were handed to a receiver.
  kEnded,      // An end of stream arrived.
  kReset,      // A reset arrived.
  kClosed,     // One end was closed.
  kResolved,   // A name was answered.
  kFault,      // A fault was switched, or struck.
  kNote,       // The program under simulation said something.
};

[[nodiscard]] std::string_view NameOf(Step step);

struct TraceEntry {
  SteadyTime at{};
  Step step = Step::kNote;
  std::uint32_t loop = 0;     // Its number in the world, from 0.
  std::uint64_t subject = 0;  // The connection's number; 0 where there is none.
  std::uint64_t detail = 0;   // Bytes, an error code, a count: as the step has it.
  std::string text;           // Of notes and faults.
};

class Trace {
 public:
  // Keeps the last `entries_max` steps for people; the hash covers all.
  explicit Trace(std::size_t entries_max) : entries_max_(entries_max) {}

  void Add(TraceEntry entry);
  // Mixes bytes that travelled, so that a changed byte changes the hash.
  void MixBytes(ByteView bytes);

  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] const std::deque<TraceEntry>& entries() const { return entries_; }
  // How often `step` happened since the start.
  [[nodiscard]] std::uint64_t count(Step step) const {
    return counts_[static_cast<std::size_t>(step)];
  }

 private:
  void Mix(std::uint64_t word);

  static constexpr std::size_t kStepCount = static_cast<std::size_t>(Step::kNote) + 1;

  std::size_t entries_max_;
  std::deque<TraceEntry> entries_;
  std::array<std::uint64_t, kStepCount> counts_{};
  std::uint64_t hash_ = 0x9e3779b97f4a7c15U;
};

}  // namespace sluice::sim
