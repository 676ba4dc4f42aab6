#!/usr/bin/env python3
"""Adoption without fear: what shadow rules would have refused, and that they refuse nobody."""

import json

import report
from client import Client
from harness import Sluice, SystemTest, gateway_config, run_sluice, wait_until

RULE = {"name": "per-user", "key": [{"header": "x-user-id"}], "limit": 1, "period": "1m",
        "burst": 1, "mode": "shadow"}


class WouldHave(SystemTest):
    def gateway(self, mode):
        origin = self.origin()
        return self.sluice(gateway_config(
            origin.address, route={"rate_limits": ["per-user"]},
            upstream={"circuit_breaker": {"mode": mode}},
            rate_limits=[{**RULE, "mode": mode}]))

    def statuses(self, gateway, count):
        client = Client(gateway.address)
        self.addCleanup(client.close)
        return [client.request(headers=[("x-user-id", "ann")]).status for _ in range(count)]

    def told(self, gateway, *options):
        done = run_sluice("status", "--would-have", "--admin", gateway.admin, *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def rule(self, gateway, name):
        rules = json.loads(self.told(gateway, "--json"))["rules"]
        return next(rule for rule in rules if rule["rule"] == name)

    def test_a_shadow_rule_refuses_nobody_and_tells_whom_it_would_have_refused(self):
        gateway = self.gateway("shadow")
        self.assertEqual(self.statuses(gateway, 10), [200] * 10)
        found = self.rule(gateway, "rate_limit/per-user")
        self.assertEqual(
            (found["mode"], found["asked"], found["refused"], found["would_refuse"]),
            ("shadow", 10, 0, 9))
        self.assertIn("more than 1 in 60 s, burst 1; busiest: ann", found["why"])
        # A breaker counts a call once its answer is through.
        wait_until(lambda: self.rule(gateway, "breaker/origin")["asked"] == 10, "all counted")
        self.assertEqual(self.rule(gateway, "breaker/origin")["would_refuse"], 0)

    def test_the_rule_that_would_refuse_most_comes_first_in_the_table(self):
        gateway = self.gateway("shadow")
        self.statuses(gateway, 4)
        lines = self.told(gateway).splitlines()
        self.assertRegex(lines[1], r"^rate_limit/per-user +shadow +4 +0 +3 +75\.0%  more than 1 in")

    def test_an_enforced_rule_tells_what_it_refused(self):
        gateway = self.gateway("enforce")
        self.assertEqual(self.statuses(gateway, 4), [200, 429, 429, 429])
        found = self.rule(gateway, "rate_limit/per-user")
        self.assertEqual((found["mode"], found["refused"], found["would_refuse"]),
                         ("enforce", 3, 0))

    def test_a_service_behind_upstream_learns_what_its_clients_ask(self):
        gateway = self.quick()
        client = Client(gateway.address_of("default"))
        self.addCleanup(client.close)
        for _ in range(300):
            self.assertEqual(client.request().status, 200)
        # The first hundreds came faster than the 10/s that it starts with: it learns from them.
        found = wait_until(
            lambda: self.learnt(gateway), "a limit above the one it starts with", seconds=10)
        self.assertEqual(found["mode"], "shadow")
        self.assertRegex(
            found["why"], r"^more than \d+ in 1 s, burst \d+ \(learning from a peak of [\d.]+/s\); "
                          r"busiest: 127\.0\.0\.1 with ")

    def learnt(self, gateway):
        found = self.rule(gateway, "rate_limit/per-client")
        return found if int(found["why"].split()[2]) > 10 else None

    def quick(self):
        """`sluice serve --upstream`, without a file."""
        gateway = Sluice.__new__(Sluice)
        gateway.directory = self.directory()
        gateway.start_command(["serve", "--upstream", f"http://{self.origin().address}",
                               "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(gateway.stop)
        return gateway.wait_serving()

    def test_a_rule_that_learns_keeps_its_burst_and_counts_costs(self):
        rule = {**RULE, "limit": 100, "burst": 20, "cost": 5, "learn": {"for": "1m"}}
        gateway = self.sluice(gateway_config(
            self.origin().address, route={"rate_limits": ["per-user"]}, rate_limits=[rule]))
        self.assertEqual(self.statuses(gateway, 20), [200] * 20)
        # The peak is of requests, and the limit of tokens: five for each.
        guard = wait_until(lambda: self.lesson(gateway), "a lesson")
        self.assertGreaterEqual(guard["limit"], 60 * 2 * 5)
        self.assertEqual(guard["burst"], max(20, guard["limit"] // 60))

    def lesson(self, gateway):
        guard = gateway.guard("per-user")
        return guard if guard.get("learnt", {}).get("peak_per_second", 0) >= 1 else None

    def test_no_gateway_is_told_with_exit_code_3(self):
        done = run_sluice("status", "--would-have", "--admin", "127.0.0.1:1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no answer from the admin API at 127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    report.main()
