// The scenarios of a warm-up, against instances in simulated time.

#include "sluice/warmup/warmer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/warmup/recorded_fixture.h"
#include "sluice/warmup/scenario_fixture.h"

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using wire::recording::RecordedExchange;
using Service = SimulatedService<sim::World>;

const Address kAddress = *Address::Parse("10.0.0.2:80");

// What every instance of these scenarios takes when it is warm, as recorded.
constexpr Nanos kWarm = 5ms;

class FixedCredentials final : public CredentialSource {
 public:
  explicit FixedCredentials(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}
  Task<Result<Credential>> Mint() override {
    if (tokens_.empty()) co_return Fail(ErrorCode::kInputOutput, "the hook ended with 1");
    Credential credential{{{"authorization", "Bearer " + tokens_.front()}}};
    if (tokens_.size() > 1) tokens_.erase(tokens_.begin());
    co_return credential;
  }

 private:
  std::vector<std::string> tokens_;
};

class Warming : public testing::Test {
 protected:
  // A hundred requests a second to one instance, most of them of one kind.
  static std::vector<RecordedExchange> Traffic() {
    std::vector<RecordedExchange> list;
    AddMany(list, Recorded("GET", "/orders/17"), 700);
    AddMany(list, Recorded("GET", "/prices"), 300, 23ms);
    return list;
  }

  Task<void> Drive(Warmer& warmer) {
    co_await warmer.Run();
    done_ = true;
  }

  WarmupReport Warm(const Corpus& corpus,
                    const WarmupOptions& options = {},
                    CredentialSource* credentials = nullptr) {
    Warmer warmer(client_, kAddress, options, corpus, credentials);
    Begin(warmer);
    EXPECT_TRUE(world_.RunUntil([this] { return done_; }, 1h));
    return warmer.report();
  }
  void Begin(Warmer& warmer) {
    done_ = false;
    client_.Enter([&] { tasks_.Spawn(Drive(warmer)); });
  }

  static Service::Answer Always(Nanos delay, int status = 200) {
    return [=](const std::string&, std::uint64_t) { return ServiceAnswer{delay, status}; };
  }

  sim::World world_{{.seed = 1, .link = {.latency = Nanos(0)}}};
  sim::Loop& client_{world_.AddLoop({.host = *Address::Parse("10.0.0.1:1")})};
  TaskGroup tasks_;
  bool done_ = false;
};

TEST_F(Warming, W1_AColdInstanceIsPumpedUntilItIsAsFastAsRecorded) {
  Service service(world_, kAddress, [](const std::string&, std::uint64_t number) {
    return ServiceAnswer{number <= 2000 ? 50 * kWarm : kWarm};
  });
  const WarmupReport report = Warm(CorpusOf(Traffic()), {.rate_per_second = 2000});
  EXPECT_EQ(report.outcome, Outcome::kWarm) << report.reason;
  EXPECT_GE(report.requests, 5000U);  // What is cold at first is taken for a virtual machine.
  EXPECT_NEAR(report.first_level, 50, 1);
  EXPECT_NEAR(report.verdict.level, 1, 0.01);
  EXPECT_TRUE(report.verdict.was_ever_cold);
  EXPECT_LE(report.verify.p99, kWarm * 3 / 2);
  EXPECT_EQ(report.verify.rate_per_second, 1000);
  EXPECT_EQ(report.verify.answered, 10'000U);
  EXPECT_EQ(report.phase, Phase::kDone);
  EXPECT_EQ(report.progress(), 1);
}

TEST_F(Warming, W1_NoMoreIsInFlightThanTheExpectedRateNeeds) {
  Service service(world_, kAddress, Always(kWarm));
  // 600 a second of 5 ms: three at once; before the verification, which is an open loop.
  const WarmupReport report =
      Warm(CorpusOf(Traffic()), {.target_requests = 3000, .rate_per_second = 600});
  EXPECT_EQ(report.outcome, Outcome::kWarm);
  EXPECT_EQ(report.concurrency, 3U);
  EXPECT_LE(service.in_service_max, 3U);
}

TEST_F(Warming, W1_MoreAtOnceIsNotTriedWhereItMakesAnswersSlower) {
  std::size_t in_service = 0;
  Service* running = nullptr;
  Service service(world_, kAddress, [&](const std::string&, std::uint64_t number) {
    in_service = running->in_service + 1;
    return ServiceAnswer{number > 4000 ? kWarm : 4 * kWarm * static_cast<Nanos::rep>(in_service)};
  });
  running = &service;
  const WarmupReport report = Warm(CorpusOf(Traffic()), {.rate_per_second = 2000});
  EXPECT_EQ(report.outcome, Outcome::kWarm) << report.reason;
  EXPECT_GT(report.verdict.level, 0);
}

TEST_F(Warming, W2_EveryClassIsReplayedHoweverRare) {
  std::vector<RecordedExchange> list = Traffic();
  AddMany(list, Recorded("GET", "/rare"), 10);
  AddMany(list, Recorded("GET", "/rarest"), 1);
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kWarm) << report.reason;
  EXPECT_DOUBLE_EQ(report.coverage.share, 1);
  EXPECT_EQ(report.coverage.replayable, 4U);
  EXPECT_EQ(report.classes_short, 0U);
  for (const ClassReport& one : report.classes)
    EXPECT_GE(one.sent, 20U) << one.label;
}

