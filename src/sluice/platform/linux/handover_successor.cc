// The successor of handover_test: serves one connection on each inherited listener named on its
// command line (worker = position), then ends.

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/task_group.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/handover.h"
#include "sluice/platform/linux/loop.h"

namespace {

sluice::Task<void> ServeOne(sluice::Listener& listener, std::string answer) {
  const sluice::Result<std::unique_ptr<sluice::Stream>> stream = co_await listener.Accept();
  if (!stream) co_return;
  const std::array<sluice::ByteView, 1> segments = {answer};
  const sluice::SteadyTime deadline = sluice::platform::ReadSteadyClock() + std::chrono::seconds(5);
  const sluice::Result<void> sent = co_await (*stream)->Send(segments, deadline);
  (*stream)->ShutdownSend();
}

}  // namespace

int main(int argc, char** argv) {
  auto inherited = sluice::platform::InheritedListeners::FromEnvironment();
  auto loop = sluice::platform::EpollLoop::Create();
  if (!inherited || !loop) return 2;
  std::vector<std::unique_ptr<sluice::platform::SocketListener>> listeners;
  sluice::TaskGroup group;
  for (int i = 1; i < argc; ++i) {
    auto listener = (*loop)->Adopt(inherited->Take(argv[i], static_cast<unsigned>(i - 1)));
    if (!listener) return 3;
    listeners.push_back(std::move(*listener));
    const std::string answer = std::string("successor: ") + argv[i];
    (*loop)->Enter([&] { group.Spawn(ServeOne(*listeners.back(), answer)); });
  }
  inherited->ReportReady();
  while (group.running() > 0) {
    (*loop)->RunOnce(std::chrono::seconds(1));
  }
  return 0;
}
