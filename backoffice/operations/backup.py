"""Backup and restore: one portable file for both databases, a zip with a table a member and a manifest with checksums.

Taken in one snapshot and written row by row; restored in one transaction, all of it or nothing. Rows are JSON Lines
with the names of the columns, so a backup of SQLite restores into PostgreSQL and the other way round.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, text, update

from .. import __version__, writes
from ..errors import Refused
from ..extensions import Base, db
from .upkeep import database_revision, newest_revision

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1_000

#: What is not worth keeping: who was slowed down a minute ago.
LEFT_OUT = frozenset({"sign_in_throttle"})

#: A line of a backup holds one row; nothing in the product makes a longer one.
LONGEST_LINE = 64 * 2**20

Row = dict[str, Any]


def tables() -> list[Table]:
    """Return the tables that a backup holds, each after those that it points to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def backup(path: Path) -> dict[str, int]:
    """Write everything to `path` and return the number of rows by table. The file is there only when it is whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        # It holds password hashes: for the eyes of whoever runs the command only.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            counts = _write(stream)
        part.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return counts


def restore(path: Path, *, replace: bool = False) -> dict[str, int]:
    """Read everything from `path` and return the number of rows by table; all or nothing.

    Raises Refused for a file that is damaged or of another version of the database, and, without `replace`, for a
    database in which someone has worked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _verified(archive)
            with writes.replacing() as connection:
                if not replace and connection.scalar(text("SELECT 1 FROM change_set LIMIT 1")):
                    raise Refused("This database is in use. Restore into a new one, or say --replace to lose it.")
                _empty(connection)
                return {table.name: _fill(connection, archive, table, manifest) for table in tables()}
    except (OSError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} is no backup that can be read: {error}.") from error


def _write(stream: IO[bytes]) -> dict[str, int]:
    manifest: dict[str, Any] = {"format": FORMAT, "version": __version__, "revision": database_revision(), "tables": {}}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, _snapshot() as connection:
        for table in tables():
            digest, count = hashlib.sha256(), 0
            with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as member:
                for row in _rows(connection, table):
                    line = json.dumps(row, ensure_ascii=False, default=_plain).encode() + b"\n"
                    digest.update(line)
                    member.write(line)
                    count += 1
            manifest["tables"][table.name] = {"rows": count, "sha256": digest.hexdigest()}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return {name: found["rows"] for name, found in manifest["tables"].items()}


def _snapshot() -> Connection:
    """Return a connection that sees one moment until it is closed."""
    if db.engine.dialect.name == "postgresql":
        return db.engine.connect().execution_options(isolation_level="REPEATABLE READ")
    return db.engine.connect()


def _rows(connection: Connection, table: Table) -> Iterator[Row]:
    found = connection.execution_options(yield_per=CHUNK).execute(select(table).order_by(*table.primary_key))
    for row in found.mappings():
        yield dict(row)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"A backup cannot hold {type(value).__name__}.")


def _verified(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the manifest after every checksum was found right."""
    try:
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        revision, members = manifest["revision"], manifest["tables"]
        known = manifest["format"] == FORMAT and isinstance(members, dict)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("This file is no backup of Backoffice: it has no manifest that can be read.") from error
    if not known or revision != database_revision():
        raise Refused(
            f"This backup is of the database version {revision}, and this installation is at {database_revision()} "
            f"(the newest is {newest_revision()}). Restore it with the release that wrote it, then upgrade."
        )
    for table in tables():
        if _digest(archive, table) != members.get(table.name, {}).get("sha256"):
            raise Refused(f"The backup is damaged: the rows of {table.name} are not those that were written.")
    return manifest


def _digest(archive: zipfile.ZipFile, table: Table) -> str | None:
    digest = hashlib.sha256()
    try:
        with archive.open(f"{table.name}.jsonl") as member:
            while piece := member.read(2**20):
                digest.update(piece)
    except KeyError:
        return None
    return digest.hexdigest()


def _empty(connection: Connection) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        for name in _own_references(table):
            connection.execute(update(table).values({name: None}))
        connection.execute(delete(table))


def _fill(connection: Connection, archive: zipfile.ZipFile, table: Table, manifest: dict[str, Any]) -> int:
    """Insert the rows of `table`; what points within the table is set when all of its rows are there."""
    own = _own_references(table)
    later: list[Row] = []
    count = 0
    with archive.open(f"{table.name}.jsonl") as member:
        for chunk in _chunks(member, table):
            for row in chunk:
                pointing = {name: row[name] for name in own if row[name] is not None}
                if pointing:
                    later.append({"key": row["id"], **{name: row.get(name) for name in own}})
                    row |= dict.fromkeys(own)
            connection.execute(insert(table), chunk)
            count += len(chunk)
    if later:
        pointed = update(table).where(table.c.id == bindparam("key"))
        connection.execute(pointed.values({name: bindparam(name) for name in own}), later)
    _continue_numbers(connection, table)
    if count != manifest["tables"][table.name]["rows"]:
        raise Refused(f"The backup is damaged: {table.name} has {count} rows.")
    return count


def _own_references(table: Table) -> list[str]:
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _chunks(member: IO[bytes], table: Table) -> Iterator[list[Row]]:
    lines = iter(lambda: member.readline(LONGEST_LINE), b"")
    while chunk := [_typed(table, json.loads(line)) for line in islice(lines, CHUNK)]:
        yield chunk


def _typed(table: Table, row: Row) -> Row:
    """Return `row` with the Python values that its columns take."""
    known = {column.name: column for column in table.columns}
    if row.keys() != known.keys():
        raise Refused(f"The backup is damaged: a row of {table.name} has other columns.")
    return {name: _value(known[name], value) for name, value in row.items()}


def _value(column: Any, value: Any) -> Any:
    if isinstance(value, str) and column.type.python_type in (datetime, Decimal):
        return datetime.fromisoformat(value) if column.type.python_type is datetime else Decimal(value)
    return value


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Let PostgreSQL's next key follow the highest; SQLite does so by itself."""
    if connection.dialect.name != "postgresql" or "id" not in table.c:
        return
    sequence = connection.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', "id")))
    if sequence:
        highest = select(func.max(table.c.id)).scalar_subquery()
        connection.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))


def table_counts(found: dict[str, int]) -> Iterable[str]:
    """Yield a line a table that holds rows."""
    return (f"{name}: {count}" for name, count in found.items() if count)
