// The graphs that all contestants run, as lists of predecessors.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dag_bench {

// Of node i: the nodes it waits for, all below i.
using Shape = std::vector<std::vector<std::uint16_t>>;

inline Shape Chain(std::size_t nodes) {
  Shape shape(nodes);
  for (std::size_t i = 1; i < nodes; ++i)
    shape[i] = {static_cast<std::uint16_t>(i - 1)};
  return shape;
}

// One source, `nodes - 2` in the middle, one sink.
inline Shape Fan(std::size_t nodes) {
  Shape shape(nodes);
  for (std::size_t i = 1; i + 1 < nodes; ++i) {
    shape[i] = {0};
    shape[nodes - 1].push_back(static_cast<std::uint16_t>(i));
  }
  return shape;
}

// Layers of `width`; every node waits for three of the layer above; one sink for the last layer.
inline Shape Layered(std::size_t nodes, std::size_t width = 100) {
  Shape shape(nodes);
  for (std::size_t i = width; i + 1 < nodes; ++i) {
    const std::size_t above = i / width * width - width;
    const std::size_t column = i % width;
    for (const std::size_t step : {std::size_t{0}, std::size_t{1}, std::size_t{37}}) {
      shape[i].push_back(static_cast<std::uint16_t>(above + (column + step) % width));
    }
  }
  // What has no reader yet, the sink reads.
  std::vector<bool> read(nodes);
  for (const std::vector<std::uint16_t>& inputs : shape) {
    for (const std::uint16_t input : inputs)
      read[input] = true;
  }
  for (std::size_t i = 0; i + 1 < nodes; ++i) {
    if (!read[i]) shape[nodes - 1].push_back(static_cast<std::uint16_t>(i));
  }
  return shape;
}

// A checkout: auth, user, cart, inventory, risk, offers, price, tax, shipping, total, charge,
// receipt; 17 edges, 7 deep.
inline Shape Checkout() {
  return {{}, {0}, {0}, {2}, {1, 2}, {1}, {2, 5}, {1, 2}, {3}, {6, 7, 8}, {9, 4}, {10}};
}

}  // namespace dag_bench
