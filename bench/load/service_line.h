// ServiceLine: work of a known duration, so many at once; who comes later waits in order.
//
// What an upstream can do at most is then known exactly: workers / time. The work is a timer, so
// that it costs no processor time. Work that nobody waits for any more is done all the same, as by
// a server that does not look at its socket while it is busy: this is what makes overload costly.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "load/file_descriptor.h"
#include "load/poller.h"

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::load {

struct ServiceOptions {
  std::int64_t workers = 0;  // 0: no such line, everything is answered at once.
  Nanos time{0};             // Of one piece of work.
};

class ServiceOwner {
 public:
  virtual ~ServiceOwner() = default;
  virtual void OnServed(std::uint64_t ticket) = 0;
};

class ServiceLine final : public Handler {
 public:
  static constexpr std::size_t kWaitingMax = 100'000;

  // Requires options.workers >= 1. `poller` and `owner` outlive the line. Fails with kInputOutput.
  [[nodiscard]] static Result<std::unique_ptr<ServiceLine>> Create(Poller& poller,
                                                                   const ServiceOptions& options,
                                                                   ServiceOwner& owner);

  // Ends in one OnServed(ticket). False, and then in none, when kWaitingMax wait already.
  [[nodiscard]] bool Enter(std::uint64_t ticket);

  void OnReady(std::uint32_t events) override;

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t working() const { return working_.size(); }

 private:
  struct Work {
    SteadyTime ends;
    std::uint64_t ticket;
  };

  ServiceLine(const ServiceOptions& options, ServiceOwner& owner, FileDescriptor timer);

  void Begin(std::uint64_t ticket, SteadyTime now);
  void SetTimer();

  const ServiceOptions options_;
  ServiceOwner& owner_;
  FileDescriptor timer_;
  std::deque<Work> working_;  // In the order of their ends: all take the same time.
  std::deque<std::uint64_t> waiting_;
};

}  // namespace sluice::load
