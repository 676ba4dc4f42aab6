#include "sluice/gateway/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sluice/gateway/overload.h"
#include "sluice/gateway/request_path.h"
#include "sluice/gateway/worker.h"

namespace sluice::gateway {
namespace {

// A head is received in pieces of at most this: what comes behind it is copied.
constexpr Bytes kHeadReceiveBytes = 16 * kKiB;
constexpr Bytes kLingerBytesMax = 64 * kKiB;
constexpr Nanos kLingerTimeMax = std::chrono::seconds(2);

}  // namespace

Session::Session(Worker& worker, WorkerListener& listener, std::unique_ptr<Stream> stream)
    : worker_(worker),
      listener_(listener),
      stream_(std::move(stream)),
      connection_id_(worker.NewId(worker.context().stats.connections_total.value())),
      idle_since_(worker.context().loop.now()) {
  stream_->peer().AppendHost(peer_text_);
}

Session::~Session() = default;

void Session::TakeExchange() {
  exchange_ = worker_.TakeExchange(listener_);
  Adopt();
}

// Makes the exchange this client's.
void Session::Adopt() {
  exchange_->client = stream_.get();
  // What the log says of a head that is refused; Identify() knows better of others.
  exchange_->client_address = stream_->peer();
  exchange_->peer_text = peer_text_;
  exchange_->connection = connection_id_;
  exchange_->client_text = peer_text_;
  head_started_ = worker_.context().loop.now();
}

void Session::GiveExchangeBack() {
  exchange_->received.clear();
  worker_.GiveBack(std::move(exchange_));
  idle_since_ = worker_.context().loop.now();
}

void Session::Abort() {
  if (exchange_ != nullptr) exchange_->GiveUp();
  stream_->ResetOnClose();
  stream_->Cancel();
  goes_on_ = false;
}

Bytes Session::HeldBytes() const {
  return is_answering() && !exchange_->was_shed ? exchange_->HeldBytes() : 0;
}

void Session::Shed() {
  exchange_->was_shed = true;
  Abort();
}

void Session::End() {
  stream_->Cancel();
  goes_on_ = false;
}

void Session::OnHangup() {
  if (exchange_ != nullptr) exchange_->GiveUp();
}

Session::HeadOutcome Session::Feed(ByteView bytes) {
  const bool is_own = !exchange_->received.empty();  // Pipelined: `bytes` is `received`.
  Result<wire::HeadProgress> progress = exchange_->reader.Feed(bytes);
  if (!progress) {
    refusal_ = std::make_unique<Error>(std::move(progress.error()));
    return HeadOutcome::kRefused;
  }
  if (is_own) {
    exchange_->received.erase(0, progress->consumed);
  } else {
    exchange_->received.assign(bytes.substr(progress->consumed));
  }
  return progress->complete ? HeadOutcome::kComplete : HeadOutcome::kIncomplete;
}

Task<Session::HeadOutcome> Session::ReadHead() {
  if (exchange_ != nullptr) {
    const HeadOutcome fed = Feed(exchange_->received);
    if (fed != HeadOutcome::kIncomplete) co_return fed;
  }
  for (;;) {
    // Read anew each time: a reload during the wait below replaces the plan.
    const config::ListenerLimits& limits = listener_.plan->config->limits;
    const bool has_begun = exchange_ != nullptr;
    const Snapshot& snapshot = *listener_.snapshot->snapshot;
    const SteadyTime deadline =
        has_begun ? SaturatingAdd(head_started_, TimeoutUnderLoad(snapshot, limits.header_timeout))
                  : SaturatingAdd(idle_since_, TimeoutUnderLoad(snapshot, limits.idle_timeout));
    const Result<ByteView> got = co_await stream_->Receive(deadline, kHeadReceiveBytes);
    if (!got) {
      if (!has_begun || got.error().code != ErrorCode::kTimeout) co_return HeadOutcome::kEnded;
      refusal_ =
          std::make_unique<Error>(Error{.code = ErrorCode::kRequestTimeout,
                                        .side = Side::kClient,
                                        .detail = "the request head is not complete in time"});
      co_return HeadOutcome::kRefused;
    }
    if (got->empty()) co_return HeadOutcome::kEnded;
    if (!has_begun) TakeExchange();
    const HeadOutcome fed = Feed(*got);
    if (fed != HeadOutcome::kIncomplete) co_return fed;
  }
}

Task<void> Session::Serve() {
  Exchange& exchange = *exchange_;
  exchange.keep_alive = exchange.request().keep_alive && !worker_.context().is_draining &&
                        !listener_.is_removed && !EndsConnections(*exchange.snapshot->snapshot);
  stream_->WatchHangup(this);
  co_await RunExchange(exchange);
  stream_->WatchHangup(nullptr);
  goes_on_ =
      goes_on_ && exchange.keep_alive && exchange.body.is_complete && !exchange.client_is_gone;
  if (exchange.client_is_gone) co_return;
  // Closing with unread bytes would reset the connection and could eat the answer.
  must_linger_ = !exchange.body.is_complete || stream_->MaybeReadable();
  FinishRequest();
}

// Makes room for the next request, which may have begun to arrive.
void Session::FinishRequest() {
  if (exchange_->body.place == RequestBodyState::Place::kWhole) {
    exchange_->received.erase(0, exchange_->body.prefix_bytes);
  }
  must_linger_ = must_linger_ || !exchange_->received.empty();
  if (!goes_on_) return;
  if (exchange_->received.empty()) {
    GiveExchangeBack();
    return;
  }
  exchange_->Reset();
  Adopt();
}

Task<void> Session::LingerBeforeClose() {
  stream_->ShutdownSend();
  const SteadyTime until = worker_.context().loop.now() + kLingerTimeMax;
  Bytes dropped = 0;
  while (dropped < kLingerBytesMax) {
    const Result<ByteView> got = co_await stream_->Receive(until, kHeadReceiveBytes);
    if (!got || got->empty()) co_return;
    dropped += got->size();
  }
}

Task<void> Session::Run() {
  while (goes_on_) {
    const HeadOutcome outcome = co_await ReadHead();
    if (outcome == HeadOutcome::kEnded) break;
    worker_.Begin(*exchange_, listener_);
    if (outcome == HeadOutcome::kRefused) {
      co_await RefuseExchange(*exchange_, std::move(*refusal_));
      goes_on_ = false;
      must_linger_ = !exchange_->client_is_gone;
    } else {
      co_await Serve();
    }
    worker_.End();
  }
  if (must_linger_) co_await LingerBeforeClose();
  if (exchange_ != nullptr) GiveExchangeBack();
}

}  // namespace sluice::gateway
