#!/usr/bin/env python3
"""Upgrades: after 101 the connection is a pipe in both directions."""

import base64
import hashlib
import os
import threading

import report
from client import Truncated, request_bytes
from harness import SystemTest, gateway_config, wait_until
from origin import answer, answering

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"),
           ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def accept_of(key):
    """RFC 6455 section 4.2.2."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


def frame(payload, mask=b""):
    """One text frame of RFC 6455; masked as a client's where `mask` has four bytes."""
    head = bytes([0x81, len(payload) | (0x80 if mask else 0)]) + mask
    if not mask:
        return head + payload
    return head + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def websocket_echo(connection):
    """Answers each masked text frame with its payload, unmasked."""
    request = connection.read_request()
    key = request.header("sec-websocket-key")
    connection.send(SWITCH[:-2] + f"Sec-WebSocket-Accept: {accept_of(key)}\r\n\r\n".encode())
    while (head := connection.take(6)) is not None:
        payload = connection.take(head[1] & 0x7F)
        connection.send(frame(bytes(b ^ head[2 + i % 4] for i, b in enumerate(payload))))


def pipe_echo(connection):
    """Sends every byte back."""
    if connection.read_request() is None:
        return
    connection.send(SWITCH)
    start = len(connection.received)
    while connection.receive():
        connection.send(bytes(connection.received[start:]))
        start = len(connection.received)


