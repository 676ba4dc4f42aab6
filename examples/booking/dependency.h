// Dependency: calls to one service, over kept connections, each with a deadline and a way to give
// it up early.
//
// Belongs to one loop. Calls must have ended before it goes.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/dag/context.h"
#include "sluice/traffic/pool.h"
#include "sluice/traffic/upstream.h"
#include "sluice/wire/http_head.h"

namespace booking {

// Gives up one call from outside, when nobody needs its answer any more.
class Abort {
 public:
  void Now() {
    waiting_.Cancel();
    if (stream_ != nullptr) stream_->Cancel();
  }

 private:
  friend class Dependency;
  sluice::traffic::Cancellation waiting_;  // While there is no connection yet.
  sluice::Stream* stream_ = nullptr;       // While there is one.
};

// The same when a node of a DAG is asked to stop. Lives in the node's frame.
class AbortOnStop : private sluice::dag::StopListener {
 public:
  explicit AbortOnStop(sluice::dag::Context& context) : StopListener(&OnStop) {
    context.Listen(*this);
  }
  [[nodiscard]] Abort& abort() { return abort_; }

 private:
  static void OnStop(StopListener& self) { static_cast<AbortOnStop&>(self).abort_.Now(); }
  Abort abort_;
};

struct CallOptions {
  sluice::SteadyTime deadline;
  Abort* abort = nullptr;  // May be null.
  std::string key = {};    // Sent as idempotency-key; empty: none.
};

struct CallRequest {
  sluice::wire::Method method = sluice::wire::Method::kGet;
  std::string path;
  std::string body = {};  // JSON; with kPost.
};

struct CallAnswer {
  int status = 0;
  std::string body;
};

class Dependency {
 public:
  // `loop` must outlive it. Fails with kInvalidOption.
  static sluice::Result<std::unique_ptr<Dependency>> Create(sluice::Loop& loop,
                                                            std::string_view name,
                                                            const sluice::Address& address);

  // One call, and its whole answer of at most 64 KiB. Fails as Pool::Acquire() and ExchangeWhole()
  // do: kConnectFailed, kUpstreamTimeout, kBadResponse, kCancelled, …
  sluice::Task<sluice::Result<CallAnswer>> Call(CallRequest request, CallOptions options);

  // Closes idle connections and refuses what is new.
  void Drain() { pool_.Drain(); }

 private:
  Dependency(sluice::Loop& loop, std::shared_ptr<sluice::traffic::Upstream> upstream);

  std::shared_ptr<sluice::traffic::Endpoint> endpoint_;
  sluice::traffic::Pool pool_;
};

}  // namespace booking
