#include "sluice/platform/sim/listener.h"

#include <memory>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/network.h"
#include "sluice/platform/sim/stream.h"

namespace sluice::sim {

Listener::Listener(Network& network, Loop& loop, std::uint64_t number, Place place)
    : network_(network), loop_(loop), number_(number), place_(std::move(place)) {}

Listener::~Listener() {
  SLUICE_ASSERT(accept_ == nullptr);
  network_.Forget(*this);
  // Nobody will accept them: the kernel resets them.
  for (Connection* connection : shaking_hands_)
    connection->Close(Role::kServer, /*reset=*/true);
  for (Connection* connection : acceptable_)
    connection->Close(Role::kServer, /*reset=*/true);
}

bool Listener::Begin(AcceptOperation& operation) {
  SLUICE_ASSERT(accept_ == nullptr);
  if (cancelled_) {
    operation.result = Fail(ErrorCode::kCancelled, "accepting was cancelled");
    return true;
  }
  if (TryAccept(operation)) return true;
  accept_ = &operation;
  return false;
}

bool Listener::TryAccept(AcceptOperation& operation) {
  if (acceptable_.empty()) return false;
  if (!loop_.HasDescriptor()) {
    if (!paused_) ++pauses_total_;
    paused_ = true;
    return false;
  }
  paused_ = false;
  Connection& connection = *acceptable_.front();
  acceptable_.pop_front();
  network_.Note(Step::kAccepted, loop_, connection.number(), 0);
  operation.result = std::make_unique<Stream>(connection, Role::kServer);
  return true;
}

void Listener::OnAcceptable() {
  acceptable_.push_back(shaking_hands_.front());
  shaking_hands_.pop_front();
  Finish();
}

void Listener::OnDescriptorFree() {
  Finish();
}

void Listener::Finish() {
  if (accept_ == nullptr || !TryAccept(*accept_)) return;
  RunQueue::Current().Push(std::exchange(accept_, nullptr)->waiter);
}

void Listener::Cancel() {
  cancelled_ = true;
  if (accept_ == nullptr) return;
  accept_->result = Fail(ErrorCode::kCancelled, "accepting was cancelled");
  RunQueue::Current().Push(std::exchange(accept_, nullptr)->waiter);
}

}  // namespace sluice::sim
