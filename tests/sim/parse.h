// Reads a .scenario file. README.md has the grammar.

#pragma once

#include <string>
#include <string_view>

#include "tests/sim/scenario.h"
#include "tests/sim/words.h"

#include "sluice/contract/result.h"

namespace sluice::scenario {

// Fails with kInvalidConfig; `detail` has one line for each problem, each with its "file:line: ".
[[nodiscard]] Result<Scenario> Parse(std::string_view file, std::string_view text);

// The sentences about clients, upstreams and checks; the first word that tells them apart has been
// taken. Problems are left in `words`.
[[nodiscard]] SendRequests ParseSend(Words& words, std::size_t clients);
[[nodiscard]] Action ParseNamedClient(Words& words);
[[nodiscard]] Outcome ParseOutcome(Words& words);
[[nodiscard]] UpstreamRef ParseUpstreamRef(Words& words);
[[nodiscard]] Behaviour ParseBehaviour(Words& words);
// `upstream REF …` after the reference: a behaviour or a check.
[[nodiscard]] Action ParseUpstream(Words& words);
[[nodiscard]] Action ParseCounter(Words& words);
// A body of `bytes` bytes, the same wherever it is asked for.
[[nodiscard]] std::string PatternBody(Bytes bytes);

}  // namespace sluice::scenario
