"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, JSON, BigInteger, ColumnElement, DateTime, Integer, Numeric, String, any_, bindparam
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from .text import bare

#: Decimals kept of an amount; no ISO 4217 currency has more.
MONEY_SCALE = 4
_UNIT = 10**MONEY_SCALE

#: Upper bound of an amount, so that it fits 14 digits on every database.
MONEY_MAX = Decimal("9999999999.9999")

KEY_LENGTH = 255

#: SQLite numbers rows by itself only in an INTEGER key.
BigKey = BigInteger().with_variant(Integer, "sqlite")

#: Binary order, the same on both databases; a language's collation would make prefix ranges miss rows.
KeyText = String(KEY_LENGTH).with_variant(String(KEY_LENGTH, collation="C"), "postgresql")
CodeText = String(64).with_variant(String(64, collation="C"), "postgresql")
PathText = String(500).with_variant(String(500, collation="C"), "postgresql")

#: None is SQL NULL, not the JSON null; binary on PostgreSQL.
Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Money(TypeDecorator[Decimal]):
    """An amount with four decimals: NUMERIC on PostgreSQL, a scaled integer on SQLite, which has no decimals."""

    impl = Numeric(14, MONEY_SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(14, MONEY_SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int(value * _UNIT)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        amount = Decimal(value) / _UNIT if dialect.name == "sqlite" else Decimal(value)
        return amount.quantize(Decimal(1).scaleb(-MONEY_SCALE))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored in UTC; a naive datetime is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored moment needs a time zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def among(session: Session, column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of many values: one parameter on PostgreSQL, however many they are."""
    listed = list(values)
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(bindparam(None, listed, type_=ARRAY(column.type), unique=True))  # type: ignore[no-any-return]
    return column.in_(listed)  # type: ignore[no-any-return]


def utcnow() -> datetime:
    """Return this moment in UTC, to the microsecond."""
    return datetime.now(UTC)


def fold(text: str) -> str:
    """Return `text` casefolded, without accents and without what shows nothing: the form that sorting and searching
    compare, so that what looks the same is the same.

    Idempotent: folding twice equals folding once.
    """
    if text.isascii():
        return text.lower()
    text = bare(text)
    # Decomposed on both sides of casefolding: “™” becomes capitals, which the other way round stayed.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    if decomposed.isascii():
        return decomposed
    # Composed again: Hangul falls apart into letters that are no accents.
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", letters)


def sort_key(text: str) -> str:
    """Return the key by which `text` is sorted: folded, spaces collapsed, at most KEY_LENGTH characters."""
    return " ".join(fold(text).split())[:KEY_LENGTH]
