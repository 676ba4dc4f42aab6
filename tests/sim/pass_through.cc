#include "tests/sim/pass_through.h"

#include <array>
#include <chrono>
#include <utility>

#include "tests/sim/words.h"
#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::scenario {

Result<PassThrough::Config> PassThrough::Read(const std::string& text) {
  Config config;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    Words words("config", rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (words.empty()) continue;
    if (words.TakeIf("listen")) {
      config.listen = words.TakeAddress();
    } else if (words.TakeIf("forward")) {
      config.forward = words.TakeAddress();
    } else if (words.TakeIf("leak")) {
      config.leaks = true;
    }
    words.End();
    if (words.problem()) return Fail(ErrorCode::kInvalidConfig, *words.problem());
  }
  return config;
}

Result<void> PassThrough::Start(const std::string& config) {
  Result<Config> read = Read(config);
  if (!read) return std::unexpected(read.error());
  config_ = *read;
  Result<std::unique_ptr<Listener>> listener = loop_.Listen(config_.listen, {});
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  const auto accept = [this] { tasks_.Spawn(Accept()); };
  loop_.Enter(accept);
  return {};
}

Result<void> PassThrough::Reload(const std::string& config) {
  Result<Config> read = Read(config);
  if (!read) return std::unexpected(read.error());
  config_.forward = read->forward;
  return {};
}

void PassThrough::Drain() {
  const auto drain = [this] { listener_->Cancel(); };
  loop_.Enter(drain);
}

void PassThrough::Stop() {
  const auto stop = [this] { CancelAll(); };
  loop_.Enter(stop);
  const auto ended = [this] { return tasks_.running() == 0; };
  SLUICE_ASSERT(world_.RunUntil(ended, std::chrono::minutes(1)));
  if (config_.leaks) leaked_ = std::move(loop_.Listen(config_.listen, {}).value());
}

void PassThrough::CancelAll() {
  if (listener_ != nullptr) listener_->Cancel();
  for (Stream* stream : streams_)
    stream->Cancel();
}

std::string PassThrough::MetricsText() {
  return fmt::format(
      "# TYPE pass_through_connections_total counter\n"
      "pass_through_connections_total{{listener=\"public\"}} {}\n",
      connections_total_);
}

void PassThrough::LimitStreams(std::size_t streams_max) {
  world_.faults().LimitStreams(loop_, streams_max);
}

Task<void> PassThrough::Accept() {
  while (true) {
    Result<std::unique_ptr<Stream>> accepted = co_await listener_->Accept();
    if (!accepted) break;
    tasks_.Spawn(Join(std::move(*accepted)));
  }
  listener_.reset();
}

Task<void> PassThrough::Join(std::unique_ptr<Stream> client) {
  ++connections_total_;
  const SteadyTime deadline = loop_.now() + std::chrono::seconds(1);
  Result<std::unique_ptr<Stream>> connected = co_await loop_.Connect(config_.forward, deadline);
  if (!connected) {
    client->ResetOnClose();
    co_return;
  }
  const std::unique_ptr<Stream> server = std::move(*connected);
  streams_.push_back(client.get());
  streams_.push_back(server.get());
  TaskGroup copies;
  copies.Spawn(Copy(*client, *server));
  copies.Spawn(Copy(*server, *client));
  co_await copies.Drained();
  std::erase(streams_, client.get());
  std::erase(streams_, server.get());
}

// Both streams live in Join(), which waits. The end of one direction ends the same of the other; an
// error ends both.
Task<void> PassThrough::Copy(Stream& from, Stream& to) {
  std::string bytes;
  while (true) {
    const Result<ByteView> received = co_await from.Receive(kNever);
    if (!received) {
      to.ResetOnClose();
      to.Cancel();
      co_return;
    }
    if (received->empty()) {
      to.ShutdownSend();
      co_return;
    }
    bytes = *received;
    const std::array<ByteView, 1> segments{bytes};
    const Result<void> sent = co_await to.Send(segments, kNever);
    if (!sent) {
      from.Cancel();
      co_return;
    }
  }
}

std::unique_ptr<SystemUnderTest> MakePassThrough(sim::World& world, const Scenario& /*scenario*/) {
  return std::make_unique<PassThrough>(world);
}

}  // namespace sluice::scenario
