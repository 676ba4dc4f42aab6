#!/usr/bin/env python3
"""`sluice demo`: what it promises, that its checks can fail, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import report
from harness import ROOT, SystemTest, is_running, program, wait_until

STEPS = ["dag", "spike", "optional", "fallback", "required", "frozen", "instance", "candidate"]
# The gateway lets one booking through at a time, too few to open a breaker behind it.
ONE_AT_A_TIME = ("{name: bookings, initial_limit: 10}",
                 "{name: bookings, algorithm: fixed, limit: 1}")
# No guard is left in it but what each booking instance has of its own.
UNGUARDED = (
    ("concurrency_limits: [bookings]\n", "\n"),
    ("  - {name: bookings, initial_limit: 10}\n",
     "  - {name: bookings, initial_limit: 10, mode: disabled}\n"),
)


def children_of(pid):
    """The ids of its children, dead ones that nobody has waited for included."""
    return [int(child) for child in
            Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


class Demo(SystemTest):
    SECONDS_MAX = 210

    def begin(self, *options):
        """Starts the demo with a folder of its own for what it makes."""
        folder = self.directory()
        booking = os.path.dirname(program("SLUICE_BOOKING_BIN", "sluice-booking"))
        with open(folder / "errors.txt", "wb") as errors:
            demo = subprocess.Popen(
                [program("SLUICE_BIN", "sluice"), "demo", "--binaries", booking, *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, "TMPDIR": str(folder)})

        def end():
            if demo.poll() is None:
                demo.kill()
            demo.wait()
            demo.stdout.close()

        self.addCleanup(end)
        demo.folder = folder
        return demo

    def play(self, *options):
        """(exit code, stdout, stderr) of a demo, of which nothing is left."""
        demo = self.begin(*options)
        said, _ = demo.communicate()
        errors = (demo.folder / "errors.txt").read_text(encoding="utf-8")
        self.assertEqual(os.listdir(demo.folder), ["errors.txt"], "it left its folder")
        return demo.returncode, said, errors

    def wait_for_children(self, demo):
        """The ids of all that it started."""
        return wait_until(lambda: len(children_of(demo.pid)) == 11 and children_of(demo.pid),
                          "eleven processes", 30)

    def assert_gone(self, pids):
        for pid in pids:
            wait_until(lambda pid=pid: not is_running(pid), f"the end of {pid}")

    def test_every_check_of_every_step_holds(self):
        code, said, errors = self.play("--json")
        told = json.loads(said)
        failed = [check["text"] for step in told["steps"] for check in step["checks"]
                  if not check["held"]]
        self.assertEqual((failed, code, errors), ([], 0, ""))
        self.assertTrue(told["held"])
        self.assertEqual([step["name"] for step in told["steps"]], STEPS)
        for step in told["steps"]:
            self.assertGreaterEqual(len(step["checks"]), 3, step["name"])
        dag = told["steps"][0]
        for way in ("dag", "flow"):
            self.assertLess(dag[way]["response_ms"], dag["sequential"]["response_ms"])
            self.assertGreater(dag[way]["critical_path_ms"], 90)  # Of cart, inventory, payment.
        self.assertIn("concurrency/bookings", told["steps"][1]["phases"][1]["refusals"])

    def test_one_step_is_told_as_it_goes(self):
        code, said, errors = self.play("--break", "fallback")
        self.assertEqual((code, errors), (0, ""), said)
        self.assertIn("\n1/1  fallback   ", said)
        self.assertRegex(said, r"risk is dead +60 +60 +60 ")
        self.assertRegex(said, r"\nAll \d checks held\.\n$")
        self.assertNotIn("\x1b", said, "no terminal, no colours")

    def test_a_candidate_that_fails_is_rolled_back_with_a_reason(self):
        code, said, errors = self.play("--break", "candidate")
        self.assertEqual((code, errors), (0, ""), said)
        self.assertRegex(said, r"FAIL (errors: candidate [0-9.]+ % |guard: )")
        self.assertRegex(said, r"\nAll \d checks held\.\n$")

    def test_a_gateway_without_its_guard_fails_the_spike(self):
        text = (ROOT / "examples/booking/sluice.yaml").read_text(encoding="utf-8")
        for old, new in UNGUARDED:
            self.assertIn(old, text)
            text = text.replace(old, new)
        config = self.directory() / "sluice.yaml"
        config.write_text(text, encoding="utf-8")
        code, said, _ = self.play("--break", "spike", "--config", str(config))
        self.assertEqual(code, 1, said)
        self.assertIn("     FAILED  ", said)
        # The end of the tour names what failed.
        self.assertRegex(said, r"\n\d of \d checks held\. Failed:\n  \S")

    def test_refusals_of_the_gateway_do_not_pass_for_an_open_breaker(self):
        text = (ROOT / "examples/booking/sluice.yaml").read_text(encoding="utf-8")
        self.assertIn(ONE_AT_A_TIME[0], text)
        config = self.directory() / "sluice.yaml"
        config.write_text(text.replace(*ONE_AT_A_TIME), encoding="utf-8")
        code, said, _ = self.play("--break", "frozen", "--config", str(config))
        self.assertEqual(code, 1, said)
        self.assertIn("concurrency/bookings", said)
        self.assertIn("     FAILED  with the breaker open", said)

    def test_an_interrupt_ends_everything(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            demo = self.begin("--break", "optional")
            pids = self.wait_for_children(demo)
            demo.send_signal(number)
            self.assertEqual(demo.wait(20), 128 + number)
            self.assert_gone(pids)
            self.assertEqual(os.listdir(demo.folder), ["errors.txt"])

    def test_nothing_outlives_a_demo_that_is_killed(self):
        demo = self.begin("--break", "optional")
        pids = self.wait_for_children(demo)
        demo.kill()
        demo.wait()
        self.assert_gone(pids)

    def test_what_it_cannot_do_is_told(self):
        code, said, errors = self.play("--break", "nonsense")
        self.assertEqual((code, said), (2, ""))
        for step in STEPS:
            self.assertIn(step, errors)
        bad = self.directory() / "bad.yaml"
        bad.write_text("listeners: 5\n", encoding="utf-8")
        code, said, errors = self.play("--config", str(bad))
        self.assertEqual((code, said), (3, ""))
        self.assertIn("gateway did not start", errors)
        self.assertIn("bad.yaml:1:", errors)
        with tempfile.TemporaryDirectory() as empty:
            demo = subprocess.run(
                [program("SLUICE_BIN", "sluice"), "demo", "--binaries", empty],
                capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((demo.returncode, demo.stdout), (3, ""))
        self.assertIn("sluice-booking", demo.stderr)


if __name__ == "__main__":
    report.main()
