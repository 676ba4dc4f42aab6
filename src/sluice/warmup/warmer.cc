#include "sluice/warmup/warmer.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sluice/warmup/statistics.h"

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kRetryFirst = 50ms;
constexpr Nanos kRetryMax = 1s;
// No single wait for a connection is longer, so that a stop is heard.
constexpr Nanos kConnectMax = 900ms;
constexpr Nanos kPumpStep = 1s;
constexpr Nanos kMintInterval = 5s;
constexpr Nanos kVerifyShort = 1s;
constexpr Nanos kStallTime = 30s;
constexpr double kStallLevel = 2;
// Who was sent less than this part of the traffic may be cold where the rest of it goes.
constexpr double kShareMin = 0.5;
// A level that is lower by so much is an improvement.
constexpr double kImprovement = 0.95;
// The median may rise so far from one second to the next before more requests at once are too many.
constexpr double kRiseMax = 1.1;
// Slower than this at its first answers, an instance is cold.
constexpr double kColdLevel = 2;
constexpr double kSlowRatio = 1.5;
constexpr double kSlowShareMax = 0.02;

bool IsDenied(int status) {
  return status == 401 || status == 403;
}

}  // namespace

Warmer::Warmer(Loop& loop,
               const Address& target,
               const WarmupOptions& options,
               const Corpus& corpus,
               CredentialSource* credentials)
    : loop_(loop),
      target_(target),
      options_(options),
      corpus_(corpus),
      credentials_(credentials),
      wake_(loop) {
  report_.coverage = corpus.coverage;
  for (const RouteClass& one : corpus.classes)
    report_.classes.push_back({.label = one.label, .share = one.share, .recorded_p50 = one.p50});
}

Warmer::~Warmer() = default;

void Warmer::Stop() {
  is_stopped_ = true;
  for (traffic::Connection* connection : busy_)
    connection->stream().Cancel();
  wake_.Set();
}

Task<bool> Warmer::Pause(Nanos span) {
  const SteadyTime until = std::min(loop_.now() + span, deadline_);
  while (!is_stopped_ && loop_.now() < until) {
    const bool was_woken = co_await wake_.Wait(until);
    static_cast<void>(was_woken);
  }
  co_return !is_over();
}

Task<void> Warmer::Run() {
  begun_at_ = loop_.now();
  deadline_ = begun_at_ + options_.timeout;
  if (corpus_.exchanges == 0) {
    Finish(Outcome::kNoCorpus, "there is nothing recorded to warm it with");
  } else if (corpus_.classes.empty()) {
    Finish(Outcome::kNotWarmed, "nothing of what is recorded may be replayed");
  } else if (co_await Connect()) {
    // A process that is replaced meanwhile begins again.
    do {
      must_restart_ = false;
      const bool is_touched = co_await Touch();
      while (is_touched && !must_restart_) {
        const bool is_steady = co_await Pump();
        if (!is_steady) break;
        const bool is_verified = co_await Verify();
        if (is_verified) break;
      }
    } while (must_restart_ && !is_over());
    if (report_.outcome == Outcome::kRunning) FinishUnwarmed();
  }
  co_await tasks_.Drained();
  idle_.clear();
}

void Warmer::Finish(Outcome outcome, std::string reason) {
  if (report_.outcome != Outcome::kRunning) return;
  report_.outcome = is_stopped_ ? Outcome::kStopped : outcome;
  report_.reason = is_stopped_ ? "stopped" : std::move(reason);
  report_.phase = Phase::kDone;
  report_.took = loop_.now() - begun_at_;
  for (std::size_t i = 0; draw_ && i < active_.size(); ++i)
    report_.classes_short += draw_->count(i) < options_.class_min ? 1 : 0;
}

