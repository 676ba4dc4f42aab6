"""One measurement: an upstream of known capacity, a fresh gateway before it, and an open loop."""

import contextlib
import os
import pathlib
import re
import tempfile
import time
import urllib.request
from dataclasses import dataclass

import gateways
from sessions import Target
import load_process

HERE = pathlib.Path(__file__).resolve().parent
CRITICAL_EVERY = 4            # Of the requests one is CRITICAL, the others are SHEDDABLE.
FACTOR_CALM = 0.5
FACTOR_BEFORE_DROP = 3.0
FACTOR_AFTER_DROP = 0.5
RECOVERED_MIN = 0.95          # Of the requests of RECOVERED_WINDOW_S answered.
RECOVERED_WINDOW_S = 0.5
RECOVERED_STEP_S = 0.1
BEHIND_MAX_S = 0.25           # The last request may be due so long before the end of the load.
WAITED_MAX = 0.05             # Of the time; above it neighbours wanted the gateway's core.
BUSY_MAX = 0.90               # Of the core; above it the processor was the limit.
CONNECTIONS_SPARE = 64
GATEWAY_CONNECTIONS = 1 << 14
DAMAGED = ("malformed", "wrong_bytes", "truncated")
BROKEN = ("reset", "closed_early")
ADMIN_SECONDS_MAX = 5
DECISION = re.compile(
    r'^sluice_guard_decisions_total\{(?=.*decision="denied")(.*)\} (\d+)', re.M)
LABEL = re.compile(r'(guard|rule)="([^"]*)"')


TARGETS = {target.name: target for target in (
    Target("sluice", "sluice"),
    Target("sluice-fixed", "sluice", frozenset({"fixed"})),
    Target("sluice-queue", "sluice", frozenset({"fixed", "ungated"})),
    Target("haproxy", "haproxy"),
    Target("nginx", "nginx"),
    Target("nginx-reserving", "nginx", frozenset({"reserving"})),
    Target("direct", "direct"),
)}
TEMPLATES = {"sluice": "sluice.yaml.in", "haproxy": "haproxy.cfg.in", "nginx": "nginx.conf.in"}


@dataclass(frozen=True)
class Setting:
    """What all measurements of a session share. Times are seconds."""

    load: str          # Path of sluice-load.
    binaries: dict     # Kind → path or None.
    workers: int       # Of the upstream.
    service_ms: float  # That a worker takes.
    seconds: float     # Of a load's measured part.
    warmup: float      # Of load before it.
    calm: float        # At half the capacity before that: what is overloaded was well once.
    recovery: float    # Watched after the load has fallen.
    timeout: float     # After which a client gives up.
    gateway_core: int
    load_core: int

    @property
    def capacity(self):
        """Requests per second that the upstream can do at most."""
        return self.workers * 1000 / self.service_ms


@dataclass(frozen=True)
class Outcome:
    """What came of one request."""

    number: int
    due: float      # Seconds of the monotonic clock.
    latency: float  # Seconds from when it was due.
    word: str       # A status, or the name of a failure.

    @property
    def critical(self):
        return self.number % CRITICAL_EVERY == 0


def read_outcomes(path):
    """The outcomes that sluice-load wrote, in the order in which the requests were due."""
    outcomes = []
    with open(path, encoding="ascii") as file:
        for line in file:
            number, due_us, latency_us, word = line.split()
            outcomes.append(Outcome(int(number), int(due_us) / 1e6, int(latency_us) / 1e6, word))
    return sorted(outcomes, key=lambda outcome: outcome.due)


