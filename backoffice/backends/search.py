"""Full-text search: PostgreSQL's tsvector or SQLite's FTS5 over the same folded words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    cast,
    column,
    delete,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects import postgresql, sqlite

from ..models.search_entry import SearchEntry, words

#: Words of a query that count; the rest of a pasted text is ignored.
MAX_QUERY_WORDS = 12


def store(connection: Connection, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write the searched text of records; each entry has resource, record_id, heading and body."""
    rows = list(entries)
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(SearchEntry)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["resource", "record_id"],
            set_={"heading": statement.excluded.heading, "body": statement.excluded.body},
        ),
        rows,
    )


def forget(connection: Connection, resource: str, record_id: int) -> None:
    """Remove the searched text of a record that is gone for good."""
    connection.execute(delete(SearchEntry).where(SearchEntry.resource == resource, SearchEntry.record_id == record_id))


def matches(dialect: str, resource: str, text: str) -> Select[int] | None:
    """Return the keys of the records of `resource` that hold every word of `text`, the last one as a beginning.

    None when `text` holds no word.
    """
    found = words(text)[:MAX_QUERY_WORDS]
    if not found:
        return None
    statement = select(SearchEntry.record_id).where(SearchEntry.resource == resource)
    return statement.where(_postgresql(found) if dialect == "postgresql" else _sqlite(found))


def rank(dialect: str, text: str) -> ColumnElement[Any]:
    """Return how well an entry that matches answers `text`, the higher the better; of the candidates only."""
    found = words(text)[:MAX_QUERY_WORDS]
    if dialect == "postgresql":
        return func.ts_rank(literal_column("search_entry.vector"), _tsquery(found))
    padded = literal(" ").concat(SearchEntry.heading).concat(" ")
    hits: Any = literal(0)
    for word in found:
        hits = hits + func.min(1, func.instr(padded, f" {word}"))
    return hits  # type: ignore[no-any-return]


def _tsquery(found: list[str]) -> ColumnElement[Any]:
    # A cast, not to_tsquery: the words are folded already, and a parser would split them again.
    *whole, last = found
    text = " & ".join([*(f"'{word}'" for word in whole), f"'{last}':*"])
    return cast(text, postgresql.TSQUERY)


def _postgresql(found: list[str]) -> ColumnElement[bool]:
    return literal_column("search_entry.vector").op("@@")(_tsquery(found))


def _sqlite(found: list[str]) -> ColumnElement[bool]:
    *whole, last = found
    text = " ".join([*(f'"{word}"' for word in whole), f'"{last}"*'])
    fts = table("search_fts", column("rowid"))
    return SearchEntry.id.in_(select(fts.c.rowid).where(literal_column("search_fts").op("MATCH")(text)))