// The time is over, or nothing could be done.
void Warmer::FinishUnwarmed() {
  if (active_.empty() || answered_well_ == 0) {
    const bool is_refused = std::ranges::all_of(report_.classes, &ClassReport::is_refused);
    if (is_refused) {
      Finish(Outcome::kNotWarmed, "it wants credentials for every request");
    } else {
      Finish(Outcome::kFailed,
             fmt::format("it answers nothing as recorded; last: {}", last_error_));
    }
    return;
  }
  const Verdict& verdict = report_.verdict;
  const auto failing = std::ranges::find_if(
      verdict.groups, [](const GroupVerdict& group) { return !group.errors_hold; });
  if (failing != verdict.groups.end() && failing->worse > 0) {
    Finish(Outcome::kFailed,
           fmt::format("{}: {} of {} answers were worse than recorded; last: {}", failing->label,
                       failing->worse, failing->answers, last_error_));
    return;
  }
  if (verdict.level > options_.detect.level_ratio) {
    Finish(Outcome::kTooSlow,
           fmt::format("after {} requests still {:.2f} times as slow as recorded", report_.requests,
                       verdict.level));
    return;
  }
  Finish(Outcome::kTooSlow, report_.verifications > 0 ? "it did not hold the expected rate"
                                                      : "the time was over before it was steady");
}

Task<bool> Warmer::Connect() {
  report_.phase = Phase::kConnect;
  const SteadyTime until = std::min(begun_at_ + options_.connect_timeout, deadline_);
  Nanos wait = kRetryFirst;
  for (;;) {
    Result<std::unique_ptr<traffic::Connection>> connection = co_await TakeConnection(until);
    if (connection) {
      GiveBack(std::move(*connection));
      break;
    }
    last_error_ = connection.error().detail;
    if (is_stopped_ || loop_.now() + wait >= until) {
      Finish(Outcome::kUnreachable, last_error_);
      co_return false;
    }
    const bool goes_on = co_await Pause(wait);
    if (!goes_on) {
      Finish(Outcome::kUnreachable, last_error_);
      co_return false;
    }
    wait = std::min(wait * 2, kRetryMax);
  }
  if (credentials_ == nullptr) co_return true;
  const bool is_minted = co_await Mint();
  if (!is_minted) Finish(Outcome::kNotWarmed, last_error_);
  co_return is_minted;
}

Task<bool> Warmer::Mint() {
  minted_at_ = loop_.now();
  Result<Credential> minted = co_await credentials_->Mint();
  if (!minted) {
    last_error_ = fmt::format("no credentials: {}", minted.error().detail);
    co_return false;
  }
  credential_ = std::move(*minted);
  co_return true;
}

// True: there is something to pump.
Task<bool> Warmer::Touch() {
  report_.phase = Phase::kTouch;
  active_.clear();
  for (std::size_t i = 0; i < corpus_.classes.size() && !is_over(); ++i)
    co_await TouchClass(i);
  if (active_.empty() || is_over()) co_return false;
  // One that only ever fails is pumped too: that it fails is to be seen.
  is_target_known_ = options_.target_requests > 0;
  StartPumping(is_target_known_ ? options_.target_requests : WarmupOptions::kTargetWarm);
  co_return true;
}

Task<void> Warmer::TouchClass(std::size_t index) {
  Answer answer = co_await Ask(index, loop_.now(), options_.touch_timeout);
  const bool was_denied = IsDenied(answer.status) && corpus_.classes[index].status_class < 4;
  if (was_denied && credentials_ != nullptr && loop_.now() - minted_at_ > kMintInterval) {
    const bool is_minted = co_await Mint();
    static_cast<void>(is_minted);  // Then what was there is tried again.
    answer = co_await Ask(index, loop_.now(), options_.touch_timeout);
  }
  ClassReport& report = report_.classes[index];
  const bool is_worse = IsWorse(index, answer);
  if (answer.is_answered && !is_worse) {
    report.first = answer.latency;
    ++answered_well_;
  }
  // What needs a cookie or a credential that nobody has cannot be replayed: that says nothing of
  // the instance, but it is no warm-up either.
  if (was_denied && IsDenied(answer.status) && credentials_ == nullptr) {
    report.is_refused = true;
    report_.coverage.share -= corpus_.classes[index].share;
    --report_.coverage.replayable;
    report_.coverage.skipped[static_cast<std::size_t>(Skip::kAuth)] += corpus_.classes[index].seen;
    co_return;
  }
  active_.push_back(index);
}

void Warmer::StartPumping(std::uint64_t target) {
  std::vector<double> shares;
  for (const std::size_t index : active_)
    shares.push_back(corpus_.classes[index].share);
  draw_.emplace(shares, options_.class_min, target);
  std::vector<JudgedClass> judged;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    const RouteClass& one = corpus_.classes[active_[i]];
    judged.push_back({.label = one.label,
                      .share = one.share,
                      .expected = draw_->Expected(i),
                      .p50 = one.p50,
                      .p90 = one.p90});
  }
  judge_.emplace(options_.detect, judged);
  report_.target = draw_->target();
  best_level_ = 0;
  better_at_ = loop_.now();
}

