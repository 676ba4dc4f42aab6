#!/usr/bin/env python3
"""One message after the other: framing, sizes, order and limits, over a raw connection."""

import hashlib
import threading

import report
from client import Truncated, chunked, request_bytes
from harness import SystemTest, gateway_config
from origin import answer, answering

MIB = 1 << 20
LARGE = bytes(hashlib.sha256(b"large").digest()) * (20 * MIB // 32)


def echo(request):
    """Answers in the framing of the request, with its body."""
    if request.header("transfer-encoding"):
        head = b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = [request.body[i : i + 50_000] for i in range(0, len(request.body), 50_000)]
        return head + chunked(*pieces)
    return answer(body=request.body)


class Bodies(SystemTest):
    def setUp(self):
        self.upstream = self.origin(answering(echo))
        self.gateway = self.sluice(
            gateway_config(self.upstream.address, listener={"limits": {"max_body_bytes": "32MiB"}}))

    def exchange(self, request, body_in_flight):
        """Sends while it receives, so that neither side waits for the other for ever."""
        client = self.client(self.gateway, timeout=30)
        sender = threading.Thread(target=client.send, args=(request,), daemon=True)
        sender.start()
        got = client.response()
        sender.join(10)
        self.assertTrue(got.body == body_in_flight, f"{len(got.body)} bytes that differ")
        self.assertTrue(self.upstream.requests[-1].body == body_in_flight)
        return got

    def test_twenty_mebibytes_with_a_length_are_the_same_both_ways(self):
        got = self.exchange(request_bytes("POST", "/", body=LARGE), LARGE)
        self.assertEqual(got.header("content-length"), str(len(LARGE)))

    def test_twenty_mebibytes_in_chunks_are_the_same_both_ways(self):
        pieces = [LARGE[i : i + 70_001] for i in range(0, len(LARGE), 70_001)]
        request = request_bytes("POST", "/", [("Transfer-Encoding", "chunked")], chunked(*pieces))
        got = self.exchange(request, LARGE)
        self.assertEqual(got.header("transfer-encoding"), "chunked")
        self.assertIsNone(self.upstream.requests[-1].header("content-length"))

    def test_empty_bodies_are_bodies(self):
        client = self.client(self.gateway)
        none = client.request("POST", "/length", [("Content-Length", "0")])
        self.assertEqual((none.status, none.body), (200, b""))
        none = client.request("POST", "/chunks", [("Transfer-Encoding", "chunked")], chunked())
        self.assertEqual((none.status, none.body), (200, b""))
        self.assertEqual(self.upstream.requests[0].header("content-length"), "0")
        self.assertEqual(self.upstream.requests[1].header("transfer-encoding"), "chunked")

    def test_chunks_of_one_byte_arrive_whole(self):
        client = self.client(self.gateway)
        data = b"one byte at a time"
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]))
        for byte in data:
            client.send(b"1\r\n%c\r\n" % byte)
        client.send(b"0\r\n\r\n")
        self.assertEqual(client.response().body, data)

    def test_chunk_extensions_are_dropped_and_trailers_that_frame_too(self):
        client = self.client(self.gateway)
        body = b"3;name=value\r\nabc\r\n0\r\nContent-Length: 7\r\nX-Sum: 1\r\n\r\n"
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]) + body)
        self.assertEqual(client.response().body, b"abc")
        raw = self.upstream.requests[0].raw
        self.assertNotIn(b"name=value", raw)
        self.assertNotIn(b"content-length", raw.lower())

    def test_a_get_with_a_body_is_forwarded_with_its_length_and_its_connection_not_reused(self):
        client = self.client(self.gateway)
        self.assertEqual(client.request("GET", "/", body=b"what for?").body, b"what for?")
        self.assertEqual(client.request("GET", "/").body, b"")
        first, second = self.upstream.requests
        self.assertEqual(first.header("content-length"), "9")
        self.assertNotEqual(first.connection, second.connection)


