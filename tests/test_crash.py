"""Killed at any statement, or as a server at any moment, all of a unit is there or none of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from flask import Flask
from sqlalchemy import func, select, text

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.operations import accounts
from tests.scene import PASSWORD
from tests.server import Server, Visitor

ROOT = Path(__file__).resolve().parent.parent


def test_a_killed_unit_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash", database_url, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    *killed, finished = lines
    assert len(killed) > 8
    for line in killed:
        assert not line["finished"]
        assert {line[name] for name in ("brand", "product", "change_set", "change", "outbox_message")} == {0}, line
    assert finished["finished"]
    assert (finished["brand"], finished["product"], finished["change_set"], finished["change"]) == (1, 1, 1, 2)
    assert (finished["search_entry"], finished["outbox_message"]) == (2, 1)


ROWS = 200

#: When the server is killed, as a part of the time that a first request takes with the page that it leads to.
MOMENTS = (0.0, 0.08, 0.16, 0.25, 0.35, 0.5)


def test_a_killed_server_leaves_all_or_nothing_of_a_mass_action(app: Flask, database_url: str, tmp_path: Path) -> None:
    keys = stocked(tmp_path)
    folder = tmp_path / "served"
    took, broken = 0.0, 0
    for moment in (None, *MOMENTS):
        before, deed = in_trash(), "restore" if in_trash() else "trash"
        server = Server(database_url, folder)
        try:
            visitor = Visitor(server, "boss@example.org", PASSWORD)
            with ThreadPoolExecutor() as pool:
                started = time.monotonic()
                sent = pool.submit(visitor.post, "/admin/product/action/", ticked(deed, keys, uuid4().hex))
                if moment is None:
                    sent.result()
                    took = time.monotonic() - started
                else:
                    time.sleep(took * moment)
                    server.kill()
                    broken += sent.exception() is not None
        finally:
            server.kill()
        alone(app)
        after = in_trash()
        assert after in (0, ROWS), f"killed at {moment}: {after} of {ROWS}"
        assert moment is not None or after == ROWS - before
        whole(keys)
    assert broken >= 2, "some of them were killed under way"

    deed, target = ("restore", 0) if in_trash() else ("trash", ROWS)
    server = Server(database_url, folder)
    try:
        visitor = Visitor(server, "boss@example.org", PASSWORD)
        form = ticked(deed, keys, uuid4().hex)
        done = f"{ROWS} restored." if deed == "restore" else f"{ROWS} moved to the trash."
        for said in (done, "it was not done twice"):
            assert said in visitor.post("/admin/product/action/", form)
            assert in_trash() == target
            whole(keys)
    finally:
        server.kill()


def stocked(folder: Path) -> list[int]:
    """Return the keys of many products, with a person who may do everything to them."""
    house = policy.system("tests")

    def people(unit: writes.Unit) -> None:
        roles = accounts.roles_of_keys(unit, ["administrator"])
        accounts.create_user(unit, "boss@example.org", roles, password=PASSWORD)

    writes.run(house, "People", people)
    with writes.unit(house, "Stock") as unit:
        products = [unit.add(Product(sku=f"K-{number}", name=f"Kettle {number}")) for number in range(ROWS)]
    db.session.rollback()
    return [product.id for product in products]


def ticked(deed: str, keys: list[int], mark: str) -> list[tuple[str, str]]:
    """Return the form of a deed over ticked rows; `mark` is the same where it is sent again."""
    return [("action", deed), ("_request", mark), *(("rowid", str(key)) for key in keys)]


def alone(app: Flask) -> None:
    """Wait until PostgreSQL has noticed that the server is gone."""
    db.session.remove()
    if db.engine.dialect.name == "postgresql":
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        until = time.monotonic() + 30
        while db.session.scalar(others) and time.monotonic() < until:
            db.session.rollback()
            db.engine.dispose()
            time.sleep(0.1)


def in_trash() -> int:
    """Return how many products are in the trash."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Product.trashed_at.is_not(None))) or 0


def whole(keys: list[int]) -> None:
    """Check that each version of each product has its change, and each change set as many as it says."""
    db.session.rollback()
    versions = dict(db.session.execute(select(Product.id, Product.version)).all())
    changes = select(Change.record_id, Change.version).where(Change.resource == "product").order_by(Change.version)
    told: dict[int, list[int]] = {key: [] for key in keys}
    for key, version in db.session.execute(changes):
        told[key].append(version)
    assert told == {key: list(range(1, versions[key] + 1)) for key in keys}
    held = dict(db.session.execute(select(Change.change_set_id, func.count()).group_by(Change.change_set_id)).all())
    said = dict(
        db.session.execute(select(ChangeSet.id, ChangeSet.change_count).where(ChangeSet.change_count > 0)).all()
    )
    assert held == said
