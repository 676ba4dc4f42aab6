#!/usr/bin/env python3
"""R23 and the operator's verbs: who may speak to the admin API, and what it says."""

import http.client
import json
import re

import report
from client import Client, Truncated
from harness import SystemTest, gateway_config, run_sluice, wait_until
from origin import answer, answering

TOKEN = "a-token-of-enough-characters"
PAGES = ["/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/config", "/api/v1/routes",
         "/api/v1/upstreams", "/api/v1/guards"]


class Access(SystemTest):
    def with_token(self, listen="127.0.0.1:0"):
        path = self.directory() / "token"
        path.write_text(TOKEN + "\nsecond line\n")
        admin = {"listen": listen, "token_file": str(path)}
        return self.sluice(gateway_config(self.origin().address, admin=admin)), path

    def test_r23_without_a_token_it_listens_on_loopback_only(self):
        sluice = self.start(gateway_config("127.0.0.1:1", admin={"listen": "0.0.0.0:0"}))
        self.assertEqual(sluice.wait(), 2)
        self.assertIn("token_file", sluice.said())
        self.assertNotIn("admin_listening", sluice.said())

    def test_r23_by_default_it_is_on_loopback(self):
        config = gateway_config("127.0.0.1:1")
        del config["admin"]
        path = self.directory() / "sluice.yaml"
        path.write_text(json.dumps(config))
        shown = json.loads(run_sluice("config", "show", path, "--json").stdout)
        self.assertEqual(shown["admin"]["listen"], "127.0.0.1:7070")

    def test_r23_with_a_token_it_asks_for_it(self):
        sluice, _ = self.with_token("0.0.0.0:0")
        address = "127.0.0.1:" + sluice.admin.rsplit(":", 1)[1]
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN},
                        {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer "},
                        {"Authorization": f"Bearer {TOKEN}x"}):
            for path in ("/api/v1/status", "/metrics", "/api/v1/config"):
                status, _ = sluice.ask(path, headers=headers, address=address)
                self.assertEqual((headers, path, status), (headers, path, 401))
        right = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(sluice.ask("/api/v1/status", headers=right, address=address)[0], 200)

    def test_r23_a_forms_post_is_403_and_does_nothing(self):
        sluice = self.sluice(gateway_config(self.origin().address))
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""):
            headers = {"Content-Type": kind} if kind else {}
            for path in ("/api/v1/drain", "/api/v1/config", "/api/v1/reload", "/api/v1/upgrade"):
                connection = http.client.HTTPConnection(sluice.admin, timeout=10)
                connection.request("POST", path, body="{}", headers=headers)
                self.assertEqual(connection.getresponse().status, 403, (kind, path))
                connection.close()
        self.assertEqual(sluice.ask("/readyz")[0], 200)
        self.assertEqual(sluice.page("/api/v1/status")["config"]["generation"], 1)

    def test_r23_a_foreign_host_is_421(self):
        """What a browser sends whose name server was made to say 127.0.0.1 (DNS rebinding)."""
        sluice = self.sluice(gateway_config(self.origin().address))
        port = sluice.admin.rsplit(":", 1)[1]
        for host, status in (("evil.test", 421), (f"evil.test:{port}", 421),
                             ("localhost.evil.test", 421), ("203.0.113.1", 421),
                             (f"localhost:{port}", 200), (f"127.0.0.1:{port}", 200),
                             (f"[::1]:{port}", 200)):
            got, _ = sluice.ask("/api/v1/status", headers={"Host": host})
            self.assertEqual((host, got), (host, status))

    def test_r23_a_foreign_origin_is_421(self):
        sluice = self.sluice(gateway_config(self.origin().address))
        for origin, status in (("http://evil.test", 421), ("null", 421),
                               ("http://localhost:1", 421), (f"https://{sluice.admin}", 421),
                               (f"http://{sluice.admin}", 200)):
            got, _ = sluice.ask("/api/v1/guards", headers={"Origin": origin})
            self.assertEqual((origin, got), (origin, status))
            got, _ = sluice.ask(
                "/api/v1/config?dry_run=1", "POST", "{}", headers={"Origin": origin})
            self.assertEqual((origin, got == 421), (origin, status == 421))

    def test_a_short_or_missing_token_fails_the_start(self):
        path = self.directory() / "token"
        path.write_text("short\n")
        for token_file in (path, path.with_name("missing")):
            sluice = self.start(gateway_config(
                "127.0.0.1:1", admin={"listen": "127.0.0.1:0", "token_file": str(token_file)}))
            self.assertEqual(sluice.wait(), 2, sluice.said())
            self.assertNotIn("short", sluice.said())

    def test_the_token_is_never_told(self):
        sluice, path = self.with_token()
        right = {"Authorization": f"Bearer {TOKEN}"}
        for page in PAGES:
            self.assertNotIn(TOKEN, sluice.ask(page, headers=right)[1])
        self.assertNotIn(TOKEN, sluice.said())
        done = run_sluice("status", "--admin", sluice.admin, "--token-file", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(run_sluice("status", "--admin", sluice.admin).returncode, 2)

    def test_malformed_requests_are_refused_here_too(self):
        sluice = self.sluice(gateway_config(self.origin().address))
        for data in (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", b"\x16\x03\x01\x00\xff\x01",
                     b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
                     b"POST /api/v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            client = Client(sluice.admin)
            client.send(data)
            self.assertEqual(client.response().status, 400, data)
            self.assertTrue(client.is_closed())
            client.close()
        self.assertEqual(sluice.ask("/healthz")[0], 200)

    def test_too_large_a_body_is_413(self):
        sluice = self.sluice(gateway_config(self.origin().address))
        client = self.client(sluice.admin)
        client.send(b"POST /api/v1/config HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n")
        self.assertEqual(client.response().status, 413)

    def test_a_refusal_survives_a_body_on_its_way(self):
        sluice = self.sluice(gateway_config(self.origin().address))
        for _ in range(20):
            client = Client(sluice.admin)
            client.send(b"POST /api/v1/config HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: text/plain\r\nContent-Length: 60000\r\n\r\n")
            client.send(b"a" * 60000)
            try:
                self.assertEqual(client.response().status, 403)
            except (Truncated, ConnectionResetError) as error:
                self.fail(f"the answer did not arrive: {error}")
            finally:
                client.close()


class Pages(SystemTest):
    def setUp(self):
        def reply(request):
            return answer(500) if request.target == "/fail" else answer(body=b"ok")

        self.upstream = self.origin(answering(reply))
        limit = {"name": "roomy", "limit": 1000, "burst": 1000}
        self.gateway = self.sluice(gateway_config(
            self.upstream.address, route={"rate_limits": ["roomy"]}, rate_limits=[limit],
            upstream={"circuit_breaker": {}}))
        for target in ("/", "/", "/fail"):
            self.get(self.gateway, target)
        # A request is counted when it has ended, which is after its client has the answer.
        wait_until(lambda: self.gateway.page("/api/v1/status")["requests"]["total"] == 3,
                   "three requests counted")

    def test_every_page_answers(self):
        for page in PAGES:
            status, text = self.gateway.ask(page)
            self.assertEqual((page, status), (page, 200), text)
            if page.startswith("/api"):
                json.loads(text)

    def test_head_and_unknown_pages_and_methods(self):
        self.assertEqual(self.gateway.ask("/healthz", "HEAD"), (200, ""))
        self.assertEqual(self.gateway.ask("/api/v1/nothing")[0], 404)
        self.assertEqual(self.gateway.ask("/healthz", "DELETE", "")[0], 405)
        self.assertEqual(self.gateway.ask("/api/v1/drain")[0], 405)

    def test_numbers_are_those_of_the_requests(self):
        route = self.gateway.page("/api/v1/routes")["routes"][0]
        self.assertEqual((route["name"], route["requests"]), ("all", 3))
        self.assertEqual((route["by_class"]["2xx"], route["by_class"]["5xx"]), (2, 1))
        endpoint = self.gateway.page("/api/v1/upstreams")["upstreams"][0]["endpoints"][0]
        self.assertEqual((endpoint["endpoint"], endpoint["requests"]), (self.upstream.address, 3))
        self.assertEqual(self.gateway.guard("roomy")["decisions"]["allowed"], 3)
        self.assertEqual(self.gateway.page("/api/v1/status")["requests"]["total"], 3)
        self.assertEqual(self.gateway.metric("sluice_http_requests_total", code_class="5xx"), 1)
        self.assertEqual(self.gateway.metric("sluice_http_request_duration_seconds_count"), 3)
        self.assertEqual(self.gateway.metric("sluice_bug_total"), 0)

    def test_metrics_are_well_formed(self):
        text = self.gateway.ask("/metrics")[1]
        typed, seen = {}, set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, typed)
                typed[name] = kind
            elif not line.startswith("#"):
                self.assertRegex(line, r'^\w+(\{(\w+="([^"\\\n]|\\.)*",?)*\})? -?[0-9.e+-]+$|Inf')
                name = re.match(r"\w+", line)[0]
                sample = line.rsplit(" ", 1)[0]
                self.assertNotIn(sample, seen)
                seen.add(sample)
                family = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in typed or typed.get(family) == "histogram", name)
                if typed.get(name) == "counter":
                    self.assertTrue(name.endswith("_total"), name)

    def test_the_configuration_in_force_can_be_read_and_put_back(self):
        text = self.gateway.ask("/api/v1/config")[1]
        status, answered = self.gateway.post("/api/v1/config", text)
        self.assertEqual(status, 200, answered)
        self.assertEqual(self.gateway.ask("/api/v1/config")[1], text)

    def test_many_requests_on_one_connection(self):
        client = self.client(self.gateway.admin)
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        self.assertEqual([client.response().body for _ in range(20)], [b"ok\n"] * 20)


