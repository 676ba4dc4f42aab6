#include "sluice/warmup/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/warmup/recorded_fixture.h"

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;
using wire::recording::RecordedExchange;

TEST(Corpus, RequestsOfOneKindAreOneClass) {
  std::vector<RecordedExchange> list;
  for (int i = 100; i < 130; ++i)
    list.push_back(Recorded("GET", "/orders/" + std::to_string(i)));
  for (int i = 0; i < 10; ++i)
    list.push_back(Recorded("GET", "/health?n=" + std::to_string(i)));
  const Corpus corpus = CorpusOf(list);
  ASSERT_EQ(corpus.classes.size(), 2U);
  EXPECT_EQ(corpus.classes[0].label, "GET /orders/{}");
  EXPECT_DOUBLE_EQ(corpus.classes[0].share, 0.75);
  EXPECT_EQ(corpus.classes[0].samples.size(), 30U);
  EXPECT_EQ(corpus.classes[1].label, "GET /health");
  EXPECT_EQ(corpus.coverage.replayable, 2U);
  EXPECT_DOUBLE_EQ(corpus.coverage.share, 1);
}

TEST(Corpus, StatusMethodBodyAndCredentialsMakeClassesOfTheirOwn) {
  RecordedExchange large = Recorded("POST", "/search");
  large.request.body = std::string(5000, 'x');
  large.request.body_bytes = 5000;
  CorpusOptions options;
  options.safety = {.safe_posts = {"/search"}, .has_credentials = true};
  const Corpus corpus =
      CorpusOf({Recorded("GET", "/search"), Recorded("GET", "/search", 404),
                Recorded("HEAD", "/search"), Recorded("POST", "/search"), large,
                Recorded("GET", "/search", 200, "Authorization: Bearer x\r\n"),
                Recorded("GET", "/search", 200, "Content-Type: text/plain; charset=x\r\n")},
               options);
  EXPECT_EQ(corpus.classes.size(), 7U);
}

TEST(Corpus, TheSharesAreThoseOfTheTrafficNotOfWhatWasKept) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("GET", "/often"), 10);
  AddMany(list, Recorded("GET", "/rare", 404), 10);
  const Corpus corpus =
      CorpusOf(list, {},
               {{.route = "all", .method = "GET", .status_class = 2, .seen = 990, .kept = 10},
                {.route = "all", .method = "GET", .status_class = 4, .seen = 10, .kept = 10}});
  ASSERT_EQ(corpus.classes.size(), 2U);
  EXPECT_EQ(corpus.classes[0].label, "GET /often");
  EXPECT_DOUBLE_EQ(corpus.classes[0].share, 0.99);
  EXPECT_EQ(corpus.classes[0].seen, 990U);
}

TEST(Corpus, TheReferenceIsTheLatencyOfTheUpstream) {
  std::vector<RecordedExchange> list;
  for (int i = 1; i <= 100; ++i) {
    list.push_back(Recorded("GET", "/a"));
    list.back().upstream_duration = i * 1ms;
  }
  const Corpus corpus = CorpusOf(list);
  const RouteClass& one = corpus.classes.at(0);
  EXPECT_TRUE(one.is_to_head);
  EXPECT_EQ(one.p50, 50ms);
  EXPECT_EQ(one.p90, 90ms);
  EXPECT_EQ(one.p99, 99ms);
}

TEST(Corpus, WithoutTheUpstreamsLatencyThatOfTheExchangeIsTheReference) {
  RecordedExchange imported = Recorded("GET", "/a");
  imported.upstream_duration = Nanos(0);
  const Corpus corpus = CorpusOf({imported});
  EXPECT_FALSE(corpus.classes.at(0).is_to_head);
  EXPECT_EQ(corpus.classes[0].p50, 6ms);
  imported.duration = Nanos(0);
  EXPECT_FALSE(CorpusOf({imported}).classes.at(0).has_reference());
}

