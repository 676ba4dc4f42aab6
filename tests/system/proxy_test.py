#!/usr/bin/env python3
"""Real clients and real servers with the gateway between them."""

import json

import report
from harness import SystemTest, gateway_config, wait_until
from servers import curl, start_booking, start_booking_services, start_nginx


class RealServers(SystemTest):
    def nginx(self, **options):
        nginx = start_nginx(self.directory(), **options)
        self.addCleanup(nginx.stop)
        return nginx

    def booking(self, name="a", **options):
        booking = start_booking(self.directory(), name, **options)
        self.addCleanup(booking.stop)
        return booking

    def test_curl_gets_a_file_of_nginx(self):
        nginx = self.nginx()
        nginx.put("page.txt", b"a page\n")
        sluice = self.sluice(gateway_config(nginx.address))
        code, body, errors = curl(f"http://{sluice.address}/page.txt")
        self.assertEqual((code, body), (0, b"a page\n"), errors)

    def test_curl_gets_large_files_byte_for_byte(self):
        nginx = self.nginx()
        data = bytes(range(256)) * 4096 * 4
        nginx.put("large.bin", data)
        sluice = self.sluice(gateway_config(nginx.address))
        code, body, errors = curl(f"http://{sluice.address}/large.bin")
        self.assertEqual(code, 0, errors)
        self.assertTrue(body == data, f"{len(body)} bytes that differ")

    def test_curl_puts_a_large_file_byte_for_byte(self):
        nginx = self.nginx()
        source = self.directory() / "source.bin"
        data = bytes(range(255, -1, -1)) * 4096 * 4
        source.write_bytes(data)
        for name, options in (("length", []), ("chunked", ["-H", "Transfer-Encoding: chunked"])):
            sluice = self.sluice(gateway_config(nginx.address))
            code, _, errors = curl(
                "--fail", "-T", source, *options, f"http://{sluice.address}/put/{name}.bin")
            self.assertEqual(code, 0, errors)
            stored = (nginx.directory / "files/put" / f"{name}.bin").read_bytes()
            self.assertTrue(stored == data, f"{name}: {len(stored)} bytes that differ")

    def test_head_no_content_and_not_modified_have_no_body(self):
        nginx = self.nginx()
        nginx.put("page.txt", b"a page\n")
        sluice = self.sluice(gateway_config(nginx.address))
        client = self.client(sluice)  # One connection: a wrong length would break the next answer.
        head = client.request("HEAD", "/page.txt")
        self.assertEqual((head.status, head.header("content-length")), (200, "7"))
        modified = head.header("last-modified")
        nothing = client.request("GET", "/nothing")
        self.assertEqual((nothing.status, nothing.header("content-length")), (204, None))
        same = client.request("GET", "/page.txt", [("If-Modified-Since", modified)])
        self.assertEqual((same.status, same.body), (304, b""))
        self.assertEqual(client.request("GET", "/page.txt").body, b"a page\n")

    def test_ranges_and_conditions_pass_through(self):
        nginx = self.nginx()
        nginx.put("page.txt", b"0123456789")
        sluice = self.sluice(gateway_config(nginx.address))
        code, body, errors = curl("-r", "2-4", f"http://{sluice.address}/page.txt")
        self.assertEqual((code, body), (0, b"234"), errors)

    def test_curl_books_at_the_booking_service(self):
        services, dependencies = start_booking_services(self.directory())
        for service in services.values():
            self.addCleanup(service.stop)
        booking = self.booking(options=["--dependencies", dependencies])
        sluice = self.sluice(gateway_config(booking.address))
        code, body, errors = curl(
            "--fail", "--json", '{"hotel":"alfama"}', f"http://{sluice.address}/bookings")
        self.assertEqual(code, 0, errors)
        booked = json.loads(body)
        self.assertEqual((booked["hotel"], booked["degraded"]), ("alfama", []))
        self.assertTrue(booked["charge"])

    def test_streamed_answers_arrive_piece_by_piece(self):
        booking = self.booking()
        sluice = self.sluice(gateway_config(booking.address))
        client = self.client(sluice)
        client.send(b"GET /stream?chunks=3&ms=400 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.socket.settimeout(5)
        first = client.socket.recv(4096)
        while first.count(b"room") < 1:
            first += client.socket.recv(4096)
        self.assertLess(first.count(b"room"), 3, "the first piece waited for the last")
        rest = first
        while b"0\r\n\r\n" not in rest:
            rest += client.socket.recv(4096)
        self.assertEqual(rest.count(b"room"), 3)

    def test_two_instances_take_turns(self):
        first, second = self.booking("a"), self.booking("b")
        config = gateway_config(first.address, second.address,
                                upstream={"load_balancing": "round_robin"})
        sluice = self.sluice(config)
        seen = [self.get(sluice, "/price/alfama").header("x-instance") for _ in range(6)]
        self.assertEqual(sorted(seen), ["a"] * 3 + ["b"] * 3)

    def test_equal_keys_go_to_the_same_instance(self):
        first, second = self.booking("a"), self.booking("b")
        sluice = self.sluice(gateway_config(
            first.address, second.address,
            upstream={"load_balancing": "ring_hash", "hash_on": {"header": "x-user-id"}}))
        homes = {}
        for number in range(60):
            user = f"user-{number % 20}"
            got = self.get(sluice, "/price/alfama", headers=[("X-User-Id", user)])
            homes.setdefault(user, set()).add(got.header("x-instance"))
        self.assertTrue(all(len(instances) == 1 for instances in homes.values()), homes)
        self.assertEqual(set().union(*homes.values()), {"a", "b"})

    def test_unix_sockets_serve_on_both_sides(self):
        folder = self.directory()
        booking = self.booking(listen=f"unix:{folder}/up.sock")
        config = gateway_config(booking.address, listener={"listen": f"unix:{folder}/down.sock"})
        config["admin"]["listen"] = f"unix:{folder}/admin.sock"
        config["workers"] = 2
        sluice = self.sluice(config)
        code, body, errors = curl("--unix-socket", folder / "down.sock", "http://any/healthz")
        self.assertEqual((code, body), (0, b"ok\n"), errors)
        code, body, errors = curl(
            "--unix-socket", folder / "admin.sock", "http://localhost/healthz")
        self.assertEqual((code, body), (0, b"ok\n"), errors)
        sluice.stop()
        self.assertFalse((folder / "down.sock").exists(), "the socket's file was left behind")
        self.assertFalse((folder / "admin.sock").exists(), "the socket's file was left behind")

    def test_an_endpoint_may_be_a_name(self):
        booking = self.booking()
        port = booking.address.rsplit(":", 1)[1]
        sluice = self.sluice(gateway_config(f"localhost:{port}"))
        self.assertEqual(self.get(sluice, "/healthz").body, b"ok\n")

    def test_a_killed_instance_is_taken_out_and_comes_back(self):
        first, second = self.booking("a"), self.booking("b")
        check = {"path": "/healthz", "interval": "50ms", "timeout": "1s", "unhealthy_after": 2,
                 "healthy_after": 1}
        config = gateway_config(
            first.address, second.address,
            upstream={"health_check": check, "healthy_panic_threshold": 0})
        sluice = self.sluice(config)

        def health(address):
            endpoints = sluice.page("/api/v1/upstreams")["upstreams"][0]["endpoints"]
            return next(e["health"] for e in endpoints if e["endpoint"] == address)

        wait_until(lambda: health(first.address) == health(second.address) == "healthy",
                   "both healthy")
        second.process.kill()
        second.process.wait()
        wait_until(lambda: health(second.address) == "unhealthy", "the dead one unhealthy")
        for _ in range(10):
            answer = self.get(sluice, "/price/alfama")
            self.assertEqual((answer.status, answer.header("x-instance")), (200, "a"))
        back = self.booking("b", listen=second.address)
        wait_until(lambda: health(back.address) == "healthy", "the new one healthy")
        seen = {self.get(sluice, "/price/alfama").header("x-instance") for _ in range(10)}
        self.assertEqual(seen, {"a", "b"})


if __name__ == "__main__":
    report.main()
