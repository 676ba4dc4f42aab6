#!/usr/bin/env python3
"""What the upstream is told: who asks, for what, and nothing that the client made up."""

import re

import report
from client import request_bytes
from harness import SystemTest, gateway_config

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Forwarding(SystemTest):
    def setUp(self):
        self.upstream = self.origin()

    def forwarded(self, headers=(), target="/", **parts):
        """What one request with `headers` is upstream."""
        sluice = self.sluice(gateway_config(self.upstream.address, **parts))
        got = self.get(sluice, target, headers=headers)
        self.assertEqual(got.status, 200, got.headers)
        return self.upstream.requests[-1]


class WhoAsks(Forwarding):
    def test_strangers_are_named_by_their_address_alone(self):
        request = self.forwarded([
            ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "other.test"), ("Forwarded", "for=203.0.113.9"),
            ("X-Real-IP", "203.0.113.9")])
        self.assertEqual(request.header("x-forwarded-for"), "127.0.0.1")
        self.assertEqual(request.header("x-forwarded-proto"), "http")
        self.assertIsNone(request.header("x-forwarded-host"))
        self.assertNotIn(b"203.0.113.9", request.raw)

    def test_trusted_proxies_are_believed_and_join_the_list(self):
        request = self.forwarded(
            [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")],
            listener={"trusted_proxies": ["127.0.0.0/8"]})
        self.assertEqual(request.header("x-forwarded-for"), "203.0.113.9, 127.0.0.1")
        self.assertEqual(request.header("x-forwarded-proto"), "https")

    def test_the_client_is_the_rightmost_address_that_no_trusted_proxy_has(self):
        config = gateway_config(
            self.upstream.address,
            listener={"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]},
            telemetry={"access_log": {"path": "access.log"}})
        sluice = self.sluice(config)
        self.get(sluice, headers=[("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.2.3")])
        self.get(sluice, headers=[("X-Forwarded-For", "6.6.6.6, no address, 10.1.2.3")])
        clients = [line["client"] for line in self.wait_log(sluice, 2)]
        self.assertEqual(clients, ["203.0.113.9", "10.1.2.3"])

    def test_strangers_may_not_say_who_they_are(self):
        names = ("X-Sluice-Lane", "X-Sluice-Anything", "X-Criticality", "X-Level")
        headers = [(name, "made up") for name in names]
        request = self.forwarded(headers + [("Baggage", "user=7,sluice.lane=blue,b=2")])
        for name in names:
            self.assertIsNone(request.header(name), name)
        self.assertEqual(re.split(r"\s*,\s*", request.header("baggage")), ["user=7", "b=2"])

    def test_trusted_proxies_may_say_who_they_are(self):
        headers = [("X-Sluice-Lane", "blue"), ("X-Criticality", "high"),
                   ("Baggage", "user=7,sluice.lane=blue")]
        request = self.forwarded(headers, listener={"trusted_proxies": ["127.0.0.1"]})
        self.assertEqual(request.header("x-sluice-lane"), "blue")
        self.assertEqual(request.header("x-criticality"), "high")
        self.assertEqual(request.header("baggage"), "user=7,sluice.lane=blue")

    def test_names_with_underscores_are_dropped(self):
        request = self.forwarded([("X_Sluice_Lane", "blue"), ("X-Criticality_", "a"), ("A", "b")])
        self.assertNotIn(b"_", request.raw)
        self.assertEqual(request.header("a"), "b")

    def test_connection_cannot_name_away_what_others_rely_on(self):
        request = self.forwarded([
            ("Connection", "X-Private, Authorization, X-Forwarded-For, Host"),
            ("X-Private", "for one hop"), ("Authorization", "Bearer token")])
        self.assertIsNone(request.header("x-private"))
        self.assertEqual(request.header("authorization"), "Bearer token")
        self.assertEqual(request.header("x-forwarded-for"), "127.0.0.1")

    def test_hop_by_hop_fields_end_here(self):
        request = self.forwarded([
            ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
            ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic x")])
        for name in ("connection", "keep-alive", "te", "proxy-connection", "proxy-authorization"):
            self.assertIsNone(request.header(name), name)


class WhichTrace(Forwarding):
    def test_a_trace_is_passed_on(self):
        self.assertEqual(self.forwarded([("traceparent", TRACE)]).header("traceparent"), TRACE)

    def test_a_missing_or_malformed_trace_is_made_anew(self):
        made = []
        for headers in ([], [("traceparent", "00-nothing")], [("traceparent", TRACE + "-x")],
                        [("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01")]):
            trace = self.forwarded(headers).header("traceparent")
            self.assertRegex(trace, r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
            made.append(trace[3:35])
        self.assertEqual(len(set(made)), len(made))
        self.assertNotIn(TRACE[3:35], made)

    def test_the_trace_is_in_the_access_log(self):
        config = gateway_config(
            self.upstream.address, telemetry={"access_log": {"path": "access.log"}})
        sluice = self.sluice(config)
        self.get(sluice, headers=[("traceparent", TRACE)])
        self.assertEqual(self.wait_log(sluice)[0]["trace"], TRACE[3:35])


class WhichHost(Forwarding):
    def test_the_host_passes(self):
        self.assertEqual(self.forwarded([("Host", "shop.test")]).header("host"), "shop.test")

    def test_or_is_the_endpoints(self):
        request = self.forwarded([("Host", "shop.test")], upstream={"host_header": "endpoint"})
        self.assertEqual(request.header("host"), self.upstream.address)
        self.assertEqual(request.header("x-forwarded-host"), "shop.test")

    def test_an_absolute_target_becomes_a_path(self):
        request = self.forwarded([("Host", "shop.test")], target="http://shop.test/a?b=c")
        self.assertEqual((request.target, request.header("host")), ("/a?b=c", "shop.test"))

    def test_two_authorities_are_refused(self):
        sluice = self.sluice(gateway_config(self.upstream.address))
        self.assertEqual(
            self.get(sluice, "http://shop.test/", headers=[("Host", "other.test")]).status, 400)
        self.assertEqual(self.upstream.bytes_received, 0)

    def test_via_is_off_by_default(self):
        self.assertIsNone(self.forwarded().header("via"))

    def test_via_names_the_gateway_when_asked_to(self):
        request = self.forwarded(telemetry={"access_log": {"path": "off"}, "via": "edge"})
        self.assertEqual(request.header("via"), "1.1 edge")


class WhichPath(SystemTest):
    """A rule for /pay cannot be walked past, and the upstream sees what the rule saw."""

    def setUp(self):
        self.upstream = self.origin()
        config = gateway_config(self.upstream.address)
        config["routes"].insert(
            0, {"name": "pay", "match": {"path_prefix": "/pay"}, "upstream": "origin",
                "rate_limits": ["none"]})
        config["rate_limits"] = [
            {"name": "none", "limit": 1, "period": "1h", "burst": 1, "init_fill_ratio": 0}]
        self.gateway = self.sluice(config)

    def test_every_spelling_of_a_path_meets_its_rule(self):
        for target in ("/pay", "/%70ay", "/p%61%79", "/x/../pay", "/x/%2E%2e/pay", "/./pay/now",
                       "/pay/../pay", "http://service.test/%70ay", "/pay?x=/../y", "/..//../pay"):
            got = self.get(self.gateway, target)
            if target == "/..//../pay":  # "//" is kept: this is no way to /pay, nor around it.
                self.assertIn(got.status, (200, 429))
            else:
                self.assertEqual((target, got.status), (target, 429))

    def test_what_is_forwarded_is_the_normal_form(self):
        for target, seen in (
                ("/%7Euser/%61", "/~user/a"), ("/a/./b/../c", "/a/c"), ("/a/..", "/"),
                ("/a//b", "/a//b"), ("/a%20b;c=d", "/a%20b;c=d"), ("/%c3%a4", "/%C3%A4"),
                ("/q?x=%70&y=/../z", "/q?x=%70&y=/../z"), ("/paying", "/paying")):
            self.assertEqual(self.get(self.gateway, target).status, 200, target)
            self.assertEqual(self.upstream.requests[-1].target, seen)

    def test_ambiguous_paths_are_refused(self):
        for target in ("/a%2Fb", "/a%2fb", "/a%5Cb", "/a%00b", "/a%", "/a%g1", "/a\\b", "/a\x01",
                       "/ä", "a", "*", "/a#b"):
            got = self.get(self.gateway, target)
            self.assertEqual((target, got.status), (target, 400))
            self.assertEqual((target, got.header("connection")), (target, "close"))
        self.assertEqual(self.upstream.bytes_received, 0)

    def test_options_may_ask_about_the_whole_server(self):
        client = self.client(self.gateway)
        client.send(request_bytes("OPTIONS", "*"))
        got = client.response()
        self.assertIn(got.status, (200, 404))
        self.assertTrue(all(r.target == "*" for r in self.upstream.requests))


class Routes(SystemTest):
    def test_the_first_match_wins_and_may_rewrite_its_prefix(self):
        upstream = self.origin()
        config = gateway_config(upstream.address)
        config["routes"] = [
            {"name": "v2", "match": {"path_prefix": "/api", "headers": [
                {"name": "x-version", "exact": "2"}]}, "upstream": "origin",
             "prefix_rewrite": "/v2"},
            {"name": "user", "match": {"path_template": "/users/{id}/orders",
                                       "methods": ["GET"]}, "upstream": "origin"},
            {"name": "asked", "match": {"query": [{"name": "debug", "exact": "1"}]},
             "upstream": "origin"},
            {"name": "shop", "match": {"host": "*.shop.test"}, "upstream": "origin"},
            {"name": "rest", "upstream": "origin"},
        ]
        config["telemetry"] = {"access_log": {"path": "access.log"}}
        sluice = self.sluice(config)
        asked = [
            ("/api/x", [("X-Version", "2")], "v2"), ("/api/x", [], "rest"),
            ("/users/7/orders", [], "user"), ("/users/7/8/orders", [], "rest"),
            ("/a?x=2&debug=1", [], "asked"), ("/a", [("Host", "eu.shop.test")], "shop"),
            ("/a", [("Host", "shop.test")], "rest"),
        ]
        for target, headers, _ in asked:
            self.assertEqual(self.get(sluice, target, headers=headers).status, 200)
        routes = [line["route"] for line in self.wait_log(sluice, len(asked))]
        self.assertEqual(routes, [route for _, _, route in asked])
        self.assertEqual(upstream.requests[0].target, "/v2/x")


if __name__ == "__main__":
    report.main()
