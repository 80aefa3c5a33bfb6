"""The database itself refuses what does not come through the door.

Outside of a unit each connection is read-only: `default_transaction_read_only` on PostgreSQL, `PRAGMA query_only` on
SQLite. A connection that carries a `Pass` among its execution options may write what the pass permits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from .errors import WriteRefused

OPTION = "door"

#: Milliseconds that a statement of a request may wait for a lock, and run.
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 30_000
BUSY_TIMEOUT_MS = 10_000

_WRITES = re.compile(
    r"\b(?:INSERT\s+(?:INTO|OR)|REPLACE\s+INTO|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|CREATE|DROP|ALTER|GRANT|COPY)\b"
    r"|\bUPDATE\s+(?!OF\b|NOWAIT\b|SKIP\b)[\w\".]+\s+(?:AS\s+\w+\s+|\w+\s+)?SET\b",
    re.IGNORECASE,
)
# In brackets most pragmas take a value to set, and these the name of what they tell about.
_TELLING = r"table_x?info|table_list|index_x?info|index_list|foreign_key_list|foreign_key_check|\w+_check"
_SETTING = re.compile(
    r"\s*(?:(?:SET|RESET|BEGIN|START|ATTACH)\b"
    rf"|PRAGMA\s+(?:\w+\.)?(?:query_only|\w+\s*=|(?!(?:{_TELLING})\b)\w+\s*\())",
    re.IGNORECASE,
)
_READ_ONLY = ("read-only transaction", "readonly database")


@dataclass
class Pass:
    """What a connection of the door may write now: everything while `open` is above 0, `tables` always."""

    tables: frozenset[str] = frozenset()
    open: int = 0

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Permit every write, for statements whose changes are recorded."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


def protect(engine: Engine) -> None:
    """Make every connection of `engine` read-only unless it carries a pass."""
    event.listen(engine, "connect", _prepare_sqlite if engine.dialect.name == "sqlite" else _prepare_postgresql)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _check)
    event.listen(engine, "handle_error", _explain)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "checkin", _lock_sqlite)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions late and commit before DDL; BEGIN comes from `_begin` instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA query_only=ON")


def _lock_sqlite(connection: Any, _record: Any) -> None:
    if connection is not None:
        connection.execute("PRAGMA query_only=ON")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    autocommit, connection.autocommit = connection.autocommit, True
    connection.execute("SET default_transaction_read_only = on")
    # Compiling a plan takes longer than any statement of a page runs.
    connection.execute("SET jit = off")
    connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.autocommit = autocommit


def _begin(connection: Connection) -> None:
    writes = _pass_of(connection) is not None
    if connection.dialect.name == "sqlite":
        if writes:
            connection.exec_driver_sql("PRAGMA query_only=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        # It must be the first statement: after any other PostgreSQL refuses it.
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")


def _check(
    connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _executemany: bool
) -> None:
    held = _pass_of(connection)
    if held is None:
        if _SETTING.match(statement) and statement != "BEGIN":
            raise WriteRefused(f"Only the door changes how a connection writes: {statement[:80]}")
        return
    if held.open or not (_is_dml(context) or _WRITES.search(statement)):
        return
    table = getattr(getattr(context, "compiled", None) and context.compiled.statement, "table", None)
    if table is None or table.name not in held.tables:
        raise WriteRefused(f"This statement would leave no trace in history: {statement[:80]}")


def _is_dml(context: Any) -> bool:
    return bool(context and (context.isinsert or context.isupdate or context.isdelete))


def _explain(context: ExceptionContext) -> None:
    if context.connection is not None and _pass_of(context.connection) is not None:
        # Within the door it means what it says: a file or a server that cannot be written.
        return
    if any(words in str(context.original_exception) for words in _READ_ONLY):
        raise WriteRefused("Nothing is written outside of writes.unit().") from context.original_exception


def _pass_of(connection: Connection) -> Pass | None:
    found = connection.get_execution_options().get(OPTION)
    return found if isinstance(found, Pass) else None
