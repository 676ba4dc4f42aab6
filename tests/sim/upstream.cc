#include "tests/sim/upstream.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace sluice::scenario {
namespace {

std::string_view ReasonOf(int status) {
  return status < 400 ? "OK" : "Failed";
}

// The body as chunks of at most 1000 bytes.
std::string Chunked(std::string_view body) {
  constexpr Bytes kChunkBytesMax = 1000;
  std::string chunks;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, kChunkBytesMax);
    chunks += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    body.remove_prefix(piece.size());
  }
  return chunks + "0\r\n\r\n";
}

}  // namespace

SimUpstream::SimUpstream(sim::World& world,
                         sim::Loop& loop,
                         Timeline& timeline,
                         const Upstream& upstream)
    : world_(world), loop_(loop), timeline_(timeline), name_(upstream.name) {
  for (const Address& address : upstream.endpoints) {
    auto endpoint = std::make_unique<Endpoint>();
    endpoint->number = endpoints_.size() + 1;
    endpoint->address = address;
    endpoint->behaviour = upstream.behaviour;
    endpoints_.push_back(std::move(endpoint));
  }
  Behave(/*endpoint=*/0, upstream.behaviour);
}

template <typename Visit>
void SimUpstream::ForEach(std::size_t endpoint, const Visit& visit) {
  for (const auto& each : endpoints_) {
    if (endpoint == 0 || each->number == endpoint) visit(*each);
  }
}

Result<void> SimUpstream::Start() {
  for (const auto& endpoint : endpoints_) {
    Result<std::unique_ptr<Listener>> listener = loop_.Listen(endpoint->address, {});
    if (!listener) return std::unexpected(listener.error());
    endpoint->listener = std::move(*listener);
    const auto accept = [this, &endpoint] { tasks_.Spawn(AcceptFrom(*endpoint)); };
    loop_.Enter(accept);
  }
  return {};
}

void SimUpstream::Behave(std::size_t endpoint, const Behaviour& behaviour) {
  const auto behave = [this, &behaviour](Endpoint& each) {
    sim::Faults& faults = world_.faults();
    switch (behaviour.kind) {
      case Behaviour::Kind::kRefuses:
        faults.RefuseConnects(each.address);
        return;
      case Behaviour::Kind::kSilent:
        faults.SetSilence(each.address, sim::Silence::kAll);
        return;
      case Behaviour::Kind::kAccepts:
        faults.Restore(each.address);
        return;
      case Behaviour::Kind::kAnswers:
      case Behaviour::Kind::kAnswersRaw:
        faults.Restore(each.address);
        each.behaviour = behaviour;
        return;
      case Behaviour::Kind::kStopsAnswering:
        each.behaviour = behaviour;
        return;
    }
  };
  ForEach(endpoint, behave);
}

void SimUpstream::ResetConnections(std::size_t endpoint) {
  ForEach(endpoint, [this](Endpoint& each) { world_.faults().ResetConnections(each.address); });
}

void SimUpstream::SetLatency(std::size_t endpoint, Nanos latency) {
  const auto set = [this, latency](Endpoint& each) {
    sim::LinkOptions link = world_.faults().link(each.address);
    link.latency = latency;
    world_.faults().SetLink(each.address, link);
  };
  ForEach(endpoint, set);
}

void SimUpstream::Stop() {
  const auto stop = [this] {
    for (const auto& endpoint : endpoints_) {
      if (endpoint->listener != nullptr) endpoint->listener->Cancel();
      for (Stream* stream : endpoint->streams)
        stream->Cancel();
    }
  };
  loop_.Enter(stop);
}

std::uint64_t SimUpstream::requests(std::size_t endpoint) const {
  std::uint64_t sum = 0;
  for (const auto& each : endpoints_) {
    if (endpoint == 0 || each->number == endpoint) sum += each->requests;
  }
  return sum;
}

std::size_t SimUpstream::connections(std::size_t endpoint) const {
  std::size_t sum = 0;
  for (const auto& each : endpoints_) {
    if (endpoint == 0 || each->number == endpoint) sum += each->streams.size();
  }
  return sum;
}

bool SimUpstream::Saw(std::size_t endpoint, const std::string& text) const {
  for (const auto& each : endpoints_) {
    const bool asked_for = endpoint == 0 || each->number == endpoint;
    if (asked_for && each->bytes_seen.find(text) != std::string::npos) return true;
  }
  return false;
}

void SimUpstream::Note(const Endpoint& endpoint, std::string text) {
  timeline_.Add(loop_.now(), fmt::format("upstream {}/{} {}", name_, endpoint.number, text));
}

// `endpoint` belongs to the upstream, which its runner keeps until stopped().
Task<void> SimUpstream::AcceptFrom(Endpoint& endpoint) {
  while (true) {
    Result<std::unique_ptr<Stream>> accepted = co_await endpoint.listener->Accept();
    if (!accepted) break;
    tasks_.Spawn(Serve(endpoint, std::move(*accepted)));
  }
  endpoint.listener.reset();
}

