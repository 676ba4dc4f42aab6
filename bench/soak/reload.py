#!/usr/bin/env python3
"""Reloads a gateway many times under keep-alive load: nothing may fail, nothing may grow.

    bench/soak/reload.py                    1,000 reloads
    bench/soak/reload.py --reloads 30       what the tests run
    bench/soak/reload.py --gateway nginx    what a peer does with the same load

Clients keep their connections and send GET and POST without ever repeating a request. Every reload
changes the configuration, and a probe waits until the change is seen; every tenth is preceded by a
broken file, which must change nothing. Passes when no request failed, no client connection was
closed, and the gateway's descriptors and memory are as flat at the end as near the beginning.

Exit codes: 0 passed, 1 failed, 2 usage, 3 something is missing or does not start.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

import gateways  # noqa: E402
from load_process import LoadError, LoadProcess, open_files, resident_bytes  # noqa: E402

RELOAD_SECONDS_MAX = 10
BROKEN_EVERY = 10
OPEN_FILES_SLACK = 8  # A health check or a probe may be under way at one sample and not at another.
RUN_SECONDS_MAX = 86_400


class ReloadError(Exception):
    """A reload did not do what it should."""


class SluiceReloads:
    """Reloads Sluice by SIGHUP, with real changes, and proves each one."""

    kind = "sluice"
    template = BENCH / "soak/sluice.yaml.in"
    tags = ("variant_a",)

    def __init__(self, gateway):
        self.gateway = gateway
        self.variant = "a"

    def reload(self, index):
        if index % BROKEN_EVERY == 0:
            self._refuse_broken()
        wait_until(lambda: self._metric("sluice_config_generation") >= 1,
                   "the first configuration in force")
        before = self._metric("sluice_config_generation")
        self.variant = "b" if self.variant == "a" else "a"
        self._write({f"variant_{self.variant}"})
        self.gateway.send(signal.SIGHUP)
        wait_until(self._is_in_force, f"variant {self.variant} in force")
        # It counts once every worker serves it; the probe met one that already does.
        wait_until(lambda: self._metric("sluice_config_generation") == before + 1,
                   f"generation {before + 1:.0f}")

    def _refuse_broken(self):
        before = self._metric("sluice_config_generation")
        self._write({f"variant_{self.variant}", "broken"})
        self.gateway.send(signal.SIGHUP)
        wait_until(lambda: self._metric("sluice_config_last_reload_successful") == 0,
                   "the broken file refused")
        if self._metric("sluice_config_generation") != before or not self._is_in_force():
            raise ReloadError("a refused file changed something")

    def _write(self, tags):
        text = gateways.fill_template(self.template.read_text(), self.gateway.values, tags)
        fresh = self.gateway.config.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.gateway.config)

    def _is_in_force(self):
        mine, other = ("a", "b") if self.variant == "a" else ("b", "a")
        return (get(self.gateway.address, f"/variant-{mine}")[0] == 403
                and get(self.gateway.address, f"/variant-{other}")[0] == 404)

    def _metric(self, name):
        status, text = get(self.gateway.admin, "/metrics")
        found = re.search(rf"^{name} (\S+)", text, re.M)
        if status != 200 or not found:
            raise ReloadError(f"/metrics has no {name} (status {status})")
        return float(found[1])


class PeerReloads:
    """Reloads a peer by its signal; a reload is seen when it has new workers.

    HAProxy's master is deaf while it starts itself anew, so the signal is repeated.
    """

    tags = ("policies",)

    def __init__(self, gateway):
        self.gateway = gateway
        self.before = set()

    def reload(self, _index):
        self.before = set(self.gateway.pids())
        for _ in range(RELOAD_SECONDS_MAX):
            self.gateway.send(self.signal)
            with contextlib.suppress(ReloadError):
                return wait_until(self._has_new_worker, "a new worker", seconds_max=1)
        raise ReloadError(f"no new worker within {RELOAD_SECONDS_MAX} s")

    def _has_new_worker(self):
        return set(self.gateway.pids()) - self.before


class NginxReloads(PeerReloads):
    kind = "nginx"
    template = BENCH / "proxy/nginx.conf.in"
    signal = signal.SIGHUP


class HaproxyReloads(PeerReloads):
    kind = "haproxy-master"
    template = BENCH / "proxy/haproxy.cfg.in"
    signal = signal.SIGUSR2


KINDS = {"sluice": SluiceReloads, "nginx": NginxReloads, "haproxy": HaproxyReloads}


def get(address, path):
    """(status, body) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=RELOAD_SECONDS_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def wait_until(holds, what, seconds_max=RELOAD_SECONDS_MAX):
    deadline = time.monotonic() + seconds_max
    while not holds():
        if time.monotonic() > deadline:
            raise ReloadError(f"no sign of {what} within {seconds_max} s")
        time.sleep(0.002)


def client_arguments(address, options, method):
    body = ["--method", "POST", "--body-bytes", "2048"] if method == "POST" else []
    return ["--target", address, "--connections", str(options.connections),
            "--rate", str(options.rate), "--answer-bytes", "1024",
            "--seconds", str(RUN_SECONDS_MAX), "--timeout", "10", *body]


