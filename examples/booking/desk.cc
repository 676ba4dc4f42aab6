#include "booking/desk.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "booking/pages.h"
#include <fmt/format.h>

namespace booking {

using sluice::Result;
using sluice::Task;
namespace dag = sluice::dag;
namespace wire = sluice::wire;

namespace {

constexpr std::size_t kBookingsMax = 2'000;  // At once; more are refused.
constexpr sluice::Nanos kNotificationMax = std::chrono::seconds(1);
constexpr std::int64_t kCallerPatienceMsMax = 3'600'000;

// FNV-1a, so that the same key of the same user is the same number in every instance. Neither a
// user's name nor a header has a NUL, so no two pairs are the same text.
std::uint64_t HashOf(std::string_view user, std::string_view key) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view part : {user, std::string_view("\0", 1), key}) {
    for (const char byte : part) {
      hash ^= static_cast<unsigned char>(byte);
      hash *= 0x100000001b3;
    }
  }
  return hash;
}

}  // namespace

Result<std::unique_ptr<Desk>> Desk::Create(sluice::Loop& loop, DeskOptions options) {
  std::unique_ptr<Desk> desk(new Desk(loop, std::move(options)));
  if (!desk->options_.addresses) return desk;
  auto services = Services::Create(loop, *desk->options_.addresses);
  if (!services) return std::unexpected(services.error());
  desk->services_ = std::move(*services);
  const dag::PlanResult<BookingPlan> plan = MakeBookingPlan(*desk->services_);
  if (!plan) return sluice::Fail(sluice::ErrorCode::kInvalidOption, plan.error().message);
  const dag::RunnerOptions bounds{.in_flight_max = kBookingsMax};
  desk->runner_ = std::make_unique<dag::Runner<Order, Booking>>(loop, *plan, bounds);
  return desk;
}

Desk::Desk(sluice::Loop& loop, DeskOptions options) : loop_(loop), options_(std::move(options)) {}

Desk::~Desk() = default;

Task<Reply> Desk::Answer(const wire::RequestHead& head, std::string_view body) {
  if (head.path == "/stats" && head.method == wire::Method::kGet) {
    co_return Reply{
        .body = fmt::format(R"({{"booked":{},"degraded":{},"failed":{},"notifications_lost":{}}})"
                            "\n",
                            counts_.booked, counts_.degraded, counts_.failed,
                            counts_.notifications_lost)};
  }
  if (head.path != "/bookings") co_return PageOf(head);
  if (head.method != wire::Method::kPost) co_return Problem(405, "use POST");
  if (services_ == nullptr) {
    co_return Problem(503, "no services to book with: start with --dependencies FILE");
  }
  Result<Order> order = ParseOrder(body);
  if (!order) co_return Problem(400, order.error().detail);
  order->booking_id = fmt::format("{}-{}", options_.name, ++begun_);
  // The user's own key makes a repetition of the request one booking, charged once.
  const wire::HeaderField* key = head.headers.Find("idempotency-key");
  const std::uint64_t id = key == nullptr ? loop_.random().Next() : HashOf(order->user, key->value);
  Wish wish{.order = std::move(*order),
            .id = id,
            .deadline = loop_.now() + TimeFor(head),
            .answer = {.with_timing = Parameter(head.query, "trace") == "1"}};
  if (Parameter(head.query, "mode") == "sequential") {
    co_return co_await BookSequentially(std::move(wish));
  }
  co_return co_await Book(std::move(wish));
}

// Ours, or what the caller says it will wait, if that is less.
sluice::Nanos Desk::TimeFor(const wire::RequestHead& head) const {
  const wire::HeaderField* field = head.headers.Find("x-request-timeout");
  if (field == nullptr) return options_.deadline;
  std::int64_t milliseconds = 0;
  const std::string_view text = field->value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || milliseconds < 0 || milliseconds > kCallerPatienceMsMax) return options_.deadline;
  return std::min<sluice::Nanos>(options_.deadline, std::chrono::milliseconds(milliseconds));
}

Task<Reply> Desk::Book(Wish wish) {
  const dag::RunOptions run{
      .deadline = wish.deadline, .tracing = dag::Tracing::kOn, .observer = this, .id = wish.id};
  dag::Running<Booking> running = runner_->Run(std::move(wish.order), run);
  dag::Outcome<Booking> outcome = co_await running;
  const Timing timing = TimingOf(outcome);
  Count(outcome.has_value(), !outcome.degraded().empty());
  if (!outcome) co_return FailedReply(FailureOf(outcome), timing, wish.answer);
  co_return BookedReply(*outcome, outcome.degraded(), timing, wish.answer);
}

Task<Reply> Desk::BookSequentially(Wish wish) {
  std::string key = fmt::format("{:016x}", wish.id);
  SequentialOptions how{.deadline = wish.deadline, .key = key};
  const SequentialOutcome outcome =
      co_await BookInSequence(*services_, loop_, std::move(wish.order), std::move(how));
  const Timing timing = TimingOf(outcome);
  Count(outcome.booking.has_value(), !outcome.degraded.empty());
  if (!outcome.booking) co_return FailedReply(FailureOf(outcome), timing, wish.answer);
  tasks_.Spawn(Notify(*outcome.booking, std::move(key)));
  co_return BookedReply(*outcome.booking, outcome.degraded, timing, wish.answer);
}

Task<void> Desk::Notify(Booking booking, std::string key) {
  CallOptions options{.deadline = loop_.now() + kNotificationMax, .key = key + "-notification"};
  const Result<void> sent = co_await services_->Notify(booking, std::move(options));
  if (!sent) ++counts_.notifications_lost;
}

void Desk::Count(bool is_booked, bool is_degraded) {
  ++(is_booked ? counts_.booked : counts_.failed);
  if (is_booked && is_degraded) ++counts_.degraded;
}

void Desk::OnEnded(const dag::RunView& run) {
  const dag::NodeState state = run.StateOf(NameOf(Role::kNotification));
  if (state == dag::NodeState::kFailed || state == dag::NodeState::kTimedOut) {
    ++counts_.notifications_lost;
  }
}

Task<void> Desk::Drain() {
  if (services_ == nullptr) co_return;
  co_await runner_->Drain();
  co_await tasks_.Drained();
  services_->Drain();
}

}  // namespace booking