Task<void> SimUpstream::Serve(Endpoint& endpoint, std::unique_ptr<Stream> stream) {
  endpoint.streams.push_back(stream.get());
  MessageReader reader(MessageReader::Side::kRequests);
  bool goes_on = true;
  while (goes_on)
    goes_on = co_await ServeOne(endpoint, *stream, reader);
  std::erase(endpoint.streams, stream.get());
}

Task<bool> SimUpstream::ServeOne(Endpoint& endpoint, Stream& stream, MessageReader& reader) {
  reader.Begin();
  while (!reader.complete()) {
    const Result<ByteView> received = co_await stream.Receive(kNever);
    if (!received || received->empty()) co_return false;
    endpoint.bytes_seen += *received;
    if (endpoint.bytes_seen.size() > 2 * kBytesSeenMax) {
      endpoint.bytes_seen.erase(0, endpoint.bytes_seen.size() - kBytesSeenMax);
    }
    reader.Feed(*received);
    if (!reader.problem().empty()) {
      Note(endpoint, fmt::format("was sent nonsense: {}", reader.problem()));
      co_return false;
    }
  }
  ++endpoint.requests;
  Note(endpoint, fmt::format("got {}", reader.message().start_line));
  Behaviour behaviour = endpoint.behaviour;
  if (behaviour.kind == Behaviour::Kind::kStopsAnswering) {
    co_await WaitForEnd(stream);
    co_return false;
  }
  if (world_.random().Strikes(behaviour.failing_ratio)) {
    behaviour.status = behaviour.failing_status;
  }
  co_return co_await Answer(endpoint, stream, std::move(behaviour), reader.message().method);
}

Task<void> SimUpstream::WaitForEnd(Stream& stream) {
  while (true) {
    const Result<ByteView> received = co_await stream.Receive(kNever);
    if (!received || received->empty()) co_return;
  }
}

std::string SimUpstream::Compose(const Endpoint& endpoint,
                                 const Behaviour& behaviour,
                                 const std::string& method) const {
  const std::string body = behaviour.body.value_or(name_);
  if (behaviour.kind == Behaviour::Kind::kAnswersRaw) return body;
  std::string answer = fmt::format("HTTP/1.1 {} {}\r\nx-answered-by: {}/{}\r\n", behaviour.status,
                                   ReasonOf(behaviour.status), name_, endpoint.number);
  for (const auto& [name, value] : behaviour.headers)
    answer += fmt::format("{}: {}\r\n", name, value);
  if (behaviour.closes_after) answer += "connection: close\r\n";
  const bool has_body = behaviour.status != 204 && behaviour.status != 304;
  if (has_body && behaviour.chunked) {
    answer += "transfer-encoding: chunked\r\n";
  } else if (has_body) {
    answer += fmt::format("content-length: {}\r\n", body.size());
  }
  answer += "\r\n";
  if (!has_body || method == "HEAD") return answer;
  const Bytes head_bytes = answer.size();
  answer += behaviour.chunked ? Chunked(body) : body;
  if (behaviour.cut_after)
    answer.resize(std::min(answer.size(), head_bytes + *behaviour.cut_after));
  return answer;
}

// When the request will be done: it waits in order for the place that is free first, and is worked
// on even if its client is gone by then, as a thread of a real server would.
SteadyTime SimUpstream::TakePlace(Endpoint& endpoint, const Behaviour& behaviour) const {
  endpoint.busy_until.resize(behaviour.capacity);
  const auto first = std::ranges::min_element(endpoint.busy_until);
  *first = std::max(*first, loop_.now()) + behaviour.work;
  return *first;
}

Task<bool> SimUpstream::Answer(Endpoint& endpoint,
                               Stream& stream,
                               Behaviour behaviour,
                               std::string method) {
  if (behaviour.capacity > 0) co_await loop_.SleepUntil(TakePlace(endpoint, behaviour));
  if (behaviour.delay > Nanos(0)) co_await loop_.SleepUntil(loop_.now() + behaviour.delay);
  const bool raw = behaviour.kind == Behaviour::Kind::kAnswersRaw;
  const std::string told = raw ? "raw bytes" : std::to_string(behaviour.status);
  std::string bytes = Compose(endpoint, behaviour, method);
  const bool cut = behaviour.cut_after.has_value();
  const bool resets = cut && behaviour.cut_by_reset;
  const bool closes = behaviour.closes_after || cut || raw;
  const bool sent = co_await SendPaced(stream, std::move(bytes), std::move(behaviour));
  Note(endpoint, sent ? fmt::format("answered {}", told) : "could not answer");
  if (resets) stream.ResetOnClose();
  co_return sent && !closes;
}

Task<bool> SimUpstream::SendPaced(Stream& stream, std::string bytes, Behaviour behaviour) {
  const Bytes piece_bytes = behaviour.piece_bytes == 0 ? bytes.size() : behaviour.piece_bytes;
  for (Bytes at = 0; at < bytes.size(); at += piece_bytes) {
    const std::array<ByteView, 1> piece{ByteView(bytes).substr(at, piece_bytes)};
    const Result<void> sent = co_await stream.Send(piece, kNever);
    if (!sent) co_return false;
    const bool last = at + piece_bytes >= bytes.size();
    if (!last) co_await loop_.SleepUntil(loop_.now() + behaviour.piece_every);
  }
  co_return true;
}

}  // namespace sluice::scenario
