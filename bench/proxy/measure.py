"""One measurement: a fresh gateway on one core, sluice-load on another, and what came of it."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

import gateways
from sessions import Target

HERE = pathlib.Path(__file__).resolve().parent
RATE_ACHIEVED_MIN = 0.98   # Of the asked rate; below it a run is invalid.
BUSY_MIN = 0.60            # Of the core; below it a saturated run is invalid.
BUSY_FULL = 0.92           # Of the core; below it the generator set the pace.
WAITED_MAX = 0.05          # Of the time; above it neighbours wanted the gateway's core.
LARGE_ANSWER_BYTES = 4096  # From here on nginx gets the buffers that suit it.
GENERATOR_EXTRA_SECONDS = 15
RELEASE_SECONDS_MAX = 20


TARGETS = {target.name: target for target in (
    Target("sluice", "sluice", frozenset({"policies", "log"})),
    Target("sluice-nolog", "sluice", frozenset({"policies"})),
    Target("sluice-all", "sluice", frozenset({"every", "log"})),
    Target("sluice-none", "sluice", frozenset({"bare", "log"})),
    Target("sluice-release", "sluice", frozenset({"policies", "log", "release"})),
    Target("haproxy", "haproxy", frozenset({"policies", "log"})),
    Target("haproxy-bare", "haproxy"),
    Target("nginx", "nginx", frozenset({"policies", "log"})),
    Target("nginx-bare", "nginx"),
    Target("relay", "relay"),
    Target("direct", "direct"),
)}
TEMPLATES = {"sluice": "sluice.yaml.in", "haproxy": "haproxy.cfg.in", "nginx": "nginx.conf.in",
             "relay": "relay.args.in"}
LOGS = {"sluice": "access.log", "haproxy": "stdout.txt", "nginx": "access.log"}


@dataclass(frozen=True)
class Cell:
    """One question: answers of this size, in this mode."""

    mode: str   # "saturated" or "rate".
    size: int   # Bytes of an answer's body.


@dataclass(frozen=True)
class Setting:
    """What all measurements of a session share."""

    load: str         # Path of sluice-load.
    binaries: dict    # Kind → path or None.
    seconds: float
    warmup: float
    rate: float
    connections: int
    gateway_core: int
    load_core: int


def scratch_folder():
    """A temporary folder in memory, so that no log waits for a disk."""
    shared_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="sluice-bench-", dir=shared_memory)


class Upstream:
    """The listening socket that every generator of the session serves answers on."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(4096)
        self.socket.setblocking(False)
        self.socket.set_inheritable(True)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def drop_leftovers(self):
        """Closes connections that nobody accepted when the last generator had ended."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()

    def close(self):
        self.socket.close()


def load_command(setting, cell, upstream, target_address, *, warmup, pids=()):
    """The generator's command line."""
    command = [
        "taskset", "--cpu-list", str(setting.load_core), setting.load,
        "--serve-fd", str(upstream.socket.fileno()), "--target", target_address, "--spin",
        "--connections", str(setting.connections), "--answer-bytes", str(cell.size),
        "--seconds", str(setting.seconds), "--warmup", str(warmup)]
    if cell.mode == "rate":
        command += ["--rate", str(setting.rate)]
    if pids:
        command += ["--cpu-of", *map(str, pids)]
    return command


def run_generator(command, upstream, setting):
    """Runs the generator; returns (report or None, what it complained about)."""
    limit = setting.seconds + setting.warmup + GENERATOR_EXTRA_SECONDS
    try:
        done = subprocess.run(
            command, pass_fds=[upstream.socket.fileno()], capture_output=True, text=True,
            timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None, f"generator did not end within {limit:.0f} s"
    try:
        return json.loads(done.stdout.splitlines()[-1]), done.stderr.strip()
    except (IndexError, ValueError):
        return None, f"generator ended with {done.returncode}: {done.stderr.strip()}"


def start_target(target, setting, cell, upstream, directory):
    """Starts the gateway of `target`."""
    tags = target.tags | ({"large"} if cell.size > LARGE_ANSWER_BYTES else frozenset())
    gateway = gateways.start_gateway(
        target.kind, setting.binaries.get(target.kind), HERE / TEMPLATES[target.kind], directory,
        upstream=upstream.address, tags=tags, core=setting.gateway_core)
    if "release" in tags:
        begin_release(gateway)
    return gateway


def ask_admin(gateway, method, path):
    """What the admin API of a Sluice answers, as a dictionary."""
    connection = http.client.HTTPConnection(gateway.admin, timeout=10)
    with contextlib.closing(connection):
        body = "{}" if method == "POST" else None
        connection.request(method, path, body, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read())


def begin_release(gateway):
    """Starts the release of the template and waits until its candidate has its users."""
    try:
        ask_admin(gateway, "POST", "/api/v1/releases/next/start")
        deadline = time.monotonic() + RELEASE_SECONDS_MAX
        while ask_admin(gateway, "GET", "/api/v1/releases/next").get("state") != "baking":
            if time.monotonic() > deadline:
                raise gateways.GatewayError("the release does not begin")
            time.sleep(0.05)
    except (OSError, ValueError, gateways.GatewayError) as error:
        gateway.stop()
        raise gateways.GatewayError(f"release: {error}") from error


def errors_of(report):
    """What went wrong in a run; empty when every answer was right."""
    errors = []
    if report["failed"]:
        kinds = {**report["failures"], **report["statuses"]}
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.items()
                         if count and kind != "200")
        errors.append(f"{report['failed']} failed requests ({told})")
    upstream = report["upstream"]
    if upstream["bad_requests"]:
        errors.append(f"upstream got {upstream['bad_requests']} damaged requests")
    if upstream["requests"] < report["answered"]:
        errors.append("answers that did not come from the upstream")
    if report["measured"]["requests"] == 0:
        errors.append("nothing was answered")
    return errors


