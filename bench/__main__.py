"""Measure the walls against floors in the same run: `make bench`.

Each line is a ratio of two medians taken in turn on the same machine, so that it holds when the machine is busy:

- *list page*: the product list, signed in, against a bare Flask page that shows the same 50 rows from one SELECT;
- *import*: creating products from CSV through the door, against the driver's bare INSERT of the same rows;
- *import again*: the same file when nothing changed, against the first import;
- *undo*: taking the whole import back, against the import.

With BENCH_PEER=1000000 the list of so many products on PostgreSQL is measured too, against that of Flask-Admin as it
comes, both under gunicorn with two workers: the first page, page 1,000, sorted by price, and a search. The database is
BENCH_URL, or that of `make size`; it is seeded where it is empty, and kept.

BENCH_PRODUCTS (default 20,000) sets the size of the list's catalogue, BENCH_ROWS (default 2,000) that of the file.
Prints a table and writes JSON to bench/results/.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, render_template_string
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.engine import make_url

import config
from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.product import Product
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import undo
from backoffice.operations.accounts import ensure_first_administrator
from backoffice.operations.imports import Options, import_file
from backoffice.web.people import SignedIn

from . import peer
from .catalogue import Size
from .loading import open_engine
from .seed import seed

ROUNDS = 15
SIDES = ("ours", "floor")
RESULTS = Path(__file__).parent / "results"
BARE_PAGE = (
    "<table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"
)
BARE_ROWS = (
    "SELECT id, sku, name, price, status, updated_at FROM product WHERE trashed_at IS NULL ORDER BY id DESC LIMIT 50"
)


def median_of(*works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each of `works`, run in turn ROUNDS times after one round to warm up."""
    taken: list[list[float]] = [[] for _work in works]
    for round_ in range(ROUNDS + 1):
        for times, work in zip(taken, works, strict=True):
            started = time.perf_counter()
            work()
            if round_:
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in taken]


def once(work: Callable[[], Any]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def new_app(folder: Path, name: str) -> Flask:
    """Return an application over a new, migrated SQLite database."""
    url = f"sqlite:///{folder / name}.db"
    app = create_app(config.current({"APP_ENV": "testing", "INSTANCE_PATH": str(folder), "DATABASE_URL": url}))
    with app.app_context():
        upgrade()
    return app


def bench_list(folder: Path, products: int) -> dict[str, float]:
    """Measure the list page and its floor over the same database."""
    app = new_app(folder, "list")
    engine = open_engine(f"sqlite:///{folder}/list.db")
    seed(engine, Size(products, min(2_000, products // 10), 100, 1))
    engine.dispose()
    client = app.test_client()
    with app.app_context():
        ensure_first_administrator(policy.system("bench"), "bench@example.org")
        user = db.session.query(User).one()
        with client.session_transaction() as session:
            session["_user_id"] = SignedIn(user.id, user.session_key, int(time.time())).get_id()
    bare = Flask("bare")

    @bare.get("/")
    def page() -> str:
        with app.app_context():
            return render_template_string(BARE_PAGE, rows=db.session.execute(text(BARE_ROWS)).all())

    bare_client = bare.test_client()
    ours, floor = median_of(lambda: client.get("/admin/product/"), lambda: bare_client.get("/"))
    if client.get("/admin/product/").status_code != 200:
        raise SystemExit("The list page did not answer; the figures would mean nothing.")
    return {"ours": ours, "floor": floor}


def bench_import(folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Measure importing, importing again and undoing, and the driver's bare INSERT."""
    rows = [(f"B-{number}", f"Bench product {number}", f"{number % 500}.95") for number in range(count)]
    file = folder / "bench.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("sku", "name", "price"), *rows])
    app = new_app(folder, "import")
    actor = policy.system("bench")
    options = Options(model=Product, folder=folder)
    with app.app_context():
        created = once(lambda: import_file(actor, file, options))
        again = once(lambda: import_file(actor, file, options))
        change_set = db.session.execute(text("SELECT max(id) FROM change_set")).scalar_one()
        undone = once(lambda: undo.undo_change_set(actor, change_set))
    plain = sqlite3.connect(folder / "import.db")
    now = utcnow().isoformat()
    insert = (
        "INSERT INTO product (sku, name, name_key, slug, price, currency, status, version, created_at, updated_at)"
        f" VALUES (?, ?, ?, ?, ?, 'EUR', 'draft', 1, '{now}', '{now}')"
    )

    def bare() -> None:
        bare_rows = [(f"F-{sku}", name, name, f"f-{sku}", price) for sku, name, price in rows]
        with plain:
            plain.executemany(insert, bare_rows)

    floor = once(bare)
    plain.close()
    return {
        "import": {"ours": created, "floor": floor},
        "import again": {"ours": again, "floor": created},
        "undo": {"ours": undone, "floor": created},
    }


def bench_peer(products: int) -> dict[str, dict[str, float]]:
    """Measure the list of many products against that of Flask-Admin as it comes; nothing where it is not asked for."""
    if not products:
        return {}
    server = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    standing = make_url(server).set(database=f"backoffice_size_{products}").render_as_string(hide_password=False)
    url = os.environ.get("BENCH_URL") or standing
    peer.fill(url, products)
    return peer.compare(url)


def print_peer(figures: dict[str, dict[str, float]]) -> None:
    """Print what `bench_peer` found."""
    print(
        f"\nPostgreSQL, gunicorn with {peer.WORKERS} workers, {peer.ROUNDS} requests; theirs is Flask-Admin as it comes"
    )
    print(f"{'':14}{'ours, ms':>10}{'p95':>8}{'kB':>7}{'theirs, ms':>13}{'p95':>8}{'kB':>7}{'ratio':>9}")
    for label, found in figures.items():
        ours, theirs = ([found[one] * 1000, found[f"{one}_p95"] * 1000, found[f"{one}_bytes"] / 1000] for one in SIDES)
        print(
            f"{label:14}{ours[0]:10.1f}{ours[1]:8.1f}{ours[2]:7.1f}"
            f"{theirs[0]:13.1f}{theirs[1]:8.1f}{theirs[2]:7.1f}{ours[0] / theirs[0]:9.3f}"
        )


def main() -> None:
    """Run all of it, print the table and keep the figures."""
    products = int(os.environ.get("BENCH_PRODUCTS", "20000"))
    count = int(os.environ.get("BENCH_ROWS", "2000"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {"list page": bench_list(folder, products)} | bench_import(folder, count)
    against = bench_peer(int(os.environ.get("BENCH_PEER", "0")))
    print(f"SQLite, {products:,} products in the list, {count:,} rows in the file; list page: median of {ROUNDS}")
    print(f"{'':14}{'ours, ms':>12}{'against, ms':>14}{'ratio':>9}")
    for label, found in figures.items():
        ratio = found["ours"] / found["floor"]
        print(f"{label:14}{found['ours'] * 1000:12.1f}{found['floor'] * 1000:14.1f}{ratio:9.2f}")
    if against:
        print_peer(against)
    RESULTS.mkdir(exist_ok=True)
    kept = {"products": products, "rows": count, "seconds": figures, "peer": against}
    (RESULTS / "bench.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
