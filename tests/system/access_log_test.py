#!/usr/bin/env python3
"""One line per request, with the two letters that tell how it ended; nothing that is secret."""

import json
import signal
import socket
import threading

import report
from client import Client, Truncated, request_bytes
from harness import SystemTest, gateway_config, wait_until
from origin import answer, answering
from servers import free_port

LOG = {"access_log": {"path": "access.log"}}


class Reasons(SystemTest):
    def logged(self, sluice):
        """(status, reason) of each line, once the gateway has ended and so written them all."""
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)
        return [(line["status"], line["reason"]) for line in sluice.log()]

    def gateway(self, *endpoints, **parts):
        return self.sluice(gateway_config(*endpoints, telemetry=LOG, **parts))

    def by_handler(self, handler, **parts):
        sluice = self.gateway(self.origin(handler).address, **parts)
        try:
            self.get(sluice)
        except Truncated:
            pass
        return self.logged(sluice)[0]

    def test_answers_of_the_upstream(self):
        self.assertEqual(self.by_handler(None), (200, "--"))
        self.assertEqual(self.by_handler(answering(lambda _: answer(503))), (503, "--"))

    def test_failures_of_the_upstream(self):
        def dying(connection):
            connection.read_request()
            connection.reset()

        def late(connection):
            connection.read_request()
            connection.until_closed()

        def lying(connection):
            connection.read_request()
            connection.send(b"no http\r\n\r\n")

        def breaking(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 10\r\n\r\nhalf")

        self.assertEqual(self.by_handler(dying), (502, "UR"))
        self.assertEqual(self.by_handler(late, route={"timeout": "100ms"}), (504, "UT"))
        self.assertEqual(self.by_handler(lying), (502, "UM"))
        self.assertEqual(self.by_handler(breaking), (200, "UA"))
        sluice = self.gateway(f"127.0.0.1:{free_port()}")
        self.get(sluice)
        self.assertEqual(self.logged(sluice), [(502, "UC")])

    def test_no_endpoint(self):
        sluice = self.gateway("unknown.invalid:80")
        self.assertEqual(self.get(sluice).status, 503)
        self.assertEqual(self.logged(sluice), [(503, "NE")])

    def test_refusals_of_the_gateway(self):
        config = gateway_config(
            self.origin().address, telemetry=LOG, route={"match": {"path_prefix": "/open"}},
            listener={"limits": {"header_timeout": "100ms", "max_body_bytes": "10B"}})
        config["routes"].append({"name": "shut", "match": {"path_prefix": "/shut"},
                                 "action": "deny"})
        sluice = self.sluice(config)
        asked = (
            (request_bytes("GET", "/nowhere"), (404, "NR")),
            (request_bytes("GET", "/shut"), (403, "DN")),
            (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", (400, "CB")),
            (request_bytes("GET", "/" + "a" * 9000), (414, "CL")),
            (request_bytes("POST", "/open", body=b"a" * 11), (413, "CL")),
            (b"GET / HT", (408, "CT")),
        )
        for data, (status, _) in asked:
            client = Client(sluice.address)
            client.send(data)
            self.assertEqual(client.response().status, status)
            client.close()
        self.assertEqual(self.logged(sluice), [expected for _, expected in asked])

    def test_an_open_breaker(self):
        sluice = self.gateway(self.origin().address, upstream={"circuit_breaker": {}})
        sluice.post("/api/v1/breakers/origin/force_open")
        self.get(sluice)
        self.assertEqual(self.logged(sluice), [(503, "BO")])

    def test_a_full_pool(self):
        stop, asked = threading.Event(), threading.Event()
        self.addCleanup(stop.set)

        def reply(_):
            asked.set()
            stop.wait(30)
            return answer()

        sluice = self.gateway(self.origin(answering(reply)).address,
                              upstream={"max_connections": 1, "max_pending": 0})
        client = self.client(sluice)
        client.send(request_bytes())
        self.assertTrue(asked.wait(10))
        self.assertEqual(self.get(sluice).status, 503)
        stop.set()
        self.assertEqual(client.response().status, 200)
        client.close()
        self.assertEqual(self.logged(sluice), [(503, "OV"), (200, "--")])


class NotAsked(SystemTest):
    """Who is refused before anything was sent has asked no endpoint."""

    def test_by_an_open_breaker(self):
        self.judge("breaker/origin", circuit_breaker={"consecutive_failures": 2})

    def test_by_admission_control(self):
        self.judge("admission_control/origin",
                   admission_control={"rps_threshold": 0, "force_pass_interval": "0s"})

    def judge(self, reason, **upstream):
        origin = self.origin(answering(lambda _: answer(500)))
        sluice = self.sluice(gateway_config(origin.address, telemetry=LOG, upstream=upstream))
        wait_until(lambda: self.get(sluice).header("x-sluice-reason") == reason, reason)
        endpoint = sluice.page("/api/v1/upstreams")["upstreams"][0]["endpoints"][0]
        self.assertEqual(endpoint["requests"], len(origin.requests))
        sluice.signal(signal.SIGTERM)  # Which writes the log.
        sluice.wait()
        lines = sluice.log()
        self.assertGreater(len(lines), len(origin.requests))
        for line in lines:
            self.assertEqual("up_addr" in line, line["reason"] == "--", line)


class Lines(SystemTest):
    def test_a_line_says_who_asked_what_and_how_it_went(self):
        upstream = self.origin(answering(lambda r: answer(201, b"made")))
        sluice = self.sluice(gateway_config(upstream.address, telemetry=LOG))
        self.get(sluice, "/a/%62?x=1", "POST", [("Host", "Shop.Test:8080")], b"12345")
        line = self.wait_log(sluice)[0]
        expected = {"client": "127.0.0.1", "method": "POST", "host": "shop.test:8080",
                    "path": "/a/b", "proto": "HTTP/1.1", "route": "all", "status": 201,
                    "reason": "--", "up_addr": upstream.address, "retries": 0}
        self.assertEqual({key: line.get(key) for key in expected}, expected)
        self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(line["trace"], r"^[0-9a-f]{32}$")
        self.assertGreater(line["bytes_in"], len("12345"))
        self.assertGreater(line["bytes_out"], len("made"))
        self.assertGreaterEqual(line["dur_ms"], line["up_ms"])

    def test_r21_a_full_disk_costs_lines_and_nothing_else(self):
        sluice = self.sluice(gateway_config(self.origin().address,
                                            telemetry={"access_log": {"path": "/dev/full"}}))
        for _ in range(100):
            self.assertEqual(self.get(sluice).status, 200)
        self.assertEqual(sluice.metric("sluice_http_requests_total", code_class="2xx"), 100)
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)

    def test_who_sent_a_malformed_head_is_named_and_not_who_came_before(self):
        sluice = self.sluice(gateway_config(self.origin().address, telemetry=LOG))
        host, port = sluice.address.rsplit(":", 1)
        for source, data in (("127.0.0.2", request_bytes()), ("127.0.0.3", b"GET /\r\n"),
                             ("127.0.0.4", request_bytes("GET", "/%2F")),
                             ("127.0.0.5", request_bytes(headers=[("Host", "a b")]))):
            with socket.create_connection(
                    (host, int(port)), timeout=10, source_address=(source, 0)) as client:
                client.sendall(data)
                client.recv(10)
        clients = [line["client"] for line in self.wait_log(sluice, 4)]
        self.assertEqual(clients, ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"])

    def test_nothing_secret_is_written(self):
        sluice = self.sluice(gateway_config(self.origin().address, telemetry=LOG))
        secret = "s3cr3t"
        self.get(sluice, f"/?token={secret}", "POST", [
            ("Authorization", f"Bearer {secret}"), ("Cookie", f"session={secret}")],
            secret.encode())
        self.wait_log(sluice)
        for text in ((sluice.directory / "access.log").read_text(), sluice.said()):
            self.assertNotIn(secret, text)

    def test_what_clients_write_cannot_break_a_line(self):
        sluice = self.sluice(gateway_config(self.origin().address, telemetry=LOG))
        self.get(sluice, '/"}{%22%0a%0d%1b[31m', "GET")
        self.get(sluice, "/" + "a" * 5000)
        lines = self.wait_log(sluice, 2)
        self.assertEqual(len(lines), 2)
        self.assertLess(len(json.dumps(lines[1])), 3000)

    def test_standard_output_is_the_default(self):
        config = gateway_config(self.origin().address)
        del config["telemetry"]
        sluice = self.sluice(config)
        self.get(sluice)
        output = sluice.directory / "stdout.txt"
        wait_until(lambda: output.read_text().endswith("}\n"), "a line on stdout")
        self.assertEqual(json.loads(output.read_text())["status"], 200)

    def test_the_end_loses_no_line(self):
        sluice = self.sluice(gateway_config(self.origin().address, telemetry=LOG, workers=2))
        for _ in range(20):
            self.get(sluice)
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)
        self.assertEqual(len(sluice.log()), 20)

    def test_another_path_is_taken_at_a_reload(self):
        """So a log is rotated: move it away, reload."""
        config = gateway_config(self.origin().address, telemetry=LOG)
        sluice = self.sluice(config)
        self.get(sluice)
        self.wait_log(sluice)
        config["telemetry"] = {"access_log": {"path": "other.log"}}
        self.assertEqual(sluice.post("/api/v1/config", config)[0], 200)
        self.get(sluice)
        other = sluice.directory / "other.log"
        wait_until(lambda: other.exists() and other.read_text().count("\n") == 1, "a line there")
        self.assertEqual(len(sluice.log()), 1)

    def test_a_log_that_was_moved_away_is_opened_anew_at_a_reload(self):
        sluice = self.sluice(gateway_config(self.origin().address, telemetry=LOG))
        self.get(sluice)
        self.wait_log(sluice)
        (sluice.directory / "access.log").rename(sluice.directory / "access.log.1")
        sluice.signal(signal.SIGHUP)
        sluice.wait_said(r" config_applied generation=2\b")
        self.get(sluice)
        self.assertEqual(len(self.wait_log(sluice)), 1)


if __name__ == "__main__":
    report.main()
