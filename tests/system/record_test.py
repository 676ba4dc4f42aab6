#!/usr/bin/env python3
"""Recordings of a real gateway: looked into with its verbs and with sqlite3, killed, damaged."""

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import report
from client import Client, Truncated
from harness import SystemTest, gateway_config, run_sluice, wait_until
from origin import answer, answering

KILLS = 4  # bench/soak/record_kill.py does it 200 times.


def recording_config(origin, folder, **record):
    return gateway_config(origin.address, data_dir=str(folder), record=record)


def ok(*arguments, code=0):
    """What a verb prints, having ended with `code`."""
    done = run_sluice(*arguments)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def listing(file, *options):
    return json.loads(ok("record", "ls", file, "--json", *options))


class Record(SystemTest):
    def setUp(self):
        self.upstream = self.origin(answering(self.reply))
        self.folder = self.directory()
        self.file = self.folder / "recording.db"

    def reply(self, request):
        if request.target.startswith("/gone"):
            return answer(410, b"gone")
        body = b'{"echo":"%s","card":"4111 1111 1111 1111"}' % request.target.split("?")[0].encode()
        return answer(200, body, [("Content-Type", "application/json"),
                                  ("Set-Cookie", "sid=s3ssion; Path=/")])

    def record(self, **record):
        return self.sluice(recording_config(self.upstream, self.folder, **record))

    def written(self, sluice, count):
        wait_until(lambda: sluice.metric("sluice_record_written_total") >= count,
                   f"{count} written")

    def rows(self, sql):
        shown = subprocess.run(["sqlite3", "-json", str(self.file), sql], capture_output=True,
                               text=True, timeout=20, check=True)
        return json.loads(shown.stdout or "[]")

    def test_what_was_recorded_is_seen_by_every_verb_and_by_sqlite3(self):
        sluice = self.record()
        with_secrets = [("Authorization", "Bearer t0p"), ("Cookie", "sid=s3ssion"),
                        ("X-Keep", "kept")]
        self.get(sluice, "/a?password=hunter2&q=1", headers=with_secrets)
        self.get(sluice, "/b", "POST", [("Content-Type", "application/json")], b'{"token":"x9"}')
        self.get(sluice, "/gone")
        self.written(sluice, 3)
        rows = self.rows("SELECT status FROM exchange ORDER BY id")
        self.assertEqual([row["status"] for row in rows], [200, 200, 410])
        listed = listing(self.file)
        self.assertEqual([row["method"] for row in listed], ["GET", "POST", "GET"])
        self.assertEqual(len(listing(self.file, "--status", "4xx")), 1)
        self.assertEqual(len(listing(self.file, "--text", "/b")), 1)
        self.assertEqual(len(listing(self.file, "--route", "no")), 0)
        shown = ok("record", "show", self.file, listed[0]["id"])
        self.assertIn("X-Keep: kept", shown)
        for secret in ("t0p", "s3ssion", "hunter2", "4111"):
            self.assertNotIn(secret, shown)
        self.assertIn("q=1", shown)
        self.assertIn("--data-binary", ok("record", "show", self.file, listed[1]["id"], "--curl"))
        self.assertIn("no secret found", ok("record", "audit", self.file))
        page = sluice.page("/api/v1/recordings")["recordings"][0]
        self.assertEqual((page["written"], page["state"], page["masking"]), (3, "recording", True))
        raw = self.file.read_bytes()
        for secret in (b"t0p", b"s3ssion", b"hunter2"):
            self.assertNotIn(secret, raw)
        self.assertEqual(os.stat(self.folder / "masking.key").st_mode & 0o777, 0o600)

    def test_a_har_goes_out_and_comes_in_again(self):
        sluice = self.record()
        for i in range(5):
            self.get(sluice, f"/item/{i}")
        self.written(sluice, 5)
        sluice.stop()
        har = self.folder / "out.har"
        ok("record", "export", self.file, "-o", har)
        entries = json.loads(har.read_text())["log"]["entries"]
        self.assertEqual(len(entries), 5)
        again = self.folder / "again.db"
        ok("record", "import", again, har)
        fields = ("started", "target", "status", "trace_id", "duration_seconds")
        before, after = (
            [[row[name] for name in fields] for row in listing(file)]
            for file in (self.file, again))
        self.assertEqual(before, after)
        small = self.folder / "small.db"
        ok("record", "export", self.file, "--format", "sluice", "--limit", "2", "-o", small)
        self.assertEqual(len(listing(small)), 2)

    def test_goreplays_files_come_in_masked(self):
        gor = self.folder / "requests.gor"
        gor.write_text("1 a1 1767225600000000000\nGET /x HTTP/1.1\r\nHost: a.test\r\n"
                       "Authorization: Basic c2VjcmV0\r\n\r\n\n🐵🙈🙉\njunk\n🐵🙈🙉\n")
        into = self.folder / "gor.db"
        done = run_sluice("record", "import", into, gor)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 could not be read", done.stderr)
        self.assertIn("no secret found", ok("record", "audit", into))
        ok("record", "import", self.folder / "raw.db", gor, "--no-masking")
        audited = ok("record", "audit", self.folder / "raw.db", code=1)
        self.assertIn("secrets are not masked", audited)

    def test_killed_at_any_moment_the_file_opens_and_little_is_missing(self):
        for kill in range(KILLS):
            sluice = self.record(flush_interval="50ms")
            sent = [0]
            stop = threading.Event()

            def load():
                client = Client(sluice.address)
                try:
                    while not stop.is_set():
                        client.request("GET", f"/k/{kill}/{sent[0]}", (), b"")
                        sent[0] += 1
                except (OSError, AssertionError, Truncated):
                    pass  # It was killed.
                finally:
                    client.close()

            loader = threading.Thread(target=load)
            loader.start()
            self.written(sluice, 20 + 7 * kill)
            before = sluice.metric("sluice_record_written_total")
            sluice.signal(signal.SIGKILL)
            sluice.wait()
            stop.set()
            loader.join()
            found = listing(self.file, "--path", f"/k/{kill}/")
            self.assertGreaterEqual(len(found), before)
            with sqlite3.connect(self.file) as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))

    def test_what_is_no_recording_is_refused_and_what_is_cut_is_read_as_far_as_it_goes(self):
        sluice = self.record()
        for i in range(300):
            self.get(sluice, f"/{i}/" + os.urandom(300).hex())
        self.written(sluice, 300)
        sluice.stop()
        foreign = self.folder / "foreign.db"
        foreign.write_text("this is no recording " * 1000)
        self.assertIn("is no recording", run_sluice("record", "ls", foreign).stderr)
        ok("record", "ls", foreign, code=2)
        ok("record", "ls", self.folder / "missing.db", code=2)
        cut = self.folder / "cut.db"
        cut.write_bytes(self.file.read_bytes()[: self.file.stat().st_size * 3 // 4])
        done = run_sluice("record", "ls", cut)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("cannot be read", done.stderr)
        self.assertIn(" exchanges", done.stdout)
        cut.write_bytes(self.file.read_bytes()[:5000])
        ok("record", "ls", cut, code=2)
        with sqlite3.connect(self.file) as database:
            database.execute("PRAGMA user_version = 9")
        done = run_sluice("record", "ls", self.file)
        self.assertEqual(done.returncode, 2)
        self.assertIn("schema version 9", done.stderr)

    def test_a_full_disk_costs_the_recording_and_no_request(self):
        sluice = self.record(flush_interval="20ms")
        self.get(sluice, "/before")
        self.written(sluice, 1)
        with sqlite3.connect(self.file, isolation_level=None) as database:
            database.execute("BEGIN EXCLUSIVE")
            for _ in range(5):
                self.assertEqual(self.get(sluice, "/while").status, 200)
            wait_until(
                lambda: sluice.metric("sluice_record_dropped_total", reason="write_failed") == 5,
                "counted")
            self.assertEqual(sluice.page("/api/v1/recordings")["recordings"][0]["state"], "failing")
            database.execute("ROLLBACK")
        self.get(sluice, "/after")
        self.written(sluice, 2)

    def test_a_recording_is_sent_again(self):
        sluice = self.record()
        for i in range(20):
            self.get(sluice, f"/again/{i}")
        self.get(sluice, "/write", "POST", body=b"x")
        self.written(sluice, 21)
        sluice.stop()
        other = self.origin(answering(lambda request: answer(200, b"replayed")))
        page = self.folder / "report.html"
        done = ok("replay", "--recording", self.file, "--target", f"http://{other.address}",
                  "--rate", "200", "--json", "--html", page)
        result = json.loads(done)
        self.assertEqual((result["sent"], result["answered"], result["failed"]), (20, 20, 0))
        self.assertEqual(result["skipped"]["write"], 1)
        self.assertEqual(sorted(request.target for request in other.requests),
                         sorted(f"/again/{i}" for i in range(20)))
        self.assertEqual(other.requests[0].header("x-sluice-purpose"), "replay")
        self.assertIn("<svg", page.read_text())
        other.close()
        started = time.monotonic()
        down = run_sluice("replay", "--recording", self.file, "--target",
                          f"http://{other.address}", "--connect-timeout", "300ms")
        self.assertEqual(down.returncode, 3)
        self.assertIn("refused", down.stderr)
        self.assertGreaterEqual(time.monotonic() - started, 0.2)
        ok("replay", "--recording", self.file, "--target", "nonsense", code=2)
        ok("replay", "--recording", self.file, "--target", "http://127.0.0.1:1", "--route", "no",
           code=2)

    def test_a_place_that_cannot_be_written_is_said_at_the_start(self):
        blocked = self.folder / "file"
        blocked.write_text("")
        sluice = self.start(gateway_config(self.upstream.address, data_dir=str(blocked), record={}))
        self.assertNotEqual(sluice.wait(), 0)
        self.assertIn("record", sluice.said())


if __name__ == "__main__":
    report.main()
