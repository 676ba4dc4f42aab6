#!/usr/bin/env python3
"""An unmodified Java service whose optional dependency dies: its users get the degraded answer.

The service and its gateway's configuration are those of examples/java-shop.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import report
from client import Client
from harness import ROOT, SystemTest, wait_until
from origin import answer, answering
from servers import free_port

SHOP = ROOT / "examples" / "java-shop"


class JavaShop(SystemTest):
    """Each case compiles nothing: the classes are those of the whole file."""

    @classmethod
    def setUpClass(cls):
        cls.classes = tempfile.TemporaryDirectory(prefix="sluice-java-")
        cls.addClassCleanup(cls.classes.cleanup)
        subprocess.run(["javac", "-d", cls.classes.name, str(SHOP / "Shop.java")],
                       check=True, timeout=120)

    def shop(self, port, url, *properties):
        """Starts the service and waits until it listens."""
        said = self.directory() / "shop.txt"
        with open(said, "wb") as output:
            process = subprocess.Popen(
                ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", *properties,
                 "-cp", self.classes.name, "Shop", str(port), url],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

        def end():
            process.kill()
            process.wait()

        self.addCleanup(end)
        found = wait_until(
            lambda: re.search(r"listening on (\S+)", said.read_text(encoding="utf-8")),
            "the shop listens", 30)
        return found[1]

    def recommendations(self):
        return self.origin(answering(lambda request: answer(
            body=json.dumps([request.target]).encode(),
            headers=[("Content-Type", "application/json")])))

    def page(self, address, product):
        client = Client(address)
        try:
            got = client.request("GET", f"/products/{product}")
            return got.status, json.loads(got.body)
        finally:
            client.close()

    def test_its_users_get_pages_while_the_dependency_is_dead(self):
        recommendations = self.recommendations()
        shop_port = free_port()
        sluice = self.sluice(
            Path(SHOP / "sluice.yaml").read_text(encoding="utf-8"),
            environment={"ADMIN_PORT": "0", "PUBLIC_PORT": "0", "OUT_PORT": "0",
                         "SHOP": f"127.0.0.1:{shop_port}",
                         "RECOMMENDATIONS": recommendations.address})
        out = sluice.address_of("out").rsplit(":", 1)[1]
        self.shop(shop_port, "http://recommendations.internal",
                  "-Dhttp.proxyHost=127.0.0.1", f"-Dhttp.proxyPort={out}")

        self.assertEqual(self.page(sluice.address, 7),
                         (200, {"product": "7", "recommended": ["/for/7"]}))
        self.assertEqual(recommendations.requests[0].header("host"), "recommendations.internal")
        recommendations.close()
        # What was there before; and nothing, where nothing was.
        self.assertEqual(self.page(sluice.address, 7),
                         (200, {"product": "7", "recommended": ["/for/7"]}))
        for product in range(100, 110):
            self.assertEqual(self.page(sluice.address, product),
                             (200, {"product": str(product), "recommended": []}))
        self.assertEqual(sluice.guard("recommendations")["state"], "open")
        self.assertEqual(sluice.metric("sluice_degrade_total", rule="no-recommendations"), 11)

    def test_without_sluice_its_pages_fail_with_the_dependency(self):
        dead = free_port()
        address = self.shop(0, f"http://127.0.0.1:{dead}")
        self.assertEqual(self.page(address, 7)[0], 500)


if __name__ == "__main__":
    report.main()
