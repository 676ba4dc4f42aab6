#include "credential_hook.h"

#include <utility>

#include "sluice/contract/event.h"
#include "sluice/platform/linux/command.h"

namespace sluice::app {
namespace {

constexpr Bytes kPrintedMax = 64 * kKiB;

struct HookJob : PoolJob {
  HookJob(Loop& loop, const std::string& its_command)
      : PoolJob(loop, &HookJob::Work, &HookJob::Done), command(its_command), ended(loop) {}

  static void Work(PoolJob& job) {
    auto& self = static_cast<HookJob&>(job);
    self.printed = platform::RunCommand(self.command, CredentialHook::kTimeMax, kPrintedMax);
  }
  static void Done(PoolJob& job) { static_cast<HookJob&>(job).ended.Set(); }

  const std::string& command;
  Event ended;
  Result<std::string> printed;
};

}  // namespace

Task<Result<warmup::Credential>> CredentialHook::Mint() {
  HookJob job(loop_, command_);
  if (!pool_.Submit(job)) co_return Fail(ErrorCode::kOverloaded, "no thread for the hook");
  const bool has_ended = co_await job.ended.Wait(kNever);
  static_cast<void>(has_ended);
  if (!job.printed) co_return std::unexpected(std::move(job.printed.error()));
  co_return warmup::ParseCredential(*job.printed);
}

}  // namespace sluice::app
