#!/usr/bin/env python3
"""R14: another binary takes over the sockets, and no client notices; a bad one changes nothing."""

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import report
from harness import (
    STOP_SECONDS_MAX, SystemTest, gateway_config, is_running, program, run_sluice, wait_until)
from origin import answer, answering
from servers import load


class Upgrades(SystemTest):
    def gateway(self, config):
        """Runs through a link of its own, so that another binary can be put in its place."""
        self.link = self.directory() / "sluice"
        self.install(program("SLUICE_BIN", "sluice"))
        old = os.environ.get("SLUICE_BIN")
        os.environ["SLUICE_BIN"] = str(self.link)
        try:
            sluice = self.sluice(config)
        finally:
            os.environ["SLUICE_BIN"] = old or ""
            if old is None:
                del os.environ["SLUICE_BIN"]
        self.addCleanup(self.end_successors, sluice)
        return sluice

    def install(self, binary):
        fresh = self.link.with_suffix(".new")
        fresh.symlink_to(Path(binary).resolve())
        os.replace(fresh, self.link)

    def install_script(self, text):
        script = self.link.parent / "script"
        script.write_text("#!/bin/sh\n" + text)
        script.chmod(0o755)
        self.install(script)

    def successors(self, sluice):
        return [int(pid) for pid in re.findall(r" successor_started pid=(\d+)", sluice.said())]

    def end_successors(self, sluice):
        for pid in self.successors(sluice):
            with contextlib.suppress(ProcessLookupError):
                if is_running(pid):
                    os.kill(pid, signal.SIGTERM)
                    wait_until(lambda p=pid: not is_running(p), "the successor ended",
                               STOP_SECONDS_MAX)

    def upgraded(self, sluice):
        """Waits until the successor serves, and returns its pid."""
        match = sluice.wait_said(r" upgraded successor=(\d+)", 30)
        return int(match[1])

    def test_r14_an_upgrade_under_load_fails_nothing(self):
        with load("--serve", "127.0.0.1:0") as upstream:
            sluice = self.gateway(gateway_config(upstream.address, workers=2))
            with load("--target", sluice.address, "--seconds", "60", "--connections", "8",
                      "--timeout", "20") as clients:
                wait_until(lambda: sluice.page("/api/v1/status")["requests"]["total"] > 100,
                           "load", 20)
                sluice.signal(signal.SIGUSR2)
                pid = self.upgraded(sluice)
                self.assertEqual(sluice.wait(30), 0, sluice.said())
                status = sluice.page("/api/v1/status")  # At the same address.
                self.assertEqual((status["pid"], status["phase"]), (pid, "serving"))
                wait_until(lambda: sluice.page("/api/v1/status")["requests"]["total"] > 100,
                           "load on the successor", 20)
                told = clients.stop()
        self.assertEqual(told["failed"], 0, told)
        self.assertEqual(told["failures"].get("connect", 0), 0, told)

    def test_r14_requests_in_flight_are_finished_by_the_old_one(self):
        asked, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def reply(request):
            if request.target == "/slow":
                asked.set()
                go_on.wait(30)
            return answer(body=b"whole")

        sluice = self.gateway(gateway_config(self.origin(answering(reply)).address))
        client = self.client(sluice, timeout=30)
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(asked.wait(10))
        done = run_sluice("upgrade", "--admin", sluice.admin, seconds=40)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.get(sluice, "/new").body, b"whole")
        self.assertIsNone(sluice.process.poll())
        go_on.set()
        self.assertEqual(client.response().body, b"whole")
        self.assertEqual(sluice.wait(), 0)

    def test_r14_a_successor_that_crashes_at_its_start_leaves_the_old_one_serving(self):
        sluice = self.gateway(gateway_config(self.origin().address))
        self.install_script("kill -SEGV $$\n")
        sluice.signal(signal.SIGUSR2)
        sluice.wait_said("upgrade_failed")
        self.assertEqual(self.get(sluice).status, 200)
        self.assertEqual(sluice.page("/api/v1/status")["pid"], sluice.pid)
        self.assertEqual(sluice.ask("/readyz")[0], 200)
        self.assertFalse(any(map(is_running, self.successors(sluice))))
        # And the next try, with a good one, works.
        self.install(os.path.realpath(program("SLUICE_BIN", "sluice")))
        self.assertEqual(sluice.post("/api/v1/upgrade")[0], 200)
        self.assertEqual(sluice.wait(), 0)
        self.assertEqual(self.get(sluice).status, 200)

    def test_r14_what_went_wrong_is_told_to_who_asked(self):
        sluice = self.gateway(gateway_config(self.origin().address))
        for prepare in (lambda: self.install_script("exit 1\n"),
                        lambda: self.install(self.directory() / "missing"),
                        lambda: self.install(self.directory())):
            prepare()
            done = run_sluice("upgrade", "--admin", sluice.admin, seconds=40)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertTrue(done.stderr.startswith("sluice: "), done.stderr)
            self.assertEqual(sluice.post("/api/v1/upgrade")[0], 500)
        self.assertEqual(self.get(sluice).status, 200)

    def test_r14_a_bad_configuration_leaves_the_old_one_serving(self):
        sluice = self.gateway(gateway_config(self.origin().address))
        sluice.write("listeners: []\n")
        self.assertEqual(sluice.post("/api/v1/upgrade")[0], 500)
        self.assertEqual(self.get(sluice).status, 200)

    def test_the_successor_reads_the_configuration_anew(self):
        upstream = self.origin()
        config = gateway_config(upstream.address)
        sluice = self.gateway(config)
        address, admin = sluice.address, sluice.admin
        config["routes"][0]["match"] = {"path_prefix": "/only"}
        config["listeners"].append({"name": "second", "listen": "127.0.0.2:0"})
        sluice.write(config)
        self.assertEqual(sluice.post("/api/v1/upgrade")[0], 200)
        self.assertEqual(sluice.wait(), 0)
        self.assertEqual((sluice.address, sluice.admin), (address, admin))
        self.assertEqual(self.get(sluice, "/only").status, 200)
        self.assertEqual(self.get(sluice, "/").status, 404)
        client = self.client(sluice.address_of("second"))
        self.assertEqual(client.request("GET", "/only").status, 200)

    def test_a_successor_can_be_upgraded_itself(self):
        sluice = self.gateway(gateway_config(self.origin().address, workers=2))
        self.assertEqual(sluice.post("/api/v1/upgrade")[0], 200)
        self.assertEqual(sluice.wait(), 0)
        second = sluice.page("/api/v1/status")["pid"]
        self.assertEqual(sluice.post("/api/v1/upgrade")[0], 200)
        wait_until(lambda: not is_running(second), "the second one ended")
        third = sluice.page("/api/v1/status")["pid"]
        self.assertEqual(len({sluice.pid, second, third}), 3)
        self.assertEqual(self.get(sluice).status, 200)
        os.kill(third, signal.SIGTERM)
        wait_until(lambda: not is_running(third), "the third one ended")

    def test_unix_sockets_keep_their_files(self):
        folder = self.directory()
        config = gateway_config(
            self.origin().address, listener={"listen": f"unix:{folder}/public.sock"}, workers=2,
            admin={"listen": f"unix:{folder}/admin.sock"})
        sluice = self.gateway(config)
        admin = f"unix:{folder}/admin.sock"
        done = run_sluice("upgrade", "--admin", admin, seconds=40)
        self.assertEqual(done.returncode, 0, done.stderr + sluice.said())
        self.assertEqual(sluice.wait(), 0)
        self.assertEqual(self.get(sluice).status, 200)
        self.assertEqual(run_sluice("status", "--admin", admin).returncode, 0)
        self.end_successors(sluice)
        self.assertFalse((folder / "public.sock").exists())

    def test_a_gateway_that_was_found_by_its_name_finds_its_successor_by_it(self):
        folder = self.directory()
        (folder / "sluice").symlink_to(os.path.realpath(program("SLUICE_BIN", "sluice")))
        old = {name: os.environ.get(name) for name in ("SLUICE_BIN", "PATH")}
        os.environ["PATH"] = f"{folder}:{old['PATH']}"
        os.environ["SLUICE_BIN"] = "sluice"
        try:
            sluice = self.sluice(gateway_config(self.origin().address))
        finally:
            os.environ["PATH"] = old["PATH"]
            os.environ.pop("SLUICE_BIN")
            if old["SLUICE_BIN"]:
                os.environ["SLUICE_BIN"] = old["SLUICE_BIN"]
        self.addCleanup(self.end_successors, sluice)
        status, text = sluice.post("/api/v1/upgrade")
        self.assertEqual(status, 200, text)
        self.assertEqual(sluice.wait(), 0)
        self.assertEqual(self.get(sluice).status, 200)

    def test_a_drain_that_begins_during_an_upgrade_ends_in_order(self):
        for ask in (lambda s: s.signal(signal.SIGUSR2),
                    lambda s: threading.Thread(
                        target=s.post, args=("/api/v1/upgrade",), daemon=True).start()):
            for _ in range(3):
                sluice = self.gateway(gateway_config(self.origin().address, workers=2))
                ask(sluice)
                sluice.wait_said("successor_started")
                sluice.signal(signal.SIGTERM)
                self.assertEqual(sluice.wait(), 0, sluice.said())

    def test_two_upgrades_at_once_are_one(self):
        sluice = self.gateway(gateway_config(self.origin().address))
        for _ in range(5):
            sluice.signal(signal.SIGUSR2)
        self.upgraded(sluice)
        self.assertEqual(sluice.wait(), 0)
        serving = [pid for pid in self.successors(sluice) if is_running(pid)]
        self.assertEqual(len(serving), 1)
        self.assertEqual(self.get(sluice).status, 200)


if __name__ == "__main__":
    report.main()
