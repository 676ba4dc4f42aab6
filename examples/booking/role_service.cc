#include "booking/role_service.h"

#include <tuple>

namespace booking {

using sluice::Task;

Task<Reply> RoleService::Answer(const sluice::wire::RequestHead& head, std::string_view body) {
  if (IsAboutItself(head)) co_return ReplyOf(options_.role, head, body, state_);
  co_await TakeWorker();
  co_await loop_.SleepUntil(loop_.now() + options_.delay);
  GiveWorker();
  co_return ReplyOf(options_.role, head, body, state_);
}

Task<void> RoleService::TakeWorker() {
  if (options_.workers == 0 || busy_ < options_.workers) {
    ++busy_;
    co_return;
  }
  sluice::Event turn(loop_);
  line_.push_back(&turn);
  // The server bounds its connections, so the line has a bound, too, and whoever is in it gets a
  // turn after those before: no deadline is needed.
  std::ignore = co_await turn.Wait(sluice::kNever);
}

void RoleService::GiveWorker() {
  if (line_.empty()) {
    --busy_;
    return;
  }
  // The worker passes on without being free between.
  line_.front()->Set();
  line_.pop_front();
}

}  // namespace booking
