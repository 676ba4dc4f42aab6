#!/usr/bin/env python3
"""Runs bench/overload once, tiny, so that it cannot rot: no figure is judged.

    run_test.py --load PATH [--sluice PATH]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import gateways  # noqa: E402

OPTIONS = argparse.Namespace(load=None, sluice=None)
SECONDS_MAX = 100


class Run(unittest.TestCase):
    def bench(self, *arguments):
        command = [sys.executable, "-B", str(HERE / "run.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX,
                              check=False)

    def targets(self):
        present = ["direct"]
        present += ["haproxy"] if gateways.find_binary("haproxy") else []
        present += ["nginx", "nginx-reserving"] if gateways.find_binary("nginx") else []
        return present + (["sluice", "sluice-fixed", "sluice-queue"] if OPTIONS.sluice else [])

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "needs two cores")
    def test_a_tiny_session_measures_every_target_without_errors(self):
        cores = sorted(os.sched_getaffinity(0))
        with tempfile.TemporaryDirectory() as folder:
            sluice = ["--sluice", OPTIONS.sluice] if OPTIONS.sluice else []
            done = self.bench(
                "--quick", "--load", OPTIONS.load, *sluice, "--output", folder,
                "--seconds", "0.4", "--warmup", "0.2", "--calm", "0.2",
                "--recovery", "0.6", "--workers", "2",
                "--timeout", "0.5", "--only", ",".join(self.targets()),
                "--gateway-core", str(cores[0]), "--load-core", str(cores[1]))
            raw = list(pathlib.Path(folder).glob("*.jsonl"))
            self.assertEqual(len(raw), 1, done.stderr)
            lines = [json.loads(line) for line in raw[0].read_text().splitlines()]
            tables = list(pathlib.Path(folder).glob("*.md"))[0].read_text()
            again = self.bench("--from", str(raw[0]))
        runs = [line["run"] for line in lines if "run" in line]
        self.assertEqual(sorted((run["target"], str(run["factor"])) for run in runs),
                         sorted((target, factor) for target in self.targets()
                                for factor in ("0.5", "2.0", "None")))
        for run in runs:
            self.assertEqual(run["errors"], [], run)
            if run["factor"] is not None:
                self.assertGreater(run["figures"]["offered_per_second"], 0, run)
        self.assertEqual(done.stdout, tables)
        self.assertEqual(again.stdout, tables)

    def test_unknown_targets_are_a_usage_error(self):
        done = self.bench("--only", "apache")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'apache' is not one of sluice", done.stderr)

    def test_more_requests_than_the_generator_can_send_are_a_usage_error(self):
        done = self.bench("--workers", "1000", "--service-ms", "1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("requests/s", done.stderr)

    def test_a_missing_generator_is_told(self):
        done = self.bench("--only", "direct", "--load", "/nowhere", "--rounds", "1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere", done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", required=True)
    parser.add_argument("--sluice")
    OPTIONS = parser.parse_args()
    unittest.main(argv=[sys.argv[0]])
