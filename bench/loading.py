"""Writing many rows fast, past the door on purpose: nobody's catalogue, and no history to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, text
from sqlalchemy.engine import make_url

from backoffice.extensions import Base

from .catalogue import Row

#: Stand-ins that no row of ours holds: with them a chunk is escaped as a whole, which is faster than cell by cell.
_NULL, _END_OF_CELL, _END_OF_ROW = "\x1d", "\x1f", "\x1e"
_COPY_TEXT = {
    "\\": r"\\",
    "\t": r"\t",
    "\n": r"\n",
    "\r": r"\r",
    _NULL: r"\N",
    _END_OF_CELL: "\t",
    _END_OF_ROW: "\n",
}

#: Tables whose indexes are dropped for the load and built again at its end.
BIG = ("product", "product_tag", "search_entry")


def open_engine(address: str) -> Engine:
    """Return an engine of our own for `address`, without the house's wall against writes."""
    url = make_url(address)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    # Pages are only added: a rollback journal stays small where a write-ahead log would hold the whole catalogue.
    for pragma in ("journal_mode=DELETE", "synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def packed(dialect: str, rows: Sequence[Row]) -> tuple[list[str], Any]:
    """Return the columns of `rows` and their values in the form that `send` takes."""
    columns = list(rows[0]) if rows else []
    if dialect == "sqlite":
        return columns, rows
    data = "".join(_END_OF_CELL.join(map(_cell, row.values())) + _END_OF_ROW for row in rows)
    for held, written in _COPY_TEXT.items():
        data = data.replace(held, written)
    return columns, data


def send(connection: Connection, name: str, columns: list[str], data: Any) -> None:
    """Write packed rows: COPY on PostgreSQL, executemany on SQLite."""
    if not data:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(insert(Base.metadata.tables[name]), data)
        return
    listed = ", ".join(f'"{column}"' for column in columns)
    cursor = connection.connection.cursor()
    with cursor.copy(f'COPY "{name}" ({listed}) FROM STDIN') as copy:
        copy.write(data)


def _cell(value: Any) -> str:
    """Return `value` as COPY's text format writes it, before escaping."""
    if isinstance(value, str):
        return value
    if value is None:
        return _NULL
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """Drop what slows a load, whatever the migrations made of it, and build the same again at the end."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {}"
        drops, builds = _statements(connection, query.format(BIG), 'DROP INDEX "{}"', "{}")
    else:
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        drops, builds = _postgresql(connection)
    for statement in drops:
        connection.exec_driver_sql(statement)
    yield
    for statement in builds:
        connection.exec_driver_sql(statement)


def _postgresql(connection: Connection) -> tuple[list[str], list[str]]:
    keys = """
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
               format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
          FROM pg_constraint WHERE contype IN ('f', 'u') AND conrelid::regclass::text IN {}
         ORDER BY contype DESC, conname"""
    indexes = """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
          FROM pg_index WHERE indrelid::regclass::text IN {}
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
         ORDER BY 1"""
    drops, builds = _statements(connection, keys.format(BIG), "{}", "{}")
    more_drops, more_builds = _statements(connection, indexes.format(BIG), "DROP INDEX {}", "{}")
    return drops + more_drops, builds + more_builds


def _statements(connection: Connection, query: str, drop: str, build: str) -> tuple[list[str], list[str]]:
    found = connection.execute(text(query)).all()
    return [drop.format(row[0]) for row in found], [build.format(row[1]) for row in found]


def settle(engine: Engine, tables: Sequence[str]) -> None:
    """Let key sequences go on after the rows, and tell the planner what is there."""
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in tables:
            query = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING max(id) > 0"
            connection.exec_driver_sql(query)
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join((*tables, 'product_tag', 'search_entry'))}")
