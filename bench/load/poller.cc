#include "load/poller.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

#include <sys/epoll.h>

namespace sluice::load {
namespace {

constexpr int kEventsPerTurnMax = 256;
constexpr std::size_t kReceiveBufferBytes = std::size_t{256} * 1024;

}  // namespace

SteadyTime Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return SteadyTime(std::chrono::seconds(now.tv_sec) + Nanos(now.tv_nsec));
}

Poller::Poller(FileDescriptor epoll) : epoll_(std::move(epoll)), buffer_(kReceiveBufferBytes) {}

Result<Poller> Poller::Create() {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return Fail(ErrorCode::kInputOutput, std::generic_category().message(errno));
  }
  return Poller(std::move(epoll));
}

Result<void> Poller::Add(int fd, Handler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Fail(ErrorCode::kInputOutput, std::generic_category().message(errno));
  }
  return {};
}

void Poller::Wait(Nanos timeout) {
  std::array<epoll_event, kEventsPerTurnMax> events;
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
  limit.tv_nsec = static_cast<decltype(limit.tv_nsec)>(timeout.count() % 1'000'000'000);
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), kEventsPerTurnMax, &limit, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Handler*>(event.data.ptr)->OnReady(event.events);
  }
}

}  // namespace sluice::load
