#!/usr/bin/env python3
"""Rate limits, circuit breakers and substitute answers, as their users and operators see them."""

import json
import time

import report
from harness import SystemTest, gateway_config, wait_until
from origin import Origin, answer, answering
from servers import curl, free_port

DEGRADED = '{"hotels":[],"degraded":true}'
FALLBACK = {
    "fallback": {"chain": [{"static": {"status": 200, "body": DEGRADED,
                                       "headers": {"x-from": "the fallback"}}}]}
}
# Opens at the second failure; probes again after 200 ms, and closes at once.
BREAKER = {
    "minimum_number_of_calls": 2, "failure_rate_threshold": 50,
    "wait_duration_in_open_state": "200ms", "wait_backoff": {"multiplier": 1, "jitter": 0},
    "permitted_number_of_calls_in_half_open_state": 1, "recovery_ramp": {"window": "0s"},
}


class RateLimits(SystemTest):
    def gateway(self, *, key=None, degrade=None, **rule):
        self.upstream = self.origin()
        limit = {"name": "per-user", "key": key or [{"header": "x-user-id"}], "limit": 1,
                 "period": "1h", "burst": 3, **rule}
        route = {"rate_limits": ["per-user"], **({"degrade": degrade} if degrade else {})}
        more = {"degrade": {"fallback": {**FALLBACK["fallback"], "on": ["rate_limited"]}}}
        return self.sluice(gateway_config(
            self.upstream.address, route=route, rate_limits=[limit], **(more if degrade else {})))

    def of_user(self, sluice, user, **options):
        return self.get(sluice, headers=[("X-User-Id", user)], **options)

    def test_each_user_has_a_burst_of_its_own(self):
        sluice = self.gateway()
        for user in ("anna", "bert"):
            statuses = [self.of_user(sluice, user).status for _ in range(5)]
            self.assertEqual(statuses, [200, 200, 200, 429, 429])
        self.assertEqual(len(self.upstream.requests), 6)

    def test_a_refusal_says_why_and_when_to_come_back(self):
        sluice = self.gateway()
        for _ in range(3):
            self.of_user(sluice, "anna")
        got = self.of_user(sluice, "anna")
        self.assertEqual(got.header("x-sluice-reason"), "rate_limit/per-user")
        # One token an hour: the next is an hour after the first, give or take a second.
        self.assertAlmostEqual(int(got.header("retry-after")), 3600, delta=30)
        self.assertAlmostEqual(int(got.header("x-retry-after-ms")), 3_600_000, delta=30_000)
        self.assertEqual(json.loads(got.body), {"error": "rate_limited", "rule": "per-user"})
        self.assertIsNone(got.header("x-sluice-degraded"))

    def test_a_refusal_keeps_the_connection(self):
        client = self.client(self.gateway())
        statuses = [client.request("GET", "/", [("X-User-Id", "a")]).status for _ in range(5)]
        self.assertEqual(statuses, [200, 200, 200, 429, 429])

    def test_the_quota_is_told_on_every_answer(self):
        sluice = self.gateway(headers=["ratelimit", "x_ratelimit"])
        remaining = []
        for _ in range(4):
            got = self.of_user(sluice, "anna")
            self.assertEqual(got.header("ratelimit-policy"), "1;w=3600;burst=3")
            self.assertEqual(got.header("x-ratelimit-limit"), "1")
            self.assertRegex(got.header("ratelimit"), r"^limit=1, remaining=\d+, reset=\d+$")
            remaining.append(int(got.header("x-ratelimit-remaining")))
        self.assertEqual(remaining, [2, 1, 0, 0])

    def test_time_brings_tokens_back(self):
        sluice = self.gateway(limit=10, period="1s", burst=1)
        self.assertEqual(self.of_user(sluice, "anna").status, 200)
        wait_until(lambda: self.of_user(sluice, "anna").status == 200, "another token")

    def test_shadow_only_counts(self):
        sluice = self.gateway(mode="shadow")
        self.assertEqual([self.of_user(sluice, "a").status for _ in range(6)], [200] * 6)
        decisions = sluice.guard("per-user")["decisions"]
        self.assertEqual((decisions["denied"], decisions["would_deny"]), (0, 3))

    def test_some_users_may_have_more(self):
        sluice = self.gateway(overrides={"anna": {"limit": 1, "burst": 5}})
        self.assertEqual([self.of_user(sluice, "anna").status for _ in range(6)], [200] * 5 + [429])
        self.assertEqual([self.of_user(sluice, "bert").status for _ in range(4)], [200] * 3 + [429])

    def test_a_full_table_still_bounds_what_passes(self):
        sluice = self.gateway(max_keys=16, burst=2)
        statuses = [self.of_user(sluice, f"user-{i}").status for i in range(400)]
        self.assertLess(statuses.count(200), 200)
        self.assertGreater(statuses.count(200), 0)

    def test_addresses_behind_a_trusted_proxy_are_counted_apart(self):
        upstream = self.origin()
        limit = {"name": "per-ip", "key": ["ip"], "limit": 1, "period": "1h", "burst": 2}
        sluice = self.sluice(gateway_config(
            upstream.address, listener={"trusted_proxies": ["127.0.0.1"]},
            route={"rate_limits": ["per-ip"]}, rate_limits=[limit]))
        for address in ("203.0.113.1", "203.0.113.2"):
            headers = [("X-Forwarded-For", address)]
            statuses = [self.get(sluice, headers=headers).status for _ in range(3)]
            self.assertEqual(statuses, [200, 200, 429])

    def test_a_limited_request_may_get_a_substitute(self):
        sluice = self.gateway(degrade="fallback")
        answers = [self.of_user(sluice, "anna") for _ in range(4)]
        self.assertEqual([a.status for a in answers], [200] * 4)
        self.assertEqual(answers[3].body.decode(), DEGRADED)
        self.assertEqual(answers[3].header("x-sluice-reason"), "rate_limit/per-user")

    def test_workers_share_one_limit(self):
        upstream = self.origin()
        limit = {"name": "all", "limit": 1, "period": "1h", "burst": 20}
        sluice = self.sluice(gateway_config(
            upstream.address, workers=3, route={"rate_limits": ["all"]}, rate_limits=[limit]))
        statuses = [self.get(sluice).status for _ in range(40)]
        self.assertEqual(statuses.count(200), 20)


