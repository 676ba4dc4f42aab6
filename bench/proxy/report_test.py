#!/usr/bin/env python3
"""Tests of what bench/proxy makes of its runs: statistics, validity, tables. No gateway is run."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gateways  # noqa: E402
import intervals  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402

SATURATED = measure.Cell("saturated", 128)
RATE = measure.Cell("rate", 128)
SETTING = measure.Setting(load="", binaries={}, seconds=1, warmup=0, rate=10_000, connections=64,
                          gateway_core=0, load_core=1)


def make_report(**changes):
    """What sluice-load says of a good run."""
    good = {"failed": 0, "answered": 1000, "failures": {"reset": 0}, "statuses": {"200": 1000},
            "upstream": {"requests": 1000, "bad_requests": 0},
            "measured": {"requests": 1000, "per_second": 10_000, "p50_us": 50, "p99_us": 90},
            "cpu": {"per_request_us": 10.0, "user_us": 1.5, "kernel_us": 8.5, "busy_ratio": 0.99,
                    "waited_ratio": 0.01}}
    return good | changes


def make_run(target, index, cost_us, **changes):
    text = make_report()
    text["cpu"] = text["cpu"] | {"per_request_us": cost_us}
    return {"round": index, "target": target, "mode": "saturated", "size": 128, "report": text,
            "errors": [], "unfit": [], "notes": []} | changes


class Intervals(unittest.TestCase):
    def test_a_median_lies_in_its_interval(self):
        values = [0.5, 0.52, 0.48, 0.55, 0.47, 0.51, 0.49]
        low, high = intervals.interval(values, seed=1)
        self.assertTrue(min(values) <= low <= intervals.median(values) <= high <= max(values))

    def test_the_interval_follows_from_the_seed(self):
        values = [1.0, 2.0, 3.0, 4.0, 9.0]
        self.assertEqual(intervals.interval(values, 7), intervals.interval(values, 7))

    def test_equal_values_leave_no_doubt(self):
        self.assertEqual(intervals.interval([0.5] * 5, 1), (0.5, 0.5))

    def test_two_values_have_no_interval(self):
        self.assertIsNone(intervals.interval([1, 2], 1))

    def test_only_rounds_that_both_have_make_pairs(self):
        self.assertEqual(intervals.paired_ratios({1: 5, 2: 6, 4: 1}, {1: 10, 2: 12, 3: 9}),
                         [0.5, 0.5])

    def test_a_bar_is_missed_only_when_the_whole_interval_lies_above(self):
        self.assertEqual(intervals.verdict(0.5, (0.4, 0.7), 0.6, 12), "met")
        self.assertEqual(intervals.verdict(0.65, (0.55, 0.7), 0.6, 12), "not separated")
        self.assertEqual(intervals.verdict(0.65, (0.61, 0.7), 0.6, 12), "missed")
        self.assertEqual(intervals.verdict(0.65, (0.61, 0.7), 0.6, 3), "too few rounds")


class Validity(unittest.TestCase):
    def test_a_good_run_counts(self):
        self.assertEqual(measure.errors_of(make_report()), [])
        self.assertEqual(measure.unfit_of(make_report(), SETTING, SATURATED), [])
        self.assertEqual(measure.notes_of(make_report(), SATURATED), [])

    def test_failed_requests_are_named(self):
        text = make_report(failed=3, failures={"reset": 1}, statuses={"200": 997, "503": 2})
        self.assertEqual(measure.errors_of(text), ["3 failed requests (reset 1, 503 2)"])

    def test_answers_must_come_from_the_upstream(self):
        text = make_report(upstream={"requests": 999, "bad_requests": 0})
        self.assertEqual(measure.errors_of(text), ["answers that did not come from the upstream"])

    def test_damaged_requests_are_an_error(self):
        text = make_report(upstream={"requests": 1000, "bad_requests": 2})
        self.assertEqual(measure.errors_of(text), ["upstream got 2 damaged requests"])

    def test_no_answer_is_an_error(self):
        text = make_report(measured={"requests": 0, "per_second": 0})
        self.assertEqual(measure.errors_of(text), ["nothing was answered"])

    def test_a_rate_that_was_not_reached_is_unfit(self):
        text = make_report(measured={"requests": 1, "per_second": 9_700})
        self.assertEqual(len(measure.unfit_of(text, SETTING, RATE)), 1)
        self.assertEqual(measure.unfit_of(text, SETTING, measure.Cell("saturated", 128)), [])

    def test_a_gateway_without_its_core_is_not_saturated(self):
        text = make_report(cpu={"busy_ratio": 0.4, "waited_ratio": 0.5})
        self.assertEqual(len(measure.unfit_of(text, SETTING, SATURATED)), 1)
        self.assertEqual(measure.notes_of(text, SATURATED), ["disturbed", "generator-bound"])

    def test_a_generator_that_failed_is_an_error(self):
        record = measure.judged(None, "ended with 3", SETTING, SATURATED)
        self.assertEqual(report.invalid(record), ["ended with 3"])


class Tables(unittest.TestCase):
    def setUp(self):
        self.cell = {"mode": "saturated", "size": 128}
        self.session = {"facts": {"machine": "test"}, "seed": 1, "cells": [self.cell],
                        "targets": ["sluice", "haproxy"], "connections": 64, "rate": 10_000}
        self.runs = [make_run("sluice", index, 10.0 + index / 10) for index in range(6)]
        self.runs += [make_run("haproxy", index, 20.0 + index / 5) for index in range(6)]

    def verdicts(self):
        found = report.comparisons(self.runs, [], self.cell, 1)
        return {entry["what"]: entry["verdict"] for entry in found}

    def test_half_the_cost_of_haproxy_meets_its_bar(self):
        self.assertEqual(self.verdicts()["CPU per request, sluice / haproxy"], "met")
        self.assertEqual(report.missed_bars(self.session, self.runs, []), [])

    def test_the_cost_of_haproxy_misses_its_bar(self):
        for run in self.runs:
            run["report"]["cpu"]["per_request_us"] = 20.0
        self.assertEqual(self.verdicts()["CPU per request, sluice / haproxy"], "missed")
        self.assertEqual(len(report.missed_bars(self.session, self.runs, [])), 1)

    def test_invalid_runs_are_shown_but_not_counted(self):
        self.runs.append(make_run("sluice", 6, 999.0, errors=["1 failed requests (reset 1)"]))
        text = report.format_report(self.session, self.runs, [])
        self.assertIn("**1 invalid**", text)
        self.assertIn("reset 1", text)
        self.assertIn("| sluice | 10.25 (10.00–10.50) |", text)

    def test_an_error_of_sluice_is_always_missed(self):
        self.runs.append(make_run("sluice", 6, 10.0, errors=["gateway died"]))
        self.assertEqual(len(report.missed_bars(self.session, self.runs, [])), 1)

    def test_too_many_system_calls_miss_their_bar(self):
        count = {"target": "sluice", "mode": "saturated", "size": 128, "per_request": 4.3,
                 "method": "perf"}
        self.assertEqual(len(report.missed_bars(self.session, self.runs, [count])), 1)
        count["per_request"] = 4.2
        self.assertEqual(report.missed_bars(self.session, self.runs, [count]), [])

    def test_every_bar_of_the_design_has_its_cell(self):
        self.assertEqual(report.ratio_bar({"mode": "saturated", "size": 65536},
                                          "sluice", "nginx"), 0.90)
        self.assertEqual(report.ratio_bar({"mode": "rate", "size": 1024},
                                          "sluice", "haproxy"), 0.75)
        self.assertIsNone(report.ratio_bar({"mode": "rate", "size": 128}, "sluice", "nginx"))


class Templates(unittest.TestCase):
    def test_tags_choose_lines_and_places_are_filled(self):
        text = "# @KEPT@\nlisten @LISTEN@;\nlog on;  #[log]\nlog off;  #[no-log]\n"
        values = {"LISTEN": "127.0.0.1:1"}
        self.assertEqual(gateways.fill_template(text, values, {"log"}),
                         "# @KEPT@\nlisten 127.0.0.1:1;\nlog on;\n")
        self.assertEqual(gateways.fill_template(text, values, set()),
                         "# @KEPT@\nlisten 127.0.0.1:1;\nlog off;\n")

    def test_a_place_without_a_value_is_an_error(self):
        with self.assertRaises(KeyError):
            gateways.fill_template("@NOTHING@", {}, set())

    def test_a_missing_binary_is_told(self):
        with self.assertRaisesRegex(gateways.GatewayError, "nginx is neither installed"):
            gateways.start_gateway("nginx", None, "x", "/", upstream="127.0.0.1:1")


if __name__ == "__main__":
    unittest.main()
