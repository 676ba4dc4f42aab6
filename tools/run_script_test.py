#!/usr/bin/env python3
"""What `./run` promises to somebody who calls it for the first time, with the real programs.

    tools/run_script_test.py SLUICE SLUICE_BOOKING    # the two programs, in one folder
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

RUN = Path(__file__).resolve().parent.parent / "run"
BINARIES = ""
PATIENCE_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except OSError:
        return ""


def wait_until(done, what: str):
    """The first true result of `done()`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        result = done()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError(f"in vain: {what}")


def ask(port: int, target: str, **headers: str) -> http.client.HTTPResponse | None:
    """One GET; None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", target, headers=named)
        response = connection.getresponse()
        response.read()
        return response
    except OSError:
        return None
    finally:
        connection.close()


class Arguments(unittest.TestCase):
    def run_with(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([RUN, *arguments], capture_output=True, text=True, check=False)

    def assert_complaint(self, expected: str, *arguments: str) -> None:
        """Exit code 2 and one line that says why."""
        done = self.run_with(*arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(expected, done.stderr)

    def test_help_needs_nothing(self):
        done = self.run_with("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--upstream URL", done.stdout)

    def test_wrong_arguments_are_told(self):
        self.assert_complaint("unknown argument --bogus", "--bogus")
        self.assert_complaint("--port needs a value", "--port")
        self.assert_complaint("a port is a number, got x", "--port", "x")
        self.assert_complaint("cannot read", "--config", "/nonexistent.yaml")
        self.assert_complaint("needs a URL", "--upstream", "127.0.0.1:9000")
        self.assert_complaint("TLS come later", "--upstream", "https://127.0.0.1:1")
        ports = ["--port", str(free_port()), "--admin-port", str(free_port())]
        self.assert_complaint("there is no /nonexistent", "--binaries", "/nonexistent", *ports)

    def test_a_port_in_use_is_told_before_anything_is_built(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assert_complaint(f"port {port} of 127.0.0.1 is in use", "--port", str(port))


class Demo(unittest.TestCase):
    def test_it_is_the_programs_demo(self):
        done = subprocess.run(
            [RUN, "demo", "--binaries", BINARIES, "--break", "nonsense"],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--break", done.stderr)


class MainJob(unittest.TestCase):
    def setUp(self):
        self.port, self.admin_port = free_port(), free_port()
        self.script: subprocess.Popen | None = None

    def tearDown(self):
        if self.script is not None:
            if self.script.poll() is None:
                self.script.kill()
            self.script.wait()
            self.script.stderr.close()

    def start(self, *arguments: str) -> str:
        """Starts the script and returns what it said once the gateway was ready."""
        ports = ["--port", str(self.port), "--admin-port", str(self.admin_port)]
        self.script = subprocess.Popen(
            [RUN, "--binaries", BINARIES, *ports, *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        )
        said = ""
        for line in self.script.stderr:
            said += line
            if "/metrics" in line:
                return said
        raise AssertionError(f"it ended with {self.script.wait()}: {said}")

    def children(self) -> list[int]:
        """The programs of ours that the script has started and that run."""
        tasks = Path(f"/proc/{self.script.pid}/task/{self.script.pid}/children")
        pids = [int(pid) for pid in tasks.read_text(encoding="utf-8").split()]
        return [pid for pid in pids if name_of(pid).startswith("sluice")]

    def assert_serves(self) -> str:
        """The instance that answered through the gateway."""
        # A user of its own for each request: this is not about limits.
        self.users = getattr(self, "users", 0) + 1
        user = f"user-{self.users}"
        response = wait_until(lambda: ask(self.port, "/search?q=x", x_user_id=user), "an answer")
        self.assertEqual(response.status, 200)
        return response.getheader("x-instance", "")

    def test_two_instances_answer_and_one_may_die(self):
        said = self.start()
        seen: set[str] = set()
        wait_until(lambda: seen.add(self.assert_serves()) or seen == {"a", "b"}, "both instances")

        pid_of_a = int(re.search(r"\ba \(pid (\d+)", said).group(1))
        os.kill(pid_of_a, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid_of_a), "the end of a")
        for _ in range(20):
            self.assertEqual(self.assert_serves(), "b")

        children = self.children()
        self.script.send_signal(signal.SIGTERM)
        self.assertEqual(self.script.wait(timeout=PATIENCE_SECONDS), 0)
        for pid in children:
            wait_until(lambda pid=pid: not is_alive(pid), f"the end of {pid}")

    def test_a_booking_is_made_of_eight_services(self):
        self.start()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/bookings", body='{"user":"ann"}')
        response = connection.getresponse()
        booking = json.loads(response.read())
        connection.close()
        self.assertEqual(response.status, 201, booking)
        self.assertEqual((booking["user"], booking["degraded"]), ("ann", []))
        self.assertIn("critical-path;", response.getheader("server-timing"))

    def test_a_service_that_may_be_missing_is_not_missed(self):
        said = self.start()
        pid_of_coupons = int(re.search(r"kill (\d+)\n  kill \d+\n", said).group(1))
        os.kill(pid_of_coupons, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid_of_coupons), "the end of coupons")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/bookings", body="{}")
        response = connection.getresponse()
        booking = json.loads(response.read())
        connection.close()
        self.assertEqual((response.status, booking["degraded"]), (201, ["coupons"]))

    def test_an_instance_starts_again_as_told(self):
        said = self.start()
        pid_of_a = int(re.search(r"\ba \(pid (\d+)", said).group(1))
        os.kill(pid_of_a, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid_of_a), "the end of a")
        command = re.search(r"^  (\S+sluice-booking .*?) &$", said, re.M | re.S).group(1)
        again = subprocess.Popen(
            command.replace("\\\n", "").split(), stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: self.assert_serves() == "a", "a")
        finally:
            again.terminate()
            again.wait()

    def test_one_user_has_a_limit(self):
        self.start()

        def refused() -> http.client.HTTPResponse | None:
            response = ask(self.port, "/search?q=x", x_user_id="ann")
            return response if response and response.status == 429 else None

        reason = wait_until(refused, "a refusal").getheader("x-sluice-reason")
        self.assertEqual(reason, "rate_limit/per-user")
        self.assertEqual(ask(self.port, "/search?q=x", x_user_id="bob").status, 200)

    def test_ctrl_c_drains_and_ends_well(self):
        self.start()
        children = self.children()
        os.killpg(self.script.pid, signal.SIGINT)  # As a terminal does it.
        self.assertEqual(self.script.wait(timeout=PATIENCE_SECONDS), 0)
        for pid in children:
            wait_until(lambda pid=pid: not is_alive(pid), f"the end of {pid}")

    def test_nothing_outlives_a_script_that_is_killed(self):
        self.start()
        children = self.children()
        self.assertEqual(len(children), 11)  # The gateway, two instances, eight services.
        self.script.kill()
        for pid in children:
            wait_until(lambda pid=pid: not is_alive(pid), f"the end of {pid}")

    def test_an_upstream_of_the_users_own(self):
        command = [f"{BINARIES}/sluice-booking", "--listen", "127.0.0.1:0", "--name", "mine"]
        with contextlib.ExitStack() as stack:
            service = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(service.terminate)
            address = service.stdout.readline().split()[-1]
            said = self.start("--upstream", f"http://{address}/")
            self.assertEqual(self.assert_serves(), "mine")
            # What watches it is named, and the command that asks it works as it stands there.
            for guard in ("rate_limit/per-client", "concurrency/default", "overload/",
                          "admission_control/default", "breaker/default",
                          "outlier_detection/default"):
                self.assertIn(guard, said)
            asked = re.search(r"^ +(\S+sluice status --would-have .*)$", said, re.MULTILINE)
            done = subprocess.run(asked[1].split(), capture_output=True, text=True, check=True,
                                  cwd=RUN.parent)
            self.assertRegex(done.stdout, r"(?m)^breaker/default +shadow ")
            self.assertEqual(len(self.children()), 1)


if __name__ == "__main__":
    programs = [Path(sys.argv.pop(1)).resolve() for _ in range(2)]
    BINARIES = str(programs[0].parent)
    unittest.main()
