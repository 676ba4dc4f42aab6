// Who may speak to the admin API.
//
// Without a token only from this machine, and only by somebody who means it: a web page in a
// browser on this machine must not be able to. So Host must name this machine (DNS rebinding),
// Origin must be ours, and what changes something must be JSON, which no HTML form can send. With a
// token the token decides.

#pragma once

#include <optional>
#include <string>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/gateway/admin/admin_request.h"

namespace sluice::gateway::admin {

class AccessPolicy {
 public:
  // `token` may be empty only for loopback and Unix addresses: otherwise kInvalidConfig.
  [[nodiscard]] static Result<AccessPolicy> Create(const Address& listen, std::string token);

  // Nothing when the request may go on; otherwise 401, 403 or 421.
  [[nodiscard]] std::optional<AdminResponse> Check(const AdminRequest& request) const;

 private:
  explicit AccessPolicy(std::string token) : token_(std::move(token)) {}
  std::string token_;
};

// 127.0.0.0/8, ::1 and Unix sockets.
[[nodiscard]] bool IsLocal(const Address& address);

}  // namespace sluice::gateway::admin
