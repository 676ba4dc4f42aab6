#include "sluice/traffic/tap/sampler.h"

#include <algorithm>
#include <cmath>

#include <xxhash.h>

namespace sluice::traffic::tap {
namespace {

int StatusClassOf(int status) {
  return status >= 100 && status < 600 ? status / 100 : 0;
}

}  // namespace

bool IsInShare(std::uint64_t hash, double percent) {
  if (percent >= 100) return true;
  if (percent <= 0) return false;
  constexpr double kTwoTo64 = 18446744073709551616.0;
  return static_cast<double>(hash) < percent / 100 * kTwoTo64;
}

std::size_t Sampler::Hash::operator()(const KeyView& key) const {
  const auto seed = static_cast<XXH64_hash_t>(key.status_class);
  return XXH3_64bits_withSeed(key.method.data(), key.method.size(),
                              XXH3_64bits_withSeed(key.route.data(), key.route.size(), seed));
}

Sampler::Class* Sampler::Find(const ExchangeClass& its_class) {
  const KeyView key{its_class.route, its_class.method, StatusClassOf(its_class.status)};
  const auto found = classes_.find(key);
  if (found != classes_.end()) return &found->second;
  if (classes_.size() >= options_.classes_max) return nullptr;
  Key made{.route = std::string(key.route),
           .method = std::string(key.method),
           .status_class = key.status_class};
  return &classes_.emplace(std::move(made), Class()).first->second;
}

bool Sampler::Classify(const ExchangeClass& its_class, bool is_kept, SteadyTime now) {
  Class* const known = Find(its_class);
  if (known == nullptr) return is_kept;
  ++known->seen;
  if (now >= known->window_end) {
    known->window_end = now + options_.class_window;
    known->in_window = 0;
  }
  const bool is_rare = known->in_window < options_.class_quota;
  if (!is_kept && !is_rare) return false;
  ++known->in_window;
  ++known->kept;
  return true;
}

void Sampler::Uncount(const ExchangeClass& its_class) {
  Class* const known = Find(its_class);
  if (known == nullptr || known->kept == 0) return;
  --known->kept;
  if (known->in_window > 0) --known->in_window;
}

// A bucket of one second's worth: bursts within a second pass.
bool Sampler::TakeUnderCap(SteadyTime now) {
  if (options_.per_second_max <= 0) return true;
  const double full = std::max(options_.per_second_max, 1.0);
  if (!is_filled_) {
    tokens_ = full;
    is_filled_ = true;
  } else if (now > filled_at_) {
    const double seconds = static_cast<double>((now - filled_at_).count()) / 1e9;
    tokens_ = std::min(full, tokens_ + seconds * options_.per_second_max);
  }
  filled_at_ = std::max(filled_at_, now);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Sampler::TakeCounts(std::vector<archive::ClassCount>& out) {
  for (auto& [key, counted] : classes_) {
    if (counted.seen == 0 && counted.kept == 0) continue;
    out.push_back({.route = key.route,
                   .method = key.method,
                   .status_class = key.status_class,
                   .seen = counted.seen,
                   .kept = counted.kept});
    counted.seen = 0;
    counted.kept = 0;
  }
}

}  // namespace sluice::traffic::tap
