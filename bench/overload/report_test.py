#!/usr/bin/env python3
"""What bench/overload makes of outcomes and runs."""

import pathlib
import sys
import unittest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent))

import measure  # noqa: E402
import report  # noqa: E402


def outcome(due, word="200", number=1, latency=0.02):
    return measure.Outcome(number=number, due=due, latency=latency, word=word)


def setting(**changes):
    facts = {"load": "", "binaries": {}, "workers": 10, "service_ms": 20, "seconds": 1.0,
             "warmup": 0.5, "calm": 0, "recovery": 3.0,
             "timeout": 1.0, "gateway_core": 0, "load_core": 1}
    return measure.Setting(**{**facts, **changes})


def run(index, factor, target="sluice", errors=(), **figures):
    return {"round": index, "factor": factor, "target": target, "figures": figures,
            "errors": list(errors), "unfit": [], "notes": []}


SESSION = {"facts": {}, "seed": 1, "factors": [0.5, 2.0], "targets": ["sluice"], "rounds": 6,
           "recovery": 3.0, "before_drop": 3.0, "after_drop": 0.5}


class Figures(unittest.TestCase):
    def test_capacity_is_workers_by_time(self):
        self.assertEqual(setting().capacity, 500)

    def test_only_what_was_due_in_the_measured_part_counts(self):
        outcomes = [outcome(10.0), outcome(10.4), outcome(10.5), outcome(11.4), outcome(11.5)]
        figures = measure.steady_figures(outcomes, setting())
        self.assertEqual(figures["offered_per_second"], 2)
        self.assertEqual(figures["goodput_per_second"], 2)
        self.assertEqual(figures["goodput"], 2 / 500)

    def test_classes_are_told_apart_by_number(self):
        outcomes = [outcome(0.0, number=0), outcome(0.6, number=4), outcome(0.7, "503", number=8),
                    outcome(0.8, "timeout", number=5)]
        figures = measure.steady_figures(outcomes, setting())
        self.assertEqual(figures["critical"], 0.5)
        self.assertEqual(figures["sheddable"], 0)
        self.assertEqual(figures["words"], {"200": 1, "503": 1, "timeout": 1})

    def test_latencies_are_those_of_the_admitted(self):
        outcomes = [outcome(0.5 + i / 1000, latency=i / 1000) for i in range(101)]
        outcomes += [outcome(0.7, "503", latency=9)]
        figures = measure.steady_figures(outcomes, setting(warmup=0))
        self.assertAlmostEqual(figures["p50_ms"], 50)
        self.assertAlmostEqual(figures["p99_ms"], 99)

    def test_without_answers_there_is_no_latency(self):
        figures = measure.steady_figures([outcome(0, "503")], setting(warmup=0))
        self.assertIsNone(figures["p99_ms"])
        self.assertEqual(figures["goodput"], 0)


class Recovery(unittest.TestCase):
    def outcomes(self, well_from):
        return [outcome(i / 100, "200" if i / 100 >= well_from else "503") for i in range(300)]

    def test_whoever_serves_all_at_once_needs_no_time(self):
        self.assertEqual(measure.seconds_to_recover(self.outcomes(0), 0.0, 3.0), 0)

    def test_the_first_window_that_succeeds_counts(self):
        found = measure.seconds_to_recover(self.outcomes(1.2), 0.0, 3.0)
        self.assertAlmostEqual(found, 1.2)

    def test_a_window_must_lie_within_what_was_watched(self):
        self.assertIsNone(measure.seconds_to_recover(self.outcomes(2.8), 0.0, 3.0))


class Report(unittest.TestCase):
    def runs(self, goodput, p99_ms, rounds=6):
        runs = []
        for index in range(rounds):
            runs.append(run(index, 0.5, goodput=0.5, p99_ms=30))
            runs.append(run(index, 2.0, goodput=goodput, p99_ms=p99_ms))
        return runs

    def test_bars_that_are_met_are_not_told(self):
        self.assertEqual(report.missed_bars(SESSION, self.runs(0.95, 50)), [])

    def test_lost_goodput_misses_its_bar(self):
        missed = report.missed_bars(SESSION, self.runs(0.8, 50))
        self.assertEqual(missed, ["sluice: capacity not used at twice the load"])

    def test_slow_answers_miss_their_bar(self):
        missed = report.missed_bars(SESSION, self.runs(0.95, 70))
        self.assertEqual(missed, ["sluice: p99 of the admitted, twice the load / half of it"])

    def test_few_rounds_miss_nothing(self):
        self.assertEqual(report.missed_bars(SESSION, self.runs(0.1, 900, rounds=3)), [])

    def test_an_error_of_sluice_is_always_told(self):
        runs = [run(1, 2.0, errors=["gateway died"])]
        self.assertEqual(report.missed_bars(SESSION, runs), ["sluice, 2.0: gateway died"])
        self.assertIn("**1 invalid**", report.format_report(SESSION, runs))

    def test_who_never_recovered_is_slower_than_all_others(self):
        runs = [run(1, None, recovered=True, recovery_seconds=0.5),
                run(2, None, recovered=False, recovery_seconds=None),
                run(3, None, recovered=False, recovery_seconds=None)]
        self.assertIn("| sluice | > 3 | 0.5 | 1 of 3 |", report.format_report(SESSION, runs))


if __name__ == "__main__":
    unittest.main()
