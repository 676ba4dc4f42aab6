#include "sluice/platform/sim/connection.h"

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/network.h"
#include "sluice/platform/sim/stream.h"

namespace sluice::sim {

Connection::Connection(Network& network, std::uint64_t number, Site& site, Random* recut)
    : network_(network), number_(number), site_(site), pipes_{Pipe(recut), Pipe(recut)} {}

bool Connection::Drained(Role role) const {
  return outgoing(role).Drained(site_.link);
}

void Connection::Write(Role role, std::span<const ByteView> segments) {
  Pipe& pipe = pipe_to(Other(role));
  Bytes written = 0;
  for (const ByteView segment : segments) {
    pipe.Write(segment);
    written += segment.size();
  }
  network_.Note(Step::kSent, *end(role).loop, number_, written);
  Flush(role);
}

void Connection::DropOverflow(Role role) {
  pipe_to(Other(role)).DropOverflow(site_.link);
}

void Connection::EndWriting(Role role) {
  pipe_to(Other(role)).End();
  Flush(role);
}

Bytes Connection::Read(Role role, std::span<char> room) {
  const SteadyTime grant_at = network_.now() + site_.link.latency;
  const Bytes read = pipe_to(role).Read(room, grant_at);
  network_.ScheduleGrant(pipe_to(role).last_grant(), *this, Other(role));
  return read;
}

void Connection::Flush(Role role) {
  std::vector<SteadyTime>& arrivals = network_.scratch();
  pipe_to(Other(role)).Transmit(network_.now(), site_.link, arrivals);
  for (const SteadyTime at : arrivals)
    network_.ScheduleArrival(at, *this, Other(role));
}

void Connection::SendReset(Role role) {
  Pipe& pipe = pipe_to(Other(role));
  if (pipe.reset_sent()) return;
  const SteadyTime arrival = pipe.Reset(network_.now() + site_.link.latency);
  network_.ScheduleArrival(arrival, *this, Other(role));
}

void Connection::Close(Role role, bool reset) {
  End& mine = end(role);
  SLUICE_ASSERT(!mine.closed);
  mine.closed = true;
  mine.stream = nullptr;
  network_.Note(Step::kClosed, *mine.loop, number_, reset ? 1 : 0);
  if (end(Other(role)).closed) {
    network_.Remove(number_);  // Destroys this.
    return;
  }
  if (reset || incoming(role).unread() > 0) {
    SendReset(role);
  } else {
    EndWriting(role);
  }
}

void Connection::ResetBoth() {
  reset_by_fault_ = true;
  for (const Role role : {Role::kClient, Role::kServer}) {
    pipe_to(role).ResetAtOnce(network_.now());
    network_.ScheduleArrival(network_.now(), *this, role);
  }
}

void Connection::Resume() {
  for (const Role role : {Role::kClient, Role::kServer}) {
    network_.ScheduleArrival(network_.now(), *this, role);
    network_.ScheduleGrant(network_.now(), *this, role);
  }
}

bool Connection::Silent() const {
  return !reset_by_fault_ && network_.Silent(site_, *end(Role::kClient).loop);
}

void Connection::OnArrival(Role role) {
  if (Silent()) return;  // Resume() looks again.
  const Pipe::Arrived arrived = pipe_to(role).Arrive(network_.now(), site_.link);
  if (arrived.more) network_.ScheduleArrival(network_.now(), *this, role);
  const std::uint64_t number = number_;
  Network& network = network_;
  const End& mine = end(role);
  if (arrived.end) network.Note(Step::kEnded, *mine.loop, number, 0);
  if (arrived.reset) {
    network.Note(Step::kReset, *mine.loop, number, 0);
    // Nothing we still send can arrive.
    (void)pipe_to(Other(role)).Reset(network.now() + site_.link.latency);
  }
  if (mine.closed) {
    if (arrived.bytes > 0 && !arrived.reset) SendReset(role);
    return;
  }
  if (mine.stream == nullptr) return;  // In a backlog: who accepts it will look.
  const bool receiver_knows = mine.stream->OnReadable();
  // The receiver was resumed and may have destroyed its stream.
  const Connection* still = network.Find(number);
  if (still == nullptr || still->end(role).stream == nullptr) return;
  Stream& stream = *still->end(role).stream;
  if (arrived.reset) stream.OnReset();
  if ((arrived.end || arrived.reset) && !receiver_knows) stream.MaybeHangUp();
}

void Connection::OnGrant(Role role) {
  if (Silent()) return;
  Pipe& pipe = pipe_to(Other(role));
  pipe.TakeGrants(network_.now());
  Flush(role);
  if (end(role).stream != nullptr && pipe.Drained(site_.link)) end(role).stream->OnDrained();
}

}  // namespace sluice::sim
