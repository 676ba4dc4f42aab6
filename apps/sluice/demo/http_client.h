// HttpClient: the users of the demo. Asks one server, over kept connections.
//
// Belongs to one loop; calls must have ended before it goes.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/pool.h"
#include "sluice/traffic/upstream.h"
#include "sluice/wire/http_head.h"

namespace sluice::demo {

struct Question {
  wire::Method method = wire::Method::kGet;
  std::string target = "/";
  std::string body = {};  // JSON; with kPost.
  std::string user = {};  // x-user-id; empty: none.
};

// What a user gets.
struct Answer {
  int status = 0;                 // 0: none.
  std::string_view failure = {};  // Why there is none, as NameOf(ErrorCode).
  Nanos latency{0};               // From the moment the question was due.
  std::string reason = {};        // x-sluice-reason.
  std::string degraded = {};      // x-sluice-degraded.
  std::string retry_after = {};   // Seconds.
  std::string server_timing = {};
  std::string instance = {};  // x-instance.
  std::string body = {};
};

class HttpClient {
 public:
  // `loop` must outlive it. Fails with kInvalidOption.
  static Result<std::unique_ptr<HttpClient>> Create(Loop& loop, const Address& address);

  // Asks now a question that was due at `due`, and waits at most `patience` from there.
  Task<Answer> Ask(Question question, SteadyTime due, Nanos patience);

 private:
  HttpClient(Loop& loop, std::shared_ptr<traffic::Upstream> upstream);

  Loop& loop_;
  std::shared_ptr<traffic::Endpoint> endpoint_;
  traffic::Pool pool_;
};

}  // namespace sluice::demo
