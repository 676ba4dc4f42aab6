#include "sluice/traffic/load_balancer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <xxhash.h>

#include "sluice/contract/assert.h"

namespace sluice::traffic {

namespace {

constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

// A configured weight of 1 behind open gates.
constexpr std::uint64_t kWeightOne = 1000;

// How far a key may be carried along the ring by endpoints that are only warming up.
constexpr std::size_t kRingWalkMax = 256;

// Whether the part `weight` / `full` of an endpoint's keys holds this one. As the weight grows,
// keys are added and none is taken away.
bool TakesKey(std::uint64_t key_hash,
              const Endpoint& endpoint,
              std::uint64_t weight,
              std::uint64_t full) {
  const std::string& name = endpoint.label();
  const std::uint64_t draw = XXH3_64bits_withSeed(name.data(), name.size(), key_hash);
  return static_cast<double>(draw >> 11U) * 0x1.0p-53 * static_cast<double>(full) <
         static_cast<double>(weight);
}

}  // namespace

std::uint64_t HashKey(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

struct Selection::Member {
  std::shared_ptr<Endpoint> endpoint;
  EndpointLoad* load = nullptr;  // Of this worker.
  std::size_t selections = 0;
  bool leaving = false;
};

Selection::Selection(LoadBalancer& balancer, Member& member)
    : balancer_(&balancer), member_(&member) {
  ++balancer.in_use_;
  ++member.selections;
  member.load->active.Add(1);
}

Endpoint& Selection::operator*() const {
  SLUICE_ASSERT(member_ != nullptr);
  return *member_->endpoint;
}

void Selection::CountRequest() const {
  SLUICE_ASSERT(member_ != nullptr);
  member_->load->requests.Add();
}

void Selection::CountFailure() const {
  SLUICE_ASSERT(member_ != nullptr);
  member_->load->failures.Add();
}

void Selection::Release() {
  if (member_ == nullptr) return;
  Member& member = *std::exchange(member_, nullptr);
  member.load->active.Add(-1);
  --member.selections;
  --balancer_->in_use_;
  if (member.leaving && member.selections == 0) balancer_->Forget(member);
}

LoadBalancer::LoadBalancer(std::shared_ptr<const Upstream> upstream, std::size_t worker)
    : upstream_(std::move(upstream)),
      worker_(worker),
      list_(std::make_shared<EndpointList>()),
      cursor_(worker) {
  SLUICE_ASSERT(worker < upstream_->workers());
}

LoadBalancer::~LoadBalancer() {
  SLUICE_ASSERT(in_use_ == 0);
}

Selection LoadBalancer::Pick(const PickRequest& request, SteadyTime now, Random& random) {
  Refresh(now);
  if (available_ == 0 && !panicking_) {
    no_endpoint_.Add();
    return {};
  }
  // Once every usable endpoint was tried, all of them may be tried again.
  const TriedEndpoints* tried = request.tried;
  if (tried != nullptr && (tried->empty() || !AnyUsable(tried))) tried = nullptr;

  std::size_t index = kNobody;
  switch (upstream_->options().load_balancing) {
    case LoadBalancing::kRoundRobin:
      index = PickRoundRobin(tried);
      break;
    case LoadBalancing::kRandom:
      index = Draw(tried, kNobody, random);
      break;
    case LoadBalancing::kLeastRequest:
      index = PickLeastRequest(tried, random);
      break;
    case LoadBalancing::kRingHash:
      index = PickRing(request.key_hash, tried);
      break;
  }
  if (index == kNobody) {
    SLUICE_BUG("traffic.pick");
    return {};
  }
  if (panicking_) panic_picks_.Add();
  return Selection(*this, *members_[index]);
}

void LoadBalancer::Refresh(SteadyTime now) {
  if (upstream_->generation() != list_->generation) {
    TakeList();
    TakeWeights(now);
  } else if (now >= weights_at_ + kWeightsMaxAge || now < weights_at_) {
    TakeWeights(now);
  }
}

void LoadBalancer::TakeList() {
  list_ = upstream_->Endpoints();
  std::vector<std::unique_ptr<Member>> next;
  std::vector<std::int64_t> credits(list_->members.size(), 0);
  next.reserve(list_->members.size());
  // A round goes on with the first endpoint that stays and whose turn had not come.
  std::size_t cursor = members_.empty() ? worker_ : kNobody;
  // Both lists are in the order of slots, so one pass finds who stays.
  std::size_t old = 0;
  for (const EndpointMember& listed : list_->members) {
    while (old < members_.size() && members_[old]->endpoint->slot() < listed.endpoint->slot()) {
      Retire(std::move(members_[old++]));
    }
    if (old < members_.size() && members_[old]->endpoint == listed.endpoint) {
      if (old >= cursor_ && cursor == kNobody) cursor = next.size();
      credits[next.size()] = credits_[old];
      next.push_back(std::move(members_[old++]));
    } else {
      next.push_back(std::make_unique<Member>(
          Member{.endpoint = listed.endpoint, .load = &listed.endpoint->load(worker_)}));
    }
  }
  while (old < members_.size()) {
    Retire(std::move(members_[old++]));
  }
  members_ = std::move(next);
  credits_ = std::move(credits);
  cursor_ = members_.empty() || cursor == kNobody ? 0 : cursor % members_.size();
}

void LoadBalancer::Retire(std::unique_ptr<Member> member) {
  member->leaving = true;
  if (member->selections > 0) leaving_.push_back(std::move(member));
}

void LoadBalancer::TakeWeights(SteadyTime now) {
  const std::size_t count = members_.size();
  weights_.assign(count, 0);
  sums_.assign(count, 0);
  available_ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double gate = list_->GateWeight(*members_[i]->endpoint, now);
    if (gate <= 0) continue;
    const double weight = gate * static_cast<double>(FullWeight(i));
    weights_[i] = static_cast<std::uint64_t>(std::max(1LL, std::llround(weight)));
    ++available_;
  }
  panicking_ = available_ * 100 < count * upstream_->options().panic_threshold_percent;
  std::uint64_t first = 0;
  equal_weights_ = true;
  all_usable_ = true;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (panicking_) weights_[i] = FullWeight(i);
    sum += weights_[i];
    sums_[i] = sum;
    if (weights_[i] == 0) {
      credits_[i] = 0;
      all_usable_ = false;
      continue;
    }
    if (first == 0) first = weights_[i];
    equal_weights_ = equal_weights_ && weights_[i] == first;
  }
  weights_at_ = now;
}

