"""Rules about one file: its size, its words, its includes, its calls."""

import re

from tidy_tree import File, Problem

LINES_MAX = 600
COLUMNS_MAX = 100
BYTES_MAX = 256 * 1024
CODE_LIKE = {".cc", ".h", ".py", ".sh", ".cmake", ".ts", ".tsx", ".css", ".toml", ".yaml", ".c"}
SCRIPTS = {"run", "test", "CMakeLists.txt", "check", "pre-commit", "pre-push"}
PATHS_OF_NAMES = {"util", "utils", "common", "misc", "helper", "helpers", "base", "core", "shared"}

# The brackets keep these patterns from finding themselves.
_MACHINE_PATH = re.compile(r"(?<![\w.~-])(?:/work[/]|/home[/]\w|/root[/]|/Users[/]|/tmp[/]brief)")
_ISSUE = re.compile(
    r"\b(?:issue|ticket|pull request|PR|GH)[ -]?#?[0-9]+\b"
    r"|\b(?:fixes|closes|resolves|see) #[0-9]+\b",
    re.IGNORECASE,
)
_TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?:\((?P<reason>[^)]*)\): \S)?")
_CLOCK = re.compile(
    r"\b(?:steady_clock|system_clock|high_resolution_clock|utc_clock)\s*::\s*now\b"
    r"|(?<![\w.>:])(?:std::|::)?(?:clock_gettime|gettimeofday|timespec_get|getrandom|arc4random"
    r"|usleep|nanosleep|clock_nanosleep|rand|srand)\s*\("
    r"|(?<![\w.>:])(?:std::|::)?time\s*\(\s*(?:NULL|nullptr|0|&\w+)\s*\)"
    r"|(?<![\w.>:])(?:::)?sleep\s*\("
    r"|\b(?:sleep_for|sleep_until)\s*\("
    r"|\brandom_device\b"
)
_THROW = re.compile(r"\bthrow\b")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(.*)$", re.MULTILINE)
_BOUND = re.compile(r"\bauto\s*(?:const\s*)?&{0,2}\s*\[[^\]]*\]\s*[={(]\s*co_await\b")
_CO_AWAIT = re.compile(r"\bco_await\b")
_LAMBDA = re.compile(r"(?<![\w\])])\s*\[(?P<captures>[^\[\]]+)\]\s*(?:\(|\{|mutable|noexcept|->)")
MACROS = {"SLUICE_ASSERT", "SLUICE_BUG"}

Problems = list[Problem]


def size(file: File, _layers: dict) -> Problems:
    if file.path.startswith("tests/golden/"):
        return []
    is_sample = "/corpus/" in file.path  # Bytes for a fuzzer, whatever they look like.
    if len(file.data) > BYTES_MAX:
        return [file.problem(0, "size", f"{len(file.data)} bytes, at most {BYTES_MAX}")]
    if is_sample or (file.suffix not in CODE_LIKE and file.name not in SCRIPTS):
        return []
    lines = file.text.splitlines()
    found = []
    if len(lines) > LINES_MAX:
        found.append(file.problem(0, "size", f"{len(lines)} lines, at most {LINES_MAX}"))
    for number, line in enumerate(lines, 1):
        # A link cannot be broken; everything else can.
        if len(line) > COLUMNS_MAX and not re.fullmatch(r"\s*(?://|#|\*)?\s*\S+://\S+", line):
            found.append(file.problem(number, "columns", f"{len(line)}, at most {COLUMNS_MAX}"))
    return found


def names(file: File, _layers: dict) -> Problems:
    words = [part.lower() for part in file.folder.split("/")] + [file.stem.lower()]
    banned = PATHS_OF_NAMES.intersection(words)
    return [file.problem(0, "name", f"says nothing: {word}") for word in sorted(banned)]


def words(file: File, _layers: dict) -> Problems:
    found = []
    for match in _MACHINE_PATH.finditer(file.text):
        line = file.line_of(match.start())
        found.append(file.problem(line, "machine path", f"{match.group()}… is somebody's own"))
    for match in _ISSUE.finditer(file.text):
        line = file.line_of(match.start())
        found.append(file.problem(line, "issue number", f"tell the reason, not `{match.group()}`"))
    if file.is_cpp or file.suffix in CODE_LIKE or file.name in SCRIPTS:
        found += _todos(file)
    return found


def _todos(file: File) -> Problems:
    if file.name.startswith("tidy"):  # Their subject.
        return []
    found = []
    for match in _TODO.finditer(file.text):
        reason = match.group("reason") or ""
        if not match.group().startswith("TODO") or len(reason.split()) < 2:
            line = file.line_of(match.start())
            text = "write `TODO(why it must wait): what`"
            found.append(file.problem(line, "todo", text))
    return found


def clocks(file: File, _layers: dict) -> Problems:
    # examples/guarded_client is a program of a user, who has a clock of their own.
    free = ("src/sluice/platform/", "tests/system/", "bench/", "examples/guarded_client/")
    if not file.is_cpp or file.path.startswith(free) or file.name.endswith("_bench.cc"):
        return []
    text = "only platform/ reads clocks, sleeps or draws chance; take `now` or a Random&"
    return [
        file.problem(file.line_of(match.start(), code=True), "clock", text)
        for match in _CLOCK.finditer(file.code)
    ]


