"""Real servers around the gateway: Debian's nginx, the sample booking service, sluice-load."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from harness import ROOT, START_SECONDS_MAX, STOP_SECONDS_MAX, program, wait_until

sys.path.insert(0, str(ROOT / "bench"))
from load_process import LoadProcess  # noqa: E402

NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 512; }}
http {{
  access_log {directory}/access.txt;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  client_max_body_size 64m;
  server {{
    listen {listen};
    root {directory}/files;
    location / {{ }}
    location /put/ {{ dav_methods PUT; create_full_put_path on; client_body_in_file_only clean; }}
    location /nothing {{ return 204; }}
    location /echo {{ add_header x-got "$request_method $content_length"; return 200 "seen\\n"; }}
  }}
}}
"""


class Server:
    """A process of ours; ended by its id."""

    def __init__(self, command, directory):
        self.directory = Path(directory)
        self.output = self.directory / "output.txt"
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS_MAX)
        if self.alive():
            self.process.kill()
        self.process.wait()


def accepts(address):
    family = socket.AF_UNIX if address.startswith("unix:") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1)
        if family == socket.AF_UNIX:
            return probe.connect_ex(address.removeprefix("unix:")) == 0
        host, port = address.rsplit(":", 1)
        return probe.connect_ex((host, int(port))) == 0


def free_port():
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx(Server):
    """Serves `directory`/files. Its port may be taken by somebody else meanwhile: it tries anew."""

    def __init__(self, directory, listen):
        directory = Path(directory)
        (directory / "files").mkdir(exist_ok=True)
        for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (directory / name).mkdir(exist_ok=True)
        self.address = listen
        config = directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(directory=directory, listen=listen, user=user))
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        super().__init__([binary, "-e", "stderr", "-c", str(config)], directory)

    def put(self, name, data):
        path = self.directory / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    @property
    def requests(self):
        return (self.directory / "access.txt").read_text().count("\n")


def start_nginx(directory, listen=None):
    for _ in range(3):
        nginx = Nginx(directory, listen or f"127.0.0.1:{free_port()}")
        try:
            wait_until(lambda: not nginx.alive() or accepts(nginx.address), "nginx",
                       START_SECONDS_MAX)
        except AssertionError:
            nginx.stop()
            raise
        if nginx.alive():
            return nginx
    raise AssertionError(f"nginx does not start: {nginx.said()}")


BOOKING_ROLES = (
    "user", "cart", "inventory", "price", "coupons", "risk", "payment", "notification")


def start_booking(directory, name="a", listen="127.0.0.1:0", options=()):
    """An instance of the booking service; without `--dependencies` it books nothing."""
    command = [program("SLUICE_BOOKING_BIN", "sluice-booking"), "--listen", listen, "--name", name]
    booking = Server([*command, *map(str, options)], directory)
    try:
        match = wait_until(lambda: re.search(r"listening on (\S+)", booking.said()), "booking",
                           START_SECONDS_MAX)
    except AssertionError:
        booking.stop()
        raise
    booking.address = match[1]
    return booking


def start_booking_services(directory):
    """The services behind a booking by role, and the file that tells an instance where they are."""
    services = {}
    for role in BOOKING_ROLES:
        (directory / role).mkdir()
        services[role] = start_booking(directory / role, role, options=["--role", role])
    dependencies = directory / "dependencies"
    lines = [f"{role} {service.address}\n" for role, service in services.items()]
    dependencies.write_text("".join(lines), encoding="utf-8")
    return services, dependencies


def load(*arguments):
    """sluice-load in the background; a context manager with stop(), report() and `address`."""
    return LoadProcess(program("SLUICE_LOAD_BIN", "sluice-load"), list(map(str, arguments)))


def curl(*arguments, seconds=20):
    """(exit code, stdout as bytes, stderr) of a real curl."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", str(seconds), *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=seconds + 10)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")
