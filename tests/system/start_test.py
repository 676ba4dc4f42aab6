#!/usr/bin/env python3
"""`sluice check`, `sluice config`, and starts that must not be: one clear answer each."""

import json
import os
import re
import socket

import report
from client import Client
from harness import ROOT, Sluice, SystemTest, gateway_config, run_sluice, wait_until

BAD = """\
admin: {listen: "127.0.0.1:0"}
listeners:
  - {name: public, listen: "127.0.0.1:0"}
upstreams:
  - name: booking
    endpoints: ["127.0.0.1:9001"]
    load_balancing: robin
routes:
  - name: all
    upstream: bokking
    timeout: 5 parsecs
    rate_limitz: [none]
"""


class Check(SystemTest):
    def check(self, text, *options):
        path = self.directory() / "sluice.yaml"
        path.write_text(text)
        return run_sluice("check", path, *options), path

    def test_a_good_file_is_ok(self):
        done, path = self.check(json.dumps(gateway_config("127.0.0.1:9001")))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{path}: ok\n", ""))

    def test_the_example_is_ok(self):
        done = run_sluice("check", ROOT / "examples/booking/sluice.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_problem_is_told_at_once_with_its_place(self):
        done, path = self.check(BAD)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        lines = [x for x in done.stderr.splitlines() if not x.startswith("warning: ")]
        places = [re.match(rf"{re.escape(str(path))}:(\d+):(\d+): (\S+): ", line) for line in lines]
        self.assertTrue(all(places), lines)
        found = {(int(place[1]), place[3]) for place in places}
        self.assertLessEqual(
            {(7, "upstreams[0].load_balancing"), (10, "routes[0].upstream"),
             (11, "routes[0].timeout"), (12, "routes[0].rate_limitz")}, found)

    def test_typing_errors_get_a_suggestion(self):
        errors = self.check(BAD)[0].stderr
        self.assertIn("did you mean `booking`?", errors)
        self.assertIn("did you mean `rate_limits`?", errors)

    def test_machines_get_json(self):
        done, path = self.check(BAD, "--json")
        self.assertEqual(done.returncode, 2)
        told = json.loads(done.stdout)
        problem = next(p for p in told["problems"] if p["path"] == "routes[0].upstream")
        self.assertEqual((problem["file"], problem["line"]), (str(path), 10))
        self.assertGreater(problem["column"], 1)
        done, _ = self.check(json.dumps(gateway_config("127.0.0.1:9001")), "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["problems"]), (0, []))

    def test_two_breakers_of_one_name_are_refused(self):
        config = gateway_config("127.0.0.1:9001", upstream={"circuit_breaker": {}},
                                route={"name": "origin", "circuit_breaker": {}})
        done, _ = self.check(json.dumps(config))
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("routes[0]", done.stderr)

    def test_what_is_no_yaml_is_told_with_its_place(self):
        for text in ("routes: [", "\tlisteners: 1", "a: b: c", "listeners: &a [*b]"):
            done, path = self.check(text)
            self.assertEqual(done.returncode, 2, text)
            self.assertRegex(done.stderr, rf"^{re.escape(str(path))}:\d+:\d+: ", text)

    def test_an_unreadable_file_is_one_line(self):
        folder = self.directory()
        for path in (folder / "missing.yaml", folder):
            done = run_sluice("check", path)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(str(path), done.stderr)

    def test_variables_come_from_the_environment(self):
        text = json.dumps(gateway_config("${ENDPOINT_OF_TEST}"))
        path = self.directory() / "sluice.yaml"
        path.write_text(text)
        self.assertEqual(run_sluice("check", path).returncode, 2)
        done = run_sluice(
            "check", path, env={**os.environ, "ENDPOINT_OF_TEST": "127.0.0.1:9001"})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_shown_settings_are_a_configuration_again(self):
        path = self.directory() / "sluice.yaml"
        path.write_text(json.dumps(gateway_config("127.0.0.1:9001", workers=3)))
        for options in ([], ["--json"]):
            shown = run_sluice("config", "show", path, *options)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            again = self.directory() / "again.yaml"
            again.write_text(shown.stdout)
            self.assertEqual(run_sluice("check", again).returncode, 0)
            self.assertEqual(run_sluice("config", "show", again, *options).stdout, shown.stdout)
        self.assertEqual(json.loads(shown.stdout)["workers"], 3)

    def test_the_schema_is_json(self):
        schema = json.loads(run_sluice("config", "schema").stdout)
        self.assertIn("listeners", schema["properties"])


class CommandLine(SystemTest):
    def test_help_and_version_are_no_failures(self):
        self.assertEqual(run_sluice("--help").returncode, 0)
        version = run_sluice("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"\d+\.\d+\.\d+")

    def test_what_it_does_not_know_is_usage(self):
        for arguments in ([], ["fly"], ["serve"], ["check"], ["serve", "--config"],
                          ["serve", "--config", "a", "--upstream", "http://127.0.0.1:1"]):
            done = run_sluice(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr, arguments)

    def test_an_unknown_verb_is_named_and_the_known_ones_listed(self):
        done = run_sluice("statsu")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr.splitlines()[0],
                         "sluice: unknown verb `statsu`; did you mean `status`?")
        self.assertRegex(done.stderr.splitlines()[1], "^The verbs are: serve, check, .*, top")
        self.assertRegex(run_sluice("bogus").stderr, "^sluice: unknown verb `bogus`\n")
        self.assertRegex(run_sluice("config", "shw").stderr,
                         "^sluice config: unknown verb `shw`; did you mean `show`\\?\n")
        self.assertRegex(run_sluice().stderr, "^sluice: needs a verb\n")
        # A known verb's own mistakes are told as before.
        self.assertIn("--fast", run_sluice("status", "--fast").stderr)

    def test_a_name_that_does_not_resolve_is_told(self):
        sluice = self.sluice(gateway_config("nobody.invalid:80"))
        sluice.wait_said(r" warning resolve_failed upstream=origin host=nobody\.invalid error=")
        self.assertEqual(self.get(sluice).status, 503)
        top = run_sluice("top", "--count", "1", "--admin", sluice.admin)
        self.assertRegex(top.stdout, r"(?m)^origin +none: no name of an endpoint resolves$")

    def test_one_upstream_needs_no_file(self):
        upstream = self.origin()
        quick = Sluice.__new__(Sluice)  # Without the file that it would begin with.
        quick.directory = self.directory()
        quick.start_command(["serve", "--upstream", f"http://{upstream.address}",
                             "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(quick.stop)
        quick.wait_serving()
        address = re.search(r" listening name=\S+ address=(\S+)", quick.said())[1]
        client = self.client(address)
        self.assertEqual(client.request().body, b"ok")
        # Who has no file learns here what is there to be asked.
        shadow = quick.wait_said(r" only_watching guards=(\S+) ask=\"(.*)\"\n")
        self.assertEqual(set(shadow[1].split(",")), {
            "rate_limit/per-client", "concurrency/default", "overload/default", "overload/shed",
            "admission_control/default", "breaker/default"})  # One endpoint: nobody to eject.
        self.assertEqual(shadow[2], f"sluice status --would-have --admin {quick.admin}")

    def test_a_bad_upstream_is_usage(self):
        for upstream in ("https://127.0.0.1:1", "ftp://x", "", "127.0.0.1:99999"):
            done = run_sluice("serve", "--upstream", upstream)
            self.assertEqual((done.returncode, done.stdout), (2, ""), upstream)
            self.assertTrue(done.stderr)


class FailedStarts(SystemTest):
    def failed(self, config, code, *needles):
        """Ends by itself with `code` and exactly one line that says why."""
        sluice = self.start(config)
        wait_until(lambda: sluice.process.poll() is not None or " serving " in sluice.said(),
                   "ended", 20)
        self.assertEqual(sluice.process.poll(), code, sluice.said())
        lines = [line for line in sluice.said().splitlines() if " info " not in line]
        self.assertEqual(len(lines), 1, sluice.said())
        for needle in needles:
            self.assertIn(needle, lines[0])

    def taken(self):
        """An address that somebody listens at."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        return "127.0.0.1:%d" % holder.getsockname()[1]

    def test_a_listener_whose_port_is_in_use_is_3(self):
        address = self.taken()
        self.failed(gateway_config("127.0.0.1:1", listener={"listen": address}), 3,
                    "public", address, "in use")

    def test_an_admin_port_in_use_is_3(self):
        address = self.taken()
        self.failed(gateway_config("127.0.0.1:1", admin={"listen": address}), 3,
                    "admin.listen", address, "in use")

    def test_two_gateways_do_not_share_a_port(self):
        first = self.sluice(gateway_config(self.origin().address, workers=2))
        self.failed(
            gateway_config("127.0.0.1:1", listener={"listen": first.address}, workers=2), 3,
            first.address, "in use")
        self.assertEqual(self.get(first).status, 200)

    def test_an_address_of_another_machine_is_one_line(self):
        self.failed(gateway_config("127.0.0.1:1", listener={"listen": "192.0.2.1:0"}), 2,
                    "public", "192.0.2.1:0")

    def test_a_bad_configuration_is_2_and_told_whole(self):
        sluice = self.start(BAD)
        self.assertEqual(sluice.wait(), 2)
        self.assertIn("did you mean `booking`?", sluice.said())
        self.assertIn("rate_limitz", sluice.said())

    def test_an_unreadable_configuration_is_2(self):
        path = self.directory() / "missing.yaml"
        done = run_sluice("serve", "--config", path)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(str(path), done.stderr)

    def test_an_access_log_that_cannot_be_written_fails_the_start(self):
        config = gateway_config(
            "127.0.0.1:1", telemetry={"access_log": {"path": "missing/access.log"}})
        sluice = self.start(config)
        self.assertIn(sluice.wait(), (2, 3))
        self.assertIn("missing/access.log", sluice.said())

    def test_a_stale_unix_socket_is_replaced_but_a_live_one_kept(self):
        path = self.directory() / "public.sock"
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))  # Its file stays when it is closed.
        config = gateway_config(
            self.origin().address, listener={"listen": f"unix:{path}"})
        first = self.sluice(config)
        client = Client(f"unix:{path}")
        self.assertEqual(client.request().status, 200)
        client.close()
        self.failed(config, 3, str(path))
        client = Client(f"unix:{path}")
        self.assertEqual(client.request().status, 200)
        client.close()
        self.assertIsNone(first.process.poll())


if __name__ == "__main__":
    report.main()
