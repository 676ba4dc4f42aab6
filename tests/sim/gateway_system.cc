#include "tests/sim/gateway_system.h"

#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/admin/access_policy.h"
#include "sluice/gateway/admin/metrics_text.h"
#include "sluice/gateway/config/load.h"
#include "sluice/platform/sim/memory_store.h"

namespace sluice::scenario {
namespace {

namespace admin = gateway::admin;

constexpr Nanos kStepMax = std::chrono::minutes(1);

// Recordings with an absolute path are files, for tests that look into them; others are in memory.
Result<gateway::RecordingPlace> PlaceRecording(const std::string& path,
                                               const std::string& /*key_path*/) {
  return gateway::RecordingPlace{.path = path.starts_with('/') ? path : ":memory:",
                                 .mask_key = {1, 2, 3}};
}

Result<std::string> NoFiles(const std::string& path) {
  return Fail(ErrorCode::kNotFound, fmt::format("a simulation has no file {}", path));
}

}  // namespace

GatewaySystem::GatewaySystem(sim::World& world, const Scenario& scenario)
    : world_(world),
      scenario_(scenario),
      control_(world.AddLoop({.name = "control", .host = scenario.gateway})),
      access_log_(std::make_shared<sim::MemorySink>()),
      background_({.workers = 1, .queue_max = 64, .duration = std::chrono::milliseconds(1)}) {
  for (std::size_t i = 0; i < kWorkers; ++i) {
    workers_.push_back(
        &world.AddLoop({.name = fmt::format("worker-{}", i), .host = scenario.gateway}));
  }
  const auto make = [this] {
    gateway_ = std::make_unique<gateway::Gateway>(World());
    api_ =
        std::make_unique<admin::AdminApi>(*gateway_, admin::ProcessHooks{.version = "simulated"});
  };
  control_.Enter(make);
}

GatewaySystem::~GatewaySystem() = default;

gateway::GatewayWorld GatewaySystem::World() {
  gateway::GatewayWorld world;
  world.control = &control_;
  for (sim::Loop* loop : workers_)
    world.workers.push_back(loop);
  world.open_access_log = [this](const std::string&) -> Result<std::shared_ptr<ByteSink>> {
    return std::shared_ptr<ByteSink>(access_log_);
  };
  world.read_file = &NoFiles;
  world.open_store = [](const std::string&) -> Result<std::unique_ptr<FileStore>> {
    return std::unique_ptr<FileStore>(std::make_unique<sim::MemoryStore>());
  };
  world.background = &background_;
  world.prepare_recording = &PlaceRecording;
  world.seed = world_.seed();
  return world;
}

Task<void> GatewaySystem::KeepApplied(std::string config, Result<void>& out, bool& done) {
  const gateway::config::LoadOutcome outcome = co_await gateway_->ApplyText(
      std::move(config), "scenario", gateway::Gateway::ApplyMode::kApply);
  if (!outcome.ok()) {
    out = Fail(ErrorCode::kInvalidConfig, gateway::config::FormatProblems(outcome));
  }
  done = true;
}

Result<void> GatewaySystem::Apply(const std::string& config) {
  Result<void> applied;
  bool done = false;
  const auto apply = [&] { tasks_.Spawn(KeepApplied(config, applied, done)); };
  control_.Enter(apply);
  const auto is_done = [&done] { return done; };
  SLUICE_ASSERT(world_.RunUntil(is_done, kStepMax));
  return applied;
}

Result<void> GatewaySystem::Start(const std::string& config) {
  Result<void> started = Apply(config);
  if (!started) return started;
  Result<admin::AccessPolicy> policy = admin::AccessPolicy::Create(scenario_.admin, "");
  if (!policy) return std::unexpected(policy.error());
  const auto serve_admin = [this, &policy, &started] {
    Result<std::unique_ptr<Listener>> listener = control_.Listen(scenario_.admin, {});
    if (!listener) {
      started = std::unexpected(listener.error());
      return;
    }
    admin_ = std::make_unique<admin::AdminServer>(control_, *api_, std::move(*policy));
    admin_->Start(std::move(*listener));
  };
  control_.Enter(serve_admin);
  return started;
}

Result<void> GatewaySystem::Reload(const std::string& config) {
  return Apply(config);
}

Task<void> GatewaySystem::DrainTask() {
  const std::uint64_t killed = co_await gateway_->Drain();
  static_cast<void>(killed);
  drained_ = true;
}

void GatewaySystem::Drain() {
  if (draining_) return;
  draining_ = true;
  const auto drain = [this] { tasks_.Spawn(DrainTask()); };
  control_.Enter(drain);
}

Task<void> GatewaySystem::StopTask(bool& done) {
  co_await gateway_->Stop();
  if (admin_ != nullptr) {
    admin_->RequestStop();
    co_await admin_->Stopped();
  }
  done = true;
}

void GatewaySystem::Stop() {
  if (draining_ && !drained_) {
    const auto hurry = [this] { gateway_->HurryDrain(); };
    control_.Enter(hurry);
    const auto is_drained = [this] { return drained_; };
    SLUICE_ASSERT(world_.RunUntil(is_drained, kStepMax));
  }
  bool done = false;
  const auto stop = [this, &done] { tasks_.Spawn(StopTask(done)); };
  control_.Enter(stop);
  const auto is_done = [&done] { return done; };
  SLUICE_ASSERT(world_.RunUntil(is_done, kStepMax));
  const auto forget = [this] {
    admin_.reset();
    api_.reset();
    gateway_.reset();
  };
  control_.Enter(forget);
}

std::size_t GatewaySystem::exchanges_in_flight() const {
  std::int64_t active = 0;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    active += gateway_->stats().worker(i).active_requests.value();
  }
  return static_cast<std::size_t>(active);
}

std::string GatewaySystem::MetricsText() {
  return admin::MetricsText(*gateway_, admin::ProcessHooks{.version = "simulated"});
}

void GatewaySystem::LimitStreams(std::size_t streams_max) {
  for (sim::Loop* loop : workers_)
    world_.faults().LimitStreams(*loop, streams_max);
}

std::unique_ptr<SystemUnderTest> MakeGateway(sim::World& world, const Scenario& scenario) {
  return std::make_unique<GatewaySystem>(world, scenario);
}

}  // namespace sluice::scenario
