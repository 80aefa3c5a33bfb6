"""A database and an application that tests take in turn are as new ones for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from .conftest import fresh_database, settings_for
from .pool import Pool, PostgresDatabase

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"

WRITTEN = [
    "INSERT INTO brand (name, name_key, slug, created_at, updated_at) VALUES ('A', 'a', 'a', now(), now())",
    "UPDATE house SET name = 'Another'",
    "DELETE FROM role",
    "INSERT INTO category (id, name, name_key, slug, path, depth, created_at, updated_at)"
    " VALUES (7, 'A', 'a', 'a', '/7/', 0, now(), now())",
    "INSERT INTO category (id, name, name_key, slug, path, depth, parent_id, created_at, updated_at)"
    " VALUES (8, 'B', 'b', 'b', '/7/8/', 1, 7, now(), now())",
    "INSERT INTO product (sku, name, name_key, slug, currency, status, category_id, created_at, updated_at)"
    " VALUES ('A', 'A', 'a', 'a', 'EUR', 'draft', 8, now(), now())",
    "UPDATE alembic_version SET version_num = 'later'",
]
SHAPED = [
    "CREATE TABLE another (id int)",
    "ALTER TABLE product ALTER COLUMN name DROP NOT NULL",
    "DROP INDEX ix_change_resource",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
]


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PostgresDatabase]:
    """Return a database of its own."""
    with fresh_database("postgresql", request, tmp_path) as url:
        yield PostgresDatabase(url)


def told(database: PostgresDatabase) -> dict[str, Any]:
    """Return all rows and sequences."""
    with psycopg.connect(database.url) as server:
        found: dict[str, Any] = {"": server.execute(SEQUENCES).fetchall()}
        for (name,) in server.execute(TABLES).fetchall():
            found[name] = server.execute(
                sql.SQL("SELECT {0}::text FROM {0} ORDER BY 1").format(sql.Identifier(name))
            ).fetchall()
        return found


def test_rows_and_numbers_are_put_back(fresh: PostgresDatabase) -> None:
    before = told(fresh)
    with closing(psycopg.connect(fresh.url)) as left:
        for statement in WRITTEN:
            left.execute(statement)
        left.commit()
        changed = told(fresh)
        assert all(changed[name] != before[name] for name in ("", "brand", "house", "role", "alembic_version"))
        left.execute("LOCK TABLE brand")
        fresh.restore()
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
    assert told(fresh) == before
    assert fresh.is_intact()


@pytest.mark.parametrize("statement", SHAPED)
def test_another_form_is_noticed(fresh: PostgresDatabase, statement: str) -> None:
    assert fresh.is_intact()
    with psycopg.connect(fresh.url) as server:
        server.execute(statement)
    assert not fresh.is_intact()


def test_an_application_keeps_nothing_of_the_test_before(tmp_path: Path) -> None:
    url, pool = f"sqlite:///{tmp_path}/none.db", Pool()
    first = pool.application(settings_for(url, tmp_path))
    before = dict(first.config)
    first.config.update(TESTING=False, MORE="of it")
    first.config.pop("SECRET_KEY")
    second = pool.application(settings_for(url, tmp_path / "other"))
    assert second is first
    assert second.config == before
    assert second.instance_path == str(tmp_path / "other") == str(second.extensions["settings"].instance_path)