def growth(samples):
    """How much the last fifth lies above the second fifth: what comes first is warm-up."""
    fifth = max(len(samples) // 5, 1)
    return statistics.median(samples[-fifth:]) - statistics.median(samples[fifth:2 * fifth])


def soak(options, binary, directory):
    """Runs everything; returns the findings."""
    reloads_of = KINDS[options.gateway]
    load = gateways.find_load(options.load)
    with LoadProcess(load, ["--serve", "127.0.0.1:0"]) as upstream:
        gateway = gateways.start_gateway(
            reloads_of.kind, binary, reloads_of.template, directory,
            upstream=upstream.address, tags=reloads_of.tags)
        try:
            with LoadProcess(load, client_arguments(gateway.address, options, "GET")) as gets, \
                    LoadProcess(load, client_arguments(gateway.address, options, "POST")) as posts:
                found = reload_all(options, reloads_of(gateway), gateway)
                found["GET"], found["POST"] = gets.stop(), posts.stop()
        finally:
            exit_code = gateway.stop()
        found["upstream"] = upstream.stop()["upstream"]
        found["exit_code"] = exit_code
    return found


def reload_all(options, reloads, gateway):
    files, memory = [], []
    begin = time.monotonic()
    problem = None
    done = 0
    try:
        for index in range(1, options.reloads + 1):
            reloads.reload(index)
            done = index
            files.append(open_files(gateway.pids()))
            memory.append(resident_bytes(gateway.pids()))
            time.sleep(options.interval)
    except (ReloadError, OSError, http.client.HTTPException) as error:
        problem = f"reload {done + 1}: {error}"
        if not gateway.alive():
            problem += f"; the gateway died: {gateway.complaints()}"
    return {"reloads": done, "seconds": time.monotonic() - begin, "problem": problem,
            "open_files": files, "resident_bytes": memory}


def judge(options, found):
    """What did not hold, in words; empty when all did."""
    wrong = [found["problem"]] if found["problem"] else []
    for method in ("GET", "POST"):
        report = found[method]
        if report["failed"]:
            told = {**report["failures"], **report["statuses"]}
            told.pop("200", None)
            wrong.append(f"{method}: {report['failed']} failed: "
                         + ", ".join(f"{kind} {count}" for kind, count in told.items() if count))
        if report["answered"] == 0:
            wrong.append(f"{method}: nothing was answered")
        if report["connects"] != options.connections:
            wrong.append(f"{method}: {report['connects'] - options.connections} client "
                         "connections were closed")
    if found["upstream"]["bad_requests"] or found["upstream"]["cut_requests"]:
        wrong.append(f"upstream got damaged requests: {found['upstream']}")
    if options.gateway == "sluice" and found["exit_code"] != 0:
        wrong.append(f"the gateway ended with {found['exit_code']}")
    if len(found["open_files"]) >= 10:
        files = growth(found["open_files"])
        memory = growth(found["resident_bytes"]) / 2**20
        if files > OPEN_FILES_SLACK:
            wrong.append(f"descriptors grew by {files:.0f}")
        if memory > options.memory_slack_mib:
            wrong.append(f"memory grew by {memory:.1f} MiB")
    return wrong


def summary(options, found, wrong):
    """What is printed: short, and complete enough to compare two runs."""
    files, memory = found["open_files"] or [0], found["resident_bytes"] or [0]
    brief = {key: {name: found[key][name] for name in
                   ("begun", "answered", "failed", "failures", "statuses", "connects",
                    "closed_idle", "closed_announced")} for key in ("GET", "POST")}
    return {"gateway": options.gateway, "passed": not wrong, "wrong": wrong,
            "reloads": found["reloads"], "seconds": round(found["seconds"], 1), **brief,
            "open_files": [files[0], max(files), files[-1]],
            "resident_mib": [round(value / 2**20, 2) for value in
                             (memory[0], max(memory), memory[-1])]}


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--reloads", type=int, default=1000)
    add("--gateway", choices=sorted(KINDS), default="sluice")
    add("--interval", type=float, default=0.02, help="seconds between two reloads")
    add("--connections", type=int, default=8, help="of the GET and of the POST clients each")
    add("--rate", type=float, default=300, help="requests/s of the GET and the POST clients each")
    add("--memory-slack-mib", type=float, default=2.0, help="growth that passes; a build with "
        "sanitizers needs more")
    add("--sluice", help="path of the sluice binary, default build/release/bin/sluice")
    add("--load", help="path of sluice-load")
    options = parser.parse_args(arguments)
    if options.reloads < 1 or options.connections < 1 or options.rate <= 0:
        parser.error("--reloads, --connections and --rate must be positive")
    return options


def main(arguments):
    options = parse_options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary = (gateways.find_sluice(options.sluice) if options.gateway == "sluice"
              else gateways.find_binary(options.gateway))
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-soak-") as directory:
            found = soak(options, binary, directory)
    except (gateways.GatewayError, LoadError) as error:
        print(error, file=sys.stderr)
        return 3
    wrong = judge(options, found)
    print(json.dumps(summary(options, found, wrong), indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
