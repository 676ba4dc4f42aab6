#!/usr/bin/env python3
"""R13: the end of a gateway costs no request that it had begun, and has a bound."""

import signal
import threading
import time

import report
from client import Client, Truncated
from harness import SystemTest, gateway_config, wait_until
from origin import answer, answering
from servers import load


class Held:
    """An upstream's reply that waits until it is let go."""

    def __init__(self):
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, request):
        if request.target.startswith("/slow"):
            self.asked.release()
            self.go_on.wait(40)
        return answer(body=b"whole")


class Drains(SystemTest):
    def setUp(self):
        self.held = Held()
        self.addCleanup(self.held.go_on.set)
        self.upstream = self.origin(answering(self.held))

    def gateway(self, **drain):
        return self.sluice(gateway_config(self.upstream.address, drain=drain))

    def slow_client(self, sluice):
        client = self.client(sluice, timeout=30)
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.held.asked.acquire(timeout=10))
        return client

    def wait_refused(self, sluice):
        """Every worker drains once nobody listens any more; `/readyz` says 503 a moment before."""
        address = sluice.address

        def refused():
            try:
                Client(address).close()
                return False
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(refused, "new connections refused")

    def test_r13_requests_in_flight_are_finished_and_the_exit_code_is_0(self):
        sluice = self.gateway()
        clients = [self.slow_client(sluice) for _ in range(5)]
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        self.assertEqual(sluice.ask("/healthz")[0], 200)
        self.wait_refused(sluice)
        self.held.go_on.set()
        for client in clients:
            got = client.response()
            self.assertEqual((got.status, got.body), (200, b"whole"))
            self.assertEqual(got.header("connection"), "close")
        self.assertEqual(sluice.wait(), 0)

    def test_r13_in_the_lame_duck_time_new_connections_are_served(self):
        sluice = self.gateway(lame_duck="1500ms")
        idle = self.client(sluice)
        self.assertEqual(idle.request().status, 200)
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        self.assertEqual(self.get(sluice).body, b"whole")
        self.assertEqual(idle.request().status, 200)
        idle.close()
        self.assertEqual(sluice.wait(), 0)

    def test_r13_a_drain_under_load_fails_nothing(self):
        """But connecting anew, when every answer has been given and told to be the last."""
        with load("--serve", "127.0.0.1:0") as upstream:
            sluice = self.sluice(gateway_config(upstream.address, workers=2))
            with load("--target", sluice.address, "--seconds", "60", "--connections", "8",
                      "--timeout", "20") as clients:
                wait_until(lambda: sluice.page("/api/v1/status")["requests"]["total"] > 100,
                           "load", 20)
                sluice.signal(signal.SIGTERM)
                self.assertEqual(sluice.wait(), 0)
                told = clients.stop()
        failures = {k: v for k, v in told["failures"].items() if k != "connect" and v}
        self.assertEqual(failures, {}, told)
        self.assertGreater(told["closed_announced"], 0, told)
        self.assertEqual(set(told["statuses"]), {"200"}, told)

    def test_an_idle_connection_may_still_send_its_next_request(self):
        """Closing it at once would race with the request: it is answered, with a close."""
        sluice = self.gateway()
        idle = self.client(sluice)
        self.assertEqual(idle.request().status, 200)
        sluice.signal(signal.SIGTERM)
        self.wait_refused(sluice)
        got = idle.request()
        self.assertEqual((got.status, got.header("connection")), (200, "close"))
        self.assertEqual(sluice.wait(), 0)

    def test_an_idle_connection_does_not_keep_it_for_ever(self):
        sluice = self.gateway()
        idle = self.client(sluice, timeout=30)
        self.assertEqual(idle.request().status, 200)
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)

    def test_a_connection_that_was_idle_before_is_no_worse_off(self):
        """Five seconds count from the drain's beginning; its next request is still answered."""
        sluice = self.gateway()
        idle = self.client(sluice)
        self.assertEqual(idle.request().status, 200)
        time.sleep(5.5)  # To have been idle for longer than what a drain allows is the case here.
        slow = self.slow_client(sluice)
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        time.sleep(0.5)  # Some turns of the housekeeping.
        self.assertEqual(idle.request().status, 200)
        self.held.go_on.set()
        self.assertEqual(slow.response().status, 200)
        self.assertEqual(sluice.wait(), 0)

    def test_half_a_head_is_no_request_that_was_killed(self):
        sluice = self.gateway(drain_timeout="300ms")
        client = self.client(sluice)
        client.send(b"GET / HT")
        wait_until(lambda: sluice.page("/api/v1/status")["connections"]["open"] == 1, "connected")
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)

    def test_new_connections_are_refused_once_it_drains(self):
        sluice = self.gateway()
        self.slow_client(sluice)
        sluice.signal(signal.SIGTERM)
        self.wait_refused(sluice)
        self.held.go_on.set()
        self.assertEqual(sluice.wait(), 0)

    def test_what_outlives_the_drain_timeout_is_killed_and_the_exit_code_is_7(self):
        sluice = self.gateway(drain_timeout="300ms")
        client = self.slow_client(sluice)
        begun = time.monotonic()
        sluice.signal(signal.SIGTERM)
        with self.assertRaises(Truncated):
            client.response()
        self.assertEqual(sluice.wait(), 7)
        self.assertGreater(time.monotonic() - begun, 0.25)
        self.assertIn("killed=1", sluice.said())

    def test_a_second_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)):
            sluice = self.gateway(drain_timeout="1h")
            client = self.slow_client(sluice)
            sluice.signal(first)
            wait_until(lambda s=sluice: s.ask("/readyz")[0] == 503, "not ready")
            sluice.signal(second)
            self.assertEqual(sluice.wait(10), 7)
            with self.assertRaises(Truncated):
                client.response()

    def test_a_second_signal_ends_the_lame_duck_time_too(self):
        sluice = self.gateway(lame_duck="10m")
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(10), 0)

    def test_a_reload_while_it_drains_is_refused(self):
        sluice = self.gateway()
        self.slow_client(sluice)
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        self.assertEqual(sluice.post("/api/v1/reload")[0], 422)
        sluice.signal(signal.SIGHUP)
        self.held.go_on.set()
        self.assertEqual(sluice.wait(), 0)

    def test_a_signal_before_it_serves_ends_it(self):
        """Before main() by the signal itself; while it still waits for a name, in order."""
        for _ in range(5):
            sluice = self.start(gateway_config(self.upstream.address))
            sluice.signal(signal.SIGTERM)
            self.assertIn(sluice.wait(), (0, -signal.SIGTERM))
        admin = self.directory() / "admin.sock"
        sluice = self.start(gateway_config(
            "unknown.invalid:80", admin={"listen": f"unix:{admin}"}))
        wait_until(admin.exists, "the admin socket", 20)
        sluice.signal(signal.SIGTERM)
        self.assertEqual(sluice.wait(), 0)

    def test_nobody_gets_half_an_answer(self):
        """A body under way is sent to its end."""
        go_on, begun = threading.Event(), threading.Event()

        def handle(connection):
            if connection.read_request() is None:
                return
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 10\r\n\r\n12345")
            begun.set()
            go_on.wait(20)
            connection.send(b"67890")

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address))
        client = self.client(sluice)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(begun.wait(10))
        sluice.signal(signal.SIGTERM)
        wait_until(lambda: sluice.ask("/readyz")[0] == 503, "not ready")
        go_on.set()
        self.assertEqual(client.response().body, b"1234567890")
        self.assertEqual(sluice.wait(), 0)


if __name__ == "__main__":
    report.main()