def percentile(values, ratio):
    """The value that `ratio` of them do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[int(ratio * (len(ordered) - 1))] if ordered else None


def success(outcomes):
    """Part of the requests that got a 200 in time; None of nothing."""
    if not outcomes:
        return None
    return sum(outcome.word == "200" for outcome in outcomes) / len(outcomes)


def steady_figures(outcomes, setting):
    """Goodput, latencies and success of the requests that were due in the measured part."""
    begin = outcomes[0].due + setting.warmup
    measured = [outcome for outcome in outcomes
                if begin <= outcome.due < begin + setting.seconds]
    admitted = [outcome.latency for outcome in measured if outcome.word == "200"]
    goodput = len(admitted) / setting.seconds
    words = {}
    for outcome in measured:
        words[outcome.word] = words.get(outcome.word, 0) + 1
    return {
        "offered_per_second": len(measured) / setting.seconds,
        "goodput_per_second": goodput,
        "goodput": goodput / setting.capacity,
        "p50_ms": in_ms(percentile(admitted, 0.50)),
        "p99_ms": in_ms(percentile(admitted, 0.99)),
        "critical": success([outcome for outcome in measured if outcome.critical]),
        "sheddable": success([outcome for outcome in measured if not outcome.critical]),
        "words": words,
    }


def in_ms(seconds):
    return None if seconds is None else seconds * 1000


def seconds_to_recover(outcomes, drop, watched):
    """Seconds from `drop` until RECOVERED_MIN of the requests of a window succeed.

    None when that never was within the `watched` seconds.
    """
    for step in range(int(max(watched - RECOVERED_WINDOW_S, 0) / RECOVERED_STEP_S) + 1):
        begin = drop + step * RECOVERED_STEP_S
        window = [outcome for outcome in outcomes
                  if begin <= outcome.due < begin + RECOVERED_WINDOW_S]
        if window and success(window) >= RECOVERED_MIN:
            return step * RECOVERED_STEP_S
    return None


def scratch_folder():
    """A temporary folder in memory, so that nothing waits for a disk."""
    shared_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="sluice-overload-", dir=shared_memory)


def load_on(core, setting, arguments):
    """sluice-load, pinned to `core`."""
    return load_process.LoadProcess(
        "taskset", ["--cpu-list", str(core), setting.load, *map(str, arguments)])


def start_upstream(setting):
    return load_on(setting.load_core, setting, [
        "--serve", "127.0.0.1:0", "--workers", setting.workers,
        "--service-ms", setting.service_ms])


def start_clients(setting, address, rate, *, seconds, warmup, seed, outcomes, pids=()):
    """Clients that never wait for each other: there are connections for all that may be open."""
    return load_on(setting.load_core, setting, [
        "--target", address, "--rate", rate, "--poisson", "--seed", seed,
        "--connections", int(rate * setting.timeout) + CONNECTIONS_SPARE,
        "--timeout", setting.timeout, "--grace", setting.timeout + 1,
        "--seconds", seconds, "--warmup", warmup,
        "--critical-every", CRITICAL_EVERY, "--outcomes", outcomes,
        *(["--cpu-of", *pids] if pids else [])])


def template_for(kind, setting, directory):
    """The template of a gateway with what it is told of the upstream filled in."""
    rate = int(setting.capacity * 0.98)
    sheddable_rate = int(setting.capacity * (1 - 1 / CRITICAL_EVERY))
    places = {
        "@WORKERS@": setting.workers, "@RATE@": rate, "@BURST@": max(rate // 10, 1),
        "@SHEDDABLE_RATE@": sheddable_rate, "@SHEDDABLE_BURST@": max(sheddable_rate // 10, 1),
        "@HALF_RATE@": max(rate // 2, 1),
    }
    text = (HERE / TEMPLATES[kind]).read_text(encoding="utf-8")
    for place, value in places.items():
        text = text.replace(place, str(value))
    path = pathlib.Path(directory) / TEMPLATES[kind]
    path.write_text(text, encoding="utf-8")
    return path


class Scene:
    """Upstream and gateway of one measurement. Use open_scene()."""

    def __init__(self, upstream, gateway, directory):
        self.upstream, self.gateway = upstream, gateway
        self.directory = pathlib.Path(directory)
        self.address = gateway.address if gateway else upstream.address
        self.pids = gateway.pids() if gateway else ()


@contextlib.contextmanager
def open_scene(target, setting):
    """Starts upstream and gateway and ends both. Raises GatewayError and LoadError."""
    with scratch_folder() as directory, start_upstream(setting) as upstream:
        gateway = None
        if target.kind != "direct":
            gateway = gateways.start_gateway(
                target.kind, setting.binaries.get(target.kind),
                template_for(target.kind, setting, directory), directory,
                upstream=upstream.address, core=setting.gateway_core, tags=target.tags,
                connections=GATEWAY_CONNECTIONS)
        try:
            yield Scene(upstream, gateway, directory)
        finally:
            if gateway:
                gateway.stop()


def finish(clients, seconds):
    """Waits for clients that run for `seconds` and returns their report."""
    deadline = time.monotonic() + seconds
    while clients.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    return clients.report()


def refusals(gateway):
    """Who of Sluice refused how many, warm-up included; empty for others."""
    if not gateway or gateway.kind != "sluice":
        return {}
    try:
        with urllib.request.urlopen(f"http://{gateway.admin}/metrics",
                                    timeout=ADMIN_SECONDS_MAX) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = {}
    for labels, count in DECISION.findall(text):
        names = dict(LABEL.findall(labels))
        found[f"{names.get('guard')}/{names.get('rule')}"] = int(count)
    return {name: count for name, count in found.items() if count}


def record_of(scene, reports, figures, behind):
    """The record of one run: {"figures", "errors", "unfit", "notes"}."""
    errors, notes = [], []
    failures = {}
    for report in reports:
        for name, count in report["failures"].items():
            failures[name] = failures.get(name, 0) + count
    errors += [f"{failures[name]} answers {name}" for name in DAMAGED if failures[name]]
    if scene.gateway and not scene.gateway.alive():
        errors.append("gateway died: " + scene.gateway.complaints())
    notes += [f"{name}" for name in BROKEN if failures[name]]
    served = scene.upstream.stop()["upstream"]
    if served["bad_requests"]:
        errors.append(f"upstream got {served['bad_requests']} damaged requests")
    figures["wasted"] = served["wasted"]
    figures["refused_by"] = refusals(scene.gateway)
    cpu = reports[0].get("cpu")
    if cpu:
        figures["busy_ratio"] = cpu["busy_ratio"]
        notes += ["disturbed"] if cpu["waited_ratio"] > WAITED_MAX else []
        notes += ["processor-bound"] if cpu["busy_ratio"] > BUSY_MAX else []
    unfit = ["the generator fell behind"] if behind > BEHIND_MAX_S else []
    return {"figures": figures, "errors": errors, "unfit": unfit, "notes": notes}


def failed_record(error):
    return {"figures": None, "errors": [str(error)], "unfit": [], "notes": []}


def pass_calmly(scene, setting, seed):
    """Half the capacity for a while; nothing of it counts but damage."""
    with start_clients(setting, scene.address, FACTOR_CALM * setting.capacity,
                       seconds=setting.calm, warmup=0, seed=seed,
                       outcomes=scene.directory / "calm.txt") as clients:
        return finish(clients, setting.calm)


def measure_steady(target, factor, setting, seed):
    """Measures at `factor` times the capacity. Never raises for a bad run."""
    length = setting.warmup + setting.seconds
    try:
        with open_scene(target, setting) as scene:
            path = scene.directory / "outcomes.txt"
            before = [pass_calmly(scene, setting, seed + 1)] if setting.calm > 0 else []
            with start_clients(setting, scene.address, factor * setting.capacity,
                               seconds=setting.seconds, warmup=setting.warmup, seed=seed,
                               outcomes=path, pids=scene.pids) as clients:
                report = finish(clients, length)
            outcomes = read_outcomes(path)
            if not outcomes:
                return failed_record("no request was sent")
            behind = outcomes[0].due + length - outcomes[-1].due
            return record_of(scene, [report, *before], steady_figures(outcomes, setting), behind)
    except (gateways.GatewayError, load_process.LoadError) as error:
        return failed_record(error)


def measure_recovery(target, setting, seed):
    """Lets the load fall and measures until the gateway serves all again. Never raises."""
    overload = setting.warmup + setting.seconds
    length = overload + setting.recovery
    rate = FACTOR_AFTER_DROP * setting.capacity
    surge_rate = (FACTOR_BEFORE_DROP - FACTOR_AFTER_DROP) * setting.capacity
    try:
        with open_scene(target, setting) as scene:
            paths = [scene.directory / "steady.txt", scene.directory / "surge.txt"]
            with start_clients(setting, scene.address, rate, seconds=length, warmup=0, seed=seed,
                               outcomes=paths[0], pids=scene.pids) as steady, \
                    start_clients(setting, scene.address, surge_rate, seconds=overload, warmup=0,
                                  seed=seed + 1, outcomes=paths[1]) as surge:
                reports = [finish(surge, overload), finish(steady, setting.recovery)]
                reports.reverse()
            outcomes, surged = map(read_outcomes, paths)
            if not outcomes or not surged:
                return failed_record("no request was sent")
            drop = surged[0].due + overload
            seconds = seconds_to_recover(outcomes, drop, setting.recovery)
            behind = max(outcomes[0].due + length - outcomes[-1].due, drop - surged[-1].due)
            figures = {"recovered": seconds is not None, "recovery_seconds": seconds}
            return record_of(scene, reports, figures, behind)
    except (gateways.GatewayError, load_process.LoadError) as error:
        return failed_record(error)
