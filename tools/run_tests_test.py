#!/usr/bin/env python3
"""What `N passed, N failed` counts: every case once, and every way to fail as a failure."""

import json
import tempfile
import unittest
from pathlib import Path

import run_tests


def case(name: str, result: str = "COMPLETED", failures: list | None = None) -> dict:
    found = {"name": name, "status": "RUN", "result": result}
    return found | ({"failures": failures} if failures else {})


class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def report(self, *cases: dict) -> Path:
        path = self.folder / "a_test.json"
        suites = [{"name": "Suite", "testsuite": list(cases)}] if cases else []
        path.write_text(json.dumps({"testsuites": suites}), encoding="utf-8")
        return path

    def assert_counts(self, tally: run_tests.Tally, passed: int, failed: int, skipped: int = 0):
        self.assertEqual((tally.passed, tally.failed, tally.skipped), (passed, failed, skipped))
        self.assertEqual(len(tally.failures), failed)

    def test_an_entry_without_a_report_is_one_case(self):
        self.assert_counts(run_tests.count_entry("tidy", True, None), 1, 0)
        self.assert_counts(run_tests.count_entry("tidy", False, None), 0, 1)

    def test_each_case_of_a_report_counts(self):
        path = self.report(case("A"), case("B"), case("C", failures=[{"failure": "no"}]))
        self.assert_counts(run_tests.count_entry("a_test", False, path), 2, 1)

    def test_a_skipped_case_has_not_passed(self):
        path = self.report(case("A"), case("B", "SKIPPED"))
        self.assert_counts(run_tests.count_entry("a_test", True, path), 1, 0, 1)

    def test_a_disabled_case_counts_nowhere(self):
        path = self.report(case("A"), case("DISABLED_B", "SUPPRESSED"))
        self.assert_counts(run_tests.count_entry("a_test", True, path), 1, 0)

    def test_a_crash_before_the_report_fails(self):
        missing = self.folder / "none.json"
        self.assert_counts(run_tests.count_entry("a_test", False, missing), 0, 1)

    def test_a_half_written_report_fails(self):
        path = self.report(case("A"))
        path.write_text('{"testsuites": [', encoding="utf-8")
        self.assert_counts(run_tests.count_entry("a_test", False, path), 0, 1)

    def test_a_leak_after_the_last_case_fails(self):
        path = self.report(case("A"), case("B"))
        self.assert_counts(run_tests.count_entry("a_test", False, path), 2, 1)

    def test_an_executable_without_cases_fails(self):
        self.assert_counts(run_tests.count_entry("a_test", True, self.report()), 0, 1)

    def test_a_run_is_the_sum_of_its_entries(self):
        path = self.report(case("A"), case("B"))
        junit = self.folder / "ctest.xml"
        junit.write_text(
            '<testsuite><testcase name="a_test" status="run"/>'
            '<testcase name="tidy" status="fail"/><testcase name="off" status="disabled"/>'
            '<testcase name="lost" status="notrun"/></testsuite>',
            encoding="utf-8",
        )
        commands = {"a_test": ["/b/bin/a_test", f"--gtest_output=json:{path}"], "tidy": ["python3"]}
        self.assert_counts(run_tests.count_run(junit, commands), 2, 2, 1)

    def test_a_script_that_reports_its_cases_counts_them(self):
        path = self.report(case("A"), case("B", failures=[{"failure": "no"}]))
        command = ["/usr/bin/python3", "/s/a_test.py", f"--results={path}", "--sluice", "/b/sluice"]
        self.assertEqual(run_tests.report_of(command), path)
        self.assertIsNone(run_tests.report_of(["/usr/bin/python3", "/s/a_test.py"]))

    def test_a_run_without_a_report_fails(self):
        self.assert_counts(run_tests.count_run(self.folder / "none.xml", {}), 0, 1)


class Targets(unittest.TestCase):
    def test_are_the_binaries_that_commands_name(self):
        commands = {
            "a_test": ["/b/bin/a_test", "--gtest_output=json:/b/test-results/a_test.json"],
            "system": ["/usr/bin/python3", "/s/drive.py", "/b/bin/sluice"],
            "tidy": ["/usr/bin/python3", "/s/tidy.py"],
        }
        self.assertEqual(run_tests.targets_of(commands, Path("/b/bin")), ["a_test", "sluice"])

    def test_are_known_before_they_are_built(self):
        testfile = (
            'add_test(a_test "/b/bin/a_test" "--gtest_output=json:/b/a.json")\n'
            'set_tests_properties(a_test PROPERTIES  TIMEOUT "120")\n'
            'add_test([=[b.c]=] "/usr/bin/python3" "/s/b.py")\n'
        )
        commands = run_tests.commands_in(testfile)
        self.assertEqual(commands["a_test"], ["/b/bin/a_test", "--gtest_output=json:/b/a.json"])
        self.assertEqual(commands["b.c"], ["/usr/bin/python3", "/s/b.py"])


if __name__ == "__main__":
    unittest.main()
