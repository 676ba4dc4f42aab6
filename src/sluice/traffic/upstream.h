// Upstream: a named group of endpoints, shared by all worker loops.
//
// It outlives reloads: the gateway keeps the object as long as name and options stay equal. The
// endpoints are an immutable list that is swapped whole; a worker reads the atomic generation on
// every request and takes the list's lock only when that has changed.
//
// Thread rule: readers from any loop. Publish(), AddGate(), RemoveGate(), Watch() and Unwatch()
// from the control loop alone.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "sluice/contract/endpoint_gate.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/endpoint.h"
#include "sluice/traffic/hash_ring.h"
#include "sluice/traffic/upstream_options.h"

namespace sluice::traffic {

struct EndpointMember {
  std::shared_ptr<Endpoint> endpoint;
  std::uint32_t weight = 1;  // As configured; gates multiply it.
};

// One moment's view of an upstream; never changes once published.
struct EndpointList {
  std::uint64_t generation = 0;
  std::vector<EndpointMember> members;  // Ordered by slot.
  std::vector<std::shared_ptr<const EndpointGate>> gates;
  HashRing ring;  // Has points only when load balancing is ring_hash.

  // The product of what all gates say, in 0..1.
  [[nodiscard]] double GateWeight(const Endpoint& endpoint, SteadyTime now) const;
};

// Hears of endpoints on the control loop, inside Publish().
class EndpointWatcher {
 public:
  virtual void OnJoin(const std::shared_ptr<Endpoint>& endpoint, SteadyTime now) = 0;
  virtual void OnLeave(const Endpoint& endpoint, SteadyTime now) = 0;

 protected:
  ~EndpointWatcher() = default;
};

class Upstream final {
 public:
  // How many endpoints may live at once, those included that left but are still in use.
  static constexpr std::size_t kSlotsMax = 4096;

  // An answer: an address for one of `options().endpoints`.
  struct Resolved {
    std::size_t spec = 0;  // Index into options().endpoints.
    Address address;
  };

  // Literal addresses are members at once, names only after the first Publish() that has them.
  // `workers` >= 1. Fails with kInvalidOption: no endpoints, a spec without address and host, the
  // same endpoint twice, a number out of its range.
  //
  // `predecessor` is the upstream of that name with other options, which this one takes the place
  // of, with as many workers: endpoints that both have are the same objects in the same slots, so
  // what is known of them goes on. It may serve on for a while; both share one numbering of slots.
  [[nodiscard]] static Result<std::shared_ptr<Upstream>> Create(
      UpstreamOptions options, std::size_t workers, const Upstream* predecessor = nullptr);

  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const UpstreamOptions& options() const { return options_; }
  [[nodiscard]] std::size_t workers() const { return workers_; }

  // Any thread. Compare generation() first; Endpoints() locks.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::shared_ptr<const EndpointList> Endpoints() const;

  // Replaces the resolved members; literal ones stay by themselves. Endpoints that were there keep
  // their object. Nothing is published when nothing changed. Returns how many addresses found no
  // free slot and were left out.
  std::size_t Publish(std::span<const Resolved> resolved, SteadyTime now);

  // A gate is asked by all loops about every endpoint, by slot. It lives until the last snapshot
  // that names it is gone. Removing a gate that is not there does nothing.
  void AddGate(std::shared_ptr<const EndpointGate> gate);
  void RemoveGate(const EndpointGate* gate);

  // `watcher` hears of the present members in this call, then of changes, until Unwatch(), which
  // tells it nothing. It must live until then.
  void Watch(EndpointWatcher& watcher, SteadyTime now);
  void Unwatch(EndpointWatcher& watcher);

 private:
  using Slots = std::vector<std::weak_ptr<Endpoint>>;

  Upstream(UpstreamOptions options, std::size_t workers, std::shared_ptr<Slots> slots);

  struct Target;
  [[nodiscard]] std::shared_ptr<Endpoint> Make(const EndpointSpec& spec,
                                               const Address& address,
                                               std::vector<std::size_t>& free_slots);
  void Tell(const EndpointList& before, const EndpointList& after, SteadyTime now);
  void Swap(std::shared_ptr<EndpointList> next);
  [[nodiscard]] std::shared_ptr<EndpointList> Copy() const;

  UpstreamOptions options_;
  std::size_t workers_;
  std::shared_ptr<Slots> slots_;            // Of the control loop.
  std::vector<EndpointWatcher*> watchers_;  // Of the control loop.

  mutable std::mutex mutex_;  // Guards `list_`, for the length of a pointer copy.
  std::shared_ptr<const EndpointList> list_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace sluice::traffic
