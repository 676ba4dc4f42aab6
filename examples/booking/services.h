// Services: everything a booking asks of others, with types instead of JSON. The DAG and the
// sequential program beside it make the same calls through it.
//
// References given to a call must live until its task has ended. Belongs to one loop; calls must
// have ended before it goes.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "booking/dependency.h"
#include "booking/order.h"
#include "booking/role.h"

#include "sluice/breaker/breaker.h"
#include "sluice/contract/address.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"

namespace booking {

// Where each service listens, in the order of Role.
using Addresses = std::array<sluice::Address, kRoles>;

// Reads lines "NAME ADDRESS", one for each role, in any order; empty lines and such that begin with
// '#' say nothing. Fails with kInvalidOption.
[[nodiscard]] sluice::Result<Addresses> ParseAddresses(std::string_view text);

class Services {
 public:
  // `loop` must outlive it. Fails with kInvalidOption.
  static sluice::Result<std::unique_ptr<Services>> Create(sluice::Loop& loop,
                                                          const Addresses& addresses);

  // Each fails as Dependency::Call() does, and with kBadResponse for an answer that is not the one
  // that was hoped for.
  sluice::Task<sluice::Result<User>> FindUser(const Order& order, CallOptions options);
  sluice::Task<sluice::Result<Cart>> FindCart(const Order& order, CallOptions options);
  sluice::Task<sluice::Result<Reservation>> Reserve(const Cart& cart, CallOptions options);
  sluice::Task<sluice::Result<Coupon>> FindCoupon(const User& user, CallOptions options);
  sluice::Task<sluice::Result<Quote>> FindPrice(const Cart& cart,
                                                const std::optional<Coupon>& coupon,
                                                CallOptions options);
  sluice::Task<sluice::Result<Risk>> Score(const User& user, CallOptions options);
  sluice::Task<sluice::Result<Charge>> Pay(const User& user,
                                           const Quote& quote,
                                           const Reservation& reservation,
                                           CallOptions options);
  sluice::Task<sluice::Result<void>> Notify(const Booking& booking, CallOptions options);

  // The circuit breaker of a service: asked before each of its calls by nodes of the DAG.
  [[nodiscard]] sluice::Guard& guard(Role role) { return *breakers_[IndexOf(role)]; }

  // Closes kept connections; later calls fail.
  void Drain();

 private:
  Services() = default;
  static std::size_t IndexOf(Role role) { return static_cast<std::size_t>(role); }
  sluice::Task<sluice::Result<CallAnswer>> Ask(Role role, CallRequest request, CallOptions options);

  std::array<std::unique_ptr<Dependency>, kRoles> dependencies_;
  std::array<std::unique_ptr<sluice::breaker::Breaker>, kRoles> breakers_;
};

// Pure parts of a booking: what the calls give, put together.
// Fails with kPermissionDenied for a risk that nobody takes.
[[nodiscard]] sluice::Result<Approval> Approve(const Risk& risk);
// Fails with kPermissionDenied when the bank has declined.
[[nodiscard]] sluice::Result<Booking> Confirm(Booking booking, const Charge& charge);

}  // namespace booking
