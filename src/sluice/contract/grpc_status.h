// GrpcStatus: how a gRPC call ended, in gRPC's own words.
//
// A gRPC answer says 200 in HTTP whatever came of the call; the outcome is the field `grpc-status`,
// among the trailers or, where there is no body, among the headers ("Trailers-Only"). Codes and
// names: https://grpc.github.io/grpc/core/md_doc_statuscodes.html.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class GrpcStatus : std::uint8_t {
  kOk,
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};
inline constexpr std::size_t kGrpcStatuses = 17;

// "OK", "DEADLINE_EXCEEDED", ….
[[nodiscard]] std::string_view NameOf(GrpcStatus status);
// "0", "4", …: the value of `grpc-status`.
[[nodiscard]] std::string_view CodeOf(GrpcStatus status);

// Nothing unless `text` is a number of one or two digits. A number that gRPC has no name for is
// kUnknown, as its clients take it.
[[nodiscard]] std::optional<GrpcStatus> ParseGrpcStatus(std::string_view text);

// The HTTP status that says the same, for judges that know only those (google.rpc.Code has the
// table). kUnimplemented is 404 and no server error: the call was for something that is not there.
[[nodiscard]] int HttpStatusOf(GrpcStatus status);

}  // namespace sluice