class Order(SystemTest):
    def test_ten_pipelined_requests_are_answered_in_order(self):
        def reply(request):
            number = int(request.target[1:])
            return answer(body=b"answer %d;" % number * (1 + number * 500))

        upstream = self.origin(answering(reply))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(b"".join(request_bytes("GET", f"/{i}") for i in range(10)))
        for i in range(10):
            self.assertEqual(client.response().body, b"answer %d;" % i * (1 + i * 500))
        self.assertEqual([r.target for r in upstream.requests], [f"/{i}" for i in range(10)])

    def test_pipelined_posts_keep_their_bodies_apart(self):
        upstream = self.origin(answering(echo))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        bodies = [bytes([65 + i]) * (i * 3000) for i in range(10)]
        client.send(b"".join(
            request_bytes("POST", f"/{i}", [("Content-Length", str(len(body)))], body)
            for i, body in enumerate(bodies)))
        for body in bodies:
            self.assertEqual(client.response().body, body)

    def test_a_request_in_single_bytes_is_one_request(self):
        upstream = self.origin(answering(echo))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        for byte in request_bytes("POST", "/slowly", body=b"abc"):
            client.send(bytes([byte]))
        self.assertEqual(client.response().body, b"abc")
        self.assertEqual(len(upstream.requests), 1)

    def test_upstream_connections_are_kept_and_reused(self):
        upstream = self.origin()
        sluice = self.sluice(gateway_config(upstream.address))
        for _ in range(10):
            self.assertEqual(self.get(sluice).status, 200)  # A new client connection each.
        self.assertEqual(len(upstream.connections), 1)
        self.assertEqual(len(upstream.requests), 10)

    def test_connection_close_of_the_client_ends_its_connection_only(self):
        upstream = self.origin()
        sluice = self.sluice(gateway_config(upstream.address))
        client = self.client(sluice)
        got = client.request("GET", "/", [("Connection", "close")])
        self.assertEqual((got.status, got.header("connection")), (200, "close"))
        self.assertTrue(client.is_closed())
        self.assertEqual(self.get(sluice).status, 200)
        self.assertEqual(len(upstream.connections), 1)

    def test_connection_close_of_the_upstream_ends_its_connection_only(self):
        upstream = self.origin(answering(lambda _: answer(headers=[("Connection", "close")])))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        for _ in range(3):
            got = client.request()
            self.assertEqual((got.status, got.header("connection")), (200, None))
        self.assertEqual(len(upstream.connections), 3)


class OldClients(SystemTest):
    def setUp(self):
        def reply(request):
            head = b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + chunked(b"in ", b"chunks") if request.target == "/chunks" else answer()

        self.upstream = self.origin(answering(reply))
        self.gateway = self.sluice(gateway_config(self.upstream.address))

    def test_http_1_0_gets_no_chunks_and_a_close(self):
        client = self.client(self.gateway)
        client.send(b"GET /chunks HTTP/1.0\r\n\r\n")
        got = client.response()
        self.assertEqual(got.header("transfer-encoding"), None)
        self.assertEqual(got.body, b"in chunks")
        self.assertTrue(client.is_closed())
        self.assertEqual(self.upstream.requests[0].raw.split(b"\r\n")[0], b"GET /chunks HTTP/1.1")

    def test_http_1_0_keeps_alive_when_it_asks(self):
        client = self.client(self.gateway)
        for _ in range(2):
            client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            got = client.response()
            self.assertEqual((got.status, got.header("connection").lower()), (200, "keep-alive"))


class Continue(SystemTest):
    HEADERS = [("Expect", "100-continue"), ("Content-Length", "5")]

    def test_is_said_before_the_body_is_sent(self):
        upstream = self.origin(answering(echo))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(request_bytes("POST", "/", self.HEADERS))
        self.assertEqual(client.response().status, 100)
        client.send(b"hello")
        self.assertEqual(client.response().body, b"hello")
        self.assertIsNone(upstream.requests[0].header("expect"))

    def test_is_not_needed_when_the_body_is_there(self):
        upstream = self.origin(answering(echo))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(request_bytes("POST", "/", self.HEADERS) + b"hello")
        got = client.response()
        if got.status == 100:  # Allowed (RFC 9110 section 10.1.1), not needed.
            got = client.response()
        self.assertEqual(got.body, b"hello")

    def test_is_refused_at_once_when_the_body_is_too_large(self):
        upstream = self.origin()
        client = self.client(self.sluice(
            gateway_config(upstream.address, route={"max_body_bytes": "4B"})))
        client.send(request_bytes("POST", "/", self.HEADERS))
        got = client.response()
        self.assertEqual(got.status, 413)
        self.assertEqual(upstream.requests, [])

    def test_is_refused_at_once_by_a_guard(self):
        upstream = self.origin()
        limits = [{"name": "tight", "limit": 1, "period": "1h", "burst": 1}]
        sluice = self.sluice(gateway_config(
            upstream.address, route={"rate_limits": ["tight"]}, rate_limits=limits))
        self.assertEqual(self.get(sluice).status, 200)
        client = self.client(sluice)
        client.send(request_bytes("POST", "/", self.HEADERS))
        self.assertEqual(client.response().status, 429)

    def test_other_expectations_are_417(self):
        client = self.client(self.sluice(gateway_config(self.origin().address)))
        self.assertEqual(client.request("GET", "/", [("Expect", "a-miracle")]).status, 417)


