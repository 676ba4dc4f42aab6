// Runs a command that prints credentials: the `--credential-hook` of a warm-up.
//
// The command is the user's own, run by /bin/sh with the rights of this process; what it prints on
// stdout is the credential, what it prints on stderr goes to ours. It has 30 s, then it is killed
// with all it has started.

#pragma once

#include <string>

#include "sluice/contract/loop.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/warmup/warmup_request.h"

namespace sluice::app {

// Runs the command on a thread of `pool`; belongs to `loop`.
class CredentialHook final : public warmup::CredentialSource {
 public:
  static constexpr Nanos kTimeMax = std::chrono::seconds(30);

  CredentialHook(Loop& loop, WorkerPool& pool, std::string command)
      : loop_(loop), pool_(pool), command_(std::move(command)) {}

  [[nodiscard]] Task<Result<warmup::Credential>> Mint() override;

 private:
  Loop& loop_;
  WorkerPool& pool_;
  std::string command_;
};

}  // namespace sluice::app