class OtherRates(SystemTest):
    """What the other algorithms tell a client; their arithmetic is tested beside them."""

    def gateway(self, **rule):
        self.upstream = self.origin()
        return self.sluice(gateway_config(
            self.upstream.address, route={"rate_limits": ["rule"]},
            rate_limits=[{"name": "rule", "limit": 3, **rule}]))

    def curl_fields(self, sluice, *options):
        """The status and the header fields that curl sees, by lower-case name."""
        code, output, errors = curl("-i", *options, f"http://{sluice.address}/")
        self.assertEqual(code, 0, errors)
        head = output.decode().split("\r\n\r\n")[0].split("\r\n")
        pairs = [line.split(": ", 1) for line in head[1:]]
        fields = {name.lower(): value for name, value in pairs}
        return int(head[0].split()[1]), fields

    def test_curl_is_told_the_quota_of_a_window(self):
        sluice = self.gateway(algorithm="sliding_window", period="1h",
                              key=[{"header": "x-user-id"}], headers=["ratelimit", "x_ratelimit"])
        seen = [self.curl_fields(sluice, "-H", "x-user-id: anna") for _ in range(4)]
        self.assertEqual([status for status, _ in seen], [200, 200, 200, 429])
        self.assertEqual([f["x-ratelimit-remaining"] for _, f in seen], ["2", "1", "0", "0"])
        fields = seen[3][1]
        self.assertEqual(fields["ratelimit-policy"], "3;w=3600;burst=3")
        self.assertEqual(fields["x-ratelimit-limit"], "3")
        self.assertRegex(fields["ratelimit"], r"^limit=3, remaining=0, reset=7\d\d\d$")
        self.assertEqual(fields["x-sluice-reason"], "rate_limit/rule")
        # Full in this window: the first third of it is forgotten in the next one.
        self.assertAlmostEqual(int(fields["retry-after"]), 4800, delta=30)
        self.assertAlmostEqual(int(fields["x-retry-after-ms"]), 4_800_000, delta=30_000)

    def test_curl_is_told_the_quota_of_a_month(self):
        sluice = self.gateway(algorithm="fixed_window", period="month", headers=["x_ratelimit"])
        seen = [self.curl_fields(sluice) for _ in range(4)]
        self.assertEqual([status for status, _ in seen], [200, 200, 200, 429])
        reset = int(seen[3][1]["x-ratelimit-reset"])
        self.assertTrue(0 < reset <= 31 * 86_400, reset)
        self.assertAlmostEqual(int(seen[3][1]["retry-after"]), reset, delta=2)

    def test_a_log_counts_exactly(self):
        sluice = self.gateway(algorithm="sliding_log", period="1h")
        statuses = [self.curl_fields(sluice)[0] for _ in range(5)]
        self.assertEqual(statuses, [200, 200, 200, 429, 429])

    def test_a_header_may_tell_the_cost(self):
        sluice = self.gateway(algorithm="sliding_window", limit=10, period="1h",
                              cost={"header": "x-cost"}, headers=["x_ratelimit"])
        left = [self.curl_fields(sluice, *(["-H", f"x-cost: {cost}"] if cost else []))[1]
                ["x-ratelimit-remaining"] for cost in ("4", "", "0")]
        self.assertEqual(left, ["6", "5", "4"])
        # What is no number costs all that fits, and that does not fit any more.
        self.assertEqual(self.curl_fields(sluice, "-H", "x-cost: free")[0], 429)
        self.assertEqual(self.curl_fields(sluice, "-H", "x-cost: 4")[0], 200)

    def test_pacing_makes_requests_wait(self):
        sluice = self.gateway(algorithm="pacing", limit=5, period="1s")
        started = time.monotonic()
        statuses = [self.get(sluice).status for _ in range(4)]
        # One after the other: 0, 200, 400, 600 ms.
        self.assertGreaterEqual(time.monotonic() - started, 0.6)
        self.assertEqual(statuses, [200] * 4)

    def test_a_second_field_of_the_key_is_no_way_around_the_limit(self):
        sluice = self.gateway(key=[{"header": "x-user-id"}], period="1h", burst=1)
        both = [("X-User-Id", "a"), ("X-User-Id", "b")]
        self.assertEqual(self.get(sluice, headers=both).status, 200)
        self.assertEqual(self.get(sluice, headers=both).status, 429)
        self.assertEqual(self.get(sluice, headers=[("X-User-Id", "a, b")]).status, 429)
        self.assertEqual(self.get(sluice, headers=both[:1]).status, 200)

    def test_the_keys_that_ask_most_are_shown_and_secrets_are_not(self):
        sluice = self.gateway(key=[{"header": "x-user-id"}, {"cookie": "sid"}], period="1h",
                              burst=1)
        for _ in range(5):
            self.get(sluice, headers=[("X-User-Id", "anna"), ("Cookie", "sid=s3cret")])
        guard = sluice.guard("rule")
        self.assertEqual(guard["algorithm"], "gcra")
        self.assertEqual(len(guard["top_keys"]), 1)
        key = guard["top_keys"][0]
        self.assertRegex(key["key"], r"^anna\|#[0-9a-f]{8}$")
        self.assertGreater(key["per_second"], 0)
        self.assertGreater(key["refused_per_second"], 0)

    def test_an_algorithm_may_change_over_a_reload(self):
        sluice = self.gateway(period="1h", burst=3)
        self.assertEqual([self.get(sluice).status for _ in range(4)], [200] * 3 + [429])
        rule = {"name": "rule", "limit": 1, "period": "1h", "algorithm": "sliding_log"}
        status, said = sluice.post("/api/v1/config", gateway_config(
            self.upstream.address, route={"rate_limits": ["rule"]}, rate_limits=[rule]))
        self.assertEqual(status, 200, said)
        self.assertEqual([self.get(sluice).status for _ in range(2)], [200, 429])


