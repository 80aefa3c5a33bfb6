"""A server of the house as a process of its own on this computer, and a browser that talks to it over the network."""

from __future__ import annotations

import http.cookiejar
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Server:
    """`run.py` over a database in `folder`, which gets its log."""

    def __init__(self, url: str, folder: Path, app_env: str = "development") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {"APP_ENV": app_env, "DATABASE_URL": url, "INSTANCE_PATH": str(folder), "PORT": str(port)}
        folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "run.py"], cwd=ROOT, env=kept | given, stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Return when it answers. Raises AssertionError, with its log, when it does not or has ended."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(f"{self.address}/login", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
                time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a failing machine does: it does nothing any more."""
        self.process.kill()
        self.process.wait(PATIENCE)


class Visitor:
    """A browser with cookies, signed in by a password."""

    def __init__(self, server: Server, email: str, password: str) -> None:
        self.server = server
        self.opener = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))
        server.wait()
        page = self.get("/login")
        self._send("/login", [("csrf_token", token_of(page)), ("email", email), ("password", password)])
        self.token = token_of(self.get("/admin/"))

    def get(self, path: str) -> str:
        """Open a page."""
        with self.opener.open(self.server.address + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def post(self, path: str, data: Sequence[tuple[str, str]]) -> str:
        """Send a form and return the page that it leads to."""
        return self._send(path, [("csrf_token", self.token), *data])

    def _send(self, path: str, data: Sequence[tuple[str, str]]) -> str:
        request = Request(self.server.address + path, urlencode(data).encode())
        with self.opener.open(request, timeout=PATIENCE) as answer:
            return str(answer.read().decode())


def token_of(page: str) -> str:
    """Return the token that a form of `page` holds."""
    found = TOKEN.search(page)
    assert found, "the page holds no token"
    return found[1]
