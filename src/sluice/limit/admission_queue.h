// AdmissionQueue: who waits for a free slot, and who is told to go away instead.
//
// Bounded, above all in time: nobody waits longer than is worth while beside the call itself. The
// most critical class is served first; within a class the oldest, or the newest while its class is
// standing (Codel): then the old ones are about to give up anyway. A full queue refuses newcomers,
// linearly more from `initial_rejection_factor` x limit to `max_rejection_factor` x limit
// (failsafe-go), but a newcomer of a higher class takes the place of a waiter of the lowest. Not
// thread-safe: ConcurrencyLimit holds its lock.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"
#include "sluice/limit/codel.h"
#include "sluice/limit/criticality.h"
#include "sluice/limit/partitions.h"

namespace sluice::limit {

enum class QueueOrder : std::uint8_t { kFifo, kLifoWhenOverloaded };

struct AdmissionQueueOptions {
  double initial_rejection_factor = 2;  // 0 .. 100 of the limit: up to here all may wait.
  double max_rejection_factor = 3;      // initial .. 100: from here on none may.
  QueueOrder order = QueueOrder::kLifoWhenOverloaded;
  // 0 .. 1 min: nobody waits longer. 0: half of what a call takes while nothing queues before it,
  // all of it for critical classes; the codel interval until that is known.
  Nanos max_wait{0};
  CodelOptions codel{.target_delay = Nanos(0)};  // A target of 0: half of the longest wait.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const AdmissionQueueOptions& options,
              std::string_view path,
              ConfigProblems& problems);

// One who waits. Belongs to the caller, stays where it is until `wake` was called or Withdraw()
// took it out, and may then be used again.
struct AdmissionWaiter {
  enum class State : std::uint8_t { kIdle, kWaiting, kGranted, kDropped };

  // Called once, without any lock, on the thread of whoever freed the slot: granted or dropped.
  using Wake = void (*)(AdmissionWaiter& waiter);
  Wake wake = nullptr;
  void* owner = nullptr;
  Criticality criticality = Criticality::kSheddablePlus;
  std::uint32_t partition = 0;

  // The queue's own.
  State state = State::kIdle;
  SteadyTime since{};
  AdmissionWaiter* next = nullptr;
  AdmissionWaiter* previous = nullptr;
};

class AdmissionQueue {
 public:
  explicit AdmissionQueue(const AdmissionQueueOptions& options)
      : codels_{Codel(options.codel), Codel(options.codel), Codel(options.codel),
                Codel(options.codel)} {
    Reconfigure(options);
  }
  AdmissionQueue(const AdmissionQueue&) = delete;
  AdmissionQueue& operator=(const AdmissionQueue&) = delete;

  enum class Push : std::uint8_t { kWaits, kRefused };
  // `chance` is uniform in [0, 1). A waiter whose place is taken comes back in `displaced`, dropped
  // but not yet woken.
  [[nodiscard]] Push TryPush(AdmissionWaiter& waiter,
                             std::int64_t limit,
                             double chance,
                             SteadyTime now,
                             AdmissionWaiter*& displaced);

  // The waiter that the next slot is for; null when none waits. Those that waited too long are
  // taken out and chained into `dropped` (by `next`), not yet woken.
  [[nodiscard]] AdmissionWaiter* Front(SteadyTime now, AdmissionWaiter*& dropped);
  // The same among the waiters of one partition, whoever waits before them. Walks the queue.
  [[nodiscard]] AdmissionWaiter* FirstOf(std::uint32_t partition,
                                         SteadyTime now,
                                         AdmissionWaiter*& dropped);
  [[nodiscard]] bool HasWaiterOf(std::uint32_t partition) const {
    return waiting_of_[partition] > 0;
  }
  // Takes out what Front() or FirstOf() returned, as granted.
  void Grant(AdmissionWaiter& waiter);
  // Takes out one that waits.
  void Remove(AdmissionWaiter& waiter);

  [[nodiscard]] std::size_t size() const { return size_; }
  // How long a newcomer of the class may wait.
  [[nodiscard]] Nanos WaitMax(Criticality criticality, SteadyTime now) const;
  // What a call takes while nothing queues before it; 0: not known.
  void NoteLatency(Nanos latency);
  // Somebody entered who did not have to wait at all.
  void NoteNoWait(SteadyTime now);

  void Reconfigure(const AdmissionQueueOptions& options);

 private:
  struct List {
    AdmissionWaiter* first = nullptr;  // The oldest.
    AdmissionWaiter* last = nullptr;
  };

  [[nodiscard]] AdmissionWaiter* LowestBelow(Criticality criticality) const;
  [[nodiscard]] Nanos LongestWait(Criticality criticality) const;
  void TuneCodels();
  [[nodiscard]] bool IsNewestFirst(std::size_t criticality, SteadyTime now) const;
  void Drop(AdmissionWaiter& waiter, AdmissionWaiter*& dropped);
  void Unlink(AdmissionWaiter& waiter);

  AdmissionQueueOptions options_;
  Nanos latency_{0};
  // One a class: those served first never wait, and would hide that the others stand.
  std::array<Codel, kCriticalityCount> codels_;
  std::array<List, kCriticalityCount> lists_{};
  std::size_t size_ = 0;
  std::array<std::size_t, Partitions::kPartitionsMax + 1> waiting_of_{};  // By partition.
  // The front that Codel has let pass, so that it is judged once.
  AdmissionWaiter* judged_ = nullptr;
};

}  // namespace sluice::limit
