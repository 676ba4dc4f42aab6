#include "sluice/gateway/observers.h"

#include <algorithm>
#include <cstddef>

#include "sluice/gateway/access_log.h"
#include "sluice/gateway/choose.h"
#include "sluice/gateway/recording_tap.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

void DecideReason(Exchange& exchange, Delivery delivery) {
  if (exchange.was_shed) {
    exchange.reason = Reason::kOverloaded;
  } else if (delivery == Delivery::kClientFailed) {
    exchange.reason = Reason::kClientGone;
  } else if (delivery == Delivery::kUpstreamFailed) {
    exchange.reason = Reason::kUpstreamAborted;
  }
}

std::size_t ClassOf(int status) {
  return status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100) : 0;
}

}  // namespace

void Observe(Exchange& exchange, Delivery delivery) {
  DecideReason(exchange, delivery);
  CountRelease(exchange, delivery);
  WorkerContext& worker = exchange.worker;
  exchange.bytes_in = exchange.reader.head_bytes() + exchange.body.bytes;
  const Nanos duration = worker.loop.now() - exchange.started;
  if (exchange.route == nullptr) {
    worker.stats.protocol_errors[static_cast<std::size_t>(exchange.reason)].Add();
  } else {
    RouteStats& stats = *(*exchange.route->stats)[worker.index];
    const auto method = static_cast<std::size_t>(exchange.request().method);
    stats.requests[method][ClassOf(exchange.status)].Add();
    stats.reasons[static_cast<std::size_t>(exchange.reason)].Add();
    stats.duration.Record(duration);
    if (exchange.upstream_duration > Nanos(0)) {
      stats.upstream_duration.Record(exchange.upstream_duration);
    }
  }
  if (exchange.recording.copy != nullptr) FinishCopy(exchange, duration);
  worker.access_log.Write(exchange, duration);
}

}  // namespace sluice::gateway
