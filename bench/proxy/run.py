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
import os
import pathlib
import platform
import random
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gateways  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import sessions  # noqa: E402

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
    add("--only", help=f"targets, default {FULL['only']}; also: direct, sluice-all, "
        "sluice-none, sluice-release")
    add("--rate", type=float, default=10_000, help="requests/s of the mode rate")
    add("--connections", type=int, default=64)
    sessions.add_options(parser, "proxy")
    options = parser.parse_args(arguments)
    sessions.fill_defaults(options, QUICK if options.quick else FULL)
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
    if not options.source:
        sessions.check_options(parser, options)


def processor():
    found = re.search(r"^model name\s*:\s*(.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def describe(options, binaries, targets, seed):
    """The first line of the raw results: everything a reader needs to judge them."""
    cells = [{"mode": mode, "size": size} for mode in options.modes for size in options.sizes]
    facts = {
        "when": sessions.when(),
        "machine": f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}",
        **sessions.versions_of(binaries),
        "run": f"{options.rounds} rounds of {options.seconds:g} s, seed {seed}, gateway on core "
               f"{options.gateway_core}, client and upstream on core {options.load_core}",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }
    return {"facts": facts, "seed": seed, "cells": cells, "targets": targets,
            "connections": options.connections, "rate": options.rate, "rounds": options.rounds}


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
                sessions.tell(progress_line(run, options.rounds))
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
        print(report.format_report(*sessions.read_results(options.source)), end="")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binaries = sessions.find_binaries(options)
    try:
        load = gateways.find_load(options.load)
    except gateways.GatewayError as error:
        sessions.tell(error)
        return 3
    binaries["relay"] = gateways.find_relay(load)
    targets = sessions.present(options.only, measure.TARGETS, binaries)
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    session = describe(options, binaries, targets, seed)
    setting = measure.Setting(
        load=load, binaries=binaries, seconds=options.seconds, warmup=options.warmup,
        rate=options.rate, connections=options.connections,
        gateway_core=options.gateway_core, load_core=options.load_core)
    results = sessions.Results(options, "proxy", session)
    if os.getloadavg()[0] > QUIET_LOAD:
        sessions.tell(f"load average {os.getloadavg()[0]:.1f}: others use the cores, expect "
                      "invalid runs")
    sessions.tell(f"seed {seed}; raw results: {results.raw}")
    upstream = measure.Upstream()
    interrupted = False
    try:
        run_rounds(options, setting, results, targets, upstream)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        upstream.close()
    text = report.format_report(session, results.runs, results.syscalls)
    sessions.print_tables(results, text)
    return 130 if interrupted else exit_code(session, results)


def exit_code(session, results):
    if all(report.invalid(run) for run in results.runs):
        sessions.tell("nothing valid was measured")
        return 3
    missed = report.missed_bars(session, results.runs, results.syscalls)
    for bar in missed:
        sessions.tell(f"missed: {bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
