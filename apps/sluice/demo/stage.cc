#include "demo/stage.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "demo/booking_config.h"
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/bytes.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/files.h"

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 8> kServices = {
    "user", "cart", "inventory", "price", "coupons", "risk", "payment", "notification"};
constexpr std::string_view kSmallCapacity = "payment";
constexpr std::string_view kWorkers = "2";  // × 40 ms: 50 a second.
constexpr std::string_view kPublicMark = " listening name=public address=";
constexpr std::string_view kStageAdminMark = " admin_listening address=";
constexpr std::string_view kServingMark = " serving version=";
constexpr Bytes kLogBytesMax = 64 * kMiB;
constexpr Nanos kStartMax = 20s;
constexpr Nanos kStopMax = 5s;
constexpr Nanos kTurnMax = 20ms;
constexpr Nanos kAskMax = 5s;

// What follows the last `mark` in the text, up to the end of its word; empty when it is not there.
std::string_view WordAfter(std::string_view text, std::string_view mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + mark.size());
  const std::size_t end = text.find_first_of(" \n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

Result<std::string> MakeFolder() {
  std::error_code failure;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(failure);
  std::string pattern = (failure ? "/tmp" : parent.string()) + "/sluice-demo-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    return Fail(ErrorCode::kInputOutput, fmt::format("cannot make a folder {}", pattern));
  }
  return pattern;
}

}  // namespace

Result<std::unique_ptr<Stage>> Stage::Open(const StageOptions& options) {
  Result<std::unique_ptr<platform::EpollLoop>> loop = platform::EpollLoop::Create();
  if (!loop) return std::unexpected(loop.error());
  std::unique_ptr<Stage> stage(new Stage(std::move(*loop)));
  const Result<void> begun = stage->Begin(options);
  if (!begun) return std::unexpected(begun.error());
  return stage;
}

Stage::~Stage() {
  loop_->Enter([this] { clients_.clear(); });
  EndAll();
}

Result<void> Stage::Begin(const StageOptions& options) {
  Result<std::string> folder = MakeFolder();
  if (!folder) return std::unexpected(folder.error());
  folder_ = std::move(*folder);
  binaries_ = options.binaries;
  auto signals = platform::SignalWatcher::Create(*loop_, [this](int signal) {
    if (signal != SIGINT && signal != SIGTERM && signal != SIGHUP) return;
    EndAll();
    std::fflush(stdout);
    std::_Exit(128 + signal);
  });
  if (!signals) return std::unexpected(signals.error());
  signals_ = std::move(*signals);
  loop_->RunOnce(Nanos(0));  // Until its first turn a loop knows no time.

  const std::string booking = options.binaries + "/sluice-booking";
  Result<void> begun = BeginServices(booking);
  if (begun) begun = BeginInstances(booking);
  if (begun) begun = BeginGateway(options);
  return begun;
}

void Stage::Add(const std::string& name,
                const std::string& program,
                std::string_view address_mark) {
  Player player;
  player.command = {.program = program,
                    .arguments = {},
                    .environment = {},
                    .log_file = fmt::format("{}/{}.log", folder_, name)};
  player.address_mark = std::string(address_mark);
  players_.emplace(name, std::move(player));
}

Result<void> Stage::BeginServices(const std::string& program) {
  std::vector<std::string> names;
  for (const std::string_view service : kServices) {
    const std::string name(service);
    Add(name, program, " listening on ");
    std::vector<std::string>& arguments = players_.at(name).command.arguments;
    arguments = {"--role", name, "--listen", "127.0.0.1:0"};
    if (service == kSmallCapacity) {
      arguments.emplace_back("--workers");
      arguments.emplace_back(kWorkers);
    }
    names.push_back(name);
  }
  const Result<void> started = StartAll(names);
  if (!started) return started;
  return platform::WriteFileAtomically(folder_ + "/dependencies", Dependencies());
}

std::string Stage::Dependencies() const {
  std::string text;
  for (const std::string_view service : kServices) {
    const auto player = players_.find(service);
    text += fmt::format("{} {}\n", service, player->second.address.ToString());
  }
  return text;
}

