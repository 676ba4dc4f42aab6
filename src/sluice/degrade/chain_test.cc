#include "sluice/degrade/chain.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

// Old data, another upstream, a fixed answer, a refusal: all four kinds.
ChainOptions Payments() {
  return {.name = "payments-fallback",
          .max_concurrent = 2,
          .steps = {{.answer = StaleCacheAnswer{.max_stale = 60s}},
                    {.answer = UpstreamAnswer{.name = "payments-b"}, .timeout = 200ms},
                    {.answer = StaticAnswer{.body = R"({"degraded":true})"}, .methods = {"GET"}},
                    {.answer = RejectAnswer{.status = 503, .retry_after = 2s}}}};
}

std::unique_ptr<DegradeChain> Make(ChainOptions options) {
  Result<std::unique_ptr<DegradeChain>> chain = DegradeChain::Create(std::move(options));
  EXPECT_TRUE(chain.has_value()) << (chain ? "" : chain.error().detail);
  return std::move(*chain);
}

std::string ProblemsOf(const ChainOptions& options) {
  ConfigProblems problems;
  Validate(options, "degrade.d", problems);
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.path + ": " + problem.text + "\n";
  }
  return text;
}

std::string ProblemsOf(const StepOptions& step) {
  return ProblemsOf(ChainOptions{.name = "d", .steps = {step}});
}

TEST(DegradeChain, StepsAnswerInOrderAsThoseBeforeThemFail) {
  const auto chain = Make(Payments());
  std::size_t first = 0;
  for (const char* source : {"stale_cache", "upstream", "static", "reject"}) {
    const std::optional<Choice> choice = chain->Choose(ErrorCode::kUpstreamTimeout, "GET", first);
    ASSERT_TRUE(choice.has_value());
    EXPECT_EQ(choice->source, source);
    EXPECT_EQ(choice->index, first);
    chain->CountFailure(choice->index);
    first = choice->index + 1;
  }
  EXPECT_FALSE(chain->Choose(ErrorCode::kUpstreamTimeout, "GET", first).has_value());
}

TEST(DegradeChain, AWriteIsNeverAnsweredWithOldData) {
  const auto chain = Make(Payments());
  EXPECT_EQ(chain->Choose(ErrorCode::kBreakerOpen, "POST")->source, "upstream");
  EXPECT_EQ(chain->Choose(ErrorCode::kBreakerOpen, "HEAD")->source, "stale_cache");
}

TEST(DegradeChain, StepsForOtherMethodsAreSkipped) {
  const auto chain = Make(Payments());
  EXPECT_EQ(chain->Choose(ErrorCode::kBreakerOpen, "POST", 2)->source, "reject");
  EXPECT_EQ(chain->Choose(ErrorCode::kBreakerOpen, "GET", 2)->source, "static");
}

TEST(DegradeChain, TheChoiceDescribesTheAnswer) {
  const auto chain = Make(Payments());
  const std::optional<Choice> choice = chain->Choose(ErrorCode::kTimeout, "POST", 3);
  ASSERT_TRUE(choice.has_value());
  const auto* reject = std::get_if<RejectAnswer>(&choice->step->answer);
  ASSERT_NE(reject, nullptr);
  EXPECT_EQ(reject->status, 503);
  EXPECT_EQ(reject->retry_after, 2s);
}

TEST(DegradeChain, AFullStepIsSkippedAndCounted) {
  const auto chain = Make(Payments());
  std::optional<Choice> first = chain->Choose(ErrorCode::kTimeout, "GET");
  const std::optional<Choice> second = chain->Choose(ErrorCode::kTimeout, "GET");
  EXPECT_EQ(second->source, "stale_cache");
  EXPECT_EQ(chain->Choose(ErrorCode::kTimeout, "GET")->source, "upstream");
  EXPECT_EQ(chain->Stats()[0].in_flight, 2);
  first.reset();
  EXPECT_EQ(chain->Choose(ErrorCode::kTimeout, "GET")->source, "stale_cache");
  EXPECT_EQ(chain->Stats()[0].bulkhead_full, 1U);
}

