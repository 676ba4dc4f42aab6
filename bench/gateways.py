"""Starts and stops the gateways that are measured: Sluice and its peers, each from a template.

A template holds @NAME@ for values, and lines that end in "#[tag]" (kept only with that tag) or
"#[no-tag]" (kept only without it). No port is fixed: a free one is taken, and taken anew when
somebody else was faster. Every process is ended by its own pid.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
START_ATTEMPTS = 3

TAG = re.compile(r"\s*#\[(no-)?([a-z_]+)\]\s*$")
PLACE = re.compile(r"@([A-Z_]+)@")


class GatewayError(Exception):
    """A gateway is missing, does not start or has died."""


def fill_template(text, values, tags):
    """Returns `text` with its places filled and only the lines that `tags` allow."""
    lines = []
    for line in text.splitlines():
        tag = TAG.search(line)
        if tag and (tag[2] in tags) == bool(tag[1]):
            continue
        if not line.lstrip().startswith("#"):
            line = PLACE.sub(lambda place: str(values[place[1]]), TAG.sub("", line))
        lines.append(line)
    return "\n".join(lines) + "\n"


def free_port():
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_binary(name):
    """The path of a peer's binary, or None. Debian keeps servers in /usr/sbin."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def find_sluice(given=None):
    """The sluice binary: the given one, else the release build's; None when there is none."""
    path = pathlib.Path(given) if given else ROOT / "build/release/bin/sluice"
    return str(path.resolve()) if os.access(path, os.X_OK) and path.is_file() else None


def find_load(given=None):
    """The sluice-load binary: the given one, else of the first build that has one."""
    if given:
        if not os.access(given, os.X_OK):
            raise GatewayError(f"{given} is not an executable")
        return str(pathlib.Path(given).resolve())
    for preset in ("release", "bench", "dev", "clang"):
        path = ROOT / "build" / preset / "bin" / "sluice-load"
        if os.access(path, os.X_OK):
            return str(path)
    raise GatewayError(
        "sluice-load is not built: cmake --preset release && "
        "cmake --build --preset release --target sluice-load")


def find_relay(load):
    """The sluice-relay beside the sluice-load at `load`, or None."""
    path = pathlib.Path(load).with_name("sluice-relay")
    return str(path) if os.access(path, os.X_OK) else None


def descendants(pid):
    """`pid` and the processes below it, as they are now."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def command_of(kind, binary, config):
    """The command that runs a gateway in the foreground."""
    if kind == "relay":
        return [binary, *pathlib.Path(config).read_text().split()]
    return {
        "sluice": [binary, "serve", "--config", config],
        "haproxy": [binary, "-db", "-f", config],
        "haproxy-master": [binary, "-W", "-f", config],
        "nginx": [binary, "-e", "stderr", "-c", config],
    }[kind]


class Gateway:
    """A running gateway. Use start_gateway()."""

    def __init__(self, kind, process, config, values):
        self.kind = kind
        self.process = process
        self.config = pathlib.Path(config)
        self.values = values
        self.output = values["DIRECTORY"] / "stderr.txt"
        self.address = values["LISTEN"]
        self.admin = values["ADMIN"]

    @property
    def pid(self):
        return self.process.pid

    def pids(self):
        """All its processes: master and workers."""
        return descendants(self.pid)

    def alive(self):
        return self.process.poll() is None

    def complaints(self):
        """The end of what it wrote to stderr."""
        return self.output.read_text(errors="replace")[-2000:]

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit code; kills it when it takes too long."""
        family = self.pids() if self.alive() else []
        if self.alive():
            self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            code = self.process.wait(STOP_SECONDS_MAX)
        return code


def accepts(address):
    """Whether somebody listens at "ip:port"."""
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


def wait_until_ready(gateway):
    """Returns when it accepts connections; raises GatewayError when it ends or never does."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if not gateway.alive():
            raise GatewayError(f"{gateway.kind} ended at its start:\n{gateway.complaints()}")
        if accepts(gateway.address):
            return
        time.sleep(0.01)
    gateway.stop()
    raise GatewayError(f"{gateway.kind} did not listen within {START_SECONDS_MAX} s")


def render(template, values, tags, directory):
    """Writes the configuration into `directory` and returns its path."""
    template = pathlib.Path(template)
    config = pathlib.Path(directory) / template.name.removesuffix(".in")
    config.write_text(fill_template(template.read_text(), values, tags))
    return config


def start_gateway(kind, binary, template, directory, *, upstream, tags=(), core=None,
                  connections=4096):
    """Starts one gateway in front of `upstream` ("ip:port") and waits until it accepts.

    `directory` is its own, for configuration, logs and state. `core` pins all of it to that core;
    `connections` is how many it must be ready for, both sides together.
    Raises GatewayError.
    """
    if not binary:
        raise GatewayError(f"{kind} is neither installed nor built")
    directory = pathlib.Path(directory)
    tags = set(tags) | ({"root"} if os.geteuid() == 0 else set())
    pin = [] if core is None else ["taskset", "--cpu-list", str(core)]
    for attempt in range(1, START_ATTEMPTS + 1):
        values = {
            "LISTEN": f"127.0.0.1:{free_port()}", "ADMIN": f"127.0.0.1:{free_port()}",
            "UPSTREAM": upstream, "DIRECTORY": directory, "LOG": directory / "access.log",
            "USER": "root", "CONNECTIONS": connections,
        }
        config = render(template, values, tags, directory)
        with open(directory / "stdout.txt", "ab") as out, \
                open(directory / "stderr.txt", "wb") as err:
            process = subprocess.Popen(
                pin + command_of(kind, binary, str(config)), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, cwd=directory)
        gateway = Gateway(kind, process, config, values)
        try:
            wait_until_ready(gateway)
            return gateway
        except GatewayError:
            if attempt == START_ATTEMPTS:
                raise
        except BaseException:
            gateway.stop()
            raise
    raise AssertionError("unreachable")
