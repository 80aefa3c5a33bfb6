"""The doctor finds each thing that it looks for, and a reindex heals the search."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.history import OutboxMessage
from backoffice.models.product import Product
from backoffice.models.search_entry import SearchEntry
from backoffice.models.user import User
from backoffice.operations import records
from backoffice.operations.upkeep import newest_revision, reindex
from backoffice.policy import Actor
from backoffice.selection import Selection
from backoffice.writes import BOOKKEEPING
from tests.conftest import hearing, settings_for

from .conftest import PERSON, another, late, run

WELL = ["instance folder", "database", "migrations", "administrators", "search", "outbox"]


def subjects(output: str, verdict: str) -> list[str]:
    """Return what the doctor found `verdict` of."""
    lines = [line.split(maxsplit=1) for line in output.splitlines() if not line.startswith(" ")]
    return [subject for word, subject in lines if word == verdict]


def ill(app: Flask, subject: str, *words: str) -> None:
    """Assert that `subject` and nothing else is found ill, in `words`."""
    result = run(app, "doctor")
    assert result.exit_code == 1
    assert subjects(result.output, "PROBLEM") == [subject], result.output
    for word in words:
        assert word in result.output


def found_by(actor: Actor, **args: str) -> list[str]:
    """Return the SKUs that a search finds."""
    selection = Selection.from_args(Product, actor, args).selection
    found = [row.sku for row in selection.page(db.session).rows]
    db.session.rollback()
    return found


def test_a_house_in_use_is_well(filled: Flask) -> None:
    result = run(filled, "doctor")
    assert (result.exit_code, subjects(result.output, "well")) == (0, WELL), result.output


#: What breaks the search: statements of either database, and a word of the finding.
SEARCH = {
    "an entry that is missing": ("DELETE FROM search_entry WHERE resource = 'brand'", "brand 2"),
    "an entry too many": (
        "INSERT INTO search_entry (resource, record_id, heading, body) VALUES ('tag', 4711, 'ghost', '')",
        "tag 1",
    ),
    "trash that is taken for live": ("UPDATE search_entry SET live = true WHERE resource = 'product'", "product 1"),
    "nothing at all": ("DELETE FROM search_entry", "category 3"),
}


def test_a_broken_search_is_found_and_healed(
    filled: Flask, house: Actor, broken: Callable[..., None], subtests: pytest.Subtests
) -> None:
    for name, (statement, word) in SEARCH.items():
        with subtests.test(name):
            broken(statement)
            ill(filled, "search", "search reindex", word)
            result = run(filled, "search", "reindex")
            assert (result.exit_code, result.output) == (0, "19 records can be found.\n")
            assert run(filled, "doctor").exit_code == 0
            assert found_by(house, q="mug") == ["M-1"]
            assert found_by(house, q="mug", trash="1") == ["OLD-1"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broken_full_text_index_is_found_and_healed(filled: Flask, house: Actor, broken: Callable[..., None]) -> None:
    broken("INSERT INTO search_fts (search_fts) VALUES ('delete-all')")
    assert found_by(house, q="mug") == []
    ill(filled, "search", "full-text index 19")
    run(filled, "search", "reindex")
    assert found_by(house, q="mug") == ["M-1"]
    assert run(filled, "doctor").exit_code == 0


def test_reindexing_writes_every_text_anew(filled: Flask, house: Actor, broken: Callable[..., None]) -> None:
    # The roles' texts come from the migration.
    entries = select(
        SearchEntry.resource, SearchEntry.record_id, SearchEntry.heading, SearchEntry.body, SearchEntry.live
    ).where(SearchEntry.resource != "role")
    before = sorted(db.session.execute(entries).all())
    broken("UPDATE search_entry SET heading = 'wrong', body = 'wrong'")
    assert found_by(house, q="mug") == []
    assert reindex() == 19
    assert sorted(db.session.execute(entries).all()) == before, "just what the door had written"


def test_reindexing_does_not_overwrite_what_somebody_changes_meanwhile(filled: Flask, house: Actor) -> None:
    others: list[threading.Thread] = []

    def rename(unit: writes.Unit) -> None:
        product = unit.get(Product, unit.session.scalars(select(Product.id).where(Product.sku == "M-1")).one())
        records.update(unit, product, {"name": "Green jug"})

    def write() -> None:
        with filled.app_context():
            writes.run(house, "Rename", rename)
            db.session.remove()

    def meanwhile(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO search_entry") and "blue mug" in str(parameters) and not others:
            others.append(threading.Thread(target=write))
            others[0].start()
            others[0].join(timeout=0.5)

    with hearing(db.engine, "before_cursor_execute", meanwhile):
        reindex()
    others[0].join(timeout=20)
    db.session.rollback()
    assert found_by(house, q="jug") == ["M-1"]


#: What keeps an administrator from signing in.
SHUT_OUT: tuple[dict[str, Any], ...] = ({"active": False}, {"password_hash": None}, {"trashed_at": late()})


def test_a_house_without_administrator_is_found(filled: Flask, broken: Callable[..., None]) -> None:
    keeper = update(User).where(User.email == PERSON)
    key = db.session.scalars(select(User.id).where(User.email == PERSON)).one()
    entry = update(SearchEntry).where(SearchEntry.resource == "user", SearchEntry.record_id == key)
    for values in SHUT_OUT:
        broken(keeper.values(**values), entry.values(live="trashed_at" not in values))
        ill(filled, "administrators", "users ensure-first")
        broken(keeper.values(active=True, password_hash="x", trashed_at=None), entry.values(live=True))
        assert run(filled, "doctor").exit_code == 0
    broken(keeper.values(active=False))
    run(filled, "users", "ensure-first")
    assert run(filled, "doctor").exit_code == 0, "the remedy that it names helps"


def test_messages_that_cannot_be_sent_are_found(filled: Flask, broken: Callable[..., None]) -> None:
    stuck = update(OutboxMessage).where(OutboxMessage.sent_at.is_(None))
    broken(stuck.values(attempts=3, error="mail server: no route to host"))
    assert run(filled, "doctor").exit_code == 0, "not before an hour has passed"
    broken(stuck.values(due_at=late()))
    ill(filled, "outbox", "2 messages could not be sent", "“category.created”: mail server: no route to host")


def test_another_migration_is_found(filled: Flask, broken: Callable[..., None]) -> None:
    broken("UPDATE alembic_version SET version_num = 'f00d'")
    ill(filled, "migrations", f"at migration f00d, this release at {newest_revision()}. Run the newer release")
    broken("DELETE FROM alembic_version")
    ill(filled, "migrations", "no tables yet. Run: flask --app run db upgrade")


def test_a_folder_that_cannot_be_written_is_found(filled: Flask, tmp_path: Path) -> None:
    filled.instance_path = str(tmp_path / "gone")
    ill(filled, "instance folder", str(tmp_path / "gone"), "No such file or directory")
    # Not even who may do everything writes here.
    filled.instance_path = "/proc"
    ill(filled, "instance folder", "/proc cannot be written")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://postgres:seventeen@127.0.0.1:1/x", "refused"),
        ("postgresql://postgres:seventeen@no-such-host.invalid/x", "no-such-host.invalid"),
        ("sqlite:////nowhere/backoffice.db", "unable to open"),
        ("sqlite:///text.db", "not a database"),
    ],
)
def test_a_database_that_does_not_answer_is_found(tmp_path: Path, url: str, words: str) -> None:
    (tmp_path / "text.db").write_text("sku,name\n" * 200)
    app = create_app(settings_for(url, tmp_path))
    with app.app_context():
        ill(app, "database", words, "Check DATABASE_URL")
        for command in (("roles", "list"), ("demo", "load"), ("search", "reindex"), ("history", "undo", "1")):
            result = run(app, *command)
            assert result.exit_code == 1
            assert words in result.output and "seventeen" not in result.output
            assert result.output.count("\n") == 1
        db.engine.dispose()


def test_a_damaged_file_is_found(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with another("sqlite", request, tmp_path) as app:
        path = Path(str(db.engine.url.database))
        run(app, "demo", "load")
        run(app, "users", "ensure-first")
        db.session.remove()
        db.engine.dispose()
        with sqlite3.connect(path) as raw:
            (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_product_live_price'").fetchone()
            (size,) = raw.execute("PRAGMA page_size").fetchone()
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        with path.open("r+b") as file:
            file.seek((page - 1) * size + 8)
            file.write(b"\xff" * 64)
        ill(app, "database", "its file is damaged")


def test_only_these_tables_are_written_without_history() -> None:
    kept = {"sign_in_throttle", "outbox_message", "search_entry", "search_fts"}
    assert kept | {"preference", "saved_view", "presence", "figure"} == BOOKKEEPING
