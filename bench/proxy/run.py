#!/usr/bin/env python3
"""Measures what a proxied request costs in Sluice, HAProxy and nginx, and compares them.

    bench/proxy/run.py                       the whole matrix: 12 rounds, about 25 minutes
    bench/proxy/run.py --quick               3 short rounds of 128 B, saturated: is it about right?
    bench/proxy/run.py --only sluice,haproxy --sizes 1024 --modes rate
    bench/proxy/run.py --from FILE.jsonl     the tables of an earlier session again

The gateway is pinned to one core, client and upstream (one thread, sluice-load) to another. Each
round measures every target once in random order, each time in a fresh process, so that ratios
within a round are pairs. Raw results go to build/bench/proxy as JSON lines, the tables beside them
as Markdown. Method, terms and validity: bench/README.md.

Exit codes: 0 measured, 1 a bar of design section 6 is missed, 2 usage, 3 nothing valid was
measured, 130 interrupted (what was measured until then is reported).
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gateways  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402

SIZES = (128, 1024, 65536)
MODES = ("saturated", "rate")
DEFAULT_TARGETS = ("sluice", "sluice-nolog", "haproxy", "haproxy-bare", "nginx", "nginx-bare",
                   "relay")
QUIET_LOAD = 0.5
QUICK = {"rounds": 3, "seconds": 0.5, "warmup": 0.2, "sizes": "128", "modes": "saturated",
         "only": "sluice,haproxy,nginx,relay"}
FULL = {"rounds": 12, "seconds": 2.0, "warmup": 0.5, "sizes": ",".join(map(str, SIZES)),
        "modes": ",".join(MODES), "only": ",".join(DEFAULT_TARGETS)}


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="few, short rounds of one cell")
    add("--rounds", type=int, help=f"default {FULL['rounds']}")
    add("--seconds", type=float, help=f"measured part of a run, default {FULL['seconds']}")
    add("--warmup", type=float, help=f"load before it, default {FULL['warmup']}")
    add("--sizes", help=f"bytes of an answer, default {FULL['sizes']}")
    add("--modes", help=f"default {FULL['modes']}")
    add("--only", help=f"targets, default {FULL['only']}; also: direct")
    add("--rate", type=float, default=10_000, help="requests/s of the mode rate")
    add("--connections", type=int, default=64)
    add("--seed", type=int, help="of the order; printed, default random")
    add("--gateway-core", type=int, default=0)
    add("--load-core", type=int, default=1)
    add("--sluice", help="path of the sluice binary, default build/release/bin/sluice")
    add("--load", help="path of sluice-load, default of the first build that has it")
    add("--output", help="folder of the results, default build/bench/proxy")
    add("--from", dest="source", help="print the tables of earlier raw results and end")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    check_options(parser, options)
    return options


def check_options(parser, options):
    """Ends the program with a usage error where an option makes no sense."""
    options.modes = options.modes.split(",")
    options.only = options.only.split(",")
    try:
        options.sizes = [int(size) for size in options.sizes.split(",")]
    except ValueError:
        parser.error("--sizes: numbers of bytes, separated by commas")
    for name, known in (("modes", MODES), ("only", measure.TARGETS)):
        unknown = [value for value in getattr(options, name) if value not in known]
        if unknown:
            parser.error(f"--{name}: {unknown[0]!r} is not one of {', '.join(known)}")
    if options.rounds < 1 or options.seconds <= 0 or options.warmup < 0 or options.rate <= 0:
        parser.error("--rounds, --seconds and --rate must be positive")
    if any(size < 1 or size > 1 << 20 for size in options.sizes):
        parser.error("--sizes: 1 .. 1048576")
    if options.source:
        return
    cores = os.sched_getaffinity(0)
    if options.gateway_core == options.load_core or \
            not {options.gateway_core, options.load_core} <= cores:
        parser.error(f"two different cores of {sorted(cores)} are needed")
    if options.sluice and not gateways.find_sluice(options.sluice):
        parser.error(f"--sluice: {options.sluice} is not an executable")


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        return ((done.stdout or done.stderr).splitlines() or ["unknown"])[0]
    except OSError:
        return "not installed"


def processor():
    found = re.search(r"^model name\s*:\s*(.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def describe(options, binaries, targets, seed):
    """The first line of the raw results: everything a reader needs to judge them."""
    cells = [{"mode": mode, "size": size} for mode in options.modes for size in options.sizes]
    versions = {"haproxy": [binaries["haproxy"] or "haproxy", "-v"],
                "nginx": [binaries["nginx"] or "nginx", "-v"]}
    if binaries["sluice"]:
        versions["sluice"] = [binaries["sluice"], "--version"]
    facts = {
        "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}",
        **{name: first_line(command) for name, command in versions.items()},
        "run": f"{options.rounds} rounds of {options.seconds:g} s, seed {seed}, gateway on core "
               f"{options.gateway_core}, client and upstream on core {options.load_core}",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }
    return {"facts": facts, "seed": seed, "cells": cells, "targets": targets,
            "connections": options.connections, "rate": options.rate, "rounds": options.rounds}


class Results:
    """Runs and system-call counts, written to disk as they come."""

    def __init__(self, folder, session):
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.raw = folder / f"proxy-{stamp}.jsonl"
        self.table = folder / f"proxy-{stamp}.md"
        self.session, self.runs, self.syscalls = session, [], []
        self._append({"session": session})

    def add_run(self, run):
        self.runs.append(run)
        self._append({"run": run})

    def add_syscalls(self, entry):
        self.syscalls.append(entry)
        self._append({"syscalls": entry})

    def _append(self, line):
        with open(self.raw, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_results(path):
    """(session, runs, syscalls) of a file of raw results."""
    session, runs, syscalls = None, [], []
    with open(path, encoding="utf-8") as file:
        for line in map(json.loads, file):
            session = line.get("session", session)
            runs += [line["run"]] if "run" in line else []
            syscalls += [line["syscalls"]] if "syscalls" in line else []
    if session is None:
        raise ValueError(f"{path} has no session line")
    return session, runs, syscalls


def tell(text):
    print(text, file=sys.stderr, flush=True)


def run_rounds(options, setting, results, targets, upstream):
    """Measures everything: rounds of cells, and within a cell all targets one after the other."""
    chance = random.Random(results.session["seed"])
    cells = [measure.Cell(**cell) for cell in results.session["cells"]]
    for index in range(1, options.rounds + 1):
        for cell in chance.sample(cells, len(cells)):
            for name in chance.sample(targets, len(targets)):
                run = measure.measure(measure.TARGETS[name], cell, setting, upstream)
                run |= {"round": index, "target": name, "mode": cell.mode, "size": cell.size}
                results.add_run(run)
                tell(progress_line(run, options.rounds))
    for cell in cells:
        for name in targets:
            if name == "direct":
                continue
            count, method = measure.count_syscalls(
                measure.TARGETS[name], cell, setting, upstream)
            results.add_syscalls({"target": name, "mode": cell.mode, "size": cell.size,
                                  "per_request": count, "method": method})


def progress_line(run, rounds):
    head = f"[{run['round']}/{rounds}] {run['mode']:9} {run['size']:6} B  {run['target']:13}"
    if report.invalid(run):
        return head + " INVALID: " + "; ".join(report.invalid(run))
    measured = run["report"]["measured"]
    cpu = run["report"].get("cpu", {}).get("per_request_us")
    cost = f"{cpu:7.2f} µs " if cpu else " " * 11
    return head + f"{cost} {measured['per_second']:8.0f}/s  " + " ".join(run["notes"])


def main(arguments):
    options = parse_options(arguments)
    if options.source:
        print(report.format_report(*read_results(options.source)), end="")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binaries = {"sluice": gateways.find_sluice(options.sluice),
                "haproxy": gateways.find_binary("haproxy"),
                "nginx": gateways.find_binary("nginx")}
    try:
        load = gateways.find_load(options.load)
    except gateways.GatewayError as error:
        tell(error)
        return 3
    binaries["relay"] = gateways.find_relay(load)
    targets = [name for name in options.only
               if measure.TARGETS[name].kind == "direct" or binaries[measure.TARGETS[name].kind]]
    for name in options.only:
        if name not in targets:
            tell(f"{name}: not built or not installed, left out")
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    session = describe(options, binaries, targets, seed)
    setting = measure.Setting(
        load=load, binaries=binaries, seconds=options.seconds, warmup=options.warmup,
        rate=options.rate, connections=options.connections,
        gateway_core=options.gateway_core, load_core=options.load_core)
    results = Results(pathlib.Path(options.output or gateways.ROOT / "build/bench/proxy"), session)
    if os.getloadavg()[0] > QUIET_LOAD:
        tell(f"load average {os.getloadavg()[0]:.1f}: others use the cores, expect invalid runs")
    tell(f"seed {seed}; raw results: {results.raw}")
    upstream = measure.Upstream()
    interrupted = False
    try:
        run_rounds(options, setting, results, targets, upstream)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        upstream.close()
    text = report.format_report(session, results.runs, results.syscalls)
    results.table.write_text(text, encoding="utf-8")
    print(text, end="")
    tell(f"tables: {results.table}")
    return 130 if interrupted else exit_code(session, results)


def exit_code(session, results):
    if all(report.invalid(run) for run in results.runs):
        tell("nothing valid was measured")
        return 3
    missed = report.missed_bars(session, results.runs, results.syscalls)
    for bar in missed:
        tell(f"missed: {bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
