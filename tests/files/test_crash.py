"""Killed at any moment and run again, an import completes: no row twice, and its history whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select, text

from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.search_entry import SearchEntry
from backoffice.operations import undo

from .conftest import HOUSE, Files, count, fates

ROOT = Path(__file__).resolve().parents[2]
ROWS = 1_200


def test_a_killed_import_is_completed_by_running_it_again(files: Files, app: Flask, database_url: str) -> None:
    rows = "".join(
        f'K-{number},Name {number % 90},{number}.50,Brand {number % 60},Top > Sub {number % 3},"t{number % 9}, all"\n'
        for number in range(ROWS)
    )
    file = files.write(f"sku,name,price,brand,category,tags\n{rows}")
    command = [sys.executable, "-m", "tests.files.crash", database_url, str(file), "5"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    *killed, last = [json.loads(line) for line in run.stdout.splitlines()]
    assert last["finished"] and last["product"] == ROWS
    assert not any(line["finished"] for line in killed)
    reached = {line["product"] for line in killed}
    assert 0 in reached and any(0 < number < ROWS for number in reached), "killed before, and half-way"
    for line in killed:
        assert line["change"] >= line["product"] + line["brand"] + line["category"], "no row without its history"

    assert (count(Product), count(Brand)) == (ROWS, 60)
    changes = db.session.execute(select(Change.resource, Change.record_id, Change.verb, Change.version)).all()
    assert set(Counter((row.resource, row.record_id) for row in changes).values()) == {1}
    assert {(row.verb, row.version) for row in changes} == {("create", 1)}
    assert len(changes) == sum(last[name] for name in ("product", "brand", "category")) + 10
    per_set = dict(db.session.execute(select(Change.change_set_id, func.count()).group_by(Change.change_set_id)).all())
    assert per_set == dict(db.session.execute(select(ChangeSet.id, ChangeSet.change_count)).all())
    assert count(SearchEntry) >= ROWS
    assert db.session.scalar(text("SELECT count(*) FROM product_tag")) == 2 * ROWS

    again = files.load(file)
    assert (fates(again), again.change_set_id) == ((0, 0, ROWS, 0), None)
    for key in sorted(per_set, reverse=True):
        undo.undo_change_set(HOUSE, key)
    db.session.rollback()
    assert not db.session.scalar(select(func.count()).where(Product.trashed_at.is_(None)))
