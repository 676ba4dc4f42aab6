#include "load/service_line.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/timerfd.h>
#include <unistd.h>

#include "sluice/contract/assert.h"

namespace sluice::load {

ServiceLine::ServiceLine(const ServiceOptions& options, ServiceOwner& owner, FileDescriptor timer)
    : options_(options), owner_(owner), timer_(std::move(timer)) {}

Result<std::unique_ptr<ServiceLine>> ServiceLine::Create(Poller& poller,
                                                         const ServiceOptions& options,
                                                         ServiceOwner& owner) {
  SLUICE_ASSERT(options.workers >= 1);
  FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer.valid()) {
    return Fail(ErrorCode::kInputOutput, std::generic_category().message(errno));
  }
  std::unique_ptr<ServiceLine> line(new ServiceLine(options, owner, std::move(timer)));
  const Result<void> added = poller.Add(line->timer_.get(), *line);
  if (!added) return std::unexpected(added.error());
  return line;
}

bool ServiceLine::Enter(std::uint64_t ticket) {
  if (std::cmp_less(working_.size(), options_.workers)) {
    Begin(ticket, Now());
    if (working_.size() == 1) SetTimer();
    return true;
  }
  if (waiting_.size() >= kWaitingMax) return false;
  waiting_.push_back(ticket);
  return true;
}

void ServiceLine::Begin(std::uint64_t ticket, SteadyTime now) {
  working_.push_back({.ends = now + options_.time, .ticket = ticket});
}

void ServiceLine::OnReady(std::uint32_t /*events*/) {
  std::uint64_t expirations = 0;
  // Only takes the event away; how often the timer fired does not matter.
  static_cast<void>(::read(timer_.get(), &expirations, sizeof(expirations)));
  const SteadyTime now = Now();
  while (!working_.empty() && working_.front().ends <= now) {
    const Work done = working_.front();
    working_.pop_front();
    if (!waiting_.empty()) {
      // A worker goes on at once: a late timer must not lower what the line can do.
      Begin(waiting_.front(), done.ends);
      waiting_.pop_front();
    }
    owner_.OnServed(done.ticket);
  }
  SetTimer();
}

void ServiceLine::SetTimer() {
  itimerspec when{};  // All zero: off.
  if (!working_.empty()) {
    const Nanos left = std::max(working_.front().ends - Now(), Nanos(1));
    when.it_value.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
    when.it_value.tv_nsec =
        static_cast<decltype(when.it_value.tv_nsec)>(left.count() % 1'000'000'000);
  }
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace sluice::load