TEST_F(Warming, W3_NoWriteIsSent) {
  std::vector<RecordedExchange> list = Traffic();
  AddMany(list, Recorded("POST", "/orders", 201), 500);
  AddMany(list, Recorded("DELETE", "/orders/7", 204), 100);
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kWarm);
  for (const std::string& head : service.heads)
    EXPECT_EQ(head.substr(0, 4), "GET ");
  EXPECT_EQ(report.coverage.skipped[static_cast<std::size_t>(Skip::kWrite)], 600U);
}

TEST_F(Warming, W6_AnInstanceThatFailsDoesNotBecomeWarm) {
  Service service(world_, kAddress, Always(kWarm, 500));
  const WarmupReport report = Warm(CorpusOf(Traffic()), {.timeout = 20s});
  EXPECT_EQ(report.outcome, Outcome::kFailed);
  EXPECT_THAT(report.reason, HasSubstr("status 500"));
  EXPECT_EQ(report.took, 20s);
  EXPECT_FALSE(IsReady(report.outcome));
}

TEST_F(Warming, W6_OneFailingRouteOfManyIsEnough) {
  Service service(world_, kAddress, [](const std::string& head, std::uint64_t) {
    return ServiceAnswer{kWarm, head.starts_with("GET /prices") ? 503 : 200};
  });
  const WarmupReport report = Warm(CorpusOf(Traffic()), {.timeout = 20s});
  EXPECT_EQ(report.outcome, Outcome::kFailed);
  EXPECT_THAT(report.reason, HasSubstr("GET /prices"));
}

TEST_F(Warming, W7_OneThatStaysSlowerThanRecordedIsARegression) {
  Service service(world_, kAddress, Always(3 * kWarm));
  const WarmupReport report = Warm(CorpusOf(Traffic()));
  EXPECT_EQ(report.outcome, Outcome::kTooSlow);
  EXPECT_NEAR(report.verdict.level, 3, 0.05);
  EXPECT_TRUE(report.is_stalled);
  EXPECT_THAT(report.reason, HasSubstr("3.00 times as slow"));
  EXPECT_EQ(report.took, 120s);
}

TEST_F(Warming, W8_AWarmInstanceIsKnownInNoTime) {
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(Traffic()));
  EXPECT_EQ(report.outcome, Outcome::kWarm) << report.reason;
  EXPECT_LT(report.took, 3s);
  // The target, what each class is touched with, one block's end, and a second's verification.
  EXPECT_LE(report.requests, 200U + 2U + 4U + report.verify.answered);
  EXPECT_FALSE(report.verdict.was_ever_cold);
}

TEST_F(Warming, W17_WithoutACorpusNothingIsSent) {
  Service service(world_, kAddress, Always(kWarm));
  EXPECT_EQ(Warm(CorpusOf({})).outcome, Outcome::kNoCorpus);
  EXPECT_EQ(NameOf(Outcome::kNoCorpus), "skipped(no_corpus)");
  EXPECT_EQ(service.connections, 0U);
}

TEST_F(Warming, W17_WhatMayNotBeReplayedWarmsNothing) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("POST", "/search"), 500);
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kNotWarmed);
  EXPECT_FALSE(IsReady(report.outcome));
  EXPECT_EQ(service.connections, 0U);
}

