"""Medians and their bootstrap intervals: the only statistics that bench/proxy reports."""

import random
import statistics

RESAMPLES = 4000


def median(values):
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def interval(values, seed, level=0.95):
    """The percentile bootstrap interval of the median (Efron 1979) as (low, high).

    None for fewer than three values: nothing can be said then.
    """
    if len(values) < 3:
        return None
    chance = random.Random(seed)
    medians = sorted(
        statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - level) / 2
    return medians[int(RESAMPLES * tail)], medians[int(RESAMPLES * (1 - tail)) - 1]


def paired_ratios(ours, theirs):
    """Ratios of what two targets got in the same round; `ours` and `theirs` map round to value."""
    return [ours[index] / theirs[index] for index in sorted(ours) if theirs.get(index)]


def verdict(middle, bounds, bar, pairs, pairs_min=5):
    """"met", "missed" (only when the whole interval lies above the bar), or what is in between."""
    if middle is None or bounds is None or pairs < pairs_min:
        return "too few rounds"
    if middle <= bar:
        return "met"
    return "missed" if bounds[0] > bar else "not separated"
