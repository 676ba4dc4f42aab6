#!/usr/bin/env python3
"""Clients that leave, dawdle or attack: nobody else notices, and memory stays bounded."""

import socket
import threading
import time

import report
from client import Client, Truncated, request_bytes
from harness import (
    SystemTest, gateway_config, open_files, raise_file_limit, resident_bytes, wait_until)
from origin import answer, answering

MIB = 1 << 20
# What one stalled exchange may hold in the gateway, generously: sanitizers pad and quarantine.
STALLED_BYTES_MAX = 24 * MIB


class Leaving(SystemTest):
    def upstream_that_waits(self):
        """Reads a request, then waits for the gateway to give up on it."""
        self.asked, self.ended = threading.Event(), threading.Event()

        def handle(connection):
            if connection.read_request() is None:
                return
            self.asked.set()
            connection.until_closed()
            self.ended.set()

        return self.origin(handle)

    def test_a_client_that_leaves_cancels_its_request(self):
        upstream = self.upstream_that_waits()
        sluice = self.sluice(gateway_config(
            upstream.address, telemetry={"access_log": {"path": "access.log"}}))
        for leave in (Client.close, Client.reset):
            self.asked.clear()
            self.ended.clear()
            client = self.client(sluice)
            client.send(request_bytes())
            self.assertTrue(self.asked.wait(10))
            leave(client)
            self.assertTrue(self.ended.wait(10), "the request upstream went on")
        self.assertEqual([line["reason"] for line in self.wait_log(sluice, 2)], ["CD", "CD"])

    def test_a_client_that_leaves_in_the_middle_of_an_answer_cancels_it(self):
        ended = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    connection.send(b"a" * 65536)
            except OSError:
                ended.set()

        upstream = self.origin(handle)
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(request_bytes())
        client.take(100_000)
        client.close()
        self.assertTrue(ended.wait(10), "the answer went on")

    def test_a_client_that_leaves_does_not_open_a_breaker(self):
        upstream = self.upstream_that_waits()
        breaker = {"minimum_number_of_calls": 1, "failure_rate_threshold": 1}
        sluice = self.sluice(gateway_config(
            upstream.address, upstream={"circuit_breaker": breaker}))
        for _ in range(3):
            self.asked.clear()
            self.ended.clear()
            client = self.client(sluice)
            client.send(request_bytes())
            self.assertTrue(self.asked.wait(10))
            client.close()
            self.assertTrue(self.ended.wait(10))
        self.assertEqual(sluice.guard("origin")["state"], "closed")

    def test_a_client_that_leaves_in_the_middle_of_an_answer_does_not_open_a_breaker(self):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 5000)
            connection.until_closed()

        breaker = {"minimum_number_of_calls": 1, "failure_rate_threshold": 1}
        sluice = self.sluice(gateway_config(
            self.origin(handle).address, upstream={"circuit_breaker": breaker},
            telemetry={"access_log": {"path": "access.log"}}))
        for _ in range(4):
            client = self.client(sluice)
            client.send(request_bytes())
            client.take(4000)
            client.close()
        self.assertEqual([line["reason"] for line in self.wait_log(sluice, 4)], ["CD"] * 4)
        self.assertEqual(sluice.guard("origin")["state"], "closed")

    def test_a_client_that_says_nothing_leaves_without_an_answer(self):
        sluice = self.sluice(gateway_config(
            self.origin().address, listener={"limits": {"idle_timeout": "100ms"}}))
        client = self.client(sluice)
        self.assertTrue(client.is_closed())

    def test_a_client_that_ends_its_side_is_taken_for_gone(self):
        """As nginx does: on TCP a half-closed connection and a closed one look the same."""
        upstream = self.upstream_that_waits()
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(request_bytes())
        self.assertTrue(self.asked.wait(10))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertTrue(self.ended.wait(10))
        self.assertTrue(client.is_closed())


