#!/usr/bin/env python3
"""Kills a recording gateway many times: what was committed must be there, and the file must open.

    bench/soak/record_kill.py                200 kills
    bench/soak/record_kill.py --kills 4      what the tests run

All runs record into one file. While clients send, `kill -9` comes at a random moment. Afterwards
the file is whole (`PRAGMA integrity_check`), and holds each exchange that the gateway had told as
written, and each that had ended a flush interval (1 s) and `--slack` before the kill. Heads and
bodies of all of them can be read (`sluice record audit` reads each), and no secret is in them.

Exit codes: 0 passed, 1 failed, 2 usage, 3 something is missing or does not start.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

import gateways  # noqa: E402
from load_process import LoadError, LoadProcess  # noqa: E402

FLUSH_SECONDS = 1.0
RUN_SECONDS_MAX = 1.6
TIMEOUT = 60
CLIENTS = 2


class Clients:
    """Send one request after the other, and remember when each answer was there."""

    def __init__(self, address, prefix):
        self.address, self.prefix = address, prefix
        self.answered = []  # (number, moment)
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, first):
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT)
        number = first
        with contextlib.suppress(OSError, http.client.HTTPException):  # It was killed.
            while not self.stopped.is_set():
                connection.request("GET", f"{self.prefix}/1024/{number:010}",
                                   headers={"Authorization": f"Bearer s3cret-{number}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise http.client.HTTPException(answer.status)
                self.answered.append((number, time.monotonic()))
                number += CLIENTS
        connection.close()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(TIMEOUT)


def written_total(admin):
    connection = http.client.HTTPConnection(admin, timeout=TIMEOUT)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = re.search(r"^sluice_record_written_total (\S+)", text, re.M)
    return int(float(found[1])) if found else 0


def kill_once(binary, upstream, directory, prefix, seconds):
    """Runs a gateway for so long under load. Returns what was told as written, what was answered
    and when it was killed."""
    gateway = gateways.start_gateway(
        "sluice", binary, BENCH / "soak/record_kill.yaml.in", directory, upstream=upstream)
    clients = Clients(gateway.address, prefix)
    told = 0
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = written_total(gateway.admin)
            time.sleep(min(0.05, max(0.0, end - time.monotonic())))
    finally:
        killed = time.monotonic()
        gateway.process.kill()
        gateway.process.wait(TIMEOUT)
        clients.stop()
    return told, clients.answered, killed


def found_in(file, prefix):
    """The numbers of this run's exchanges, and whether the file is whole."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        whole = database.execute("PRAGMA integrity_check").fetchone()[0]
        rows = database.execute("SELECT target FROM exchange WHERE target LIKE ?",
                                (prefix + "/%",)).fetchall()
    return {int(target.rsplit("/", 1)[1]) for (target,) in rows}, whole


def judge(binary, file, prefix, run, slack):
    """What did not hold, in words."""
    told, answered, killed = run
    found, whole = found_in(file, prefix)
    wrong = []
    if whole != "ok":
        wrong.append(f"the file is damaged: {whole}")
    if len(found) < told:
        wrong.append(f"{told} were told as written, {len(found)} are there")
    due = {number for number, moment in answered if moment < killed - FLUSH_SECONDS - slack}
    if due - found:
        wrong.append(f"{len(due - found)} of {len(due)} older than {FLUSH_SECONDS + slack} s are "
                     "missing")
    audit = subprocess.run([binary, "record", "audit", file, "--path", prefix + "/", "--json"],
                           capture_output=True, text=True, timeout=TIMEOUT)
    read = json.loads(audit.stdout)["exchanges"] if audit.returncode == 0 else None
    if read != len(found):
        wrong.append(f"{read} of {len(found)} can be read: {audit.stdout}{audit.stderr}")
    return wrong, len(found), len(due)


def soak(options, binary, load, directory):
    chance = random.Random(options.seed)
    file = directory / "recording.db"
    wrong, found_all, due_all, lost = [], 0, 0, []
    with LoadProcess(load, ["--serve", "127.0.0.1:0"]) as upstream:
        for kill in range(options.kills):
            prefix = f"/kill-{kill}"
            seconds = chance.uniform(0, RUN_SECONDS_MAX)
            run = kill_once(binary, upstream.address, directory, prefix, seconds)
            problems, found, due = judge(binary, file, prefix, run, options.slack)
            wrong += [f"kill {kill} after {seconds:.3f} s: {problem}" for problem in problems]
            found_all += found
            due_all += due
            lost.append(len(run[1]) - found)
    if found_all == 0:
        wrong.append("no exchange was found after any kill: nothing was tried")
    return {"passed": not wrong, "wrong": wrong[:10], "kills": options.kills,
            "seed": options.seed, "found": found_all, "due": due_all, "lost_most": max(lost)}


def main(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--kills", type=int, default=200)
    add("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    add("--slack", type=float, default=0.5, help="seconds beyond the flush interval, for a machine "
        "that is busy")
    add("--sluice", help="path of the sluice binary, default build/release/bin/sluice")
    add("--load", help="path of sluice-load")
    options = parser.parse_args(arguments)
    binary = gateways.find_sluice(options.sluice)
    try:
        load = gateways.find_load(options.load)
        with tempfile.TemporaryDirectory(prefix="sluice-kill-") as directory:
            found = soak(options, binary, load, pathlib.Path(directory))
    except (gateways.GatewayError, LoadError) as error:
        print(error, file=sys.stderr)
        return 3
    print(json.dumps(found, indent=1))
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
