#!/usr/bin/env python3
"""R1, R3, R4, R5: what one server might read as one request and another as two.

Every mutation is either refused (400, the connection closed in order, not a byte upstream), or
forwarded in a canonical form: one that the strictest reader takes, and in which reference servers
(nginx, the booking service, the strict reader of origin.py) all count exactly one request.
"""

import report
from client import Client, Truncated
from harness import SystemTest, gateway_config
from origin import NotCanonical, answering, parse_head
from servers import start_booking, start_nginx

POST = b"POST /search HTTP/1.1\r\nHost: service.test\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: service.test\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: service.test\r\nX: y\r\n\r\n"


def transfer_encodings():
    """Lines that some server takes for `Transfer-Encoding: chunked` and another does not."""
    te, chunked = b"Transfer-Encoding", b"chunked"
    yield b"%b: %b\r\n" % (te, chunked)
    odd = [bytes([c]) for c in [*range(0x01, 0x20), *range(0x7F, 0x100)]]
    for c in odd:
        yield b"%b%b: %b\r\n" % (te, c, chunked)
        yield b"%b%b: %b\r\n" % (c, te, chunked)
        yield b"%b:%b%b\r\n" % (te, c, chunked)
        yield b"%b: %b%b\r\n" % (te, chunked, c)
        if c != b"\n":  # The head would simply end there.
            yield b"X: y\r\n%b%b: %b\r\n" % (c, te, chunked)
        yield b"X: y%b%b: %b\r\n" % (c, te, chunked)
    for name in (b"Transfer_Encoding", b"Transfer Encoding", b"TRANSFER-ENCODING",
                 b"Transfer-Encodin", b"Transfer-Encoding ", b" Transfer-Encoding",
                 b"\"Transfer-Encoding\"", b"Content-Encoding", b"Transfer-Encoding\x00"):
        yield b"%b: %b\r\n" % (name, chunked)
    for value in (b"chunked, identity", b"identity, chunked", b"gzip, chunked", b"chunked, chunked",
                  b"cow, chunked", b"chunked;q=1", b"\"chunked\"", b"'chunked'", b"chunkedd",
                  b"xchunked", b"CHUNKED", b"chunk", b"chunked,", b",chunked", b"", b"identity",
                  b"{chunked}", b"chunked\x00", b"\xff\xfechunked", b"chunked\r\n , identity",
                  b"\r\n chunked", b"\r\n\tchunked", b"chun\r\n ked"):
        yield b"%b: %b\r\n" % (te, value)
    yield b"%b: chunked\r\n%b: identity\r\n" % (te, te)
    yield b"%b: identity\r\n%b: chunked\r\n" % (te, te)
    yield b"%b: chunked\r\n%b: chunked\r\n" % (te, te)
    yield b"%b:chunked\r\n" % te
    yield b"%b:    chunked   \r\n" % te
    yield b"%b\r\n: chunked\r\n" % te
    yield b"%b: chunked\n" % te
    yield b"%b: chunked\r" % te
    yield b"X: y\n%b: chunked\r\n" % te
    yield b"X: y\r%b: chunked\r\n" % te
    yield b"Connection: transfer-encoding\r\n%b: chunked\r\n" % te


def content_lengths():
    """Lines about the length of a body of four bytes, `GET ` of a second request."""
    cl = b"Content-Length"
    for value in (b"+4", b"-4", b"0x4", b"4 ", b"4,4", b"4, 4", b"4;", b"4.0", b"4e0", b"\"4\"",
                  b"", b" ", b"4 4", b"4a", b"a4", b"\xb4", b"18446744073709551620",
                  b"9223372036854775808", b"4\x00", b"4\x0b", b"\x0c4", b"4\r\n 4", b"\r\n 4"):
        yield b"%b: %b\r\n" % (cl, value)
    yield b"%b: 4\r\n%b: 4\r\n" % (cl, cl)
    yield b"%b: 4\r\n%b: 5\r\n" % (cl, cl)
    yield b"%b: 0\r\n%b: 4\r\n" % (cl, cl)
    yield b"%b : 4\r\n" % cl
    yield b"%b\t: 4\r\n" % cl
    yield b" %b: 4\r\n" % cl
    yield b"%b\x00: 4\r\n" % cl
    yield b"%b: 4\n" % cl
    yield b"%b: 0004\r\n" % cl
    yield b"%b:4\r\n" % cl


