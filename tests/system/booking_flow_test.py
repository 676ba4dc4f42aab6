#!/usr/bin/env python3
"""The booking of examples/booking in C++ and as a flow: the same answers, whatever dies."""

import json
import signal

import report
from harness import ROOT, SystemTest, run_sluice, wait_until
from servers import start_booking, start_booking_services

CONFIG = ROOT / "examples/booking/sluice.yaml"
# Of one booking alone; a flow's `degraded` is a header field, and its bookings have no number.
ONLY_CPP = ("id", "degraded")
KEYS = ("reservation", "charge")  # Each way has keys of its own.
CALLS = ("user", "cart", "inventory", "price", "coupons", "risk", "payment", "notification")


class BookingFlow(SystemTest):
    def setUp(self):
        folder = self.directory()
        self.services, dependencies = start_booking_services(folder)
        for service in self.services.values():
            self.addCleanup(service.stop)
        environment = {"BOOKING_LISTEN": "127.0.0.1:0", "BOOKING_ADMIN": "127.0.0.1:0"}
        for role, service in self.services.items():
            environment[f"BOOKING_{role.upper()}"] = service.address
        for name in ("a", "b"):
            (folder / name).mkdir()
            desk = start_booking(folder / name, name, options=["--dependencies", dependencies])
            self.addCleanup(desk.stop)
            environment[f"BOOKING_{name.upper()}"] = desk.address
        # The machine that runs this may be slow, and is not what is compared.
        text = CONFIG.read_text(encoding="utf-8").replace("interval: 500ms", "interval: 10s")
        self.gateway = self.sluice(text, environment=environment)

    def book(self, path, order, headers=()):
        return self.get(self.gateway, path, "POST", headers, json.dumps(order).encode())

    def both(self, order):
        """What the C++ service and the flow answer."""
        return self.book("/bookings", order), self.book("/flow/bookings", order)

    def kill(self, role):
        self.services[role].process.send_signal(signal.SIGKILL)
        self.services[role].process.wait()

    def same_booking(self, order, status=201):
        """Both ways' answer to `order`; the nodes that each says it went on without."""
        by_hand, by_flow = self.both(order)
        self.assertEqual((by_hand.status, by_flow.status), (status, status),
                         (by_hand.body, by_flow.body))
        one, other = json.loads(by_hand.body), json.loads(by_flow.body)
        for key in KEYS:
            self.assertEqual(type(one[key]), type(other[key]), key)
            self.assertEqual(one.pop(key)[:2], other.pop(key)[:2], key)
        degraded = one["degraded"]
        for key in ONLY_CPP:
            del one[key]
        self.assertEqual(one, other)
        named = by_flow.header("x-sluice-degraded")
        self.assertEqual(named, f"flow/{','.join(degraded)}" if degraded else None)
        return other, degraded

    def same_failure(self, order, status):
        """The node that both name."""
        by_hand, by_flow = self.both(order)
        self.assertEqual((by_hand.status, by_flow.status), (status, status),
                         (by_hand.body, by_flow.body))
        node = json.loads(by_hand.body)["node"]
        self.assertEqual(by_flow.header("x-sluice-reason"), f"flow/{node}")
        self.assertEqual(json.loads(by_flow.body)["rule"], node)
        return node

    def test_the_same_orders_are_booked_alike(self):
        for order in ({}, {"user": "ann"}, {"user": "bob", "hotel": "belem"},
                      {"user": "eve", "hotel": "alfama", "room": "single"}):
            booking, degraded = self.same_booking(order)
            self.assertEqual((degraded, booking["needs_review"]), ([], False))
            self.assertEqual(booking["user"], order.get("user", "guest"))

    def test_without_coupons_both_cost_more(self):
        before, _ = self.same_booking({"user": "ann"})
        self.kill("coupons")
        after, degraded = self.same_booking({"user": "ann"})
        self.assertEqual((degraded, after["discount_percent"]), (["coupons"], 0))
        self.assertGreater(after["amount_cents"], before["amount_cents"])

    def test_without_risk_somebody_looks_at_both_later(self):
        self.kill("risk")
        booking, degraded = self.same_booking({"user": "ann"})
        self.assertEqual((degraded, booking["needs_review"]), (["risk"], True))

    def test_without_payment_both_fail_and_say_so(self):
        self.kill("payment")
        self.assertEqual(self.same_failure({"user": "ann"}, 503), "payment")

    def test_a_payment_that_hangs_is_late_for_both(self):
        self.services["payment"].process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.services["payment"].process.send_signal, signal.SIGCONT)
        self.assertEqual(self.same_failure({"user": "ann"}, 504), "payment")

    def test_who_may_not_book_is_told_by_both(self):
        for user, status in (("pauper", 402), ("mallory", 403)):
            answers = self.both({"user": user})
            self.assertEqual([answer.status for answer in answers], [status] * 2, user)
            self.assertFalse(json.loads(answers[1].body)["charge"], user)

    def test_a_repetition_by_its_key_is_charged_once(self):
        key = [("idempotency-key", "mine")]
        one = json.loads(self.book("/flow/bookings", {"user": "ann"}, key).body)
        again = json.loads(self.book("/flow/bookings", {"user": "ann"}, key).body)
        self.assertEqual((one["charge"], one["reservation"]), ("c-mine", "r-mine"))
        self.assertEqual(again, one)
        # Without one each booking takes a room of its own.
        rooms = [json.loads(self.book("/flow/bookings", {}).body)["reservation"] for _ in "12"]
        self.assertNotEqual(*rooms)

    def test_both_have_the_same_calls(self):
        self.same_booking({"user": "ann"})
        # A run ends with its notification, which nobody waited for.
        wait_until(lambda: self.gateway.page("/api/v1/flows/booking")["kept_runs"], "a run's end")
        flow = self.gateway.page("/api/v1/flows/booking")
        self.assertEqual(sorted(node["name"] for node in flow["nodes"]), sorted(CALLS))
        self.assertEqual([node["called"] for node in flow["nodes"]], [1] * len(CALLS))
        path = [name for name in flow["kept_runs"][0]["critical_path"] if name in CALLS]
        by_hand = json.loads(self.book("/bookings?trace=1", {"user": "ann"}).body)["timing"]
        self.assertEqual((path[-1], by_hand["critical_path"][-1]), ("payment", "payment"))
        drawn = run_sluice("dag", "render", CONFIG)
        self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))
        for name in CALLS:
            self.assertIn(f'"{name}<br/>', drawn.stdout)


if __name__ == "__main__":
    report.main()
