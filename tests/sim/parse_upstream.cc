// Sentences about upstreams: what they do, and what is checked of them.

#include <charconv>
#include <utility>

#include "tests/sim/parse.h"
#include <fmt/format.h>

namespace sluice::scenario {
namespace {

int TakeStatus(Words& words) {
  const std::int64_t status = words.TakeCount("a status");
  if (status < 100 || status > 999) words.Complain("a status has three digits");
  return static_cast<int>(status);
}

// What may follow `answers STATUS [BODY]`, in any order.
bool ParseAnswerOption(Words& words, Behaviour& behaviour) {
  if (words.TakeIf("after")) {
    behaviour.delay = words.TakeDuration("a delay");
  } else if (words.TakeIf("with header")) {
    behaviour.headers.push_back(words.TakeHeader());
  } else if (words.TakeIf("with body of")) {
    behaviour.body = PatternBody(words.TakeSize("the length of the body"));
  } else if (words.TakeIf("with capacity")) {
    behaviour.capacity = static_cast<std::size_t>(words.TakeCount("a number of requests"));
    if (behaviour.capacity == 0) words.Complain("an upstream works on one request at least");
    words.Expect("at once , each");
    behaviour.work = words.TakeDuration("the time of a request");
  } else if (words.TakeIf("chunked")) {
    behaviour.chunked = true;
  } else if (words.TakeIf("and closes after")) {
    behaviour.cut_after = words.TakeSize("a number of bytes");
  } else if (words.TakeIf("and resets after")) {
    behaviour.cut_after = words.TakeSize("a number of bytes");
    behaviour.cut_by_reset = true;
  } else if (words.TakeIf("and closes")) {
    behaviour.closes_after = true;
  } else if (words.TakeIf("in pieces of")) {
    behaviour.piece_bytes = words.TakeSize("the length of a piece");
    words.Expect("every");
    behaviour.piece_every = words.TakeDuration("the time between pieces");
  } else if (words.TakeIf("but")) {
    behaviour.failing_status = TakeStatus(words);
    words.Expect("to");
    behaviour.failing_ratio = words.TakePercent("a part of the requests");
  } else {
    return false;
  }
  return true;
}

Behaviour ParseAnswers(Words& words) {
  Behaviour behaviour;
  if (words.TakeIf("raw")) {
    behaviour.kind = Behaviour::Kind::kAnswersRaw;
    behaviour.body = words.TakeText("the bytes of the answer");
  } else {
    behaviour.status = TakeStatus(words);
    if (words.AtText()) behaviour.body = words.TakeText("a body");
  }
  while (!words.empty() && ParseAnswerOption(words, behaviour)) {
  }
  return behaviour;
}

Comparison ParseComparison(Words& words) {
  if (words.TakeIf("at least")) return Comparison::kAtLeast;
  if (words.TakeIf("at most")) return Comparison::kAtMost;
  return Comparison::kIs;
}

Action ParseGot(Words& words, UpstreamRef upstream) {
  if (words.peek().ends_with('%')) {
    CheckShare check{.upstream = std::move(upstream)};
    check.ratio_min = words.TakePercent("a part of the requests");
    words.Expect("to");
    check.ratio_max = words.TakePercent("a part of the requests");
    words.Expect("of requests");
    return check;
  }
  CheckRequests check{.upstream = std::move(upstream)};
  check.comparison = ParseComparison(words);
  check.count = static_cast<std::uint64_t>(words.TakeCount("a number of requests"));
  if (!words.TakeIf("request")) words.Expect("requests");
  return check;
}

}  // namespace

UpstreamRef ParseUpstreamRef(Words& words) {
  std::string word = words.Take("the name of an upstream");
  const std::size_t slash = word.find('/');
  if (slash == std::string::npos) return {.name = std::move(word)};
  UpstreamRef upstream{.name = word.substr(0, slash)};
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + slash + 1, end, upstream.endpoint);
  if (error != std::errc() || stop != end || upstream.endpoint == 0) {
    words.Complain(fmt::format("`{}`: an endpoint is a number from 1, as in `pay/2`", word));
  }
  return upstream;
}

Behaviour ParseBehaviour(Words& words) {
  if (words.TakeIf("answers")) return ParseAnswers(words);
  Behaviour behaviour;
  if (words.TakeIf("stops answering")) {
    behaviour.kind = Behaviour::Kind::kStopsAnswering;
  } else if (words.TakeIf("refuses connections")) {
    behaviour.kind = Behaviour::Kind::kRefuses;
  } else if (words.TakeIf("goes silent")) {
    behaviour.kind = Behaviour::Kind::kSilent;
  } else if (words.TakeIf("accepts connections")) {
    behaviour.kind = Behaviour::Kind::kAccepts;
  } else {
    words.Complain(
        fmt::format("`{}`: an upstream answers, stops answering, refuses connections, goes silent "
                    "or accepts connections; or it is checked what it got, saw, never saw or has",
                    words.peek()));
  }
  return behaviour;
}

Action ParseUpstream(Words& words) {
  UpstreamRef upstream = ParseUpstreamRef(words);
  if (words.TakeIf("got")) return ParseGot(words, std::move(upstream));
  if (words.TakeIf("saw")) {
    return CheckSaw{.upstream = std::move(upstream), .text = words.TakeText("a text")};
  }
  if (words.TakeIf("never saw")) {
    return CheckSaw{
        .upstream = std::move(upstream), .text = words.TakeText("a text"), .saw = false};
  }
  if (words.TakeIf("has")) {
    CheckConnections check{.upstream = std::move(upstream)};
    check.comparison = ParseComparison(words);
    check.count = static_cast<std::size_t>(words.TakeCount("a number of connections"));
    if (!words.TakeIf("connection")) words.Expect("connections");
    return check;
  }
  return SetUpstream{.upstream = std::move(upstream), .behaviour = ParseBehaviour(words)};
}

Action ParseCounter(Words& words) {
  CheckCounter check{.series = words.Take("a counter such as sluice_requests_total{route=\"x\"}")};
  words.Expect("is");
  check.comparison = ParseComparison(words);
  check.value = static_cast<double>(words.TakeCount("the counter's value"));
  return check;
}

std::string PatternBody(Bytes bytes) {
  std::string body(bytes, '.');
  for (Bytes i = 0; i < bytes; ++i)
    body[i] = static_cast<char>('a' + (i % 23));
  return body;
}

}  // namespace sluice::scenario
