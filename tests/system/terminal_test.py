#!/usr/bin/env python3
"""Verbs that show their progress on a terminal: they end as they do without one."""

import errno
import json
import os
import pty
import subprocess

import report
from harness import SystemTest, gateway_config, program, wait_until
from origin import answer, answering

SECONDS_MAX = 40


def read_terminal(file):
    """Everything that is written to the other side, until it is closed there."""
    shown = b""
    while True:
        try:
            piece = os.read(file, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # The last of the other side has gone.
                raise
            return shown
        if not piece:
            return shown
        shown += piece


def run_on_terminal(directory, *arguments):
    """Runs a verb whose stderr is a terminal: its exit code, its stdout, and what was shown."""
    ours, its = pty.openpty()
    stdout = directory / "stdout.txt"
    try:
        with open(stdout, "wb") as output:
            process = subprocess.Popen(
                [program("SLUICE_BIN", "sluice"), *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=its)
        os.close(its)
        shown = read_terminal(ours)
        code = process.wait(SECONDS_MAX)
    finally:
        os.close(ours)
    return code, stdout.read_text(), shown.decode()


class Terminal(SystemTest):
    def setUp(self):
        self.upstream = self.origin(answering(lambda request: answer(200, b"there")))
        self.folder = self.directory()
        self.file = self.folder / "recording.db"
        config = gateway_config(self.upstream.address, data_dir=str(self.folder), record={})
        sluice = self.sluice(config)
        for i in range(40):
            self.get(sluice, f"/item/{i}")
        wait_until(lambda: sluice.metric("sluice_record_written_total") >= 40, "40 written")
        sluice.stop()
        self.target = f"http://{self.upstream.address}"

    def test_a_replay_shows_how_far_it_is_and_ends(self):
        code, said, shown = run_on_terminal(
            self.folder, "replay", "--recording", self.file, "--target", self.target,
            "--rate", "25", "--json")
        self.assertEqual(code, 0, shown)
        self.assertEqual(json.loads(said)["answered"], 40)
        self.assertIn("in flight", shown)
        self.assertIn("40 sent", shown)  # The last line has the whole of it.
        self.assertNotIn("assert", shown)

    def test_a_short_replay_ends_before_its_progress_is_due(self):
        code, said, shown = run_on_terminal(
            self.folder, "replay", "--recording", self.file, "--target", self.target,
            "--rate", "1000", "--json")
        self.assertEqual(code, 0, shown)
        self.assertEqual(json.loads(said)["answered"], 40)

    def test_a_warm_up_shows_how_far_it_is_and_wipes_it_at_its_end(self):
        # It is never as fast as that, so that there is time enough to show something.
        code, said, shown = run_on_terminal(
            self.folder, "warmup", "--recording", self.file, "--target", self.target,
            "--timeout", "2s", "--target-requests", "100000", "--json")
        self.assertEqual(code, 1, shown)
        self.assertEqual(json.loads(said)["outcome"], "warm_regression")
        self.assertIn("\r\x1b[K", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), repr(shown))
        self.assertGreaterEqual(shown.count("\x1b[K"), 3)

    def test_a_warm_up_of_nobody_ends(self):
        self.upstream.close()
        code, _, shown = run_on_terminal(
            self.folder, "warmup", "--recording", self.file, "--target", self.target,
            "--connect-timeout", "1s")
        self.assertEqual(code, 3, shown)
        self.assertIn("refused", shown)


if __name__ == "__main__":
    report.main()