class Verbs(SystemTest):
    def setUp(self):
        self.gateway = self.sluice(gateway_config(
            self.origin().address, upstream={"circuit_breaker": {}}))

    def verb(self, *arguments):
        return run_sluice(*arguments, "--admin", self.gateway.admin)

    def test_status_tells_people_and_machines(self):
        done = self.verb("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("serving", done.stdout)
        self.assertIn(self.gateway.address, done.stdout)
        told = json.loads(self.verb("status", "--json").stdout)
        self.assertEqual((told["phase"], told["pid"]), ("serving", self.gateway.pid))

    def test_top_shows_once_and_ends(self):
        self.get(self.gateway)
        wait_until(lambda: self.gateway.page("/api/v1/status")["requests"]["total"] == 1, "counted")
        done = self.verb("top", "--count", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("all", "origin", "breaker"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\x1b", done.stdout)  # No terminal, no control sequences.
        told = json.loads(self.verb("top", "--count", "1", "--json").stdout)
        self.assertEqual(told["routes"][0]["requests"], 1)

    def test_top_shows_as_often_as_it_is_told(self):
        done = self.verb("top", "--count", "3", "--interval", "0.1", "--json")
        self.assertEqual(len([json.loads(line) for line in done.stdout.splitlines()]), 3)

    def test_reload_takes_the_gateways_own_file(self):
        self.gateway.write(gateway_config(self.origin().address))
        done = self.verb("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.gateway.page("/api/v1/status")["config"]["generation"], 2)

    def test_reload_of_a_bad_file_says_what_is_wrong_and_is_2(self):
        self.gateway.write("listeners: []\nroutes: 7\n")
        done = self.verb("reload")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"sluice\.yaml:2:\d+: routes")
        self.assertEqual(self.gateway.page("/api/v1/status")["config"]["generation"], 1)

    def test_reload_may_be_given_another_file(self):
        other = self.directory() / "other.yaml"
        other.write_text(json.dumps(gateway_config(self.origin().address)))
        done = self.verb("reload", "--config", other)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.get(self.gateway).status, 200)
        other.write_text("listeners: {}\n")
        self.assertEqual(self.verb("reload", "--config", other).returncode, 2)
        self.assertEqual(self.verb("reload", "--config", "missing.yaml").returncode, 2)

    def test_drain_ends_it(self):
        done = self.verb("drain")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.gateway.wait(), 0)

    def test_nobody_there_is_3_and_one_line(self):
        admin = self.gateway.admin
        self.gateway.stop()
        wait_until(lambda: self.gateway.process.poll() is not None, "ended")
        for verb in (["status"], ["reload"], ["drain"], ["upgrade"], ["top", "--count", "1"]):
            done = run_sluice(*verb, "--admin", admin)
            self.assertEqual((verb, done.returncode), (verb, 3))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("sluice: no answer from the admin API", done.stderr)

    def test_a_bad_address_is_usage(self):
        self.assertEqual(run_sluice("status", "--admin", "nonsense").returncode, 2)


if __name__ == "__main__":
    report.main()
