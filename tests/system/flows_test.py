#!/usr/bin/env python3
"""Flows with real processes: the example of docs/systems/flows.md, served, drawn and run."""

import json
import pathlib
import re
import subprocess
import time

import report
from harness import ROOT, SystemTest, program, run_sluice
from origin import answer, answering

PAGE = ROOT / "docs" / "systems" / "flows.md"
HOTELS = [{"id": "alfama"}, {"id": "belem"}, {"id": "chiado"}]
REQUEST = {"method": "POST", "path": "/trips/lisbon", "headers": {"x-user-id": "u 1"},
           "body": {"nights": 3}}


def example():
    """The configuration that the page shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return next(block for block in blocks if block.startswith("listeners:"))


def services(delays):
    """What the upstreams of the example answer: /users, /hotels, /reviews, /coupons, /quotes."""

    def reply(request):
        path = request.target.split("?")[0]
        kind = path.split("/")[1]
        time.sleep(delays.get(kind, 0))
        if kind in delays.get("dead", ()):
            return answer(500)
        body = {
            "users": {"id": "u1", "name": 'Ann "A"', "tier": "gold"},
            "hotels": {"hotels": HOTELS},
            "reviews": {"of": path.rsplit("/", 1)[1], "stars": 4.5},
            "coupons": {"code": "TEN"},
            "quotes": {"total": 12345678901234567890},
        }[kind]
        return answer(body=json.dumps(body).encode())

    return answering(reply)


class Flows(SystemTest):
    def setUp(self):
        self.delays = {}
        self.upstream = self.origin(services(self.delays))
        self.text = re.sub(r"127\.0\.0\.1:91\d\d", self.upstream.address, example())
        self.text = self.text.replace("127.0.0.1:8080", "127.0.0.1:0")
        # The machine that runs this may be slow; the page's own times are for people.
        self.text = re.sub(r"timeout: \d+ms", "timeout: 20s", self.text)

    def file(self, text, name="flow.yaml"):
        path = self.directory() / name
        path.write_text(text, encoding="utf-8")
        return path

    def only_flow(self):
        """The part of the example without listeners and routes."""
        upstreams = re.search(r"^upstreams:\n(?:[ -].*\n)+", self.text, re.M)[0]
        return upstreams + self.text[self.text.index("flows:"):]

    def expected(self, **changes):
        return {
            "guest": 'Ann "A"',
            "hotels": HOTELS,
            "reviews": [{"of": hotel["id"], "stars": 4.5} for hotel in HOTELS],
            "quote": {"total": 12345678901234567890},
            **changes,
        }

    def ask(self, gateway):
        return self.get(gateway, "/trips/lisbon", method="POST",
                        headers=[("x-user-id", "u 1")], body=json.dumps({"nights": 3}).encode())

    def sent(self, prefix):
        return [request for request in self.upstream.requests if request.target.startswith(prefix)]

    def test_the_example_is_served_and_its_calls_overlap(self):
        gateway = self.sluice('admin: {listen: "127.0.0.1:0"}\n' + self.text)
        self.delays.update(users=0.2, hotels=0.4)
        begun = time.monotonic()
        got = self.ask(gateway)
        took = time.monotonic() - begun
        self.assertEqual((got.status, json.loads(got.body)), (200, self.expected()))
        self.assertEqual(got.header("cache-control"), "no-store")
        self.assertIsNone(got.header("x-sluice-degraded"))
        self.assertGreaterEqual(took, 0.4)
        hotels, = self.sent("/hotels")
        self.assertEqual(hotels.target, "/hotels?city=lisbon&nights=3")
        self.assertEqual(hotels.header("x-flow-hops"), "1")
        user, = self.sent("/users")
        self.assertEqual(user.target, "/users/u%201")
        quote, = self.sent("/quotes")
        self.assertEqual(json.loads(quote.body), {
            "user": "u1", "hotels": HOTELS, "coupon": "TEN",
            "note": 'for Ann "A", 3 nights', "currency": "EUR"})
        # One trace, a span for each call.
        traces = {request.header("traceparent").split("-")[1] for request in self.upstream.requests}
        spans = [request.header("traceparent").split("-")[2] for request in self.upstream.requests]
        self.assertEqual((len(traces), len(set(spans))), (1, len(spans)))
        # Both began before either had ended.
        status, text = gateway.ask("/api/v1/flows/trip")
        flow = json.loads(text)
        self.assertEqual((status, flow["runs"]["ok"], flow["in_flight"]), (200, 1, 0))
        self.assertEqual(sum(node["called"] for node in flow["nodes"]), 5)
        status, text = gateway.ask("/metrics")
        self.assertIn('sluice_flow_runs_total{flow="trip",outcome="ok"} 1', text)
        self.assertRegex(text, r'sluice_flow_critical_path_ratio\{flow="trip",node="hotels"\} 1\n')

    def test_what_may_be_missing_is_missing_and_said(self):
        gateway = self.sluice('admin: {listen: "127.0.0.1:0"}\n' + self.text)
        self.delays["dead"] = ("quotes", "coupons", "reviews")
        got = self.ask(gateway)
        self.assertEqual((got.status, json.loads(got.body)), (200, self.expected(
            reviews=[None] * 3, quote={"total": None, "is_estimate": True})))
        self.assertEqual(got.header("x-sluice-degraded"), "flow/coupon,quote")
        self.delays["dead"] = ("users",)
        got = self.ask(gateway)
        self.assertEqual((got.status, json.loads(got.body)),
                         (502, {"error": "bad_response", "rule": "user"}))
        self.assertEqual(got.header("x-sluice-reason"), "flow/user")
        flow = json.loads(gateway.ask("/api/v1/flows/trip")[1])
        run = flow["kept_runs"][0]
        self.assertEqual((run["outcome"], run["error"]), ("failed", "user: failed: answered 500"))
        status, text = gateway.ask(f"/api/v1/flows/trip/gantt?run={run['number']}")
        self.assertEqual((status, text.startswith("<svg")), (200, True))

    def test_a_flow_is_drawn(self):
        for text in (self.text, self.only_flow()):
            done = run_sluice("dag", "render", self.file(text))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("flowchart LR", done.stdout)
            self.assertIn("quote", done.stdout)
        done = run_sluice("dag", "render", self.file(self.text), "--format", "dot")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("digraph"))

    def test_a_flow_is_run_once_with_a_trace(self):
        request = self.file(json.dumps({**REQUEST, "path_template": "/trips/{city}"}), "req.json")
        picture = self.directory() / "out.html"
        done = run_sluice("dag", "run", self.file(self.only_flow()), "--input", request,
                          "--json", "--gantt", picture)
        self.assertEqual((done.returncode, done.stderr),
                         (0, f"sluice: the run is drawn in {picture}\n"))
        told = json.loads(done.stdout)
        self.assertEqual((told["status"], told["body"]), (200, self.expected()))
        self.assertEqual(told["run"]["outcome"], "ok")
        self.assertEqual(told["run"]["critical_path"][-1], "response")
        self.assertIn("<svg", picture.read_text(encoding="utf-8"))
        done = run_sluice("dag", "run", self.file(self.text), "--input", request)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("HTTP 200\n"), done.stdout)
        self.assertRegex(done.stdout, r"critical path: .* -> response")

    def test_values_of_an_input_are_sent_as_they_are_written(self):
        request = self.file(
            '{"path": "/trips/lisbon", "path_template": "/trips/{city}", "method": "POST",\n'
            ' "query": {"a": 1.10, "c": "1.10"}, "headers": {"x-user-id": 1e2},\n'
            ' "body": {"nights": 1.10}}', "req.json")
        flow = self.file(self.only_flow().replace(
            'nights: "{{request.body/nights ?? 1}}"',
            'nights: "{{request.body/nights}}", c: "{{request.query.c}}", '
            'a: "{{request.query.a}}"'))
        done = run_sluice("dag", "run", flow, "--input", request)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.sent("/hotels")[0].target,
                         "/hotels?a=1.10&c=1.10&city=lisbon&nights=1.10")
        self.assertEqual(self.sent("/users")[0].target, "/users/1e2")
        quote = json.loads(self.sent("/quotes")[0].body)
        self.assertEqual(quote["note"], 'for Ann "A", 1.10 nights')

    def test_what_became_of_the_picture_is_said(self):
        flow = self.file(self.only_flow())
        folder = self.directory()
        for name in ("out.png", "out", "html"):
            done = run_sluice("dag", "run", flow, "--gantt", folder / name)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("must name a .svg or .html file", done.stderr)
        done = run_sluice("dag", "run", flow, "--gantt", folder / "missing" / "out.svg")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write", done.stderr)
        # Another flow is in the way, so none was run.
        request = self.file(json.dumps({"headers": {"x-flow-hops": "9"}}), "hops.json")
        done = run_sluice("dag", "run", flow, "--input", request, "--gantt", folder / "out.svg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("HTTP 508", done.stdout)
        self.assertIn("out.svg is not written: the request was answered without a run", done.stderr)
        self.assertFalse((folder / "out.svg").exists())

    def test_without_an_answer_it_ends_with_3(self):
        binary = program("SLUICE_BIN", "sluice")
        if b"__ubsan" in pathlib.Path(binary).read_bytes():
            self.skipTest("sanitizers need descriptors of their own")
        done = subprocess.run(
            ["prlimit", "--nofile=4:4", binary, "dag", "run", self.file(self.only_flow())],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_what_goes_wrong_has_its_exit_code(self):
        flow = self.file(self.only_flow())
        self.assertEqual(run_sluice("dag", "render", flow, "--flow", "tripp").returncode, 2)
        self.assertEqual(run_sluice("dag", "render", flow.parent / "none.yaml").returncode, 2)
        bad = self.file(json.dumps({"pth": "/"}), "bad.json")
        done = run_sluice("dag", "run", flow, "--input", bad)
        self.assertEqual(done.returncode, 2)
        self.assertIn('has an unknown key "pth"', done.stderr)
        self.delays["dead"] = ("users",)
        request = self.file(json.dumps({**REQUEST, "path_template": "/trips/{city}"}), "req.json")
        done = run_sluice("dag", "run", flow, "--input", request)
        self.assertEqual(done.returncode, 1)
        self.assertIn("x-sluice-reason: flow/user", done.stdout)
        self.assertIn("user: failed: answered 500", done.stdout)

    def test_a_cycle_is_refused_with_its_way_and_places(self):
        text = self.text.replace("path: /hotels\n", "path: /hotels/{{quote.body/total}}\n")
        done = run_sluice("check", self.file(text))
        self.assertEqual(done.returncode, 2)
        self.assertRegex(
            done.stderr, r"flow\.yaml:\d+:9: flows\[0\]\.nodes\[1\]: cycle: hotels -> quote -> "
                         r"hotels; each waits for the next \(hotels is at \d+:9, quote is at")


if __name__ == "__main__":
    report.main()
