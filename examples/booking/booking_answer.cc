#include "booking/booking_answer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>

#include "booking/role.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "sluice/dag/trace.h"

namespace booking {
namespace {

using Json = nlohmann::ordered_json;
using sluice::Error;
using sluice::ErrorCode;
using sluice::Nanos;
using sluice::Result;
using sluice::dag::FailureKind;
using sluice::dag::NodeState;

constexpr std::size_t kWordBytesMax = 32;

double Milliseconds(Nanos span) {
  return std::chrono::duration<double, std::milli>(span).count();
}
// To a hundredth: more would be noise.
double Rounded(Nanos span) {
  return static_cast<double>(span.count() / 10'000) / 100;
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const TimedCall* CallOf(const Timing& timing, std::string_view node) {
  const auto found = std::ranges::find(timing.calls, node, &TimedCall::node);
  return found == timing.calls.end() ? nullptr : &*found;
}

Nanos SumOf(const Timing& timing) {
  Nanos sum{0};
  for (const TimedCall& call : timing.calls)
    sum += call.end - call.start;
  return sum;
}

Nanos PathTimeOf(const Timing& timing) {
  Nanos sum{0};
  for (const std::string_view node : timing.path) {
    const TimedCall* call = CallOf(timing, node);
    if (call != nullptr) sum += call->end - call->start;
  }
  return sum;
}

// W3C Server-Timing, which browsers show beside the request.
Header ServerTimingOf(const Timing& timing) {
  std::string value;
  for (const TimedCall& call : timing.calls) {
    fmt::format_to(std::back_inserter(value), "{};dur={:.1f}, ", call.node,
                   Milliseconds(call.end - call.start));
  }
  fmt::format_to(std::back_inserter(value),
                 "critical-path;dur={:.1f};desc=\"{}\", sum;dur={:.1f}, total;dur={:.1f};desc={}",
                 Milliseconds(PathTimeOf(timing)), fmt::join(timing.path, " > "),
                 Milliseconds(SumOf(timing)), Milliseconds(timing.total), timing.mode);
  return {.name = "server-timing", .value = std::move(value)};
}

Json JsonOf(const Timing& timing) {
  Json calls = Json::array();
  for (const TimedCall& call : timing.calls) {
    calls.push_back(
        {{"node", call.node}, {"start_ms", Rounded(call.start)}, {"end_ms", Rounded(call.end)}});
  }
  return {{"mode", timing.mode},
          {"total_ms", Rounded(timing.total)},
          {"sum_ms", Rounded(SumOf(timing))},
          {"critical_path_ms", Rounded(PathTimeOf(timing))},
          {"critical_path", timing.path},
          {"calls", std::move(calls)}};
}

Reply Finish(int status, Json body, const Timing& timing, const AnswerOptions& options) {
  if (options.with_timing) body["timing"] = JsonOf(timing);
  return {.status = status, .body = Text(body), .headers = {ServerTimingOf(timing)}};
}

// Whether the payment may have been made, though its node has no value.
Charged ChargedBy(FailureKind kind, const Error& cause) {
  const bool never_sent =
      kind == FailureKind::kRejected || cause.retry == sluice::RetryAdvice::kSafe;
  return never_sent ? Charged::kNo : Charged::kUnknown;
}

// A call and its node have one deadline: whichever is looked at first tells of it.
FailureKind KindOf(const Failure& failure) {
  return failure.cause.code == ErrorCode::kUpstreamTimeout ? FailureKind::kTimedOut : failure.kind;
}

int StatusOf(const Failure& failure) {
  if (failure.cause.code == ErrorCode::kPermissionDenied) {
    return failure.node == "approval" ? 403 : 402;
  }
  return KindOf(failure) == FailureKind::kTimedOut ? 504 : 503;
}

std::string SentenceOf(const Failure& failure) {
  if (failure.cause.code == ErrorCode::kPermissionDenied) return failure.cause.detail;
  if (failure.node.empty()) return "the booking was not done in time";
  switch (KindOf(failure)) {
    case FailureKind::kTimedOut:
      return fmt::format("{} did not answer in time", failure.node);
    case FailureKind::kRejected:
      return fmt::format("{} is not asked for the moment: it failed too often", failure.node);
    case FailureKind::kFailed:
    case FailureKind::kCancelled:
      break;
  }
  return fmt::format("{} is not available", failure.node);
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kWordBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace

Timing TimingOf(const sluice::dag::RunView& run) {
  const sluice::dag::RunTrace trace(run);
  Timing timing{.mode = "dag", .total = trace.duration(), .calls = {}, .path = {}};
  for (const sluice::dag::TraceRow& row : trace.rows()) {
    const std::optional<Role> role = RoleOf(row.node);
    if (!role || !row.start || *row.start > timing.total) continue;
    const Nanos end = std::min(row.end.value_or(timing.total), timing.total);
    // What begins with the answer is not what it waited for.
    if (*role == Role::kNotification) continue;
    timing.calls.push_back({.node = NameOf(*role), .start = *row.start, .end = end});
  }
  for (const std::string& node : trace.critical_path()) {
    const std::optional<Role> role = RoleOf(node);
    if (role) timing.path.push_back(NameOf(*role));
  }
  return timing;
}

Timing TimingOf(const SequentialOutcome& outcome) {
  Timing timing{.mode = "sequential", .calls = outcome.calls, .path = {}};
  for (const TimedCall& call : outcome.calls) {
    timing.path.push_back(call.node);
    timing.total = std::max(timing.total, call.end);
  }
  return timing;
}

Failure FailureOf(const sluice::dag::RunView& run) {
  const sluice::dag::NodeError& error = *run.error();
  Failure failure{.node = error.node, .kind = error.kind, .cause = error.cause};
  if (error.node == NameOf(Role::kPayment)) {
    failure.charged = ChargedBy(error.kind, error.cause);
  } else if (run.StateOf(NameOf(Role::kPayment)) == NodeState::kRunning) {
    failure.charged = Charged::kUnknown;
  }
  return failure;
}

Failure FailureOf(const SequentialOutcome& outcome) {
  const Error& cause = outcome.booking.error();
  const bool timed_out = cause.code == ErrorCode::kUpstreamTimeout;
  Failure failure{.node = outcome.failed_node,
                  .kind = timed_out ? FailureKind::kTimedOut : FailureKind::kFailed,
                  .cause = cause};
  if (failure.node == NameOf(Role::kPayment)) failure.charged = ChargedBy(failure.kind, cause);
  return failure;
}

Reply BookedReply(const Booking& booking,
                  const std::vector<std::string_view>& degraded,
                  const Timing& timing,
                  const AnswerOptions& options) {
  Json body = {{"id", booking.id},
               {"user", booking.user.name},
               {"hotel", booking.cart.hotel},
               {"room", booking.cart.room},
               {"nights", booking.cart.nights},
               {"amount_cents", booking.amount_cents},
               {"discount_percent", booking.discount_percent},
               {"reservation", booking.reservation},
               {"charge", booking.charge},
               {"needs_review", booking.needs_review},
               {"degraded", degraded}};
  return Finish(201, std::move(body), timing, options);
}

Reply FailedReply(const Failure& failure, const Timing& timing, const AnswerOptions& options) {
  const Json body = {{"error", SentenceOf(failure)},
                     {"node", failure.node},
                     {"kind", NameOf(failure.kind)},
                     {"cause", NameOf(failure.cause.code)},
                     {"charged", failure.charged == Charged::kNo ? "no" : "unknown"}};
  Reply reply = Finish(StatusOf(failure), body, timing, options);
  if (reply.status == 503) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(failure.cause.retry_after);
    reply.headers.push_back(
        {.name = "retry-after", .value = fmt::to_string(std::max<long>(1, wait.count()))});
  }
  return reply;
}

Result<Order> ParseOrder(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return sluice::Fail(ErrorCode::kBadRequest, "the body must be a JSON object");
  }
  Order order;
  const std::array<std::pair<const char*, std::string*>, 3> fields = {
      {{"user", &order.user}, {"hotel", &order.hotel}, {"room", &order.room}}};
  for (const auto& [name, value] : fields) {
    const auto found = json.find(name);
    if (found == json.end()) continue;
    if (!found->is_string() || !IsWord(found->get_ref<const std::string&>())) {
      return sluice::Fail(ErrorCode::kBadRequest,
                          fmt::format("{}: 1 to {} letters, digits, - and _", name, kWordBytesMax));
    }
    *value = found->get<std::string>();
  }
  return order;
}

}  // namespace booking