def exceptions(file: File, _layers: dict) -> Problems:
    if not file.is_cpp:
        return []
    return [
        file.problem(file.line_of(match.start(), code=True), "throw", "return a Result instead")
        for match in _THROW.finditer(file.code)
    ]


def form(file: File, _layers: dict) -> Problems:
    """Headers guard themselves with #pragma once; there are no macros but two.

    A switch for #if (nothing, 0 or 1) is no macro in this sense."""
    if not file.is_cpp:
        return []
    found = []
    if file.suffix == ".h" and "#pragma once" not in file.code:
        found.append(file.problem(0, "form", "a header needs #pragma once"))
    for match in _DEFINE.finditer(file.code):
        is_switch = match.group(2).strip() in ("", "0", "1")
        if match.group(1) not in MACROS and not is_switch:
            line = file.line_of(match.start(), code=True)
            found.append(file.problem(line, "form", f"no macro of ours: {match.group(1)}"))
    return found


def awaits(file: File, _layers: dict) -> Problems:
    """g++ 12 miscompiles some temporaries inside an awaited expression: name them first."""
    if not file.is_cpp:
        return []
    found = []

    def complain(offset: int, text: str) -> None:
        found.append(file.problem(file.line_of(offset, code=True), "co_await", text))

    for match in _BOUND.finditer(file.code):
        complain(match.start(), "no structured binding on co_await: name the result first")
    for match in _CO_AWAIT.finditer(file.code):
        before = _statement_before(file.code, match.start())
        if before.rstrip().endswith("operator"):
            continue
        operand = _operand(file.code, match.end())
        if _LAMBDA.search(operand):
            complain(match.start(), "no capturing lambda in an awaited expression: name it first")
        elif "{" in operand:
            complain(match.start(), "no braced temporary in an awaited expression: name it first")
        if "?" in before + operand:
            complain(match.start(), "no conditional operator around co_await: use if")
    return found


def _operand(code: str, start: int) -> str:
    """The text after `co_await` up to the end of its full expression."""
    depth = 0
    for offset in range(start, len(code)):
        char = code[offset]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth < 0:
                return code[start:offset]
        elif char == ";" and depth == 0:
            return code[start:offset]
    return code[start:]


def _statement_before(code: str, end: int) -> str:
    """The text of the same statement before `co_await`."""
    start = max(code.rfind(char, 0, end) for char in ";{}")
    return code[start + 1 : end]


def includes(file: File, layers: dict) -> Problems:
    """The include direction of layers.toml."""
    if not file.is_cpp:
        return []
    found = []
    for match in _INCLUDE.finditer(file.text):
        angled, quoted = match.groups()
        text = _angled(file, angled, layers) if angled else _quoted(file, quoted, layers)
        if text:
            found.append(file.problem(file.line_of(match.start()), "include", text))
    return found


def _is_free(file: File, layers: dict) -> bool:
    """May this file see the outside world?"""
    top = file.path.split("/")[0]
    if top in layers["free_folders"] or file.room in layers["outside_rooms"]:
        return True
    return file.is_test


def _quoted(file: File, path: str, layers: dict) -> str:
    """What is wrong with including "path"; empty when nothing is."""
    parts = path.split("/")
    if parts[0] != "sluice":
        inside = file.room or file.path.startswith("src/")
        return f'"{path}" must be a full path, "sluice/…"' if inside else ""
    target = parts[1] if len(parts) > 2 else ""
    if not file.room or target == file.room:
        return ""
    if target in layers["outside_rooms"]:
        return "" if _is_free(file, layers) else f"{target} is for programs and tests only"
    if target not in layers["rooms"].get(file.room, {}).get("sees", []):
        return f"{file.room} does not see {target} (tools/layers.toml)"
    return ""


def _angled(file: File, path: str, layers: dict) -> str:
    """What is wrong with including <path>; empty when nothing is."""
    if path in layers["banned_headers"]:
        return f"<{path}> is not for this house: fmt and RE2 take its place"
    for library, prefixes in layers["libraries"].items():
        if any(path == prefix or path.startswith(prefix) for prefix in prefixes):
            return _library(file, library, layers)
    standard = "." not in path and "/" not in path
    if standard and path not in layers["outside_headers"]:
        return ""
    own = layers["rooms"].get(file.room, {}).get("outside_headers", [])
    if path in own or _is_free(file, layers):
        return ""
    return f"<{path}> reaches the outside world: platform only"


def _library(file: File, library: str, layers: dict) -> str:
    if not file.room:
        return ""
    rooms = layers["rooms"]
    allowed = list(rooms.get(file.room, {}).get("libraries", []))
    if file.is_test:
        allowed += rooms["test_libraries"]
    return "" if library in allowed else f"{file.room} may not use {library} (tools/layers.toml)"


CHECKS = [size, names, words, clocks, exceptions, form, awaits, includes]
