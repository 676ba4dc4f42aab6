#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A configuration with an egress listener `out` at `listen`, and a route of it.
std::string WithEgress(std::string_view listen, std::string_view more, std::string_view route) {
  return fmt::format(
      "listeners: [{{name: in, listen: \"127.0.0.1:1\"}},\n"
      "            {{name: out, listen: \"{}\", {}}}]\n"
      "upstreams: [{{name: u, endpoints: [\"a:1\"]}}]\n"
      "routes: [{{name: r, upstream: u, {}}}, {{name: all, upstream: u}}]",
      listen, more, route);
}

TEST(CheckEgress, AnOpenProxyIsRefused) {
  const std::string_view route = "listeners: [out], match: {host: a}";
  const std::string_view pass = "kind: egress, egress: {unknown_hosts: pass}";
  EXPECT_THAT(ProblemsOf(WithEgress("127.0.0.1:2", pass, route)), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithEgress("unix:/run/out", pass, route)), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithEgress("0.0.0.0:2", "kind: egress", route)), IsEmpty());
  EXPECT_THAT(
      ProblemsOf(WithEgress("0.0.0.0:2", pass, route)),
      ElementsAre("listeners[1].egress.unknown_hosts: must be refuse where other machines "
                  "can connect, got \"0.0.0.0:2\": anybody could call anything through this "
                  "gateway; listen on 127.0.0.1 or unix:/path"));
}

TEST(CheckEgress, ItsSettingsAreForEgressAlone) {
  EXPECT_THAT(ProblemsOf(WithEgress("127.0.0.1:2", "egress: {max_hosts: 5}", "match: {host: a}")),
              ElementsAre("listeners[1].egress: is only read with `kind: egress`; set that or "
                          "remove it"));
}

TEST(CheckEgress, ListenersOfARouteExistAndStandOnce) {
  EXPECT_THAT(
      ProblemsOf(
          WithEgress("127.0.0.1:2", "kind: egress", "listeners: [ou, out, out], match: {host: a}")),
      ElementsAre("routes[0].listeners[0]: must name one of `listeners`, got \"ou\"; did you "
                  "mean `out`?",
                  "routes[0].listeners[2]: must be unique, got \"out\" twice"));
}

TEST(CheckEgress, WhatCatchesOrRefusesEveryCallIsWarnedOf) {
  EXPECT_THAT(WarningsOf(WithEgress("127.0.0.1:2", "kind: egress", "match: {host: a}")),
              ElementsAre("listeners[1]: refuses every call, because no route names it and unknown "
                          "hosts are refused"));
  EXPECT_THAT(
      WarningsOf(WithEgress("127.0.0.1:2", "kind: egress", "listeners: [out]")),
      ElementsAre("routes[0].match: has no host, so calls through \"out\" to any host go to "
                  "this route"));
  EXPECT_THAT(
      WarningsOf(WithEgress("127.0.0.1:2", "kind: egress", "listeners: [out], match: {host: a}")),
      IsEmpty());
}

}  // namespace
}  // namespace sluice::gateway::config
