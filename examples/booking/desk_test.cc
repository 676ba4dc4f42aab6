// Whole bookings on a simulated network: every service is there, and time moves only when nothing
// else can happen, so that every latency is exact but for the network's own.

#include "booking/desk.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "booking/http_server.h"
#include "booking/role_service.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/contract/address.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/world.h"

namespace booking {
namespace {

using namespace std::chrono_literals;
using sluice::Nanos;
using sluice::Task;
using testing::ElementsAre;
using Json = nlohmann::json;

constexpr Nanos kNetworkMax = 5ms;  // All round trips of a booking together.

// A service on a loop of its own.
class Service {
 public:
  Service(sluice::sim::World& world, const sluice::Address& address, const RoleOptions& options)
      : loop_(world.AddLoop({.name = std::string(NameOf(options.role))})),
        listener_(std::move(*loop_.Listen(address, {}))),
        handler_(loop_, options),
        server_(loop_, std::string(NameOf(options.role)), handler_) {
    loop_.Enter([this] { tasks_.Spawn(server_.Run(*listener_)); });
  }
  // Accepts nothing more and closes what is idle.
  void Stop() {
    loop_.Enter([this] { server_.Stop(); });
  }
  [[nodiscard]] bool has_ended() const { return tasks_.running() == 0; }
  void Close() {
    loop_.Enter([this] { listener_.reset(); });
  }
  // Requests, and how many of them did something.
  [[nodiscard]] const RoleState& state() const { return handler_.state(); }

 private:
  sluice::sim::Loop& loop_;
  std::unique_ptr<sluice::Listener> listener_;
  RoleService handler_;
  HttpServer server_;
  sluice::TaskGroup tasks_;
};

struct Told {
  bool is_there = false;
  Reply reply;
  Nanos took{0};
  [[nodiscard]] Json json() const { return Json::parse(reply.body); }
};

class DeskTest : public testing::Test {
 protected:
  DeskTest() {
    Addresses addresses;
    for (std::size_t i = 0; i < kRoles; ++i) {
      addresses[i] = sluice::Address::Ipv4({127, 0, 0, 1}, static_cast<std::uint16_t>(9010 + i));
      Open(static_cast<Role>(i), addresses[i], kRoleFacts[i].delay);
    }
    desk_loop_.Enter(
        [&] { desk_ = std::move(*Desk::Create(desk_loop_, {.addresses = addresses})); });
  }
  ~DeskTest() override {
    bool drained = false;
    desk_loop_.Enter([&] { tasks_.Spawn(Drain(drained)); });
    EXPECT_TRUE(world_.RunUntil([&] { return drained; }, 10min));
    desk_loop_.Enter([this] { desk_.reset(); });
    for (std::size_t i = 0; i < kRoles; ++i)
      Kill(static_cast<Role>(i));
  }

  void Open(Role role, const sluice::Address& address, Nanos delay) {
    services_[static_cast<std::size_t>(role)] = std::make_unique<Service>(
        world_, address, RoleOptions{.role = role, .delay = delay, .workers = 0});
  }
  // From now on nobody listens at its address.
  void Kill(Role role) {
    std::unique_ptr<Service>& service = services_[static_cast<std::size_t>(role)];
    if (service == nullptr) return;
    service->Stop();
    EXPECT_TRUE(world_.RunUntil([&] { return service->has_ended(); }, 10min));
    service->Close();
    service.reset();
  }
  // It accepts, and answers too late for everybody.
  void Hang(Role role) {
    Kill(role);
    const auto port = static_cast<std::uint16_t>(9010 + static_cast<std::size_t>(role));
    Open(role, sluice::Address::Ipv4({127, 0, 0, 1}, port), 20s);
  }
  const RoleState& StateOf(Role role) { return services_[static_cast<std::size_t>(role)]->state(); }

