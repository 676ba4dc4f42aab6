// A request of a corpus as it is sent: it says that it is a warm-up, and is nobody's.
//
// So that a gateway or a service on the way can tell it from a user's: `x-sluice-purpose: warmup`,
// and `baggage: sluice.purpose=warmup`, which services pass on to those they call. Each send has an
// idempotency key and a trace of its own (not sampled); cookies and recorded credentials are gone.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sluice/contract/random.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/warmup/corpus.h"

namespace sluice::warmup {

// Header fields that show who asks, instead of the recorded ones.
struct Credential {
  std::vector<std::pair<std::string, std::string>> fields;
};

// Reads what a credential hook has printed: lines "name: value", or one word, which is a bearer
// token. Fails with kInvalidOption where it is neither.
[[nodiscard]] Result<Credential> ParseCredential(std::string_view text);

// Makes credentials for a warm-up: runs a command, asks a service.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Asked at the beginning, and again when an instance has refused what it had before.
  [[nodiscard]] virtual Task<Result<Credential>> Mint() = 0;
};

// Replaces `out` by head and body. `host` stands for the recorded one unless it is empty.
void WriteRequest(const SampleRequest& sample,
                  std::string_view host,
                  const Credential& credential,
                  Random& random,
                  std::string& out);

}  // namespace sluice::warmup
