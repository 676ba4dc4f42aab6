// Classify: what the end of a call says about the callee.
//
// A breaker counts failures of the upstream, not of the client and not our own refusals: 5xx,
// timeouts and broken connections are failures; 4xx are successes (the upstream answered); 429,
// overload refusals of a peer's guard, our own guards and clients that went away say nothing.

#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/breaker/outlier_detector.h"
#include "sluice/contract/grpc_status.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"

namespace sluice::breaker {

// A set of HTTP statuses, 100 .. 599.
class StatusSet {
 public:
  // Adds "503", "5xx" or "500-504"; false, and nothing added, when the text is none of these.
  [[nodiscard]] bool Add(std::string_view text);
  [[nodiscard]] bool Contains(int status) const;
  [[nodiscard]] bool empty() const { return members_.none(); }
  void Clear() { members_.reset(); }

 private:
  static constexpr int kFirst = 100;
  static constexpr int kLast = 599;
  std::bitset<kLast - kFirst + 1> members_;
};

class GrpcStatusSet {
 public:
  void Add(GrpcStatus status) { members_.set(static_cast<std::size_t>(status)); }
  [[nodiscard]] bool Contains(GrpcStatus status) const {
    return members_.test(static_cast<std::size_t>(status));
  }
  void Clear() { members_.reset(); }

 private:
  std::bitset<kGrpcStatuses> members_;
};

struct ClassifyOptions {
  ClassifyOptions();

  StatusSet record_statuses;  // Failures. Default 5xx.
  StatusSet ignore_statuses;  // Neither; wins over record. Default 429.
  // The same of gRPC calls. Default UNAVAILABLE, DEADLINE_EXCEEDED and INTERNAL; ignored are
  // RESOURCE_EXHAUSTED and CANCELLED.
  GrpcStatusSet record_grpc;
  GrpcStatusSet ignore_grpc;
  bool timeouts = true;        // Whether running out of time is a failure, or ignored.
  bool connect_errors = true;  // Whether not getting a connection is a failure, or ignored.
};

enum class Refusal : std::uint8_t {
  kNone,
  kByPeerGuard,  // The answer carries x-sluice-reason: a guard on the way refused it.
};

// Of a call that was answered.
[[nodiscard]] Verdict ClassifyStatus(int status, Refusal refusal, const ClassifyOptions& options);
// Of a gRPC call that was answered, whatever its HTTP status.
[[nodiscard]] Verdict ClassifyGrpc(GrpcStatus status,
                                   Refusal refusal,
                                   const ClassifyOptions& options);
// Of a call that was not.
[[nodiscard]] Verdict ClassifyError(const Error& error, const ClassifyOptions& options);

// The same of one host, for outlier ejection; nothing where the call says nothing about it.
[[nodiscard]] std::optional<HostVerdict> HostVerdictOf(int status, Refusal refusal);
[[nodiscard]] std::optional<HostVerdict> HostVerdictOf(const Error& error);

}  // namespace sluice::breaker
