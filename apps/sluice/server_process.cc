#include "server_process.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

#include "environment.h"
#include "exit_codes.h"
#include "guard_words.h"
#include "process_log.h"
#include "recording_place.h"
#include "version.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "sluice/gateway/admin/access_policy.h"
#include "sluice/gateway/admin/status_json.h"
#include "sluice/platform/linux/file_sink.h"
#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/folder_store.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/service_manager.h"

namespace sluice::app {
namespace {

constexpr std::string_view kNothingToReload =
    "started without a configuration file; `sluice reload -c FILE` puts one in force";

namespace admin = gateway::admin;
namespace config = gateway::config;

constexpr Bytes kBodyFileBytesMax = 16 * kMiB;
constexpr Bytes kTokenBytesMax = 4 * kKiB;
constexpr Nanos kLastTasksInterval = std::chrono::milliseconds(1);
constexpr Nanos kSuccessorReadyMax = std::chrono::seconds(30);
constexpr std::string_view kAdminOff = "off";

int ExitCodeOfError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kAddressInUse:
    case ErrorCode::kOutOfDescriptors:
    case ErrorCode::kInputOutput:
      return kUnreachable;
    default:
      return kUsage;
  }
}

Result<admin::ProcessNumbers> ReadUsage() {
  const Result<platform::ProcessUsage> usage = platform::ReadProcessUsage();
  if (!usage) return std::unexpected(usage.error());
  return admin::ProcessNumbers{.resident_bytes = usage->resident,
                               .open_files = usage->open_files,
                               .cpu_seconds = usage->cpu_seconds};
}

Result<std::shared_ptr<ByteSink>> OpenAccessLog(const std::string& path) {
  Result<std::unique_ptr<platform::FileSink>> sink = platform::FileSink::Open(path);
  if (!sink) return std::unexpected(std::move(sink.error()));
  return std::shared_ptr<ByteSink>(std::move(*sink));
}

Result<std::unique_ptr<FileStore>> OpenFolder(const std::string& folder) {
  Result<std::unique_ptr<platform::FolderStore>> store = platform::FolderStore::Open(folder);
  if (!store) return std::unexpected(store.error());
  return std::unique_ptr<FileStore>(std::move(*store));
}

Result<std::string> ReadBodyFile(const std::string& path) {
  return platform::ReadWholeFile(path, kBodyFileBytesMax);
}

// The first line of the token file; empty where none is configured.
Result<std::string> ReadToken(const config::AdminConfig& admin_config) {
  if (admin_config.token_file.empty()) return std::string();
  Result<std::string> text = platform::ReadWholeFile(admin_config.token_file, kTokenBytesMax);
  if (!text) return text;
  text->resize(std::min(text->size(), text->find('\n')));
  while (!text->empty() && (text->back() == '\r' || text->back() == ' '))
    text->pop_back();
  if (!text->empty()) return text;
  return Fail(ErrorCode::kInvalidConfig,
              fmt::format("admin.token_file: {} is empty", admin_config.token_file));
}

// Workers leave some descriptors to the admin API: one in a hundred, at least 16.
int DescriptorBound(const ServeOptions& options) {
  if (options.files_max == 0) return 0;
  const std::uint64_t reserve = std::max<std::uint64_t>(16, options.files_max / 100);
  if (options.files_max <= reserve) return 0;
  return static_cast<int>(std::min<std::uint64_t>(options.files_max - reserve, INT_MAX));
}

void TellServiceManager(std::string_view state) {
  const Result<void> told = platform::NotifyServiceManager(state);
  if (!told) LogLine(fmt::format("service_manager_not_told error=\"{}\"", told.error().detail));
}

}  // namespace

Result<std::string> ReadConfigFile(const std::string& path) {
  return platform::ReadWholeFile(path, config::kConfigBytesMax);
}

ServerProcess::ServerProcess(const ServeOptions& options,
                             config::Config config,
                             ListeningSockets& sockets)
    : options_(options), config_(std::move(config)), sockets_(sockets) {}

ServerProcess::~ServerProcess() = default;

Result<void> ServerProcess::MakeLoops() {
  Result<std::unique_ptr<platform::EpollLoop>> control = platform::EpollLoop::Create();
  if (!control) return std::unexpected(control.error());
  control_ = std::move(*control);
  const std::size_t workers =
      config_.workers > 0 ? static_cast<std::size_t>(config_.workers) : platform::UsableCpus();
  for (std::size_t i = 0; i < workers; ++i) {
    Result<std::unique_ptr<platform::LoopThread>> thread =
        platform::LoopThread::Start({.name = fmt::format("worker-{}", i),
                                     .cpu = std::nullopt,
                                     .loop = {.descriptor_bound = DescriptorBound(options_)}});
    if (!thread) return std::unexpected(thread.error());
    threads_.push_back(std::move(*thread));
  }
  Result<std::unique_ptr<platform::WorkerPool>> background =
      platform::WorkerPool::Start({.name = "background", .workers = 1});
  if (!background) return std::unexpected(background.error());
  background_ = std::move(*background);
  return {};
}