TEST(DegradeChain, FixedAnswersHaveABoundOnlyWhenTheyAreGivenOne) {
  const auto unbounded =
      Make({.name = "d", .max_concurrent = 1, .steps = {{.answer = StaticAnswer{}}}});
  const auto bounded =
      Make({.name = "d", .steps = {{.answer = StaticAnswer{}, .max_concurrent = 1}}});
  const std::optional<Choice> one = unbounded->Choose(ErrorCode::kTimeout, "GET");
  EXPECT_TRUE(unbounded->Choose(ErrorCode::kTimeout, "GET").has_value());
  const std::optional<Choice> other = bounded->Choose(ErrorCode::kTimeout, "GET");
  EXPECT_FALSE(bounded->Choose(ErrorCode::kTimeout, "GET").has_value());
}

TEST(DegradeChain, AnswersItsTriggersAlone) {
  ChainOptions options = Payments();
  options.on = TriggerSet();
  options.on.Add(Trigger::kBreakerOpen);
  const auto chain = Make(options);
  EXPECT_TRUE(chain->Choose(ErrorCode::kBreakerOpen, "GET").has_value());
  EXPECT_FALSE(chain->Choose(ErrorCode::kRateLimited, "GET").has_value());
  EXPECT_FALSE(chain->Choose(ErrorCode::kUpstreamTimeout, "GET").has_value());
}

TEST(DegradeChain, CountsByStep) {
  const auto chain = Make(Payments());
  (void)chain->Choose(ErrorCode::kTimeout, "GET");
  chain->CountFailure(0);
  (void)chain->Choose(ErrorCode::kTimeout, "GET", 1);
  const std::vector<StepStats> stats = chain->Stats();
  ASSERT_EQ(stats.size(), 4U);
  EXPECT_EQ(stats[0].source, "stale_cache");
  EXPECT_EQ(stats[0].chosen, 1U);
  EXPECT_EQ(stats[0].failed, 1U);
  EXPECT_EQ(stats[1].chosen, 1U);
  EXPECT_EQ(stats[1].failed, 0U);
  EXPECT_EQ(stats[1].in_flight, 0);
}

TEST(Trigger, NamesAndParsingAgree) {
  for (const Trigger trigger : {Trigger::kRateLimited, Trigger::kBreakerOpen, Trigger::kOverload,
                                Trigger::kUpstreamError, Trigger::kTimeout}) {
    EXPECT_EQ(ParseTrigger(NameOf(trigger)), trigger);
    EXPECT_TRUE(TriggerSet::All().Contains(trigger));
  }
  EXPECT_FALSE(ParseTrigger("sometimes").has_value());
}

TEST(Trigger, ErrorsOfClientsAndOfRoutingHaveNone) {
  EXPECT_EQ(TriggerOf(ErrorCode::kRateLimited), Trigger::kRateLimited);
  EXPECT_EQ(TriggerOf(ErrorCode::kOverloaded), Trigger::kOverload);
  EXPECT_EQ(TriggerOf(ErrorCode::kConnectFailed), Trigger::kUpstreamError);
  EXPECT_EQ(TriggerOf(ErrorCode::kNoEndpoint), Trigger::kUpstreamError);
  EXPECT_EQ(TriggerOf(ErrorCode::kTimeout), Trigger::kTimeout);
  for (const ErrorCode code : {ErrorCode::kBadRequest, ErrorCode::kBodyTooLarge,
                               ErrorCode::kNoRoute, ErrorCode::kCancelled, ErrorCode::kDraining}) {
    EXPECT_FALSE(TriggerOf(code).has_value()) << NameOf(code);
  }
}

TEST(ChainOptions, AValidChainHasNoProblems) {
  EXPECT_EQ(ProblemsOf(Payments()), "");
}

