#include "sluice/gateway/admin/access_policy.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/wire/json_escape.h"

namespace sluice::gateway::admin {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kJson = "application/json";
constexpr std::size_t kTokenCharsMin = 16;

bool NamesThisMachine(std::string_view host) {
  if (host == "localhost" || host == "[::1]" || host == "::1") return true;
  const Result<Address> address = Address::ParseIp(host);
  return address && IsLocal(*address);
}

// Takes as long for a wrong token as for a right one of the same length.
bool Equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace

AdminResponse Refuse(int status, std::string_view error, std::string_view detail) {
  AdminResponse response{.status = status, .body = "{\"error\":", .allow = {}};
  wire::AppendJsonString(error, response.body);
  response.body += ",\"detail\":";
  wire::AppendJsonString(detail, response.body);
  response.body += "}\n";
  return response;
}

bool IsLocal(const Address& address) {
  if (address.family() == Address::Family::kUnix) return true;
  static const AddressBlock kLoopback4 = *AddressBlock::Parse("127.0.0.0/8");
  static const AddressBlock kLoopback6 = *AddressBlock::Parse("::1");
  return kLoopback4.Contains(address) || kLoopback6.Contains(address);
}

Result<AccessPolicy> AccessPolicy::Create(const Address& listen, std::string token) {
  if (token.empty() && !IsLocal(listen)) {
    return Fail(ErrorCode::kInvalidConfig,
                fmt::format("admin.listen: {} is not loopback; set admin.token_file, or listen on "
                            "127.0.0.1 or a unix socket",
                            listen.ToString()));
  }
  if (!token.empty() && token.size() < kTokenCharsMin) {
    return Fail(ErrorCode::kInvalidConfig,
                fmt::format("admin.token_file: the token must have at least {} characters, got {}",
                            kTokenCharsMin, token.size()));
  }
  return AccessPolicy(std::move(token));
}

std::optional<AdminResponse> AccessPolicy::Check(const AdminRequest& request) const {
  if (!token_.empty()) {
    const std::string_view got = request.authorization;
    if (!got.starts_with(kBearer) || !Equal(got.substr(kBearer.size()), token_)) {
      return Refuse(401, "unauthorized",
                    "send `Authorization: Bearer` with the token of admin.token_file");
    }
  } else if (!NamesThisMachine(request.host)) {
    return Refuse(421, "misdirected", "Host must be localhost, 127.0.0.1 or [::1]");
  }
  if (!request.origin.empty() && request.origin != fmt::format("http://{}", request.authority)) {
    return Refuse(421, "foreign_origin", "requests from other sites are not answered");
  }
  if (request.method != "GET" && request.method != "HEAD" && request.content_type != kJson) {
    return Refuse(403, "json_only", "send `Content-Type: application/json`");
  }
  return std::nullopt;
}

}  // namespace sluice::gateway::admin
