// Response: what the request path has in hand for the client, before a byte of it is sent.

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "sluice/contract/grpc_status.h"
#include "sluice/contract/time.h"
#include "sluice/degrade/chain.h"
#include "sluice/degrade/stale_cache.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/pool.h"

namespace sluice::gateway {

namespace flows {
struct FlowReply;  // flows/flow_reply.h
}

// An answer of an upstream: its head is read, its body still to come over the leased connection.
struct UpstreamResponse {
  traffic::Selection selection;  // Declared first: the lease is given back before it.
  traffic::Lease lease;
  std::unique_ptr<traffic::Connection> tunnel;  // Of a CONNECT, instead of a lease.
};

// An answer of our own. The views live as long as the exchange and its snapshot.
struct LocalResponse {
  int status = 500;
  std::string_view content_type;
  std::string_view body;
  const degrade::StaticAnswer* fixed = nullptr;     // For its header fields.
  std::shared_ptr<const degrade::KeptAnswer> kept;  // Its fields, age and the views above.
  std::shared_ptr<const flows::FlowReply> flow;     // Its fields and the views above.
  degrade::Choice choice;   // Holds the place in the chain's bulkhead; of alternatives, too.
  Nanos retry_after{0};     // 0: no Retry-After.
  bool is_refusal = false;  // Says x-sluice-reason.
  // To a gRPC client: the answer's outcome, with the exchange's `grpc_message` ("Trailers-Only").
  std::optional<GrpcStatus> grpc;
};

struct Response {
  UpstreamResponse upstream;  // Without a lease or a tunnel the answer is `local`.
  LocalResponse local;

  [[nodiscard]] bool is_local() const { return !upstream.lease && upstream.tunnel == nullptr; }
};

// How sending a response ended.
enum class Delivery : std::uint8_t {
  kDelivered,
  kClientFailed,    // The client went away, or did not take the bytes in time.
  kUpstreamFailed,  // The upstream's body broke off.
};

}  // namespace sluice::gateway
