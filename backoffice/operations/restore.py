"""Restore: everything from a backup in one transaction, all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Integer,
    Numeric,
    String,
    Table,
    TypeDecorator,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError
from sqlalchemy.types import TypeEngine

from .. import writes
from ..errors import Refused
from ..extensions import Base
from ..models.base import resources
from ..models.history import Change
from .backup import CHUNK, FORMAT, LONGEST_LINE, LONGEST_MANIFEST, MANIFEST, Member, member_name, tables
from .upkeep import database_revision, knows_revision, newest_revision, require_current

#: Tables in which the migrations themselves put rows; a row in any other is somebody's work.
FURNISHED = frozenset({"house", "role", "search_entry"})

#: What reading a file that is no zip, or a broken one, may raise.
_UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error)

Row = dict[str, Any]
Reader = Callable[[Any], object]


def restore(path: Path, *, replace: bool = False) -> dict[str, int]:
    """Read everything from `path` and return the number of rows by table; all or nothing.

    Raises Refused for a file that is damaged or of another version of the database, and, without `replace`, for a
    database in which someone has worked.
    """
    with ExitStack() as opened:
        with _readable(path):
            archive = opened.enter_context(zipfile.ZipFile(path))
            members = _verified(archive)
        with writes.replacing() as connection:
            if not replace and _is_used(connection):
                raise Refused("This database is in use. Restore into a new one, or say --replace to lose it.")
            _empty(connection)
            for table in tables():
                _fill(connection, archive, table, members[table.name])
            _continue_numbers(connection)
    return {name: member.rows for name, member in members.items()}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise Refused(f"{path} is no backup, or it is damaged: {error or type(error).__name__}.") from error


def _verified(archive: zipfile.ZipFile) -> dict[str, Member]:
    """Return what the manifest says of each table after every checksum was found right."""
    manifest, members = _manifest(archive)
    _require_revision(manifest)
    names = {table.name for table in tables()}
    if members.keys() != names:
        odd = ", ".join(sorted(members.keys() ^ names))
        raise Refused(f"The tables of this backup are not those of this installation: {odd}.")
    for table in tables():
        if _digest(archive, table) != members[table.name].sha256:
            raise Refused(f"The backup is damaged: the rows of {table.name} are not those that were written.")
    return members


def _manifest(archive: zipfile.ZipFile) -> tuple[dict[str, Any], dict[str, Member]]:
    try:
        with archive.open(MANIFEST) as member:
            manifest: dict[str, Any] = json.loads(member.read(LONGEST_MANIFEST))
        entries = manifest["tables"].items()
        known = {str(name): Member(int(entry["rows"]), str(entry["sha256"])) for name, entry in entries}
        (manifest["format"], manifest["version"], manifest["revision"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("This file is no backup of Backoffice: it has no manifest that can be read.") from error
    return manifest, known


def _require_revision(manifest: dict[str, Any]) -> None:
    """Raise Refused unless file, database and release are of one version."""
    written, newest, version = manifest["revision"], newest_revision(), manifest["version"]
    if manifest["format"] != FORMAT or not knows_revision(written):
        raise Refused(f"This backup was written by a newer release, {version}. Install that one, then restore.")
    require_current(database_revision())
    if written != newest:
        raise Refused(
            f"This backup was written by an older release, {version}. Restore it with that one, then upgrade the "
            "database."
        )


def _digest(archive: zipfile.ZipFile, table: Table) -> str | None:
    digest = hashlib.sha256()
    try:
        with archive.open(member_name(table)) as member:
            while piece := member.read(2**20):
                digest.update(piece)
    except KeyError:
        return None
    return digest.hexdigest()


def _is_used(connection: Connection) -> bool:
    """Return whether somebody has worked in the database."""
    others = [table for table in tables() if table.name not in FURNISHED]
    return any(connection.scalar(select(literal(1)).select_from(table).limit(1)) for table in others)


def _empty(connection: Connection) -> None:
    every = Base.metadata.sorted_tables
    if connection.dialect.name == "postgresql":
        # At once: row by row, each would be looked for in the tables that point to it.
        connection.execute(text("TRUNCATE " + ", ".join(f'"{table.name}"' for table in every)))
        return
    for table in reversed(every):
        for name in _own_references(table):
            connection.execute(update(table).where(table.c[name].is_not(None)).values({name: None}))
        connection.execute(delete(table))


def _own_references(table: Table) -> list[str]:
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _fill(connection: Connection, archive: zipfile.ZipFile, table: Table, member: Member) -> None:
    """Insert the rows of `table`; what points within the table is set when all of its rows are there."""
    own = _own_references(table)
    later: list[Row] = []
    count = 0
    try:
        with archive.open(member_name(table)) as stream:
            for chunk in _chunks(stream, table):
                later += [_pointing(row, own) for row in chunk if any(row[name] is not None for name in own)]
                connection.execute(insert(table), [row | dict.fromkeys(own) for row in chunk])
                count += len(chunk)
        if later:
            pointed = update(table).where(table.c.id == bindparam("key"))
            connection.execute(pointed.values({name: bindparam(f"to_{name}") for name in own}), later)
    except (OperationalError, InterfaceError):
        raise
    except (StatementError, OverflowError) as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        raise Refused(f"The backup is damaged: the rows of {table.name} do not fit: {reason}.") from error
    if count != member.rows:
        raise Refused(f"The backup is damaged: {table.name} has {count} rows, not {member.rows}.")


def _pointing(row: Row, own: list[str]) -> Row:
    return {"key": row["id"]} | {f"to_{name}": row[name] for name in own}


def _chunks(stream: IO[bytes], table: Table) -> Iterator[list[Row]]:
    read = {column.name: reader_of(column.type) for column in table.columns}
    lines = iter(lambda: stream.readline(LONGEST_LINE), b"")
    while chunk := [_row(table, line, read) for line in islice(lines, CHUNK)]:
        yield chunk


def reader_of(type_: TypeEngine[Any]) -> Reader:
    """Return what makes a column's value from its JSON value. Raises TypeError for a type that no backup holds."""
    kind = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    if isinstance(kind, DateTime):
        return datetime.fromisoformat
    if isinstance(kind, Numeric):
        return _amount
    if isinstance(kind, String | Integer | Boolean | JSON):
        return _as_it_is
    raise TypeError(f"A backup cannot hold {kind!r}.")


