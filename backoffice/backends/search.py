"""Full-text search: PostgreSQL's tsvector or SQLite's FTS5 over the same folded words."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    not_,
    select,
    table,
    update,
)
from sqlalchemy.dialects import postgresql

from ..models.search_entry import SearchEntry, words
from .rows import insert_many

#: Words of a query that count; the rest of a pasted text is ignored.
MAX_QUERY_WORDS = 12

#: The part of an entry that holds the telling fields; long texts and translations stand in the body.
HEADING = "heading"

#: PostgreSQL's vector marks the words of the heading.
_MARK = "^"

ENTRIES = typing.cast(Table, SearchEntry.__table__)

#: SQLite's index over the entries; it has a column of its own name, which takes commands.
FULL_TEXT = table("search_fts", column("rowid"), column("search_fts"))


def store(connection: Connection, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write the searched text of records; each entry has resource, record_id, heading, body and live."""
    by_record = {(entry["resource"], entry["record_id"]): entry for entry in entries}
    insert_many(connection, ENTRIES, list(by_record.values()), key=("resource", "record_id"))


def mark(connection: Connection, resource: str, keys: Iterable[int], live: bool) -> None:
    """Note that records went to the trash or came back."""
    chosen = SearchEntry.record_id.in_(list(keys))
    connection.execute(update(SearchEntry).where(SearchEntry.resource == resource, chosen).values(live=live))


def forget(connection: Connection, resource: str, record_id: int) -> None:
    """Remove the searched text of a record that is gone for good."""
    connection.execute(delete(SearchEntry).where(SearchEntry.resource == resource, SearchEntry.record_id == record_id))


def rebuild(connection: Connection) -> None:
    """Make SQLite's index anew from the entries; PostgreSQL's cannot be out of step with them."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(FULL_TEXT).values(search_fts="rebuild"))


def count_unindexed(connection: Connection) -> int:
    """Return how many entries SQLite's index lacks or has too many; PostgreSQL's cannot be out of step with them."""
    if connection.dialect.name != "sqlite":
        return 0
    indexed = connection.scalar(select(func.count()).select_from(table("search_fts_docsize")))
    return abs((connection.scalar(select(func.count()).select_from(SearchEntry)) or 0) - (indexed or 0))


def matches(
    dialect: str, resource: str, text: str, part: str | None = None, beginnings: bool = False, trash: bool = False
) -> Select[int] | None:
    """Return the keys of the records of `resource` that hold every word of `text`, the last one as a beginning.

    `part` looks in the heading only; with `beginnings` every word may be the beginning of one; `trash` looks in the
    trash instead of out of it. None when `text` holds no word.
    """
    found = words(text)[:MAX_QUERY_WORDS]
    if not found:
        return None
    condition = _postgresql if dialect == "postgresql" else _sqlite
    # Without a parameter: each of PostgreSQL's indexes holds one half.
    half = not_(SearchEntry.live) if trash else SearchEntry.live
    return select(SearchEntry.record_id).where(
        SearchEntry.resource == resource, half, condition(found, part, beginnings)
    )


def rank(dialect: str, text: str, part: str | None = None) -> ColumnElement[Any]:
    """Return how well `part` of an entry that matches answers `text`, the higher the better; of the candidates only."""
    found = words(text)[:MAX_QUERY_WORDS]
    if dialect == "postgresql":
        return func.ts_rank(literal_column("search_entry.vector"), _tsquery(found, part, False))
    padded = literal(" ").concat(SearchEntry.heading).concat(" ")
    hits: Any = literal(0)
    for word in found:
        hits = hits + func.min(1, func.instr(padded, f" {word}"))
    return hits  # type: ignore[no-any-return]


def _tsquery(found: list[str], part: str | None, beginnings: bool) -> ColumnElement[Any]:
    # A cast, not to_tsquery: the words are folded already, and a parser would split them again.
    marks = [_MARK] if part == HEADING else [_MARK, ""]
    forms = [
        " | ".join(f"'{mark}{word}'{star and ':'}{star}" for mark in marks)
        for word, star in zip(found, _stars(found, beginnings), strict=True)
    ]
    return cast(" & ".join(f"({form})" for form in forms), postgresql.TSQUERY)


def _stars(found: list[str], beginnings: bool) -> list[str]:
    """Return for each word the star that makes it a beginning, or nothing."""
    return ["*"] * len(found) if beginnings else [*[""] * (len(found) - 1), "*"]


def _postgresql(found: list[str], part: str | None, beginnings: bool) -> ColumnElement[bool]:
    return literal_column("search_entry.vector").op("@@")(_tsquery(found, part, beginnings))


def _sqlite(found: list[str], part: str | None, beginnings: bool) -> ColumnElement[bool]:
    text = " ".join(f'"{word}"{star}' for word, star in zip(found, _stars(found, beginnings), strict=True))
    wanted = f"{part} : ({text})" if part else text
    return SearchEntry.id.in_(select(FULL_TEXT.c.rowid).where(literal_column("search_fts").op("MATCH")(wanted)))
