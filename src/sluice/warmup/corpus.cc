#include "sluice/warmup/corpus.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/warmup/path_template.h"
#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/masked_text.h"

namespace sluice::warmup {
namespace {

using wire::EqualsIgnoringCase;
using wire::recording::RecordedExchange;

constexpr std::size_t kLatenciesMax = 1000;

// What belongs to the old connection, to the old client, or is written anew for each send.
constexpr std::array<std::string_view, 22> kLeftOut{
    "host",         "content-length",   "transfer-encoding",
    "connection",   "keep-alive",       "te",
    "expect",       "upgrade",          "proxy-connection",
    "cookie",       "authorization",    "proxy-authorization",
    "x-api-key",    "api-key",          "apikey",
    "x-auth-token", "x-sluice-purpose", "baggage",
    "traceparent",  "tracestate",       "idempotency-key",
    "x-request-id"};

std::string CountKey(std::string_view route, std::string_view method, int status_class) {
  return fmt::format("{} {} {}", status_class, method, route);
}

std::string_view MediaTypeOf(std::string_view head) {
  const std::string_view type = wire::recording::FieldOf(head, "content-type");
  return type.substr(0, type.find_first_of("; "));
}

SampleRequest SampleOf(const RecordedExchange& exchange) {
  SampleRequest sample{.method = wire::IdentifyMethod(exchange.method),
                       .method_text = exchange.method,
                       .target = exchange.target,
                       .host = exchange.host,
                       .body = exchange.request.body};
  for (const wire::recording::HeaderLine& field :
       wire::recording::FieldsOf(exchange.request.head)) {
    const auto is_it = [&](std::string_view name) { return EqualsIgnoringCase(name, field.name); };
    const bool is_masked =
        field.value.find(wire::recording::kMaskedPrefix) != std::string_view::npos;
    if (is_masked || std::ranges::any_of(kLeftOut, is_it)) continue;
    sample.fields += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  return sample;
}

Bytes SizeOf(const SampleRequest& sample) {
  return sizeof(SampleRequest) + sample.target.size() + sample.host.size() + sample.fields.size() +
         sample.body.size();
}

// Method, path, sorted query and body: requests with the same are one.
std::string CanonicalOf(const RecordedExchange& exchange) {
  const std::string_view target = exchange.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  std::vector<std::string_view> pairs;
  std::string_view query = target.substr(std::min(mark + 1, target.size()));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    pairs.push_back(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  std::ranges::sort(pairs);
  return fmt::format("{} {} {}\n{}", exchange.method, target.substr(0, mark), fmt::join(pairs, "&"),
                     exchange.request.body);
}

Nanos QuantileOf(std::vector<Nanos>& sorted, double quantile) {
  const auto rank = static_cast<std::size_t>(
      std::max(std::ceil(quantile * static_cast<double>(sorted.size())), 1.0));
  return sorted[std::min(rank, sorted.size()) - 1];
}

}  // namespace

// A class while it is gathered.
struct CorpusBuilder::Draft {
  struct Kept {
    double rank = 0;  // The samples with the least ranks stay.
    std::string canonical;
    SampleRequest request;
  };

  // Keeps at most kLatenciesMax of all latencies seen, each equally likely (algorithm R).
  static void AddLatency(std::vector<Nanos>& list, std::uint64_t seen, Nanos one, Random& random) {
    if (list.size() < kLatenciesMax) {
      list.push_back(one);
    } else if (const std::uint64_t at = random.Below(seen); at < kLatenciesMax) {
      list[static_cast<std::size_t>(at)] = one;
    }
  }

  RouteClass result;
  double weight = 0;
  std::vector<Kept> kept;
  std::vector<Nanos> to_head;  // Latencies.
  std::vector<Nanos> to_end;
  std::uint64_t to_head_seen = 0;
  std::uint64_t to_end_seen = 0;
};

CorpusBuilder::CorpusBuilder(const CorpusOptions& options,
                             const std::vector<traffic::archive::ClassCount>& counts)
    : options_(options), random_(options.seed) {
  for (const traffic::archive::ClassCount& count : counts) {
    if (count.kept == 0) continue;
    weights_[CountKey(count.route, count.method, count.status_class)] =
        std::max(1.0, static_cast<double>(count.seen) / static_cast<double>(count.kept));
  }
}

CorpusBuilder::~CorpusBuilder() = default;

double CorpusBuilder::WeightOf(const RecordedExchange& exchange) const {
  const auto found =
      weights_.find(CountKey(exchange.route, exchange.method, exchange.status / 100));
  return found == weights_.end() ? 1 : found->second;
}

CorpusBuilder::Draft* CorpusBuilder::Find(const RecordedExchange& exchange) {
  const std::string path = PathTemplate(exchange.target);
  const AuthKind auth = AuthKindOf(exchange.request.head);
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", exchange.route, exchange.method, path,
                  exchange.status / 100, MediaTypeOf(exchange.request.head),
                  std::bit_width(exchange.request.body_bytes), NameOf(auth));
  const auto found = drafts_.find(key);
  if (found != drafts_.end()) return found->second.get();
  if (drafts_.size() >= options_.classes_max) return nullptr;
  auto draft = std::make_unique<Draft>();
  draft->result = {.label = fmt::format("{} {}", exchange.method, path),
                   .route = exchange.route,
                   .status_class = exchange.status / 100,
                   .auth = auth};
  return drafts_.emplace(key, std::move(draft)).first->second.get();
}

void CorpusBuilder::Add(const RecordedExchange& exchange) {
  if (exchange.direction != wire::recording::Direction::kIngress) return;
  if (!options_.upstream.empty() && exchange.upstream != options_.upstream) return;
  ++exchanges_;
  const double weight = WeightOf(exchange);
  const Skip skip = SkipOf(exchange, options_.safety);
  Draft* draft = skip == Skip::kNotAnswered ? nullptr : Find(exchange);
  if (draft == nullptr) {
    const Skip reason = skip == Skip::kNone ? Skip::kNoRoom : skip;
    skipped_[static_cast<std::size_t>(reason)] += weight;
    if (reason != Skip::kNotAnswered) seen_ += weight;
    return;
  }
  seen_ += weight;
  draft->weight += weight;
  first_ = std::min(first_, exchange.started);
  last_ = std::max(last_, exchange.started);
  if (!exchange.endpoint.empty()) endpoints_.insert(exchange.endpoint);
  if (exchange.upstream_duration > Nanos(0))
    Draft::AddLatency(draft->to_head, ++draft->to_head_seen, exchange.upstream_duration, random_);
  if (exchange.duration > Nanos(0))
    Draft::AddLatency(draft->to_end, ++draft->to_end_seen, exchange.duration, random_);
  if (skip != Skip::kNone) {
    skipped_[static_cast<std::size_t>(skip)] += weight;
    if (draft->kept.empty()) draft->result.skip = skip;
    return;
  }
  Keep(exchange, *draft);
}

// A weighted sample without replacement (Efraimidis and Spirakis, 2006): of each request the key
// u^(1/w), w = 2^(age / half-life) counted backwards from any fixed moment; the greatest keys stay.
// In logarithms, so that no weight overflows: rank = ln(-ln u) - ln w, the least stay.
void CorpusBuilder::Keep(const RecordedExchange& exchange, Draft& draft) {
  const double age = static_cast<double>(exchange.started.time_since_epoch().count()) /
                     static_cast<double>(options_.half_life.count());
  const double unit = std::max(random_.Unit(), 1e-300);
  const double rank = std::log(-std::log(unit)) - std::log(2.0) * age;
  std::string canonical = CanonicalOf(exchange);
  for (Draft::Kept& one : draft.kept) {
    if (one.canonical != canonical) continue;
    one.rank = std::min(one.rank, rank);
    return;
  }
  SampleRequest sample = SampleOf(exchange);
  const auto worst = std::ranges::max_element(draft.kept, {}, &Draft::Kept::rank);
  const bool is_full = draft.kept.size() >= options_.samples_max;
  if (is_full && worst->rank <= rank) return;
  const Bytes freed = is_full ? SizeOf(worst->request) : 0;
  if (bytes_ - freed + SizeOf(sample) > options_.bytes_max) {
    skipped_[static_cast<std::size_t>(Skip::kNoRoom)] += 1;
    if (draft.kept.empty()) draft.result.skip = Skip::kNoRoom;
    return;
  }
  bytes_ = bytes_ - freed + SizeOf(sample);
  if (is_full) draft.kept.erase(worst);
  draft.kept.push_back({rank, std::move(canonical), std::move(sample)});
}

Corpus CorpusBuilder::Finish() {
  Corpus corpus{.exchanges = exchanges_};
  Coverage& coverage = corpus.coverage;
  for (auto& [key, draft] : drafts_) {
    RouteClass& result = draft->result;
    result.share = draft->weight / seen_;
    result.seen = static_cast<std::uint64_t>(std::llround(draft->weight));
    // The two moments are not mixed: a class has one kind of latency.
    result.is_to_head = !draft->to_head.empty();
    std::vector<Nanos>& latencies = result.is_to_head ? draft->to_head : draft->to_end;
    if (!latencies.empty()) {
      std::ranges::sort(latencies);
      result.p50 = QuantileOf(latencies, 0.5);
      result.p90 = QuantileOf(latencies, 0.9);
      result.p99 = QuantileOf(latencies, 0.99);
    }
    for (Draft::Kept& kept : draft->kept)
      result.samples.push_back(std::move(kept.request));
    ++coverage.classes;
    if (result.samples.empty()) {
      corpus.left_out.push_back(std::move(result));
      continue;
    }
    result.skip = Skip::kNone;
    ++coverage.replayable;
    coverage.share += result.share;
    corpus.classes.push_back(std::move(result));
  }
  for (std::size_t i = 0; i < kSkipCount; ++i)
    coverage.skipped[i] = static_cast<std::uint64_t>(std::llround(skipped_[i]));
  std::ranges::stable_sort(corpus.classes, std::greater<>(), &RouteClass::share);
  std::ranges::stable_sort(corpus.left_out, std::greater<>(), &RouteClass::share);
  const double seconds = first_ < last_ ? static_cast<double>((last_ - first_).count()) / 1e9 : 0.0;
  if (seconds >= 1) {
    corpus.rate_per_second =
        seen_ / seconds / static_cast<double>(std::max<std::size_t>(endpoints_.size(), 1));
  }
  return corpus;
}

}  // namespace sluice::warmup
