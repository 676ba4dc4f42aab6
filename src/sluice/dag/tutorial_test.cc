// The code of docs/dag.md, compiled and run; every block of the page stands here word for word.

#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/drawing.h"
#include "sluice/dag/gantt.h"
#include "sluice/dag/path_shares.h"
#include "sluice/dag/runner.h"
#include "sluice/dag/trace.h"
#include "sluice/platform/sim/world.h"

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

Task<void> Checkout(Loop& loop, dag::Runner<Order, Receipt>& checkout, std::string& log) {
  dag::RunOptions options;
  options.deadline = loop.now() + 500ms;
  options.tracing = dag::Tracing::kOn;
  dag::Running<Receipt> running = checkout.Run(Order{.user_id = 7}, options);
  dag::Outcome<Receipt> outcome = co_await running;
  if (!outcome) {
    log += dag::Describe(*outcome.error());
    co_return;
  }
  log += fmt::format("{} {}\n", outcome->note, outcome->amount);
  log += fmt::format("without: {}\n", fmt::join(outcome.degraded(), ", "));
  const dag::RunTrace trace(outcome);
  log += fmt::format("critical path: {}\n", fmt::join(trace.critical_path(), " -> "));
}

namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(DagTutorial, DoesWhatThePageSays) {
  sim::World world(1);
  sim::Loop& loop = world.AddLoop();
  Services services;
  const auto plan = MakeCheckout(services);
  ASSERT_TRUE(plan) << plan.error().message;
  std::string log;
  {
    dag::Runner<Order, Receipt> checkout(loop, *plan);
    TaskGroup tasks;
    loop.Enter([&] { tasks.Spawn(Checkout(loop, checkout, log)); });
    EXPECT_TRUE(world.RunUntilIdle());
  }
  EXPECT_EQ(log, "paid 290\nwithout: offer\ncritical path: user -> offer -> price -> receipt\n");
  const std::string page = FileText(std::string(SLUICE_SOURCE_DIR) + "/docs/dag.md");
  EXPECT_NE(page.find(log), std::string::npos) << "the page shows another output";
  EXPECT_NE(page.find(dag::ToMermaid(*plan->compiled())), std::string::npos)
      << dag::ToMermaid(*plan->compiled());
}

TEST(DagTutorial, EveryBlockOfThePageIsInThisFile) {
  const std::string page = FileText(std::string(SLUICE_SOURCE_DIR) + "/docs/dag.md");
  const std::string code =
      FileText(std::string(SLUICE_SOURCE_DIR) + "/src/sluice/dag/tutorial_test.cc");
  int blocks = 0;
  for (std::size_t at = page.find("```cpp\n"); at != std::string::npos;
       at = page.find("```cpp\n", at + 1)) {
    const std::size_t begin = at + 7;
    const std::string block = page.substr(begin, page.find("```", begin) - begin);
    EXPECT_NE(code.find(block), std::string::npos) << block;
    ++blocks;
  }
  EXPECT_GE(blocks, 2);
}

}  // namespace