double Warmer::Rate() const {
  return options_.rate_per_second > 0 ? options_.rate_per_second : corpus_.rate_per_second;
}

// True: it is steady, and to be verified.
Task<bool> Warmer::Pump() {
  report_.phase = Phase::kPump;
  is_pumping_ = true;
  report_.concurrency = std::max<std::size_t>(report_.concurrency, 1);
  second_.clear();
  second_before_ = 0;
  worse_in_second_ = 0;
  bool is_warm = false;
  SteadyTime step_at = loop_.now() + kPumpStep;
  while (!is_over() && !must_restart_) {
    while (pumps_ < report_.concurrency)
      tasks_.Spawn(PumpOne(pumps_++));
    const bool was_woken = co_await wake_.Wait(std::min(step_at, deadline_));
    static_cast<void>(was_woken);
    NoteProgress();
    is_warm = draw_->is_fulfilled() && report_.verdict.is_warm;
    if (is_warm) break;
    if (loop_.now() < step_at) continue;
    AdjustConcurrency();
    step_at += kPumpStep;
  }
  is_pumping_ = false;
  co_await tasks_.Drained();
  pumps_ = 0;
  co_return is_warm && !is_over() && !must_restart_;
}

// Looks at the instance: is it cold after all, does it get any better?
void Warmer::NoteProgress() {
  const bool knows_enough = draw_->total() >= WarmupOptions::kTargetWarm / options_.detect.blocks;
  if (!is_target_known_ && knows_enough) {
    is_target_known_ = true;
    const double level = judge_->FirstLevel();
    report_.first_level = level;
    // Without a reference nobody knows, and a longer warm-up is the safer one.
    if (level > kColdLevel || level == 0) StartPumping(WarmupOptions::kTargetCold);
  }
  report_.verdict = judge_->Judge();
  const double level = report_.verdict.level;
  if (level > 0 && (best_level_ == 0 || level < best_level_ * kImprovement)) {
    best_level_ = level;
    better_at_ = loop_.now();
  }
  if (level > kStallLevel && loop_.now() - better_at_ >= kStallTime) report_.is_stalled = true;
}

void Warmer::AdjustConcurrency() {
  double p50_nanos = 0;
  double share = 0;
  for (const std::size_t index : active_) {
    p50_nanos +=
        corpus_.classes[index].share * static_cast<double>(corpus_.classes[index].p50.count());
    share += corpus_.classes[index].share;
  }
  // Little's law: requests at once = rate · time. Where the recording knows neither: one.
  const double needed = share > 0 ? Rate() * p50_nanos / share / 1e9 : 0;
  const double most =
      std::clamp(std::ceil(needed), 1.0, static_cast<double>(options_.concurrency_max));
  const double median = second_.empty() ? 0 : Median(second_);
  const bool rises = second_before_ > 0 && median > second_before_ * kRiseMax;
  if (worse_in_second_ == 0 && !second_.empty() && !rises &&
      report_.concurrency < static_cast<std::size_t>(most))
    ++report_.concurrency;
  second_before_ = median;
  second_.clear();
  worse_in_second_ = 0;
}

Task<void> Warmer::PumpOne(std::size_t number) {
  static_cast<void>(number);
  while (is_pumping_ && !is_over() && !must_restart_) {
    const std::size_t drawn = draw_->Draw(loop_.random());
    const std::size_t index = active_[drawn];
    const Answer answer = co_await Ask(index, loop_.now(), options_.request_timeout);
    if (!is_pumping_) co_return;
    Observe(drawn, answer);
    if (answer.is_answered) continue;
    // Nobody there, or nothing to hear: not to be asked as fast as a machine can.
    co_await loop_.SleepUntil(loop_.now() + kRetryFirst);
  }
}

void Warmer::Observe(std::size_t drawn, const Answer& answer) {
  const std::size_t index = active_[drawn];
  const bool is_worse = IsWorse(index, answer);
  const RouteClass& its_class = corpus_.classes[index];
  if (is_worse) {
    ++worse_in_second_;
    ++report_.classes[index].worse;
  } else {
    ++answered_well_;
    const double base = its_class.has_reference() ? static_cast<double>(its_class.p50.count()) : 1;
    second_.push_back(static_cast<double>(answer.latency.count()) / base);
  }
  const bool is_news = judge_->Observe(drawn, answer.latency, is_worse, loop_.now());
  if (is_news || (!is_target_known_ && draw_->total() % 8 == 0) || must_restart_) wake_.Set();
}

