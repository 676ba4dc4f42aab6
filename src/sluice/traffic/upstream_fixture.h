// What tests of this room build upstreams from.

#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/endpoint_gate.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

inline Address LocalAddress(std::uint16_t port) {
  return Address::Ipv4({127, 0, 0, 1}, port);
}

inline EndpointSpec LiteralSpec(std::uint16_t port, std::uint32_t weight = 1) {
  EndpointSpec spec;
  spec.address = LocalAddress(port);
  spec.weight = weight;
  return spec;
}

inline EndpointSpec NameSpec(std::string host, std::uint16_t port) {
  EndpointSpec spec;
  spec.authority = host + ":" + std::to_string(port);
  spec.host = std::move(host);
  spec.port = port;
  return spec;
}

// Endpoints on ports 1, 2, … with the given weights.
inline UpstreamOptions OptionsOf(LoadBalancing balancing,
                                 const std::vector<std::uint32_t>& weights) {
  UpstreamOptions options;
  options.name = "booking";
  options.load_balancing = balancing;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    options.endpoints.push_back(LiteralSpec(static_cast<std::uint16_t>(i + 1), weights[i]));
  }
  return options;
}

// A gate that says what it is told; endpoints never spoken of have the full weight.
class ScriptedGate final : public EndpointGate {
 public:
  [[nodiscard]] double Weight(std::size_t endpoint, SteadyTime /*now*/) const override {
    ++asked_;
    const auto found = weights_.find(endpoint);
    return found == weights_.end() ? 1 : found->second;
  }
  [[nodiscard]] std::string_view reason() const override { return "scripted"; }

  void Set(std::size_t endpoint, double weight) { weights_[endpoint] = weight; }
  [[nodiscard]] int asked() const { return asked_; }

 private:
  std::map<std::size_t, double> weights_;
  mutable int asked_ = 0;
};

}  // namespace sluice::traffic
