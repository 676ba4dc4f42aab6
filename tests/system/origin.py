"""A scriptable upstream: threads that answer with any bytes and write down what they were sent.

A handler is called with each connection on a thread of its own, and may do what it likes with it.
`answering(reply)` makes the ordinary one: reads requests, sends what `reply(request)` returns.
"""

import os
import socket
import threading
import time
from dataclasses import dataclass, field

RECEIVE_BYTES = 1 << 16
IDLE_SECONDS_MAX = 30.0


class NotCanonical(Exception):
    """A request that only one strict reading does not refuse."""


@dataclass
class Request:
    method: str
    target: str
    headers: list[tuple[str, str]]  # Names in lower case.
    body: bytes = b""
    raw: bytes = b""
    connection: int = 0  # Counted from 1, in the order of acceptance.
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} stands there {len(values)} times: {values}")
        return values[0] if values else None


def answer(status=200, body=b"", headers=(), reason="Fine"):
    """The bytes of an answer with Content-Length."""
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
    if status not in (204, 304) and status >= 200:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Connection:
    """One accepted connection."""

    def __init__(self, origin, stream, number):
        self.origin = origin
        self.socket = stream
        self.number = number
        self.received = bytearray()  # Everything, for ever.
        self._taken = 0

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def receive(self):
        """Receives once; False at the end of the stream, orderly or not."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self.received += data
        return bool(data)

    def until_closed(self):
        """Waits for the peer to end the connection."""
        while self.receive():
            pass

    def _until(self, mark):
        start = self._taken
        while (at := self.received.find(mark, start)) < 0:
            start = max(self._taken, len(self.received) - len(mark))
            if not self.receive():
                return None
        return self.take(at + len(mark) - self._taken)

    def take(self, count):
        """The next `count` bytes; None where the stream ends before."""
        while len(self.received) < self._taken + count:
            if not self.receive():
                return None
        taken = bytes(self.received[self._taken : self._taken + count])
        self._taken += count
        return taken

    def read_head(self):
        """The next request without its body; None at the end of the stream."""
        start = self._taken
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        request = parse_head(head)
        request.connection = self.number
        request.raw = bytes(self.received[start : self._taken])
        return request

    def read_body(self, request):
        """Reads the body of `request`; False where it broke off."""
        start = self._taken
        if request.header("transfer-encoding") is not None:
            whole = self._read_chunks(request)
        else:
            body = self.take(int(request.header("content-length") or 0))
            request.body, whole = body or b"", body is not None
        request.raw += bytes(self.received[start : self._taken])
        return whole

    def _read_chunks(self, request):
        pieces = []
        while True:
            line = self._until(b"\r\n")
            if line is None:
                return False
            size = int(line[:-2], 16)
            if size == 0:
                break
            piece = self.take(size + 2)
            if piece is None:
                return False
            if piece[-2:] != b"\r\n":
                raise NotCanonical("no line end behind a chunk")
            pieces.append(piece[:-2])
        request.body = b"".join(pieces)
        while (line := self._until(b"\r\n")) not in (None, b"\r\n"):
            name, _, value = line[:-2].decode("latin-1").partition(":")
            request.trailers.append((name.lower(), value.strip()))
        return line is not None

    def read_request(self):
        """The next request, whole and written down in `origin.requests`; None at the end."""
        request = self.read_head()
        if request is None or not self.read_body(request):
            return None
        self.origin.note(request)
        return request


def parse_head(head):
    """Reads a head as the strictest server would. Raises NotCanonical."""
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        raise NotCanonical(f"a bare line end in {head!r}")
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] != "HTTP/1.1" or not parts[1]:
        raise NotCanonical(f"request line {first!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _is_token(name):
            raise NotCanonical(f"header line {line!r}")
        if any(ord(c) < 0x20 and c != "\t" or ord(c) == 0x7F for c in value):
            raise NotCanonical(f"header value {line!r}")
        headers.append((name.lower(), value.strip(" \t")))
    request = Request(parts[0], parts[1], headers)
    lengths, codings = request.all("content-length"), request.all("transfer-encoding")
    if len(lengths) + len(codings) > 1 or any(not n.isdigit() for n in lengths):
        raise NotCanonical(f"framing {lengths} {codings}")
    if any(coding != "chunked" for coding in codings) or len(request.all("host")) != 1:
        raise NotCanonical(f"framing {codings} or host in {head!r}")
    return request


def _is_token(name):
    return bool(name) and all(c.isascii() and (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in name)


def answering(reply=lambda request: answer(body=b"ok")):
    """A handler that keeps the connection; `reply` returns bytes, or None to close it."""

    def handle(connection):
        while (request := connection.read_request()) is not None:
            data = reply(request)
            if data is None:
                return
            connection.send(data)

    return handle


class Origin:
    """Listens at once, on a free port of 127.0.0.1 or at a Unix path. Use close()."""

    def __init__(self, handler=None, path=None, port=0):
        self.handler = handler or answering()
        self.requests = []
        self.errors = []
        self.connections = []
        self._changed = threading.Condition()
        if path:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(os.fspath(path))
            self.address = f"unix:{path}"
        else:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", port))
            self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._listener.listen(512)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def close(self):
        """Stops listening and ends every connection."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # Wakes accept(); close() would not.
        except OSError:
            pass
        self._listener.close()
        for connection in list(self.connections):
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def note(self, request):
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for(self, condition, what, seconds=10.0):
        """Waits until `condition(self)`; raises AssertionError after `seconds`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition(self):
                if not self._changed.wait(min(0.05, max(0.0, deadline - time.monotonic()))):
                    if time.monotonic() >= deadline:
                        raise AssertionError(f"{what}: not within {seconds} s")

    def wait_requests(self, count, seconds=10.0):
        self.wait_for(lambda _: len(self.requests) >= count, f"{count} requests upstream", seconds)
        return self.requests

    @property
    def bytes_received(self):
        return sum(len(connection.received) for connection in list(self.connections))

    def _accept(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.settimeout(IDLE_SECONDS_MAX)
            if stream.family == socket.AF_INET:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, stream, len(self.connections) + 1)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.handler(connection)
        except OSError:
            pass  # The peer went away, or close() was called.
        except Exception as error:  # noqa: BLE001 (told by the test that owns this origin)
            self.errors.append(error)
        finally:
            connection.socket.close()
            with self._changed:
                self._changed.notify_all()