class Breakers(SystemTest):
    def gateway(self, address, breaker=BREAKER, degrade="fallback", **parts):
        route = {"degrade": degrade} if degrade else {}
        more = {"degrade": FALLBACK} if degrade else {}
        return self.sluice(gateway_config(
            address, upstream={"circuit_breaker": breaker}, route=route, **more, **parts))

    def state(self, sluice, name="origin"):
        return sluice.guard(name)["state"]

    def test_a_dead_upstream_opens_it_and_users_get_the_substitute(self):
        port = free_port()
        sluice = self.gateway(f"127.0.0.1:{port}", breaker={
            **BREAKER, "wait_duration_in_open_state": "1h", "wait_backoff": {"max": "1h"}})
        for _ in range(4):
            got = self.get(sluice)
            self.assertEqual((got.status, got.body.decode()), (200, DEGRADED))
            self.assertTrue(got.header("x-sluice-degraded"))
            self.assertEqual(got.header("x-from"), "the fallback")
            self.assertEqual(got.header("content-type"), "application/json")
        self.assertEqual(self.state(sluice), "open")
        self.assertEqual(got.header("x-sluice-reason"), "breaker/origin")
        self.assertEqual(sluice.guard("origin")["not_permitted"], 2)
        self.assertEqual(sluice.page("/api/v1/routes")["routes"][0]["degraded"], 4)

    def test_it_recovers_when_the_upstream_does(self):
        port = free_port()
        sluice = self.gateway(f"127.0.0.1:{port}")
        for _ in range(3):
            self.get(sluice)
        self.assertEqual(self.state(sluice), "open")
        upstream = Origin(port=port)
        self.addCleanup(upstream.close)
        wait_until(lambda: self.get(sluice).header("x-sluice-degraded") is None, "a real answer")
        wait_until(lambda: self.get(sluice) and self.state(sluice) == "closed", "closed")
        self.assertEqual(self.get(sluice).body, b"ok")

    def test_without_a_substitute_it_refuses_with_503(self):
        upstream = self.origin(answering(lambda _: answer(500)))
        sluice = self.gateway(upstream.address, degrade=None, breaker={
            **BREAKER, "wait_duration_in_open_state": "1h", "wait_backoff": {"max": "1h"}})
        self.assertEqual([self.get(sluice).status for _ in range(4)], [500, 500, 503, 503])
        got = self.get(sluice)
        self.assertEqual(got.header("x-sluice-reason"), "breaker/origin")
        self.assertGreater(int(got.header("retry-after")), 0)
        self.assertEqual(len(upstream.requests), 2)

    def test_errors_of_clients_do_not_open_it(self):
        upstream = self.origin(answering(lambda _: answer(404)))
        sluice = self.gateway(upstream.address, degrade=None)
        self.assertEqual([self.get(sluice).status for _ in range(6)], [404] * 6)
        self.assertEqual(self.state(sluice), "closed")

    def test_slow_answers_open_it(self):
        def slow(request):
            time.sleep(0.05)
            return answer(body=b"late")

        upstream = self.origin(answering(slow))
        sluice = self.gateway(upstream.address, degrade=None, breaker={
            **BREAKER, "slow_call_duration_threshold": "20ms", "slow_call_rate_threshold": 50,
            "wait_duration_in_open_state": "1h", "wait_backoff": {"max": "1h"}})
        self.assertEqual([self.get(sluice).status for _ in range(3)], [200, 200, 503])

    def test_operators_open_close_and_reset_it(self):
        upstream = self.origin()
        sluice = self.gateway(upstream.address)
        breaker = "/api/v1/breakers/origin"
        status, text = sluice.post(f"{breaker}/force_open")
        self.assertEqual(status, 200, text)
        self.assertEqual(self.get(sluice).header("x-sluice-reason"), "breaker/origin")
        self.assertEqual(upstream.requests, [])
        self.assertEqual(sluice.post(f"{breaker}/close")[0], 200)
        self.assertEqual(self.get(sluice).body, b"ok")
        self.assertEqual(self.state(sluice), "closed")
        sluice.post(f"{breaker}/force_open")
        self.assertEqual(sluice.post(f"{breaker}/reset")[0], 200)
        self.assertEqual(self.get(sluice).body, b"ok")

    def test_operators_are_told_when_there_is_no_such_breaker(self):
        sluice = self.gateway(self.origin().address)
        self.assertEqual(sluice.post("/api/v1/breakers/nobody/force_open")[0], 404)
        self.assertEqual(sluice.post("/api/v1/breakers/origin/explode")[0], 404)
        self.assertEqual(sluice.ask("/api/v1/breakers/origin/force_open")[0], 405)

    def test_a_route_may_have_one_of_its_own(self):
        upstream = self.origin(
            answering(lambda r: answer(500 if r.target == "/sick" else 200, b"fine")))
        config = gateway_config(upstream.address)
        config["routes"].insert(0, {
            "name": "sick", "match": {"path_exact": "/sick"}, "upstream": "origin",
            "circuit_breaker": {**BREAKER, "wait_duration_in_open_state": "1h",
                                "wait_backoff": {"max": "1h"}}})
        sluice = self.sluice(config)
        self.assertEqual([self.get(sluice, "/sick").status for _ in range(3)], [500, 500, 503])
        self.assertEqual(self.get(sluice, "/well").status, 200)

    def test_a_chain_may_reject_or_answer_by_method(self):
        degrade = {"fallback": {"chain": [
            {"methods": ["GET"], "static": {"status": 203, "body": "{}"}},
            {"reject": {"status": 504, "retry_after": "7s"}}]}}
        sluice = self.sluice(gateway_config(
            f"127.0.0.1:{free_port()}", route={"degrade": "fallback"}, degrade=degrade))
        got = self.get(sluice)
        self.assertEqual((got.status, got.body), (203, b"{}"))
        got = self.get(sluice, "/", "POST", body=b"x")
        self.assertEqual((got.status, got.header("retry-after")), (504, "7"))
        head = self.client(sluice).request("HEAD", "/")
        self.assertEqual((head.status, head.header("retry-after")), (504, "7"))

    def test_changes_of_state_are_logged_once(self):
        sluice = self.gateway(f"127.0.0.1:{free_port()}", breaker={
            **BREAKER, "wait_duration_in_open_state": "1h", "wait_backoff": {"max": "1h"}})
        for _ in range(6):
            self.get(sluice)
        sluice.wait_said(r"breaker_opened.*origin")
        self.assertEqual(sluice.said().count("breaker_opened"), 1)


class Counting(SystemTest):
    def test_refusals_are_counted_by_reason_in_metrics_and_log(self):
        limit = {"name": "tight", "limit": 1, "period": "1h", "burst": 1}
        sluice = self.sluice(gateway_config(
            self.origin().address, route={"rate_limits": ["tight"]}, rate_limits=[limit],
            telemetry={"access_log": {"path": "access.log"}}))
        self.assertEqual([self.get(sluice).status for _ in range(3)], [200, 429, 429])
        lines = self.wait_log(sluice, 3)
        self.assertEqual([line["reason"] for line in lines], ["--", "RL", "RL"])
        self.assertEqual(lines[1]["rule"], "rate_limit/tight")
        self.assertEqual(sluice.metric("sluice_http_reasons_total", reason="rate_limited"), 2)
        self.assertEqual(
            sluice.metric("sluice_http_requests_total", route="all", code_class="4xx"), 2)


if __name__ == "__main__":
    report.main()
