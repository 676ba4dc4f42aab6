#include "sluice/gateway/admission_wait.h"

#include <algorithm>

namespace sluice::gateway {

limit::ConcurrencyDecision AdmissionWait::Enter(limit::ConcurrencyLimit& limit,
                                                limit::Criticality criticality,
                                                std::uint32_t partition) {
  waiter_.criticality = criticality;
  waiter_.partition = partition;
  // Before it is in the queue, for another loop may answer at once.
  run_queue_ = &RunQueue::Current();
  is_told_ = false;
  is_given_up_ = false;
  return limit.Enter(waiter_, loop_.random().Unit(), loop_.now());
}

Task<Permit> AdmissionWait::Granted(limit::ConcurrencyLimit& limit, SteadyTime deadline) {
  is_waiting_ = true;
  const SteadyTime until =
      std::min(deadline, SaturatingAdd(loop_.now(), limit.WaitMax(waiter_, loop_.now())));
  if (!is_told_) {
    const bool was_set = co_await told_.Wait(until);
    static_cast<void>(was_set);  // The answer, the deadline or an interruption: see below.
  }
  // Answered by another loop in this very moment: its word is on the way and must find us.
  const limit::WithdrawReason reason =
      is_given_up_ ? limit::WithdrawReason::kGaveUp : limit::WithdrawReason::kWaitedTooLong;
  const bool is_out = !is_told_ && limit.Withdraw(waiter_, reason);
  while (!is_out && !is_told_) {
    const bool was_set = co_await told_.Wait(kNever);
    static_cast<void>(was_set);
  }
  is_waiting_ = false;
  const bool is_granted = is_told_ && waiter_.state == limit::AdmissionWaiter::State::kGranted;
  is_told_ = false;
  Permit permit;
  if (is_granted) permit = limit.PermitOf(waiter_, loop_.now());
  co_return permit;
}

void AdmissionWait::Interrupt() {
  if (!is_waiting_) return;
  is_given_up_ = true;
  told_.Set();
}

void AdmissionWait::Wake(limit::AdmissionWaiter& waiter) {
  auto* const wait = static_cast<AdmissionWait*>(waiter.owner);
  if (wait->run_queue_ == &RunQueue::Current()) {
    wait->Tell();
    return;
  }
  wait->loop_.Post([wait] { wait->Tell(); });
}

void AdmissionWait::Tell() {
  is_told_ = true;
  told_.Set();
}

}  // namespace sluice::gateway
