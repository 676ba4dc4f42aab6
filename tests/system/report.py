"""Runs the cases of one file and writes what became of each, in the form of GoogleTest's report.

    tests/system/x_test.py [--results=FILE] [--sluice=BIN] [--booking=BIN] [--load=BIN] [case …]

The programs may also be named by SLUICE_BIN, SLUICE_BOOKING_BIN and SLUICE_LOAD_BIN.
"""

import argparse
import json
import os
import sys
import time
import unittest

PROGRAMS = {
    "sluice": "SLUICE_BIN",
    "booking": "SLUICE_BOOKING_BIN",
    "load": "SLUICE_LOAD_BIN",
}


class CountingResult(unittest.TextTestResult):
    """Keeps what became of each case, in the order in which they began."""

    def __init__(self, stream, *rest, **options):
        super().__init__(stream, *rest, **options)
        self.outcomes = {}
        self.started = {}

    def startTest(self, test):  # noqa: N802 (unittest's name)
        super().startTest(test)
        self.outcomes[test.id()] = "passed"
        self.started[test.id()] = time.monotonic()

    def stopTest(self, test):  # noqa: N802
        super().stopTest(test)
        self.started[test.id()] = time.monotonic() - self.started[test.id()]

    def addFailure(self, test, err):  # noqa: N802
        super().addFailure(test, err)
        self.outcomes[test.id()] = "failed"

    def addError(self, test, err):  # noqa: N802
        # setUpClass and the like are no cases, but their failure must count.
        super().addError(test, err)
        self.outcomes[test.id()] = "failed"

    def addSubTest(self, test, subtest, err):  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcomes[test.id()] = "failed"

    def addSkip(self, test, reason):  # noqa: N802
        super().addSkip(test, reason)
        self.outcomes[test.id()] = "skipped"


def as_report(outcomes, seconds):
    """The cases as GoogleTest would tell them: {"testsuites": [{"name", "testsuite": […]}]}."""
    suites = {}
    for identity, outcome in outcomes.items():
        suite, _, name = identity.removeprefix("__main__.").rpartition(".")
        case = {
            "name": name,
            "status": "RUN",
            "result": "SKIPPED" if outcome == "skipped" else "COMPLETED",
            "time": f"{seconds.get(identity, 0.0):.3f}s",
        }
        if outcome == "failed":
            case["failures"] = [{"failure": "see the log", "type": ""}]
        suites.setdefault(suite, []).append(case)
    return {"testsuites": [{"name": name, "testsuite": cases} for name, cases in suites.items()]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    for program in PROGRAMS:
        parser.add_argument(f"--{program}")
    options, rest = parser.parse_known_args()
    for program, variable in PROGRAMS.items():
        given = getattr(options, program)
        if given:
            os.environ[variable] = given

    runner = unittest.TextTestRunner(resultclass=CountingResult, verbosity=2)
    program = unittest.main(
        module="__main__", argv=[sys.argv[0], *rest], testRunner=runner, exit=False
    )
    result = program.result
    if options.results:
        with open(options.results, "w", encoding="utf-8") as out:
            json.dump(as_report(result.outcomes, result.started), out, indent=1)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
