#include "booking/plan.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sluice/dag/builder.h"

namespace booking {

using namespace std::chrono_literals;
namespace dag = sluice::dag;
using sluice::Result;

namespace {

CallOptions OptionsOf(dag::Context& context, AbortOnStop& stop) {
  return {.deadline = context.deadline(), .abort = &stop.abort()};
}

// The same for each attempt of this node, so that trying again does nothing twice.
std::string KeyOf(const dag::Context& context) {
  return fmt::format("{:016x}", context.idempotency_key());
}
CallOptions KeyedOptionsOf(dag::Context& context, AbortOnStop& stop) {
  return {.deadline = context.deadline(), .abort = &stop.abort(), .key = KeyOf(context)};
}

// Of a call that may be tried again.
dag::Policy Repeatable(Services& services, Role role, sluice::Nanos timeout) {
  return {.timeout = timeout,
          .retry = {.max_attempts = 2, .backoff = 5ms},
          .idempotent = true,
          .guards = {&services.guard(role)}};
}

}  // namespace

dag::PlanResult<BookingPlan> MakeBookingPlan(Services& services) {
  dag::Builder<Order> b("booking");

  auto user = b.Node(
      "user", Repeatable(services, Role::kUser, 200ms),
      [&services](dag::Context& c, const Order& order) -> dag::Work<User> {
        AbortOnStop stop(c);
        CallOptions options = OptionsOf(c, stop);
        co_return co_await services.FindUser(order, std::move(options));
      },
      b.input());
  auto cart = b.Node(
      "cart", Repeatable(services, Role::kCart, 200ms),
      [&services](dag::Context& c, const Order& order) -> dag::Work<Cart> {
        AbortOnStop stop(c);
        CallOptions options = OptionsOf(c, stop);
        co_return co_await services.FindCart(order, std::move(options));
      },
      b.input());

  auto coupons = b.Optional(
      "coupons", {.timeout = 80ms, .guards = {&services.guard(Role::kCoupons)}},
      [&services](dag::Context& c, const User& buyer) -> dag::Work<Coupon> {
        AbortOnStop stop(c);
        CallOptions options = OptionsOf(c, stop);
        co_return co_await services.FindCoupon(buyer, std::move(options));
      },
      user);
  auto risk = b.Node(
      "risk", {.timeout = 100ms, .guards = {&services.guard(Role::kRisk)}},
      [&services](dag::Context& c, const User& buyer) -> dag::Work<Risk> {
        AbortOnStop stop(c);
        CallOptions options = OptionsOf(c, stop);
        co_return co_await services.Score(buyer, std::move(options));
      },
      user);
  b.Fallback(risk, [](const dag::NodeError&) { return Risk{.is_known = false}; });
  auto price = b.Node(
      "price", Repeatable(services, Role::kPrice, 200ms),
      [&services](dag::Context& c, const Cart& wanted,
                  const std::optional<Coupon>& coupon) -> dag::Work<Quote> {
        AbortOnStop stop(c);
        CallOptions options = OptionsOf(c, stop);
        co_return co_await services.FindPrice(wanted, coupon, std::move(options));
      },
      cart, coupons);
  auto inventory = b.Node(
      "inventory", Repeatable(services, Role::kInventory, 250ms),
      [&services](dag::Context& c, const Cart& wanted) -> dag::Work<Reservation> {
        AbortOnStop stop(c);
        CallOptions options = KeyedOptionsOf(c, stop);
        co_return co_await services.Reserve(wanted, std::move(options));
      },
      cart);

  auto approval = b.Node("approval", &Approve, risk);
  // Money is moved last, once everything else is certain, and never given up midway.
  auto payment = b.Node(
      "payment",
      {.timeout = 400ms,
       .cancel = dag::CancelMode::kNeverOnceStarted,
       .guards = {&services.guard(Role::kPayment)}},
      [&services](dag::Context& c, const User& buyer, const Quote& quote, const Approval&,
                  const Reservation& reserved) -> dag::Work<Charge> {
        CallOptions options{.deadline = c.deadline(), .key = KeyOf(c)};
        co_return co_await services.Pay(buyer, quote, reserved, std::move(options));
      },
      user, price, approval, inventory);

  auto booking = b.Node(
      "booking",
      [](const Order& order, const User& buyer, const Cart& wanted, const Quote& quote,
         const std::optional<Coupon>& coupon, const Approval& approved, const Reservation& reserved,
         const Charge& charge) {
        return Confirm({.id = order.booking_id,
                        .user = buyer,
                        .cart = wanted,
                        .amount_cents = quote.amount_cents,
                        .discount_percent = coupon ? coupon->percent : 0,
                        .needs_review = approved.needs_review,
                        .reservation = reserved.id},
                       charge);
      },
      b.input(), user, cart, price, coupons, approval, inventory, payment);
  auto notification = b.Node(
      "notification", Repeatable(services, Role::kNotification, 1s),
      [&services](dag::Context& c, const Booking& done) -> dag::Work<dag::Done> {
        AbortOnStop stop(c);
        CallOptions options = KeyedOptionsOf(c, stop);
        co_return co_await services.Notify(done, std::move(options));
      },
      booking);
  b.Effect(notification);
  return std::move(b).Build(booking);
}

}  // namespace booking
