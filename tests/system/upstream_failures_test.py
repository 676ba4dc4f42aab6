#!/usr/bin/env python3
"""Upstreams that die, lie or are late: the client learns it, and nothing is sent twice unsafely."""

import socket
import threading

import report
from client import Truncated, chunked
from harness import SystemTest, gateway_config, wait_until
from origin import answer, answering

HEAD = b"HTTP/1.1 200 Fine\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def after_request(act):
    """A handler: the request, then `act(connection, request)`, then the end."""

    def handle(connection):
        request = connection.read_request()
        if request is not None:
            act(connection, request)

    return handle


def sending(data):
    """A handler that answers every request with `data` and keeps the connection."""
    return answering(lambda _: data)


class BrokenOff(SystemTest):
    """A short answer is never taken for a whole one."""

    def truncated(self, act):
        upstream = self.origin(after_request(act))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        with self.assertRaises(Truncated) as caught:
            client.request()
        self.assertEqual(len(upstream.requests), 1)
        return caught.exception

    def test_a_body_with_a_length(self):
        self.truncated(lambda c, _: c.send(HEAD + b"Content-Length: 10\r\n\r\nhalf"))

    def test_a_body_in_chunks(self):
        self.truncated(lambda c, _: c.send(HEAD + CHUNKED + b"4\r\nhalf\r\n"))

    def test_a_chunk_itself(self):
        self.truncated(lambda c, _: c.send(HEAD + CHUNKED + b"8\r\nhalf"))

    def test_a_body_by_reset(self):
        seen = threading.Event()

        def act(connection, _):
            connection.send(HEAD + b"Content-Length: 10\r\n\r\nhalf")
            seen.wait(10)
            connection.reset()

        upstream = self.origin(after_request(act))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"half")
        seen.set()
        with self.assertRaises(Truncated):
            client.take(1)

    def test_a_body_until_close_by_reset(self):
        """To an HTTP/1.0 client only the reset tells this from the body's end."""
        seen = threading.Event()

        def act(connection, _):
            connection.send(HEAD + b"\r\nhalf")
            seen.wait(10)
            connection.reset()

        upstream = self.origin(after_request(act))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        client.until(b"half")
        seen.set()
        with self.assertRaises(Truncated) as caught:
            client.rest()
        self.assertTrue(caught.exception.reset)

    def test_a_body_until_close_ends_with_the_connection(self):
        upstream = self.origin(after_request(lambda c, _: c.send(HEAD + b"\r\nall of it")))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        self.assertEqual(client.request().body, b"all of it")
        self.assertEqual(client.request().body, b"all of it")

    def test_chunks_that_turn_malformed(self):
        seen = threading.Event()

        def act(connection, _):
            connection.send(HEAD + CHUNKED + b"4\r\ngood\r\n")
            seen.wait(10)
            connection.send(b"x\r\nbad\r\n0\r\n\r\n")
            connection.until_closed()

        upstream = self.origin(after_request(act))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"good\r\n")
        seen.set()
        with self.assertRaises(Truncated):
            client.take(1)


