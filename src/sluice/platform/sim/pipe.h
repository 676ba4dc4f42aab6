// Pipe: one direction of a connection, from the sender's buffer over the wire to the reader.
//
// All bytes lie in one queue: first those that arrived and were not read, then those on the wire,
// then those the sender has handed over. What a reader takes is granted back to the sender one
// latency later, so a slow reader holds the sender up as a TCP window does.
// A pipe knows the time only as a parameter and schedules nothing: it says when to look again.

#pragma once

#include <deque>
#include <span>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/random.h"
#include "sluice/contract/time.h"
#include "sluice/platform/sim/byte_queue.h"
#include "sluice/platform/sim/link.h"

namespace sluice::sim {

class Pipe {
 public:
  // What may be drawn: with `random` runs of bytes are cut anew; nullptr cuts nothing.
  explicit Pipe(Random* random) : random_(random) {}

  // --- The sender's side.

  void Write(ByteView bytes) { bytes_.Append(bytes); }
  // True when all that was written is within the send buffer.
  [[nodiscard]] bool Drained(const LinkOptions& link) const {
    return unsent() <= link.send_buffer_bytes;
  }
  // Forgets what does not fit the send buffer.
  void DropOverflow(const LinkOptions& link);
  // The end comes after all that was written. Idempotent.
  void End() { end_written_ = true; }
  [[nodiscard]] bool end_written() const { return end_written_; }
  // Drops what has not left; the reset arrives behind what has, at `arrival` or at the time
  // returned.
  SteadyTime Reset(SteadyTime arrival);
  // Also takes back what is on its way.
  void ResetAtOnce(SteadyTime now);

  // Puts on the wire what the reader's buffer has room for. Adds to `arrivals` when the reader is
  // to look again, in order.
  void Transmit(SteadyTime now, const LinkOptions& link, std::vector<SteadyTime>& arrivals);
  // Takes the grants that have come back by `now`.
  void TakeGrants(SteadyTime now);

  // --- The reader's side.

  struct Arrived {
    Bytes bytes = 0;
    bool end = false;
    bool reset = false;
    bool more = false;  // Look again, in another turn.
  };
  // Moves what has come by `now` to the reader; says what is new.
  Arrived Arrive(SteadyTime now, const LinkOptions& link);
  // Copies up to `room.size()` bytes that have arrived, and grants them back as of `grant_at`.
  Bytes Read(std::span<char> room, SteadyTime grant_at);

  [[nodiscard]] Bytes unread() const { return arrived_; }
  [[nodiscard]] bool end_arrived() const { return end_arrived_; }
  [[nodiscard]] bool reset_arrived() const { return reset_arrived_; }
  // When the last Read() is granted back.
  [[nodiscard]] SteadyTime last_grant() const { return grants_.back().at; }
  [[nodiscard]] bool reset_sent() const { return reset_at_ != kNever; }

 private:
  struct Packet {
    SteadyTime at{};
    Bytes bytes = 0;  // 0: the end of the stream.
  };

  [[nodiscard]] Bytes unsent() const { return bytes_.size() - arrived_ - flying_; }
  [[nodiscard]] Bytes NextPiece(const LinkOptions& link) const;
  void Launch(Bytes piece,
              SteadyTime now,
              const LinkOptions& link,
              std::vector<SteadyTime>& arrivals);

  Random* random_;
  ByteQueue bytes_;
  Bytes arrived_ = 0;
  Bytes flying_ = 0;
  Bytes ungranted_ =
      0;  // Sent and not granted back: on the wire, unread, or the grant is under way.
  std::deque<Packet> packets_;
  std::deque<Packet> grants_;
  SteadyTime wire_free_at_{};
  SteadyTime last_arrival_{};
  SteadyTime reset_at_ = kNever;
  bool end_written_ = false;
  bool end_sent_ = false;
  bool end_arrived_ = false;
  bool reset_arrived_ = false;
};

}  // namespace sluice::sim
