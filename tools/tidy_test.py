#!/usr/bin/env python3
"""Each rule of tidy fires on a bad sample, and on nothing else: a clean house stays clean."""

import tempfile
import unittest
from pathlib import Path

import tidy

LAYERS = Path(__file__).with_name("layers.toml").read_text(encoding="utf-8")

# A house of two rooms that breaks no rule.
LIMIT_CMAKE = """\
# limit/: may this request enter?
sluice_library(limit
  PUBLIC_HEADERS gcra.h
  SOURCES gcra.cc
  SEES contract)  # As tools/layers.toml says.
sluice_test(limit gcra_test.cc)
"""
CLEAN = {
    "ARCHITECTURE.md": "The rooms: contract, limit.\n",
    "tools/layers.toml": LAYERS,
    "docs/metrics.md": "| `sluice_limit_refused_total{rule}` | refusals |\n",
    "src/sluice/contract/CMakeLists.txt": "sluice_library(contract PUBLIC_HEADERS time.h)\n",
    "src/sluice/contract/README.md": "# contract\n",
    "src/sluice/contract/time.h": "#pragma once\n\n#include <chrono>\n",
    "src/sluice/limit/CMakeLists.txt": LIMIT_CMAKE,
    "src/sluice/limit/README.md": "# limit\n",
    "src/sluice/limit/gcra.h": '#pragma once\n\n#include "sluice/contract/time.h"\n',
    "src/sluice/limit/gcra.cc": (
        '#include "sluice/limit/gcra.h"\n\n#include <fmt/format.h>\n\n'
        'const char* kRefused = "sluice_limit_refused_total";  // Never throw, never sleep(1).\n'
        'const char* kTold = "throw steady_clock::now()";\nconst long kMany = 1\'000\'000;\n'
    ),
    "src/sluice/limit/gcra_test.cc": '#include "sluice/limit/gcra.h"\n\n#include <gtest/gtest.h>\n',
}


