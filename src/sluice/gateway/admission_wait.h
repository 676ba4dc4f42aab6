// AdmissionWait: an exchange waits for a slot of a concurrency limit, on its loop.
//
// Slots are freed on any loop: who frees one wakes the waiter here if it is this loop's turn, and
// else by posting. Once a waiter has been answered the word is on its way and has to be awaited,
// whatever happens meanwhile.
// Belongs to the exchange and its loop, but for Wake().

#pragma once

#include "sluice/contract/event.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/limit/concurrency_limit.h"

namespace sluice::gateway {

class AdmissionWait {
 public:
  explicit AdmissionWait(Loop& loop) : loop_(loop), told_(loop) {
    waiter_.wake = &Wake;
    waiter_.owner = this;
  }
  AdmissionWait(const AdmissionWait&) = delete;
  AdmissionWait& operator=(const AdmissionWait&) = delete;

  // As limit.Enter(); after kWaits call Granted().
  [[nodiscard]] limit::ConcurrencyDecision Enter(limit::ConcurrencyLimit& limit,
                                                 limit::Criticality criticality,
                                                 std::uint32_t partition);

  // Waits for the answer, until `deadline` or Interrupt(). The permit, or an empty one.
  [[nodiscard]] Task<Permit> Granted(limit::ConcurrencyLimit& limit, SteadyTime deadline);

  // Nobody needs the slot any more: a wait under way ends. At other times nothing.
  void Interrupt();

 private:
  static void Wake(limit::AdmissionWaiter& waiter);
  void Tell();

  Loop& loop_;
  limit::AdmissionWaiter waiter_;
  RunQueue* run_queue_ = nullptr;  // Tells whether whoever wakes us is on our loop.
  Event told_;
  bool is_waiting_ = false;
  bool is_told_ = false;
  bool is_given_up_ = false;
};

}  // namespace sluice::gateway