TEST_F(Warming, W18_AStopEndsItWithinASecond) {
  // In every phase: while it pumps, and while an answer does not come.
  for (const Nanos delay : {Nanos(kWarm), Nanos(1min)}) {
    Service service(world_, kAddress, Always(delay));
    const Corpus corpus = CorpusOf(Traffic());
    Warmer warmer(client_, kAddress, {.target_requests = 100'000}, corpus, nullptr);
    Begin(warmer);
    world_.RunFor(5s);
    EXPECT_FALSE(done_);
    const SteadyTime stopped_at = world_.now();
    client_.Enter([&] { warmer.Stop(); });
    EXPECT_TRUE(world_.RunUntil([this] { return done_; }, 1min));
    EXPECT_LT(world_.now() - stopped_at, 1s);
    EXPECT_EQ(warmer.report().outcome, Outcome::kStopped);
  }
}

TEST_F(Warming, W18_AStopEndsTheWaitForAnInstance) {
  const Corpus corpus = CorpusOf(Traffic());
  Warmer warmer(client_, kAddress, {}, corpus, nullptr);
  Begin(warmer);
  world_.RunFor(5s);
  const SteadyTime stopped_at = world_.now();
  client_.Enter([&] { warmer.Stop(); });
  EXPECT_TRUE(world_.RunUntil([this] { return done_; }, 1min));
  EXPECT_LT(world_.now() - stopped_at, 1s);
  EXPECT_EQ(warmer.report().outcome, Outcome::kStopped);
}

TEST_F(Warming, AnInstanceThatIsDownIsAskedAgainUntilThePhaseEnds) {
  const WarmupReport report = Warm(CorpusOf(Traffic()), {.connect_timeout = 10s});
  EXPECT_EQ(report.outcome, Outcome::kUnreachable);
  EXPECT_FALSE(report.reason.empty());
  EXPECT_GT(report.took, 9s);
  EXPECT_LE(report.took, 10s);
  EXPECT_EQ(report.requests, 0U);
}

TEST_F(Warming, AnInstanceThatStartsLaterIsWarmedThen) {
  const Corpus corpus = CorpusOf(Traffic());
  Warmer warmer(client_, kAddress, {}, corpus, nullptr);
  Begin(warmer);
  world_.RunFor(15s);
  EXPECT_EQ(warmer.report().phase, Phase::kConnect);
  Service service(world_, kAddress, Always(kWarm));
  EXPECT_TRUE(world_.RunUntil([this] { return done_; }, 5s));
  EXPECT_EQ(warmer.report().outcome, Outcome::kWarm);
}

TEST_F(Warming, AuthenticatedSearchesByPostWarmWithCredentials) {
  std::vector<RecordedExchange> list;
  RecordedExchange search =
      Recorded("POST", "/search", 200, "Authorization: Bearer masked-0011223344556677\r\n");
  search.request.body = "{\"from\":\"CGN\"}";
  search.request.body_bytes = search.request.body.size();
  AddMany(list, search, 1000);
  Service service(world_, kAddress, [](const std::string& head, std::uint64_t) {
    return ServiceAnswer{kWarm, head.find("Bearer fresh\r\n") == std::string::npos ? 401 : 200};
  });
  CorpusOptions options;
  options.safety = {.safe_posts = {"/search"}, .has_credentials = true};
  FixedCredentials credentials({"fresh"});
  EXPECT_EQ(Warm(CorpusOf(list, options), {}, &credentials).outcome, Outcome::kWarm);
  EXPECT_EQ(service.heads[0].substr(0, 12), "POST /search");
}

TEST_F(Warming, CredentialsThatAreRefusedAreMintedAgain) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("GET", "/slow"), 500);
  AddMany(list, Recorded("GET", "/a", 200, "Authorization: Bearer x\r\n"), 500);
  // The first request takes so long that the first token ends.
  Service service(world_, kAddress, [](const std::string& head, std::uint64_t number) {
    const bool is_old = head.find("Bearer old\r\n") != std::string::npos && number > 1;
    return ServiceAnswer{number == 1 ? 10s : kWarm, is_old ? 401 : 200};
  });
  CorpusOptions options;
  options.safety.has_credentials = true;
  FixedCredentials credentials({"old", "fresh"});
  EXPECT_EQ(Warm(CorpusOf(list, options), {}, &credentials).outcome, Outcome::kWarm);
}

