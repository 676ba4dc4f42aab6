#!/usr/bin/env python3
"""What does recording every exchange cost, and is any of them lost?

    bench/record/run.py                          5 rounds at 10,000 requests/s of 1 KiB
    bench/record/run.py --rate 500 --rounds 1 --seconds 1 --no-bar     what the tests run

Two gateways of one worker, one with `record: {}` and one without, are measured in turns under the
same open-loop load. Counted is the processor time of the whole process, the thread that writes
included. Bar: at most 1.25 times that of the gateway without, and nothing dropped.

Exit codes: 0 within the bar, 1 not, 2 usage, 3 something is missing or does not start.
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

BAR = 1.25
START_SECONDS_MAX = 20
SETTLE_SECONDS_MAX = 10


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Gateway:
    """A gateway on free ports, ended with the block."""

    def __init__(self, sluice, upstream, folder, record):
        self.address = f"127.0.0.1:{gateways.free_port()}"
        self.admin = f"127.0.0.1:{gateways.free_port()}"
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


def measure(gateway, load, options):
    """Microseconds of processor time for one request, and the load's report."""
    arguments = ["--target", gateway.address, "--connections", "32", "--rate", str(options.rate),
                 "--seconds", str(options.seconds), "--answer-bytes", "1024"]
    before = cpu_seconds(gateway.process.pid)
    with LoadProcess(load, arguments) as clients:
        while clients.alive():
            time.sleep(0.05)
        report = clients.report()
    settle = time.monotonic() + SETTLE_SECONDS_MAX
    while gateway.recording() and gateway.recording()["queue_bytes"] and time.monotonic() < settle:
        time.sleep(0.1)
    spent = cpu_seconds(gateway.process.pid) - before
    return spent / max(report["answered"], 1) * 1e6, report


def run(options, sluice, load):
    with contextlib.ExitStack() as stack:
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
                cost, report = measure(gateway, load, options)
                costs[name].append(cost)
                failed += report["failed"]
                if name == "on":
                    answered += report["answered"]
        time.sleep(1.5)  # The last flush interval.
        return costs, answered, failed, pair["on"].recording()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("--rate", type=int, default=10_000)
    add("--seconds", type=float, default=5)
    add("--rounds", type=int, default=5)
    add("--no-bar", action="store_true", help="only that it runs and loses nothing")
    add("--sluice", help="default build/release/bin/sluice")
    add("--load", help="path of sluice-load")
    options = parser.parse_args()
    sluice, load = gateways.find_sluice(options.sluice), gateways.find_load(options.load)
    if not sluice or not load:
        print("sluice or sluice-load is not built", file=sys.stderr)
        return 3
    try:
        costs, answered, failed, recording = run(options, sluice, load)
    except LoadError as error:
        print(error, file=sys.stderr)
        return 3
    off, on = (statistics.median(costs[name]) for name in ("off", "on"))
    dropped = sum(recording["dropped"].values())
    kept = recording["written"] == answered and dropped == 0
    print(f"CPU per request: off {off:.1f} us, recording {on:.1f} us, ratio {on / off:.2f} "
          f"(bar {BAR}); {answered} answered, {recording['written']} recorded, {dropped} dropped, "
          f"{failed} failed; {recording['bytes'] / max(answered, 1):.0f} bytes each in the file")
    return 0 if kept and failed == 0 and (options.no_bar or on / off <= BAR) else 1


if __name__ == "__main__":
    sys.exit(main())
