#include "sluice/platform/sim/trace.h"

#include <cstring>
#include <utility>

namespace sluice::sim {

std::string_view NameOf(Step step) {
  switch (step) {
    case Step::kPosted:
      return "posted";
    case Step::kTimers:
      return "timer";
    case Step::kConnect:
      return "connect";
    case Step::kConnected:
      return "connected";
    case Step::kRefused:
      return "refused";
    case Step::kAccepted:
      return "accepted";
    case Step::kSent:
      return "sent";
    case Step::kReceived:
      return "received";
    case Step::kEnded:
      return "ended";
    case Step::kReset:
      return "reset";
    case Step::kClosed:
      return "closed";
    case Step::kResolved:
      return "resolved";
    case Step::kFault:
      return "fault";
    case Step::kNote:
      return "note";
  }
  return "unknown";
}

void Trace::Add(TraceEntry entry) {
  ++counts_[static_cast<std::size_t>(entry.step)];
  Mix(static_cast<std::uint64_t>(entry.at.time_since_epoch().count()));
  Mix((static_cast<std::uint64_t>(entry.step) << 32U) | entry.loop);
  Mix(entry.subject);
  Mix(entry.detail);
  MixBytes(entry.text);
  if (entries_max_ == 0) return;
  if (entries_.size() == entries_max_) entries_.pop_front();
  entries_.push_back(std::move(entry));
}

void Trace::MixBytes(ByteView bytes) {
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    Mix(word);
    bytes.remove_prefix(sizeof word);
  }
  std::uint64_t rest = bytes.size();
  for (const char byte : bytes)
    rest = (rest << 8U) | static_cast<unsigned char>(byte);
  Mix(rest);
}

// One round of splitmix64's finalizer (Steele, Lea and Flood, 2014).
void Trace::Mix(std::uint64_t word) {
  hash_ = (hash_ ^ word) * 0xbf58476d1ce4e5b9U;
  hash_ ^= hash_ >> 29U;
}

}  // namespace sluice::sim
