#!/usr/bin/env python3
"""That the table of bench/guards judges as it says. Times nothing."""

import unittest

import run


def iteration(name, cpu_time, **counters):
    return {"run_type": "iteration", "run_name": name, "cpu_time": cpu_time, **counters}


class TableTest(unittest.TestCase):
    def test_the_middle_of_the_repetitions_is_compared_with_the_bar(self):
        runs = [iteration("BM_Gate/shedding:0/threads:1", ns) for ns in (10, 90, 20)]
        lines, missed = run.table(run.collect(runs))
        self.assertIn("| priority gate, let in | 20.0 | 25.0 | – |  |", lines)
        self.assertEqual(missed, [])

    def test_above_the_bar_is_missed(self):
        lines, missed = run.table(run.collect([iteration("BM_SixGuards/threads:1", 251)]))
        self.assertEqual(missed, ["six guards in a row, settled: 251.0 ns, bar 250"])
        self.assertIn("**missed**", lines[-1])

    def test_all_cores_have_no_bar_but_may_admit_nobody_too_many(self):
        runs = [iteration("BM_SlotContended/kind:0/threads:4", 900, over_admitted=0.0),
                iteration("BM_SlotContended/kind:0/threads:4", 900, over_admitted=1.0)]
        _, missed = run.table(run.collect(runs))
        self.assertEqual(missed, ["concurrency, one slot for all cores: over_admitted 1"])

    def test_an_allocation_is_missed_whatever_the_time(self):
        _, missed = run.table(run.collect(
            [iteration("BM_SixGuards/threads:1", 100, allocations=2.0)]))
        self.assertEqual(missed, ["six guards in a row, settled: allocations 2"])

    def test_aggregates_are_not_counted(self):
        self.assertEqual(run.collect([{"run_type": "aggregate", "run_name": "BM_SixGuards"}]), {})


if __name__ == "__main__":
    unittest.main()
