#!/usr/bin/env python3
"""Adoption without fear: what shadow rules would have refused, and that they refuse nobody."""

import json

import report
from client import Client
from harness import SystemTest, gateway_config, run_sluice, wait_until

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

    def test_no_gateway_is_told_with_exit_code_3(self):
        done = run_sluice("status", "--would-have", "--admin", "127.0.0.1:1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no answer from the admin API at 127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    report.main()
