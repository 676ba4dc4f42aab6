"""The tree as tidy sees it: every file of the checkout, read once, with C++ also as bare code."""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CODE_SUFFIXES = {".cc", ".h"}
TEST_SUFFIXES = ("_test.cc", "_bench.cc", "_fuzz.cc", "_fixture.h")

# What a C++ scanner must skip: comments, raw strings, strings, characters (but not the separators
# of 1'000'000).
_SKIPPED = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<!\w)'(?:\\.|[^'\\\n])+'""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, order=True)
class Problem:
    """One broken rule at one place; line 0 is the file as a whole."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.rule}: {self.text}"


class File:
    """A file by its path within the checkout, with `/` between folders."""

    def __init__(self, path: str, data: bytes):
        self.path = path
        self.data = data
        self.folder, _, self.name = path.rpartition("/")
        self.stem, self.suffix = os.path.splitext(self.name)

    @property
    def is_cpp(self) -> bool:
        return self.suffix in CODE_SUFFIXES

    @property
    def is_test(self) -> bool:
        return self.path.startswith(("tests/", "bench/")) or self.name.endswith(TEST_SUFFIXES)

    @property
    def room(self) -> str:
        """`limit` for src/sluice/limit/…; empty outside the library."""
        parts = self.path.split("/")
        return parts[2] if len(parts) > 3 and parts[:2] == ["src", "sluice"] else ""

    @cached_property
    def text(self) -> str:
        """Empty for what is not text."""
        if b"\0" in self.data[:4096]:
            return ""
        return self.data.decode("utf-8", errors="replace")

    @cached_property
    def code(self) -> str:
        """C++ with comments blanked and literals emptied, every line where it was."""

        def blank(match: re.Match[str]) -> str:
            lines = "\n" * match.group().count("\n")
            return lines if match.group().startswith("/") else f'""{lines}'

        return _SKIPPED.sub(blank, self.text)

    def problem(self, line: int, rule: str, text: str) -> Problem:
        return Problem(self.path, line, rule, text)

    def line_of(self, offset: int, code: bool = False) -> int:
        return (self.code if code else self.text).count("\n", 0, offset) + 1


class Tree:
    """All files that belong to the checkout."""

    def __init__(self, files: list[File]):
        self.files = sorted(files, key=lambda file: file.path)
        self.by_path = {file.path: file for file in self.files}

    @staticmethod
    def read(root: Path) -> "Tree":
        paths = _tracked(root) if (root / ".git").exists() else _walked(root)
        return Tree([File(path, (root / path).read_bytes()) for path in paths])

    @property
    def cpp(self) -> list[File]:
        return [file for file in self.files if file.is_cpp]

    @property
    def rooms(self) -> list[str]:
        """Rooms that hold code."""
        return sorted({file.room for file in self.cpp if file.room})


def _tracked(root: Path) -> list[str]:
    """What git tracks or would track: ignored files are nobody's business."""
    command = ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in set(listed.split("\0")) if path and (root / path).is_file()]


def _walked(root: Path) -> list[str]:
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("build", "__pycache__")]
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return paths
