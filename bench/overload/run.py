#!/usr/bin/env python3
"""Measures what Sluice, HAProxy and nginx do when too much is asked of the upstream behind them.

    bench/overload/run.py                      10 rounds, about an hour
    bench/overload/run.py --quick              1 round of 2 factors, 2 s each: is it about right?
    bench/overload/run.py --only sluice,haproxy --factors 2,5 --rounds 3
    bench/overload/run.py --from FILE.jsonl    the tables of an earlier session again

The upstream works on so many requests at once and takes a known time for each. Clients are an open
loop: requests fall due at random, whatever came of earlier ones. Each round measures every target
at every factor, and once how soon it serves all again when the load falls, in random order, each
time with fresh processes. Raw results go to build/bench/overload as JSON lines, the tables beside
them as Markdown. Method, terms and validity: bench/README.md.

Exit codes: 0 measured, 1 a bar is missed, 2 usage, 3 nothing valid was measured, 130 interrupted
(what was measured until then is reported).
"""

import argparse
import os
import pathlib
import platform
import random
import signal
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent))

import gateways  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import sessions  # noqa: E402

QUICK = {"rounds": 1, "seconds": 2.0, "warmup": 1.0, "calm": 1.0, "recovery": 2.0,
         "factors": "0.5,2"}
FULL = {"rounds": 10, "seconds": 4.0, "warmup": 5.0, "calm": 3.0, "recovery": 6.0,
        "factors": "0.5,1,2,3,5"}
FACTOR_MAX = 20
REQUESTS_PER_SECOND_MAX = 20_000


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="one short round of two factors")
    add("--rounds", type=int, help=f"default {FULL['rounds']}")
    add("--seconds", type=float, help=f"measured part of a run, default {FULL['seconds']}")
    add("--warmup", type=float, help=f"load before it, default {FULL['warmup']}")
    add("--calm", type=float,
        help=f"half the capacity for so long before that, default {FULL['calm']}")
    add("--recovery", type=float,
        help=f"seconds watched after the load fell, default {FULL['recovery']}; 0: not measured")
    add("--factors", help=f"load by the capacity, default {FULL['factors']}")
    add("--only", help=f"targets, default {','.join(measure.TARGETS)}")
    add("--workers", type=int, default=10, help="requests that the upstream works on at once")
    add("--service-ms", type=float, default=20, help="that it takes for one")
    add("--timeout", type=float, default=1.0, help="seconds after which a client gives up")
    sessions.add_options(parser, "overload")
    options = parser.parse_args(arguments)
    sessions.fill_defaults(options, QUICK if options.quick else FULL)
    check_options(parser, options)
    return options


def check_options(parser, options):
    """Ends the program with a usage error where an option makes no sense."""
    options.only = options.only.split(",") if options.only else list(measure.TARGETS)
    unknown = [name for name in options.only if name not in measure.TARGETS]
    if unknown:
        parser.error(f"--only: {unknown[0]!r} is not one of {', '.join(measure.TARGETS)}")
    try:
        options.factors = [float(factor) for factor in options.factors.split(",")]
    except ValueError:
        parser.error("--factors: numbers, separated by commas")
    if not all(0 < factor <= FACTOR_MAX for factor in options.factors):
        parser.error(f"--factors: above 0, at most {FACTOR_MAX}")
    if options.rounds < 1 or options.seconds <= 0 or \
            min(options.warmup, options.calm, options.recovery) < 0:
        parser.error("--rounds and --seconds must be positive")
    if options.workers < 1 or options.service_ms <= 0 or not 0 < options.timeout <= 10:
        parser.error("--workers, --service-ms and --timeout must be positive, --timeout at most 10")
    capacity = options.workers * 1000 / options.service_ms
    if capacity * max(*options.factors, measure.FACTOR_BEFORE_DROP) > REQUESTS_PER_SECOND_MAX:
        parser.error(f"at most {REQUESTS_PER_SECOND_MAX} requests/s: fewer --workers or longer "
                     "--service-ms")
    if not options.source:
        sessions.check_options(parser, options)