gateway::GatewayWorld ServerProcess::World() {
  gateway::GatewayWorld world;
  world.control = control_.get();
  for (const auto& thread : threads_)
    world.workers.push_back(&thread->loop());
  world.open_listener = [this](Loop& loop, const std::string& identity, const Address& address,
                               std::size_t worker) {
    return sockets_.Open(loop, identity, address, worker);
  };
  world.on_listeners = [this](const std::vector<std::string>& identities) {
    sockets_.KeepOnly(identities);
  };
  world.open_access_log = &OpenAccessLog;
  world.reopen_access_log = [](ByteSink& sink) { static_cast<platform::FileSink&>(sink).Reopen(); };
  world.read_file = &ReadBodyFile;
  world.open_store = &OpenFolder;
  world.host_load = &host_load_;
  world.background = background_.get();
  world.prepare_recording = &PrepareRecordingPlace;
  world.log = &LogLine;
  world.seed = platform::RandomSeed();
  world.environment = &EnvironmentVariable;
  return world;
}

admin::ProcessHooks ServerProcess::Hooks() {
  admin::ProcessHooks hooks;
  hooks.version = kVersion;
  hooks.pid = ::getpid();
  hooks.config_file = options_.config_file;
  if (!options_.config_file.empty()) {
    hooks.read_config = [this] { return ReadConfigFile(options_.config_file); };
  }
  hooks.drain = [this] { BeginDrain(DrainCause::kAsked); };
  hooks.upgrade = [this] { return Upgrade(); };
  hooks.usage = &ReadUsage;
  return hooks;
}

Task<Result<void>> ServerProcess::StartAdmin() {
  const std::string listen = options_.admin.value_or(config_.admin.listen);
  if (listen == kAdminOff) co_return Result<void>();
  Result<std::string> token = ReadToken(config_.admin);
  if (!token) co_return std::unexpected(token.error());
  const Result<Address> address = Address::Parse(listen);
  if (!address) co_return std::unexpected(address.error());
  Result<admin::AccessPolicy> policy = admin::AccessPolicy::Create(*address, std::move(*token));
  if (!policy) co_return std::unexpected(policy.error());
  Result<std::unique_ptr<Listener>> listener =
      sockets_.Open(*control_, std::string(kAdminSocket), *address, /*worker=*/0);
  if (!listener) {
    co_return Fail(listener.error().code, fmt::format("admin.listen: cannot listen on {}: {}",
                                                      listen, listener.error().detail));
  }
  admin_ = std::make_unique<admin::AdminServer>(*control_, *api_, std::move(*policy));
  admin_->Start(std::move(*listener));
  co_return Result<void>();
}

void ServerProcess::SayWhatServes() const {
  for (const gateway::BoundListener& listener : gateway_->bound()) {
    LogLine(
        fmt::format("listening name={} address={}", listener.name, listener.address.ToString()));
  }
  if (admin_ != nullptr) {
    LogLine(fmt::format("admin_listening address={}", admin_->bound().ToString()));
  }
  if (!options_.upstream.empty()) SayWhatWatches();
  LogLine(
      fmt::format("serving version={} workers={} pid={}", kVersion, threads_.size(), ::getpid()));
}

// Who has written no file learns here which guards there are, and whom to ask about them.
void ServerProcess::SayWhatWatches() const {
  const nlohmann::json page =
      nlohmann::json::parse(admin::GuardsJson(*gateway_), nullptr, /*allow_exceptions=*/false);
  std::string guards;
  for (const GuardWords& words : WordsOf(page["guards"]))
    guards += (guards.empty() ? "" : ",") + words.rule;
  const std::string where =
      admin_ == nullptr ? std::string() : " --admin " + admin_->bound().ToString();
  LogLine(
      fmt::format("only_watching guards={} ask=\"sluice status --would-have{}\"", guards, where));
}

Task<void> ServerProcess::Main() {
  // The admin API first: it takes part in the same port checks, and tells of a slow start.
  Result<void> started = co_await StartAdmin();
  if (started) started = co_await gateway_->Apply(config_);
  if (!started) {
    fmt::print(stderr, "sluice: {}\n", started.error().detail);
    exit_code_ = ExitCodeOfError(started.error());
    if (!draining_) co_await DrainAndStop();  // Else a signal has begun it already.
    co_return;
  }
  SayWhatServes();
  sockets_.ReportReady();
  TellServiceManager(fmt::format("READY=1\nMAINPID={}", ::getpid()));
}

