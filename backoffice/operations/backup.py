"""Backup: one portable file for both databases, a zip with a table a member and a manifest with checksums.

Taken in one snapshot and written row by row. Rows are JSON Lines with the names of the columns, and the same rows make
the same members on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Table, select, text

from .. import __version__
from ..errors import Refused
from ..extensions import Base, db
from ..models.types import utcnow
from .upkeep import require_current, revision_of
from .whole_file import whole_file

MANIFEST = "manifest.json"
FORMAT = 1

#: Rows that are read, and written, at once.
CHUNK = 1_000

#: What is not worth keeping: who was slowed down or looked at what a minute ago, figures that can be counted again.
LEFT_OUT = frozenset({"sign_in_throttle", "presence", "figure"})

#: Bounds of what a restore reads at once, so that a hostile file fills no memory.
LONGEST_LINE = 64 * 2**20
LONGEST_MANIFEST = 2**20


@dataclass(frozen=True)
class Member:
    """What the manifest says of the rows of one table."""

    rows: int
    sha256: str


def tables() -> list[Table]:
    """Return the tables that a backup holds, each after those that it points to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def member_name(table: Table) -> str:
    """Return the name of the member that holds the rows of `table`."""
    return f"{table.name}.jsonl"


def backup(path: Path) -> dict[str, int]:
    """Write everything to `path` and return the number of rows by table. The file is there only when it is whole.

    It holds password hashes: whoever runs the command alone may read it. Raises Refused.
    """
    with whole_file(path, private=True) as stream:
        return _write(stream)


def _write(stream: IO[bytes]) -> dict[str, int]:
    with _snapshot() as connection, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        revision = revision_of(connection)
        require_current(revision)
        members = {table.name: _write_table(connection, archive, table) for table in tables()}
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "revision": revision,
            "at": utcnow().isoformat(timespec="seconds"),
            "tables": {name: {"rows": member.rows, "sha256": member.sha256} for name, member in members.items()},
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return {name: member.rows for name, member in members.items()}


@contextmanager
def _snapshot() -> Iterator[Connection]:
    """Give a connection that sees one moment until it is closed."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
            # A table that is emptied at once is empty for older snapshots too, unless they hold it.
            names = ", ".join(f'"{table.name}"' for table in tables())
            connection.execute(text(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))
        yield connection


def _write_table(connection: Connection, archive: zipfile.ZipFile, table: Table) -> Member:
    digest, count = hashlib.sha256(), 0
    statement = select(table).order_by(*table.primary_key).execution_options(yield_per=CHUNK)
    with archive.open(member_name(table), "w", force_zip64=True) as member, connection.execute(statement) as rows:
        for row in rows.mappings():
            # Sorted, for PostgreSQL keeps the entries of a document in an order of its own.
            line = json.dumps(dict(row), ensure_ascii=False, sort_keys=True, default=_plain).encode() + b"\n"
            if len(line) > LONGEST_LINE:
                raise Refused(f"A row of {table.name} is too long for a backup: {line[:200].decode(errors='replace')}")
            digest.update(line)
            member.write(line)
            count += 1
    return Member(count, digest.hexdigest())


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"A backup cannot hold {type(value).__name__}.")
