#!/usr/bin/env python3
"""Measures what one decision of each guard costs, and six in a row.

    bench/guards/run.py                    9 repetitions of all, about 4 minutes
    bench/guards/run.py --quick            1 short repetition: does everything run?
    bench/guards/run.py --filter SixGuards --repetitions 20

Prints one table: medians of CPU nanoseconds with `now` given, by one thread and by all cores on the
same guard, with the bars. Build first: cmake --preset bench && cmake --build --preset bench
--target limit_bench breaker_bench guards_bench. Method: bench/README.md.

Exit codes: 0 measured, 1 a bar is missed, 2 usage, 3 a program is missing or failed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("limit_bench", "breaker_bench", "guards_bench")
MUST_BE_ZERO = ("over_admitted", "allocations", "refused")

# Name of the benchmark, what it measures, nanoseconds allowed with one thread (None: no bar).
ROWS = (
    ("BM_RateLimitDecide/step_ns:1000", "rate limit, admitted", 25),
    ("BM_RateLimitDecide/step_ns:0", "rate limit, refused", 25),
    ("BM_SharedGcra/step_ns:1000", "its bucket alone, admitted", 25),
    ("BM_SharedGcra/step_ns:0", "its bucket alone, refused", 25),
    ("BM_KeyedHit/keys:10000", "rate limit by key, 10,000 keys", 120),
    ("BM_KeyedHit/keys:1000000", "rate limit by key, 1,000,000 keys", 120),
    ("BM_KeyedDecide/kind:0/keys:1000000", "sliding window, 1,000,000 keys", 120),
    ("BM_KeyedDecide/kind:2/keys:1000000", "fixed window of a month, 1,000,000 keys", 120),
    ("BM_KeyedDecide/kind:3/keys:1000000", "sliding log, 1,000,000 keys", 120),
    ("BM_KeyedDecide/kind:4/keys:1000000", "pacing, 1,000,000 keys", 120),
    ("BM_AcquireAndSettle/count_window:0", "breaker (time), acquire and settle", 60),
    ("BM_AcquireAndSettle/count_window:1", "breaker (count), acquire and settle", 60),
    ("BM_RefusedWhileOpen/count_window:0", "breaker, refused", 25),
    ("BM_SlotTakenAndGivenBack/kind:0", "concurrency (fixed), taken and given back", 60),
    ("BM_SlotTakenAndGivenBack/kind:1", "concurrency (vegas), taken and given back", 60),
    ("BM_SlotTakenAndGivenBack/kind:2", "concurrency (vegas, queue), the same", 60),
    ("BM_SlotRefused/kind:1", "concurrency, refused", 25),
    ("BM_SlotContended/kind:0", "concurrency, one slot for all cores", None),
    ("BM_Gate/shedding:0", "priority gate, let in", 25),
    ("BM_Gate/shedding:1", "priority gate, shed", 25),
    ("BM_ThrottleDecidedAndSettled", "admission control, decided and settled", 60),
    ("BM_SixGuards", "six guards in a row, settled", 250),
)


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--build", help="folder with the programs, default build/bench/bin")
    add("--repetitions", type=int, default=9)
    add("--seconds", type=float, default=0.2, help="of each repetition")
    add("--filter", default="", help="regular expression: only benchmarks that it matches")
    add("--quick", action="store_true", help="one repetition of a hundredth of a second")
    options = parser.parse_args(arguments)
    if options.quick:
        options.repetitions, options.seconds = 1, 0.01
    if options.repetitions < 1 or options.seconds <= 0:
        parser.error("--repetitions and --seconds must be positive")
    return options


def run(program, options):
    """The runs that a benchmark program reports. Raises OSError and CalledProcessError."""
    done = subprocess.run(
        [str(program), "--benchmark_format=json", f"--benchmark_min_time={options.seconds}",
         f"--benchmark_repetitions={options.repetitions}",
         f"--benchmark_filter={options.filter}"],
        stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["benchmarks"] if done.stdout.strip() else []


def split_name(name):
    """("BM_X/arg:1", threads) of a benchmark's full name."""
    head, _, threads = name.partition("/threads:")
    return head.removesuffix("/real_time"), int(threads) if threads else 1


def collect(runs):
    """(name, threads) → {"ns": [...], "counters": {name: greatest}}."""
    found = {}
    for each in runs:
        if each.get("run_type") != "iteration":
            continue
        key = split_name(each["run_name"])
        entry = found.setdefault(key, {"ns": [], "counters": {}})
        entry["ns"].append(each["cpu_time"])
        for counter in MUST_BE_ZERO:
            if counter in each:
                entry["counters"][counter] = max(
                    each[counter], entry["counters"].get(counter, 0))
    return found


def middle(entry):
    return statistics.median(entry["ns"]) if entry else None


def told(value):
    return "–" if value is None else f"{value:.1f}"


def table(found):
    """(lines of Markdown, what is missed)."""
    lines = ["| one decision | 1 thread, ns | bar | all cores, ns each | |",
             "|---|---|---|---|---|"]
    missed = []
    for name, what, bar in ROWS:
        by_threads = {threads: entry for (head, threads), entry in found.items() if head == name}
        if not by_threads:
            continue
        single = middle(by_threads.get(1))
        many = middle(by_threads.get(max(by_threads))) if max(by_threads) > 1 else None
        words = []
        if bar is not None and single is not None and single > bar:
            missed.append(f"{what}: {single:.1f} ns, bar {bar}")
            words.append("**missed**")
        for entry in by_threads.values():
            for counter, value in entry["counters"].items():
                words.append(f"{counter.replace('_', ' ')} {value:.0f}")
                if value:
                    missed.append(f"{what}: {counter} {value:.0f}")
        lines.append(f"| {what} | {told(single)} | {told(bar)} | {told(many)} "
                     f"| {', '.join(dict.fromkeys(words))} |")
    return lines, missed


def main(arguments):
    options = parse_options(arguments)
    folder = pathlib.Path(options.build) if options.build else ROOT / "build/bench/bin"
    runs = []
    for name in PROGRAMS:
        try:
            runs += run(folder / name, options)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 3
    lines, missed = table(collect(runs))
    print(f"{os.cpu_count()} cores, {options.repetitions} repetitions of {options.seconds:g} s, "
          f"load average {os.getloadavg()[0]:.1f}\n")
    print("\n".join(lines))
    for each in missed:
        print(f"missed: {each}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
