"""The list of a large catalogue against the one of Flask-Admin as it comes, both as a server gives them.

Both run under gunicorn with two workers on the same PostgreSQL, and are asked in turn by one person.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

import config
from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.product import Product
from backoffice.models.user import User
from backoffice.operations.accounts import ensure_first_administrator
from backoffice.selection import Selection
from backoffice.web.people import SignedIn

from .databases import ensure_database
from .loading import open_engine
from .seed import seed_once

WORKERS, ROUNDS = 2, 40
DEEP = 1_000
PAGE_SIZE = 50


@dataclass
class Server:
    """One server: where it listens, who asks, what it took and what it sent."""

    port: int
    cookie: str = ""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def ask(self, name: str, address: str, kept: bool = True) -> None:
        """Ask for a page and note the time until all of it was there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        started = time.perf_counter()
        connection.request("GET", address, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        page = answer.read()
        taken = time.perf_counter() - started
        connection.close()
        if answer.status != 200 or page.count(b"<tr") < PAGE_SIZE:
            raise SystemExit(f"{address} answered {answer.status} without {PAGE_SIZE} rows; nothing can be compared.")
        if kept:
            self.seconds.setdefault(name, []).append(taken)
            self.size[name] = len(page)


def compare(url: str) -> dict[str, dict[str, float]]:
    """Return for each page the median, the 95th percentile and the bytes of ours and of theirs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = secrets.token_hex(32)
        settings = {
            "APP_ENV": "production",
            "SECRET_KEY": key,
            "DATABASE_URL": url,
            "INSTANCE_PATH": str(folder),
            "BASE_URL": "https://127.0.0.1",
            "TRUSTED_HOSTS": "127.0.0.1",
        }
        cookie, deep = _signed_in(settings)
        pages = {
            "first page": ("/admin/product/", "/admin/product/"),
            f"page {DEEP:,}": (f"/admin/product/?after={deep}", f"/admin/product/?page={DEEP - 1}"),
            "by price": ("/admin/product/?sort=price", "/admin/product/?sort=2"),
            "search": ("/admin/product/?q=black", "/admin/product/?search=black"),
        }
        with _serving("run:app", settings, folder) as our_port, _serving("bench.stock:app", settings, folder) as port:
            ours, theirs = Server(our_port, cookie), Server(port)
            for round_ in range(-WORKERS * 2, ROUNDS):
                for label, (mine, stock) in pages.items():
                    ours.ask(label, mine, kept=round_ >= 0)
                    if round_ in (-1, -2) or round_ >= 0:
                        theirs.ask(label, stock, kept=round_ >= 0)
    return {label: _figures(ours, theirs, label) for label in pages}


def _figures(ours: Server, theirs: Server, label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, server in (("ours", ours), ("floor", theirs)):
        taken = server.seconds[label]
        found[name] = statistics.median(taken)
        found[f"{name}_p95"] = statistics.quantiles(taken, n=20)[-1]
        found[f"{name}_bytes"] = server.size[label]
    return found


def _signed_in(settings: dict[str, str]) -> tuple[str, str]:
    """Return the cookie of an administrator, and the cursor of the page DEEP of the list."""
    app = create_app(config.current(settings))
    with app.app_context():
        if db.session.query(User).first() is None:
            ensure_first_administrator(policy.system("bench"), "bench@example.org")
        user = next(one for one in db.session.query(User) if any(role.key == "administrator" for role in one.roles))
        with app.test_client() as client:
            with client.session_transaction(base_url="https://127.0.0.1") as session:
                session["_user_id"] = SignedIn(user.id, user.session_key, int(time.time())).get_id()
            name = app.config["SESSION_COOKIE_NAME"]
            kept = client.get_cookie(name, "127.0.0.1")
        query = "SELECT id FROM product WHERE trashed_at IS NULL ORDER BY id DESC OFFSET :rows LIMIT 1"
        key = db.session.execute(text(query), {"rows": (DEEP - 1) * PAGE_SIZE - 1}).scalar_one()
        cursor = Selection(Product, policy.system("bench")).order.encode(key, key)
        db.session.remove()
        db.engine.dispose()
    if kept is None:
        raise SystemExit("Nobody could be signed in.")
    return f"{name}={kept.value}", cursor


@contextlib.contextmanager
def _serving(target: str, settings: dict[str, str], folder: Path) -> Iterator[int]:
    """Serve `target` on a free port and give it; ask it nothing before it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", target]
    log = (folder / f"{port}.log").open("w+")
    process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    try:
        _await(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _await(port: int, process: subprocess.Popen[Any], log: Any) -> None:
    for _try in range(300):
        if process.poll() is not None:
            log.seek(0)
            raise SystemExit(f"gunicorn did not start; install requirements/extras.txt for it.\n{log.read()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("gunicorn did not answer in half a minute.")


def fill(url: str, products: int) -> None:
    """Bring the database `url` to the newest migration, made if it is missing, with `products` if it holds none."""
    ensure_database(url)
    engine = open_engine(url)
    seed_once(engine, products)
    engine.dispose()
