"""From raw runs to the tables of bench/proxy, as Markdown."""

import intervals

# Who is compared with whom, per round.
PAIRS = (("sluice", "haproxy"), ("sluice", "nginx"), ("sluice-nolog", "haproxy-bare"),
         ("sluice-nolog", "nginx-bare"), ("sluice-all", "sluice-none"),
         ("sluice-release", "sluice"), ("nginx", "haproxy"),
         ("relay", "haproxy"), ("relay", "nginx"))

SMALL = (128, 1024)
LARGE = (65536,)

# CPU per request as a ratio, at most: (mode, sizes, ours, theirs) → bar.
RATIO_BARS = (
    ("saturated", SMALL, "sluice", "haproxy", 0.60),
    ("saturated", SMALL, "sluice", "nginx", 0.75),
    ("saturated", LARGE, "sluice", "haproxy", 0.70),
    ("saturated", LARGE, "sluice", "nginx", 0.90),
    ("rate", SMALL + LARGE, "sluice", "haproxy", 0.75),
    ("saturated", SMALL, "sluice-all", "sluice-none", 1.05),
    ("rate", SMALL, "sluice-all", "sluice-none", 1.05),
    ("saturated", SMALL, "sluice-release", "sluice", 1.02),
    ("rate", SMALL, "sluice-release", "sluice", 1.02),
)
USER_US_BAR = 2.0   # Of sluice, saturated, small answers.
SYSCALLS_BAR = 4.2  # Likewise.


def ratio_bar(cell, ours, theirs):
    """The bar of a pair in a cell, or None."""
    for mode, sizes, our_name, their_name, bar in RATIO_BARS:
        if (cell["mode"], ours, theirs) == (mode, our_name, their_name) and cell["size"] in sizes:
            return bar
    return None


def invalid(run):
    """Why a run is not counted."""
    return run["errors"] + run["unfit"]


def counted(runs, cell, target, path):
    """Round → value at `path` of the report, of the valid runs of a target in a cell."""
    values = {}
    for run in runs:
        if invalid(run) or (run["mode"], run["size"]) != (cell["mode"], cell["size"]):
            continue
        value = run["report"] if run["target"] == target else None
        for key in path:
            value = value.get(key) if value else None
        if value is not None:
            values[run["round"]] = value
    return values


def number(value, digits=2):
    return "–" if value is None else f"{value:.{digits}f}"


def middle_of(runs, cell, target, path, digits):
    return number(intervals.median(list(counted(runs, cell, target, path).values())), digits)


def notes_about(runs, cell, target):
    """How often runs of a target were invalid, and what else was noticed."""
    mine = [run for run in runs if run["target"] == target
            and (run["mode"], run["size"]) == (cell["mode"], cell["size"])]
    told = []
    lost = sum(bool(invalid(run)) for run in mine)
    if lost:
        told.append(f"**{lost} invalid**")
    for note in sorted({note for run in mine for note in run["notes"]}):
        told.append(f"{sum(note in run['notes'] for run in mine)} {note}")
    return ", ".join(told)


def target_row(runs, syscalls, cell, target):
    cpu = list(counted(runs, cell, target, ("cpu", "per_request_us")).values())
    spread = f" ({min(cpu):.2f}–{max(cpu):.2f})" if cpu else ""
    valid = len(counted(runs, cell, target, ("measured", "requests")))
    counts = [entry["per_request"] for entry in syscalls if entry["target"] == target
              and (entry["mode"], entry["size"]) == (cell["mode"], cell["size"])]
    columns = [
        target, number(intervals.median(cpu)) + spread,
        middle_of(runs, cell, target, ("cpu", "user_us"), 2),
        middle_of(runs, cell, target, ("cpu", "kernel_us"), 2),
        number(counts[0] if counts else None),
        middle_of(runs, cell, target, ("measured", "per_second"), 0),
        middle_of(runs, cell, target, ("measured", "p50_us"), 0),
        middle_of(runs, cell, target, ("measured", "p99_us"), 0),
        str(valid), notes_about(runs, cell, target)]
    return "| " + " | ".join(columns) + " |"


