#!/usr/bin/env python3
"""Gate: instructions of one proxied request over the in-memory platform, counted by callgrind.

The whole simulation is counted, client and upstream included, so the bound is a tripwire for
regressions rather than the cost of the gateway alone. Usage: instructions.py PATH_COST BOUND [KIND]
"""

import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 200, 1200


def count(program: str, requests: int, kind: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, str(requests),
             *kind],
            capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            sys.exit(f"{program} {requests} failed:\n{done.stdout}{done.stderr}")
        found = re.search(r"Collected : (\d+)", done.stderr)
        if found is None:
            sys.exit(f"callgrind said nothing of instructions:\n{done.stderr}")
        return int(found.group(1))


def main() -> None:
    program, bound, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    per_request = (count(program, MANY, kind) - count(program, FEW, kind)) / (MANY - FEW)
    verdict = "ok" if per_request <= bound else "OVER"
    print(f"{per_request:.0f} instructions a request, bound {bound}: {verdict}")
    sys.exit(0 if per_request <= bound else 1)


if __name__ == "__main__":
    main()