class Smuggling(SystemTest):
    def setUp(self):
        self.upstream = self.origin(self.handle)
        self.broken = []
        # A read that is not canonical must not leave anybody waiting for the rest of a body.
        self.gateway = self.sluice(gateway_config(
            self.upstream.address, route={"timeout": "5s"},
            listener={"limits": {"header_timeout": "300ms"}}))

    def handle(self, connection):
        try:
            answering()(connection)
        except NotCanonical as error:
            self.broken.append(str(error))
            connection.socket.close()

    def outcome(self, data):
        """Sends `data`, and behind its answers a last request: the statuses of all answers."""
        client = Client(self.gateway.address)
        statuses = []
        try:
            client.send(data)
            while True:
                got = client.response()
                statuses.append(got.status)
                if got.header("connection") == "close":
                    break
                if len(statuses) == 1:
                    client.send(LAST)
        except Truncated as error:
            self.assertFalse(error.reset, f"{data!r} was answered with a reset")
            self.assertEqual(error.got, b"", f"{data!r} was answered with a part of an answer")
        except OSError:
            pass
        finally:
            client.close()
        return statuses

    def refused(self, data, status=400):
        """`status`, then an orderly end, and not a byte upstream."""
        before = self.upstream.bytes_received
        client = Client(self.gateway.address)
        try:
            client.send(data)
            got = client.response()
            self.assertEqual((got.status, got.header("connection")), (status, "close"), data)
            self.assertTrue(client.is_closed(), data)
        except Truncated as error:
            self.fail(f"{data!r}: {error}")
        finally:
            client.close()
        self.assertEqual(self.upstream.bytes_received, before, data)

    def refused_or_canonical(self, data):
        """Returns the requests that went upstream; nothing malformed went there."""
        before = len(self.upstream.requests)
        statuses = self.outcome(data)
        self.assertEqual(self.broken, [], data)
        sent = [r for r in self.upstream.requests[before:] if r.target != "/last"]
        if statuses[:1] == [400]:
            self.assertEqual(sent, [], data)
        return statuses, sent

    def test_r1_content_length_and_transfer_encoding_together(self):
        for order in ((b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"),
                      (b"Transfer-Encoding: chunked\r\n", b"Content-Length: 6\r\n")):
            self.refused(POST + b"".join(order) + b"\r\n0\r\n\r\nG")
        self.assertEqual(self.upstream.connections, [])

    def test_r3_every_obfuscated_transfer_encoding(self):
        """The body is `0 CRLF CRLF` and a request: as chunks that is one message and a second one;
        with a Content-Length it is one message; without any framing nothing but refusal is right.
        """
        tried = passed = 0
        forwarded = set()
        for line in transfer_encodings():
            body = b"0\r\n\r\n"
            tried += 1
            # On its own: chunked, or refused.
            _, sent = self.refused_or_canonical(POST + line + b"\r\n" + body)
            for request in sent:
                self.assertIn(request.target, ("/search",), line)
                passed += 1
                forwarded.add(request.raw)
            # Beside a length that covers the smuggled request: it must never stand alone upstream,
            # unless the gateway itself saw no Transfer-Encoding and took the length.
            whole = body + SMUGGLED
            _, sent = self.refused_or_canonical(
                POST + b"Content-Length: %d\r\n" % len(whole) + line + b"\r\n" + whole)
            for request in sent:
                self.assertEqual(request.target, "/search", line)
                self.assertEqual(request.body, whole, line)
                self.assertIsNone(request.header("transfer-encoding"), line)
                forwarded.add(request.raw)
        self.assertGreater(tried, 600)
        self.assertGreater(passed, 0, "not even the plain form went through")
        self.count_with_references(forwarded)

    def test_r3_every_obfuscated_content_length(self):
        forwarded = set()
        for line in content_lengths():
            _, sent = self.refused_or_canonical(POST + line + b"\r\n" + SMUGGLED)
            for request in sent:
                self.assertNotEqual(request.target, "/smuggled", line)
                forwarded.add(request.raw)
        self.count_with_references(forwarded)

    def test_r3_a_length_by_another_name_is_none(self):
        """Names with `_` are dropped: what follows is a request of its own, here and upstream."""
        statuses, sent = self.refused_or_canonical(
            POST + b"Content_Length: 4\r\n\r\n" + SMUGGLED)
        self.assertEqual(statuses, [200, 200, 200])
        self.assertEqual([r.target for r in sent], ["/search", "/smuggled"])
        self.assertNotIn(b"ontent_", sent[0].raw)

    def count_with_references(self, raws):
        """Every reference server counts one request in each of the forwarded forms."""
        self.assertTrue(raws)
        nginx = start_nginx(self.directory())
        self.addCleanup(nginx.stop)
        booking = start_booking(self.directory())
        self.addCleanup(booking.stop)
        for raw in raws:
            parse_head(raw[: raw.index(b"\r\n\r\n") + 4])  # Raises where it is not canonical.
            for server in (nginx, booking):
                self.assertEqual(self.answers(server.address, raw), 1, (server.address, raw))

    def answers(self, address, raw):
        client = Client(address)
        count = 0
        try:
            client.send(raw)
            client.socket.shutdown(1)
            while True:
                client.response()
                count += 1
        except Truncated as error:
            self.assertEqual(error.got, b"")
            return count
        finally:
            client.close()

    def test_r4_folds_and_stray_white_space(self):
        for lines in (b"A: b\r\n c\r\n", b"A: b\r\n\tc\r\n", b"A : b\r\n", b"A\t: b\r\n",
                      b" A: b\r\n", b"\tA: b\r\n", b": b\r\n", b"A b: c\r\n", b"A\r\n",
                      b"A\x00: b\r\n", b"A: b\x00c\r\n", b"A: b\rc\r\n", b"A: \x01\r\n",
                      b"A: \x7f\r\n", b"A(: b\r\n", b"A@: b\r\n", b"\xe4: b\r\n"):
            self.refused(b"GET / HTTP/1.1\r\nHost: service.test\r\n" + lines + b"\r\n")
            self.refused(b"GET / HTTP/1.1\r\n" + lines + b"Host: service.test\r\n\r\n")

    def test_r4_request_lines_that_are_none(self):
        for line in (b" GET / HTTP/1.1", b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ",
                     b"GET\t/\tHTTP/1.1", b"GET / HTTP/1,1", b"GET / http/1.1", b"GET / HTTP/11",
                     b"GET / HTTP/1.10", b"GET /a b HTTP/1.1", b"G(T / HTTP/1.1", b"GET HTTP/1.1",
                     b"/ HTTP/1.1", b"\r\nGET / HTTP/1.1", b"GET /\x00 HTTP/1.1",
                     b"GET /\xff HTTP/1.1", b"GET ftp://service.test/ HTTP/1.1"):
            self.refused(line + b"\r\nHost: service.test\r\n\r\n")

    def test_r4_hosts_that_are_none_or_many(self):
        for lines in (b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a b\r\n",
                      b"Host: a/b\r\n", b"Host: a@b\r\n", b"Host: a:b\r\n", b"Host: a,b\r\n",
                      b"Host:\r\n", b"Host: a:99999\r\n"):
            self.refused(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")

    def test_r5_bare_line_feeds_in_heads(self):
        for data in (b"GET / HTTP/1.1\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\n\n", b"GET / HTTP/1.1\nHost: a\n\n",
                     b"GET / HTTP/1.1\r\nA: b\nHost: a\r\n\r\n",
                     b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                     b"GET / HTTP/1.1\rHost: a\r\r\nA: b\r\n\r\n"):
            self.refused(data)

    def test_r5_malformed_chunks_that_came_with_their_head(self):
        start = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for body in (b"1\na\r\n0\r\n\r\n", b"1\r\na\n0\r\n\r\n", b"1\r\na\r\n0\n\r\n",
                     b"1\r\na\r\n0\r\n\n", b"1\r\na\r\n0\r\nT: u\n\r\n", b"1\r\nab\r\n0\r\n\r\n",
                     b"1\r\na0\r\n\r\n", b"0x1\r\na\r\n0\r\n\r\n", b"+1\r\na\r\n0\r\n\r\n",
                     b"-1\r\na\r\n0\r\n\r\n", b"1_0\r\na\r\n0\r\n\r\n", b" 1\r\na\r\n0\r\n\r\n",
                     b"1 \r\na\r\n0\r\n\r\n", b"\r\n1\r\na\r\n0\r\n\r\n", b"g\r\na\r\n0\r\n\r\n",
                     b"00000000000000001\r\na\r\n0\r\n\r\n", b"ffffffffffffffff\r\na\r\n0\r\n\r\n",
                     b"1;\n\r\na\r\n0\r\n\r\n", b"1;" + b"a" * 300 + b"\r\na\r\n0\r\n\r\n",
                     b"1\r\na\r\n0\r\nT : u\r\n\r\n", b"1\r\na\r\n0\r\n T: u\r\n\r\n"):
            self.refused(start + body)

    def test_r5_malformed_chunks_that_come_later_never_make_a_whole_request(self):
        start = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for bad in (b"1\nb\r\n0\r\n\r\n", b"0x1\r\nb\r\n0\r\n\r\n", b"1\r\nb\n0\r\n\r\n",
                    b"0\r\nT: u\n\r\n", b"0\n\r\n"):
            before = len(self.upstream.connections)
            client = Client(self.gateway.address)
            client.send(start + b"1\r\na\r\n")
            self.upstream.wait_for(lambda u, n=before: len(u.connections) > n, "the head upstream")
            client.send(bad)
            self.assertEqual(client.response().status, 400, bad)
            self.assertTrue(client.is_closed())
            client.close()
        self.assertEqual(self.upstream.requests, [])
        self.assertEqual(self.broken, [])

    def test_a_refused_request_takes_what_is_pipelined_behind_it_along(self):
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n" + SMUGGLED * 10)

    def test_a_good_request_before_a_bad_one_is_answered(self):
        client = self.client(self.gateway)
        client.send(SMUGGLED + b"GET / HTTP/1.1\nHost: a\r\n\r\n")
        self.assertEqual(client.response().status, 200)
        self.assertEqual(client.response().status, 400)
        self.assertTrue(client.is_closed())
        self.assertEqual(len(self.upstream.requests), 1)


if __name__ == "__main__":
    report.main()
