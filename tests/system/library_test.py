#!/usr/bin/env python3
"""Sluice as a library: installed, found by find_package, linked into a program, and guarding it."""

import os
import re
import socket
import subprocess
import time

import report
from harness import ROOT, SystemTest
from servers import start_booking

BUILD_SECONDS_MAX = 200


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False,
                          timeout=BUILD_SECONDS_MAX)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def cached(build, name):
    """A value of the build's CMake cache."""
    found = re.search(rf"^{name}:\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M)
    return found[1] if found else ""


class Library(SystemTest):
    SECONDS_MAX = 2 * BUILD_SECONDS_MAX

    def build_example(self, name):
        """Installs this build, builds an example against it, and returns the program."""
        build = ROOT / os.environ["SLUICE_BUILD_DIR"]
        folder = self.directory()
        run("cmake", "--install", build, "--prefix", folder / "prefix")
        kind = cached(build, "CMAKE_BUILD_TYPE").upper()
        run("cmake", "-S", ROOT / "examples" / name, "-B", folder / "build",
            f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}",
            f"-DCMAKE_CXX_COMPILER={cached(build, 'CMAKE_CXX_COMPILER')}",
            "-DCMAKE_BUILD_TYPE=Debug",
            f"-DCMAKE_CXX_FLAGS_DEBUG={cached(build, 'CMAKE_CXX_FLAGS_' + kind)}")
        run("cmake", "--build", folder / "build")
        return folder / "build" / name

    def counts(self, program, address, path, *numbers):
        host, port = address.rsplit(":", 1)
        said = run(program, host, port, path, *numbers)
        found = re.fullmatch(r"answered (\d+), failed (\d+), rate limited (\d+), not asked (\d+); "
                             r"the breaker is (\w+)\n", said)
        self.assertTrue(found, said)
        return [int(number) for number in found.groups()[:4]], found[5]

    def test_an_installed_library_guards_a_program(self):
        program = self.build_example("guarded_client")

        booking = start_booking(self.directory())
        self.addCleanup(booking.stop)
        counts, state = self.counts(program, booking.address, "/search?q=lisbon", 100)
        self.assertEqual((counts, state), ([100, 0, 0, 0], "closed"))

        # One a second, and one at once: the rest costs the service nothing.
        before = time.monotonic()
        counts, _ = self.counts(program, booking.address, "/search?q=lisbon", 50, 1)
        answered_max = 2 + int(time.monotonic() - before)
        self.assertIn(counts[0], range(1, answered_max + 1))
        self.assertEqual((counts[1], counts[0] + counts[2]), (0, 50))

        # Nobody listens: after the minimum of ten calls the service is asked no more. What the
        # breaker refuses gives its token back, so the limit has nothing to refuse.
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            counts, state = self.counts(program, f"127.0.0.1:{port}", "/", 50_000)
        answered, failed, limited, not_asked = counts
        self.assertEqual((answered, limited, state), (0, 0, "open"))
        self.assertIn(failed, (10, 11))  # Two threads: one call may be under way when it opens.
        self.assertEqual(failed + not_asked, 50_000)

    def test_an_installed_library_runs_dependent_calls(self):
        said = run(self.build_example("checkout"))
        self.assertTrue(said.startswith("flowchart LR\n"), said)
        self.assertTrue(said.endswith("critical path: user -> offer -> price -> receipt\n"), said)


if __name__ == "__main__":
    report.main()