def compare(runs, cell, ours, theirs, seed):
    """One paired comparison as a dict, or None when one of the two has no valid run."""
    path = ("cpu", "per_request_us")
    ratios = intervals.paired_ratios(
        counted(runs, cell, ours, path), counted(runs, cell, theirs, path))
    if not ratios:
        return None
    bar = ratio_bar(cell, ours, theirs)
    middle, bounds = intervals.median(ratios), intervals.interval(ratios, seed)
    return {"what": f"CPU per request, {ours} / {theirs}", "middle": middle, "bounds": bounds,
            "pairs": len(ratios), "bar": bar,
            "verdict": intervals.verdict(middle, bounds, bar, len(ratios)) if bar else ""}


def own_bars(runs, syscalls, cell, seed):
    """The bars that Sluice must reach by itself in this cell."""
    if cell["mode"] != "saturated" or cell["size"] not in SMALL:
        return []
    found = []
    user = list(counted(runs, cell, "sluice", ("cpu", "user_us")).values())
    if user:
        middle, bounds = intervals.median(user), intervals.interval(user, seed)
        found.append({"what": "sluice: user space, µs per request", "middle": middle,
                      "bounds": bounds, "pairs": len(user), "bar": USER_US_BAR,
                      "verdict": intervals.verdict(middle, bounds, USER_US_BAR, len(user))})
    for entry in syscalls:
        if entry["target"] == "sluice" and entry["per_request"] is not None \
                and (entry["mode"], entry["size"]) == (cell["mode"], cell["size"]):
            count = entry["per_request"]
            found.append({"what": f"sluice: system calls per request ({entry['method']})",
                          "middle": count, "bounds": None, "pairs": 1, "bar": SYSCALLS_BAR,
                          "verdict": "met" if count <= SYSCALLS_BAR else "missed"})
    return found


def comparisons(runs, syscalls, cell, seed):
    """All comparisons and bars of a cell."""
    pairs = [compare(runs, cell, ours, theirs, seed) for ours, theirs in PAIRS]
    return [pair for pair in pairs if pair] + own_bars(runs, syscalls, cell, seed)


def comparison_row(found):
    bounds = found["bounds"]
    interval = f"{bounds[0]:.2f}–{bounds[1]:.2f}" if bounds else "–"
    bar = f"≤ {found['bar']:.2f}" if found["bar"] else ""
    return (f"| {found['what']} | {found['middle']:.2f} | {interval} | {found['pairs']} | {bar} "
            f"| {found['verdict']} |")


def title_of(cell, session):
    size = f"{cell['size']} B" if cell["size"] < 1024 else f"{cell['size'] // 1024} KiB"
    if cell["mode"] == "saturated":
        return f"{size} answers, saturated ({session['connections']} connections, closed loop)"
    return f"{size} answers, {session['rate']:.0f} requests/s (open loop)"


def format_report(session, runs, syscalls):
    """The whole report. `session` is the first line of the raw results."""
    lines = ["# Proxying: Sluice and its peers", ""]
    lines += [f"- {key}: {value}" for key, value in session["facts"].items()]
    for cell in session["cells"]:
        lines += ["", f"## {title_of(cell, session)}", "",
                  "| | CPU µs/request (min–max) | user | kernel | system calls | requests/s "
                  "| p50 µs | p99 µs | valid runs | |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        lines += [target_row(runs, syscalls, cell, target) for target in session["targets"]]
        found = comparisons(runs, syscalls, cell, session["seed"])
        if found:
            lines += ["", "| paired per round | median | 95 % interval | rounds | bar | |",
                      "|---|---|---|---|---|---|"]
            lines += [comparison_row(comparison) for comparison in found]
    lost = [run for run in runs if invalid(run)]
    if lost:
        lines += ["", "## Invalid runs, not counted above", ""]
        lines += [f"- round {run['round']}, {run['target']}, {run['size']} B, {run['mode']}: "
                  + "; ".join(invalid(run)).replace("\n", " ") for run in lost]
    return "\n".join(lines) + "\n"


def missed_bars(session, runs, syscalls):
    """What lies above its bar with its whole interval, and errors of Sluice: no bar allows one."""
    wrong = [f"{run['target']}, {run['size']} B, {run['mode']}: {error}" for run in runs
             for error in run["errors"] if run["target"].startswith("sluice")]
    return wrong + [f"{title_of(cell, session)}: {found['what']}" for cell in session["cells"]
            for found in comparisons(runs, syscalls, cell, session["seed"])
            if found["verdict"] == "missed"]