def describe(options, setting, targets, seed):
    """The first line of the raw results: everything a reader needs to judge them."""
    binaries = setting.binaries
    facts = {
        "when": sessions.when(),
        "machine": f"{os.cpu_count()} cores, Linux {platform.release()}",
        **sessions.versions_of(binaries),
        "upstream": f"{setting.workers} at once × {setting.service_ms:g} ms = "
                    f"{setting.capacity:.0f} requests/s",
        "load": f"open loop, random arrivals, clients give up after {setting.timeout:g} s, one of "
                f"{measure.CRITICAL_EVERY} is CRITICAL, the others SHEDDABLE",
        "run": f"{options.rounds} rounds of {setting.calm:g} s at half the capacity and "
               f"{setting.warmup:g} + {setting.seconds:g} s, "
               f"seed {seed}",
        "load average before": f"{os.getloadavg()[0]:.2f}",
    }
    return {"facts": facts, "seed": seed, "factors": options.factors, "targets": targets,
            "rounds": options.rounds, "recovery": setting.recovery,
            "before_drop": measure.FACTOR_BEFORE_DROP, "after_drop": measure.FACTOR_AFTER_DROP}


def run_rounds(options, setting, results):
    """Measures everything: rounds of factors, and within one all targets after each other."""
    chance = random.Random(results.session["seed"])
    targets = results.session["targets"]
    cells = options.factors + ([None] if setting.recovery > 0 else [])
    for index in range(1, options.rounds + 1):
        for factor in chance.sample(cells, len(cells)):
            # Within a cell of a round all targets get the same arrivals.
            seed = chance.randrange(1 << 31)
            for name in chance.sample(targets, len(targets)):
                target = measure.TARGETS[name]
                run = measure.measure_recovery(target, setting, seed) if factor is None else \
                    measure.measure_steady(target, factor, setting, seed)
                run |= {"round": index, "target": name, "factor": factor, "seed": seed}
                results.add_run(run)
                sessions.tell(progress_line(run, options.rounds))


def progress_line(run, rounds):
    what = "recovery" if run["factor"] is None else f"{run['factor']:g} ×"
    head = f"[{run['round']}/{rounds}] {what:8}  {run['target']:12}"
    if report.invalid(run):
        return head + " INVALID: " + "; ".join(report.invalid(run))
    figures = run["figures"]
    if run["factor"] is None:
        seconds = figures["recovery_seconds"]
        told = "did not recover" if seconds is None else f"recovered after {seconds:.1f} s"
        return f"{head} {told} " + " ".join(run["notes"])
    return (f"{head} goodput {report.percent(figures['goodput']):>5} %  "
            f"p50 {report.number(figures['p50_ms']):>4}  p99 {report.number(figures['p99_ms']):>4} "
            f"ms  critical {report.percent(figures['critical']):>5} %  "
            f"sheddable {report.percent(figures['sheddable']):>5} %  " + " ".join(run["notes"]))


def exit_code(session, runs):
    if all(report.invalid(run) for run in runs):
        sessions.tell("nothing valid was measured")
        return 3
    missed = report.missed_bars(session, runs)
    for bar in missed:
        sessions.tell(f"missed: {bar}")
    return 1 if missed else 0


def main(arguments):
    options = parse_options(arguments)
    if options.source:
        earlier, runs, _ = sessions.read_results(options.source)
        print(report.format_report(earlier, runs), end="")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binaries = sessions.find_binaries(options)
    try:
        load = gateways.find_load(options.load)
    except gateways.GatewayError as error:
        sessions.tell(error)
        return 3
    targets = sessions.present(options.only, measure.TARGETS, binaries)
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    setting = measure.Setting(
        load=load, binaries=binaries, workers=options.workers, service_ms=options.service_ms,
        seconds=options.seconds, warmup=options.warmup, calm=options.calm,
        recovery=options.recovery, timeout=options.timeout,
        gateway_core=options.gateway_core, load_core=options.load_core)
    session = describe(options, setting, targets, seed)
    results = sessions.Results(options, "overload", session)
    sessions.tell(f"seed {seed}; raw results: {results.raw}")
    interrupted = False
    try:
        run_rounds(options, setting, results)
    except KeyboardInterrupt:
        interrupted = True
    text = report.format_report(session, results.runs)
    sessions.print_tables(results, text)
    return 130 if interrupted else exit_code(session, results.runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
