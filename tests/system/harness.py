"""What system tests stand on: a real `sluice serve` on free ports, and everything around it ended.

No fixed ports, no sleeping in the hope that something happened: `wait_until` polls with a deadline.
Every case has SECONDS_MAX; every process is started and ended by its own id.
"""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from client import Client
from origin import Origin

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 60  # For one case, on a busy machine and with sanitizers.
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
TROUBLE = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error|assertion failed|^bug:", re.M
)


def program(variable, name):
    """The path of a program of ours: from the environment, else from a build that has it."""
    given = os.environ.get(variable)
    if given:
        return given
    for preset in ("dev", "release", "bench", "clang"):
        path = ROOT / "build" / preset / "bin" / name
        if os.access(path, os.X_OK):
            return str(path)
    raise AssertionError(f"{name} is not built; name it by {variable}")


def wait_until(condition, what, seconds=10.0):
    """Polls `condition` until it is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def gateway_config(*endpoints, listener=None, upstream=None, route=None, **top):
    """One listener, one upstream `origin`, one route `all`; each argument adds to its part."""
    return {
        "admin": {"listen": "127.0.0.1:0"},
        "workers": 1,
        "listeners": [{"name": "public", "listen": "127.0.0.1:0", **(listener or {})}],
        "upstreams": [{"name": "origin", "endpoints": list(endpoints), **(upstream or {})}],
        "routes": [
            {"name": "all", "match": {"path_prefix": "/"}, "upstream": "origin", **(route or {})}
        ],
        "telemetry": {"access_log": {"path": "off"}},
        **top,
    }


def run_sluice(*arguments, seconds=20, **options):
    """Runs a verb of `sluice` to its end."""
    return subprocess.run(
        [program("SLUICE_BIN", "sluice"), *map(str, arguments)], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=seconds, check=False, **options)


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    """User and system time of the process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_running(pid):
    """False for no process and for a dead one that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Sluice:
    """A running gateway. `config` is a mapping, or the text of a file."""

    def __init__(self, config, directory, *, options=(), environment=None, files_max=None):
        self.directory = Path(directory)
        self.config_path = self.directory / "sluice.yaml"
        self.write(config)
        self.start_command(["serve", "--config", str(self.config_path), *options],
                           environment, files_max)

    def start_command(self, arguments, environment=None, files_max=None):
        """Starts `sluice` in its directory; what it says goes into files there."""
        self.errors_path = self.directory / "stderr.txt"
        command = [program("SLUICE_BIN", "sluice"), *arguments]
        if files_max is not None:
            command = ["prlimit", f"--nofile={files_max}:{files_max}", *command]
        with open(self.errors_path, "ab") as errors, \
                open(self.directory / "stdout.txt", "ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                cwd=self.directory, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def write(self, config):
        """Replaces the configuration file at one stroke. JSON is YAML."""
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, self.config_path)

    def said(self):
        """Everything on stderr so far."""
        return self.errors_path.read_text(encoding="utf-8", errors="replace")

    def wait_said(self, pattern, seconds=10.0):
        """Waits for a line on stderr and returns the match."""
        found = f"{pattern!r} on stderr"
        return wait_until(lambda: re.search(pattern, self.said()), found, seconds)

    def wait_serving(self):
        def serves():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()}")
            return re.search(r" serving version=", self.said())

        wait_until(serves, "serving", START_SECONDS_MAX)
        return self

    def address_of(self, listener):
        match = re.findall(rf" listening name={re.escape(listener)} address=(\S+)", self.said())
        if not match:
            raise AssertionError(f"no listener {listener}:\n{self.said()}")
        return match[-1]

    @property
    def address(self):
        return self.address_of("public")

    @property
    def admin(self):
        return re.findall(r" admin_listening address=(\S+)", self.said())[-1]

    def ask(self, path, method="GET", body=None, headers=None, address=None):
        """(status, text) of one request to the admin API."""
        connection = http.client.HTTPConnection(address or self.admin, timeout=10)
        try:
            sent = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body=body, headers={**sent, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def page(self, path):
        """A page of the admin API as JSON."""
        status, text = self.ask(path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text}")
        return json.loads(text)

    def post(self, path, body="{}"):
        return self.ask(path, "POST", body if isinstance(body, str) else json.dumps(body))

    def metric(self, name, **labels):
        """The sum of the samples `name` that have these labels; 0 where there are none."""
        total = 0.0
        for line in self.ask("/metrics")[1].splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                has = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if labels.items() <= has.items():
                    total += float(match[3])
        return total

    def guard(self, name):
        return next(g for g in self.page("/api/v1/guards")["guards"] if g["name"] == name)

    def log(self):
        """The lines of the access log that have been written, from `access.log`."""
        path = self.directory / "access.log"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS_MAX):
        """The exit code."""
        return self.process.wait(seconds)

    def stop(self):
        """Ends it, whatever state it is in; raises AssertionError when it was unwell."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not end after two SIGTERM:\n{self.said()}") from None
        code = self.process.returncode
        is_ours = code in (-signal.SIGKILL, -signal.SIGTERM)
        if TROUBLE.search(self.said()) or code < 0 and not is_ours:
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()[-6000:]}")


class SystemTest(unittest.TestCase):
    """Everything it starts is ended in reverse order, whatever became of the case."""

    maxDiff = 4000
    SECONDS_MAX = SECONDS_MAX

    def run(self, result=None):
        def late(*_):
            raise AssertionError(f"the case took more than {self.SECONDS_MAX} s")

        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(self.SECONDS_MAX)
        try:
            return super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def directory(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-test-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def origin(self, handler=None, **options):
        origin = Origin(handler, **options)

        def end():
            origin.close()
            if origin.errors:
                raise AssertionError(f"an upstream met what it did not expect: {origin.errors}")

        self.addCleanup(end)
        return origin

    def start(self, config, **options):
        """Starts a gateway without waiting for it."""
        sluice = Sluice(config, self.directory(), **options)
        self.addCleanup(sluice.stop)
        return sluice

    def sluice(self, config, **options):
        return self.start(config, **options).wait_serving()

    def client(self, address, **options):
        if isinstance(address, Sluice):
            address = address.address
        client = Client(address, **options)
        self.addCleanup(client.close)
        return client

    def get(self, sluice, target="/", method="GET", headers=(), body=b""):
        """One request on a connection of its own."""
        client = Client(sluice.address)
        try:
            return client.request(method, target, headers, body)
        finally:
            client.close()

    def wait_log(self, sluice, count=1):
        """The access log once it has `count` lines."""
        wait_until(lambda: len(sluice.log()) >= count, f"{count} lines in the access log")
        return sluice.log()


def raise_file_limit():
    """As many descriptors for this process as the system lets it have."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