def unfit_of(report, setting, cell):
    """Why a run without errors says nothing about the question of its cell; empty when it does."""
    achieved = report["measured"]["per_second"]
    cpu = report.get("cpu")
    if cell.mode == "rate":
        enough = achieved >= RATE_ACHIEVED_MIN * setting.rate
        return [] if enough else [f"achieved {achieved:.0f} of {setting.rate:.0f} requests/s"]
    if cpu and cpu["busy_ratio"] < BUSY_MIN:
        return [f"not saturated: the gateway ran {cpu['busy_ratio']:.0%} of the time "
                f"and waited for its core {cpu['waited_ratio']:.0%}"]
    return []


def notes_of(report, cell):
    """What a reader should know of a run that counts."""
    cpu = report.get("cpu")
    if not cpu:
        return []
    notes = []
    if cpu["waited_ratio"] > WAITED_MAX:
        notes.append("disturbed")
    if cell.mode == "saturated" and cpu["busy_ratio"] + cpu["waited_ratio"] < BUSY_FULL:
        notes.append("generator-bound")
    return notes


def count_lines(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def judged(report, complaint, setting, cell):
    """The record of one run: {"report", "errors", "unfit", "notes"}."""
    if report is None:
        return {"report": None, "errors": [complaint], "unfit": [], "notes": []}
    return {"report": report, "errors": errors_of(report),
            "unfit": unfit_of(report, setting, cell), "notes": notes_of(report, cell)}


def measure(target, cell, setting, upstream):
    """Measures once and returns judged(). Never raises for a bad run."""
    upstream.drop_leftovers()
    if target.kind == "direct":
        command = load_command(setting, cell, upstream, upstream.address, warmup=setting.warmup)
        return judged(*run_generator(command, upstream, setting), setting, cell)
    with scratch_folder() as directory:
        try:
            gateway = start_target(target, setting, cell, upstream, directory)
        except gateways.GatewayError as error:
            return judged(None, str(error), setting, cell)
        try:
            command = load_command(setting, cell, upstream, gateway.address,
                                   warmup=setting.warmup, pids=gateway.pids())
            record = judged(*run_generator(command, upstream, setting), setting, cell)
        finally:
            survived = gateway.alive()
            gateway.stop()
        if not survived:
            record["errors"].append("gateway died: " + gateway.complaints())
        if record["report"] and "log" in target.tags:
            lines = count_lines(pathlib.Path(directory) / LOGS[target.kind])
            answered = record["report"]["answered"]
            if lines < answered:
                record["errors"].append(f"log has {lines} lines of {answered} requests")
        return record


def perf_works():
    """Whether perf may count system calls here."""
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 and re.search(r"^\d+,", done.stderr, re.M) is not None


def count_syscalls(target, cell, setting, upstream):
    """System calls per request of a gateway, in a pass of its own; (None, why not) when unknown.

    perf counts in the kernel and hardly disturbs; strace stops the gateway at each call, so that
    it sees fewer events per wake-up than it would alone.
    """
    upstream.drop_leftovers()
    with scratch_folder() as directory:
        try:
            gateway = start_target(target, setting, cell, upstream, directory)
        except gateways.GatewayError as error:
            return None, str(error)
        try:
            command = load_command(setting, cell, upstream, gateway.address, warmup=0)
            if perf_works():
                return _count_with_perf(command, gateway, upstream, setting)
            if shutil.which("strace"):
                return _count_with_strace(command, gateway, upstream, setting)
            return None, "neither perf nor strace"
        finally:
            gateway.stop()


def _count_with_perf(command, gateway, upstream, setting):
    output = pathlib.Path(gateway.values["DIRECTORY"]) / "perf.csv"
    pids = ",".join(map(str, gateway.pids()))
    counted = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", pids,
               "-o", str(output), "--", *command]
    report, complaint = run_generator(counted, upstream, setting)
    found = re.search(r"^(\d+),", output.read_text(), re.M) if output.exists() else None
    if not report or not found or not report["answered"]:
        return None, complaint or "perf counted nothing"
    return int(found[1]) / report["answered"], "perf"


def _count_with_strace(command, gateway, upstream, setting):
    output = pathlib.Path(gateway.values["DIRECTORY"]) / "strace.txt"
    attach = [argument for pid in gateway.pids() for argument in ("-p", str(pid))]
    with open(output.with_suffix(".err"), "w+") as said:
        strace = subprocess.Popen(["strace", "-c", "-f", "-o", str(output), *attach], stderr=said)
        try:
            _wait_until_attached(strace, pathlib.Path(said.name))
            report, complaint = run_generator(command, upstream, setting)
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(GENERATOR_EXTRA_SECONDS)
    total = re.search(r"^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total$",
                      output.read_text(), re.M)
    if not report or not total or not report["answered"]:
        return None, complaint or "strace counted nothing"
    return int(total[1]) / report["answered"], "strace"


def _wait_until_attached(strace, said):
    deadline = time.monotonic() + 5
    while "attached" not in said.read_text() and strace.poll() is None:
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