  Task<void> Ask(
      std::string query, std::string body, std::string key, std::string wait, Told& told) {
    const sluice::SteadyTime begun = desk_loop_.now();
    sluice::wire::RequestHead head;
    head.method = sluice::wire::Method::kPost;
    head.path = "/bookings";
    head.query = query;
    if (!key.empty()) head.headers.Add("idempotency-key", key);
    if (!wait.empty()) head.headers.Add("x-request-timeout", wait);
    told.reply = co_await desk_->Answer(head, body);
    told.took = desk_loop_.now() - begun;
    told.is_there = true;
  }
  Told Book(std::string query = "",
            std::string body = R"({"user":"ann"})",
            std::string key = "",
            std::string wait = "") {
    Told told;
    desk_loop_.Enter([&] { tasks_.Spawn(Ask(query, body, key, wait, told)); });
    EXPECT_TRUE(world_.RunUntil([&] { return told.is_there; }, 10min));
    return told;
  }
  Task<void> Drain(bool& drained) {
    co_await desk_->Drain();
    drained = true;
  }

  sluice::sim::World world_{/*seed=*/1};
  sluice::sim::Loop& desk_loop_ = world_.AddLoop({.name = "desk"});
  std::array<std::unique_ptr<Service>, kRoles> services_;
  std::unique_ptr<Desk> desk_;
  sluice::TaskGroup tasks_;
};

TEST_F(DeskTest, ABookingTakesItsCriticalPath) {
  const Told told = Book("trace=1");
  ASSERT_EQ(told.reply.status, 201) << told.reply.body;
  const Json timing = told.json()["timing"];
  EXPECT_THAT(timing["critical_path"], ElementsAre("cart", "inventory", "payment"));
  EXPECT_GE(told.took, 95ms);  // 20 + 35 + 40.
  EXPECT_LT(told.took, 95ms + kNetworkMax);
  EXPECT_EQ(timing["calls"].size(), 7U);
  EXPECT_THAT(told.json()["degraded"], ElementsAre());
}

TEST_F(DeskTest, InSequenceItTakesTheSum) {
  const Told told = Book("mode=sequential&trace=1");
  ASSERT_EQ(told.reply.status, 201) << told.reply.body;
  EXPECT_GE(told.took, 175ms);
  EXPECT_LT(told.took, 175ms + 2 * kNetworkMax);
  EXPECT_EQ(told.json()["timing"]["critical_path"].size(), 7U);
}

TEST_F(DeskTest, BothWaysGiveTheSameBooking) {
  Json one = Book("", R"({"user":"ann","hotel":"belem"})").json();
  Json other = Book("mode=sequential", R"({"user":"ann","hotel":"belem"})").json();
  for (Json* booking : {&one, &other}) {
    EXPECT_EQ((*booking)["hotel"], "belem");
    for (const char* name : {"id", "reservation", "charge"})
      booking->erase(name);
  }
  EXPECT_EQ(one, other);
}

TEST_F(DeskTest, TheNotificationGoesOutBehindTheAnswer) {
  for (const std::string query : {"", "mode=sequential"}) {
    const std::uint64_t before = StateOf(Role::kNotification).done;
    Book(query);
    EXPECT_EQ(StateOf(Role::kNotification).done, before) << query;
    world_.RunFor(1s);
    EXPECT_EQ(StateOf(Role::kNotification).done, before + 1) << query;
  }
}

TEST_F(DeskTest, WithoutCouponsABookingCostsMoreAndIsSoon) {
  const int with = Book().json()["amount_cents"];
  Kill(Role::kCoupons);
  for (const std::string query : {"", "mode=sequential"}) {
    const Told told = Book(query);
    EXPECT_EQ(told.reply.status, 201);
    EXPECT_THAT(told.json()["degraded"], ElementsAre("coupons"));
    EXPECT_GT(told.json()["amount_cents"].get<int>(), with);
    EXPECT_LT(told.took, 175ms + kNetworkMax);
  }
}

TEST_F(DeskTest, HangingCouponsAreNotWaitedForLongerThanTheirTimeout) {
  Hang(Role::kCoupons);
  const Told told = Book();
  EXPECT_THAT(told.json()["degraded"], ElementsAre("coupons"));
  EXPECT_LT(told.took, 155ms + kNetworkMax);  // User 15, coupons given up 80, price 20, payment 40.
}

TEST_F(DeskTest, WithoutRiskSomebodyLooksAtItLater) {
  EXPECT_EQ(Book().json()["needs_review"], false);
  Kill(Role::kRisk);
  for (const std::string query : {"", "mode=sequential"}) {
    const Told told = Book(query);
    EXPECT_EQ(told.reply.status, 201);
    EXPECT_EQ(told.json()["needs_review"], true);
    EXPECT_THAT(told.json()["degraded"], ElementsAre("risk"));
  }
}

TEST_F(DeskTest, WithoutInventoryNobodyIsCharged) {
  Kill(Role::kInventory);
  for (const std::string query : {"", "mode=sequential"}) {
    const Told told = Book(query);
    EXPECT_EQ(told.reply.status, 503);
    EXPECT_EQ(told.json()["error"], "inventory is not available");
    EXPECT_EQ(told.json()["node"], "inventory");
    EXPECT_EQ(told.json()["charged"], "no");
    EXPECT_LT(told.took, 175ms);
  }
  EXPECT_EQ(StateOf(Role::kPayment).done, 0U);
}

TEST_F(DeskTest, WhatFailsTooOftenIsNotAskedForAWhile) {
  Kill(Role::kInventory);
  Told told;
  // Two attempts each, and five failures in a row open its breaker.
  for (int i = 0; i < 6; ++i)
    told = Book();
  EXPECT_EQ(told.reply.status, 503);
  EXPECT_EQ(told.json()["error"], "inventory is not asked for the moment: it failed too often");
  EXPECT_EQ(told.json()["charged"], "no");
  EXPECT_EQ(told.reply.headers.back().name, "retry-after");
}

TEST_F(DeskTest, AHangingServiceEndsTheBookingAtItsTimeout) {
  Hang(Role::kInventory);
  for (const std::string query : {"", "mode=sequential"}) {
    const Told told = Book(query);
    EXPECT_EQ(told.reply.status, 504);
    EXPECT_EQ(told.json()["error"], "inventory did not answer in time");
    EXPECT_EQ(told.json()["charged"], "no");
    EXPECT_LT(told.took, 400ms);
  }
}

TEST_F(DeskTest, OfAHangingPaymentNobodyKnowsWhetherMoneyMoved) {
  Hang(Role::kPayment);
  for (const std::string query : {"", "mode=sequential"}) {
    const Told told = Book(query);
    EXPECT_EQ(told.reply.status, 504);
    EXPECT_EQ(told.json()["error"], "payment did not answer in time");
    EXPECT_EQ(told.json()["charged"], "unknown");
    EXPECT_LT(told.took, 800ms);
  }
}

TEST_F(DeskTest, OfADeadPaymentItIsKnown) {
  Kill(Role::kPayment);
  const Told told = Book();
  EXPECT_EQ(told.reply.status, 503);
  EXPECT_EQ(told.json()["charged"], "no");
}

TEST_F(DeskTest, ARepetitionIsChargedOnce) {
  const Json one = Book("", R"({"user":"ann"})", "my-key").json();
  const Json again = Book("", R"({"user":"ann"})", "my-key").json();
  const Json other = Book("", R"({"user":"ann"})", "other-key").json();
  EXPECT_EQ(one["charge"], again["charge"]);
  EXPECT_NE(one["charge"], other["charge"]);
  EXPECT_EQ(StateOf(Role::kPayment).requests, 3U);
  EXPECT_EQ(StateOf(Role::kPayment).done, 2U);
}

TEST_F(DeskTest, TheSameKeyOfAnotherUserIsAnotherCharge) {
  for (const std::string query : {"", "mode=sequential"}) {
    const std::uint64_t before = StateOf(Role::kPayment).done;
    const Json ann = Book(query, R"({"user":"ann"})", "key" + query).json();
    const Json bob = Book(query, R"({"user":"bob"})", "key" + query).json();
    EXPECT_NE(ann["charge"], bob["charge"]) << query;
    EXPECT_NE(ann["reservation"], bob["reservation"]) << query;
    EXPECT_EQ(StateOf(Role::kPayment).done, before + 2) << query;
  }
}

TEST_F(DeskTest, BookingsUnderWayAtOnceHaveIdsOfTheirOwn) {
  std::array<Told, 3> told;
  desk_loop_.Enter([&] {
    tasks_.Spawn(Ask("", R"({"user":"ann"})", "", "", told[0]));
    tasks_.Spawn(Ask("", R"({"user":"pauper"})", "", "", told[1]));
    tasks_.Spawn(Ask("mode=sequential", R"({"user":"bob"})", "", "", told[2]));
  });
  ASSERT_TRUE(world_.RunUntil(
      [&] { return told[0].is_there && told[1].is_there && told[2].is_there; }, 10min));
  const Json after = Book().json();
  EXPECT_EQ(told[0].json()["id"], "a-1");
  EXPECT_EQ(told[2].json()["id"], "a-3");
  EXPECT_EQ(after["id"], "a-4");
}

TEST_F(DeskTest, ThoseWhoMayNotBookAreTold) {
  for (const std::string query : {"", "mode=sequential"}) {
    const Told declined = Book(query, R"({"user":"pauper"})");
    EXPECT_EQ(declined.reply.status, 402);
    EXPECT_EQ(declined.json()["error"], "the bank declined");
    const Told refused = Book(query, R"({"user":"mallory"})");
    EXPECT_EQ(refused.reply.status, 403);
    EXPECT_EQ(refused.json()["charged"], "no");
  }
  EXPECT_EQ(StateOf(Role::kPayment).done, 0U);
}

TEST_F(DeskTest, ACallerMayBoundItsWait) {
  const Told told = Book("", "{}", "", "30");
  EXPECT_EQ(told.reply.status, 504);
  EXPECT_EQ(told.json()["charged"], "no");
  EXPECT_GE(told.took, 30ms);
  EXPECT_LT(told.took, 35ms);
  for (const std::string nonsense : {"", "soon", "-1", "99999999999999999999"})
    EXPECT_EQ(Book("", "{}", "", nonsense).reply.status, 201) << nonsense;
}

TEST_F(DeskTest, OrdersThatAreNoneAreRefused) {
  for (const char* body : {"", "7", "{", R"({"user":5})", R"({"user":"a b"})", R"({"room":""})",
                           R"({"hotel":"../../etc"})"})
    EXPECT_EQ(Book("", body).reply.status, 400) << body;
}

TEST_F(DeskTest, CountsWhatBecameOfBookings) {
  Book();
  world_.RunFor(1s);  // Its notification is out.
  Kill(Role::kCoupons);
  Kill(Role::kNotification);
  Book();
  Book("", R"({"user":"pauper"})");
  world_.RunFor(3s);
  sluice::wire::RequestHead head;
  head.path = "/stats";
  std::string stats;
  const auto ask = [](Desk& desk, const sluice::wire::RequestHead& what,
                      std::string& out) -> Task<void> {
    const Reply reply = co_await desk.Answer(what, "");
    out = reply.body;
  };
  desk_loop_.Enter([&] { tasks_.Spawn(ask(*desk_, head, stats)); });
  EXPECT_EQ(stats, "{\"booked\":2,\"degraded\":1,\"failed\":1,\"notifications_lost\":1}\n");
}

TEST(Desk, WithoutServicesNothingCanBeBooked) {
  sluice::sim::World world(/*seed=*/1);
  sluice::sim::Loop& loop = world.AddLoop({.name = "desk"});
  std::unique_ptr<Desk> desk;
  std::optional<Reply> reply;
  sluice::TaskGroup tasks;
  const auto ask = [](Desk& at, std::optional<Reply>& out) -> Task<void> {
    sluice::wire::RequestHead head;
    head.method = sluice::wire::Method::kPost;
    head.path = "/bookings";
    out = co_await at.Answer(head, "{}");
  };
  loop.Enter([&] {
    desk = std::move(*Desk::Create(loop, {}));
    tasks.Spawn(ask(*desk, reply));
  });
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 503);
}

TEST(Addresses, AreReadFromLines) {
  std::string text = "# where they are\n\n";
  for (std::size_t i = 0; i < kRoles; ++i)
    text += std::string(kRoleFacts[i].name) + "  127.0.0.1:" + std::to_string(100 + i) + "\n";
  const auto addresses = ParseAddresses(text);
  ASSERT_TRUE(addresses) << addresses.error().detail;
  EXPECT_EQ(addresses->at(7).ToString(), "127.0.0.1:107");

  EXPECT_EQ(ParseAddresses("user 127.0.0.1:1").error().detail, "no address of cart");
  EXPECT_EQ(ParseAddresses("bank 127.0.0.1:1").error().detail, "no such service: bank");
  EXPECT_FALSE(ParseAddresses("user somewhere"));
}

}  // namespace
}  // namespace booking
