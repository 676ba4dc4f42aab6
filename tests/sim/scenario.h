// Scenario: what a .scenario file says, as values. README.md has the grammar.
//
// Plain values without behaviour: parse.h makes them, runner.h carries them out.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/platform/sim/faults.h"
#include "sluice/platform/sim/name_table.h"

namespace sluice::scenario {

using Header = std::pair<std::string, std::string>;

// "pay" (all endpoints) or "pay/2" (the second).
struct UpstreamRef {
  std::string name;
  std::size_t endpoint = 0;  // From 1; 0: all.
};

// What a simulated upstream does with a request, or with whoever connects.
struct Behaviour {
  enum class Kind : std::uint8_t {
    kAnswers,
    kAnswersRaw,  // `body` is the whole answer, byte by byte.
    kStopsAnswering,
    kRefuses,  // Connects are refused.
    kSilent,   // Packets vanish.
    kAccepts,  // Ends the two above; the answers stay as they were.
  };
  Kind kind = Kind::kAnswers;
  int status = 200;
  std::optional<std::string> body;  // Without: the upstream's name.
  std::vector<Header> headers;
  Nanos delay{0};
  bool chunked = false;
  bool closes_after = false;  // `Connection: close`, and does.
  Bytes piece_bytes = 0;      // Sent in pieces so long, `piece_every`; 0: at once.
  Nanos piece_every{0};
  std::optional<Bytes> cut_after;  // Only so many bytes of the body, then the end…
  bool cut_by_reset = false;       // …or a reset.
  std::size_t capacity = 0;        // Requests worked on at once, each `work`; 0: all.
  Nanos work{0};
  double failing_ratio = 0;  // So many of the requests get `failing_status`.
  int failing_status = 503;
};

struct SetUpstream {
  UpstreamRef upstream;
  Behaviour behaviour;
};

// How an exchange ended, as the client saw it.
enum class Ending : std::uint8_t {
  kAnswered,
  kRefused,  // Could not connect.
  kReset,
  kClosed,     // The end of the stream came before the answer was complete.
  kMalformed,  // The answer was not HTTP.
  kNoAnswer,   // Patience ran out.
  kGaveUp,     // The scenario said so.
};

struct Outcome {
  Ending ending = Ending::kAnswered;
  int status_min = 0;  // Of kAnswered. "5xx" is 500..599.
  int status_max = 0;
};

// "at least 99.4% 200".
struct Share {
  bool at_least = true;
  double ratio = 0;
  Outcome outcome;
};

struct Expectation {
  // Either one outcome for all, or counts that add up to all, or shares.
  std::vector<std::pair<std::size_t, Outcome>> counts;
  std::optional<Outcome> all;
  std::vector<Share> shares;
  std::optional<std::string> body;
  std::optional<std::string> containing;
  std::optional<Bytes> body_bytes;
  std::optional<std::string> from;  // An upstream, or one of its endpoints ("pay/2").
  std::optional<Nanos> within;
  double within_ratio = 1;  // With shares: this part of what fits the first of them.
  std::optional<Nanos> not_before;
  std::vector<Header> with_headers;  // An empty value: any.
  std::vector<std::string> without_headers;
  std::optional<bool> closes;  // Whether the connection ends after the answer.
};

struct SendRequests {
  std::size_t clients = 1;
  std::string client;  // Of a named client, which keeps its connection.
  std::string method = "GET";
  std::string target = "/";
  std::vector<Header> headers;
  std::string body;
  bool chunked = false;
  std::optional<std::string> raw;  // Instead of all above.
  std::optional<Address> to;       // Other than the gateway.
  std::optional<Address> from_host;
  Nanos every{0};          // Between the clients of one statement…
  bool at_random = false;  // …on average: they come as a Poisson process, drawn from the seed.
  Bytes piece_bytes = 0;   // Sends in pieces.
  Nanos piece_every{0};
  Bytes read_bytes = 0;  // Reads in pieces.
  Nanos read_every{0};
  std::optional<Nanos> hang_up_after;
  std::optional<Expectation> expectation;
};

struct ClientAct {
  enum class Kind : std::uint8_t { kHangsUp, kResets, kEndsSending };
  std::string client;
  Kind kind = Kind::kHangsUp;
};

struct AdminCall {
  std::string method;
  std::string target;
  std::string body;
  Outcome expected;
  std::optional<std::string> containing;
};

struct Reload {
  std::string config;
  std::optional<std::string> expected_problem;  // Without: it has to succeed.
};
struct Drain {};

struct SetName {
  enum class Kind : std::uint8_t { kIs, kFails, kSilent, kGone };
  std::string host;
  Kind kind = Kind::kIs;
  sim::NameAnswer answer;
};

struct ResetConnections {
  UpstreamRef upstream;
};
struct SetLatency {
  UpstreamRef upstream;  // No name: the gateway.
  Nanos latency{0};
};
struct SetHost {
  Address host;
  bool dropped = false;
};
struct LimitStreams {
  std::size_t streams_max = 0;
};
struct StepWallClock {
  Nanos step{0};
};
struct SetFaultPoint {
  std::string name;
  std::optional<sim::FaultPointOptions> options;  // Without: it heals.
};

enum class Comparison : std::uint8_t { kIs, kAtLeast, kAtMost };

struct CheckCounter {
  std::string series;  // With its labels, in any order.
  Comparison comparison = Comparison::kIs;
  double value = 0;
};
struct CheckNoExchange {};
struct CheckRequests {
  UpstreamRef upstream;
  Comparison comparison = Comparison::kIs;
  std::uint64_t count = 0;
};
struct CheckShare {
  UpstreamRef upstream;
  double ratio_min = 0;  // Of the requests that all endpoints of this upstream got.
  double ratio_max = 0;
};
struct CheckSaw {
  UpstreamRef upstream;
  std::string text;
  bool saw = true;
};
struct CheckConnections {
  UpstreamRef upstream;
  Comparison comparison = Comparison::kIs;
  std::size_t count = 0;
};

struct Step;
struct Repeat {
  std::size_t times = 1;
  Nanos every{0};
  std::vector<Step> steps;
};

using Action = std::variant<SetUpstream,
                            SendRequests,
                            ClientAct,
                            AdminCall,
                            Reload,
                            Drain,
                            SetName,
                            ResetConnections,
                            SetLatency,
                            SetHost,
                            LimitStreams,
                            StepWallClock,
                            SetFaultPoint,
                            CheckCounter,
                            CheckNoExchange,
                            CheckRequests,
                            CheckShare,
                            CheckSaw,
                            CheckConnections,
                            Repeat>;

struct Step {
  int line = 0;
  std::string text;  // As written, for the timeline.
  Nanos at{0};
  Action action;
};

struct Upstream {
  std::string name;
  std::vector<Address> endpoints;
  Behaviour behaviour;
};

// Sentences from which a configuration is written where no block gives one.
struct GivenBreaker {
  std::string upstream;
  std::int64_t failures = 0;
  Nanos wait{0};
};
struct GivenFallback {
  std::string path;
  int status = 200;
  std::string body;
};
struct GivenTimeout {
  std::string path;
  Nanos timeout{0};
};
struct GivenLimit {
  std::string path;
  std::int64_t limit = 0;
  Nanos period{0};
  std::optional<std::int64_t> burst;
};

struct Scenario {
  std::string file;
  std::string config;  // Of the block; empty: written from the sentences.
  Address gateway = Address::Ipv4({10, 0, 0, 1}, 8080);
  Address admin = Address::Ipv4({127, 0, 0, 1}, 7070);
  Nanos latency{0};
  Nanos patience = std::chrono::seconds(30);  // After which a client reports "no answer".
  std::vector<Upstream> upstreams;
  std::vector<GivenBreaker> breakers;
  std::vector<GivenFallback> fallbacks;
  std::vector<GivenTimeout> timeouts;
  std::vector<GivenLimit> limits;
  std::vector<Step> givens;  // Names and faults that hold before the gateway starts.
  std::vector<Step> steps;   // In order of time.
  std::vector<Step> finals;
};

}  // namespace sluice::scenario
