#!/usr/bin/env python3
"""Gray releases with real processes: who gets which version, and what bad news leads to."""

import hashlib
import hmac
import http.client
import json
import os
import re
import resource
import signal
import threading
import time
from unittest import mock

import report
from harness import SystemTest, Sluice, gateway_config, run_sluice, wait_until
from origin import answer, answering

SECRET = "a secret of the tests"
KEYS = 400


def signed(lane, expires, release="v2"):
    text = f"{release}\n{lane}\n{expires}".encode()
    signature = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    return f"{lane}; exp={expires}; sig={signature}"


class Traffic:
    """So many requests a second, from users of their own, until it is stopped."""

    def __init__(self, test, sluice, per_second):
        self.address = sluice.address
        self.interval = 1 / per_second
        self.seen = []  # (time, version, status)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        test.addCleanup(self.stop)

    def _run(self):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        due = time.monotonic()
        number = 0
        while not self._stopping.is_set():
            number += 1
            try:
                connection.request("GET", "/", headers={"x-user-id": f"user-{number}"})
                response = connection.getresponse()
                body = response.read().decode()
                self.seen.append((time.monotonic(), body, response.status))
            except OSError:
                connection.close()
            due += self.interval
            self._stopping.wait(max(0, due - time.monotonic()))
        connection.close()

    def stop(self):
        self._stopping.set()
        self._thread.join()


