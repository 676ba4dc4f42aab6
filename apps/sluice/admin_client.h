// A client of the admin API for the command line: one request, one answer, blocking.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::app {

struct AdminAnswer {
  int status = 0;
  std::string body;
};

struct AdminCall {
  std::string_view method = "GET";
  std::string_view path = "/api/v1/status";
  std::string_view body = {};  // JSON; POST only.
};

class AdminClient {
 public:
  // `address`: "host:port" with an IP address or "localhost", or "unix:/path". An empty token is
  // not sent.
  AdminClient(std::string address, std::string token)
      : address_(std::move(address)), token_(std::move(token)) {}

  // Within 30 s. Fails with kInvalidOption (the address), kConnectFailed, kTimeout or kBadResponse.
  [[nodiscard]] Result<AdminAnswer> Call(const AdminCall& call) const;

 private:
  std::string address_;
  std::string token_;
};

}  // namespace sluice::app
