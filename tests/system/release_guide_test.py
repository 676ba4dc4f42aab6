#!/usr/bin/env python3
"""docs/release-a-version.md does what it says: its blocks are pasted into a shell, in order."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import report
from harness import ROOT, SystemTest, program

BLOCK = re.compile(r"^```(yaml|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = re.compile(r"127\.0\.0\.1:(\d+)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def of_session(session):
    """The ids of all processes of it: each job of the shell has a group of its own."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(int(stat.parent.name))
    return found


class ReleaseGuide(SystemTest):
    SECONDS_MAX = 120

    def paste(self, script, folder):
        """Runs `script` with the programs of this build; what it leaves behind ends with it."""
        paths = [os.path.dirname(program("SLUICE_BIN", "sluice")),
                 os.path.dirname(program("SLUICE_BOOKING_BIN", "sluice-booking"))]
        with open(folder / "errors.txt", "w", encoding="utf-8") as errors:
            shell = subprocess.Popen(
                ["bash", "-c", script], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
                env={**os.environ, "PATH": os.pathsep.join([*paths, os.environ["PATH"]])})

        def end():
            for pid in of_session(shell.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            shell.wait()

        self.addCleanup(end)
        shell.wait(timeout=100)
        return shell.returncode, (folder / "said.txt").read_text(encoding="utf-8")

    def test_every_command_of_the_page_does_what_the_page_says(self):
        text = (ROOT / "docs/release-a-version.md").read_text(encoding="utf-8")
        ports = {}
        text = PORT.sub(lambda found: "127.0.0.1:" + ports.setdefault(found[1], free_port()), text)
        folder = pathlib.Path(self.directory())
        script = ["set -em", "exec > said.txt"]
        admin = next(port for written, port in ports.items() if written == "7070")
        for kind, block in BLOCK.findall(text):
            if kind == "yaml":
                (folder / "sluice.yaml").write_text(block, encoding="utf-8")
            else:
                # The page leaves the admin API where it is by default.
                script.append(re.sub(
                    r"(sluice release \w+ [\w-]+)", rf"\1 --admin 127.0.0.1:{admin}", block))
        self.assertGreaterEqual(len(script), 10)
        script.append("kill %1 %3 %4; echo the end")
        code, said = self.paste("\n".join(script), folder)
        errors = (folder / "errors.txt").read_text(encoding="utf-8")
        self.assertEqual(code, 0, said + errors[-2000:])
        self.assertIn("the end", said)
        self.assertRegex(said, r"alice has bucket \d+ and gets ")
        self.assertRegex(said, r"approve \(")
        self.assertIn("looks good to me", said)
        self.assertRegex(said, r"completed ")
        self.assertRegex(said, r"FAIL (guard|errors): ")
        self.assertIn("was aborted", errors)


if __name__ == "__main__":
    report.main()
