#!/usr/bin/env python3
"""More than it can take: the admin API answers, nothing spins, and it recovers by itself."""

import threading
import time

import report
from client import Client, request_bytes
from harness import SystemTest, cpu_seconds, gateway_config, raise_file_limit, wait_until
from origin import answer, answering
from servers import load


class Saturated(SystemTest):
    def test_the_admin_api_answers_while_the_worker_is_saturated(self):
        with load("--serve", "127.0.0.1:0") as upstream:
            sluice = self.sluice(gateway_config(upstream.address, workers=1))
            with load("--target", sluice.address, "--seconds", "60", "--connections", "64",
                      "--answer-bytes", "65536", "--timeout", "30") as clients:
                wait_until(lambda: sluice.page("/api/v1/status")["requests"]["total"] > 200,
                           "load", 30)
                for path in ("/healthz", "/readyz", "/metrics", "/api/v1/guards") * 5:
                    begun = time.monotonic()
                    self.assertEqual(sluice.ask(path)[0], 200)
                    self.assertLess(time.monotonic() - begun, 5.0, path)
                told = clients.stop()
        self.assertEqual(told["failed"], 0, told)

    def test_the_admin_api_answers_while_every_request_hangs(self):
        stop = threading.Event()
        self.addCleanup(stop.set)

        def reply(_):
            stop.wait(50)
            return answer()

        upstream = self.origin(answering(reply))
        sluice = self.sluice(gateway_config(
            upstream.address, workers=1, upstream={"max_connections": 4, "max_pending": 4}))
        clients = [self.client(sluice) for _ in range(8)]
        for client in clients:
            client.send(request_bytes())
        wait_until(lambda: sluice.page("/api/v1/status")["requests"]["active"] == 8, "8 hang")
        refused = self.get(sluice)
        self.assertEqual(refused.status, 503)
        self.assertTrue(refused.header("x-sluice-reason"))
        upstream.wait_for(lambda u: len(u.connections) == 4, "four connections")
        pool = sluice.page("/api/v1/upstreams")["upstreams"][0]["pool"]
        self.assertEqual((pool["connections"], pool["waiting"]), (4, 4))
        stop.set()
        self.assertEqual([client.response().status for client in clients], [200] * 8)


class OutOfDescriptors(SystemTest):
    FILES = 64

    def test_accepting_pauses_without_spinning_and_goes_on_later(self):
        raise_file_limit()
        upstream = self.origin()
        sluice = self.sluice(
            gateway_config(upstream.address, workers=1), files_max=self.FILES)
        admin = Client(sluice.admin)  # A connection that is there already needs none anew.
        self.addCleanup(admin.close)
        clients = [self.client(sluice) for _ in range(2 * self.FILES)]

        def status():
            admin.send(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return admin.response()

        self.assertEqual(status().status, 200)
        before = cpu_seconds(sluice.pid)
        time.sleep(1.0)  # What is measured is the use of this second, not waited for.
        self.assertLess(cpu_seconds(sluice.pid) - before, 0.5, "it spins")
        self.assertEqual(status().status, 200)
        for client in clients[self.FILES // 2:]:
            client.close()
        for client in clients[: self.FILES // 2]:
            client.close()
        wait_until(lambda: self.works(sluice), "served again")
        self.assertEqual(sluice.ask("/healthz")[0], 200)

    def works(self, sluice):
        try:
            return self.get(sluice).status == 200
        except Exception:  # noqa: BLE001 (any failure: not yet)
            return False

    def test_new_admin_connections_are_served_in_spite_of_it(self):
        """A reserve is kept for who must see what goes on."""
        raise_file_limit()
        sluice = self.sluice(
            gateway_config(self.origin().address, workers=1), files_max=self.FILES)
        for _ in range(2 * self.FILES):
            self.client(sluice)
        status, text = sluice.ask("/healthz")
        self.assertEqual((status, text), (200, "ok\n"))

    def test_no_descriptor_for_the_upstream_is_503_or_502_and_not_the_end(self):
        raise_file_limit()
        sluice = self.sluice(
            gateway_config(self.origin().address, workers=1), files_max=self.FILES)
        clients = [self.client(sluice) for _ in range(2 * self.FILES)]
        clients[0].send(request_bytes())
        got = clients[0].response()
        self.assertIn(got.status, (200, 502, 503))
        for client in clients:
            client.close()
        wait_until(lambda: self.works(sluice), "served again")


if __name__ == "__main__":
    report.main()