bool Warmer::IsWorse(std::size_t class_index, const Answer& answer) const {
  return !answer.is_answered || answer.status / 100 > corpus_.classes[class_index].status_class;
}

// True: it is done. False: back to the pump, or out of time.
Task<bool> Warmer::Verify() {
  report_.phase = Phase::kVerify;
  ++report_.verifications;
  report_.verify = {};
  verified_.clear();
  const Verdict verdict = report_.verdict;
  const double asked = Rate() * options_.verify_ratio;
  const double rate = std::clamp(asked, 20.0, 5000.0);
  report_.verify.rate_per_second = rate;
  const Nanos span = verdict.was_ever_cold || report_.first_level > kColdLevel
                         ? options_.verify_time
                         : std::min(kVerifyShort, options_.verify_time);
  const auto count = static_cast<std::uint64_t>(rate * static_cast<double>(span.count()) / 1e9);
  const SteadyTime begin = loop_.now();
  for (std::uint64_t i = 0; i < count && !is_over() && !must_restart_; ++i) {
    const SteadyTime due =
        begin + Nanos(static_cast<Nanos::rep>(1e9 * static_cast<double>(i) / rate));
    if (loop_.now() < due) {
      const bool goes_on = co_await Pause(due - loop_.now());
      if (!goes_on) break;
    }
    if (tasks_.running() >= options_.concurrency_max * 4) {
      ++report_.verify.worse;  // It has fallen behind: what more could it answer?
      continue;
    }
    tasks_.Spawn(VerifyOne(due));
  }
  co_await tasks_.Drained();
  if (is_over() || must_restart_) co_return false;
  if (!JudgeVerification(verified_)) co_return false;
  report_.verify.is_passed = true;
  if (report_.coverage.share < kShareMin) {
    Finish(Outcome::kNotWarmed, fmt::format("only {:.1f} % of the recorded traffic may be replayed",
                                            100 * report_.coverage.share));
  } else if (verdict.is_referenced) {
    Finish(Outcome::kWarm, fmt::format("{:.2f} times the recorded latency", verdict.level));
  } else {
    Finish(Outcome::kSteadyUnreferenced, "steady; no latency is recorded to compare with");
  }
  co_return true;
}

Task<void> Warmer::VerifyOne(SteadyTime due) {
  const std::size_t drawn = draw_->Draw(loop_.random());
  const std::size_t index = active_[drawn];
  const Answer answer = co_await Ask(index, due, options_.request_timeout);
  VerifyReport& verify = report_.verify;
  if (IsWorse(index, answer)) {
    ++verify.worse;
    ++report_.classes[index].worse;
    co_return;
  }
  ++verify.answered;
  verified_.push_back(static_cast<double>(answer.latency.count()));
  const Nanos recorded = corpus_.classes[index].p99;
  const auto latency = static_cast<double>(answer.latency.count());
  const bool is_slow =
      recorded > Nanos(0) && latency > kSlowRatio * static_cast<double>(recorded.count());
  verify.slow += is_slow ? 1 : 0;
}

bool Warmer::JudgeVerification(std::vector<double>& latencies) {
  VerifyReport& verify = report_.verify;
  if (latencies.empty()) return false;
  verify.p50 = Nanos(static_cast<Nanos::rep>(Median(latencies)));
  verify.p99 = Nanos(static_cast<Nanos::rep>(Quantile(latencies, 0.99)));
  const auto count = static_cast<double>(verify.answered + verify.worse);
  // A p99 of few answers is one answer: one is always allowed.
  const double slow_max = std::max(1.0, std::floor(kSlowShareMax * count));
  return static_cast<double>(verify.slow) <= slow_max && verify.worse == 0;
}

Task<Result<std::unique_ptr<traffic::Connection>>> Warmer::TakeConnection(SteadyTime deadline) {
  while (!idle_.empty()) {
    std::unique_ptr<traffic::Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (!connection->stream().MaybeReadable()) co_return connection;
  }
  const SteadyTime until = std::min(deadline, loop_.now() + kConnectMax);
  Result<std::unique_ptr<Stream>> stream = co_await loop_.Connect(target_, until);
  if (!stream) co_return std::unexpected(std::move(stream.error()));
  const traffic::ConnectionLimits limits;
  co_return std::make_unique<traffic::Connection>(loop_, std::move(*stream), limits);
}

