// Upstream: answers the requests of messages.h, in the thread of its Poller.
//
// With ServiceOptions an answer takes a known time and only so many are worked on at once.
// A request line of another form gets 200 without a body when it asks for /healthz, else 404.

#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "load/file_descriptor.h"
#include "load/poller.h"
#include "load/service_line.h"

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"

namespace sluice::load {

struct UpstreamCounts {
  std::int64_t requests = 0;
  std::int64_t connections = 0;   // Accepted in all.
  std::int64_t bad_requests = 0;  // Malformed, or a body that is not the one that was sent.
  std::int64_t cut_requests = 0;  // The peer closed in the middle of a request.
  std::int64_t wasted = 0;        // Worked on, but nobody waited for the answer any more.
};

class UpstreamConnection;

class Upstream final : public Handler, private ServiceOwner {
 public:
  // Accepts from `listener`, which is bound, listening and non-blocking. `poller` outlives the
  // upstream. Fails with kInputOutput.
  [[nodiscard]] static Result<std::unique_ptr<Upstream>> Create(Poller& poller,
                                                                FileDescriptor listener,
                                                                const ServiceOptions& service = {});
  ~Upstream() override;

  void OnReady(std::uint32_t events) override;

  [[nodiscard]] const UpstreamCounts& counts() const { return counts_; }
  [[nodiscard]] Result<Address> address() const;

 private:
  friend class UpstreamConnection;

  Upstream(Poller& poller, FileDescriptor listener);

  void OnServed(std::uint64_t ticket) override;

  Poller& poller_;
  FileDescriptor listener_;
  UpstreamCounts counts_;
  std::unordered_map<std::uint64_t, std::unique_ptr<UpstreamConnection>> connections_;
  std::unique_ptr<ServiceLine> service_;  // May be null.
};

}  // namespace sluice::load
