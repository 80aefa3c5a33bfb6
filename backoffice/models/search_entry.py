"""The searched text of records, beside them: folded words, so that both databases find the same."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ..extensions import Base
from ..html import text_of
from .base import Resource, fields_of
from .fields import Field, Kind
from .types import BigKey, fold

_WORD = re.compile(r"[^\W_]+")
MAX_WORD = 60
MAX_WORDS = 2000


class SearchEntry(Base):
    """The words of one record: `heading` the telling fields, `body` the rest; `live` while it is not in the trash.

    On PostgreSQL the migration adds a generated `vector` with a GIN index, on SQLite an FTS5 table kept by triggers;
    neither is mapped, `backends.search` asks them.
    """

    __tablename__ = "search_entry"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    resource: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(BigInteger)
    heading: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    # Kept here too: a frequent word would cost a look at each of its records otherwise.
    live: Mapped[bool] = mapped_column(default=True, server_default="1")

    __table_args__ = (Index("uq_search_entry_record", "resource", "record_id", unique=True),)


def words(text: str) -> list[str]:
    """Return the folded words of `text` in order, each at most MAX_WORD characters."""
    return [word[:MAX_WORD] for word in _WORD.findall(fold(text))]


def searched_text(model: type[Resource], values: dict[str, object]) -> tuple[str, str]:
    """Return heading and body of the entry for a record of `model` with `values`, words separated by one space."""
    heading: list[str] = []
    body: list[str] = []
    for name in model.resource.search:
        field = fields_of(model)[name]
        target = body if field.kind in (Kind.HTML, Kind.LONG_TEXT) else heading
        target.extend(_words_of(field, values.get(name)))
    for field in fields_of(model).values():
        if field.kind is Kind.MAP and field.entry_prefix in model.resource.search:
            body.extend(_words_of(field, values.get(field.name)))
    return " ".join(heading[:MAX_WORDS]), " ".join(dict.fromkeys(body[: MAX_WORDS * 4]))[:100_000]


def _words_of(field: Field, value: object) -> Iterable[str]:
    if value is None:
        return []
    if isinstance(value, dict):
        return [word for text in value.values() for word in words(text_of(str(text)))]
    found = words(text_of(str(value)) if field.kind is Kind.HTML else str(value))
    if field.kind is Kind.CODE and len(found) > 1:
        found.append("".join(found)[:MAX_WORD])
    return found
