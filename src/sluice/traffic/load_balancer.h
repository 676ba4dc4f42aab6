// LoadBalancer: which endpoint serves this request. One per worker and upstream.
//
//   round_robin    smooth weighted round robin (nginx's algorithm, exact for whole weights);
//   random         by weight;
//   least_request  two drawn by weight, the one with fewer active requests of this worker for its
//                  weight wins (the power of two choices: Mitzenmacher, 2001);
//   ring_hash      the owner of the key on the upstream's HashRing. A gate weight below 1 takes the
//                  same part of its keys, always the same ones, so a slow start moves keys once.
//
// Gates are asked once per kWeightsMaxAge and endpoint, not per pick. An endpoint of weight 0 is
// never picked, except in panic: see UpstreamOptions::panic_threshold_percent.
//
// Not thread-safe: belongs to one loop. Pick() allocates nothing unless the list has changed.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/contract/random.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

// A hash for PickRequest::key_hash: XXH3 of `text`, the same in every process.
[[nodiscard]] std::uint64_t HashKey(std::string_view text);

// The endpoints that attempts of one request have been to. Holds the last eight.
class TriedEndpoints {
 public:
  void Add(const Endpoint& endpoint) { slots_[count_++ % slots_.size()] = endpoint.slot(); }
  [[nodiscard]] bool Contains(std::size_t slot) const {
    for (std::size_t i = 0; i < count_ && i < slots_.size(); ++i) {
      if (slots_[i] == slot) return true;
    }
    return false;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  std::array<std::size_t, 8> slots_{};
  std::size_t count_ = 0;
};

struct PickRequest {
  std::uint64_t key_hash = 0;             // ring_hash only.
  const TriedEndpoints* tried = nullptr;  // Avoided while there is another one; may be null.
};

class LoadBalancer;

// An endpoint in use: keeps it alive and counts it as active until destroyed. Move-only; belongs to
// the loop and must not outlive its LoadBalancer. Empty: nobody is available.
class [[nodiscard]] Selection {
 public:
  Selection() = default;
  Selection(Selection&& other) noexcept
      : balancer_(std::exchange(other.balancer_, nullptr)),
        member_(std::exchange(other.member_, nullptr)) {}
  Selection& operator=(Selection&& other) noexcept {
    if (this != &other) {
      Release();
      balancer_ = std::exchange(other.balancer_, nullptr);
      member_ = std::exchange(other.member_, nullptr);
    }
    return *this;
  }
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;
  ~Selection() { Release(); }

  explicit operator bool() const { return member_ != nullptr; }
  [[nodiscard]] Endpoint& operator*() const;
  [[nodiscard]] Endpoint* operator->() const { return &**this; }

  // Counts a request that is sent to its endpoint, or would be if a connection could be made: who
  // is refused before that is none (metrics only).
  void CountRequest() const;
  // Counts it as failed there (metrics only).
  void CountFailure() const;

  // Ends the use. Idempotent.
  void Release();

 private:
  friend class LoadBalancer;
  struct Member;
  Selection(LoadBalancer& balancer, Member& member);

  LoadBalancer* balancer_ = nullptr;
  Member* member_ = nullptr;
};

class LoadBalancer final {
 public:
  // How old a gate's answer may be when it is used.
  static constexpr Nanos kWeightsMaxAge = std::chrono::milliseconds(1);

  // Worker `worker` < upstream.workers(). Workers start their rounds at different endpoints.
  LoadBalancer(std::shared_ptr<const Upstream> upstream, std::size_t worker);
  ~LoadBalancer();  // Requires that no Selection is left.
  LoadBalancer(const LoadBalancer&) = delete;
  LoadBalancer& operator=(const LoadBalancer&) = delete;

  // Picks among the available endpoints that were not tried; when all available ones were tried,
  // among these (an upstream of one endpoint must be retried there or nowhere). Empty when none is
  // available: the caller answers kNoEndpoint.
  [[nodiscard]] Selection Pick(const PickRequest& request, SteadyTime now, Random& random);

  // How many endpoints the list has, how many have a weight above 0, and whether gates are being
  // ignored, as of the last Pick().
  [[nodiscard]] std::size_t members() const { return members_.size(); }
  [[nodiscard]] std::size_t available() const { return available_; }
  [[nodiscard]] bool panicking() const { return panicking_; }
  // Selections not yet released: wait for 0 before destroying a balancer that is no longer used.
  [[nodiscard]] std::size_t in_use() const { return in_use_; }

  // Picks made in panic, and requests that found nobody.
  [[nodiscard]] const Counter& panic_picks() const { return panic_picks_; }
  [[nodiscard]] const Counter& no_endpoint() const { return no_endpoint_; }

 private:
  friend class Selection;
  using Member = Selection::Member;

  void Refresh(SteadyTime now);
  void TakeList();
  void TakeWeights(SteadyTime now);
  [[nodiscard]] std::size_t PickRoundRobin(const TriedEndpoints* tried);
  [[nodiscard]] std::size_t PickLeastRequest(const TriedEndpoints* tried, Random& random) const;
  [[nodiscard]] std::size_t PickRing(std::uint64_t key_hash, const TriedEndpoints* tried) const;
  [[nodiscard]] std::size_t Draw(const TriedEndpoints* tried,
                                 std::size_t except,
                                 Random& random) const;
  [[nodiscard]] std::size_t DrawUntried(const TriedEndpoints& tried,
                                        std::size_t except,
                                        Random& random) const;
  [[nodiscard]] bool Usable(std::size_t index, const TriedEndpoints* tried) const;
  [[nodiscard]] bool AnyUsable(const TriedEndpoints* tried) const;
  [[nodiscard]] std::uint64_t FullWeight(std::size_t index) const;
  void Retire(std::unique_ptr<Member> member);
  void Forget(Member& member);

  std::shared_ptr<const Upstream> upstream_;
  std::size_t worker_;
  std::shared_ptr<const EndpointList> list_;
  std::vector<std::unique_ptr<Member>> members_;  // As list_->members.
  std::vector<std::unique_ptr<Member>> leaving_;  // Left the list, still selected.

  // As of `weights_at_`; weights are fixed point (kWeightOne), so that sums are exact.
  std::vector<std::uint64_t> weights_;
  std::vector<std::uint64_t> sums_;    // Running sums of weights_.
  std::vector<std::int64_t> credits_;  // Smooth round robin: what each member is owed.
  SteadyTime weights_at_{};
  bool equal_weights_ = false;  // Among the members with a weight above 0.
  bool all_usable_ = false;     // No member has weight 0.
  bool panicking_ = false;
  std::size_t available_ = 0;
  std::size_t cursor_ = 0;  // Round robin with equal weights.
  std::size_t in_use_ = 0;
  Counter panic_picks_;
  Counter no_endpoint_;
};

}  // namespace sluice::traffic