class Malformed(SystemTest):
    """502, and the connection that said it is not used again."""

    def bad_gateway(self, data):
        upstream = self.origin(sending(data))
        sluice = self.sluice(gateway_config(upstream.address))
        for number in (1, 2):
            got = self.get(sluice)
            self.assertEqual(got.status, 502, data)
            self.assertEqual(len(upstream.connections), number, data)
            self.assertTrue(got.header("x-sluice-reason"), data)

    def test_answers_that_are_no_http(self):
        for data in (b"\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 2x0 no\r\n\r\n",
                     b"HTTP/2.0 200 Fine\r\nContent-Length: 0\r\n\r\n", b"\x00" * 100,
                     b"HTTP/1.1 099 low\r\nContent-Length: 0\r\n\r\n"):
            with self.subTest(data=data):
                self.bad_gateway(data)

    def test_answers_that_frame_twice(self):
        for fields in (b"Content-Length: 2\r\nTransfer-Encoding: chunked",
                       b"Content-Length: 2\r\nContent-Length: 3",
                       b"Content-Length: +2", b"Content-Length: 0x2", b"Content-Length: 2,2",
                       b"Content-Length: 99999999999999999999",
                       b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
                       b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"):
            with self.subTest(fields=fields):
                self.bad_gateway(HEAD + fields + b"\r\n\r\nok")

    def test_heads_that_are_ambiguous(self):
        for fields in (b"A : b", b"A: b\r\n folded", b"A: b\nC: d", b" A: b", b"A: \x00",
                       b"nocolon", b"A: b\rC: d"):
            with self.subTest(fields=fields):
                self.bad_gateway(HEAD + fields + b"\r\nContent-Length: 0\r\n\r\n")

    def test_chunks_that_are_malformed_from_the_start(self):
        for body in (b"0x4\r\nbody\r\n0\r\n\r\n", b"-4\r\nbody\r\n0\r\n\r\n",
                     b"4\nbody\r\n0\r\n\r\n", b"fffffffffffffffff\r\n"):
            with self.subTest(body=body):
                self.bad_gateway(HEAD + CHUNKED + body)

    def test_a_head_without_end(self):
        self.bad_gateway(HEAD + b"A: " + b"b" * 200_000)

    def test_nothing_at_all(self):
        upstream = self.origin(after_request(lambda c, _: None))
        got = self.get(self.sluice(gateway_config(upstream.address)))
        self.assertEqual(got.status, 502)

    def test_bytes_behind_an_answer_end_the_connection(self):
        """Whoever read them next would take them for an answer."""
        extra = HEAD + b"Content-Length: 4\r\n\r\nEVIL"
        upstream = self.origin(sending(answer(body=b"good") + extra))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        for number in (1, 2, 3):
            self.assertEqual(client.request().body, b"good")
            self.assertEqual(len(upstream.connections), number)

    def test_bytes_between_two_requests_end_the_connection(self):
        answered, sent = threading.Event(), threading.Event()

        def handle(connection):
            while connection.read_request() is not None:
                connection.send(answer(body=b"good"))
                if connection.number == 1:
                    answered.wait(10)
                    connection.send(HEAD + b"Content-Length: 4\r\n\r\nEVIL")
                    sent.set()

        upstream = self.origin(handle)
        client = self.client(self.sluice(gateway_config(upstream.address)))
        self.assertEqual(client.request().body, b"good")
        answered.set()
        self.assertTrue(sent.wait(10))
        for _ in range(3):
            self.assertEqual(client.request().body, b"good")

    def test_interim_answers_are_no_answers(self):
        for interim in (b"HTTP/1.1 100 Continue\r\n\r\n",
                        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"):
            upstream = self.origin(sending(interim + answer(body=b"final")))
            client = self.client(self.sluice(gateway_config(upstream.address)))
            got = client.request()
            if got.status == 103:  # May be passed on (RFC 9110 section 15.2).
                got = client.response()
            self.assertEqual((got.status, got.body), (200, b"final"))

    def test_endless_interim_answers_end(self):
        def handle(connection):
            connection.read_request()
            while True:
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address, route={"timeout": "1s"}))
        self.assertIn(self.get(sluice).status, (502, 504))

    def test_bodies_where_none_may_be_are_nobodys_answer(self):
        for method, head in (("HEAD", b"HTTP/1.1 200 Fine\r\nContent-Length: 30\r\n\r\n"),
                             ("GET", b"HTTP/1.1 204 Nothing\r\n\r\n"),
                             ("GET", b"HTTP/1.1 304 Same\r\nContent-Length: 30\r\n\r\n")):
            evil = answer(body=b"EVIL")
            upstream = self.origin(answering(
                lambda r, h=head, e=evil: h + e if r.target == "/odd" else answer(body=b"good")))
            client = self.client(self.sluice(gateway_config(upstream.address)))
            self.assertIn(client.request(method, "/odd").status, (200, 204, 304))
            for _ in range(3):
                self.assertEqual(client.request("GET", "/").body, b"good")

    def test_old_upstreams_end_their_bodies_with_the_connection(self):
        upstream = self.origin(
            after_request(lambda c, _: c.send(b"HTTP/1.0 200 Fine\r\nA: b\r\n\r\nold body")))
        client = self.client(self.sluice(gateway_config(upstream.address)))
        for _ in range(2):
            got = client.request()
            self.assertEqual((got.version, got.body), ("HTTP/1.1", b"old body"))


