#!/usr/bin/env python3
"""Tests of how bench/soak judges what it saw. No gateway is run."""

import argparse
import copy
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import reload  # noqa: E402

OPTIONS = argparse.Namespace(gateway="sluice", connections=8, memory_slack_mib=2.0)
GOOD_CLIENTS = {"failed": 0, "answered": 100, "connects": 8, "failures": {"reset": 0},
                "statuses": {"200": 100}}
GOOD = {"problem": None, "GET": GOOD_CLIENTS, "POST": dict(GOOD_CLIENTS), "exit_code": 0,
        "upstream": {"bad_requests": 0, "cut_requests": 0},
        "open_files": [40] * 100, "resident_bytes": [20 << 20] * 100}


class Judgement(unittest.TestCase):
    def setUp(self):
        self.found = copy.deepcopy(GOOD)

    def wrong(self):
        return reload.judge(OPTIONS, self.found)

    def test_nothing_is_wrong_when_all_held(self):
        self.assertEqual(self.wrong(), [])

    def test_one_lost_request_is_told(self):
        self.found["POST"] |= {"failed": 1, "failures": {"reset": 1}}
        self.assertEqual(self.wrong(), ["POST: 1 failed: reset 1"])

    def test_a_closed_connection_is_told(self):
        self.found["GET"]["connects"] = 9
        self.assertEqual(self.wrong(), ["GET: 1 client connections were closed"])

    def test_silence_is_told(self):
        self.found["GET"]["answered"] = 0
        self.assertEqual(self.wrong(), ["GET: nothing was answered"])

    def test_damage_at_the_upstream_is_told(self):
        self.found["upstream"]["cut_requests"] = 1
        self.assertEqual(len(self.wrong()), 1)

    def test_killed_requests_at_the_end_are_told(self):
        self.found["exit_code"] = 7
        self.assertEqual(self.wrong(), ["the gateway ended with 7"])

    def test_a_reload_that_failed_is_told(self):
        self.found["problem"] = "reload 3: generation went from 2 to 2"
        self.assertEqual(self.wrong(), ["reload 3: generation went from 2 to 2"])

    def test_a_leaked_descriptor_per_reload_is_told(self):
        self.found["open_files"] = list(range(40, 140))
        self.assertEqual(self.wrong(), ["descriptors grew by 60"])

    def test_leaked_memory_is_told(self):
        self.found["resident_bytes"] = [(20 << 20) + 65536 * index for index in range(100)]
        self.assertEqual(self.wrong(), ["memory grew by 3.8 MiB"])

    def test_growth_at_the_beginning_is_warm_up(self):
        self.found["resident_bytes"][:20] = [10 << 20] * 20
        self.assertEqual(self.wrong(), [])


if __name__ == "__main__":
    unittest.main()