void Warmer::GiveBack(std::unique_ptr<traffic::Connection> connection) {
  if (connection->reusable() && !is_stopped_) idle_.push_back(std::move(connection));
}

Task<Warmer::Answer> Warmer::Ask(std::size_t class_index, SteadyTime due, Nanos timeout) {
  const RouteClass& its_class = corpus_.classes[class_index];
  const auto which = static_cast<std::size_t>(loop_.random().Below(its_class.samples.size()));
  const SampleRequest& sample = its_class.samples[which];
  const SteadyTime deadline = std::min(due + timeout, deadline_);
  Answer answer;
  ++report_.requests;
  ++report_.classes[class_index].sent;
  Result<int> status = std::unexpected(Error{});
  for (int attempt = 0; attempt < 2; ++attempt) {
    Result<std::unique_ptr<traffic::Connection>> connection = co_await TakeConnection(deadline);
    if (!connection) {
      status = std::unexpected(std::move(connection.error()));
      break;
    }
    traffic::Connection& its = **connection;
    const bool is_reused = its.exchanges() > 0;
    busy_.push_back(&its);
    if (is_stopped_) its.stream().Cancel();
    SteadyTime head_at{};
    status = co_await Exchange(its, sample, deadline, head_at);
    std::erase(busy_, &its);
    answer.latency = (its_class.is_to_head && status ? head_at : loop_.now()) - due;
    const bool may_be_stale = !status && is_reused && !its.response_begun();
    if (status) NoteBootId(its);
    GiveBack(std::move(*connection));
    // The race with the server's idle timeout says nothing of the server.
    if (!may_be_stale) break;
  }
  if (!status) {
    answer.error = std::move(status.error());
    // What the end of the time has cut off says nothing of the instance.
    if (is_over()) co_return answer;
    last_error_ = fmt::format("{}: {}", its_class.label, NameOf(answer.error.code));
    ++report_.transport_errors;
    co_return answer;
  }
  answer.is_answered = true;
  answer.status = *status;
  if (IsWorse(class_index, answer))
    last_error_ = fmt::format("{}: status {}", its_class.label, answer.status);
  co_return answer;
}

Task<Result<int>> Warmer::Exchange(traffic::Connection& connection,
                                   const SampleRequest& sample,
                                   SteadyTime deadline,
                                   SteadyTime& head_at) {
  connection.Begin();
  WriteRequest(sample, options_.host, credential_, loop_.random(), connection.output());
  const std::array<ByteView, 1> segments = {connection.output()};
  const std::span<const ByteView> list(segments);
  Result<void> done = co_await connection.stream().Send(list, deadline);
  if (!done) co_return std::unexpected(std::move(done.error()));
  connection.MarkRequestSent();
  done = co_await connection.ReceiveHead(sample.method, deadline);
  if (!done) co_return std::unexpected(std::move(done.error()));
  head_at = loop_.now();
  const int status = connection.head().status;
  ByteView input = connection.leftover();
  while (!connection.decoder().finished()) {
    while (!input.empty() && !connection.decoder().finished()) {
      const Result<wire::BodyPiece> piece = connection.Decode(input);
      if (!piece) co_return std::unexpected(piece.error());
    }
    if (connection.decoder().finished()) break;
    connection.ReleaseLeftover();
    const Result<ByteView> received = co_await connection.stream().Receive(deadline);
    if (!received) co_return std::unexpected(received.error());
    if (received->empty()) {
      const Result<void> ended = connection.decoder().FinishAtClose();
      if (!ended) co_return std::unexpected(ended.error());
      break;
    }
    input = *received;
  }
  connection.ReleaseLeftover();
  co_return status;
}

void Warmer::NoteBootId(const traffic::Connection& connection) {
  if (options_.boot_id_header.empty()) return;
  const wire::HeaderField* field = connection.head().headers.Find(options_.boot_id_header);
  if (field == nullptr || field->value == report_.boot_id) return;
  if (!report_.boot_id.empty()) {
    ++report_.restarts;
    must_restart_ = true;
  }
  report_.boot_id = field->value;
}

}  // namespace sluice::warmup
