// gRPC over HTTP/1: what the gateway can know of it there.
//
// A call's outcome is `grpc-status`, among the trailers of a chunked answer or among the headers of
// one without a body. gRPC-Web puts its trailers into the body, where nobody looks: such a call is
// judged by its HTTP status unless it has no body. Full gRPC needs HTTP/2.

#pragma once

#include <optional>

#include "sluice/contract/grpc_status.h"
#include "sluice/gateway/exchange.h"
#include "sluice/traffic/pool.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

// Whether a message's content type is one of gRPC: "application/grpc", "application/grpc+proto",
// "application/grpc-web-text", ….
[[nodiscard]] bool IsGrpc(const wire::HeaderTable& headers);

// How an answer ended. `grpc` is nothing for what is no gRPC, or does not tell yet.
struct AnswerStatus {
  int http = 200;
  std::optional<GrpcStatus> grpc;

  // For judges that know HTTP alone.
  [[nodiscard]] int judged() const { return grpc ? HttpStatusOf(*grpc) : http; }
};

// By the head alone: of an answer whose body goes on.
[[nodiscard]] AnswerStatus StatusOf(const wire::ResponseHead& head);
// By head and trailers, as far as they were read.
[[nodiscard]] AnswerStatus StatusOf(traffic::Connection& connection);

}  // namespace sluice::gateway
