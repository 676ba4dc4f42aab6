"""What every benchmark session beside peers has: command line, binaries, and results on disk."""

import datetime
import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import gateways


@dataclass(frozen=True)
class Target:
    """Something that is measured: a gateway with certain properties, or nothing in between."""

    name: str
    kind: str
    tags: frozenset = frozenset()


def tell(text):
    print(text, file=sys.stderr, flush=True)


def first_line(command):
    """What a program calls itself."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        return ((done.stdout or done.stderr).splitlines() or ["unknown"])[0]
    except OSError:
        return "not installed"


def when():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def add_options(parser, name):
    """Adds what is asked of every session to an argument parser."""
    add = parser.add_argument
    add("--seed", type=int, help="of the order and the arrivals; printed, default random")
    add("--gateway-core", type=int, default=0)
    add("--load-core", type=int, default=1)
    add("--sluice", help="path of the sluice binary, default build/release/bin/sluice")
    add("--load", help="path of sluice-load, default of the first build that has it")
    add("--output", help=f"folder of the results, default build/bench/{name}")
    add("--from", dest="source", help="print the tables of earlier raw results and end")


def fill_defaults(options, defaults):
    """Gives what the caller did not name the value that it has in `defaults`."""
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def check_options(parser, options):
    """Ends the program with a usage error where cores or binary cannot be."""
    cores = os.sched_getaffinity(0)
    if options.gateway_core == options.load_core or \
            not {options.gateway_core, options.load_core} <= cores:
        parser.error(f"two different cores of {sorted(cores)} are needed")
    if options.sluice and not gateways.find_sluice(options.sluice):
        parser.error(f"--sluice: {options.sluice} is not an executable")


def find_binaries(options):
    """Kind → path or None."""
    return {"sluice": gateways.find_sluice(options.sluice),
            "haproxy": gateways.find_binary("haproxy"),
            "nginx": gateways.find_binary("nginx")}


def versions_of(binaries):
    """Kind → what the program calls itself."""
    versions = {"haproxy": [binaries["haproxy"] or "haproxy", "-v"],
                "nginx": [binaries["nginx"] or "nginx", "-v"]}
    if binaries["sluice"]:
        versions["sluice"] = [binaries["sluice"], "--version"]
    return {name: first_line(command) for name, command in versions.items()}


def present(names, targets, binaries):
    """Those of `names` whose program is there; tells of the others."""
    found = [name for name in names
             if targets[name].kind == "direct" or binaries.get(targets[name].kind)]
    for name in names:
        if name not in found:
            tell(f"{name}: not built or not installed, left out")
    return found


class Results:
    """Entries of a session, written to disk as they come."""

    def __init__(self, options, name, session):
        folder = pathlib.Path(options.output or gateways.ROOT / "build/bench" / name)
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.raw = folder / f"{name}-{stamp}.jsonl"
        self.table = folder / f"{name}-{stamp}.md"
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


def print_tables(results, text):
    """Prints the report of a session and keeps it beside the raw results."""
    results.table.write_text(text, encoding="utf-8")
    print(text, end="")
    tell(f"tables: {results.table}")
