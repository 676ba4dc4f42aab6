#!/usr/bin/env python3
"""Gate: instructions a node of the DAG engine, counted by callgrind, which no neighbour disturbs.

Usage: instructions.py NODE_COST KIND=BOUND...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY, NODES = 10, 60, 1000


def count(program: str, kind: str, runs: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, kind,
             str(runs)],
            capture_output=True, text=True, timeout=300, check=False)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or found is None:
            sys.exit(f"{program} {kind} {runs} failed:\n{done.stdout}{done.stderr}")
        return int(found.group(1))


def main() -> None:
    program, over = sys.argv[1], False
    for entry in sys.argv[2:]:
        kind, bound = entry.split("=")
        nodes = (MANY - FEW) * NODES
        per_node = (count(program, kind, MANY) - count(program, kind, FEW)) / nodes
        verdict = "ok" if per_node <= float(bound) else "OVER"
        over = over or verdict == "OVER"
        print(f"{kind}: {per_node:.1f} instructions a node, bound {bound}: {verdict}")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
