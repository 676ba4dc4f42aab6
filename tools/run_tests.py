#!/usr/bin/env python3
"""Builds the presets, runs their tests and counts the single cases. `./test` calls it.

    tools/run_tests.py [--quick] [--stage NAME]... [-R REGEX]

Stages: format; dev (everything, under ASan and UBSan); tsan (tests labelled `tsan`); bench (tests
labelled `gate`: figures that do not depend on the neighbours). `clang` (everything, second
compiler) runs only when asked for. The last line is `N passed, N failed`; the exit code is 0 only
when at least one test ran and none failed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

from tidy_tree import Tree

ROOT = Path(__file__).resolve().parent.parent
_ADD_TEST = re.compile(r"^add_test\((?:\[=\[)?(?P<name>[\w.-]+)(?:\]=\])? (?P<command>.*)\)$", re.M)
# Where an entry writes the report of its cases: GoogleTest's option, and that of tests/system.
REPORT_OPTIONS = ("--gtest_output=json:", "--results=")
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    "CTEST_OUTPUT_ON_FAILURE": "1",
    "CCACHE_NOHASHDIR": "1",
}


@dataclass(frozen=True)
class Stage:
    name: str
    label: str = ""  # Only tests with this label; all when empty.
    sanitized: bool = False


STAGES = {
    "dev": Stage("dev", sanitized=True),
    "tsan": Stage("tsan", label="tsan", sanitized=True),
    "bench": Stage("bench", label="gate"),
    "clang": Stage("clang"),
}
DEFAULT = ["format", "dev", "tsan", "bench"]
QUICK = ["format", "dev"]


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    @staticmethod
    def of_failure(text: str) -> "Tally":
        return Tally(failed=1, failures=[text])


def count_entry(name: str, passed: bool, results: Path | None) -> Tally:
    """The cases of one entry of ctest: those in its report, or the entry as one case."""
    if results is None:
        return Tally(passed=1) if passed else Tally.of_failure(name)
    try:
        report = json.loads(results.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # It crashed, hung or wrote nothing: what it had passed until then is unknown.
        return Tally.of_failure(f"{name}: ended without a report")
    tally = Tally()
    for suite in report.get("testsuites", []):
        for case in suite.get("testsuite", []):
            if case.get("failures"):
                tally.add(Tally.of_failure(f"{name}: {suite['name']}.{case['name']}"))
            elif case.get("result") == "COMPLETED":
                tally.passed += 1
            elif case.get("result") == "SKIPPED":
                tally.skipped += 1
    if not passed and tally.failed == 0:
        tally.add(Tally.of_failure(f"{name}: failed after its cases (a leak, a crash at exit?)"))
    if passed and tally.passed + tally.failed + tally.skipped == 0:
        tally.add(Tally.of_failure(f"{name}: has no case"))
    return tally


def report_of(command: list[str]) -> Path | None:
    """Where the command of an entry writes the report of its cases; None when it writes none."""
    for argument in command:
        for option in REPORT_OPTIONS:
            if argument.startswith(option):
                return Path(argument.removeprefix(option))
    return None


def count_run(junit: Path, commands: dict[str, list[str]]) -> Tally:
    """The cases of one run of ctest."""
    tally = Tally()
    try:
        entries = xml.parse(junit).getroot().iter("testcase")
    except (OSError, xml.ParseError):
        return Tally.of_failure("ctest ended without a report")
    for entry in entries:
        name, status = entry.get("name", ""), entry.get("status", "")
        if status == "disabled":
            tally.skipped += 1
        else:
            tally.add(count_entry(name, status == "run", report_of(commands.get(name, []))))
    return tally


def targets_of(commands: dict[str, list[str]], binaries: Path) -> list[str]:
    """The executables that the commands name: what must be built to run them."""
    named = set()
    for command in commands.values():
        for argument in command:
            path = Path(argument)
            if path.parent == binaries:
                named.add(path.name)
    return sorted(named)


def run(command: list[str], log: Path | None = None) -> int:
    """Runs `command`, on the terminal or, when there is none, into `log`, of which only the end of
    a failure is shown."""
    environment = os.environ | {k: v for k, v in ENVIRONMENT.items() if k not in os.environ}
    if log is None or sys.stdout.isatty():
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        print("\n".join(text.splitlines()[-80:]), flush=True)
    return done.returncode


def commands_in(testfile: str) -> dict[str, list[str]]:
    """The commands of the entries of one CTestTestfile.cmake, by name."""
    return {
        match["name"]: re.findall(r'"((?:\\.|[^"\\])*)"', match["command"])
        for match in _ADD_TEST.finditer(testfile)
    }


def entries_of(build: Path, choice: list[str]) -> dict[str, list[str]]:
    """The commands of ctest's entries by name, as chosen. ctest itself tells no command whose
    program is not built yet, so they are read from its files."""
    command = ["ctest", "--test-dir", str(build), "--show-only=json-v1", *choice]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [test["name"] for test in json.loads(listed)["tests"]]
    commands: dict[str, list[str]] = {}
    for path in build.rglob("CTestTestfile.cmake"):
        commands |= commands_in(path.read_text(encoding="utf-8"))
    return {name: commands.get(name, []) for name in names}


def steady_addresses() -> list[str]:
    """A prefix that turns address randomization off: the sanitizers of g++ 12 do not know the
    layouts that kernels with vm.mmap_rnd_bits=32 choose."""
    works = subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False)
    return ["setarch", "-R"] if works.returncode == 0 else []


def run_stage(stage: Stage, regex: str | None) -> Tally:
    build = ROOT / "build" / stage.name
    choice = ["-L", f"^{stage.label}$"] if stage.label else []
    choice += ["-R", regex] if regex else []
    fresh = ["--fresh"] if _is_moved(build) else []
    if run(["cmake", "--preset", stage.name, *fresh], build / "configure.log") != 0:
        return Tally.of_failure(f"{stage.name}: does not configure")

    commands = entries_of(build, choice)
    if not commands:
        # With a regex a stage may have nothing to do; without one its label is lost.
        return Tally() if regex else Tally.of_failure(f"{stage.name}: no test is {choice}")
    targets = targets_of(commands, build / "bin") if choice else []
    if targets or not choice:
        command = ["cmake", "--build", str(build), *(["--target", *targets] if targets else [])]
        if run(command, build / "build.log") != 0:
            return Tally.of_failure(f"{stage.name}: does not build")

    junit = build / "test-results" / "ctest.xml"
    shutil.rmtree(junit.parent, ignore_errors=True)
    junit.parent.mkdir(parents=True)
    ctest = ["ctest", "--test-dir", str(build), "-j", str(os.cpu_count() or 1), *choice]
    prefix = steady_addresses() if stage.sanitized else []
    code = run([*prefix, *ctest, "--output-junit", str(junit)])
    tally = count_run(junit, commands)
    if code != 0 and tally.failed == 0:
        tally.add(Tally.of_failure(f"{stage.name}: ctest ended with {code}"))
    return tally


def _is_moved(build: Path) -> bool:
    """True when `build` was configured for a checkout at another place: CMake would refuse."""
    cache = build / "CMakeCache.txt"
    if not cache.exists():
        return False
    home = f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n"
    return home not in cache.read_text(encoding="utf-8", errors="replace")


def check_format() -> Tally:
    files = [file.path for file in Tree.read(ROOT).cpp]
    if run(["clang-format-19", "--dry-run", "-Werror", *files]) != 0:
        return Tally.of_failure("format: run clang-format-19 -i on these files")
    return Tally(passed=1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./test", description="Builds and runs every test.")
    parser.add_argument("--quick", action="store_true", help="format and the dev preset only")
    parser.add_argument(
        "--stage", action="append", choices=["format", *STAGES], help="only this stage; repeatable"
    )
    parser.add_argument("-R", dest="regex", help="only ctest entries that match")
    options = parser.parse_args()
    names = options.stage or (QUICK if options.quick else DEFAULT)
    if options.regex and not options.stage:
        names = [name for name in names if name != "format"]

    total, rows = Tally(), []
    for name in names:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        tally = check_format() if name == "format" else run_stage(STAGES[name], options.regex)
        rows.append((name, time.monotonic() - start, tally))
        total.add(tally)

    print("\nstage    seconds  passed  failed  skipped")
    for name, seconds, tally in rows:
        counts = f"{tally.passed:7} {tally.failed:7} {tally.skipped:8}"
        print(f"{name:8} {seconds:7.0f} {counts}")
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.passed > 0 and total.failed == 0 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