std::uint64_t LoadBalancer::FullWeight(std::size_t index) const {
  return list_->members[index].weight * kWeightOne;
}

bool LoadBalancer::Usable(std::size_t index, const TriedEndpoints* tried) const {
  return weights_[index] > 0 &&
         (tried == nullptr || !tried->Contains(members_[index]->endpoint->slot()));
}

bool LoadBalancer::AnyUsable(const TriedEndpoints* tried) const {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (Usable(i, tried)) return true;
  }
  return false;
}

// Smooth weighted round robin: everybody is owed its weight per pick, the most owed one is picked
// and pays for all. With equal weights that is taking turns, which needs no sums.
std::size_t LoadBalancer::PickRoundRobin(const TriedEndpoints* tried) {
  const std::size_t count = members_.size();
  if (equal_weights_) {
    for (std::size_t step = 0; step < count; ++step) {
      const std::size_t index = cursor_ < count ? cursor_ : 0;
      cursor_ = index + 1;
      if (Usable(index, tried)) return index;
    }
    return kNobody;
  }
  // Equals are tried from where taking turns left off, which is elsewhere on every worker.
  std::size_t best = kNobody;
  std::int64_t paid = 0;
  for (std::size_t step = 0, next = cursor_; step < count; ++step, ++next) {
    if (next >= count) next = 0;
    const std::size_t i = next;
    if (!Usable(i, tried)) continue;
    const auto weight = static_cast<std::int64_t>(weights_[i]);
    credits_[i] += weight;
    paid += weight;
    if (best == kNobody || credits_[i] > credits_[best]) best = i;
  }
  if (best != kNobody) credits_[best] -= paid;
  return best;
}

std::size_t LoadBalancer::PickLeastRequest(const TriedEndpoints* tried, Random& random) const {
  const std::size_t first = Draw(tried, kNobody, random);
  if (first == kNobody) return kNobody;
  const std::size_t second = Draw(tried, first, random);
  if (second == kNobody) return first;
  // active / weight, compared without dividing. Equal loads leave it to the draw, which is by
  // weight.
  const auto load = [&](std::size_t index, std::size_t other) {
    return static_cast<Wide>(std::max<std::int64_t>(0, members_[index]->load->active.value())) *
           weights_[other];
  };
  return load(second, first) < load(first, second) ? second : first;
}

// Draws by weight, never `except`.
std::size_t LoadBalancer::Draw(const TriedEndpoints* tried,
                               std::size_t except,
                               Random& random) const {
  if (tried != nullptr) return DrawUntried(*tried, except, random);
  const std::size_t count = members_.size();
  if (equal_weights_ && all_usable_) {
    const std::size_t choices = except == kNobody ? count : count - 1;
    if (choices == 0) return kNobody;
    const std::size_t drawn = random.Below(choices);
    return drawn >= except ? drawn + 1 : drawn;
  }
  const std::uint64_t skipped = except == kNobody ? 0 : weights_[except];
  const std::uint64_t total = sums_.back() - skipped;
  if (total == 0) return kNobody;
  std::uint64_t drawn = random.Below(total);
  if (except != kNobody && drawn >= sums_[except] - skipped) drawn += skipped;
  return static_cast<std::size_t>(std::upper_bound(sums_.begin(), sums_.end(), drawn) -
                                  sums_.begin());
}

// The same for retries: rare, so it may look at everybody.
std::size_t LoadBalancer::DrawUntried(const TriedEndpoints& tried,
                                      std::size_t except,
                                      Random& random) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (i != except && Usable(i, &tried)) total += weights_[i];
  }
  if (total == 0) return kNobody;
  std::uint64_t drawn = random.Below(total);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (i == except || !Usable(i, &tried)) continue;
    if (drawn < weights_[i]) return i;
    drawn -= weights_[i];
  }
  return kNobody;
}

std::size_t LoadBalancer::PickRing(std::uint64_t key_hash, const TriedEndpoints* tried) const {
  const HashRing& ring = list_->ring;
  if (ring.points() == 0) return kNobody;
  std::size_t position = ring.Find(key_hash);
  std::size_t fallback = kNobody;  // Whose key it is if nobody takes it.
  for (std::size_t step = 0; step < ring.points(); ++step) {
    const std::size_t index = ring.MemberAt(position);
    if (++position == ring.points()) position = 0;
    if (!Usable(index, tried)) continue;
    const std::uint64_t full = FullWeight(index);
    if (weights_[index] >= full ||
        TakesKey(key_hash, *members_[index]->endpoint, weights_[index], full)) {
      return index;
    }
    if (fallback == kNobody) fallback = index;
    if (step >= kRingWalkMax) break;
  }
  return fallback;
}

void LoadBalancer::Forget(Member& member) {
  std::erase_if(leaving_, [&](const auto& left) { return left.get() == &member; });
}

}  // namespace sluice::traffic
