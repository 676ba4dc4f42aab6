// sluice-booking: the sample service that `./run` puts behind the gateway.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "booking/service.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/signals.h"

namespace {

using sluice::platform::EpollLoop;

int Complain(const sluice::Error& error) {
  fmt::print(stderr, "sluice-booking: {}\n", error.detail);
  return 2;
}

sluice::Task<void> RunUntilStopped(booking::Service& service,
                                   sluice::Listener& listener,
                                   EpollLoop& loop) {
  co_await service.Run(listener);
  loop.Stop();
}

int Run(const std::string& listen, const std::string& name) {
  const auto address = sluice::Address::Parse(listen);
  if (!address) return Complain(address.error());
  auto loop = EpollLoop::Create();
  if (!loop) return Complain(loop.error());
  auto listener = (*loop)->Listen(*address, {});
  if (!listener) return Complain(listener.error());

  booking::Service service(**loop, name);
  bool stopping = false;
  auto signals = sluice::platform::SignalWatcher::Create(**loop, [&](int signal) {
    if (signal != SIGTERM && signal != SIGINT) return;
    if (stopping) std::_Exit(128 + signal);  // The second time is meant.
    stopping = true;
    service.Stop();
  });
  if (!signals) return Complain(signals.error());

  sluice::TaskGroup tasks;
  (*loop)->Enter([&] { tasks.Spawn(RunUntilStopped(service, **listener, **loop)); });
  fmt::print("booking {} listening on {}\n", name, (*listener)->local().ToString());
  std::fflush(stdout);
  (*loop)->Run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::platform::BlockSignals();
  std::string listen = "127.0.0.1:9001";
  std::string name = "a";
  CLI::App app("Sample booking service: a small HTTP server to try the gateway with.");
  app.add_option("--listen", listen, "ip:port (0: any free one) or unix:/path")
      ->capture_default_str();
  app.add_option("--name", name, "sent as x-instance")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return Run(listen, name);
}
