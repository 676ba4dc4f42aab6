// RoleService: one of the services behind a booking. It works on so many requests at once, each for
// the same time, and lets the others wait in line, as real ones do: so it has a capacity, and more
// than that makes everybody wait.

#pragma once

#include <cstddef>
#include <deque>
#include <string_view>

#include "booking/http_server.h"
#include "booking/role.h"
#include "booking/role_reply.h"

#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"

namespace booking {

struct RoleOptions {
  Role role = Role::kUser;
  sluice::Nanos delay{0};   // That one request takes.
  std::size_t workers = 0;  // Requests worked on at once; 0: any number.
};

class RoleService final : public Handler {
 public:
  // `loop` must outlive the service.
  RoleService(sluice::Loop& loop, const RoleOptions& options) : loop_(loop), options_(options) {}

  sluice::Task<Reply> Answer(const sluice::wire::RequestHead& head, std::string_view body) override;

  [[nodiscard]] const RoleState& state() const { return state_; }

 private:
  sluice::Task<void> TakeWorker();
  void GiveWorker();

  sluice::Loop& loop_;
  RoleOptions options_;
  RoleState state_;
  std::size_t busy_ = 0;
  std::deque<sluice::Event*> line_;  // Each in the frame of its TakeWorker().
};

}  // namespace booking
