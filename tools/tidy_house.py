"""Rules about files together: rooms, builds, tests and documents must tell the same story."""

import re
from pathlib import PurePosixPath

from tidy_tree import File, Problem, Tree

README_LINES_MAX = 40
TRIVIAL_LINES_MAX = 60

_LIBRARY = re.compile(r"\bsluice_library\s*\((?P<arguments>[^()]*)\)")
_TEST = re.compile(r"\bsluice_test\s*\((?P<arguments>[^()]*)\)")
_THREADS = re.compile(r"#include (?:<thread>|\"sluice/platform/linux/loop_thread.h\")")
_OUR_INCLUDE = re.compile(r'#include "(sluice/[^"]+\.h)"')
_KEYWORDS = {"PUBLIC_HEADERS", "SOURCES", "SEES", "LINKS"}
_METRIC_IN_CODE = re.compile(r'"(sluice_[a-z][a-z0-9_]*)')
_METRIC_IN_DOCS = re.compile(r"`(sluice_[a-z][a-z0-9_]*)(?:\{[^`]*\})?`")
_SERIES = re.compile(r"_(?:bucket|sum|count)$")

Problems = list[Problem]


def layers_agree(_tree: Tree, layers: dict) -> Problems:
    """layers.toml itself: a room sees lower layers only."""
    rank = {room: at for at, layer in enumerate(layers["layers"]) for room in layer}
    rank |= {room: 1 for room in layers["outside_rooms"]}
    found = []
    for room, entry in _rooms(layers).items():
        for seen in entry["sees"]:
            if room not in rank or rank.get(seen, len(rank)) >= rank[room]:
                text = f"{room} may not see {seen}: not in a lower layer"
                found.append(Problem("tools/layers.toml", 0, "layers", text))
        for library in entry["libraries"]:
            if library not in layers["libraries"]:
                text = f"{room} names an unknown library: {library}"
                found.append(Problem("tools/layers.toml", 0, "layers", text))
    return found


def _rooms(layers: dict) -> dict[str, dict]:
    return {room: entry for room, entry in layers["rooms"].items() if isinstance(entry, dict)}


def rooms_are_declared(tree: Tree, layers: dict) -> Problems:
    """SEES of the CMakeLists of each room equals layers.toml, and each room is there."""
    found = []
    for room in tree.rooms:
        path = f"src/sluice/{room}/CMakeLists.txt"
        if room not in _rooms(layers):
            found.append(Problem(path, 0, "layers", f"{room} is missing in tools/layers.toml"))
            continue
        built = _sees_of(tree, room)
        if built is None:
            found.append(Problem(path, 0, "layers", "no sluice_library() in this room"))
            continue
        allowed = set(_rooms(layers)[room]["sees"])
        for seen in sorted(built ^ allowed):
            side = "SEES of CMake" if seen in built else "tools/layers.toml"
            found.append(Problem(path, 0, "layers", f"only {side} lets {room} see {seen}"))
    return found


def _sees_of(tree: Tree, room: str) -> set[str] | None:
    """What the libraries of the room see outside it; None without any library."""
    libraries = []
    for file in tree.files:
        if file.room == room and file.name == "CMakeLists.txt":
            libraries += [match["arguments"] for match in _LIBRARY.finditer(_bare_cmake(file))]
    if not libraries:
        return None
    seen: set[str] = set()
    for arguments in libraries:
        section = ""
        for word in arguments.split():
            if word in _KEYWORDS:
                section = word
            elif section == "SEES" and word.split("_")[0] != room:
                seen.add(word)
    return seen


def _bare_cmake(file: File) -> str:
    return re.sub(r"#[^\n]*", "", file.text)


def rooms_are_told(tree: Tree, _layers: dict) -> Problems:
    """Each room has a short README.md, and ARCHITECTURE.md leads to it."""
    map_file = tree.by_path.get("ARCHITECTURE.md")
    found = []
    if map_file is None:
        found.append(Problem("ARCHITECTURE.md", 0, "room", "missing: it leads to every room"))
    for room in tree.rooms:
        path = f"src/sluice/{room}/README.md"
        if path not in tree.by_path:
            found.append(Problem(path, 0, "room", "missing: question, in, out, never, read"))
        if map_file and not re.search(rf"\b{room}\b", map_file.text):
            found.append(Problem("ARCHITECTURE.md", 0, "room", f"does not name {room}"))
    for file in tree.files:
        if file.room and file.name == "README.md":
            lines = len(file.text.splitlines())
            if lines > README_LINES_MAX:
                text = f"{lines} lines, at most {README_LINES_MAX}"
                found.append(file.problem(0, "room", text))
    return found


def files_are_built(tree: Tree, _layers: dict) -> Problems:
    """Each .cc and .h is named in the CMakeLists.txt of its folder or of one above. A header of a
    room's or a program's own may also live by being included there."""
    named = _named_in_cmake(tree)
    alive = named | _included_at_home(tree)
    text = "in no CMakeLists.txt: dead"
    found = [file.problem(0, "build", text) for file in tree.cpp if file.path not in alive]
    for file in tree.cpp:
        if not file.path.startswith(("src/", "apps/")) or file.is_test:
            continue
        for header in _OUR_INCLUDE.findall(file.text):
            target = tree.by_path.get(f"src/{header}")
            if target and target.room != file.room and target.path not in named:
                text = f"{header} is not among the PUBLIC_HEADERS of {target.room}"
                found.append(file.problem(0, "build", text))
    return found


