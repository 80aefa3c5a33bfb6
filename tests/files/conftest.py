"""What writes a file, imports it, and looks at what became of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import Resource
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.operations import exports
from backoffice.operations.imports import Options, Report, import_file
from backoffice.policy import Actor
from backoffice.selection import Selection
from tests.conftest import settings_for

HOUSE = policy.system("tests")


@dataclass
class Files:
    """A folder of files on their way in and out."""

    folder: Path
    actor: Actor = HOUSE
    written: int = field(default=0, init=False)

    def write(self, content: str | bytes, name: str = "file.csv") -> Path:
        """Write a file and return where it is."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(self, content: str | bytes | Path, name: str = "file.csv", **options: Any) -> Report:
        """Import a file, of products unless `model` says another resource."""
        actor, tell = options.pop("actor", self.actor), options.pop("tell", lambda _report: None)
        path = content if isinstance(content, Path) else self.write(content, name)
        found = import_file(actor, path, Options(**{"model": Product, "folder": self.folder} | options), tell)
        db.session.rollback()
        return found

    def out(self, model: type[Resource] = Product, form: str = "csv", actor: Actor = HOUSE, **args: Any) -> Path:
        """Export a selection to a file and return where it is."""
        self.written += 1
        path = self.folder / f"out-{self.written}.{form}"
        with exports.snapshot() as session, path.open("w", encoding="utf-8", newline="") as stream:
            selection = Selection.from_args(model, actor, args).selection
            stream.writelines(exports.export_rows(selection, session, form))
        return path


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return one application without a database for all tests of a module: its texts are asked for, no more."""
    app = create_app(settings_for("sqlite:///:memory:", tmp_path_factory.mktemp("words")))
    with app.app_context():
        yield app


@pytest.fixture
def files(app: Flask, tmp_path: Path) -> Files:
    """Return a folder of files beside a fresh database."""
    return Files(tmp_path)


@pytest.fixture
def shared_files(shared_app: Flask, tmp_path: Path) -> Files:
    """Return a folder of files beside a database that all tests of a module write to, each to rows of its own."""
    return Files(tmp_path)


def fates(report: Report) -> tuple[int, int, int, int]:
    """Return how many rows were created, updated, left alone and refused; together they are all rows."""
    counted = (report.created, report.updated, report.unchanged, report.failed)
    assert sum(counted) == report.rows
    return counted


def errors(report: Report) -> list[dict[str, Any]]:
    """Return the rows of the file of errors, in the order of their lines."""
    if report.errors is None:
        return []
    text = report.errors.read_text(encoding="utf-8-sig")
    if report.errors.suffix == ".jsonl":
        return sorted((json.loads(line) for line in text.splitlines()), key=lambda row: int(row["line"]))
    first = "error_line" if text.startswith("error_line") else "line"
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=text[len(first)])
    return sorted(rows, key=lambda row: int(row[first]))


def product(sku: str) -> Product:
    """Return a product as it is stored now."""
    return db.session.scalars(select(Product).where(Product.sku == sku)).one()


def count(model: Any) -> int:
    """Return how many rows a table has."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def change_sets() -> list[tuple[str, str, int]]:
    """Return source, title and number of changes of each change set."""
    rows = db.session.execute(
        select(ChangeSet.source, ChangeSet.title, func.count(Change.id))
        .outerjoin(Change, Change.change_set_id == ChangeSet.id)
        .group_by(ChangeSet.id)
        .order_by(ChangeSet.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def rights(*grants: str, **limits: Any) -> Actor:
    """Return somebody with one role of `grants`."""
    return Actor(None, "someone", (policy.RoleRights("r", frozenset(grants), **limits),))
