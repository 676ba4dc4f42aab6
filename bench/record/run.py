#!/usr/bin/env python3
"""What does recording every exchange cost, is any of them lost, and how well are they sent again?

    bench/record/run.py              all three parts, 5 rounds and 10 replays
    bench/record/run.py --part rate  one of them: rate, saturated, replay
    bench/record/run.py --rate 200 --rounds 1 --replays 1 --seconds 1 --no-bar    as the tests do

rate: two gateways of one worker, one with `record: {}` and one without, are measured in turns under
the same open-loop load of 10,000 requests/s with answers of 1 KiB. Counted is the processor time of
the whole process, the thread that writes included. Bar: the median of the rounds' ratios is at most
1.25, and nothing is dropped. saturated: the same in a closed loop of 64 connections; bar 1.5.
replay: what was recorded at 10,000/s is sent again twice as fast by `sluice replay` on one core.
Bar: each request is sent and answered, at its time: the median over the runs of the schedule lag's
p99 is at most 1 ms.

Exit codes: 0 within the bars, 1 not, 2 usage, 3 something is missing or does not start.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

import gateways  # noqa: E402
from load_process import LoadError, LoadProcess  # noqa: E402

BARS = {"rate": 1.25, "saturated": 1.5}
LAG_P99_BAR = 0.001
REPLAY_SPEED = 2
# A replay may take so much longer than the recording says: its first and last moments.
REPLAY_LENGTH_BAR = 1.02
START_SECONDS_MAX = 20
SETTLE_SECONDS_MAX = 10
RUN_SECONDS_MAX = 300
OURS, OTHERS = 0, 1  # Cores: of what is measured, and of what loads it.


@contextlib.contextmanager
def on_core(core):
    """What is started within runs on that core alone, where there are two or more."""
    before = os.sched_getaffinity(0)
    if len(before) > 1:
        os.sched_setaffinity(0, {sorted(before)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Gateway:
    """A gateway on free ports, ended with the block."""

    def __init__(self, sluice, upstream, folder, record):
        self.address = f"127.0.0.1:{gateways.free_port()}"
        self.admin = f"127.0.0.1:{gateways.free_port()}"
        self.file = folder / "recording.db"
        config = {
            "admin": {"listen": self.admin}, "workers": 1, "data_dir": str(folder),
            "listeners": [{"name": "public", "listen": self.address}],
            "upstreams": [{"name": "origin", "endpoints": [upstream]}],
            "routes": [{"name": "all", "upstream": "origin"}],
            "telemetry": {"access_log": {"path": str(folder / "access.log")}},
        }
        if record:
            config["record"] = {"max_bytes": "4GiB"}
        path = folder / "sluice.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        with on_core(OURS):
            self.process = subprocess.Popen([sluice, "serve", "--config", str(path)],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while not gateways.accepts(self.address):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise LoadError("the gateway does not start")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def recording(self):
        with urllib.request.urlopen(f"http://{self.admin}/api/v1/recordings", timeout=10) as page:
            recordings = json.load(page)["recordings"]
        return recordings[0] if recordings else None

    def settle(self):
        """Waits until no copy is in memory any more."""
        end = time.monotonic() + SETTLE_SECONDS_MAX
        while self.recording() and self.recording()["queue_bytes"] and time.monotonic() < end:
            time.sleep(0.1)


def send(gateway, load, options, rate):
    """Clients' report after `options.seconds`."""
    arguments = ["--target", gateway.address, "--connections", "64", "--rate", str(rate),
                 "--seconds", str(options.seconds), "--answer-bytes", "1024"]
    with on_core(OTHERS), LoadProcess(load, arguments) as clients:
        while clients.alive():
            time.sleep(0.05)
        return clients.report()


def measure(gateway, load, options, rate):
    """Microseconds of processor time for one request, and the clients' report."""
    before = cpu_seconds(gateway.process.pid)
    report = send(gateway, load, options, rate)
    gateway.settle()
    spent = cpu_seconds(gateway.process.pid) - before
    return spent / max(report["answered"], 1) * 1e6, report