TEST(ChainOptions, CreateNamesTheFirstProblem) {
  const auto chain = DegradeChain::Create({.name = "d", .steps = {}});
  ASSERT_FALSE(chain.has_value());
  EXPECT_EQ(chain.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(chain.error().detail, HasSubstr("d.chain: must have 1..16 steps, got 0"));
}

TEST(ChainOptions, EachOptionOutOfItsRangeIsNamed) {
  EXPECT_THAT(ProblemsOf(ChainOptions{}), HasSubstr("degrade.d.name: is required"));
  EXPECT_THAT(ProblemsOf(ChainOptions{.on = {}}), HasSubstr("degrade.d.on"));
  EXPECT_THAT(ProblemsOf(ChainOptions{.max_concurrent = 0}), HasSubstr("degrade.d.max_concurrent"));
  EXPECT_THAT(ProblemsOf(ChainOptions{.steps = std::vector<StepOptions>(17)}), HasSubstr("got 17"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{}, .timeout = 2h}), HasSubstr("chain[0].timeout"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{}, .max_concurrent = -1}),
              HasSubstr("chain[0].max_concurrent"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{}, .methods = {"GE T"}}),
              HasSubstr("chain[0].methods: `GE T` is no method"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{}, .methods = {"POST"}}),
              HasSubstr("chain[0].methods: must be GET or HEAD for stale_cache, got POST"));
}

TEST(DegradeChain, SubstitutesOnlyTheStatusesItNames) {
  const auto chain = *DegradeChain::Create({.name = "d",
                                            .statuses = {{.first = 500, .last = 502}, {503, 503}},
                                            .steps = {{.answer = StaticAnswer{}}}});
  EXPECT_TRUE(chain->Substitutes(500));
  EXPECT_TRUE(chain->Substitutes(503));
  EXPECT_FALSE(chain->Substitutes(504));
  EXPECT_FALSE(chain->Substitutes(404));
}

TEST(ChainOptions, AChainHasOneCacheAndSubstitutesServerErrors) {
  EXPECT_THAT(ProblemsOf(ChainOptions{
                  .steps = {{.answer = StaleCacheAnswer{}}, {.answer = StaleCacheAnswer{}}}}),
              HasSubstr("d.chain: must have at most one stale_cache step"));
  EXPECT_THAT(ProblemsOf(ChainOptions{.statuses = {{.first = 400, .last = 599}}}),
              HasSubstr("d.statuses: must be within 500..599, got 400..599"));
}

TEST(ChainOptions, ACacheHasBounds) {
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.max_bytes = 1024}}),
              HasSubstr("stale_cache.max_bytes"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.max_answer_bytes = 32 * kMiB}}),
              HasSubstr("stale_cache.max_answer_bytes: must be 1024..8388608 bytes"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.refresh_interval = 2h}}),
              HasSubstr("stale_cache.refresh_interval"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.key_headers = {"a b"}}}),
              HasSubstr("`a b` is no header name"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.key_headers = std::vector<std::string>(
                                                         9, std::string("x"))}}),
              HasSubstr("must be at most 8, got 9"));
}

TEST(ChainOptions, EachKindOfAnswerIsChecked) {
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.status = 100}}), HasSubstr("static.status"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.status = 204, .body = "x"}}),
              HasSubstr("static.body: must be empty with status 204"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.content_type = "a\r\nb"}}),
              HasSubstr("static.content_type"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.headers = {{"x y", "1"}}}}),
              HasSubstr("`x y` is no header name"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.headers = {{"Content-Length", "1"}}}}),
              HasSubstr("`Content-Length` is set by the gateway"));
  EXPECT_THAT(ProblemsOf({.answer = StaticAnswer{.headers = {{"x", "1\r\ny: 2"}}}}),
              HasSubstr("the value of `x`"));
  EXPECT_THAT(ProblemsOf({.answer = RejectAnswer{.status = 200}}), HasSubstr("reject.status"));
  EXPECT_THAT(ProblemsOf({.answer = RejectAnswer{.retry_after = -1s}}),
              HasSubstr("reject.retry_after"));
  EXPECT_THAT(ProblemsOf({.answer = StaleCacheAnswer{.max_stale = 0s}}), HasSubstr("max_stale"));
  EXPECT_THAT(ProblemsOf({.answer = UpstreamAnswer{}}), HasSubstr("upstream.name: is required"));
}

}  // namespace
}  // namespace sluice::degrade
