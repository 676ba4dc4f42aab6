#include "tests/sim/stage.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/sim/config_writer.h"
#include "tests/sim/judge.h"
#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::scenario {
namespace {

const Address kClientHost = Address::Ipv4({10, 0, 0, 9}, 0);
// Longer than any delay that a scenario's upstream may still be sleeping through.
constexpr Nanos kStopLimit = std::chrono::hours(2);

sim::WorldOptions OptionsFor(const Scenario& scenario, std::uint64_t seed) {
  sim::WorldOptions options{.seed = seed, .shuffle = seed != 0, .recut = seed != 0};
  options.link.latency = scenario.latency;
  return options;
}

}  // namespace

Stage::Stage(const Scenario& scenario, std::uint64_t seed, const MakeSystem& make)
    : scenario_(scenario),
      world_(std::make_unique<sim::World>(OptionsFor(scenario, seed))),
      timeline_(world_->now()) {
  sim::Loop& servers = world_->AddLoop({.name = "upstreams"});
  for (const Upstream& upstream : scenario.upstreams) {
    upstreams_.push_back(std::make_unique<SimUpstream>(*world_, servers, timeline_, upstream));
  }
  system_ = make(*world_, scenario);
}

std::string Stage::Start() {
  for (const auto& upstream : upstreams_) {
    const Result<void> started = upstream->Start();
    if (!started) return fmt::format("upstream {}: {}", upstream->name(), started.error().detail);
  }
  const std::string config = scenario_.config.empty() ? WriteConfig(scenario_) : scenario_.config;
  const Result<void> started = system_->Start(config);
  if (!started) return fmt::format("the gateway did not start: {}", started.error().detail);
  timeline_ = Timeline(world_->now());
  return {};
}

void Stage::Stop(std::vector<std::string>& failures) {
  for (const auto& [name, client] : named_clients_) {
    const auto hang_up = [&client] { client->HangUp(/*reset=*/false); };
    client->loop().Enter(hang_up);
  }
  const auto clients_done = [this] { return clients_.running() == 0; };
  if (!world_->RunUntil(clients_done, kStopLimit)) failures.emplace_back("clients do not end");
  system_->Stop();
  for (const auto& upstream : upstreams_)
    upstream->Stop();
  const auto upstreams_done = [this] {
    const auto stopped = [](const auto& upstream) { return upstream->stopped(); };
    return std::ranges::all_of(upstreams_, stopped);
  };
  if (!world_->RunUntil(upstreams_done, kStopLimit)) failures.emplace_back("upstreams do not end");
  const bool left_open = world_->open_streams() > 0 || world_->open_listeners() > 0 ||
                         world_->pending_operations() > 0;
  if (!left_open) return;
  failures.push_back(fmt::format(
      "after its stop the gateway has left {} streams, {} listeners and {} operations open",
      world_->open_streams(), world_->open_listeners(), world_->pending_operations()));
}

sim::Loop& Stage::ClientLoop(const Address& host) {
  sim::Loop*& loop = client_loops_[host];
  if (loop == nullptr) loop = &world_->AddLoop({.name = "clients", .host = host});
  return *loop;
}

bool Stage::Send(Batch& batch, std::size_t index) {
  const SendRequests& send = *batch.send;
  sim::Loop& loop = ClientLoop(send.from_host.value_or(kClientHost));
  ClientConnection* connection = nullptr;
  if (send.client.empty()) {
    batch.connections[index] = std::make_unique<ClientConnection>(loop);
    connection = batch.connections[index].get();
  } else {
    auto& named = named_clients_[send.client];
    if (named == nullptr) named = std::make_unique<ClientConnection>(loop);
    connection = named.get();
  }
  if (connection->busy()) return false;
  ExchangePlan plan =
      MakePlan(send, send.to.value_or(scenario_.gateway), scenario_.patience, index + 1);
  const auto start = [&, this] {
    clients_.Spawn(RunClient(*connection, std::move(plan), batch, index));
  };
  connection->loop().Enter(start);
  return true;
}

// The stage and the batch outlive it: the runner keeps both until nothing is outstanding.
Task<void> Stage::RunClient(ClientConnection& connection,
                            ExchangePlan plan,
                            Batch& batch,
                            std::size_t index) {
  co_await connection.Run(std::move(plan), batch.answers[index]);
  Note(fmt::format("client {} of line {}: {}", index + 1, batch.step->line,
                   Tell(batch.answers[index])));
  --batch.outstanding;
}

bool Stage::Act(const ClientAct& act) {
  const auto found = named_clients_.find(act.client);
  if (found == named_clients_.end()) return false;
  ClientConnection& client = *found->second;
  const auto work = [&act, &client] {
    switch (act.kind) {
      case ClientAct::Kind::kHangsUp:
        client.HangUp(/*reset=*/false);
        return;
      case ClientAct::Kind::kResets:
        client.HangUp(/*reset=*/true);
        return;
      case ClientAct::Kind::kEndsSending:
        client.EndSending();
        return;
    }
  };
  client.loop().Enter(work);
  return true;
}

Answer Stage::Call(const AdminCall& call) {
  SendRequests send{.method = call.method, .target = call.target};
  send.headers.emplace_back("Host", scenario_.admin.ToString());
  if (!call.body.empty() || call.method == "POST") {
    send.headers.emplace_back("Content-Type", "application/json");
    send.body = call.body;
  }
  send.expectation.emplace();
  send.to = scenario_.admin;
  const Step step{};
  Batch batch{.step = &step, .send = &send, .answers = {}, .connections = {}, .outstanding = 1};
  batch.answers.resize(1);
  batch.connections.resize(1);
  SLUICE_ASSERT(Send(batch, 0));
  const auto answered = [&batch] { return batch.outstanding == 0; };
  SLUICE_ASSERT(world_->RunUntil(answered, 2 * scenario_.patience + std::chrono::minutes(1)));
  return std::move(batch.answers.front());
}

void Stage::SetName(const scenario::SetName& set) {
  sim::NameTable& names = world_->names();
  switch (set.kind) {
    case SetName::Kind::kIs:
      names.Set(set.host, set.answer);
      return;
    case SetName::Kind::kFails:
      names.Fail(set.host);
      return;
    case SetName::Kind::kSilent:
      names.Silence(set.host);
      return;
    case SetName::Kind::kGone:
      names.Remove(set.host);
      return;
  }
}

void Stage::SetFaultPoint(const scenario::SetFaultPoint& set) {
  if (set.options) {
    world_->faults().Arm(set.name, *set.options);
  } else {
    world_->faults().Disarm(set.name);
  }
}

void Stage::SetGatewayLatency(Nanos latency) {
  sim::LinkOptions link = world_->faults().link(scenario_.gateway);
  link.latency = latency;
  world_->faults().SetLink(scenario_.gateway, link);
}

SimUpstream& Stage::upstream(const std::string& name) {
  for (const auto& upstream : upstreams_) {
    if (upstream->name() == name) return *upstream;
  }
  SLUICE_ASSERT(false);  // The parser has checked the names.
  return *upstreams_.front();
}

}  // namespace sluice::scenario
