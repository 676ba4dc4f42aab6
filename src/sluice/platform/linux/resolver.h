// AresResolver: names to addresses with c-ares, driven by the loop.
//
// Asks for A and AAAA at once (getaddrinfo semantics: /etc/hosts first, search domains, "localhost"
// without a question). The order is stable: IPv4 before IPv6, each ascending, so that a set of
// endpoints does not change because a server rotated its answer. Nothing is cached here: the TTL
// goes to the caller.
//
// Not thread-safe: belongs to one loop.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/resolver.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/platform/linux/reactor.h"

namespace sluice::platform {

struct ResolverOptions {
  std::vector<std::string> dns_servers;  // "10.0.0.53" or "127.0.0.1:5353"; empty: resolv.conf's.
  Nanos attempt_timeout{std::chrono::seconds(2)};  // Of one question to one server.
  int attempts = 3;                                // Per server, 1 .. 10.
};

class AresResolver final : public Resolver {
 public:
  // Fails with kInvalidOption when an option is out of its range or c-ares rejects a server.
  static Result<std::unique_ptr<AresResolver>> Create(Reactor& reactor,
                                                      const ResolverOptions& options);
  // Requires that no resolution is pending.
  ~AresResolver() override;

  [[nodiscard]] std::size_t pending() const;

  void CancelAll() override;

  class Channel;  // The inside: what c-ares calls back.

 protected:
  void Begin(ResolveOperation& operation) override;

 private:
  explicit AresResolver(std::unique_ptr<Channel> channel);
  std::unique_ptr<Channel> channel_;
};

}  // namespace sluice::platform
