// Corpus: the requests that warm an instance, drawn from a recording.
//
// Exchanges are gathered into classes: same route, method, path template, class of status, kind and
// size of body, kind of credentials. Each class keeps a sample (newer requests more likely), its
// share of the recorded traffic and the latency it had: what "warm" means for this class. Rare
// classes are kept like frequent ones; a cold route is cold for its first user, however rare.
//
// A corpus is immutable once built and may be shared by loops; its builder belongs to one thread.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/random.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/archive/recording_writer.h"
#include "sluice/warmup/replay_safety.h"
#include "sluice/wire/http_head.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::warmup {

struct CorpusOptions {
  std::string upstream;  // Only exchanges of this upstream; empty: of all.
  SafetyOptions safety;
  std::size_t samples_max = 50;  // Of one class.
  std::size_t classes_max = 1000;
  Bytes bytes_max = 64 * kMiB;               // Of all requests kept.
  Nanos half_life = std::chrono::hours(24);  // A request so much older is half as likely kept.
  std::uint64_t seed = 1;
};

// One request, without what is written anew for each send.
struct SampleRequest {
  wire::Method method = wire::Method::kGet;
  std::string method_text;
  std::string target;
  std::string host;
  std::string fields;  // "name: value\r\n" …
  std::string body;
};

struct RouteClass {
  std::string label;  // "POST /search/{}", for people.
  std::string route;
  int status_class = 2;  // 2 .. 4.
  AuthKind auth = AuthKind::kNone;
  double share = 0;         // Of the recorded traffic, 0 .. 1.
  std::uint64_t seen = 0;   // Exchanges, those that were not kept included.
  Skip skip = Skip::kNone;  // Why it has no sample.
  std::vector<SampleRequest> samples;
  // The latency it had; 0 where the recording has none. To the head of the answer where the
  // recording knows that moment, else to its end.
  Nanos p50{0};
  Nanos p90{0};
  Nanos p99{0};
  bool is_to_head = false;

  [[nodiscard]] bool has_reference() const { return p50 > Nanos(0); }
};

struct Coverage {
  std::size_t classes = 0;
  std::size_t replayable = 0;  // Classes with a sample.
  double share = 0;            // Of the traffic that these classes are, 0 .. 1.
  std::array<std::uint64_t, kSkipCount> skipped{};  // Exchanges, by reason.
};

struct Corpus {
  std::vector<RouteClass> classes;   // Replayable ones, the largest share first.
  std::vector<RouteClass> left_out;  // The others.
  Coverage coverage;
  double rate_per_second = 0;   // Of one instance, on average; 0: unknown.
  std::uint64_t exchanges = 0;  // Looked at.
};

class CorpusBuilder {
 public:
  // `counts` tells how many exchanges of a kind there were for each that was kept (a recording
  // keeps rare kinds more often): RecordingReader::Counts(). May be empty.
  CorpusBuilder(const CorpusOptions& options,
                const std::vector<traffic::archive::ClassCount>& counts);
  ~CorpusBuilder();
  CorpusBuilder(const CorpusBuilder&) = delete;
  CorpusBuilder& operator=(const CorpusBuilder&) = delete;

  // Exchanges in any order. Outgoing calls, and those of other upstreams, are passed over.
  void Add(const wire::recording::RecordedExchange& exchange);

  // Once, at the end.
  [[nodiscard]] Corpus Finish();

 private:
  struct Draft;

  [[nodiscard]] double WeightOf(const wire::recording::RecordedExchange& exchange) const;
  [[nodiscard]] Draft* Find(const wire::recording::RecordedExchange& exchange);
  void Keep(const wire::recording::RecordedExchange& exchange, Draft& draft);

  CorpusOptions options_;
  Random random_;
  // How many exchanges each kept one stands for, by route, method and class of status.
  std::map<std::string, double, std::less<>> weights_;
  std::map<std::string, std::unique_ptr<Draft>, std::less<>> drafts_;
  std::unordered_set<std::string> endpoints_;
  std::array<double, kSkipCount> skipped_{};
  double seen_ = 0;
  Bytes bytes_ = 0;
  WallTime first_ = WallTime::max();
  WallTime last_ = WallTime::min();
  std::uint64_t exchanges_ = 0;
};

}  // namespace sluice::warmup