class Dawdling(SystemTest):
    def test_a_slow_reader_does_not_fill_the_gateway(self):
        sent = []

        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: %d\r\n\r\n" % (256 * MIB))
            connection.socket.settimeout(60)
            for _ in range(256):
                connection.send(b"a" * MIB)
                sent.append(MIB)

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address))
        before = resident_bytes(sluice.pid)
        clients = []
        for _ in range(4):
            client = self.client(sluice)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            client.send(request_bytes())
            clients.append(client)
        self.until_stalled(lambda: sum(sent))
        self.assertLess(sum(sent), 4 * 200 * MIB)
        self.assertLess(resident_bytes(sluice.pid) - before, STALLED_BYTES_MAX)
        for client in clients:
            client.close()

    def test_a_slow_upstream_does_not_fill_the_gateway(self):
        stop = threading.Event()
        self.addCleanup(stop.set)

        def handle(connection):
            if connection.read_head() is not None:
                stop.wait(50)  # Reads nothing of the body.

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(
            upstream.address, listener={"limits": {"max_body_bytes": "1GiB"}}))
        before = resident_bytes(sluice.pid)
        sent = []

        def push(client):
            try:
                client.send(request_bytes("POST", "/", [("Content-Length", str(256 * MIB))]))
                for _ in range(256):
                    client.send(b"a" * MIB)
                    sent.append(MIB)
            except OSError:
                pass

        clients = [self.client(sluice, timeout=60) for _ in range(4)]
        for client in clients:
            threading.Thread(target=push, args=(client,), daemon=True).start()
        self.until_stalled(lambda: sum(sent))
        self.assertLess(sum(sent), 4 * 200 * MIB)
        self.assertLess(resident_bytes(sluice.pid) - before, STALLED_BYTES_MAX)
        for client in clients:
            client.socket.shutdown(socket.SHUT_RDWR)

    def until_stalled(self, measure):
        """Returns when `measure` has not grown for half a second."""
        state = {"value": -1, "since": time.monotonic()}

        def is_stalled():
            if measure() != state["value"]:
                state.update(value=measure(), since=time.monotonic())
            return time.monotonic() - state["since"] > 0.5

        wait_until(is_stalled, "stalled", 30)

    def test_a_slow_reader_gets_everything_in_the_end(self):
        data = bytes(range(256)) * 4096 * 8
        sent = []

        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: %d\r\n\r\n" % len(data))
            for start in range(0, len(data), 65536):
                connection.send(data[start : start + 65536])
                sent.append(65536)

        upstream = self.origin(handle)
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request_bytes())
        self.until_stalled(lambda: sum(sent))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.assertTrue(client.response().body == data)

    def test_a_head_in_one_piece_at_a_time_has_one_deadline(self):
        """R15: bytes that keep coming do not move the deadline of the head."""
        upstream = self.origin()
        sluice = self.sluice(gateway_config(
            upstream.address, listener={"limits": {"header_timeout": "500ms"}}))
        client = self.client(sluice)
        client.send(b"GET / HTTP/1.1\r\n")
        begun = time.monotonic()
        answered = threading.Event()

        def drip():
            try:
                while not answered.wait(0.02):
                    client.send(b"X-A: b\r\n")
            except OSError:
                pass

        dripper = threading.Thread(target=drip, daemon=True)
        dripper.start()
        got = client.response()
        answered.set()
        self.assertEqual(got.status, 408)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(upstream.bytes_received, 0)


class Slowloris(SystemTest):
    def test_r15_two_hundred_slow_heads_are_cut_and_others_are_served_meanwhile(self):
        raise_file_limit()
        upstream = self.origin()
        sluice = self.sluice(gateway_config(
            upstream.address, listener={"limits": {"header_timeout": "2s"}}))
        before = resident_bytes(sluice.pid)
        slow = [self.client(sluice, timeout=30) for _ in range(200)]
        for client in slow:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        wait_until(lambda: sluice.page("/api/v1/status")["connections"]["open"] == 200,
                   "200 connections")
        self.assertLess(resident_bytes(sluice.pid) - before, STALLED_BYTES_MAX)
        served = 0
        while sluice.page("/api/v1/status")["connections"]["open"] >= 200 and served < 20:
            self.assertEqual(self.get(sluice).status, 200)
            served += 1
        self.assertGreater(served, 0)
        for client in slow:
            try:
                self.assertEqual(client.response().status, 408)
            except Truncated as error:
                self.fail(f"cut without a word: {error}")
            self.assertTrue(client.is_closed())
        wait_until(lambda: sluice.page("/api/v1/status")["connections"]["open"] == 0, "all cut")
        self.assertEqual(len(upstream.requests), served)

    def test_r15_a_slow_body_is_cut(self):
        """Less than body_min_rate over its window of 10 s: 408, and the request upstream ended."""
        ended = threading.Event()

        def handle(connection):
            request = connection.read_head()
            if request is not None and not connection.read_body(request):
                ended.set()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(
            upstream.address, listener={"limits": {"body_min_rate": "1KiB/s"}}))
        client = self.client(sluice, timeout=30)
        client.send(request_bytes("POST", "/", [("Content-Length", "1000000")]) + b"slow")
        got = client.response()
        self.assertEqual(got.status, 408)
        self.assertTrue(ended.wait(10))

    def test_connections_over_the_limit_are_closed(self):
        sluice = self.sluice(gateway_config(
            self.origin().address, listener={"limits": {"max_connections": 3}}))
        kept = [self.client(sluice) for _ in range(3)]
        for client in kept:
            self.assertEqual(client.request().status, 200)
        over = self.client(sluice)
        with self.assertRaises((Truncated, BrokenPipeError)):
            over.request()
        kept[0].close()
        wait_until(lambda: sluice.page("/api/v1/status")["connections"]["open"] == 2, "one left")
        self.assertEqual(self.client(sluice).request().status, 200)

    def test_descriptors_are_given_back_whatever_becomes_of_a_request(self):
        def handle(connection):
            request = connection.read_request()
            if request is None:
                return
            if request.target == "/reset":
                connection.reset()
            elif request.target == "/half":
                connection.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 10\r\n\r\nhalf")
            elif request.target == "/bad":
                connection.send(b"bad\r\n\r\n")
            else:
                connection.until_closed()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(
            upstream.address, upstream={"idle_timeout": "100ms"}))
        before = open_files(sluice.pid)
        for number in range(200):
            client = Client(sluice.address)
            target = ("/reset", "/half", "/bad", "/hang")[number % 4]
            client.send(request_bytes("GET", target)[: None if number % 5 else 10])
            if target != "/hang" and number % 5:
                try:
                    client.response()
                except Truncated:
                    pass
            (client.close if number % 2 else client.reset)()
        wait_until(lambda: open_files(sluice.pid) <= before, "descriptors given back")


if __name__ == "__main__":
    report.main()
