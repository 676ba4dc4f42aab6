#include "sluice/contract/grpc_status.h"

#include <array>
#include <charconv>

namespace sluice {
namespace {

struct Entry {
  std::string_view code;
  std::string_view name;
  int http_status;
};

constexpr std::array<Entry, kGrpcStatuses> kEntries = {{
    {"0", "OK", 200},
    {"1", "CANCELLED", 499},
    {"2", "UNKNOWN", 500},
    {"3", "INVALID_ARGUMENT", 400},
    {"4", "DEADLINE_EXCEEDED", 504},
    {"5", "NOT_FOUND", 404},
    {"6", "ALREADY_EXISTS", 409},
    {"7", "PERMISSION_DENIED", 403},
    {"8", "RESOURCE_EXHAUSTED", 429},
    {"9", "FAILED_PRECONDITION", 400},
    {"10", "ABORTED", 409},
    {"11", "OUT_OF_RANGE", 400},
    {"12", "UNIMPLEMENTED", 404},
    {"13", "INTERNAL", 500},
    {"14", "UNAVAILABLE", 503},
    {"15", "DATA_LOSS", 500},
    {"16", "UNAUTHENTICATED", 401},
}};

const Entry& EntryOf(GrpcStatus status) {
  return kEntries[static_cast<std::size_t>(status)];
}

}  // namespace

std::string_view NameOf(GrpcStatus status) {
  return EntryOf(status).name;
}

std::string_view CodeOf(GrpcStatus status) {
  return EntryOf(status).code;
}

std::optional<GrpcStatus> ParseGrpcStatus(std::string_view text) {
  unsigned code = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, code);
  if (error != std::errc() || rest != end || text.size() > 2) return std::nullopt;
  return code < kGrpcStatuses ? static_cast<GrpcStatus>(code) : GrpcStatus::kUnknown;
}

int HttpStatusOf(GrpcStatus status) {
  return EntryOf(status).http_status;
}

}  // namespace sluice
