#!/usr/bin/env python3
"""How much memory an idle client connection costs a gateway.

    bench/memory/idle.py                       10,000 connections through Sluice
    bench/memory/idle.py --gateway nginx       the same through a peer

Opens the connections one after the other, each of which sends one request and reads the answer,
and compares the resident memory of the gateway's processes before and while they are idle. (What
the kernel holds for a socket is not in it; it is the same for every gateway.) At the end every
connection must answer again. The bar for Sluice: at most 4 KiB each.

Exit codes: 0 within the bar, 1 above it or a connection was lost, 2 usage, 3 something is missing.
"""

import argparse
import json
import pathlib
import resource
import signal
import socket
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

import gateways  # noqa: E402
from load_process import LoadError, LoadProcess, resident_bytes  # noqa: E402

BAR_BYTES = 4096
OTHER_DESCRIPTORS = 200  # Of a gateway or of this program, besides the connections.
ANSWER_SECONDS_MAX = 10
SETTLE_SECONDS = 0.5
ANSWER_BYTES = 128
TEMPLATES = {"sluice": "proxy/sluice.yaml.in", "nginx": "proxy/nginx.conf.in",
             "haproxy": "proxy/haproxy.cfg.in"}


class LostConnection(Exception):
    """A connection did not give the answer it should."""


def allow_descriptors(count):
    """Raises the limit of this process and its children to `count`; False when it may not."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
        except (ValueError, OSError):
            return False
        return True
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True


def ask(connection, number):
    """One request and its whole answer."""
    connection.sendall(
        f"GET /{ANSWER_BYTES}/{number:010} HTTP/1.1\r\nHost: bench.test\r\n"
        f"X-User-Id: u{number % 1000:05}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < ANSWER_BYTES:
        part = connection.recv(4096)
        if not part:
            raise LostConnection(f"connection {number} was closed")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200 ") or f"{number:010}".encode() not in answer:
        raise LostConnection(f"connection {number} got another answer: {answer[:80]!r}")


def open_connections(address, count):
    host, port = address.rsplit(":", 1)
    connections = []
    for number in range(count):
        connection = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS_MAX)
        connections.append(connection)
        ask(connection, number)
    return connections


def settled_bytes(gateway):
    """Resident memory once housekeeping had a moment."""
    time.sleep(SETTLE_SECONDS)
    return resident_bytes(gateway.pids())


def measure(gateway, load, count):
    """Returns the figures; raises LostConnection."""
    # Pools, tables and buffers that any traffic needs must not be counted as a connection's.
    warm = ["--target", gateway.address, "--connections", "64", "--requests", "20000",
            "--seconds", "20", "--answer-bytes", str(ANSWER_BYTES)]
    with LoadProcess(load, warm) as clients:
        if clients.report()["failed"]:
            raise LostConnection("requests failed before any connection was idle")
    before = settled_bytes(gateway)
    begin = time.monotonic()
    connections = open_connections(gateway.address, count)
    opening = time.monotonic() - begin
    idle = settled_bytes(gateway)
    for number, connection in enumerate(connections):
        ask(connection, number)
    used_again = settled_bytes(gateway)
    for connection in connections:
        connection.close()
    return {"connections": count, "opening_seconds": round(opening, 1),
            "resident_before": before, "resident_idle": idle,
            "resident_after_second_request": used_again,
            "resident_after_close": settled_bytes(gateway),
            "bytes_per_connection": round((max(idle, used_again) - before) / count)}


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--connections", type=int, default=10_000)
    add("--gateway", choices=sorted(TEMPLATES), default="sluice")
    add("--bar-bytes", type=int, default=BAR_BYTES, help="at most so much per connection")
    add("--sluice", help="path of the sluice binary, default build/release/bin/sluice")
    add("--load", help="path of sluice-load")
    options = parser.parse_args(arguments)
    if not 1 <= options.connections <= 25_000:
        parser.error("--connections: 1 .. 25000 (one client address has no more ports)")
    needed = options.connections + OTHER_DESCRIPTORS
    if not allow_descriptors(needed):
        parser.error(f"{needed} open files are needed and this user may have "
                     f"{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}: raise `ulimit -Hn` or "
                     "take fewer --connections")
    return options


def run(options, directory):
    load = gateways.find_load(options.load)
    binary = (gateways.find_sluice(options.sluice) if options.gateway == "sluice"
              else gateways.find_binary(options.gateway))
    with LoadProcess(load, ["--serve", "127.0.0.1:0"]) as upstream:
        gateway = gateways.start_gateway(
            options.gateway, binary, BENCH / TEMPLATES[options.gateway], directory,
            upstream=upstream.address, tags={"policies"},
            connections=2 * options.connections + OTHER_DESCRIPTORS)
        try:
            return measure(gateway, load, options.connections)
        finally:
            gateway.stop()


def main(arguments):
    options = parse_options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-idle-") as directory:
            found = run(options, directory)
    except (gateways.GatewayError, LoadError) as error:
        print(error, file=sys.stderr)
        return 3
    except (LostConnection, OSError) as error:
        print(json.dumps({"gateway": options.gateway, "passed": False, "wrong": str(error)}))
        return 1
    passed = found["bytes_per_connection"] <= options.bar_bytes
    print(json.dumps({"gateway": options.gateway, "passed": passed,
                      "bar_bytes": options.bar_bytes, **found}, indent=1))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
