"""Whatever way a change comes, it leaves the same kind of change set: one page shows, one piece of code inverts it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import history
from backoffice.extensions import db
from backoffice.models.base import resources
from backoffice.models.history import SOURCES, Change, ChangeSet

from .conftest import Browser, World, product

State = dict[tuple[str, int], history.State]


def states(keys: set[tuple[str, int]]) -> State:
    """Return the states of records, nothing for those that are not there or in the trash."""
    db.session.rollback()
    found = {}
    for name, key in keys:
        record = db.session.get(resources()[name], key)
        found[name, key] = history.state_of(record) if record is not None and record.trashed_at is None else {}
    return found


def every_record() -> set[tuple[str, int]]:
    db.session.rollback()
    return {(name, key) for name, model in resources().items() for key in db.session.scalars(select(model.id))}


def edit(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    return admin.submit(f"/admin/product/edit/?id={world.mug}", price="15.00", attributes="colour = red", tags=[])


def cell(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    values = {"id": world.mug, "version": product(world.mug).version, "price": "16.00"}
    return admin.post("/admin/product/ajax/update/", values)


def action(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    return admin.post("/admin/product/action/", {"action": "publish", "rowid": [world.mug, world.case]})


def file(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    path = folder / "products.csv"
    path.write_text("sku,name,price,brand\nM-1,Blue mug,23.00,Tin\nN-1,New mug,1.00,\n", encoding="utf-8")
    result = app.test_cli_runner().invoke(args=["catalog", "import", str(path)])
    assert result.exit_code == 0, result.output
    return None


def command(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    result = app.test_cli_runner().invoke(args=["users", "create", "new@example.org", "--role", "viewer"])
    assert result.exit_code == 0, result.output
    return None


def trash(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    return admin.post("/admin/product/delete/", {"id": world.mug})


def restore(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    return admin.post("/admin/product/restore/", {"id": world.trashed})


def undo(admin: Browser, app: Flask, world: World, folder: Path) -> Any:
    return admin.post("/admin/history/undo/", {"change_set": newest().id})


#: Way -> what does it, the source that history names, and how many records it changes.
WAYS: dict[str, tuple[Callable[..., Any], str, int]] = {
    "form": (edit, "form", 1),
    "inline cell": (cell, "inline", 1),
    "mass action": (action, "action", 2),
    "import": (file, "import", 3),
    "command": (command, "command", 1),
    "trash": (trash, "form", 1),
    "restore": (restore, "form", 1),
    "undo": (undo, "undo", 1),
}


def newest() -> ChangeSet:
    db.session.rollback()
    return db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()


@pytest.mark.parametrize("way", WAYS)
def test_every_way_leaves_a_change_set_that_one_code_shows_and_inverts(
    app: Flask, admin: Browser, world: World, tmp_path: Path, way: str
) -> None:
    deed, source, count = WAYS[way]
    if way == "undo":
        edit(admin, app, world, tmp_path)
    before, last = states(every_record()), newest().id
    response = deed(admin, app, world, tmp_path)
    assert response is None or response.status_code == 303
    made = newest()
    changes = db.session.scalars(select(Change).where(Change.change_set_id == made.id)).all()
    assert made.id == last + 1, "one change set"
    assert (made.source, made.change_count, len(changes)) == (source, count, count)
    assert source in SOURCES and made.title and made.actor_label and made.at.tzinfo
    after = states(every_record())
    for change in changes:
        record = db.session.get_one(resources()[change.resource], change.record_id)
        assert (change.version, change.label) == (record.version, str(record))
        was, now = (before.get((change.resource, change.record_id), {}), history.state_of(record))
        assert change.diff == history.difference(was or before_trash(change, now), now)
    shown = re.findall(r'data-change-set="(\d+)"', admin.get("/admin/history/").text)
    assert shown[0] == str(made.id)
    assert admin.get(f"/admin/history/details/?id={made.id}").text.count("data-change=") == count
    assert admin.post("/admin/history/undo/", {"change_set": made.id}).status_code == 303
    undone = newest()
    assert (undone.source, undone.undo_of_id, undone.change_count) == ("undo", made.id, count)
    assert {key: state for key, state in states(every_record()).items() if state} == {
        key: state for key, state in before.items() if state
    }
    assert after != before


def before_trash(change: Change, now: history.State) -> history.State:
    """Return what a record was that stood in the trash, or nowhere."""
    return {} if change.verb == "create" else history.as_of(now, [change.diff])