def _amount(value: Any) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite():
        # PostgreSQL would store it.
        raise ValueError(f"{value} is no amount")
    return amount


def _as_it_is(value: object) -> object:
    return value


def _row(table: Table, line: bytes, read: dict[str, Reader]) -> Row:
    """Return the row that `line` holds, with the Python values that its columns take."""
    try:
        row = json.loads(line)
        if row.keys() != read.keys():
            raise ValueError("it has other columns")
        return {name: None if value is None else read[name](value) for name, value in row.items()}
    except (ArithmeticError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise Refused(f"The backup is damaged: a row of {table.name} cannot be read: {error}.") from error


def _continue_numbers(connection: Connection) -> None:
    """Let the next number follow the highest that was ever given: history knows records by theirs."""
    names = {str(model.__tablename__): name for name, model in resources().items()}  # type: ignore[attr-defined]
    for table in tables():
        if "id" not in table.c:
            continue
        highest = connection.scalar(select(func.max(table.c.id))) or 0
        gone = select(func.max(Change.record_id)).where(Change.resource == names.get(table.name))
        highest = max(highest, connection.scalar(gone) or 0)
        if connection.dialect.name == "postgresql":
            sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
            connection.execute(select(func.setval(sequence, highest or 1, highest > 0)))
        elif table.name in names:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
            values = {"name": table.name, "highest": highest}
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :highest)"), values)
