// Desk: where users book. Runs the DAG of plan.h for each POST /bookings, or with ?mode=sequential
// the program of sequential.h, and answers the pages of pages.h.
//
// A caller may bound its wait with x-request-timeout (milliseconds), and name its booking with
// idempotency-key: a repetition by the same user is not charged again.
//
// Belongs to one loop. Await Drain() before it goes.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "booking/booking_answer.h"
#include "booking/http_server.h"
#include "booking/order.h"
#include "booking/plan.h"
#include "booking/services.h"

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"
#include "sluice/dag/run_options.h"
#include "sluice/dag/runner.h"

namespace booking {

struct DeskOptions {
  std::string name = "a";                                   // Of this process, for booking ids.
  sluice::Nanos deadline = std::chrono::milliseconds(800);  // Of one booking.
  std::optional<Addresses> addresses;  // Of the services; without them nothing can be booked.
};

// What became of the bookings; GET /stats tells it.
struct DeskCounts {
  std::uint64_t booked = 0;
  std::uint64_t degraded = 0;  // Of these: without coupons, or with a risk that nobody knew.
  std::uint64_t failed = 0;
  std::uint64_t notifications_lost = 0;
};

class Desk final : public Handler, private sluice::dag::RunObserver {
 public:
  // `loop` must outlive it. Fails with kInvalidOption.
  static sluice::Result<std::unique_ptr<Desk>> Create(sluice::Loop& loop, DeskOptions options);
  ~Desk() override;

  sluice::Task<Reply> Answer(const sluice::wire::RequestHead& head, std::string_view body) override;

  // Completes when nothing is under way any more, notifications included. New bookings fail.
  sluice::Task<void> Drain();

 private:
  Desk(sluice::Loop& loop, DeskOptions options);
  // A booking that somebody wants.
  struct Wish {
    Order order;
    std::uint64_t id = 0;  // Makes the keys of what must not be done twice.
    sluice::SteadyTime deadline;
    AnswerOptions answer = {};
  };
  [[nodiscard]] sluice::Nanos TimeFor(const sluice::wire::RequestHead& head) const;
  sluice::Task<Reply> Book(Wish wish);
  sluice::Task<Reply> BookSequentially(Wish wish);
  sluice::Task<void> Notify(Booking booking, std::string key);
  void Count(bool is_booked, bool is_degraded);
  void OnEnded(const sluice::dag::RunView& run) override;

  sluice::Loop& loop_;
  DeskOptions options_;
  DeskCounts counts_;
  std::uint64_t begun_ = 0;             // Bookings, so that each has an id of its own.
  std::unique_ptr<Services> services_;  // Null without addresses.
  std::unique_ptr<sluice::dag::Runner<Order, Booking>> runner_;
  sluice::TaskGroup tasks_;  // Notifications of sequential bookings.
};

}  // namespace booking
