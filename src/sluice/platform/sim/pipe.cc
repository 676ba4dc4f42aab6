#include "sluice/platform/sim/pipe.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "sluice/contract/assert.h"

namespace sluice::sim {
namespace {

// Short pieces are as likely as long ones: the length of the length is drawn first.
Bytes DrawPiece(Random& random, Bytes bytes_max) {
  const auto width = static_cast<std::uint64_t>(std::bit_width(bytes_max));
  const std::uint64_t ceiling = std::uint64_t{1} << (1 + random.Below(width));
  return std::min<Bytes>(bytes_max, 1 + random.Below(ceiling));
}

Nanos TimeOnWire(Bytes bytes, std::uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return Nanos(0);
  const Wide nanos = static_cast<Wide>(bytes) * 1'000'000'000U / bytes_per_second;
  return Nanos(static_cast<Nanos::rep>(nanos));
}

}  // namespace

void Pipe::DropOverflow(const LinkOptions& link) {
  if (!Drained(link)) bytes_.Truncate(arrived_ + flying_ + link.send_buffer_bytes);
}

SteadyTime Pipe::Reset(SteadyTime arrival) {
  if (!reset_sent()) {
    bytes_.Truncate(arrived_ + flying_);
    reset_at_ = std::max(arrival, last_arrival_);
  }
  return reset_at_;
}

void Pipe::ResetAtOnce(SteadyTime now) {
  bytes_.Truncate(arrived_);
  flying_ = 0;
  packets_.clear();
  reset_at_ = now;
}

void Pipe::Transmit(SteadyTime now, const LinkOptions& link, std::vector<SteadyTime>& arrivals) {
  if (reset_sent()) return;
  while (unsent() > 0 && ungranted_ < link.receive_buffer_bytes) {
    Launch(NextPiece(link), now, link, arrivals);
  }
  if (end_written_ && !end_sent_ && unsent() == 0) {
    end_sent_ = true;
    Launch(0, now, link, arrivals);
  }
}

Bytes Pipe::NextPiece(const LinkOptions& link) const {
  const Bytes room = link.receive_buffer_bytes - ungranted_;
  const Bytes piece = std::min({room, unsent(), link.segment_bytes_max});
  return random_ == nullptr ? piece : DrawPiece(*random_, piece);
}

void Pipe::Launch(Bytes piece,
                  SteadyTime now,
                  const LinkOptions& link,
                  std::vector<SteadyTime>& arrivals) {
  wire_free_at_ = std::max(wire_free_at_, now) + TimeOnWire(piece, link.bytes_per_second);
  // A latency that shrank must not let later bytes overtake.
  last_arrival_ = std::max(wire_free_at_ + link.latency, last_arrival_);
  packets_.push_back({.at = last_arrival_, .bytes = piece});
  flying_ += piece;
  ungranted_ += piece;
  if (arrivals.empty() || arrivals.back() != last_arrival_) arrivals.push_back(last_arrival_);
}

void Pipe::TakeGrants(SteadyTime now) {
  while (!grants_.empty() && grants_.front().at <= now) {
    ungranted_ -= grants_.front().bytes;
    grants_.pop_front();
  }
}

Pipe::Arrived Pipe::Arrive(SteadyTime now, const LinkOptions& link) {
  Arrived arrived;
  while (!packets_.empty() && packets_.front().at <= now) {
    const Bytes piece = packets_.front().bytes;
    packets_.pop_front();
    if (piece == 0) arrived.end = end_arrived_ = true;
    arrived.bytes += piece;
    arrived_ += piece;
    flying_ -= piece;
    // Pieces that were cut by chance are seen one by one, though they arrive at one moment.
    if (random_ != nullptr) break;
  }
  arrived.more = !packets_.empty() && packets_.front().at <= now;
  if (!reset_arrived_ && reset_at_ <= now && packets_.empty()) {
    arrived.reset = reset_arrived_ = true;
    if (link.reset_discards_received) {
      bytes_.Take(arrived_);
      arrived_ = 0;
    }
  }
  return arrived;
}

Bytes Pipe::Read(std::span<char> room, SteadyTime grant_at) {
  Bytes piece = std::min(room.size(), arrived_);
  SLUICE_ASSERT(piece > 0);
  if (random_ != nullptr) piece = DrawPiece(*random_, piece);
  std::memcpy(room.data(), bytes_.view().data(), piece);
  bytes_.Take(piece);
  arrived_ -= piece;
  // Grants follow one another, whatever the latency does meanwhile.
  if (!grants_.empty()) grant_at = std::max(grant_at, grants_.back().at);
  grants_.push_back({.at = grant_at, .bytes = piece});
  return piece;
}

}  // namespace sluice::sim