class TidyTest(unittest.TestCase):
    def problems(self, changes: dict[str, str | None]) -> list[str]:
        """The problems of the clean house with some files replaced, added or (None) taken away."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in (CLEAN | changes).items():
                if text is not None:
                    place = Path(folder) / path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(text, encoding="utf-8")
            return tidy.problems_of(Path(folder))

    def assert_only(self, expected: str, changes: dict[str, str | None]) -> None:
        """Exactly one problem, and it begins with `expected`."""
        problems = self.problems(changes)
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(expected), problems)

    def assert_clean(self, changes: dict[str, str | None]) -> None:
        self.assertEqual(self.problems(changes), [])

    def in_code(self, code: str) -> dict[str, str | None]:
        path = "src/sluice/limit/gcra.cc"
        return {path: f"{CLEAN[path]}\n{code}\n"}


class CleanHouse(TidyTest):
    def test_has_no_problem(self):
        self.assert_clean({})


class Size(TidyTest):
    def test_more_than_600_lines(self):
        self.assert_only("src/sluice/limit/gcra.cc: size: 60", self.in_code("\n" * 600))

    def test_more_than_100_columns(self):
        self.assert_only("src/sluice/limit/gcra.cc:9: columns: 101", self.in_code("x" * 101))

    def test_a_link_may_be_longer(self):
        self.assert_clean(self.in_code("// https://" + "x" * 100))

    def test_a_large_file(self):
        self.assert_only("docs/a.svg: size: 300000 bytes", {"docs/a.svg": "x" * 300_000})

    def test_samples_of_a_fuzzer_may_be_wide(self):
        self.assert_clean({"tests/fuzz/corpus/a.yaml": "x" * 101})

    def test_golden_data_may_be_large(self):
        self.assert_clean({"tests/golden/a.txt": "x" * 300_000})


class Names(TidyTest):
    def test_a_folder_that_says_nothing(self):
        self.assert_only("docs/misc/a.md: name: says nothing: misc", {"docs/misc/a.md": ""})

    def test_a_file_that_says_nothing(self):
        self.assert_only("docs/common.md: name: says nothing: common", {"docs/common.md": ""})

    def test_a_longer_name_may_contain_the_word(self):
        self.assert_clean({"docs/shared_token_bucket.md": ""})


class Words(TidyTest):
    def test_a_path_of_somebodys_machine(self):
        for path in ("/ho" + "me/ann/x", "/wo" + "rk/main", "/ro" + "ot/x"):
            self.assert_only("docs/a.md:1: machine path", {"docs/a.md": f"see {path}\n"})

    def test_a_path_of_a_project_may_contain_the_word(self):
        self.assert_clean({"docs/a.md": "see src/wo" + "rk/main\n"})

    def test_an_issue_number(self):
        for text in ("iss" + "ue #12", "Iss" + "ue 7", "fixes" + " #3"):
            self.assert_only("docs/a.md:1: issue number", {"docs/a.md": f"see {text}\n"})

    def test_a_todo_without_a_reason(self):
        for todo in ("TO" + "DO: later", "TO" + "DO(ann): later", "FIX" + "ME(it is so): now"):
            self.assert_only("src/sluice/limit/gcra.cc:9: todo", self.in_code(f"// {todo}"))

    def test_a_todo_with_a_reason(self):
        todo = "TO" + "DO(needs HTTP/2 first): count streams"
        self.assert_clean(self.in_code(f"// {todo}"))


class Calls(TidyTest):
    CALLS = (
        "auto a = std::chrono::steady_clock::now();",
        "clock_gettime(CLOCK_MONOTONIC, &t);",
        "auto a = std::time(nullptr);",
        "std::this_thread::sleep_for(1ms);",
        "::sleep(1);",
        "usleep(1);",
        "int a = rand();",
        "std::random_device device;",
    )

    def test_a_clock_a_sleep_or_chance_outside_platform(self):
        for call in self.CALLS:
            self.assert_only("src/sluice/limit/gcra.cc:9: clock", self.in_code(call))

    def test_in_a_unit_test_too(self):
        path = "src/sluice/limit/gcra_test.cc"
        bad = CLEAN[path] + "void F() { std::this_thread::sleep_for(1ms); }\n"
        self.assert_only("src/sluice/limit/gcra_test.cc:4: clock", {path: bad})

    def test_platform_may(self):
        self.assert_clean(
            {
                "ARCHITECTURE.md": "The rooms: contract, limit, platform.\n",
                "src/sluice/platform/README.md": "# platform\n",
                "src/sluice/platform/CMakeLists.txt": "sluice_library(platform SOURCES a.cc "
                "SEES contract)\n",
                "src/sluice/platform/a.cc": "#include <time.h>\nauto a = clock_gettime(0, 0);\n",
            }
        )

    def test_a_method_of_that_name_is_no_clock(self):
        self.assert_clean(self.in_code("auto a = scene.time(); loop.sleep(1);\nint time() const;"))

    def test_throw(self):
        self.assert_only("src/sluice/limit/gcra.cc:9: throw", self.in_code("void F() { throw 1; }"))


class Form(TidyTest):
    def test_a_header_without_a_guard(self):
        bad = '#include "sluice/contract/time.h"\n'
        self.assert_only("src/sluice/limit/gcra.h: form", {"src/sluice/limit/gcra.h": bad})

    def test_a_macro(self):
        bad = self.in_code("#define TWICE(x) ((x) * 2)")
        self.assert_only("src/sluice/limit/gcra.cc:9: form: no macro of ours: TWICE", bad)

    def test_a_constant_as_a_macro(self):
        bad = self.in_code("#define TWELVE 12")
        self.assert_only("src/sluice/limit/gcra.cc:9: form: no macro of ours: TWELVE", bad)

    def test_a_switch(self):
        self.assert_clean(self.in_code("#define SLUICE_POOLED 1"))


class Awaits(TidyTest):
    def test_a_capturing_lambda(self):
        for captures in ("&", "=", "this", "&a, b"):
            code = f"co_await Run([{captures}](int x) {{ return x; }});"
            bad = self.in_code(f"Task<void> F() {{ {code} }}")
            self.assert_only("src/sluice/limit/gcra.cc:9: co_await: no capturing lambda", bad)

    def test_a_structured_binding(self):
        bad = self.in_code("Task<void> F() {\n  const auto& [a, b] = co_await Two();\n}")
        self.assert_only("src/sluice/limit/gcra.cc:10: co_await: no structured binding", bad)

    def test_a_braced_temporary(self):
        bad = self.in_code("Task<void> F() { co_await Send({a, b}, kNever); }")
        self.assert_only("src/sluice/limit/gcra.cc:9: co_await: no braced temporary", bad)

    def test_a_conditional_operator(self):
        for code in ("co_await Send(a ? b : c);", "auto x = a ? co_await B() : C();"):
            bad = self.in_code(f"Task<void> F() {{ {code} }}")
            self.assert_only("src/sluice/limit/gcra.cc:9: co_await: no conditional operator", bad)

    def test_plain_awaits(self):
        code = (
            "Task<void> F() {\n  if (!co_await Send(list[i](a), kNever)) {\n    co_return;\n  }\n"
            "  const auto x = co_await Receive();\n  auto y = x ? 1 : 2;\n  co_return;\n}\n"
            "Awaiter operator co_await() const noexcept { return Awaiter{self_}; }"
        )
        self.assert_clean(self.in_code(code))


class Includes(TidyTest):
    def include(self, line: str, path: str = "src/sluice/limit/gcra.cc") -> dict[str, str | None]:
        return {path: f"{CLEAN[path]}{line}\n"}

    def test_a_sibling(self):
        bad = self.include('#include "sluice/breaker/state.h"')
        self.assert_only("src/sluice/limit/gcra.cc:8: include: limit does not see breaker", bad)

    def test_a_sibling_in_a_test_too(self):
        path = "src/sluice/limit/gcra_test.cc"
        bad = self.include('#include "sluice/breaker/state.h"', path)
        self.assert_only(f"{path}:4: include: limit does not see breaker", bad)

    def test_platform(self):
        bad = self.include('#include "sluice/platform/linux/epoll_loop.h"')
        self.assert_only("src/sluice/limit/gcra.cc:8: include: platform is for programs", bad)

    def test_platform_in_a_test(self):
        path = "src/sluice/limit/gcra_test.cc"
        self.assert_clean(self.include('#include "sluice/platform/sim/world.h"', path))

    def test_a_fixture_is_part_of_the_tests(self):
        self.assert_clean(
            {
                "src/sluice/limit/gcra_fixture.h": "#pragma once\n\n#include <gtest/gtest.h>\n",
                "src/sluice/limit/CMakeLists.txt": LIMIT_CMAKE.replace(
                    "gcra_test.cc", "gcra_test.cc gcra_fixture.h"
                ),
            }
        )

    def test_a_relative_path(self):
        bad = self.include('#include "gcra.h"')
        self.assert_only('src/sluice/limit/gcra.cc:8: include: "gcra.h" must be a full path', bad)

    def test_a_library_of_another_room(self):
        bad = self.include("#include <yaml-cpp/yaml.h>")
        self.assert_only("src/sluice/limit/gcra.cc:8: include: limit may not use yaml_cpp", bad)

    def test_a_header_of_the_system(self):
        for header in ("unistd.h", "sys/epoll.h", "thread", "fstream"):
            bad = self.include(f"#include <{header}>")
            self.assert_only(f"src/sluice/limit/gcra.cc:8: include: <{header}> reaches", bad)

    def test_an_outside_header_that_layers_give_to_one_room(self):
        line = "#include <thread>"
        self.assert_clean(self.include(line, "src/sluice/contract/time.h"))

    def test_a_banned_header(self):
        bad = self.include("#include <regex>")
        self.assert_only("src/sluice/limit/gcra.cc:8: include: <regex> is not for this house", bad)

    def test_programs_may_see_everything(self):
        self.assert_clean(
            {
                "apps/sluice/CMakeLists.txt": "add_executable(sluice main.cc)\n",
                "apps/sluice/main.cc": (
                    '#include <unistd.h>\n#include "sluice/platform/linux/a.h"\n'
                ),
            }
        )


class Rooms(TidyTest):
    LIMIT = "src/sluice/limit/CMakeLists.txt"

    def test_cmake_sees_more_than_the_layers(self):
        bad = LIMIT_CMAKE.replace("SEES contract)", "SEES contract wire)")
        self.assert_only(f"{self.LIMIT}: layers: only SEES of CMake", {self.LIMIT: bad})

    def test_cmake_sees_less_than_the_layers(self):
        bad = LIMIT_CMAKE.replace("  SEES contract)", "  )")
        self.assert_only(f"{self.LIMIT}: layers: only tools/layers.toml", {self.LIMIT: bad})

    def test_layers_that_point_up(self):
        bad = LAYERS.replace(
            '[rooms.wire]\nsees = ["contract"]', '[rooms.wire]\nsees = ["contract", "limit"]'
        )
        text = "tools/layers.toml: layers: wire may not see limit"
        self.assert_only(text, {"tools/layers.toml": bad})

    def test_layers_that_name_an_unknown_library(self):
        bad = LAYERS.replace('libraries = ["fmt", "llhttp"', 'libraries = ["fmt", "asio", "llhttp"')
        text = "tools/layers.toml: layers: wire names an unknown library: asio"
        self.assert_only(text, {"tools/layers.toml": bad})

    def test_a_room_without_an_entry(self):
        self.assert_only(
            "src/sluice/attic/CMakeLists.txt: layers: attic is missing",
            {
                "ARCHITECTURE.md": "contract limit attic\n",
                "src/sluice/attic/README.md": "# attic\n",
                "src/sluice/attic/CMakeLists.txt": "sluice_library(attic PUBLIC_HEADERS a.h)\n",
                "src/sluice/attic/a.h": "#pragma once\n",
            },
        )

    def test_a_room_without_a_readme(self):
        path = "src/sluice/limit/README.md"
        self.assert_only(f"{path}: room: missing", {path: None})

    def test_a_long_readme(self):
        path = "src/sluice/limit/README.md"
        self.assert_only(f"{path}: room: 41 lines", {path: "x\n" * 41})

    def test_a_room_that_the_map_forgets(self):
        bad = {"ARCHITECTURE.md": "The rooms: contract.\n"}
        self.assert_only("ARCHITECTURE.md: room: does not name limit", bad)

    def test_a_missing_map(self):
        self.assert_only("ARCHITECTURE.md: room: missing", {"ARCHITECTURE.md": None})


class Files(TidyTest):
    def test_a_dead_file(self):
        path = "src/sluice/limit/old.h"
        self.assert_only(f"{path}: build: in no CMakeLists.txt", {path: "#pragma once\n"})

    def test_a_file_named_only_in_a_comment_is_dead(self):
        bad = {
            "src/sluice/limit/old.h": "#pragma once\n",
            "src/sluice/limit/CMakeLists.txt": LIMIT_CMAKE + "# old.h\n",
        }
        self.assert_only("src/sluice/limit/old.h: build: in no CMakeLists.txt", bad)

    def test_a_header_of_a_program_lives_while_it_is_included(self):
        program = {
            "tests/sim/CMakeLists.txt": "add_executable(sim main.cc)\n",
            "tests/sim/main.cc": '#include "sim/words.h"\n',
            "tests/sim/words.h": "#pragma once\n",
        }
        self.assert_clean(program)
        bad = program | {"tests/sim/main.cc": "int main() {}\n"}
        self.assert_only("tests/sim/words.h: build: in no CMakeLists.txt", bad)

    def test_a_private_header_lives_while_its_room_includes_it(self):
        self.assert_clean(
            {
                "src/sluice/limit/part.h": "#pragma once\n",
                **self.in_code('#include "sluice/limit/part.h"'),
            }
        )

    def test_a_private_header_that_another_room_includes(self):
        wire = {
            "ARCHITECTURE.md": "contract limit wire\n",
            "src/sluice/wire/README.md": "# wire\n",
            "src/sluice/wire/CMakeLists.txt": "sluice_library(wire PUBLIC_HEADERS a.h\n"
            "SEES contract)\n",
            "src/sluice/wire/a.h": '#pragma once\n#include "sluice/contract/part.h"\n',
            "src/sluice/contract/part.h": "#pragma once\n",
            "src/sluice/contract/time.h": '#pragma once\n#include "sluice/contract/part.h"\n',
        }
        text = "src/sluice/wire/a.h: build: sluice/contract/part.h is not among the PUBLIC_HEADERS"
        self.assert_only(text, wire)


class Tests(TidyTest):
    BIG = "int a;\n" * 70

    def with_sources(self, *names: str) -> str:
        return LIMIT_CMAKE.replace("gcra.cc", " ".join(("gcra.cc", *names)))

    def test_a_source_without_a_test(self):
        self.assert_only(
            "src/sluice/limit/big.cc: test: 71 lines of code",
            {
                "src/sluice/limit/big.cc": "#include <string>\n" + self.BIG,
                "src/sluice/limit/CMakeLists.txt": self.with_sources("big.cc"),
            },
        )

    def test_a_source_whose_header_is_tested_elsewhere(self):
        self.assert_clean(
            {
                "src/sluice/limit/big.cc": '#include "sluice/limit/gcra.h"\n' + self.BIG,
                "src/sluice/limit/CMakeLists.txt": self.with_sources("big.cc"),
            }
        )

    def part(self, cmake: str) -> dict[str, str | None]:
        """part.cc, which the tested gcra.cc includes."""
        return {
            "src/sluice/limit/part.h": "#pragma once\n",
            "src/sluice/limit/part.cc": '#include "sluice/limit/part.h"\n' + self.BIG,
            "src/sluice/limit/CMakeLists.txt": cmake,
            **self.in_code('#include "sluice/limit/part.h"'),
        }

    def test_a_private_part_is_tested_with_its_whole(self):
        self.assert_clean(self.part(self.with_sources("part.cc")))

    def test_a_public_part_needs_a_test_of_its_own(self):
        cmake = self.with_sources("part.cc").replace("gcra.h", "gcra.h part.h")
        self.assert_only("src/sluice/limit/part.cc: test: 71 lines", self.part(cmake))


class Threads(TidyTest):
    PATH = "src/sluice/limit/gcra_test.cc"
    THREADED = CLEAN[PATH].replace("#include <gtest", "#include <thread>\n\n#include <gtest")

    def test_a_test_with_threads_and_without_the_label(self):
        self.assert_only(f"{self.PATH}: threads: starts threads", {self.PATH: self.THREADED})

    def test_a_test_with_threads_and_the_label(self):
        cmake = LIMIT_CMAKE.replace("gcra_test.cc)", "gcra_test.cc LABELS tsan)")
        self.assert_clean({self.PATH: self.THREADED, Rooms.LIMIT: cmake})


class Metrics(TidyTest):
    def test_a_metric_that_the_docs_forget(self):
        bad = self.in_code('const char* kNew = "sluice_limit_new_total";')
        text = "src/sluice/limit/gcra.cc:9: metric: sluice_limit_new_total is not in docs"
        self.assert_only(text, bad)

    def test_a_metric_that_only_the_docs_know(self):
        text = CLEAN["docs/metrics.md"] + "| `sluice_gone_total` |\n"
        bad = {"docs/metrics.md": text}
        self.assert_only("docs/metrics.md: metric: sluice_gone_total is in no code", bad)


if __name__ == "__main__":
    unittest.main()
