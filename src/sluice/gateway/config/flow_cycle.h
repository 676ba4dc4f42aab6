// FindCycles: which nodes of a graph wait for themselves, and round which way.

#pragma once

#include <cstddef>
#include <vector>

namespace sluice::gateway::config {

// `needs[i]` are the nodes that node i waits for. Returns one way round for each group of nodes
// that wait for one another, beginning with its first node: {a, b, c} means that a waits for b, b
// for c and c for a. A shortest one; a node that waits for itself is {a}.
[[nodiscard]] std::vector<std::vector<std::size_t>> FindCycles(
    const std::vector<std::vector<std::size_t>>& needs);

}  // namespace sluice::gateway::config