class Releases(SystemTest):
    def gateway(self, *, steps=None, candidate=None, workers=1, start=True, log=False,
                next_upstream=None, listener=None, **release):
        """Two versions, of which `v2` is released; `steps` are weights, baked for an hour."""
        self.stable = self.origin(answering(lambda request: answer(body=b"stable")))
        handler = candidate or (lambda request: answer(body=b"candidate"))
        self.candidate = self.origin(answering(handler))
        config = self.config(steps or [10], workers, log, release)
        config["upstreams"][1].update(next_upstream or {})
        config["listeners"][0].update(listener or {})
        sluice = self.sluice(config)
        if start:
            self.order(sluice, "start")
            self.wait_state(sluice, "baking")
        return sluice

    def config(self, steps, workers=1, log=False, release=None):
        config = gateway_config(self.stable.address, workers=workers)
        config["upstreams"].append({"name": "next", "endpoints": [self.candidate.address]})
        if log:
            config["telemetry"]["access_log"]["path"] = "access.log"
        config["releases"] = [{
            "name": "v2", "stable": "origin", "candidate": "next",
            "key": [{"header": "x-user-id"}], "on_missing_key": "stable",
            "steps": [step if isinstance(step, dict) else {"weight_percent": step, "bake": "1h"}
                      for step in steps],
            **(release or {})}]
        return config

    def order(self, sluice, command, **body):
        status, text = sluice.post(f"/api/v1/releases/v2/{command}", body)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def reload(self, sluice, config):
        sluice.write(config)
        status, text = sluice.post("/api/v1/reload")
        self.assertEqual(status, 200, text)

    def again(self, sluice, config=None):
        """The same gateway, which has ended, once more."""
        config = config or sluice.config_path.read_text(encoding="utf-8")
        again = Sluice(config, sluice.directory)
        self.addCleanup(again.stop)
        wait_until(lambda: len(re.findall(r" serving version=", again.said())) == 2, "serving", 20)
        return again

    def state(self, sluice):
        return sluice.page("/api/v1/releases/v2")

    def wait_state(self, sluice, state, seconds=15):
        wait_until(lambda: self.state(sluice)["state"] == state, f"the state {state}", seconds)

    def version(self, sluice, user, target="/", headers=()):
        sent = [("x-user-id", user), *headers] if user else list(headers)
        return self.get(sluice, target, headers=sent).body.decode()

    def versions(self, sluice, count=KEYS):
        client = self.client(sluice)
        return [client.request("GET", "/", [("x-user-id", f"user-{i}")]).body.decode()
                for i in range(count)]

    def test_g4_two_gateways_agree_about_every_user(self):
        first = self.gateway(steps=[30], workers=2)
        second = self.sluice(self.config([30]))
        self.order(second, "start")
        self.wait_state(second, "baking")
        one, two = self.versions(first), self.versions(second)
        self.assertEqual(one, two)
        share = one.count("candidate") / KEYS
        self.assertAlmostEqual(share, 0.30, delta=4 * (0.3 * 0.7 / KEYS) ** 0.5)

    def test_g2_a_user_sees_one_version(self):
        sluice = self.gateway(steps=[50], workers=2)
        for user in ("anna", "bert", "carl", "dora", "emil"):
            self.assertEqual(len({self.version(sluice, user) for _ in range(10)}), 1)

    def test_before_the_start_and_after_an_abort_everybody_gets_stable(self):
        sluice = self.gateway(steps=[100], start=False)
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})
        self.order(sluice, "start", actor="ann", reason="monday")
        self.wait_state(sluice, "baking")
        self.assertEqual(set(self.versions(sluice, 50)), {"candidate"})
        self.order(sluice, "abort")
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})
        history = sluice.page("/api/v1/releases/v2/history")["history"]
        self.assertEqual((history[0]["to"], history[0]["actor"], history[0]["sentence"]),
                         ("pending", "ann", "monday"))
        self.assertEqual([entry["generation"] for entry in history],
                         list(range(1, len(history) + 1)))

    def test_g7_g9_rules_come_before_weights(self):
        sluice = self.gateway(
            steps=[0, 1],
            match=[{"headers": [{"name": "x-beta", "exact": "yes"}]}],
            never=[{"path_prefix": "/pay"}])
        self.assertEqual(self.version(sluice, "anna"), "stable")
        self.assertEqual(self.version(sluice, "anna", headers=[("x-beta", "yes")]), "candidate")
        self.assertEqual(self.version(sluice, "anna", "/pay/now", [("x-beta", "yes")]), "stable")
        self.assertEqual(sluice.metric("sluice_release_requests_total", cause="matched"), 1)
        self.assertEqual(sluice.metric("sluice_release_requests_total", cause="denied"), 1)

    def test_g8_only_signed_orders_choose_a_version(self):
        secret = self.directory() / "secret"
        secret.write_text(SECRET + "\n", encoding="utf-8")
        sluice = self.gateway(steps=[0, 1], order_secret_file=str(secret), control_percent=0,
                              log=True)
        later, before = int(time.time()) + 600, int(time.time()) - 1
        for order, version in (("canary", "stable"), (signed("canary", later), "candidate"),
                               (signed("canary", before), "stable"),
                               (signed("canary", later, "v3"), "stable")):
            got = self.version(sluice, "anna", headers=[("x-sluice-lane", order)])
            self.assertEqual(got, version, order)
        self.assertTrue(all(request.header("x-sluice-lane") is None
                            for request in self.stable.requests + self.candidate.requests))
        said = [line["release"] for line in self.wait_log(sluice, 4)]
        self.assertEqual(said, ["stable:S", "candidate:F", "stable:S", "stable:S"])

    def test_a_proxy_answers_for_its_header_and_not_for_cookies(self):
        sluice = self.gateway(steps=[0, 1], listener={"trusted_proxies": ["127.0.0.0/8"]})
        for sent, version in ((("x-sluice-lane", "canary"), "candidate"),
                              (("Cookie", "sluice_lane=canary"), "stable")):
            self.assertEqual(self.version(sluice, "anna", headers=[sent]), version, sent)

    def test_rules_too_reach_the_candidate_only_while_the_release_is_under_way(self):
        rule = [("x-beta", "yes")]
        sluice = self.gateway(steps=[0, 1], start=False,
                              match=[{"headers": [{"name": "x-beta", "exact": "yes"}]}])
        self.assertEqual(self.version(sluice, "anna", headers=rule), "stable")
        self.order(sluice, "start")
        self.wait_state(sluice, "baking")
        self.assertEqual(self.version(sluice, "anna", headers=rule), "candidate")
        self.order(sluice, "abort")
        self.assertEqual(self.version(sluice, "anna", headers=rule), "stable")

    def test_a_disk_that_refuses_writes_does_not_keep_a_rollback(self):
        real = os.environ["SLUICE_BIN"]
        wrapper = self.directory() / "sluice"
        wrapper.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{real}' \"$@\"\n", encoding="utf-8")
        wrapper.chmod(0o755)
        broken = threading.Event()
        with mock.patch.dict(os.environ, {"SLUICE_BIN": str(wrapper)}):
            sluice = self.gateway(
                steps=[{"weight_percent": 10, "bake": "0s", "approve": "manual"},
                       {"weight_percent": 50, "bake": "1h"}],
                judge={"min_samples": 0},
                candidate=lambda request: answer(500, b"candidate") if broken.is_set()
                else answer(body=b"candidate"))
        self.wait_state(sluice, "paused")
        before = self.versions(sluice, 100)
        self.assertIn("candidate", before)
        journal = sluice.directory / "sluice-data" / "state" / "releases.1.log"
        size = max(journal.stat().st_size, sluice.errors_path.stat().st_size)
        soft, hard = resource.prlimit(sluice.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(sluice.pid, resource.RLIMIT_FSIZE, (size, hard))
        self.order(sluice, "approve")
        self.wait_state(sluice, "routing")
        self.assertEqual(self.versions(sluice, 100), before)
        sluice.post("/api/v1/reload")
        self.assertEqual(self.versions(sluice, 100), before)
        broken.set()
        wait_until(lambda: set(self.versions(sluice, 100)) == {"stable"}, "the rollback")
        self.assertEqual(self.state(sluice)["state"], "aborting")
        resource.prlimit(sluice.pid, resource.RLIMIT_FSIZE, (soft, hard))
        self.wait_state(sluice, "rolled_back")

    def test_a_completed_release_does_not_speak_for_another_candidate(self):
        sluice = self.gateway(steps=[{"weight_percent": 100, "bake": "0s"}],
                              judge={"min_samples": 0}, version="v2", start=False)
        self.order(sluice, "start")
        self.wait_state(sluice, "completed")
        self.assertEqual(set(self.versions(sluice, 50)), {"candidate"})
        self.reload(sluice, self.config([100], release={"version": "v2"}))
        self.assertEqual(set(self.versions(sluice, 50)), {"candidate"})
        self.reload(sluice, self.config([100], release={"version": "v3"}))
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})
        self.assertEqual(self.state(sluice)["state"], "draft")
        watch = run_sluice("release", "show", "v2", "--watch", "--admin", sluice.admin)
        self.assertEqual(watch.returncode, 4, watch.stdout)
        history = sluice.page("/api/v1/releases/v2/history")["history"]
        self.assertEqual((history[-1]["to"], history[-1]["reason"]), ("draft", "superseded"))

    def test_a_release_that_was_taken_out_while_nothing_ran_has_ended(self):
        sluice = self.gateway(steps=[100])
        with_it = sluice.config_path.read_text(encoding="utf-8")
        sluice.signal(signal.SIGKILL)
        sluice.wait()
        config = self.config([100])
        config["releases"][0]["name"] = "other"
        again = self.again(sluice, config)
        self.reload(again, with_it)
        self.assertEqual(set(self.versions(again, 50)), {"stable"})
        self.wait_state(again, "rolled_back")

    def test_an_identity_is_given_and_kept(self):
        sluice = self.gateway(steps=[50], on_missing_key="issue_cookie")
        got = self.get(sluice)
        cookie = got.header("set-cookie")
        self.assertRegex(cookie, r"^sluice_uid=[\w-]{22}; Path=/; Max-Age=2592000; HttpOnly")
        identity = cookie.split(";")[0]
        for _ in range(5):
            again = self.get(sluice, headers=[("Cookie", identity)])
            self.assertEqual(again.body, got.body)
            self.assertIsNone(again.header("set-cookie"))
        self.assertEqual(sluice.metric("sluice_release_key_source_total", source="issued"), 1)

    def test_g11_without_a_healthy_candidate_stable_answers_and_the_release_ends(self):
        sluice = self.gateway(steps=[100], next_upstream={
            "health_check": {"path": "/", "interval": "50ms", "unhealthy_after": 1,
                             "healthy_after": 1}})
        client = self.client(sluice)
        self.candidate.close()
        wait_until(lambda: sluice.metric("sluice_endpoint_available_ratio", upstream="next") == 0,
                   "the candidate to be unhealthy")
        for i in range(20):
            got = client.request("GET", "/", [("x-user-id", f"user-{i}")])
            self.assertEqual((got.status, got.body), (200, b"stable"))
        self.wait_state(sluice, "rolled_back")
        self.assertEqual(self.state(sluice)["reason"], "endpoint_loss")

    def test_protected_requests_are_sent_once_more_to_stable(self):
        sluice = self.gateway(steps=[100], protect=True,
                              candidate=lambda request: answer(503, b"broken"))
        client = self.client(sluice)
        for i in range(5):
            got = client.request("GET", "/", [("x-user-id", f"u{i}")])
            self.assertEqual((got.status, got.body), (200, b"stable"))
        posted = client.request("POST", "/", [("x-user-id", "u")], b"{}")
        self.assertEqual(posted.status, 503)
        self.assertEqual(sluice.metric("sluice_release_requests_total", cause="repeated"), 5)
        wait_until(lambda: self.state(sluice)["metrics"][0]["candidate_events"] >= 5,
                   "the judge to have seen the failures")

    def test_g14_a_broken_candidate_is_gone_within_three_seconds(self):
        broken = threading.Event()
        sluice = self.gateway(
            candidate=lambda request: answer(500, b"candidate") if broken.is_set()
            else answer(body=b"candidate"))
        traffic = Traffic(self, sluice, per_second=100)
        wait_until(lambda: len(traffic.seen) > 200, "some traffic", 20)
        broken.set()
        self.wait_state(sluice, "rolled_back", 20)
        wait_until(lambda: traffic.seen[-1][0] > traffic.seen[0][0] + 1, "more traffic")
        time.sleep(1)  # So that a request to the candidate that should not be would be seen.
        traffic.stop()
        failures = [at for at, _, status in traffic.seen if status == 500]
        self.assertGreater(len(failures), 0)
        last = max(at for at, version, _ in traffic.seen if version == "candidate")
        self.assertLess(last - failures[0], 3)
        said = self.state(sluice)
        self.assertRegex(said["why"], r"^FAIL (errors: candidate .* vs stable|guard: )")
        self.assertRegex(sluice.said(), r"release_rolled_back name=v2")
        # G23: it does not start again by itself, nor unforced.
        status, text = sluice.post("/api/v1/releases/v2/start")
        self.assertEqual(status, 409, text)
        refused = run_sluice("release", "start", "v2", "--admin", sluice.admin)
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("aborted", refused.stderr)
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})

    def test_g19_a_killed_gateway_goes_on_with_the_same_weight(self):
        sluice = self.gateway(steps=[30])
        before = self.versions(sluice)
        wait_until(lambda: self.state(sluice)["exposed_seconds"] >= 2, "some baking")
        metrics = self.state(sluice)["metrics"]
        sluice.signal(signal.SIGKILL)
        sluice.wait()
        again = self.again(sluice)
        self.assertEqual(self.versions(again), before)
        after = self.state(again)
        self.assertGreaterEqual(after["exposed_seconds"], 2)
        self.assertGreaterEqual(after["metrics"][0]["candidate_requests"],
                                metrics[0]["candidate_requests"])
        self.assertIn("release_resumed name=v2 state=baking weight_percent=30", again.said())

    def test_g13_a_healthy_release_completes_and_can_be_undone(self):
        steps = [{"weight_percent": weight, "bake": "1s"} for weight in (1, 50, 100)]
        sluice = self.gateway(steps=steps, judge={"min_samples": 0})
        watch = run_sluice("release", "show", "v2", "--watch", "--interval", "0.2",
                           "--admin", sluice.admin, seconds=40)
        self.assertEqual(watch.returncode, 0, watch.stderr)
        self.assertEqual(set(self.versions(sluice, 50)), {"candidate"})
        history = sluice.page("/api/v1/releases/v2/history")["history"]
        self.assertEqual([entry["to"] for entry in history],
                         ["pending", "warming"] + ["routing", "baking"] * 3
                         + ["promoting", "completed"])
        undone = run_sluice("release", "undo", "v2", "--reason", "a test", "--admin", sluice.admin)
        self.assertEqual(undone.returncode, 0, undone.stderr)
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})

    def test_a_manual_step_waits_and_a_stale_order_is_refused(self):
        sluice = self.gateway(
            steps=[{"weight_percent": 10, "bake": "0s", "approve": "manual"},
                   {"weight_percent": 20, "bake": "1h"}], judge={"min_samples": 0})
        self.wait_state(sluice, "paused")
        for watch in ([], ["--watch"]):
            held = run_sluice("release", "show", "v2", *watch, "--admin", sluice.admin)
            self.assertEqual(held.returncode, 4, held.stdout)
        stale = run_sluice("release", "approve", "v2", "--if-generation", "1",
                           "--admin", sluice.admin)
        self.assertEqual(stale.returncode, 5, stale.stderr)
        run_sluice("release", "approve", "v2", "--admin", sluice.admin)
        wait_until(lambda: self.state(sluice)["weight_percent"] == 20, "the next step")

    def test_another_plan_ends_the_run_before_it_counts(self):
        sluice = self.gateway(steps=[50])
        sluice.write(self.config([60]))
        status, text = sluice.post("/api/v1/reload")
        self.assertEqual(status, 200, text)
        self.assertEqual(set(self.versions(sluice, 50)), {"stable"})
        self.wait_state(sluice, "rolled_back")
        self.assertEqual(self.state(sluice)["reason"], "superseded")
        self.order(sluice, "start")
        self.wait_state(sluice, "baking")
        self.assertEqual(self.state(sluice)["weight_percent"], 60)

    def test_a_reload_of_the_same_plan_changes_nothing(self):
        sluice = self.gateway(steps=[50])
        before = self.versions(sluice, 100)
        status, _ = sluice.post("/api/v1/reload")
        self.assertEqual(status, 200)
        self.assertEqual(self.versions(sluice, 100), before)
        self.assertEqual(self.state(sluice)["state"], "baking")

    def test_events_are_streamed(self):
        sluice = self.gateway(steps=[50])
        connection = http.client.HTTPConnection(sluice.admin, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1/events?after=0")
        response = connection.getresponse()
        self.assertEqual(response.getheader("content-type"), "text/event-stream")
        seen = []

        def read_until(state):
            while True:
                line = response.readline().decode()
                self.assertNotEqual(line, "")
                if line.startswith("data: {"):
                    seen.append(json.loads(line[6:])["to"])
                    if seen[-1] == state:
                        return

        read_until("baking")
        self.assertEqual(seen, ["pending", "warming", "routing", "baking"])
        self.order(sluice, "pause", actor="ann")
        read_until("paused")

    def test_explain_tells_what_a_user_gets(self):
        sluice = self.gateway(steps=[50])
        told = run_sluice("release", "explain", "v2", "--key", "user-1", "--json",
                          "--admin", sluice.admin)
        self.assertEqual(told.returncode, 0, told.stderr)
        key = json.loads(told.stdout)["key"]
        expected = "candidate" if key["arm"] == "candidate" else "stable"
        self.assertEqual(self.version(sluice, "user-1"), expected)

    def test_damaged_state_sends_nobody_to_the_candidate(self):
        sluice = self.gateway(steps=[100])
        sluice.signal(signal.SIGKILL)
        sluice.wait()
        journal = sluice.directory / "sluice-data" / "state" / "releases.1.log"
        data = bytearray(journal.read_bytes())
        data[len(data) // 2] ^= 1
        journal.write_bytes(data)
        again = self.again(sluice)
        self.assertEqual(set(self.versions(again, 50)), {"stable"})
        self.assertEqual(self.state(again)["state"], "suspended")
        self.assertIn("state_recovered store=releases health=damaged", again.said())

    def test_state_of_which_nothing_can_be_read_is_not_gone_on_from(self):
        sluice = self.gateway(steps=[100])
        sluice.signal(signal.SIGKILL)
        sluice.wait()
        for file in (sluice.directory / "sluice-data" / "state").iterdir():
            file.write_bytes(b"\xff" * 4096)
        again = self.again(sluice)
        self.assertEqual(set(self.versions(again, 50)), {"stable"})
        self.assertEqual(self.state(again)["state"], "suspended")
        self.assertEqual(again.metric("sluice_release_state_health", health="damaged"), 1)
        status, text = again.post("/api/v1/releases/v2/start")
        self.assertEqual(status, 409, text)
        self.assertRegex(again.said(), r"release_order_refused name=v2 order=start")
        # What is written down from now on is whole: another release has nothing to do with it.
        config = json.loads(again.config_path.read_text(encoding="utf-8"))
        config["releases"][0]["name"] = "v3"
        self.reload(again, config)
        self.assertEqual(again.page("/api/v1/releases/v3")["state"], "draft")

    def test_a_folder_that_cannot_be_written_refuses_the_start(self):
        self.stable = self.origin()
        self.candidate = self.origin()
        config = self.config([10])
        config["data_dir"] = "/proc/nowhere"
        sluice = self.start(config)
        self.assertNotEqual(sluice.wait(20), 0)
        self.assertIn("data_dir: what releases must remember cannot be kept", sluice.said())
        self.assertFalse(os.path.exists("/proc/nowhere"))


if __name__ == "__main__":
    report.main()
