#include "sluice/platform/sim/loop.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/network.h"
#include "sluice/platform/sim/poison.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

// A dead view keeps its 0xDD until its buffer's turn comes again.
constexpr std::size_t kSpareBuffers = 2;

}  // namespace

struct Loop::Buffer {
  std::array<char, sluice::Stream::kHotBufferBytes> bytes;
  std::size_t used = 0;

  Buffer() { Poison(bytes.data(), bytes.size()); }
  ~Buffer() { Unpoison(bytes.data(), bytes.size()); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void Kill() {
    std::memset(bytes.data(), kDeadByte, used);
    Poison(bytes.data(), used);
    used = 0;
  }
};

Loop::Loop(World& world, std::uint32_t number, LoopOptions options, std::uint64_t seed)
    : world_(world),
      number_(number),
      options_(std::move(options)),
      random_(seed),
      resolver_(world, *this) {
  if (options_.name.empty()) options_.name = fmt::format("loop-{}", number);
}

Loop::~Loop() {
  SLUICE_ASSERT(kept_.empty());
}

SteadyTime Loop::now() const {
  return world_.now();
}

WallTime Loop::wall_now() const {
  return world_.wall_now();
}

void Loop::Arm(Timer& timer, SteadyTime due) {
  world_.timers_.Disarm(timer);
  timer.due = due;
  world_.timers_.Arm(timer, *this, world_.NextOrder(std::max(due, world_.now())));
}

void Loop::Disarm(Timer& timer) {
  world_.timers_.Disarm(timer);
}

void Loop::Post(std::move_only_function<void()> work) {
  world_.AssertOwnThread();
  if (stopped_) return;
  posted_.push_back(std::move(work));
  world_.Schedule(world_.now(), *this, &RunPosted, this, 0);
}

// Each event runs one piece of work, the oldest, so that shuffled events keep its order.
void Loop::RunPosted(void* loop, std::uint64_t /*detail*/) {
  auto& self = *static_cast<Loop*>(loop);
  if (self.posted_.empty()) return;
  std::move_only_function<void()> work = std::move(self.posted_.front());
  self.posted_.pop_front();
  self.world_.trace().Add(
      {.at = self.now(), .step = Step::kPosted, .loop = self.number_, .text = {}});
  work();
}

void Loop::Stop() {
  stopped_ = true;
  posted_.clear();
}

Result<std::unique_ptr<sluice::Listener>> Loop::Listen(const Address& address,
                                                       const ListenOptions& options) {
  return world_.network_->Listen(*this, address, options);
}

bool Loop::Begin(ConnectOperation& operation) {
  return world_.network_->connector().Begin(*this, operation);
}

void Loop::BeginTurn() {
  SLUICE_ASSERT(!in_turn_);
  in_turn_ = true;
}

void Loop::EndTurn() {
  KillLastView();
  in_turn_ = false;
}

std::span<char> Loop::NextReceiveBuffer(std::size_t bytes_max) {
  KillLastView();
  if (spare_.size() < kSpareBuffers) {
    last_filled_ = std::make_unique<Buffer>();
  } else {
    last_filled_ = std::move(spare_.front());
    spare_.erase(spare_.begin());
  }
  last_filled_->used = std::min(bytes_max, last_filled_->bytes.size());
  Unpoison(last_filled_->bytes.data(), last_filled_->used);
  return std::span(last_filled_->bytes).first(last_filled_->used);
}

void Loop::FilledReceiveBuffer(std::size_t bytes) {
  // One byte beyond the view is as dead as a view that is too old.
  Poison(last_filled_->bytes.data() + bytes, last_filled_->used - bytes);
  last_filled_->used = bytes;
}

void Loop::KillLastView() {
  if (last_filled_ == nullptr) return;
  last_filled_->Kill();
  spare_.push_back(std::move(last_filled_));
}

ReceiveBuffer Loop::KeepReceiveBuffer() {
  SLUICE_ASSERT(last_filled_ != nullptr);
  kept_.push_back(std::move(last_filled_));
  return {*this, kept_.back()->bytes.data()};
}

void Loop::ReleaseReceiveBuffer(char* buffer) {
  const auto is_it = [buffer](const auto& kept) { return kept->bytes.data() == buffer; };
  const auto found = std::ranges::find_if(kept_, is_it);
  SLUICE_ASSERT(found != kept_.end());
  (*found)->Kill();
  spare_.push_back(std::move(*found));
  kept_.erase(found);
}

}  // namespace sluice::sim
