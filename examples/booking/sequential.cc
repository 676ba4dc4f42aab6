#include "booking/sequential.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace booking {

using namespace std::chrono_literals;
using sluice::Result;
using sluice::Task;

namespace {

// What the calls have in common: their timeouts within the deadline, and when each was made.
class Steps {
 public:
  Steps(sluice::Loop& loop, const SequentialOptions& options, SequentialOutcome& outcome)
      : loop_(loop), options_(options), outcome_(outcome), begun_(loop.now()) {}

  CallOptions Begin(std::string_view node, sluice::Nanos timeout) {
    const sluice::SteadyTime now = loop_.now();
    outcome_.calls.push_back({.node = node, .start = now - begun_});
    return {.deadline = std::min(options_.deadline, now + timeout),
            .key = options_.key + "-" + std::string(node)};
  }
  template <typename T>
  bool End(const Result<T>& result) {
    outcome_.calls.back().end = loop_.now() - begun_;
    if (result) return true;
    outcome_.booking = std::unexpected(result.error());
    outcome_.failed_node = outcome_.calls.back().node;
    return false;
  }
  template <typename T>
  bool EndOptional(const Result<T>& result) {
    outcome_.calls.back().end = loop_.now() - begun_;
    if (!result) outcome_.degraded.push_back(outcome_.calls.back().node);
    return result.has_value();
  }

 private:
  sluice::Loop& loop_;
  const SequentialOptions& options_;
  SequentialOutcome& outcome_;
  sluice::SteadyTime begun_;
};

}  // namespace

Task<SequentialOutcome> BookInSequence(Services& services,
                                       sluice::Loop& loop,
                                       Order order,
                                       SequentialOptions options) {
  SequentialOutcome outcome;
  Steps steps(loop, options, outcome);

  CallOptions call = steps.Begin("user", 200ms);
  const Result<User> user = co_await services.FindUser(order, std::move(call));
  if (!steps.End(user)) co_return outcome;

  call = steps.Begin("cart", 200ms);
  const Result<Cart> cart = co_await services.FindCart(order, std::move(call));
  if (!steps.End(cart)) co_return outcome;

  call = steps.Begin("coupons", 80ms);
  const Result<Coupon> found = co_await services.FindCoupon(*user, std::move(call));
  std::optional<Coupon> coupon;
  if (steps.EndOptional(found)) coupon = *found;

  call = steps.Begin("risk", 100ms);
  const Result<Risk> scored = co_await services.Score(*user, std::move(call));
  Risk risk{.is_known = false};
  if (steps.EndOptional(scored)) risk = *scored;

  call = steps.Begin("price", 200ms);
  const Result<Quote> quote = co_await services.FindPrice(*cart, coupon, std::move(call));
  if (!steps.End(quote)) co_return outcome;

  call = steps.Begin("inventory", 250ms);
  const Result<Reservation> reserved = co_await services.Reserve(*cart, std::move(call));
  if (!steps.End(reserved)) co_return outcome;

  const Result<Approval> approved = Approve(risk);
  if (!approved) {
    outcome.booking = std::unexpected(approved.error());
    outcome.failed_node = "approval";
    co_return outcome;
  }
  call = steps.Begin("payment", 400ms);
  const Result<Charge> charge = co_await services.Pay(*user, *quote, *reserved, std::move(call));
  if (!steps.End(charge)) co_return outcome;

  outcome.booking = Confirm({.id = order.booking_id,
                             .user = *user,
                             .cart = *cart,
                             .amount_cents = quote->amount_cents,
                             .discount_percent = coupon ? coupon->percent : 0,
                             .needs_review = approved->needs_review,
                             .reservation = reserved->id},
                            *charge);
  if (!outcome.booking) outcome.failed_node = "booking";
  co_return outcome;
}

}  // namespace booking
