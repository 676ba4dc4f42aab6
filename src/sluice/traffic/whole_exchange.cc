#include "sluice/traffic/whole_exchange.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/stream.h"
#include "sluice/wire/http1_body.h"

namespace sluice::traffic {
namespace {

// As the failures of ReceiveHead(): what went wrong beyond the connection is the server's.
std::unexpected<Error> OfUpstream(Error error, RetryAdvice retry) {
  if (error.code == ErrorCode::kCancelled) return std::unexpected(std::move(error));
  if (error.code == ErrorCode::kTimeout) error.code = ErrorCode::kUpstreamTimeout;
  error.side = Side::kUpstream;
  error.retry = retry;
  return std::unexpected(std::move(error));
}

// Decodes all of `received`, as far as the body goes.
Result<void> Take(Connection& connection, ByteView received, Bytes body_max, std::string& body) {
  while (!received.empty()) {
    const Result<wire::BodyPiece> piece = connection.Decode(received);
    if (!piece) return std::unexpected(piece.error());
    body += piece->data;
    if (body.size() > body_max) {
      connection.ForbidReuse();
      Error error{.code = ErrorCode::kBodyTooLarge,
                  .side = Side::kUpstream,
                  .detail = fmt::format("the answer has more than {} bytes", body_max)};
      return std::unexpected(std::move(error));
    }
    if (connection.decoder().finished()) break;  // Decode() has noted what lies behind it.
  }
  return {};
}

}  // namespace

Task<Result<std::string>> ExchangeWhole(Connection& connection,
                                        wire::Method method,
                                        SteadyTime deadline,
                                        Bytes body_max) {
  const std::array<ByteView, 1> segments = {connection.output()};
  const Result<void> sent = co_await connection.stream().Send(segments, deadline);
  if (!sent) co_return OfUpstream(sent.error(), RetryAdvice::kIfIdempotent);
  connection.MarkRequestSent();
  const Result<void> head = co_await connection.ReceiveHead(method, deadline);
  if (!head) co_return std::unexpected(head.error());

  std::string body;
  const Result<void> first = Take(connection, connection.leftover(), body_max, body);
  if (!first) co_return std::unexpected(first.error());
  connection.ReleaseLeftover();
  while (!connection.decoder().finished()) {
    const Result<ByteView> received = co_await connection.stream().Receive(deadline);
    if (!received) co_return OfUpstream(received.error(), RetryAdvice::kUnsafe);
    if (received->empty()) {
      const Result<void> ended = connection.decoder().FinishAtClose();
      if (!ended) co_return OfUpstream(ended.error(), RetryAdvice::kUnsafe);
      break;
    }
    const Result<void> taken = Take(connection, *received, body_max, body);
    if (!taken) co_return std::unexpected(taken.error());
  }
  co_return body;
}

}  // namespace sluice::traffic