Result<std::string> Stage::Write(std::string_view name, std::string_view text) {
  std::string path = fmt::format("{}/{}", folder_, name);
  const Result<void> written = platform::WriteFileAtomically(path, text);
  if (!written) return std::unexpected(written.error());
  return path;
}

Result<void> Stage::Engage(const Extra& extra) {
  const bool is_gateway = extra.kind == Extra::Kind::kGateway;
  Add(extra.name, binaries_ + (is_gateway ? "/sluice" : "/sluice-booking"),
      is_gateway ? kPublicMark : " listening on ");
  Player& player = players_.at(extra.name);
  player.is_gateway = is_gateway;
  player.command.arguments = extra.arguments;
  return StartAll({extra.name});
}

void Stage::Dismiss(std::string_view name) {
  const auto found = players_.find(name);
  if (found == players_.end()) return;
  loop_->Enter([&] { clients_.erase(std::string(name)); });
  if (found->second.process) found->second.process->Kill();
  players_.erase(found);
}

Result<Address> Stage::SaidAddress(std::string_view name, std::string_view mark) {
  const std::string said =
      platform::ReadWholeFile(PlayerOf(name).command.log_file, kLogBytesMax).value_or("");
  return Address::Parse(WordAfter(said, mark));
}

Result<void> Stage::BeginInstances(const std::string& program) {
  const std::vector<std::string> names = {"a", "b"};
  for (const std::string& name : names) {
    Add(name, program, " listening on ");
    players_.at(name).command.arguments = {
        "--name", name, "--listen", "127.0.0.1:0", "--dependencies", folder_ + "/dependencies"};
  }
  return StartAll(names);
}

Result<void> Stage::BeginGateway(const StageOptions& options) {
  std::string config = options.config_file;
  if (config.empty()) {
    config = folder_ + "/sluice.yaml";
    const Result<void> written = platform::WriteFileAtomically(config, kBookingConfig);
    if (!written) return written;
  }
  Add("gateway", options.binaries + "/sluice", kPublicMark);
  players_.at("gateway").is_gateway = true;
  ChildCommand& command = players_.at("gateway").command;
  command.arguments = {"serve", "--config", config};
  command.environment = {{"BOOKING_ADMIN", "127.0.0.1:0"}, {"BOOKING_LISTEN", "127.0.0.1:0"}};
  for (auto& [name, player] : players_) {
    if (name == "gateway") continue;
    std::string variable = "BOOKING_" + name;
    for (char& letter : variable)
      letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
    command.environment.emplace(variable, player.address.ToString());
  }
  return StartAll({"gateway"});
}

Result<void> Stage::StartAll(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Player& player = players_.at(name);
    Result<ChildProcess> process = ChildProcess::Start(player.command);
    if (!process) return std::unexpected(process.error());
    player.process = std::move(*process);
  }
  for (const std::string& name : names) {
    const Result<void> there = AwaitAddress(name);
    if (!there) return there;
  }
  return {};
}

// Until it has said where it listens; from then on it is started there again.
Result<void> Stage::AwaitAddress(const std::string& name) {
  Player& player = players_.at(name);
  std::string said;
  const SteadyTime end = loop_->now() + kStartMax;
  bool is_running = true;
  TurnUntil([&] {
    is_running = player.process->IsRunning();
    said = platform::ReadWholeFile(player.command.log_file, kLogBytesMax).value_or("");
    const bool serves = !player.is_gateway || said.find(kServingMark) != std::string::npos;
    const bool is_there = serves && !WordAfter(said, player.address_mark).empty();
    return is_there || !is_running || loop_->now() > end;
  });
  const Result<Address> address = Address::Parse(WordAfter(said, player.address_mark));
  if (!is_running || !address) {
    return Fail(ErrorCode::kInvalidConfig, fmt::format("{} did not start:\n{}", name, said));
  }
  player.address = *address;
  if (name == "gateway") {
    const Result<Address> admin = Address::Parse(WordAfter(said, kStageAdminMark));
    if (admin) admin_ = *admin;
  }
  for (std::string& argument : player.command.arguments) {
    if (argument == "127.0.0.1:0") argument = address->ToString();
  }
  return {};
}

