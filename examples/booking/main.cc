// sluice-booking: every process of the booking example. One binary plays every role; each role runs
// as a process of its own.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "booking/desk.h"
#include "booking/http_server.h"
#include "booking/role.h"
#include "booking/role_service.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/signals.h"

namespace {

using booking::Desk;
using booking::Handler;
using booking::HttpServer;
using sluice::Result;
using sluice::platform::EpollLoop;

constexpr std::string_view kDesk = "booking";

struct Options {
  std::string role = std::string(kDesk);
  std::string listen = "127.0.0.1:9001";
  std::string name;          // Empty: "a" of the desk, its role's name of anybody else.
  std::string dependencies;  // A file.
  std::int64_t deadline_ms = 800;
  std::int64_t delay_ms = -1;  // Negative: as usual for the role.
  std::size_t workers = 0;
};

int Complain(const sluice::Error& error) {
  fmt::print(stderr, "sluice-booking: {}\n", error.detail);
  return 2;
}

Result<std::unique_ptr<Desk>> MakeDesk(const Options& options, EpollLoop& loop) {
  booking::DeskOptions desk{.name = options.name,
                            .deadline = std::chrono::milliseconds(options.deadline_ms),
                            .addresses = {}};
  if (!options.dependencies.empty()) {
    std::ifstream file(options.dependencies);
    if (!file) return sluice::Fail(sluice::ErrorCode::kNotFound, "cannot read the dependencies");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto addresses = booking::ParseAddresses(text);
    if (!addresses) return std::unexpected(addresses.error());
    desk.addresses = *addresses;
  }
  return Desk::Create(loop, std::move(desk));
}

// The desk, if it is one, ends after its last connection.
sluice::Task<void> RunUntilStopped(HttpServer& server,
                                   sluice::Listener& listener,
                                   Desk* desk,
                                   EpollLoop& loop) {
  co_await server.Run(listener);
  if (desk != nullptr) co_await desk->Drain();
  loop.Stop();
}

int Serve(const Options& options, Handler& handler, Desk* desk, EpollLoop& loop) {
  const auto address = sluice::Address::Parse(options.listen);
  if (!address) return Complain(address.error());
  auto listener = loop.Listen(*address, {});
  if (!listener) return Complain(listener.error());

  HttpServer server(loop, options.name, handler);
  bool stopping = false;
  auto signals = sluice::platform::SignalWatcher::Create(loop, [&](int signal) {
    if (signal != SIGTERM && signal != SIGINT) return;
    if (stopping) std::_Exit(128 + signal);  // The second time is meant.
    stopping = true;
    server.Stop();
  });
  if (!signals) return Complain(signals.error());

  sluice::TaskGroup tasks;
  loop.Enter([&] { tasks.Spawn(RunUntilStopped(server, **listener, desk, loop)); });
  fmt::print("{} {} listening on {}\n", options.role, options.name,
             (*listener)->local().ToString());
  std::fflush(stdout);
  loop.Run();
  return 0;
}

int Run(Options options) {
  // One connection for each call under way.
  const auto files = sluice::platform::RaiseFileLimit();
  if (!files) return Complain(files.error());
  auto loop = EpollLoop::Create();
  if (!loop) return Complain(loop.error());
  const auto role = booking::RoleOf(options.role);
  if (!role) {
    if (options.name.empty()) options.name = "a";
    auto desk = MakeDesk(options, **loop);
    if (!desk) return Complain(desk.error());
    return Serve(options, **desk, desk->get(), **loop);
  }
  if (options.name.empty()) options.name = options.role;
  const auto usual = booking::FactsOf(*role).delay;
  const auto wished = std::chrono::milliseconds(options.delay_ms);
  booking::RoleService service(
      **loop,
      {.role = *role, .delay = options.delay_ms < 0 ? usual : wished, .workers = options.workers});
  return Serve(options, service, nullptr, **loop);
}

}  // namespace

int main(int argc, char** argv) {
  sluice::platform::BlockSignals();
  Options options;
  std::vector<std::string> roles = {std::string(kDesk)};
  for (const booking::RoleFacts& facts : booking::kRoleFacts)
    roles.emplace_back(facts.name);
  CLI::App app("The booking example: users book at `booking`, which asks the other roles.");
  app.add_option("--role", options.role, "What this process is")
      ->check(CLI::IsMember(roles))
      ->capture_default_str();
  app.add_option("--listen", options.listen, "ip:port (0: any free one) or unix:/path")
      ->capture_default_str();
  app.add_option("--name", options.name, "sent as x-instance; default: a, or the role");
  app.add_option("--dependencies", options.dependencies,
                 "booking: a file with a line `ROLE ADDRESS` for each other role");
  const CLI::AsNumberWithUnit milliseconds(
      std::map<std::string, std::int64_t>{{"ms", 1}, {"s", 1000}},
      CLI::AsNumberWithUnit::UNIT_REQUIRED);
  app.add_option("--deadline", options.deadline_ms, "booking: of one booking, such as 800ms")
      ->transform(milliseconds);
  app.add_option("--delay", options.delay_ms, "other roles: what one request takes, such as 20ms")
      ->transform(milliseconds);
  app.add_option("--workers", options.workers,
                 "other roles: requests worked on at once; 0: any number")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return Run(std::move(options));
}