def _named_in_cmake(tree: Tree) -> set[str]:
    named = set()
    for file in tree.files:
        if file.name == "CMakeLists.txt":
            for word in re.findall(r"[\w./+-]+\.(?:cc|h)\b", _bare_cmake(file)):
                named.add(_joined(file.folder, word))
    return named


def _included_at_home(tree: Tree) -> set[str]:
    """The headers that another file of their room includes; outside the library, any other file."""
    included = set()
    for file in tree.cpp:
        for path in re.findall(r'#include "([^"]+\.h)"', file.text):
            if path.startswith("sluice/"):
                header = tree.by_path.get(f"src/{path}")
                if header and header.room == file.room and header is not file:
                    included.add(header.path)
            elif not file.room:
                included |= {_joined(folder, path) for folder in _above(file.folder)}
    return included


def _above(folder: str) -> list[str]:
    """`folder` and those it lies in: an include path may begin at any of them."""
    parts = folder.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _joined(folder: str, path: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(folder) / path).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def sources_are_tested(tree: Tree, layers: dict) -> Problems:
    """A non-trivial .cc of the library has a _test.cc beside it, or a test that includes its own
    header, or is a part of something tested: its header is private (or its room is tested as a
    whole) and a tested source of its room includes it."""
    public = _named_in_cmake(tree)
    tested = set()
    for file in tree.cpp:
        if file.is_test:
            tested |= set(_OUR_INCLUDE.findall(file.text))
    sources = [
        file
        for file in tree.cpp
        if file.room and file.suffix == ".cc" and not file.is_test
    ]
    waiting = []
    covered = []
    for file in sources:
        beside = f"{file.folder}/{file.stem}_test.cc" in tree.by_path
        (covered if beside or _own_header(file) in tested else waiting).append(file)
    while covered:
        reached = _reached_from(tree, covered.pop())
        for file in list(waiting):
            header = _own_header(file)
            is_part = f"src/{header}" not in public or file.room in layers["whole_rooms"]
            if is_part and header in reached:
                waiting.remove(file)
                covered.append(file)
    found = []
    for file in waiting:
        lines = sum(1 for line in file.code.splitlines() if line.strip())
        if lines > TRIVIAL_LINES_MAX:
            text = f"{lines} lines of code, and no test beside it, of its header or of its whole"
            found.append(file.problem(0, "test", text))
    return found


def _reached_from(tree: Tree, source: File) -> set[str]:
    """The headers of its own room that a source includes, also through other headers."""
    reached: set[str] = set()
    waiting = [source]
    while waiting:
        for header in _OUR_INCLUDE.findall(waiting.pop().text):
            file = tree.by_path.get(f"src/{header}")
            if file and file.room == source.room and header not in reached:
                reached.add(header)
                waiting.append(file)
    return reached


def _own_header(file: File) -> str:
    """The header that a .cc implements: of its name, or of the beginning of its name (a source may
    be cut in several), else the first of ours that it includes."""
    headers = _OUR_INCLUDE.findall(file.text)
    stems = [header.rpartition("/")[2].removesuffix(".h") for header in headers]
    for stem, header in zip(stems, headers):
        if file.stem == stem:
            return header
    for stem, header in zip(stems, headers):
        if file.stem.startswith(f"{stem}_"):
            return header
    return headers[0] if headers else ""


def threads_are_sanitized(tree: Tree, _layers: dict) -> Problems:
    """A unit test that starts threads carries the label `tsan`, so that ./test runs it so."""
    labelled = set()
    for file in tree.files:
        if file.name == "CMakeLists.txt":
            for match in _TEST.finditer(_bare_cmake(file)):
                sources, _, labels = match["arguments"].partition("LABELS")
                if "tsan" in labels.split():
                    labelled |= {_joined(file.folder, word) for word in sources.split()}
    text = "starts threads, so its sluice_test needs LABELS tsan"
    return [
        file.problem(0, "threads", text)
        for file in tree.cpp
        if file.name.endswith("_test.cc") and _THREADS.search(file.text)
        and file.path not in labelled
    ]


def metrics_are_told(tree: Tree, _layers: dict) -> Problems:
    """The metrics in the code are those of docs/metrics.md."""
    path = "docs/metrics.md"
    in_code: dict[str, tuple[File, int]] = {}
    for file in tree.cpp:
        if file.path.startswith(("src/", "apps/")) and not file.is_test:
            for match in _METRIC_IN_CODE.finditer(file.text):
                name = _SERIES.sub("", match.group(1))
                in_code.setdefault(name, (file, file.line_of(match.start())))
    document = tree.by_path.get(path)
    text = document.text if document else ""
    in_docs = {_SERIES.sub("", name) for name in _METRIC_IN_DOCS.findall(text)}
    found = []
    for name in sorted(in_code.keys() - in_docs):
        file, line = in_code[name]
        found.append(file.problem(line, "metric", f"{name} is not in {path}"))
    for name in sorted(in_docs - in_code.keys()):
        found.append(Problem(path, 0, "metric", f"{name} is in no code"))
    return found


CHECKS = [
    layers_agree,
    rooms_are_declared,
    rooms_are_told,
    files_are_built,
    sources_are_tested,
    threads_are_sanitized,
    metrics_are_told,
]
