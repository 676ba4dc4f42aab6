#!/usr/bin/env python3
"""Checks the rules of the house that no compiler knows (STYLE.md, "Tidy").

Runs as a test, so the tests cannot pass while the house is untidy. There is no list of excused
files, and there must never be one: a rule that does not fit is changed for everybody.

    tools/tidy.py [--root DIR]

Prints `path:line: rule: what is wrong` for every problem and exits 1 when there is any.
The rules: tidy_lines.py looks at one file at a time, tidy_house.py at files together.
"""

import argparse
import sys
import tomllib
from pathlib import Path

import tidy_house
import tidy_lines
from tidy_tree import Tree


def problems_of(root: Path) -> list[str]:
    """Every problem of the tree under `root`, sorted by place."""
    layers_file = root / "tools/layers.toml"
    layers = tomllib.loads(layers_file.read_text(encoding="utf-8"))
    tree = Tree.read(root)
    found = []
    for check in tidy_lines.CHECKS:
        for file in tree.files:
            found += check(file, layers)
    for check in tidy_house.CHECKS:
        found += check(tree, layers)
    return [str(problem) for problem in sorted(found)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    problems = problems_of(parser.parse_args().root)
    for problem in problems:
        print(problem)
    print(f"tidy: {len(problems)} problems" if problems else "tidy: clean", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
