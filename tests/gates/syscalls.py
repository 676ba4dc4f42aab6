#!/usr/bin/env python3
"""Gate: system calls of one proxied request, counted by strace under a saturating load.

Usage: syscalls.py SLUICE SLUICE_LOAD BOUND
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from load_process import LoadProcess  # noqa: E402

REQUESTS = 12_000

CONFIG = """
admin: {{listen: "off"}}
workers: 1
listeners: [{{name: public, listen: "127.0.0.1:0"}}]
upstreams:
  - {{name: origin, endpoints: ["{upstream}"], circuit_breaker: {{}}}}
routes:
  - {{name: all, match: {{path_prefix: /}}, upstream: origin, rate_limits: [per-user]}}
rate_limits:
  - {{name: per-user, key: [{{header: x-user-id}}], limit: 1000000000, burst: 1000000000}}
telemetry: {{access_log: {{path: {log}}}}}
"""


def calls_of(summary: str) -> int:
    found = re.search(r"^\s*100\.00\s.*?(\d+)(?:\s+\d+)?\s+total$", summary, re.MULTILINE)
    if found is None:
        sys.exit(f"strace said nothing of calls:\n{summary}")
    return int(found.group(1))


def gateway_port(gateway: subprocess.Popen) -> int:
    for line in gateway.stderr:
        found = re.search(r"listening name=public address=127\.0\.0\.1:(\d+)", line)
        if found:
            return int(found.group(1))
    sys.exit("the gateway did not start")


def count(sluice: str, load: str, requests: int, folder: pathlib.Path) -> int:
    summary = folder / "strace.txt"
    with LoadProcess(load, ["--serve", "127.0.0.1:0"]) as upstream:
        config = folder / "sluice.yaml"
        config.write_text(CONFIG.format(upstream=upstream.address, log=folder / "access.log"))
        # In a session of its own: strace passes no signal on, so the gateway itself is ended.
        gateway = subprocess.Popen(
            ["strace", "-f", "-c", "-o", str(summary), sluice, "serve", "--config", str(config)],
            stderr=subprocess.PIPE, text=True)
        try:
            port = gateway_port(gateway)
            with LoadProcess(load, ["--target", f"127.0.0.1:{port}", "--connections", "64",
                                    "--requests", str(requests), "--seconds", "100"]) as clients:
                report = clients.report()
            if report["answered"] != requests:
                sys.exit(f"{report['answered']} of {requests} requests were answered")
        finally:
            child = pathlib.Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text()
            os.kill(int(child.split()[0]), signal.SIGTERM)
            gateway.wait(60)
            gateway.stderr.close()
    return calls_of(summary.read_text())


def main() -> None:
    sluice, load, bound = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with tempfile.TemporaryDirectory() as name:
        few = count(sluice, load, REQUESTS // 4, pathlib.Path(name))
        many = count(sluice, load, REQUESTS, pathlib.Path(name))
    per_request = (many - few) / (REQUESTS - REQUESTS // 4)
    verdict = "ok" if per_request <= bound else "OVER"
    print(f"{per_request:.2f} system calls a request, bound {bound}: {verdict}")
    sys.exit(0 if per_request <= bound else 1)


if __name__ == "__main__":
    main()
