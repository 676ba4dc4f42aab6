"""From raw runs to the tables of bench/overload, as Markdown."""

import math
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "proxy"))

import intervals  # noqa: E402

JUDGED = "sluice"      # Finds the limit by itself.
JUDGED_FACTOR = 2.0
CALM_FACTOR = 0.5
LOST_GOODPUT_BAR = 0.10  # Of the capacity, at twice the load.
P99_RATIO_BAR = 2.0      # p99 of the admitted, at twice the load by that at half of it.


def invalid(run):
    """Why a run is not counted."""
    return run["errors"] + run["unfit"]


def counted(runs, target, factor, key):
    """Round → figure `key` of the valid runs of a target; `factor` None: those of recovery."""
    return {run["round"]: run["figures"][key] for run in runs
            if run["target"] == target and run["factor"] == factor and not invalid(run)
            and run["figures"].get(key) is not None}


def middle(runs, target, factor, key):
    return intervals.median(list(counted(runs, target, factor, key).values()))


def percent(value):
    return "–" if value is None else f"{100 * value:.1f}"


def number(value):
    return "–" if value is None else f"{value:.0f}"


def notes_about(runs, target, factor):
    """How often runs of a target were invalid, and what else was noticed."""
    mine = [run for run in runs if run["target"] == target and run["factor"] == factor]
    lost = sum(bool(invalid(run)) for run in mine)
    told = [f"**{lost} invalid**"] if lost else []
    told += [f"{sum(note in run['notes'] for run in mine)} {note}"
             for note in sorted({note for run in mine for note in run["notes"]})]
    return ", ".join(told)


def steady_row(runs, target, factor):
    cells = [target, percent(middle(runs, target, factor, "goodput")),
             *(number(middle(runs, target, factor, key)) for key in ("p50_ms", "p99_ms")),
             *(percent(middle(runs, target, factor, key)) for key in ("critical", "sheddable")),
             str(len(counted(runs, target, factor, "goodput"))),
             notes_about(runs, target, factor)]
    return "| " + " | ".join(cells) + " |"


def recovery_row(runs, target, session):
    recovered = counted(runs, target, None, "recovered")
    seconds = counted(runs, target, None, "recovery_seconds")
    # Who never recovered counts as slower than all others.
    middle_s = intervals.median([seconds.get(index, math.inf) for index in recovered])
    if middle_s is None:
        told = "–"
    elif math.isinf(middle_s):
        told = f"> {session['recovery']:g}"
    else:
        told = f"{middle_s:.1f}"
    worst = f"{max(seconds.values()):.1f}" if seconds else "–"
    return (f"| {target} | {told} | {worst} | {len(seconds)} of {len(recovered)} "
            f"| {notes_about(runs, target, None)} |")


def bars(session, runs):
    """What Sluice must reach, each with its verdict."""
    lost = [1 - value for value in
            counted(runs, JUDGED, JUDGED_FACTOR, "goodput").values()]
    ratios = intervals.paired_ratios(counted(runs, JUDGED, JUDGED_FACTOR, "p99_ms"),
                                     counted(runs, JUDGED, CALM_FACTOR, "p99_ms"))
    found = []
    for what, values, bar in (
            ("capacity not used at twice the load", lost, LOST_GOODPUT_BAR),
            ("p99 of the admitted, twice the load / half of it", ratios, P99_RATIO_BAR)):
        if values:
            point, bounds = intervals.median(values), intervals.interval(values, session["seed"])
            found.append({"what": f"{JUDGED}: {what}", "middle": point, "bounds": bounds,
                          "rounds": len(values), "bar": bar,
                          "verdict": intervals.verdict(point, bounds, bar, len(values))})
    return found


def bar_row(found):
    bounds = found["bounds"]
    interval = f"{bounds[0]:.2f}–{bounds[1]:.2f}" if bounds else "–"
    return (f"| {found['what']} | {found['middle']:.2f} | {interval} | {found['rounds']} "
            f"| ≤ {found['bar']:.2f} | {found['verdict']} |")


def format_report(session, runs):
    """The whole report. `session` is the first line of the raw results."""
    lines = ["# Overload: Sluice and its peers", ""]
    lines += [f"- {key}: {value}" for key, value in session["facts"].items()]
    for factor in session["factors"]:
        lines += ["", f"## {factor:g} × the capacity", "",
                  "| | goodput, % of capacity | p50 ms | p99 ms | CRITICAL % | SHEDDABLE % "
                  "| valid runs | |", "|---|---|---|---|---|---|---|---|"]
        lines += [steady_row(runs, target, factor) for target in session["targets"]]
    if any(run["factor"] is None for run in runs):
        lines += ["", f"## After a fall from {session['before_drop']:g} × to "
                  f"{session['after_drop']:g} ×", "",
                  "| | seconds until 95 % succeed | at most | recovered | |",
                  "|---|---|---|---|---|"]
        lines += [recovery_row(runs, target, session) for target in session["targets"]]
    found = bars(session, runs)
    if found:
        lines += ["", "| | median | 95 % interval | rounds | bar | |", "|---|---|---|---|---|---|"]
        lines += [bar_row(bar) for bar in found]
    bad = [run for run in runs if invalid(run)]
    if bad:
        lines += ["", "## Invalid runs, not counted above", ""]
        lines += [f"- round {run['round']}, {run['target']}, {run['factor'] or 'recovery'}: "
                  + "; ".join(invalid(run)).replace("\n", " ") for run in bad]
    return "\n".join(lines) + "\n"


def missed_bars(session, runs):
    """What lies above its bar with its whole interval, and errors of Sluice: no bar allows one."""
    wrong = [f"{run['target']}, {run['factor'] or 'recovery'}: {error}" for run in runs
             for error in run["errors"] if run["target"].startswith("sluice")]
    return wrong + [bar["what"] for bar in bars(session, runs) if bar["verdict"] == "missed"]
