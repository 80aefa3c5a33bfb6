"""Writing many rows of a table by one statement, in the way that each database is quick at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


def insert_many(connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str] = ()) -> None:
    """Insert `rows`, values by column, all of the same columns; over a row with the same `key` they are written.

    No two of `rows` have the same `key`.
    """
    if not rows:
        return
    names = list(rows[0])
    if connection.dialect.name == "postgresql":
        given = _given(connection, table, names)
        statement = postgresql.insert(table).from_select(names, select(*given.c), include_defaults=False)
        if key:
            written = {name: statement.excluded[name] for name in names if name not in key}
            statement = statement.on_conflict_do_update(index_elements=list(key), set_=written)
        connection.execute(statement, {"rows": _document(rows)})
        return
    plain = sqlite.insert(table)
    if key:
        written = {name: plain.excluded[name] for name in names if name not in key}
        plain = plain.on_conflict_do_update(index_elements=list(key), set_=written)
    connection.execute(plain, [dict(row) for row in rows])


def update_many(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Update each row that has the `id` of one of `rows` and the `version` before its own; return how many were.

    Each of `rows` holds values by column, all of them of the same columns. -1: the driver does not count.
    """
    names = [name for name in rows[0] if name != "id"]
    if connection.dialect.name == "postgresql":
        given = _given(connection, table, ["id", *names])
        statement = (
            update(table)
            .where(table.c.id == given.c.id, table.c.version == given.c.version - 1)
            .values({name: given.c[name] for name in names})
        )
        return connection.execute(statement, {"rows": _document(rows)}).rowcount
    statement = (
        update(table)
        .where(table.c.id == bindparam("of_id"), table.c.version == bindparam("of_version"))
        .values({name: bindparam(f"to_{name}") for name in names})
    )
    stored = [
        {"of_id": row["id"], "of_version": row["version"] - 1} | {f"to_{name}": row[name] for name in names}
        for row in rows
    ]
    return connection.execute(statement, stored).rowcount


def _given(connection: Connection, table: Table, names: Sequence[str]) -> FromClause:
    """Return the rows of the document `rows` as a table: PostgreSQL takes all of them as one parameter.

    A statement for each row costs it and the driver several times as much.
    """
    own: ColumnElement[Any] = literal_column(
        f"CAST(NULL AS {connection.dialect.identifier_preparer.quote(table.name)})"
    )
    document = cast(bindparam("rows", type_=Text()), JSON())
    columns = [column(name, table.c[name].type) for name in names]
    return func.json_populate_recordset(own, document).table_valued(*columns, name="given")


def _document(rows: Sequence[Row]) -> str:
    # Amounts and moments as they are written; what is a document already needs no second coding.
    return json.dumps(rows, ensure_ascii=False, default=str)
