// The booking as a DAG: each node names what it needs, and starts in the moment it is there.
//
//            ┌▶ user ─┬▶ coupons? ─┬▶ price ────┐
//            │        └▶ risk* ────┼▶ approval ─┤
//   order ───┤                     │            ├▶ payment ─▶ booking ─▶ notification
//            └▶ cart ─┬────────────┘            │
//                     └▶ inventory ─────────────┘
//
// Coupons are optional: without them a booking costs more. Risk has a fallback: nobody could tell,
// so a person looks at it later. The notification goes out when the user has the answer. Everything
// else is required.

#pragma once

#include "booking/order.h"
#include "booking/services.h"

#include "sluice/dag/plan.h"
#include "sluice/dag/plan_error.h"

namespace booking {

using BookingPlan = sluice::dag::Plan<Order, Booking>;

// `services` must outlive the plan and every run of it.
[[nodiscard]] sluice::dag::PlanResult<BookingPlan> MakeBookingPlan(Services& services);

}  // namespace booking