class Unreachable(SystemTest):
    def free_address(self):
        """A port that nobody listens at, kept so for the length of the case."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % holder.getsockname()[1]

    def test_a_refused_connection_is_502(self):
        got = self.get(self.sluice(gateway_config(self.free_address())))
        self.assertEqual(got.status, 502)
        self.assertEqual(got.header("x-sluice-reason"), "upstream_connect_failed")

    def test_a_refused_connection_is_tried_elsewhere_even_for_post(self):
        upstream = self.origin()
        config = gateway_config(
            self.free_address(), upstream.address,
            route={"retry": {"attempts": 2, "on": ["connect_failure"]}})
        sluice = self.sluice(config)
        for i in range(6):
            self.assertEqual(self.get(sluice, f"/{i}", "POST", body=b"once").status, 200)
        self.assertEqual([r.target for r in upstream.requests], [f"/{i}" for i in range(6)])

    def test_a_late_answer_is_504_and_its_connection_closed(self):
        ended = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.until_closed()
            ended.set()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address, route={"timeout": "200ms"}))
        got = self.get(sluice)
        self.assertEqual(got.status, 504)
        self.assertTrue(ended.wait(10))

    def test_a_head_that_drips_has_one_deadline(self):
        def handle(connection):
            connection.read_request()
            connection.send(HEAD)
            while not stop.wait(0.02):
                connection.send(b"A: b\r\n")

        stop = threading.Event()
        self.addCleanup(stop.set)
        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address, route={"timeout": "300ms"}))
        self.assertEqual(self.get(sluice).status, 504)


class Retries(SystemTest):
    RETRY = {"attempts": 2, "on": ["connect_failure", "reset", "503"]}

    def gateway(self, *upstreams, retry=RETRY, **parts):
        addresses = [upstream.address for upstream in upstreams]
        return self.sluice(gateway_config(*addresses, route={"retry": retry}, **parts))

    def test_a_503_is_tried_at_the_other_endpoint(self):
        sick, well = self.origin(sending(answer(503))), self.origin()
        sluice = self.gateway(sick, well)
        for _ in range(6):
            self.assertEqual(self.get(sluice).status, 200)
        self.assertEqual(len(well.requests), 6)
        self.assertGreater(len(sick.requests), 0)
        self.assertEqual(sluice.page("/api/v1/routes")["routes"][0]["retries"], len(sick.requests))

    def test_the_last_503_is_passed_on(self):
        sick = self.origin(sending(answer(503, b"sorry")))
        got = self.get(self.gateway(sick))
        self.assertEqual((got.status, got.body), (503, b"sorry"))
        self.assertEqual(len(sick.requests), 2)

    def test_a_post_is_not_tried_again_after_a_503(self):
        sick = self.origin(sending(answer(503)))
        self.assertEqual(self.get(self.gateway(sick), "/", "POST", body=b"once").status, 503)
        self.assertEqual(len(sick.requests), 1)

    def test_r19_a_post_is_not_replayed_when_the_upstream_dies_after_it_was_sent(self):
        for dies in (lambda c, _: c.close(), lambda c, _: c.reset()):
            first, second = self.origin(after_request(dies)), self.origin(after_request(dies))
            sluice = self.gateway(first, second)
            got = self.get(sluice, "/", "POST", body=b"once")
            self.assertEqual(got.status, 502)
            self.assertEqual(len(first.requests) + len(second.requests), 1)

    def test_r19_a_get_is_tried_again_when_the_upstream_dies(self):
        dying, well = self.origin(after_request(lambda c, _: c.reset())), self.origin()
        sluice = self.gateway(dying, well)
        for _ in range(4):
            self.assertEqual(self.get(sluice).status, 200)
        self.assertGreater(len(dying.requests), 0)

    def test_without_a_policy_nothing_is_tried_again(self):
        upstream = self.origin(after_request(lambda c, _: c.reset()))
        self.assertEqual(self.get(self.sluice(gateway_config(upstream.address))).status, 502)
        self.assertEqual(len(upstream.requests), 1)

    def test_retries_stop_when_their_budget_is_spent(self):
        """Eight requests fail at once; three may be retries, and 0 % of what is in flight."""
        all_there = threading.Barrier(8)

        def act(connection, request):
            if request.header("x-number") is not None and len(upstream.requests) <= 8:
                all_there.wait(20)
            connection.reset()

        upstream = self.origin(after_request(act))
        sluice = self.gateway(
            upstream, upstream={"retry_budget": {"budget_percent": 0, "min_retry_concurrency": 0}})
        clients = [self.client(sluice) for _ in range(8)]
        for number, client in enumerate(clients):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Number: %d\r\n\r\n" % number)
        self.assertEqual([client.response().status for client in clients], [502] * 8)
        self.assertEqual(len(upstream.requests), 8)


class ClosedIdle(SystemTest):
    """The upstream closes a kept connection just as it is used again."""

    def closing_after_first(self):
        """Each connection answers once, and is reset by the second request without an answer."""

        def handle(connection):
            connection.read_request()
            connection.send(answer(body=b"first"))
            if connection.number == 1:
                connection.read_head()
                connection.reset()
                return
            while connection.read_request() is not None:
                connection.send(answer(body=b"later"))

        return self.origin(handle)

    def test_a_get_is_sent_again_without_any_policy(self):
        upstream = self.closing_after_first()
        client = self.client(self.sluice(gateway_config(upstream.address)))
        self.assertEqual(client.request().body, b"first")
        self.assertEqual(client.request().status, 200)
        self.assertEqual(len(upstream.connections), 2)

    def test_the_race_says_nothing_of_the_upstream(self):
        """Nor to its breaker, nor to the counters of its endpoint."""

        def handle(connection):
            connection.read_request()
            connection.send(answer(body=b"first"))
            connection.read_head()
            connection.reset()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address, upstream={"circuit_breaker": {}}))
        for _ in range(6):
            self.assertEqual(self.get(sluice).body, b"first")
        wait_until(lambda: sluice.guard("origin")["successes"] == 6, "six successes")
        self.assertEqual(sluice.guard("origin")["failures"], 0)
        endpoint = sluice.page("/api/v1/upstreams")["upstreams"][0]["endpoints"][0]
        self.assertEqual(endpoint["failures"], 0)

    def test_a_post_is_sent_at_most_once(self):
        upstream = self.closing_after_first()
        client = self.client(self.sluice(gateway_config(upstream.address)))
        self.assertEqual(client.request("POST", "/1", body=b"1").body, b"first")
        got = client.request("POST", "/2", body=b"2")
        self.assertEqual(got.status, 502)
        wholly = b"".join(bytes(c.received) for c in upstream.connections)
        self.assertEqual(wholly.count(b"POST /2"), 1)

    def test_a_connection_that_was_seen_closing_is_not_used(self):
        closed = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.send(answer(body=b"ok"))
            connection.close()
            closed.set()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address))
        client = self.client(sluice)

        def idle():
            return sluice.page("/api/v1/upstreams")["upstreams"][0]["pool"]["idle"]

        for number in range(5):
            self.assertEqual(client.request("POST", f"/{number}", body=b"x").status, 200)
            self.assertTrue(closed.wait(10))
            wait_until(lambda: idle() == 0, "the closed connection out of the pool")
            closed.clear()


class Early(SystemTest):
    def test_an_answer_before_the_body_is_whole_reaches_the_client(self):
        """The connection upstream is not used again: where its next request begins is unknown."""

        def handle(connection):
            request = connection.read_head()
            if request is None:
                return
            if request.method == "POST":
                connection.send(answer(403, b"no need to go on"))
                connection.until_closed()
            else:
                connection.send(answer(body=b"ok"))

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address))
        client = self.client(sluice)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1000)
        got = client.response()
        self.assertEqual((got.status, got.body), (403, b"no need to go on"))
        self.assertEqual(self.get(sluice).body, b"ok")
        self.assertEqual(len(upstream.connections), 2)

    def test_a_body_that_is_cut_by_the_client_is_cut_upstream(self):
        cut = threading.Event()

        def handle(connection):
            request = connection.read_head()
            if request is not None and not connection.read_body(request):
                cut.set()

        upstream = self.origin(handle)
        sluice = self.sluice(gateway_config(upstream.address))
        for headers, part in ((b"Content-Length: 10", b"half"),
                              (b"Transfer-Encoding: chunked", chunked(b"half")[:-5])):
            cut.clear()
            before = len(upstream.connections)
            client = self.client(sluice)
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n" + part)
            upstream.wait_for(lambda u, n=before: len(u.connections) > n, "a connection")
            connection = upstream.connections[before]
            wait_until(lambda c=connection: b"half" in bytes(c.received), "the half upstream")
            client.close()
            self.assertTrue(cut.wait(10), headers)
        self.assertEqual(upstream.requests, [])


if __name__ == "__main__":
    report.main()