class Limits(SystemTest):
    def setUp(self):
        self.upstream = self.origin()
        self.gateway = self.sluice(gateway_config(
            self.upstream.address,
            listener={"limits": {"max_request_line": "1KiB", "max_header_bytes": "4KiB",
                                 "max_headers": 20, "max_body_bytes": "64KiB"}}))

    def refused(self, data, status):
        """Sends `data`, gets `status` delivered in spite of it, and nothing goes upstream."""
        client = self.client(self.gateway)
        try:
            client.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        got = client.response()
        self.assertEqual(got.status, status)
        self.assertEqual(got.header("connection"), "close")
        self.assertTrue(got.header("x-sluice-reason"))
        self.assertTrue(client.is_closed())
        self.assertEqual(self.upstream.bytes_received, 0)
        return got

    def test_a_long_request_line_is_414(self):
        self.refused(request_bytes("GET", "/" + "a" * 2000), 414)

    def test_large_headers_are_431(self):
        self.refused(request_bytes("GET", "/", [("X-Large", "a" * 5000)]), 431)

    def test_many_headers_are_431(self):
        self.refused(request_bytes("GET", "/", [(f"X-{i}", "a") for i in range(21)]), 431)

    def test_an_announced_large_body_is_413(self):
        self.refused(request_bytes("POST", "/", [("Content-Length", "65537")]), 413)

    def test_a_sent_large_body_is_413_and_arrives(self):
        self.refused(request_bytes("POST", "/", body=b"a" * 100_000), 413)

    def test_a_large_chunked_body_is_413_and_never_whole_upstream(self):
        client = self.client(self.gateway)
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]))
        client.send(b"".join(b"8000\r\n" + b"a" * 0x8000 + b"\r\n" for _ in range(3)))
        got = client.response()
        self.assertEqual(got.status, 413)
        self.assertTrue(client.is_closed())
        self.assertEqual(self.upstream.requests, [])

    def test_a_body_at_the_limit_passes(self):
        got = self.get(self.gateway, "/", "POST", body=b"a" * 65536)
        self.assertEqual(got.status, 200)
        self.assertEqual(len(self.upstream.requests[0].body), 65536)

    def test_connect_is_405(self):
        self.refused(b"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n", 405)

    def test_a_later_version_is_505(self):
        self.refused(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505)
        self.refused(b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505)

    def test_http_0_9_is_400(self):
        self.refused(b"GET /\r\n", 400)


class Methods(SystemTest):
    def test_a_method_that_no_route_of_the_path_takes_is_405(self):
        upstream = self.origin()
        sluice = self.sluice(gateway_config(
            upstream.address, route={"match": {"path_prefix": "/", "methods": ["GET"]}}))
        self.assertEqual(self.get(sluice, "/", "POST").status, 405)
        self.assertEqual(self.get(sluice, "/").status, 200)

    def test_no_route_is_404_and_a_denied_one_403(self):
        config = gateway_config(self.origin().address, route={"match": {"path_prefix": "/open"}})
        config["routes"].append(
            {"name": "shut", "match": {"path_prefix": "/shut"}, "action": "deny"})
        sluice = self.sluice(config)
        for target, status, reason in (
                ("/open/a", 200, None), ("/other", 404, "no_route"), ("/shut/a", 403, None)):
            got = self.get(sluice, target)
            self.assertEqual((target, got.status), (target, status))
            if reason:
                self.assertEqual(got.header("x-sluice-reason"), reason)

    def test_a_refusal_of_a_whole_request_keeps_the_connection(self):
        sluice = self.sluice(gateway_config(
            self.origin().address, route={"match": {"path_prefix": "/open"}}))
        client = self.client(sluice)
        got = client.request("GET", "/other")
        self.assertEqual((got.status, got.header("connection")), (404, None))
        got = client.request("POST", "/other", body=b"whole")
        self.assertEqual((got.status, got.header("connection")), (404, None))
        self.assertEqual(client.request("GET", "/open").status, 200)

    def test_unknown_methods_pass_through(self):
        upstream = self.origin()
        self.assertEqual(
            self.get(self.sluice(gateway_config(upstream.address)), "/", "PURGE").status, 200)
        self.assertEqual(upstream.requests[0].method, "PURGE")


class Endings(SystemTest):
    def test_an_error_answer_survives_a_body_that_is_still_on_its_way(self):
        """Lingering close: the bytes that nobody reads must not reset the answer away."""
        upstream = self.origin()
        sluice = self.sluice(gateway_config(upstream.address, route={"max_body_bytes": "10B"}))
        for _ in range(20):
            client = self.client(sluice)
            client.send(request_bytes("POST", "/", body=b"a" * 30_000))
            try:
                self.assertEqual(client.response().status, 413)
            except Truncated as error:
                self.fail(f"the answer did not arrive: {error}")


if __name__ == "__main__":
    report.main()
