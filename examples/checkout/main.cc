// A checkout of dependent calls: draws its plan, runs it once, and tells what held it up.

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/drawing.h"
#include "sluice/dag/runner.h"
#include "sluice/dag/trace.h"
#include "sluice/platform/linux/loop.h"

using namespace std::chrono_literals;
using namespace sluice;

struct Order {
  int user_id = 0;
};
struct User {
  int id = 0;
  int discount = 0;
};
struct Cart {
  int items = 0;
};
struct Receipt {
  int amount = 0;
  std::string note;
};

// Calls of others; here they only take time.
struct Services {
  Task<Result<User>> FindUser(Loop& loop, int id, SteadyTime /*deadline*/) {
    co_await loop.SleepUntil(loop.now() + 30ms);
    co_return User{.id = id, .discount = 10};
  }
  Task<Result<Cart>> FindCart(Loop& loop, int /*id*/, SteadyTime /*deadline*/) {
    co_await loop.SleepUntil(loop.now() + 20ms);
    co_return Cart{.items = 3};
  }
};

dag::PlanResult<dag::Plan<Order, Receipt>> MakeCheckout(Services& services) {
  dag::Builder<Order> b("checkout");

  // Two calls that depend on the order alone, so they run at once.
  auto user = b.Node(
      "user", {.timeout = 80ms, .retry = {.max_attempts = 2, .backoff = 5ms}, .idempotent = true},
      [&services](dag::Context& c, const Order& order) -> dag::Work<User> {
        co_return co_await services.FindUser(c.loop(), order.user_id, c.deadline());
      },
      b.input());
  auto cart = b.Node(
      "cart", {.timeout = 50ms, .hedge_after = 40ms, .idempotent = true},
      [&services](dag::Context& c, const Order& order) -> dag::Work<Cart> {
        co_return co_await services.FindCart(c.loop(), order.user_id, c.deadline());
      },
      b.input());

  // Without offers a checkout is still a checkout.
  auto offer = b.Optional(
      "offer", {.timeout = 10ms},
      [](dag::Context& c, const User&) -> dag::Work<int> {
        const bool slept = co_await c.SleepFor(1s);  // Far too slow: it is absent.
        if (!slept) co_return Fail(ErrorCode::kCancelled, "nobody waits any more");
        co_return 5;
      },
      user);

  // A plain function: runs inline, as soon as its inputs are there.
  auto price = b.Node(
      "price",
      [](const User& buyer, const Cart& bought, const std::optional<int>& extra) {
        return bought.items * 100 - buyer.discount - extra.value_or(0);
      },
      user, cart, offer);
  auto receipt = b.Node(
      "receipt", {.cancel = dag::CancelMode::kNeverOnceStarted},
      [](dag::Context& c, const int& amount) -> dag::Work<Receipt> {
        static_cast<void>(co_await c.SleepFor(15ms));
        co_return Receipt{.amount = amount, .note = "paid"};
      },
      price);
  return std::move(b).Build(receipt);
}

// `checkout` belongs to `loop`, and both outlive this.
Task<void> Checkout(Loop& loop, dag::Runner<Order, Receipt>& checkout) {
  dag::RunOptions options;
  options.deadline = loop.now() + 500ms;
  options.tracing = dag::Tracing::kOn;
  dag::Running<Receipt> running = checkout.Run(Order{.user_id = 7}, options);
  dag::Outcome<Receipt> outcome = co_await running;
  if (!outcome) {
    fmt::print("{}\n", dag::Describe(*outcome.error()));
    co_return;
  }
  fmt::print("{} {}\n", outcome->note, outcome->amount);
  fmt::print("without: {}\n", fmt::join(outcome.degraded(), ", "));
  const dag::RunTrace trace(outcome);
  fmt::print("critical path: {}\n", fmt::join(trace.critical_path(), " -> "));
}

Task<void> CheckoutAndStop(platform::EpollLoop& loop, dag::Runner<Order, Receipt>& checkout) {
  co_await Checkout(loop, checkout);
  co_await checkout.Drain();
  loop.Stop();
}

int main() {
  Services services;
  const auto plan = MakeCheckout(services);
  if (!plan) {
    fmt::print(stderr, "{}\n", plan.error().message);
    return 1;
  }
  fmt::print("{}", dag::ToMermaid(*plan->compiled()));

  const auto loop = platform::EpollLoop::Create();
  if (!loop) {
    fmt::print(stderr, "{}\n", loop.error().detail);
    return 1;
  }
  dag::Runner<Order, Receipt> checkout(**loop, *plan);
  TaskGroup tasks;
  (*loop)->Enter([&] { tasks.Spawn(CheckoutAndStop(**loop, checkout)); });
  (*loop)->Run();
  return 0;
}
