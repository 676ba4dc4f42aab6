#!/usr/bin/env python3
"""Runs bench/proxy once, tiny, so that it cannot rot: no figure is judged, every answer is.

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
        present = ["direct", "relay"]
        present += [kind for kind in ("haproxy", "nginx") if gateways.find_binary(kind)]
        return present + (["sluice", "sluice-release"] if OPTIONS.sluice else [])

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "needs two cores")
    def test_a_tiny_session_measures_every_target_without_errors(self):
        cores = sorted(os.sched_getaffinity(0))
        with tempfile.TemporaryDirectory() as folder:
            sluice = ["--sluice", OPTIONS.sluice] if OPTIONS.sluice else []
            done = self.bench(
                "--load", OPTIONS.load, *sluice, "--output", folder, "--rounds", "1",
                "--seconds", "0.2", "--warmup", "0.1", "--sizes", "1024",
                "--only", ",".join(self.targets()), "--gateway-core", str(cores[0]),
                "--load-core", str(cores[1]), "--rate", "500")
            raw = list(pathlib.Path(folder).glob("*.jsonl"))
            self.assertEqual(len(raw), 1, done.stderr)
            lines = [json.loads(line) for line in raw[0].read_text().splitlines()]
            tables = list(pathlib.Path(folder).glob("*.md"))[0].read_text()
            again = self.bench("--from", str(raw[0]))
        runs = [line["run"] for line in lines if "run" in line]
        self.assertEqual(sorted((run["target"], run["mode"]) for run in runs),
                         sorted((target, mode) for target in self.targets()
                                for mode in ("rate", "saturated")))
        for run in runs:
            self.assertEqual(run["errors"], [], run)
        counts = [line["syscalls"] for line in lines if "syscalls" in line]
        for count in counts:
            self.assertGreater(count["per_request"] or 0, 0, count)
        self.assertEqual(done.stdout, tables)
        self.assertEqual(again.stdout, tables)

    def test_unknown_targets_are_a_usage_error(self):
        done = self.bench("--only", "apache")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'apache' is not one of sluice", done.stderr)

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
