#!/usr/bin/env python3
"""Calls that go out through Sluice, and endpoints that are taken out, with real clients."""

import report
from harness import SystemTest, gateway_config, wait_until
from origin import answer, answering
from servers import curl, free_port


def saying(text, status=200):
    return answering(lambda request: answer(status, text.encode()))


def called(out, *arguments):
    """What curl prints when it calls through the proxy at `out`."""
    return curl("-x", f"http://{out}", *arguments)[1].decode()


class Egress(SystemTest):
    def proxy(self, *, unknown_hosts="refuse", **upstream):
        """A gateway with an egress listener, and its address."""
        self.known = self.origin(saying("known"))
        config = gateway_config(
            self.known.address, upstream=upstream,
            route={"listeners": ["out"], "match": {"host": "known.test"}, "degrade": "fixed"},
            degrade={"fixed": {"chain": [{"static": {"body": "degraded"}}]}})
        config["listeners"].append({
            "name": "out", "listen": "127.0.0.1:0", "kind": "egress",
            "egress": {"unknown_hosts": unknown_hosts}})
        sluice = self.sluice(config)
        return sluice, sluice.address_of("out")

    def test_a_client_with_http_proxy_reaches_a_known_host_by_its_route(self):
        _, out = self.proxy()
        self.assertEqual(called(out, "http://known.test/a?b=1"), "known")
        request = self.known.requests[0]
        self.assertEqual(request.target, "/a?b=1")
        self.assertEqual(request.header("host"), "known.test")
        self.assertIsNone(request.header("x-forwarded-for"))
        self.assertIsNone(request.header("proxy-connection"))

    def test_a_dead_dependency_gives_the_degraded_answer(self):
        sluice, out = self.proxy(circuit_breaker={"consecutive_failures": 3})
        self.known.close()
        for _ in range(5):
            self.assertEqual(called(out, "http://known.test/"), "degraded")
        self.assertEqual(sluice.guard("origin")["state"], "open")

    def test_connect_is_a_tunnel(self):
        _, out = self.proxy()
        self.assertEqual(called(out, "-p", "http://known.test:443/inside"), "known")
        self.assertEqual(self.known.requests[0].target, "/inside")

    def test_unknown_hosts_are_refused_and_this_machine_is_never_passed_to(self):
        for unknown_hosts in ("refuse", "pass"):
            with self.subTest(unknown_hosts):
                _, out = self.proxy(unknown_hosts=unknown_hosts)
                secret = self.origin(saying("secret"))
                got = called(out, "-i", f"http://{secret.address}/")
                self.assertRegex(got, r"^HTTP/1.1 403 ")
                self.assertRegex(got, r"(?m)^x-sluice-reason: egress/out")
                self.assertNotIn("secret", called(out, f"http://localhost:{secret.port}/"))
                self.assertEqual(secret.requests, [])


class Outliers(SystemTest):
    def test_a_bad_endpoint_is_taken_out_and_comes_back(self):
        words = {"status": 500, "text": b"bad"}
        good = self.origin(saying("good"))
        bad = self.origin(answering(lambda request: answer(words["status"], words["text"])))
        sluice = self.sluice(gateway_config(
            good.address, bad.address,
            upstream={"outlier_detection": {"consecutive_5xx": 3, "base_ejection_time": "500ms"}}))
        statuses = [self.get(sluice).status for _ in range(12)]
        # One more may go while its worker's view of the weights, of a millisecond, is old.
        self.assertIn(statuses.count(500), (3, 4))
        self.assertEqual(statuses[-3:], [200, 200, 200])
        endpoints = sluice.page("/api/v1/upstreams")["upstreams"][0]["endpoints"]
        state = next(e for e in endpoints if e["endpoint"] == bad.address)
        self.assertEqual(state["outlier"]["ejections"], 1)
        self.assertEqual(state["outlier"]["last_cause"], "consecutive_5xx")
        words.update(status=200, text=b"well")
        sluice.wait_said(r"endpoint_returned upstream=origin")
        wait_until(lambda: self.get(sluice).body == b"well", "the endpoint is asked again")
        self.assertEqual(sluice.metric("sluice_outlier_ejections_total", upstream="origin"), 1)

    def test_a_dead_endpoint_costs_few_requests(self):
        good = self.origin(saying("good"))
        sluice = self.sluice(gateway_config(
            good.address, f"127.0.0.1:{free_port()}",
            upstream={"outlier_detection": {"consecutive_5xx": 3}}))
        statuses = [self.get(sluice).status for _ in range(20)]
        self.assertIn(statuses.count(502), (3, 4))
        self.assertEqual(sluice.metric("sluice_outlier_ejections_active", upstream="origin"), 1)


if __name__ == "__main__":
    report.main()
