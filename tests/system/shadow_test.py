#!/usr/bin/env python3
"""Adoption without fear: what shadow rules would have refused, and that they refuse nobody."""

import json
import os
import re
import subprocess
import threading
import time

import report
from client import Client
from harness import (ROOT, Sluice, SystemTest, gateway_config, program, run_sluice,
                     wait_until)
from origin import answer, answering
from servers import free_port

RULE = {"name": "per-user", "key": [{"header": "x-user-id"}], "limit": 1, "period": "1m",
        "burst": 1, "mode": "shadow"}


class Told(SystemTest):
    """What `sluice status --would-have` says."""

    def told(self, gateway, *options):
        done = run_sluice("status", "--would-have", "--admin", gateway.admin, *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def rules(self, gateway):
        rules = json.loads(self.told(gateway, "--json"))["rules"]
        return {rule["rule"]: rule for rule in rules}

    def rule(self, gateway, name):
        return self.rules(gateway)[name]

    def quick(self, handler=None, address=None):
        """`sluice serve --upstream`, without a file."""
        gateway = Sluice.__new__(Sluice)
        gateway.directory = self.directory()
        address = address or self.origin(handler).address
        gateway.start_command(["serve", "--upstream", f"http://{address}",
                               "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(gateway.stop)
        return gateway.wait_serving()

    def at_once(self, gateway, count, listener="public"):
        """The answers to `count` requests that are all under way at once."""
        clients = [self.client(gateway.address_of(listener)) for _ in range(count)]
        answers = [None] * count

        def ask(index):
            answers[index] = clients[index].request()

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


class WouldHave(Told):
    def gateway(self, mode):
        origin = self.origin()
        return self.sluice(gateway_config(
            origin.address, route={"rate_limits": ["per-user"]},
            upstream={"circuit_breaker": {"mode": mode}},
            rate_limits=[{**RULE, "mode": mode}]))

    def statuses(self, gateway, count):
        client = self.client(gateway)
        return [client.request(headers=[("x-user-id", "ann")]).status for _ in range(count)]

    def test_a_shadow_rule_refuses_nobody_and_tells_whom_it_would_have_refused(self):
        gateway = self.gateway("shadow")
        self.assertEqual(self.statuses(gateway, 10), [200] * 10)
        found = self.rule(gateway, "rate_limit/per-user")
        self.assertEqual(
            (found["mode"], found["asked"], found["refused"], found["would_refuse"]),
            ("shadow", 10, 0, 9))
        self.assertIn("more than 1 a minute, burst 1; busiest: ann", found["why"])
        # A breaker counts a call once its answer is through.
        wait_until(lambda: self.rule(gateway, "breaker/origin")["asked"] == 10, "all counted")
        self.assertEqual(self.rule(gateway, "breaker/origin")["would_refuse"], 0)

    def test_the_rule_that_would_refuse_most_comes_first_in_the_table(self):
        gateway = self.gateway("shadow")
        self.statuses(gateway, 4)
        lines = self.told(gateway).splitlines()
        self.assertRegex(lines[1], r"^rate_limit/per-user +shadow +4 +0 +3 +75\.0%  more than 1 a")

    def test_an_enforced_rule_tells_what_it_refused(self):
        gateway = self.gateway("enforce")
        self.assertEqual(self.statuses(gateway, 4), [200, 429, 429, 429])
        found = self.rule(gateway, "rate_limit/per-user")
        self.assertEqual((found["mode"], found["refused"], found["would_refuse"]),
                         ("enforce", 3, 0))

    def test_a_service_behind_upstream_learns_what_its_clients_ask(self):
        gateway = self.quick()
        self.assertEqual(
            self.rule(gateway, "rate_limit/per-client")["why"],
            "refuses nobody yet: learns for 5 min from the first request on")
        client = self.client(gateway.address_of("default"))
        for _ in range(300):
            self.assertEqual(client.request().status, 200)
        found = wait_until(lambda: self.learning(gateway), "a lesson", seconds=10)
        # These hundreds are the lesson: nobody is told that they would have been refused.
        self.assertEqual((found["mode"], found["asked"], found["would_refuse"]),
                         ("shadow", 300, 0))

    def learning(self, gateway):
        found = self.rule(gateway, "rate_limit/per-client")
        return found if re.search(
            r"^refuses nobody yet: learns for 4 min \d+ s more; so far \d{2,} a second, burst \d+ "
            r"\(the busiest key asked [\d.]+/s\); busiest: 127\.0\.0\.1 with ",
            found["why"]) else None

    def learner(self, length):
        rule = {**RULE, "limit": 100, "burst": 20, "cost": 5, "learn": {"for": length}}
        return self.sluice(gateway_config(
            self.origin().address, route={"rate_limits": ["per-user"]}, rate_limits=[rule]))

    def test_a_rule_that_learns_keeps_its_burst_and_counts_costs(self):
        gateway = self.learner("1m")
        self.assertEqual(self.statuses(gateway, 20), [200] * 20)
        # The peak is of requests, and the limit of tokens: five for each.
        guard = wait_until(lambda: self.lesson(gateway), "a lesson")
        self.assertGreaterEqual(guard["limit"], 60 * 2 * 5)
        self.assertEqual(guard["burst"], max(20, guard["limit"] // 60))
        self.assertEqual(guard["decisions"]["would_deny"], 0)

    def lesson(self, gateway):
        guard = gateway.guard("per-user")
        return guard if guard.get("learnt", {}).get("peak_per_second", 0) >= 1 else None

    def test_what_was_learnt_counts_when_the_lesson_is_over(self):
        gateway = self.learner("1s")
        self.statuses(gateway, 5)
        gateway.wait_said(r"rate_limit_learning name=per-user seconds=1\n")
        gateway.wait_said(r"rate_limit_learnt name=per-user limit=\d+ peak_per_second=[\d.]+\n")
        self.assertEqual(self.rule(gateway, "rate_limit/per-user")["would_refuse"], 0)
        # The busiest second had five, so a minute may have some hundreds of them, and a burst of
        # ten or so: not two hundred.
        self.assertEqual(self.statuses(gateway, 200), [200] * 200)
        rule = self.rule(gateway, "rate_limit/per-user")
        self.assertGreater(rule["would_refuse"], 50)
        self.assertRegex(rule["why"], r"^more than \d+ a minute, burst \d+ \(learnt; the busiest ")

    def test_no_gateway_is_told_with_exit_code_3(self):
        done = run_sluice("status", "--would-have", "--admin", "127.0.0.1:1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no answer from the admin API at 127.0.0.1:1", done.stderr)


def slow(request):
    del request
    time.sleep(0.05)
    return answer(body=b"ok")


class EveryGuard(Told):
    """No guard is left out, and none is told to be in another mode than it is in."""

    KINDS = {"rate_limit/log", "rate_limit/month", "rate_limit/even", "concurrency/one",
             "overload/one", "overload/shed", "system/concurrency", "admission_control/origin",
             "breaker/origin", "outlier_detection/origin"}

    def gateway(self, mode):
        by_user = {"key": [{"header": "x-user-id"}], "mode": mode}
        return self.sluice(gateway_config(
            self.origin(answering(slow)).address,
            upstream={"circuit_breaker": {"mode": mode, "key": [{"header": "x-user-id"}]},
                      "concurrency_limits": ["one"], "admission_control": {"mode": mode},
                      "outlier_detection": {"mode": mode}},
            route={"rate_limits": ["log", "month", "even"]},
            rate_limits=[
                {"name": "log", "algorithm": "sliding_log", "limit": 64, "period": "1s", **by_user},
                {"name": "month", "algorithm": "fixed_window", "limit": 10000, "period": "month",
                 **by_user},
                {"name": "even", "algorithm": "pacing", "limit": 1000, "mode": mode}],
            concurrency_limits=[{"name": "one", "algorithm": "fixed", "limit": 1, "mode": mode}],
            overload={"mode": mode, "system": {"max_concurrency": 1000}}))

    def test_each_has_a_row_with_its_mode_and_when_it_refuses(self):
        gateway = self.gateway("shadow")
        self.assertEqual([got.status for got in self.at_once(gateway, 5)], [200] * 5)
        rules = self.rules(gateway)
        self.assertEqual(set(rules), self.KINDS)
        for name, rule in rules.items():
            with self.subTest(name):
                self.assertEqual((rule["mode"], rule["refused"]), ("shadow", 0))
                self.assertTrue(rule["why"])
        self.assertGreater(rules["concurrency/one"]["would_refuse"], 0)
        self.assertIn("more than 1 at once (fixed)", rules["concurrency/one"]["why"])
        self.assertEqual(rules["rate_limit/month"]["why"].split(";")[0],
                         "more than 10000 a month of the calendar (UTC)")
        self.assertIn("1 key not closed", rules["breaker/origin"]["why"])

    def test_the_gate_before_a_limit_is_told_as_itself(self):
        gateway = self.gateway("enforce")

        def shed():
            return any(got.header("x-sluice-reason") == "overload/one"
                       for got in self.at_once(gateway, 8))

        wait_until(shed, "a refusal of the gate before the limit", seconds=20)
        rule = self.rule(gateway, "overload/one")
        self.assertEqual(rule["refused"], gateway.metric(
            "sluice_guard_decisions_total", guard="overload", rule="one", decision="denied"))
        self.assertGreater(rule["refused"], 0)
        self.assertIn("concurrency/one has no slots left", rule["why"])

    def test_top_shows_them_all_with_their_state(self):
        gateway = self.gateway("shadow")
        self.at_once(gateway, 2)
        done = run_sluice("top", "--count", "1", "--admin", gateway.admin)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = {line.split()[0]: line for line in done.stdout.splitlines() if "/" in line}
        self.assertLessEqual(self.KINDS, set(rows))
        for name in self.KINDS:
            self.assertRegex(rows[name], rf"^{name} +shadow +\S")
        self.assertRegex(rows["breaker/origin"], r" 1 key, closed ")
        self.assertRegex(rows["rate_limit/log"], r" 1 key ")
        self.assertRegex(rows["concurrency/one"], r" 0 of 1 busy ")


class Adoption(Told):
    """`sluice serve --upstream` before a service in trouble: its users see its own answers only."""

    def assert_untouched(self, answers, status):
        """As the service gave them: no guard has refused, delayed or replaced one."""
        for got in answers:
            self.assertEqual(got.status, status)
            for name in ("x-sluice-reason", "x-sluice-degraded", "retry-after"):
                self.assertIsNone(got.header(name), name)

    def would_refuse(self, gateway):
        """By rule, those that would have refused somebody."""
        rules = self.rules(gateway)
        for rule in rules.values():
            self.assertEqual((rule["mode"], rule["refused"]), ("shadow", 0), rule)
        return {name: rule for name, rule in rules.items() if rule["would_refuse"]}

    def test_a_failing_service(self):
        gateway = self.quick(answering(lambda _: answer(500, b"sorry")))
        for _ in range(30):
            self.assert_untouched(self.at_once(gateway, 10, "default"), 500)
        found = self.would_refuse(gateway)
        self.assertLessEqual({"breaker/default", "admission_control/default"}, set(found))
        self.assertRegex(found["breaker/default"]["why"],
                         r"^50 % of the calls fail or 80 % are slow; "
                         r"now open: 100 % of \d+ calls failed")
        self.assertRegex(found["admission_control/default"]["why"],
                         r"^less than 95 % of the calls of 30 s succeed, of 150 or more; "
                         r"of late: 0 % of 300 calls$")
        self.assertEqual(
            gateway.metric("sluice_breaker_would_refuse_total", rule="default"),
            found["breaker/default"]["would_refuse"])
        # Of the client nothing is known yet.
        self.assertNotIn("rate_limit/per-client", found)

    def test_what_takes_long_or_is_large_goes_through_as_before(self):
        def reply(request):
            time.sleep(float(request.target[1:]))
            return answer(body=str(len(request.body)).encode())

        client = self.client(self.quick(answering(reply)).address_of("default"))
        large = 11 << 20  # More than a listener takes by default.
        self.assertEqual(client.request("POST", "/0.1", body=b"x" * large).body, b"%d" % large)

    def test_a_slow_service(self):
        def reply(_):
            time.sleep(1.1)
            return answer(body=b"at last")

        gateway = self.quick(answering(reply))
        for _ in range(2):
            self.assert_untouched(self.at_once(gateway, 25, "default"), 200)
        found = self.would_refuse(gateway)
        self.assertIn("breaker/default", found)
        self.assertRegex(found["breaker/default"]["why"],
                         r"; now open: 0 % of \d+ calls failed, 100 % were slow; ")

    def test_a_service_that_is_down(self):
        gateway = self.quick(address=f"127.0.0.1:{free_port()}")
        for _ in range(30):
            for got in self.at_once(gateway, 10, "default"):
                self.assertEqual(got.status, 502)
                self.assertEqual(got.header("x-sluice-reason"), "upstream_connect_failed")
        self.assertLessEqual({"breaker/default", "admission_control/default"},
                             set(self.would_refuse(gateway)))

    def documented(self):
        """The commands of docs/operations.md, "From shadow to enforce", line by line."""
        page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        section = page.split("## From shadow to enforce\n", 1)[1].split("\n## ", 1)[0]
        blocks = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        return [line for block in blocks for line in block.splitlines()]

    def shell(self, gateway, command):
        """Runs a documented command, `sluice` being this build before this gateway."""
        script = f"""
            sluice() {{
              if [ "$1" = check ]; then "$SLUICE" "$@"
              else "$SLUICE" "$@" --admin {gateway.admin}; fi
            }}
            {command}
            """
        done = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, check=False, timeout=30,
            cwd=gateway.directory, env={**os.environ, "SLUICE": program("SLUICE_BIN", "sluice")})
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def test_the_way_from_shadow_to_enforce_is_as_documented(self):
        start, *commands = self.documented()
        self.assertRegex(start, r"^sluice serve --upstream http://127\.0\.0\.1:\d+$")
        gateway = self.quick(answering(lambda _: answer(500, b"sorry")))
        for _ in range(5):
            self.assert_untouched(self.at_once(gateway, 10, "default"), 500)
        told = "".join(self.shell(gateway, command) for command in commands)
        self.assertRegex(told, r"(?m)^breaker/default +shadow +50 +0 +\d+ ")
        self.assertIn("sluice.yaml is in force\n", told)
        # The breaker refuses now, and the others go on watching.
        rules = self.rules(gateway)
        self.assertEqual({name for name, rule in rules.items() if rule["mode"] == "enforce"},
                         {"breaker/default"})

        def refused():
            return any(got.header("x-sluice-reason") == "breaker/default"
                       for got in self.at_once(gateway, 10, "default"))

        wait_until(refused, "a refusal")

    def test_what_was_learnt_is_written_down_as_a_limit(self):
        rule = {**RULE, "learn": {"for": "1s"}}
        gateway = self.sluice(gateway_config(
            self.origin().address, route={"rate_limits": ["per-user"]}, rate_limits=[rule]))
        command = ("config", "running", "--admin", gateway.admin)
        done = run_sluice(*command)
        self.assertIn("rate_limits `per-user` still learns, for 1 s from the first request on",
                      done.stderr)
        self.assertIn("learn:", done.stdout)
        client = self.client(gateway)
        for _ in range(20):
            client.request(headers=[("x-user-id", "ann")])
        gateway.wait_said(r"rate_limit_learnt name=per-user")
        done = run_sluice(*command)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("learn:", done.stdout)
        limit = gateway.guard("per-user")["limit"]
        self.assertRegex(done.stdout, rf"(?m)^    limit: {limit}$")
        path = gateway.directory / "running.yaml"
        path.write_text(done.stdout, encoding="utf-8")
        self.assertEqual(run_sluice("check", path).stderr, "")


if __name__ == "__main__":
    report.main()
