#!/usr/bin/env python3
"""What systemd is told (sd_notify(3)): when it serves, reloads, stops, and who the main one is."""

import contextlib
import os
import re
import signal
import socket

import report
from harness import SystemTest, gateway_config, is_running, wait_until


class Notifications(SystemTest):
    def setUp(self):
        self.path = self.directory() / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(str(self.path))
        self.socket.settimeout(20)
        self.config = gateway_config(self.origin().address)
        self.gateway = self.sluice(self.config, environment={"NOTIFY_SOCKET": str(self.path)})
        self.addCleanup(self.end_successor)

    def end_successor(self):
        for pid in map(int, re.findall(r" successor_started pid=(\d+)", self.gateway.said())):
            with contextlib.suppress(ProcessLookupError):
                if is_running(pid):
                    os.kill(pid, signal.SIGTERM)
                    wait_until(lambda p=pid: not is_running(p), "the successor ended", 20)

    def told(self):
        """The next message as a mapping."""
        text = self.socket.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def all_told(self):
        """The messages that are there, once the gateway has ended."""
        self.socket.setblocking(False)
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self.told())
        return messages

    def test_ready_when_it_serves(self):
        self.assertEqual(self.told(), {"READY": "1", "MAINPID": str(self.gateway.pid)})

    def test_stopping_when_it_drains(self):
        self.told()
        self.gateway.signal(signal.SIGTERM)
        self.assertEqual(self.told().get("STOPPING"), "1")
        self.assertEqual(self.gateway.wait(), 0)

    def test_reloading_and_ready_again(self):
        self.told()
        for text in (None, "listeners: []\n"):  # A refused file too: it serves on.
            if text:
                self.gateway.write(text)
            self.gateway.signal(signal.SIGHUP)
            self.assertEqual(self.told().get("RELOADING"), "1")
            self.assertEqual(self.told().get("READY"), "1")

    def test_an_upgrade_names_the_successor_and_is_no_stop(self):
        """A STOPPING=1 would be taken for the unit's, and end the successor too."""
        self.told()
        self.assertEqual(self.gateway.post("/api/v1/upgrade")[0], 200)
        self.assertEqual(self.gateway.wait(), 0)
        successor = self.gateway.page("/api/v1/status")["pid"]
        messages = self.all_told()
        self.assertNotIn("STOPPING", {key for message in messages for key in message})
        self.assertEqual(
            [m["MAINPID"] for m in messages if "MAINPID" in m][-1], str(successor), messages)

    def test_nobody_listening_there_is_no_reason_not_to_serve(self):
        self.socket.close()
        self.path.unlink()
        sluice = self.sluice(self.config, environment={"NOTIFY_SOCKET": str(self.path)})
        self.assertEqual(self.get(sluice).status, 200)


if __name__ == "__main__":
    report.main()