Stage::Player& Stage::PlayerOf(std::string_view name) {
  const auto found = players_.find(name);
  SLUICE_ASSERT(found != players_.end());
  return found->second;
}

void Stage::Kill(std::string_view name) {
  PlayerOf(name).process->Kill();
}

void Stage::Freeze(std::string_view name) {
  PlayerOf(name).process->Signal(SIGSTOP);
}

void Stage::Thaw(std::string_view name) {
  PlayerOf(name).process->Signal(SIGCONT);
}

void Stage::Restart(std::string_view name) {
  Player& player = PlayerOf(name);
  player.process->Kill();
  Result<ChildProcess> process = ChildProcess::Start(player.command);
  // It has started from the same file before; if it does not now, users will tell.
  if (process) player.process = std::move(*process);
}

bool Stage::IsRunning(std::string_view name) {
  return PlayerOf(name).process->IsRunning();
}

Answer Stage::Ask(const Question& question) {
  return AskService("gateway", question);
}

namespace {

Task<void> AskOnce(Loop& loop, HttpClient& client, Question question, std::optional<Answer>& out) {
  out = co_await client.Ask(std::move(question), loop.now(), kAskMax);
}

}  // namespace

Answer Stage::AskAdmin(std::string_view path) {
  return AskAt("admin", admin_, {.target = std::string(path)});
}

Answer Stage::AskService(std::string_view name, const Question& question) {
  return AskAt(name, PlayerOf(name).address, question);
}

Answer Stage::AskAt(std::string_view name, const Address& at, const Question& question) {
  std::unique_ptr<HttpClient>& client = clients_[std::string(name)];
  std::optional<Answer> answer;
  loop_->Enter([&] {
    if (client == nullptr) client = *HttpClient::Create(*loop_, at);
    tasks_.Spawn(AskOnce(*loop_, *client, question, answer));
  });
  TurnUntil([&] { return answer.has_value(); });
  return std::move(*answer);
}

void Stage::Pause(Nanos span) {
  const SteadyTime end = loop_->now() + span;
  TurnUntil([&] { return loop_->now() >= end; });
}

Answer Stage::AskAt(const Address& address, const Question& question) {
  std::unique_ptr<HttpClient> client;
  std::optional<Answer> answer;
  loop_->Enter([&] {
    client = *HttpClient::Create(*loop_, address);
    tasks_.Spawn(AskOnce(*loop_, *client, question, answer));
  });
  TurnUntil([&] { return answer.has_value(); });
  loop_->Enter([&] { client.reset(); });
  return std::move(*answer);
}

std::vector<Sample> Stage::Run(const LoadPlan& plan,
                               const std::function<void(std::string_view)>& progress,
                               std::string_view via) {
  std::vector<Sample> samples;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<LoadRun> run;
  loop_->Enter([&] {
    client = *HttpClient::Create(*loop_, PlayerOf(via).address);
    run = std::make_unique<LoadRun>(*loop_, *client, plan, samples);
    tasks_.Spawn(run->Run());
  });
  TurnUntil([&] {
    progress(run->phase());
    return run->is_done();
  });
  loop_->Enter([&] { client.reset(); });
  return samples;
}

void Stage::TurnUntil(const std::function<bool()>& done) {
  while (!done())
    loop_->RunOnce(kTurnMax);
}

// The gateway drains, the others may end at once; whoever takes too long is killed.
void Stage::EndAll() {
  for (auto& [name, player] : players_) {
    if (!player.process) continue;
    player.process->Signal(SIGTERM);
    player.process->Signal(SIGCONT);
  }
  const auto any_runs = [this] {
    bool any = false;
    for (auto& [name, player] : players_)
      any = (player.process && player.process->IsRunning()) || any;
    return any;
  };
  const SteadyTime end = platform::ReadSteadyClock() + kStopMax;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);  // Blocked since the beginning of main(), so none is lost.
  while (any_runs() && platform::ReadSteadyClock() < end) {
    const timespec patience{.tv_sec = 0, .tv_nsec = 20'000'000};
    ::sigtimedwait(&child, nullptr, &patience);
  }
  players_.clear();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace sluice::demo