def cost(options, part, sluice, load):
    """The part `rate` or `saturated`. Returns whether it is within its bar."""
    rate = options.rate if part == "rate" else 0
    with contextlib.ExitStack() as stack:
        with on_core(OTHERS):
            origin = stack.enter_context(LoadProcess(load, ["--serve", "127.0.0.1:0"]))
        pair = {}
        for name in ("off", "on"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-record-"))
            pair[name] = stack.enter_context(
                Gateway(sluice, origin.address, pathlib.Path(folder), name == "on"))
        costs = {"off": [], "on": []}
        answered = failed = 0
        for _ in range(options.rounds):
            for name, gateway in pair.items():
                micros, report = measure(gateway, load, options, rate)
                costs[name].append(micros)
                failed += report["failed"]
                answered += report["answered"] if name == "on" else 0
        time.sleep(1.5)  # The last flush interval.
        recording = pair["on"].recording()
    ratio = statistics.median(on / off for off, on in zip(costs["off"], costs["on"], strict=True))
    dropped = sum(recording["dropped"].values())
    print(f"{part}: CPU per request {statistics.median(costs['off']):.1f} us, recording "
          f"{statistics.median(costs['on']):.1f} us, ratio {ratio:.2f} (bar {BARS[part]}); "
          f"{answered} answered, {recording['written']} recorded, {dropped} dropped, "
          f"{failed} failed; {recording['bytes'] / max(answered, 1):.0f} bytes each in the file")
    if failed or recording["written"] + dropped != answered or (part == "rate" and dropped):
        return False
    return options.no_bar or ratio <= BARS[part]


def replay_once(sluice, file, target):
    """The report of one replay, and the share of a core that it took."""
    with on_core(OURS):
        process = subprocess.Popen(
            [sluice, "replay", "--recording", file, "--target", f"http://{target}",
             "--speed", str(REPLAY_SPEED), "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    before = os.times()
    out, complaints = process.communicate(timeout=RUN_SECONDS_MAX)
    after = os.times()
    if process.returncode != 0:
        raise LoadError(f"replay ended with {process.returncode}: {complaints}")
    report = json.loads(out)
    spent = (after.children_user - before.children_user
             + after.children_system - before.children_system)
    return report, spent / max(report["length_seconds"], 1e-9)


def replay(options, sluice, load):
    """The part `replay`. Returns whether it is within its bars."""
    with contextlib.ExitStack() as stack:
        with on_core(OTHERS):
            origin = stack.enter_context(LoadProcess(load, ["--serve", "127.0.0.1:0"]))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-record-"))
        with Gateway(sluice, origin.address, pathlib.Path(folder), True) as gateway:
            recorded = send(gateway, load, options, options.rate)
            gateway.settle()
            time.sleep(1.5)
        runs = [replay_once(sluice, gateway.file, origin.address) for _ in range(options.replays)]
    length = options.seconds / REPLAY_SPEED
    lags = [report["lag_seconds"]["p99"] for report, _ in runs]
    lag = statistics.median(lags)
    slowest = max(report["length_seconds"] for report, _ in runs) / length
    complete = all(report["answered"] == recorded["answered"] and report["failed"] == 0
                   for report, _ in runs)
    print(f"replay: {statistics.median(report['rate_per_second'] for report, _ in runs):.0f}/s on "
          f"one core, {statistics.median(busy for _, busy in runs):.0%} of it busy; lag p99 "
          f"{lag * 1e3:.2f} ms (bar {LAG_P99_BAR * 1e3:.0f}; {min(lags) * 1e3:.2f} to "
          f"{max(lags) * 1e3:.2f} in {len(lags)} runs); longest {slowest:.3f} of its length; "
          f"{'all' if complete else 'NOT all'} answered")
    return complete and (options.no_bar or (lag <= LAG_P99_BAR and slowest <= REPLAY_LENGTH_BAR))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--part", choices=("rate", "saturated", "replay"), help="only this one")
    add("--rate", type=int, default=10_000)
    add("--seconds", type=float, default=5)
    add("--rounds", type=int, default=5)
    add("--replays", type=int, default=10)
    add("--no-bar", action="store_true", help="only that it runs and loses nothing")
    add("--sluice", help="default build/release/bin/sluice")
    add("--load", help="path of sluice-load")
    options = parser.parse_args()
    sluice = gateways.find_sluice(options.sluice)
    if not sluice:
        print("sluice is not built", file=sys.stderr)
        return 3
    parts = [options.part] if options.part else ["rate", "saturated", "replay"]
    try:
        load = gateways.find_load(options.load)
        good = [replay(options, sluice, load) if part == "replay"
                else cost(options, part, sluice, load) for part in parts]
    except (gateways.GatewayError, LoadError) as error:
        print(error, file=sys.stderr)
        return 3
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