TEST(Corpus, ASampleIsBoundedAndHasNoRequestTwice) {
  std::vector<RecordedExchange> list;
  for (int i = 0; i < 500; ++i)
    list.push_back(Recorded("GET", "/a?b=" + std::to_string(i % 200) + "&c=1"));
  // The same pairs in another order are the same request.
  for (int i = 0; i < 200; ++i)
    list.push_back(Recorded("GET", "/a?c=1&b=" + std::to_string(i)));
  EXPECT_EQ(CorpusOf(list).classes.at(0).samples.size(), 50U);
  CorpusOptions all;
  all.samples_max = 1000;
  EXPECT_EQ(CorpusOf(list, all).classes.at(0).samples.size(), 200U);
}

TEST(Corpus, NewerRequestsAreMoreLikelyKept) {
  std::vector<RecordedExchange> list;
  for (int i = 0; i < 400; ++i) {
    list.push_back(Recorded("GET", "/a?age=" + std::to_string(i)));
    list.back().started -= i * 1h;
  }
  int young = 0;
  const Corpus corpus = CorpusOf(list);
  for (const SampleRequest& sample : corpus.classes.at(0).samples)
    young += std::stoi(sample.target.substr(7)) < 100 ? 1 : 0;
  EXPECT_GT(young, 40);  // Of 50; a sample without bias has 12.
}

TEST(Corpus, W3_WritesAreLeftOutAndCountedByReason) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("GET", "/orders"), 60);
  AddMany(list, Recorded("POST", "/orders", 201), 25);
  AddMany(list, Recorded("DELETE", "/orders/7", 204), 10);
  AddMany(list, Recorded("GET", "/logout"), 5);
  const Corpus corpus = CorpusOf(list);
  ASSERT_EQ(corpus.classes.size(), 1U);
  EXPECT_EQ(corpus.left_out.size(), 3U);
  EXPECT_EQ(corpus.left_out[0].skip, Skip::kWrite);
  EXPECT_EQ(corpus.coverage.skipped[static_cast<std::size_t>(Skip::kWrite)], 35U);
  EXPECT_EQ(corpus.coverage.skipped[static_cast<std::size_t>(Skip::kUnsafeGet)], 5U);
  EXPECT_DOUBLE_EQ(corpus.coverage.share, 0.6);
  EXPECT_EQ(corpus.coverage.classes, 4U);
}

TEST(Corpus, OtherUpstreamsAndOutgoingCallsAreNoPartOfIt) {
  RecordedExchange other = Recorded("GET", "/b");
  other.upstream = "payment";
  RecordedExchange outgoing = Recorded("GET", "/c");
  outgoing.direction = wire::recording::Direction::kEgress;
  CorpusOptions options;
  options.upstream = "booking";
  const Corpus corpus = CorpusOf({Recorded("GET", "/a"), other, outgoing}, options);
  EXPECT_EQ(corpus.exchanges, 1U);
  EXPECT_EQ(corpus.classes.size(), 1U);
}

TEST(Corpus, TheRateIsThatOfOneInstance) {
  std::vector<RecordedExchange> list;
  AddMany(list, Recorded("GET", "/a"), 1001);  // 100 a second.
  for (std::size_t i = 0; i < list.size(); i += 2)
    list[i].endpoint = "10.0.0.3:80";
  EXPECT_NEAR(CorpusOf(list).rate_per_second, 50, 0.1);
  EXPECT_EQ(CorpusOf({list[0]}).rate_per_second, 0);
}

TEST(Corpus, BoundsAreCounted) {
  CorpusOptions small;
  small.classes_max = 1;
  Corpus corpus = CorpusOf({Recorded("GET", "/a"), Recorded("GET", "/b")}, small);
  EXPECT_EQ(corpus.classes.size(), 1U);
  EXPECT_EQ(corpus.coverage.skipped[static_cast<std::size_t>(Skip::kNoRoom)], 1U);
  small.classes_max = 10;
  small.bytes_max = 10;
  corpus = CorpusOf({Recorded("GET", "/a")}, small);
  EXPECT_TRUE(corpus.classes.empty());
  EXPECT_EQ(corpus.left_out.at(0).skip, Skip::kNoRoom);
}

}  // namespace
}  // namespace sluice::warmup
