// Guards: who may refuse a call, and the permit of one they let in.
//
// A guard is asked with `now` and answers at once: admitted (perhaps after a wait that the caller
// carries out on its loop) or refused with the rule's name. What was admitted holds a Permit until
// the end of the call. The interface is what a pool, a DAG node or the gateway sees; who knows the
// concrete guard calls it directly, without a virtual call.
//
// Guards are shared by all loops: implementations are thread-safe. A Permit belongs to one loop.

#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice {

// enforce: refusals refuse. shadow: refusals are counted as "would have" and the call goes on.
enum class GuardMode : std::uint8_t { kEnforce, kShadow, kDisabled };

// "enforce", "shadow", "disabled": as configurations write it.
[[nodiscard]] constexpr std::string_view NameOf(GuardMode mode) {
  switch (mode) {
    case GuardMode::kEnforce:
      return "enforce";
    case GuardMode::kShadow:
      return "shadow";
    case GuardMode::kDisabled:
      return "disabled";
  }
  return "?";
}

// What became of a call, as a guard counts it.
enum class Verdict : std::uint8_t {
  kSuccess,
  kFailure,
  kIgnored,  // Says nothing about the callee: our own refusals, 429s, clients that went away.
};

struct Outcome {
  Verdict verdict = Verdict::kIgnored;
  Nanos duration{0};
};

struct PermitToken {
  std::uint64_t epoch = 0;  // Which life of the guard's state admitted the call.
  std::uint64_t slot = 0;   // The guard's own.
  SteadyTime start{};
};

// The side of a guard that a permit reports to.
class PermitIssuer {
 public:
  // The call ended; at most once per token. A guard that takes no interest does nothing.
  virtual void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) = 0;
  // The permit was dropped without a verdict: frees what it held, records nothing.
  virtual void Abandon(const PermitToken& token) = 0;
  // The call never happened because a later guard refused it: gives back what was taken.
  virtual void Refund(const PermitToken& token, SteadyTime now) = 0;

 protected:
  ~PermitIssuer() = default;
};

// Move-only. Dropped without a verdict it abandons, so nothing held can leak.
class [[nodiscard]] Permit {
 public:
  Permit() = default;
  Permit(PermitIssuer& issuer, const PermitToken& token) : issuer_(&issuer), token_(token) {}
  Permit(Permit&& other) noexcept
      : issuer_(std::exchange(other.issuer_, nullptr)), token_(other.token_) {}
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      Release();
      issuer_ = std::exchange(other.issuer_, nullptr);
      token_ = other.token_;
    }
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { Release(); }

  void Settle(const Outcome& outcome, SteadyTime now) {
    if (issuer_ != nullptr) std::exchange(issuer_, nullptr)->Settle(token_, outcome, now);
  }
  void Refund(SteadyTime now) {
    if (issuer_ != nullptr) std::exchange(issuer_, nullptr)->Refund(token_, now);
  }

  // True until settled, refunded or moved away.
  explicit operator bool() const { return issuer_ != nullptr; }

 private:
  void Release() {
    if (issuer_ != nullptr) std::exchange(issuer_, nullptr)->Abandon(token_);
  }

  PermitIssuer* issuer_ = nullptr;
  PermitToken token_;
};

struct GuardRequest {
  std::uint64_t key_hash = 0;  // Of the key's parts, under the process's random key; 0: unkeyed.
  std::uint32_t cost = 1;
  SteadyTime deadline = kNever;
  WallTime wall{};  // For quotas of a calendar's day or month; the epoch: not known.
};

struct GuardDecision {
  bool admitted = false;
  bool would_refuse = false;  // In shadow: what enforcing would have done.
  Nanos wait{0};              // Admitted, but not before this long from `now`.
  Nanos retry_after{0};       // Refused: the shortest wait that may succeed; -1 ns: never.
  Permit permit;              // Empty where there is nothing to settle.
};

class Guard {
 public:
  virtual ~Guard() = default;
  [[nodiscard]] virtual GuardDecision Acquire(const GuardRequest& request, SteadyTime now) = 0;
  // "rate_limit", "breaker", …: the first half of `x-sluice-reason`.
  [[nodiscard]] virtual std::string_view kind() const = 0;
  // The configured name: the second half.
  [[nodiscard]] virtual std::string_view rule() const = 0;
  // What a refusal is called: kRateLimited, kBreakerOpen, kOverloaded.
  [[nodiscard]] virtual ErrorCode refusal() const = 0;
};

}  // namespace sluice
