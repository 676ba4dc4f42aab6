#include "sluice/gateway/exchange.h"

#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

// Enough for the heads and small bodies of nearly all messages.
constexpr Bytes kBufferBytesKept = 16 * kKiB;

}  // namespace

Exchange::Exchange(WorkerContext& its_worker, const wire::HeadLimits& limits)
    : worker(its_worker),
      head_limits(limits),
      reader(limits),
      wait_ended(its_worker.loop),
      admission_wait(its_worker.loop),
      head_timer(nullptr, this),
      pump_changed(its_worker.loop) {}

void Exchange::Reset() {
  client = nullptr;
  listener = nullptr;
  accepted_by = nullptr;
  reader.Reset();
  peer_text = {};
  peer_is_trusted = false;
  client_is_gone = false;
  was_shed = false;
  on_give_up = {};

  snapshot = SnapshotUse();
  route = nullptr;
  path = {};
  speaks_grpc = false;
  captures.Clear();

  taken_count = 0;
  for (Permit& permit : breaker_permits)
    permit = Permit();
  breaker_count = 0;
  quota_rule = nullptr;
  refusal_status = 0;
  shed_cause = {};
  retry_token.reset();

  release.plan = nullptr;
  release.is_live = false;
  release.decision = {};
  release.is_random = false;
  release.has_answer = false;
  release.answer = {};
  release.body = JudgedBodyState::kNone;
  release.identity.clear();

  asked = {};
  is_substitute = false;
  for (Permit& permit : load_permits)
    permit = Permit();
  load_count = 0;
  for (Permit& permit : attempt_permits)
    permit = Permit();
  attempt_count = 0;
  for (Permit& permit : throttle_permits)
    permit = Permit();
  level.reset();

  tried = {};
  judged = {};
  acquiring.reset();
  upstream_stream = nullptr;
  body = {};
  head_timed_out = false;
  awaits_head = false;
  attempts = 0;
  counted_attempts = 0;
  stale_connection = false;
  stale_retry_used = false;
  was_sent = false;
  flow_failed = false;
  asked_upgrade = false;
  upstream_label.clear();
  upstream_duration = Nanos(0);

  keep_alive = true;
  head_sent = false;
  status = 0;
  bytes_in = 0;
  bytes_out = 0;
  reason = Reason::kOk;
  refusal_guard = {};
  refusal_rule = {};
  refusal_reason.clear();
  degraded_source = {};
  next_step = 0;
  keeping.reset();
  recording.Reset();
  trace_parent.clear();
}

void Exchange::Shrink() {
  for (std::string* buffer :
       {&received, &pump_output, &pump_content, &output, &response_content, &judged_body}) {
    if (buffer->capacity() <= kBufferBytesKept) continue;
    buffer->clear();
    buffer->shrink_to_fit();
  }
}

Bytes BytesHeldBy(const std::string& buffer) {
  return buffer.capacity() > kBufferBytesKept ? buffer.capacity() : buffer.size();
}

Bytes Exchange::HeldBytes() const {
  Bytes sum = reader.head_bytes() + (keeping ? keeping->reserved_bytes() : 0);
  for (const std::string* buffer : {&received, &pump_output, &pump_content, &output,
                                    &response_content, &judged_body, &local_body, &cache_key}) {
    sum += BytesHeldBy(*buffer);
  }
  return sum;
}

void Exchange::GiveUp() {
  client_is_gone = true;
  wait_ended.Set();
  admission_wait.Interrupt();
  if (acquiring) acquiring->Cancel();
  if (upstream_stream != nullptr) upstream_stream->Cancel();
  if (on_give_up.call != nullptr) on_give_up.call(on_give_up.owner);
}

}  // namespace sluice::gateway
