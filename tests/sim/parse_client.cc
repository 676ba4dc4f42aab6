// Sentences about clients: what they send, and what they expect.

#include <charconv>
#include <optional>
#include <utility>

#include "tests/sim/parse.h"
#include <fmt/format.h>

namespace sluice::scenario {
namespace {

std::optional<Outcome> ReadOutcome(std::string_view word) {
  if (word == "refused") return Outcome{.ending = Ending::kRefused};
  if (word == "reset") return Outcome{.ending = Ending::kReset};
  if (word == "closed") return Outcome{.ending = Ending::kClosed};
  if (word == "malformed") return Outcome{.ending = Ending::kMalformed};
  if (word.size() == 3 && word.ends_with("xx") && word[0] >= '1' && word[0] <= '5') {
    const int hundreds = (word[0] - '0') * 100;
    return Outcome{.status_min = hundreds, .status_max = hundreds + 99};
  }
  int status = 0;
  const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), status);
  if (error != std::errc() || stop != word.data() + word.size() || word.size() != 3) {
    return std::nullopt;
  }
  return Outcome{.status_min = status, .status_max = status};
}

// "8x": how many of the clients; nothing when `word` is no such.
std::optional<std::size_t> ReadTimes(std::string_view word) {
  if (word.size() < 2 || word.back() != 'x') return std::nullopt;
  std::size_t count = 0;
  const char* end = word.data() + word.size() - 1;
  const auto [stop, error] = std::from_chars(word.data(), end, count);
  if (error != std::errc() || stop != end) return std::nullopt;
  return count;
}

bool ParseExpectOption(Words& words, Expectation& expectation) {
  if (words.AtText()) {
    expectation.body = words.TakeText("a body");
  } else if (words.TakeIf("with body of")) {
    expectation.body_bytes = words.TakeSize("the length of the body");
  } else if (words.TakeIf("containing")) {
    expectation.containing = words.TakeText("a text");
  } else if (words.TakeIf("from")) {
    expectation.from = words.Take("the name of an upstream");
  } else if (words.TakeIf("within")) {
    expectation.within = words.TakeDuration("a bound");
    if (words.TakeIf("for")) expectation.within_ratio = words.TakePercent("a part of the answers");
  } else if (words.TakeIf("not before")) {
    expectation.not_before = words.TakeDuration("a bound");
  } else if (words.TakeIf("with header")) {
    expectation.with_headers.push_back(words.TakeHeader());
  } else if (words.TakeIf("without header")) {
    expectation.without_headers.push_back(words.TakeText("a header's name"));
  } else if (words.TakeIf("and close")) {
    expectation.closes = true;
  } else if (words.TakeIf("and keep")) {
    expectation.closes = false;
  } else {
    return words.TakeIf("each");
  }
  return true;
}

// The parts after `at least` or `at most`.
void ParseShares(Words& words, Expectation& expectation) {
  do {
    Share share{.at_least = !words.TakeIf("at most")};
    if (share.at_least) words.Expect("at least");
    share.ratio = words.TakePercent("a part of the answers");
    share.outcome = ParseOutcome(words);
    expectation.shares.push_back(share);
  } while (words.TakeIf("and"));
}

void ParseCounts(Words& words, Expectation& expectation, std::size_t clients) {
  std::size_t sum = 0;
  do {
    const std::string word = words.Take("a part such as 8x");
    const std::optional<std::size_t> count = ReadTimes(word);
    if (!count) words.Complain(fmt::format("expected a part such as 8x, got `{}`", word));
    sum += count.value_or(0);
    expectation.counts.emplace_back(count.value_or(0), ParseOutcome(words));
  } while (words.TakeIf("and"));
  if (sum != clients) {
    words.Complain(fmt::format("{} outcomes are expected of {} clients", sum, clients));
  }
}

Expectation ParseExpectation(Words& words, std::size_t clients) {
  Expectation expectation;
  if (words.peek() == "at") {
    ParseShares(words, expectation);
  } else if (ReadTimes(words.peek())) {
    ParseCounts(words, expectation, clients);
  } else {
    expectation.all = ParseOutcome(words);
  }
  while (!words.empty() && ParseExpectOption(words, expectation)) {
  }
  return expectation;
}

bool ParseBodyOption(Words& words, SendRequests& send) {
  if (words.TakeIf("with header")) {
    send.headers.push_back(words.TakeHeader());
  } else if (words.TakeIf("with body of")) {
    send.body = PatternBody(words.TakeSize("the length of the body"));
  } else if (words.TakeIf("with body")) {
    send.body = words.TakeText("a body");
  } else if (words.TakeIf("chunked")) {
    send.chunked = true;
  } else {
    return false;
  }
  return true;
}

bool ParseWayOption(Words& words, SendRequests& send) {
  if (words.TakeIf("to")) {
    send.to = words.TakeAddress();
  } else if (words.TakeIf("from")) {
    send.from_host = words.TakeHost();
  } else if (words.TakeIf("every")) {
    send.every = words.TakeDuration("the time between clients");
    send.at_random = words.TakeIf("at random");
  } else if (words.TakeIf("in pieces of")) {
    send.piece_bytes = words.TakeSize("the length of a piece");
    words.Expect("every");
    send.piece_every = words.TakeDuration("the time between pieces");
  } else if (words.TakeIf("reading")) {
    send.read_bytes = words.TakeSize("the length of a piece");
    words.Expect("every");
    send.read_every = words.TakeDuration("the time between pieces");
  } else if (words.TakeIf("and hangs up after") || words.TakeIf("and hang up after")) {
    send.hang_up_after = words.TakeDuration("how long the client waits");
  } else {
    return false;
  }
  return true;
}

}  // namespace

Outcome ParseOutcome(Words& words) {
  if (words.TakeIf("no answer")) return {.ending = Ending::kNoAnswer};
  const std::string word = words.Take("a status");
  if (const std::optional<Outcome> outcome = ReadOutcome(word)) return *outcome;
  words.Complain(
      fmt::format("expected a status, a class such as 5xx, or refused, reset, closed, malformed "
                  "or no answer, got `{}`",
                  word));
  return {};
}

SendRequests ParseSend(Words& words, std::size_t clients) {
  SendRequests send{.clients = clients};
  if (clients == 0) words.Complain("there must be a client");
  if (words.TakeIf("raw")) {
    send.raw = words.TakeText("the bytes to send");
  } else {
    send.method = words.Take("a method");
    send.target = words.Take("a path");
  }
  while (ParseBodyOption(words, send) || ParseWayOption(words, send)) {
  }
  if (words.TakeIf("expect")) send.expectation = ParseExpectation(words, clients);
  return send;
}

Action ParseNamedClient(Words& words) {
  std::string name = words.Take("the name of a client");
  if (words.TakeIf("sends")) {
    SendRequests send = ParseSend(words, /*clients=*/1);
    send.client = std::move(name);
    return send;
  }
  ClientAct act{.client = std::move(name)};
  if (words.TakeIf("hangs up")) {
    act.kind = ClientAct::Kind::kHangsUp;
  } else if (words.TakeIf("resets")) {
    act.kind = ClientAct::Kind::kResets;
  } else if (words.TakeIf("ends sending")) {
    act.kind = ClientAct::Kind::kEndsSending;
  } else {
    words.Complain(
        fmt::format("`{}`: a client sends, hangs up, resets or ends sending", words.peek()));
  }
  return act;
}

}  // namespace sluice::scenario
