#include "sluice/gateway/grpc.h"

#include <string_view>

#include "sluice/wire/ascii.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kStatusField = "grpc-status";

std::optional<GrpcStatus> StatusIn(const wire::HeaderTable& fields) {
  const wire::HeaderField* const field = fields.Find(kStatusField);
  return field == nullptr ? std::nullopt : ParseGrpcStatus(field->value);
}

}  // namespace

bool IsGrpc(const wire::HeaderTable& headers) {
  constexpr std::string_view kPrefix = "application/grpc";
  const std::string_view type = headers.ValueOf(wire::HeaderId::kContentType);
  if (!wire::EqualsIgnoringCase(type.substr(0, kPrefix.size()), kPrefix)) return false;
  const std::string_view rest = type.substr(kPrefix.size());
  return rest.empty() || std::string_view("+-; \t").contains(rest.front());
}

AnswerStatus StatusOf(const wire::ResponseHead& head) {
  AnswerStatus status{.http = head.status, .grpc = {}};
  if (IsGrpc(head.headers)) status.grpc = StatusIn(head.headers);
  return status;
}

AnswerStatus StatusOf(traffic::Connection& connection) {
  AnswerStatus status = StatusOf(connection.head());
  const wire::BodyDecoder& decoder = connection.decoder();
  if (!status.grpc && decoder.finished() && IsGrpc(connection.head().headers)) {
    status.grpc = StatusIn(decoder.trailers());
  }
  return status;
}

}  // namespace sluice::gateway
