#!/usr/bin/env python3
"""R11 and R12: a new configuration changes what it says and nothing else; a bad one nothing."""

import json
import signal
import threading

import report
from harness import SystemTest, gateway_config, open_files, wait_until
from origin import answer, answering
from servers import load

BAD = "listeners: []\nroutes: [{name: all, upstream: nobody}]\n"


class Reloads(SystemTest):
    def setUp(self):
        self.upstream = self.origin()
        self.config = gateway_config(self.upstream.address)
        self.gateway = self.sluice(self.config)

    def generation(self):
        return self.gateway.page("/api/v1/status")["config"]["generation"]

    def reload(self, config):
        """By file and SIGHUP; returns when it is in force."""
        before = self.generation()
        self.gateway.write(config)
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_said(rf" config_applied generation={before + 1}\b")

    def test_r12_a_bad_file_changes_nothing_and_is_told(self):
        self.assertEqual(self.gateway.metric("sluice_config_last_reload_successful"), 1)
        client = self.client(self.gateway)
        self.assertEqual(client.request().status, 200)
        self.gateway.write(BAD)
        self.gateway.signal(signal.SIGHUP)
        wait_until(lambda: self.gateway.metric("sluice_config_last_reload_successful") == 0, "told")
        self.gateway.wait_said(r"(?m)^\S*sluice\.yaml:2:\d+: routes\[0\]\.upstream: ")
        # The line of the log says by itself what is wrong.
        self.gateway.wait_said(
            r" config_refused error=\"\S*yaml:1:\d+: listeners: .* \(and 1 more problem\)\"\n")
        self.assertEqual(client.request().status, 200)  # The same connection.
        self.assertEqual(self.generation(), 1)
        self.reload(self.config)
        self.assertEqual(self.gateway.metric("sluice_config_last_reload_successful"), 1)
        self.assertEqual(client.request().status, 200)

    def test_r12_a_bad_post_is_422_with_every_problem(self):
        status, text = self.gateway.post("/api/v1/config", BAD)
        self.assertEqual(status, 422)
        self.assertIn("nobody", text)
        self.assertIn('"line":', text.replace(" ", ""))
        self.assertEqual(self.gateway.metric("sluice_config_last_reload_successful"), 0)
        self.assertEqual(self.get(self.gateway).status, 200)

    def test_an_unreadable_file_changes_nothing_and_is_told(self):
        self.gateway.config_path.unlink()
        self.gateway.signal(signal.SIGHUP)
        wait_until(lambda: self.gateway.metric("sluice_config_last_reload_successful") == 0, "told")
        self.assertEqual(self.get(self.gateway).status, 200)

    def test_a_dry_run_only_checks(self):
        other = gateway_config(self.upstream.address, route={"match": {"path_prefix": "/only"}})
        status, text = self.gateway.post("/api/v1/config?dry_run=1", other)
        self.assertEqual(status, 200, text)
        self.assertEqual(self.gateway.post("/api/v1/config?dry_run=1", BAD)[0], 422)
        self.assertEqual(self.generation(), 1)
        self.assertEqual(self.gateway.metric("sluice_config_last_reload_successful"), 1)
        self.assertEqual(self.get(self.gateway).status, 200)

    def test_a_post_puts_a_configuration_in_force(self):
        other = gateway_config(self.upstream.address, route={"match": {"path_prefix": "/only"}})
        client = self.client(self.gateway)
        self.assertEqual(client.request().status, 200)
        status, text = self.gateway.post("/api/v1/config", other)
        self.assertEqual(status, 200, text)
        # The next request on the same connection is served by the new one.
        self.assertEqual(client.request("GET", "/only").status, 200)
        self.assertEqual(client.request("GET", "/").status, 404)

    def test_a_request_in_flight_ends_as_it_began(self):
        go_on, asked = threading.Event(), threading.Event()

        def reply(request):
            if request.target == "/slow":
                asked.set()
                go_on.wait(20)
            return answer(body=b"old")

        upstream = self.origin(answering(reply))
        self.reload(gateway_config(upstream.address))
        client = self.client(self.gateway)
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(asked.wait(10))
        self.reload(self.config)  # The upstream of the request is gone from the configuration.
        go_on.set()
        self.assertEqual(client.response().body, b"old")
        self.assertEqual(client.request().body, b"ok")

    def test_listeners_come_and_go(self):
        two = gateway_config(self.upstream.address)
        two["listeners"].append({"name": "second", "listen": "127.0.0.2:0"})
        self.reload(two)
        listeners = {x["name"]: x["address"]
                     for x in self.gateway.page("/api/v1/status")["listeners"]}
        second = self.client(listeners["second"])
        self.assertEqual(second.request().status, 200)
        first = self.client(self.gateway)
        self.assertEqual(first.request().status, 200)
        self.reload(self.config)
        # The removed one's connection gets an answer, and is told that it is the last.
        got = second.request()
        self.assertEqual((got.status, got.header("connection")), (200, "close"))
        self.assertTrue(second.is_closed())
        with self.assertRaises(ConnectionRefusedError):
            self.client(listeners["second"])
        self.assertEqual(first.request().status, 200)

    def test_a_listener_that_cannot_be_opened_changes_nothing(self):
        other = self.origin()
        config = gateway_config(self.upstream.address, route={"match": {"path_prefix": "/only"}})
        config["listeners"].append({"name": "taken", "listen": other.address})
        status, text = self.gateway.post("/api/v1/config", config)
        self.assertEqual(status, 422, text)
        self.assertIn("in use", text)
        self.assertEqual(self.get(self.gateway).status, 200)
        self.assertEqual(self.generation(), 1)

    def test_state_of_what_did_not_change_survives(self):
        limit = {"name": "tight", "limit": 1, "period": "1h", "burst": 2}
        config = gateway_config(
            self.upstream.address, upstream={"circuit_breaker": {}},
            route={"rate_limits": ["tight"]}, rate_limits=[limit])
        self.reload(config)
        client = self.client(self.gateway)
        self.assertEqual([client.request().status for _ in range(3)], [200, 200, 429])
        connections = len(self.upstream.connections)
        self.gateway.post("/api/v1/breakers/origin/force_open")
        config["routes"].append({"name": "more", "match": {"path_prefix": "/m"},
                                 "upstream": "origin"})
        self.reload(config)
        self.assertEqual(client.request().status, 429)
        self.assertNotEqual(self.gateway.guard("origin")["state"], "closed")
        self.gateway.post("/api/v1/breakers/origin/reset")
        config["rate_limits"][0]["burst"] = 3  # Another limit is a new limit.
        self.reload(config)
        self.assertEqual(client.request().status, 200)
        self.assertEqual(len(self.upstream.connections), connections, "the pool was lost")

    def test_an_upstream_that_changes_keeps_the_addresses_of_its_names(self):
        """Or every request until DNS has answered anew would find no endpoint."""
        config = gateway_config(f"localhost:{self.upstream.port}")
        self.reload(config)
        for number in range(20):
            config["upstreams"][0]["max_pending"] = 100 + number
            self.reload(config)
            self.assertEqual(self.get(self.gateway).status, 200, number)

    def test_a_head_that_is_under_way_survives_reloads(self):
        client = self.client(self.gateway)
        client.send(b"GET / HTTP/1.1\r\n")
        for number in range(3):
            self.reload(gateway_config(
                self.upstream.address, listener={"limits": {"header_timeout": f"{20 + number}s"}}))
            client.send(b"X-%d: a\r\n" % number)
        client.send(b"Host: a\r\n\r\n")
        self.assertEqual(client.response().status, 200)

    def test_counters_survive(self):
        for _ in range(3):
            self.get(self.gateway)
        self.reload(gateway_config(self.upstream.address, route={"timeout": "3s"}))
        self.get(self.gateway)
        # A request is counted when it has ended, which is after its client has the answer.
        wait_until(lambda: self.gateway.metric("sluice_http_requests_total", route="all") == 4,
                   "four requests counted")

    def test_a_signal_storm_ends_in_the_last_file(self):
        for number in range(20):
            self.gateway.write(gateway_config(
                self.upstream.address, route={"match": {"path_prefix": f"/{number}"}}))
            self.gateway.signal(signal.SIGHUP)
        wait_until(lambda: self.get(self.gateway, "/19").status == 200, "the last one")
        self.assertEqual(self.get(self.gateway, "/18").status, 404)

    def test_many_posts_at_once_are_served_one_after_the_other(self):
        config = json.dumps(self.config).encode()
        head = (b"POST /api/v1/config HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(config))
        clients = [self.client(self.gateway.admin) for _ in range(12)]
        for client in clients:
            client.send(head + config)
        self.assertEqual([client.response().status for client in clients], [200] * 12)
        self.assertEqual(self.generation(), 13)


class UnderLoad(SystemTest):
    def test_r11_thirty_reloads_under_keep_alive_load_fail_nothing(self):
        with load("--serve", "127.0.0.1:0") as upstream:
            config = gateway_config(upstream.address, workers=2)
            sluice = self.sluice(config)
            common = ("--target", sluice.address, "--seconds", "60", "--connections", "4",
                      "--timeout", "20")
            with load(*common) as readers, \
                    load(*common, "--method", "POST", "--body-bytes", "2000") as writers:
                wait_until(lambda: sluice.page("/api/v1/status")["requests"]["total"] > 100,
                           "load", 20)
                files = open_files(sluice.pid)
                for number in range(30):
                    config["routes"][0]["timeout"] = f"{20 + number}s"
                    if number % 10 == 9:
                        config["upstreams"][0]["max_pending"] = 1000 + number  # A new upstream.
                    sluice.write(config)
                    sluice.signal(signal.SIGHUP)
                    sluice.wait_said(rf" config_applied generation={number + 2}\b", 20)
                told = [readers.stop(), writers.stop()]
            for one in told:
                self.assertEqual(one["failed"], 0, one)
                self.assertEqual(one["begun"], one["answered"], one)
                self.assertEqual(one["connects"], 4, one)  # No client connection was closed.
                self.assertGreater(one["answered"], 100)
            wait_until(lambda: open_files(sluice.pid) <= files + 8, "descriptors given back")


if __name__ == "__main__":
    report.main()
