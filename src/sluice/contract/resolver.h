// Names to addresses, without blocking.

#pragma once

#include <coroutine>
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"

namespace sluice {

struct Resolution {
  std::vector<Address> addresses;  // At least one, with the asked port, in a stable order.
  Nanos time_to_live{0};           // The shortest of the answers' TTLs; 0 when unknown.
};

struct ResolveOperation {
  Ready waiter;
  std::string host;
  std::uint16_t port = 0;
  SteadyTime deadline = kNever;
  Result<Resolution> result{};
};

class Resolver {
 public:
  class Awaiter;

  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  // Asks for the IPv4 and IPv6 addresses of `host`. Fails with kResolveFailed,
  // kTimeout or kCancelled.
  [[nodiscard]] Awaiter Resolve(std::string host, std::uint16_t port, SteadyTime deadline);

  // Every question under way fails with kCancelled: for who stops and must not wait for answers.
  virtual void CancelAll() = 0;

 protected:
  // Always completes later, through the run queue.
  virtual void Begin(ResolveOperation& operation) = 0;
};

class Resolver::Awaiter {
 public:
  Awaiter(Resolver& resolver, std::string host, std::uint16_t port, SteadyTime deadline)
      : resolver_(resolver),
        operation_{.host = std::move(host), .port = port, .deadline = deadline} {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    operation_.waiter.handle = awaiter;
    resolver_.Begin(operation_);
  }
  Result<Resolution> await_resume() { return std::move(operation_.result); }

 private:
  Resolver& resolver_;
  ResolveOperation operation_;
};

inline Resolver::Awaiter Resolver::Resolve(std::string host,
                                           std::uint16_t port,
                                           SteadyTime deadline) {
  return {*this, std::move(host), port, deadline};
}

}  // namespace sluice