void ServerProcess::BeginDrain(DrainCause cause) {
  if (draining_) {
    gateway_->HurryDrain();
    return;
  }
  draining_ = true;
  // After an upgrade the service goes on: its successor is the main process now.
  if (cause == DrainCause::kAsked) TellServiceManager("STOPPING=1");
  tasks_.Spawn(DrainAndStop());
}

Task<void> ServerProcess::DrainAndStop() {
  draining_ = true;
  // A successor that is still starting would keep an upgrade waiting; this process ends now.
  if (successor_ != nullptr) successor_->Cancel();
  const std::uint64_t killed = co_await gateway_->Drain();
  if (killed > 0) exit_code_ = kDrainKilled;
  co_await gateway_->Stop();
  if (admin_ != nullptr) {
    admin_->RequestStop();
    co_await admin_->Stopped();
  }
  while (tasks_.running() > 1) {
    co_await control_->SleepUntil(control_->now() + kLastTasksInterval);
  }
  control_->Stop();
}

Task<void> ServerProcess::ReloadFromFile() {
  if (options_.config_file.empty()) {
    LogLine(fmt::format("reload_ignored reason=\"{}\"", kNothingToReload));
    co_return;
  }
  Result<std::string> text = ReadConfigFile(options_.config_file);
  if (!text) {
    gateway_->NoteRefusedReload(text.error().detail);
    co_return;
  }
  TellServiceManager("RELOADING=1");
  const config::LoadOutcome outcome = co_await gateway_->ApplyText(
      std::move(*text), options_.config_file, gateway::Gateway::ApplyMode::kApply);
  fmt::print(stderr, "{}", config::FormatProblems(outcome));
  TellServiceManager("READY=1");
}

// The successor inherits the listening sockets; when it serves, this process drains.
Task<Result<std::string>> ServerProcess::Upgrade() {
  if (upgrading_ || draining_) {
    co_return Fail(ErrorCode::kDraining, "an upgrade or a drain is under way already");
  }
  upgrading_ = true;
  Result<std::unique_ptr<platform::Successor>> successor =
      platform::Successor::Spawn(*control_, options_.command, sockets_.ForSuccessor());
  Result<void> ready;
  if (successor) {
    successor_ = std::move(*successor);
    LogLine(fmt::format("successor_started pid={}", successor_->pid()));
    const SteadyTime deadline = control_->now() + kSuccessorReadyMax;
    ready = co_await successor_->AwaitReady(deadline);
  } else {
    ready = std::unexpected(successor.error());
  }
  upgrading_ = false;
  if (ready && draining_) ready = Fail(ErrorCode::kDraining, "a drain began meanwhile");
  if (!ready) {
    LogLine(fmt::format("upgrade_failed error=\"{}\"", ready.error().detail));
    if (successor_ != nullptr) successor_->Kill();
    successor_.reset();
    co_return std::unexpected(ready.error());
  }
  sockets_.NoteSuccessor();
  // Files of Unix sockets are the successor's now.
  const auto keep_file = [](Listener& listener) {
    platform::SocketListener::Of(listener).KeepFile();
  };
  co_await gateway_->ForEachListener(keep_file);
  if (admin_ != nullptr) admin_->ForListener(keep_file);
  LogLine(fmt::format("upgraded successor={}", successor_->pid()));
  TellServiceManager(fmt::format("MAINPID={}", successor_->pid()));
  BeginDrain(DrainCause::kSucceeded);
  co_return fmt::format("pid {} serves now", successor_->pid());
}

Task<void> ServerProcess::UpgradeOnSignal() {
  const Result<std::string> done = co_await Upgrade();
  if (!done) LogLine("upgrade_refused: this process goes on serving");
}

void ServerProcess::OnSignal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      BeginDrain(DrainCause::kAsked);
      return;
    case SIGHUP:
      tasks_.Spawn(ReloadFromFile());
      return;
    case SIGUSR2:
      tasks_.Spawn(UpgradeOnSignal());
      return;
    default:
      return;
  }
}

int ServerProcess::Run() {
  const Result<void> made = MakeLoops();
  if (!made) {
    fmt::print(stderr, "sluice: {}\n", made.error().detail);
    return kUnreachable;
  }
  control_->Enter([this] {
    gateway_ = std::make_unique<gateway::Gateway>(World());
    api_ = std::make_unique<admin::AdminApi>(*gateway_, Hooks());
    Result<std::unique_ptr<platform::SignalWatcher>> signals =
        platform::SignalWatcher::Create(*control_, [this](int signal) { OnSignal(signal); });
    if (signals) signals_ = std::move(*signals);
    tasks_.Spawn(Main());
  });
  control_->Run();
  signals_.reset();
  successor_.reset();
  admin_.reset();
  background_.reset();
  threads_.clear();
  gateway_.reset();
  return exit_code_;
}

}  // namespace sluice::app
