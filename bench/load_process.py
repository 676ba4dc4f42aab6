"""sluice-load in the background: an upstream or clients, ended by SIGTERM, with its report."""

import json
import os
import signal
import subprocess
import tempfile

START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 20


class LoadError(Exception):
    """sluice-load did not start or did not report."""


class LoadProcess:
    """Started at once. Use as a context manager: it is always ended."""

    def __init__(self, load, arguments):
        self._output = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [load, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self._output, text=True)
        self.address = None
        if any(argument.startswith("--serve") for argument in arguments):
            line = self._process.stdout.readline()
            if not line:
                self._process.wait(START_SECONDS_MAX)
                raise LoadError(f"sluice-load did not start: {self._complaints()}")
            self.address = json.loads(line)["listening"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS_MAX)
        self._process.stdout.close()
        self._output.close()

    def alive(self):
        return self._process.poll() is None

    def stop(self):
        """Lets it finish what is in flight and returns its report."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        return self.report()

    def report(self):
        """Waits for its own end and returns its report."""
        try:
            text, _ = self._process.communicate(timeout=STOP_SECONDS_MAX)
            return json.loads(text.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
            raise LoadError(f"sluice-load gave no report: {self._complaints()}") from error

    def _complaints(self):
        self._output.seek(0)
        return self._output.read()[-1000:].strip()


def resident_bytes(pids):
    """Memory that the processes hold now: the sum of their resident sets."""
    pages = 0
    for pid in pids:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            pages += int(statm.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(pids):
    """How many descriptors the processes have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