class Tunnels(SystemTest):
    def open(self, handler, **parts):
        self.upstream = self.origin(handler)
        self.gateway = self.sluice(gateway_config(self.upstream.address, **parts))
        client = self.client(self.gateway)
        client.send(request_bytes("GET", "/chat", UPGRADE))
        return client

    def test_a_websocket_talks_through(self):
        client = self.open(websocket_echo)
        got = client.response()
        self.assertEqual(got.status, 101)
        self.assertEqual(got.header("upgrade"), "websocket")
        self.assertEqual(got.header("connection").lower(), "upgrade")
        self.assertEqual(got.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        for text in (b"hello", b"", b"a" * 125):
            client.send(frame(text, os.urandom(4)))
            self.assertEqual(client.take(2 + len(text)), frame(text))

    def test_bytes_flow_both_ways_at_once(self):
        client = self.open(pipe_echo)
        self.assertEqual(client.response().status, 101)
        data = os.urandom(4 << 20)
        sender = threading.Thread(target=client.send, args=(data,), daemon=True)
        sender.start()
        self.assertTrue(client.take(len(data)) == data)
        sender.join(10)

    def test_bytes_behind_the_request_belong_to_the_new_protocol(self):
        self.upstream = self.origin(pipe_echo)
        client = self.client(self.sluice(gateway_config(self.upstream.address)))
        client.send(request_bytes("GET", "/chat", UPGRADE) + b"early")
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.take(5), b"early")

    def test_bytes_behind_the_101_belong_to_the_new_protocol(self):
        def handle(connection):
            connection.read_request()
            connection.send(SWITCH + b"first words")
            connection.until_closed()

        client = self.open(handle)
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.take(11), b"first words")

    def test_the_upstreams_end_reaches_the_client(self):
        def handle(connection):
            connection.read_request()
            connection.send(SWITCH + b"bye")

        client = self.open(handle)
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.rest(), b"bye")

    def test_the_clients_end_reaches_the_upstream(self):
        client = self.open(pipe_echo)
        self.assertEqual(client.response().status, 101)
        client.send(b"last")
        client.socket.shutdown(1)
        self.assertEqual(client.rest(), b"last")

    def test_a_reset_ends_both_sides(self):
        client = self.open(pipe_echo)
        self.assertEqual(client.response().status, 101)
        client.reset()
        wait_until(lambda: self.gateway.page("/api/v1/status")["connections"]["open"] == 0,
                   "the tunnel closed")

    def test_tunnels_are_counted_when_they_end(self):
        client = self.open(pipe_echo, telemetry={"access_log": {"path": "access.log"}})
        client.response()
        client.send(b"12345")
        client.take(5)
        self.assertEqual(self.gateway.page("/api/v1/status")["requests"]["active"], 1)
        client.close()
        line = self.wait_log(self.gateway)[0]
        self.assertEqual((line["status"], line["reason"]), (101, "--"))

    def test_a_route_may_refuse_upgrades(self):
        client = self.open(answering(lambda _: answer(body=b"plain")), route={"upgrade": False})
        self.assertEqual(client.response().body, b"plain")
        self.assertIsNone(self.upstream.requests[0].header("upgrade"))
        self.assertIsNone(self.upstream.requests[0].header("connection"))

    def test_an_upstream_may_decline(self):
        client = self.open(answering(lambda _: answer(body=b"plain")))
        self.assertEqual(client.response().body, b"plain")
        self.assertEqual(client.request().body, b"plain")

    def test_a_101_that_nobody_asked_for_is_502(self):
        upstream = self.origin(answering(lambda _: SWITCH))
        self.assertEqual(self.get(self.sluice(gateway_config(upstream.address))).status, 502)

    def test_a_handshake_with_a_body_is_an_ordinary_request(self):
        """Two would read from one stream: the body's reader and the tunnel."""
        upstream = self.origin(lambda c: c.read_head() and (c.send(SWITCH), c.until_closed()))
        sluice = self.sluice(gateway_config(upstream.address))
        for length, part in ((5, b"12345"), (100_000, b"12")):
            client = self.client(sluice)
            client.send(request_bytes(
                "GET", "/chat", [*UPGRADE, ("Content-Length", str(length))]) + part)
            # What answers it is a 101 that nobody asked for.
            self.assertEqual(client.response().status, 502)
        self.assertTrue(upstream.connections)
        for connection in upstream.connections:
            self.assertNotIn(b"websocket", bytes(connection.received))
        self.assertIsNone(sluice.process.poll())

    def test_what_is_left_of_a_body_is_no_request_after_a_101_that_nobody_asked_for(self):
        upstream = self.origin(lambda c: c.read_head() and (c.send(SWITCH), c.until_closed()))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(request_bytes("POST", "/", [("Content-Length", "5000")]) + b"12")
        got = client.response()
        self.assertEqual((got.status, got.header("connection")), (502, "close"))
        client.send(request_bytes("GET", "/smuggled"))
        self.assertTrue(client.is_closed())
        self.assertEqual(len(upstream.connections), 1)

    def test_a_breaker_closes_while_a_tunnel_goes_on(self):
        """The 101 is the probe's success; the tunnel's end may be hours away."""
        sick = threading.Event()
        sick.set()

        def handle(connection):
            if sick.is_set():
                connection.read_request()
                connection.send(answer(500))
            else:
                pipe_echo(connection)

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address, upstream={"circuit_breaker": {
            "minimum_number_of_calls": 2, "wait_duration_in_open_state": "50ms",
            "permitted_number_of_calls_in_half_open_state": 1, "recovery_ramp": {"window": "0s"},
            "wait_backoff": {"multiplier": 1, "jitter": 0}}}))
        self.assertEqual([self.get(sluice).status for _ in range(2)], [500, 500])
        wait_until(lambda: sluice.guard("origin")["state"] != "closed", "the breaker opened")
        sick.clear()

        def opened():
            client = self.client(sluice)
            client.send(request_bytes("GET", "/chat", UPGRADE))
            return client if client.response().status == 101 else None

        client = wait_until(opened, "a tunnel")
        wait_until(lambda: sluice.guard("origin")["state"] == "closed", "the breaker closed")
        client.send(b"still there")
        self.assertEqual(client.take(11), b"still there")

    def test_h2c_is_not_offered_upstream(self):
        upstream = self.origin()
        sluice = self.sluice(gateway_config(upstream.address))
        self.get(sluice, headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                  ("HTTP2-Settings", "AAMAAABkAAQAAP__")])
        self.assertIsNone(upstream.requests[0].header("http2-settings"))
        self.assertNotEqual(upstream.requests[0].header("upgrade"), "h2c")

    def test_a_tunnel_is_killed_by_the_end_of_a_drain(self):
        client = self.open(pipe_echo, drain={"drain_timeout": "200ms"})
        self.assertEqual(client.response().status, 101)
        self.gateway.signal(15)
        with self.assertRaises(Truncated):
            client.take(1)
        self.assertEqual(self.gateway.wait(), 7)


if __name__ == "__main__":
    report.main()
