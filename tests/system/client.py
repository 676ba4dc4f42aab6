"""A raw HTTP/1.1 client: sends any bytes, and tells a whole answer from one that broke off."""

import socket
from dataclasses import dataclass, field

RECEIVE_BYTES = 1 << 16


class Truncated(Exception):
    """The connection ended before the answer did. `reset` tells how."""

    def __init__(self, got, reset):
        how = "reset" if reset else "closed"
        super().__init__(f"{how} after {len(got)} bytes: {got[-200:]!r}")
        self.got = got
        self.reset = reset


@dataclass
class Response:
    status: int
    version: str
    headers: list[tuple[str, str]] = field(default_factory=list)  # Names in lower case.
    body: bytes = b""
    raw_head: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name):
        """The field's only value; None where there is none."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} stands there {len(values)} times: {values}")
        return values[0] if values else None


def connect(address, timeout=10.0):
    """`address`: "ip:port" or "unix:/path"."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect(address.removeprefix("unix:"))
        return connection
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request_bytes(method="GET", target="/", headers=(), body=b"", host="service.test"):
    """A whole request. Content-Length is added where there is a body and no framing is given."""
    lines = [f"{method} {target} HTTP/1.1"]
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*pieces, trailers=()):
    """`pieces` as a chunked body."""
    out = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return out + b"0\r\n" + lines.encode("latin-1") + b"\r\n"


class Client:
    """One connection. Every wait ends after `timeout` seconds with TimeoutError."""

    def __init__(self, address, timeout=10.0):
        self.socket = connect(address, timeout)
        self._buffer = bytearray()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a reset instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method="GET", target="/", headers=(), body=b"", **options):
        self.send(request_bytes(method, target, headers, body, **options))
        return self.response(method)

    def _more(self):
        """Receives once; False at the end of the stream."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except ConnectionResetError as error:
            raise Truncated(bytes(self._buffer), reset=True) from error
        self._buffer += data
        return bool(data)

    def until(self, mark):
        """Takes everything up to and including `mark`."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark))
            if not self._more():
                raise Truncated(bytes(self._buffer), reset=False)
        return self.take(at + len(mark))

    def take(self, count):
        """Takes `count` bytes; raises Truncated where fewer come."""
        while len(self._buffer) < count:
            if not self._more():
                raise Truncated(bytes(self._buffer), reset=False)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def rest(self):
        """Everything up to the end of the stream; raises Truncated at a reset."""
        while self._more():
            pass
        return self.take(len(self._buffer))

    def is_closed(self):
        """Waits for the peer's end; True when nothing but an orderly end came."""
        return self.rest() == b""

    def response(self, method="GET"):
        """The next answer, whole: interim ones (1xx but 101) included, one at a time."""
        head = self.until(b"\r\n\r\n")
        status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
        version, _, rest = status_line.partition(" ")
        answer = Response(int(rest[:3]), version, raw_head=head)
        answer.headers = [_field(line) for line in lines]
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        length = answer.header("content-length")
        if answer.header("transfer-encoding") == "chunked":
            self._read_chunks(answer)
        elif length is not None:
            answer.body = self.take(int(length))
        else:
            answer.body = self.rest()
        return answer

    def _read_chunks(self, answer):
        pieces = []
        while size := int(self.until(b"\r\n")[:-2], 16):
            pieces.append(self.take(size))
            if self.take(2) != b"\r\n":
                raise AssertionError("no line end behind a chunk")
        answer.body = b"".join(pieces)
        while (line := self.until(b"\r\n")[:-2]) != b"":
            answer.trailers.append(_field(line.decode("latin-1")))


def _field(line):
    name, colon, value = line.partition(":")
    if not colon:
        raise AssertionError(f"a header line without colon: {line!r}")
    return name.lower(), value.strip(" \t")
