"""The database itself refuses what does not come through the door.

Outside of a unit each connection is read-only: `BEGIN READ ONLY` over `default_transaction_read_only` on PostgreSQL,
`PRAGMA query_only` on SQLite. A connection that carries a `Pass` among its execution options may write what the pass
permits. Everything else must be a statement that is known to read: a list of what writes, or of what switches the
database's refusal off, would never be whole.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.elements import ReleaseSavepointClause, RollbackToSavepointClause, SavepointClause

from .errors import WriteRefused

OPTION = "door"

#: Milliseconds that a statement of a request may wait for a lock, and run.
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 30_000
BUSY_TIMEOUT_MS = 10_000

#: Comments and quoted text, in which nothing is meant as a command. `E'…'` has escapes of its own.
_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)

#: How a statement that reads begins; `PRAGMA` with a name only asks for what the name says. The weakest lock is the one
#: that every SELECT takes.
_BEGINNING = re.compile(
    r"[\s(]*(?:(?:EXPLAIN\s+(?:QUERY\s+PLAN\s+|\([^()]*\)\s*)?)?(?:SELECT|WITH|VALUES|TABLE)\b|SHOW\b"
    r"|LOCK TABLE [^;]* IN ACCESS SHARE MODE$"
    r"|PRAGMA\s+(?:\w+\.)?(?:table_x?info|table_list|index_x?info|index_list|foreign_key_list|foreign_key_check"
    r"|database_list|compile_options|integrity_check|quick_check)\b)",
    re.IGNORECASE,
)

#: Words that no statement that reads holds: commands within it, and INTO, which fills a table. Rows may be locked.
_COMMANDS = frozenset({"INSERT", "DELETE", "MERGE", "INTO", "EXECUTE", "PRAGMA", "UPDATE"})
_ROW_LOCK = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]\w*")

#: Functions that change settings or what stands beside the tables, and those that are sent elsewhere.
_FUNCTIONS = re.compile(r"(?<!\w)(?:set_config|setval|lo_|dblink)")

_DML_WITHIN = re.compile(r"\(\s*(?:INSERT|UPDATE|DELETE|MERGE)\b|;\s*\S", re.IGNORECASE)
_SAVEPOINTS = (SavepointClause, ReleaseSavepointClause, RollbackToSavepointClause)


@dataclass
class Pass:
    """What a connection of the door may write now: everything while `open` is above 0, `tables` always.

    `ends` says whether the transaction may be committed now; `lost` that it was rolled back meanwhile.
    """

    tables: frozenset[str] = frozenset()
    open: int = 0
    ends: bool = True
    lost: bool = False

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
    event.listen(engine, "set_connection_execution_options", _refuse_writable)
    event.listen(engine, "set_engine_execution_options", _refuse_writable)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _check)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _rollback)
    event.listen(engine, "handle_error", _explain)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "checkin", _lock_sqlite)


@lru_cache(maxsize=1024)
def reads(statement: str) -> bool:
    """Return whether `statement` is known to do nothing but read, and to be one statement."""
    code = " ".join(_QUOTED.sub(_meaningless, statement).split()).rstrip("; ")
    if not _BEGINNING.match(code) or ";" in code or "$" in code or _FUNCTIONS.search(statement.lower()):
        return False
    _first, *words = _WORD.findall(_ROW_LOCK.sub("", code).upper())
    return _COMMANDS.isdisjoint(words)


def _meaningless(found: re.Match[str]) -> str:
    return " " if found[0].startswith(("-", "/")) else " ? "


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
    # For a connection without transactions; the others begin each of them read-only, whatever is set meanwhile.
    connection.execute("SET default_transaction_read_only = on")
    # Compiling a plan, or starting workers for it, takes longer than any statement of a page runs.
    connection.execute("SET jit = off")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    # The values decide the plan: a word may be in three rows or in a third of them.
    connection.execute("SET plan_cache_mode = force_custom_plan")
    # Pages are in memory or on flash; at the default of 4 a whole table looks cheaper than a thousand of its rows.
    connection.execute("SET random_page_cost = 1.1")
    # Less, and the matches of a frequent word among a million entries are kept by page and looked at again.
    connection.execute("SET work_mem = '16MB'")
    connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.autocommit = autocommit
    connection.read_only = True


def _refuse_writable(_connection: object, options: Mapping[str, Any]) -> None:
    if "postgresql_readonly" in options:
        raise WriteRefused("Only the door changes how a connection writes.")


def _begin(connection: Connection) -> None:
    # By the driver: these statements are the guard's own, and nobody else's pass the check.
    driver = _driver(connection)
    writes = _pass_of(connection) is not None
    if connection.dialect.name == "sqlite":
        driver.execute(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        try:
            driver.execute(begin)
        except sqlite3.OperationalError as error:
            # As SQLAlchemy would say it: who waits for another writer is tried again.
            raise OperationalError(begin, None, error) from error
    elif writes:
        # It must be the first statement: after any other PostgreSQL refuses it.
        driver.execute("SET TRANSACTION READ WRITE")
        driver.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")


def _check(
    connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _executemany: bool
) -> None:
    held = _pass_of(connection)
    compiled = getattr(getattr(context, "compiled", None), "statement", None)
    if (held and held.open) or isinstance(compiled, _SAVEPOINTS) or (reads(statement) and not _is_dml(context)):
        return
    if held is None:
        raise WriteRefused(f"Nothing is written outside of writes.unit(): {statement[:80]}")
    table = getattr(compiled, "table", None)
    if table is None or table.name not in held.tables or _DML_WITHIN.search(_QUOTED.sub(" ", statement)):
        raise WriteRefused(f"This statement would leave no trace in history: {statement[:80]}")


def _is_dml(context: Any) -> bool:
    return bool(context and (context.isinsert or context.isupdate or context.isdelete))


def _commit(connection: Connection) -> None:
    held = _pass_of(connection)
    if held and (held.lost or not held.ends):
        # SQLAlchemy takes the transaction for ended, whatever is raised here.
        _driver(connection).rollback()
        held.lost = True
        raise WriteRefused("The unit commits when its block ends, once, and all that it did.")


def _rollback(connection: Connection) -> None:
    held = _pass_of(connection)
    if held and not held.ends:
        held.lost = True


def _explain(context: ExceptionContext) -> None:
    refused: Any = context.original_exception
    _leave_out_values(refused, context.sqlalchemy_exception)
    if context.connection is not None and _pass_of(context.connection) is not None:
        # A file or a server that cannot be written is no fault of the program.
        return
    if getattr(refused, "sqlstate", None) == "25006" or "readonly database" in str(refused):
        raise WriteRefused("Nothing is written outside of writes.unit().") from refused


def _leave_out_values(original: Any, wrapped: BaseException | None) -> None:
    """Keep of what PostgreSQL says the sentence that names no value.

    Its details quote the whole row that broke a constraint, password hash included, and a value that cannot be read
    stands in the sentence itself; both would go to the log.
    """
    said = getattr(getattr(original, "diag", None), "message_primary", None)
    if not said:
        return
    kind = type(original).__name__
    original.args = (kind if str(original.sqlstate).startswith("22") else said,)
    if wrapped is not None:
        wrapped.args = (f"({type(original).__module__}.{kind}) {original.args[0]}",)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _pass_of(connection: Connection) -> Pass | None:
    found = connection.get_execution_options().get(OPTION)
    return found if isinstance(found, Pass) else None
