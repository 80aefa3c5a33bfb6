"""What a supplier can do from its two files; run by test_house.py, which writes them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, select
from suppliers.models import Supplier  # type: ignore[import-not-found]

from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import resources
from backoffice.models.history import Change, ChangeSet
from tests.admin.conftest import Browser, World, admin, compiled, sign_in, world
from tests.conftest import FreshClient, settings_for

__all__ = ["admin", "compiled", "sign_in", "world"]


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Return an application with the package, its table made as its migration would."""
    settings = settings_for(database_url, tmp_path)
    app = create_app(settings, packages=("suppliers",))
    app.test_client_class = FreshClient
    engine = create_engine(settings.database_url)
    Supplier.__table__.create(engine)
    engine.dispose()
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def only() -> Supplier:
    """Return the one supplier as it is stored now."""
    db.session.rollback()
    return db.session.scalars(select(Supplier)).one()


def test_screens_history_trash_and_undo(admin: Browser) -> None:
    assert "/admin/supplier/" in admin.get("/admin/").text, "its menu entry"
    admin.submit("/admin/supplier/new/", name="Oak & Sons", country="FR")
    assert (only().slug, only().country) == ("oak-sons", "FR")
    row = f'data-id="{only().id}"'
    assert row in admin.get("/admin/supplier/?q=oak").text
    assert row not in admin.get("/admin/supplier/?q=elm").text
    admin.submit(f"/admin/supplier/edit/?id={only().id}", name="Oak & Daughters")
    assert only().name == "Oak & Daughters"
    assert "Oak &amp; Sons" in admin.get(f"/admin/supplier/details/?id={only().id}").text, "its history"
    newest = select(ChangeSet.id).order_by(ChangeSet.id.desc())
    admin.post("/admin/history/undo/", {"change_set": db.session.scalars(newest).first()})
    assert only().name == "Oak & Sons"
    admin.post("/admin/supplier/action/", {"action": "trash", "rowid": [only().id]})
    assert row in admin.get("/admin/supplier/?trash=1").text
    assert row not in admin.get("/admin/supplier/").text
    admin.post("/admin/supplier/restore/", {"id": only().id})
    assert row in admin.get("/admin/supplier/").text
    db.session.rollback()
    changes = db.session.scalars(select(Change.verb).where(Change.resource == "supplier").order_by(Change.id)).all()
    assert changes == ["create", "update", "update", "trash", "restore"]


def test_permissions(admin: Browser, sign_in: Callable[..., Browser], world: World) -> None:
    assert policy.matrix_lines()["supplier"] == ("create", "read", "update", "delete", "import", "export")
    viewer_role = admin.get(f"/admin/role/edit/?id={world.roles['viewer']}").text
    assert "supplier:update" in viewer_role, "its line in the matrix"
    viewer = sign_in("viewer")
    assert viewer.get("/admin/supplier/").status_code == 403, "unknown to a role means no"
    assert "/admin/supplier/" not in viewer.get("/admin/").text
    assert resources()["supplier"] is Supplier
    address = f"/admin/role/edit/?id={world.roles['viewer']}"
    grants = admin.form(address)["grants"]
    assert admin.submit(address, grants=[*grants, "supplier:read"]).status_code == 303
    assert viewer.get("/admin/supplier/").status_code == 200
    assert "/admin/supplier/" in viewer.get("/admin/").text
    assert viewer.get("/admin/supplier/new/").status_code == 403
    assert viewer.post("/admin/supplier/delete/", {"id": 1}).status_code == 403


def test_the_list_as_a_file(admin: Browser, sign_in: Callable[..., Browser]) -> None:
    for name, country in (("Oak", "FR"), ("Elm", "DE"), ("Ash", "FR")):
        assert admin.submit("/admin/supplier/new/", name=name, country=country).status_code == 303
    page = admin.get("/admin/supplier/?country=FR").text
    for kind, mimetype in (("csv", "text/csv"), ("jsonl", "application/x-ndjson")):
        assert f"/admin/supplier/export/{kind}/?country=FR" in page, "its link stands on the list"
        answer = admin.get(f"/admin/supplier/export/{kind}/?country=FR&sort=name")
        assert (answer.status_code, answer.mimetype) == (200, mimetype)
        assert re.search(rf"attachment; filename=supplier-[0-9-]+\.{kind}", answer.headers["Content-Disposition"])
        text = answer.text.removeprefix("\ufeff")
        lines = (
            [json.loads(line) for line in text.splitlines()] if kind == "jsonl" else csv.DictReader(io.StringIO(text))
        )
        assert [(row["name"], row["slug"], row["country"]) for row in lines] == [
            ("Ash", "ash", "FR"),
            ("Oak", "oak", "FR"),
        ]
        assert admin.get(f"/admin/supplier/export/{kind}/?country=FR&nothing=1").status_code == 400
        assert sign_in("viewer").get(f"/admin/supplier/export/{kind}/").status_code == 403


def test_import_and_export(app: Flask, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    file = tmp_path / "suppliers.csv"
    file.write_text("name,country\nOak,FR\nElm,DE\n", encoding="utf-8")
    assert runner.invoke(args=["catalog", "import", str(file), "--resource", "supplier"]).exit_code == 0
    again = runner.invoke(args=["catalog", "import", str(file), "--resource", "supplier"])
    assert "unchanged" in again.output
    out = tmp_path / "out.jsonl"
    exported = ["catalog", "export", "--resource", "supplier", "--format", "jsonl", "--output", str(out)]
    assert runner.invoke(args=exported).exit_code == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert sorted((row["name"], row["country"]) for row in found) == [("Elm", "DE"), ("Oak", "FR")]