TEST_F(Warming, WithoutCredentialsFromTheHookNothingIsWarmed) {
  Service service(world_, kAddress, Always(kWarm));
  FixedCredentials credentials({});
  const WarmupReport report = Warm(CorpusOf(Traffic()), {}, &credentials);
  EXPECT_EQ(report.outcome, Outcome::kNotWarmed);
  EXPECT_EQ(report.reason, "no credentials: the hook ended with 1");
  EXPECT_TRUE(service.heads.empty());
}

TEST_F(Warming, WhatIsRefusedForWantOfACookieIsLeftOut) {
  std::vector<RecordedExchange> list = Traffic();
  AddMany(list, Recorded("GET", "/account", 200, "Cookie: s=1\r\n"), 250);
  Service service(world_, kAddress, [](const std::string& head, std::uint64_t) {
    return ServiceAnswer{kWarm, head.starts_with("GET /account") ? 401 : 200};
  });
  WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kWarm);
  EXPECT_NEAR(report.coverage.share, 0.8, 0.001);
  EXPECT_EQ(report.coverage.skipped[static_cast<std::size_t>(Skip::kAuth)], 250U);
  // Where that is all there is, nothing was warmed.
  list.erase(list.begin(), list.begin() + 1000);
  report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kNotWarmed);
}

TEST_F(Warming, WhoWasSentTheSmallerPartOnlyIsNotWarm) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("GET", "/favicon.ico"), 100);
  AddMany(list, Recorded("POST", "/search"), 900);
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kNotWarmed);
  EXPECT_EQ(report.reason, "only 10.0 % of the recorded traffic may be replayed");
  EXPECT_GT(report.requests, 0U);  // It was warmed as far as it could be.
}

TEST_F(Warming, AnotherProcessMeanwhileIsWarmedFromTheBeginning) {
  Service service(world_, kAddress, [](const std::string&, std::uint64_t number) {
    // The second process begins with request 1000, as cold as the first.
    const std::uint64_t its_number = number < 1000 ? number : number - 999;
    return ServiceAnswer{its_number <= 500 ? 10 * kWarm : kWarm, 200,
                         number < 1000 ? "x-boot-id: a\r\n" : "x-boot-id: b\r\n"};
  });
  const WarmupReport report = Warm(CorpusOf(Traffic()));
  EXPECT_EQ(report.outcome, Outcome::kWarm) << report.reason;
  EXPECT_EQ(report.restarts, 1U);
  EXPECT_EQ(report.boot_id, "b");
  EXPECT_GE(report.requests, 6000U);
}

TEST_F(Warming, WithoutRecordedLatenciesASteadyInstanceIsCalledSteady) {
  std::vector<RecordedExchange> list;
  RecordedExchange imported = Recorded("GET", "/a");
  imported.duration = Nanos(0);
  imported.upstream_duration = Nanos(0);
  AddMany(list, imported, 1000);
  Service service(world_, kAddress, Always(kWarm));
  const WarmupReport report = Warm(CorpusOf(list));
  EXPECT_EQ(report.outcome, Outcome::kSteadyUnreferenced) << report.reason;
  EXPECT_EQ(NameOf(report.outcome), "steady(unreferenced)");
  EXPECT_GE(report.took, 10s);
}

TEST_F(Warming, OneThatQueuesAtTheExpectedRateIsNotWarm) {
  // One request at a time: fast for a closed loop of one, not for 150 a second.
  SteadyTime free_at{};
  Service service(world_, kAddress, [&](const std::string&, std::uint64_t) {
    const SteadyTime now = world_.now();
    free_at = std::max(free_at, now) + kWarm;
    return ServiceAnswer{free_at - now};
  });
  const WarmupReport report =
      Warm(CorpusOf(Traffic()),
           {.timeout = 30s, .concurrency_max = 1, .rate_per_second = 600, .verify_ratio = 0.5});
  EXPECT_EQ(report.outcome, Outcome::kTooSlow);
  EXPECT_EQ(report.reason, "it did not hold the expected rate");
  EXPECT_GE(report.verifications, 2U);
  EXPECT_FALSE(report.verify.is_passed);
}

TEST_F(Warming, OptionsAreCheckedAllAtOnce) {
  ConfigProblems problems;
  Validate(WarmupOptions{.timeout = 0s, .class_min = 0, .verify_ratio = 2, .detect = {.blocks = 1}},
           "warmups[0]", problems);
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0].path, "warmups[0].timeout");
  EXPECT_EQ(problems[3].path, "warmups[0].detect.blocks");
  problems.clear();
  Validate(WarmupOptions{}, "w", problems);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace sluice::warmup
