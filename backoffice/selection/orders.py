"""Orders and places in them: nulls last in both directions, the key as tie-breaker, and opaque cursors."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, func, literal, literal_column, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from ..errors import Refused
from ..models.base import Resource, fields_of
from ..models.fields import Kind
from ..models.types import Money, UtcDateTime
from .filters import MAX_KEY

MAX_CURSOR = 4_000

#: What PostgreSQL sorts before and after each value that a column of a type can hold.
_EDGES: dict[type[TypeEngine[Any]], tuple[str, str]] = {
    String: ("''", "repeat(chr(1114111), 64)"),
    Money: ("'-1e30'", "'NaN'"),
    UtcDateTime: ("'-infinity'", "'infinity'"),
}

RELEVANCE = "relevance"


@dataclass(frozen=True)
class Position:
    """A place in an order: after the row with `value` and `key`, or before it when `backward`.

    Without a key it is the beginning, or the end when `backward`.
    """

    value: Any = None
    key: int | None = None
    backward: bool = False


LAST = Position(backward=True)


@dataclass(frozen=True)
class Order:
    """Rows of `model` by field `name`, equal ones by key in the same direction."""

    model: type[Resource]
    name: str
    descending: bool = False

    @property
    def token(self) -> str:
        """Return the order as `sort=` writes it."""
        return f"-{self.name}" if self.descending else self.name

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """Return the column that is compared: names compare by their key."""
        if self.name == "name" and hasattr(self.model, "name_key"):
            return self.model.name_key  # type: ignore[no-any-return]
        return getattr(self.model, self.name)  # type: ignore[no-any-return]

    @property
    def nullable(self) -> bool:
        """Return whether rows without a value need a part of their own, at the end."""
        return self.name != "id" and bool(self.column.property.columns[0].nullable)

    def bound(self, value: Any) -> ColumnElement[Any]:
        """Return `value` as the column compares it."""
        return literal(value, BigInteger() if isinstance(value, int) else self.column.type)

    def encode(self, value: Any, key: int) -> str:
        """Return the cursor of a row, good for this order only."""
        field = fields_of(self.model).get(self.name)
        plain = field.encode(value) if field else value
        packed = json.dumps(
            [self.model.resource.name, self.token, plain, key], ensure_ascii=False, separators=(",", ":")
        )
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    def decode(self, cursor: str, backward: bool = False) -> Position | None:
        """Return the place that `cursor` names, None where it is none of this order."""
        found = _unpacked(cursor)
        if not isinstance(found, list) or len(found) != 4 or found[:2] != [self.model.resource.name, self.token]:
            return None
        value, key = found[2:]
        if not _is_whole(key) or key < 1:
            return None
        try:
            return Position(self._value(value), key, backward)
        except (ValueError, TypeError, OverflowError, InvalidOperation, Refused):
            return None

    def _value(self, value: Any) -> Any:
        """Return what `encode` wrote, or raise one of several errors."""
        if self.name in ("id", RELEVANCE):
            if not _is_whole(value):
                raise ValueError(value)
            return value
        field = fields_of(self.model)[self.name]
        if value is None:
            if not self.nullable:
                raise ValueError(value)
            return None
        if field.kind is Kind.INTEGER and _is_whole(value) or field.kind is Kind.BOOLEAN and type(value) is bool:
            return value
        if not isinstance(value, str) or field.kind in (Kind.INTEGER, Kind.BOOLEAN):
            raise ValueError(value)
        if "\x00" in value.encode().decode():  # a lone surrogate does not encode
            raise ValueError(value)
        return field.parse(value) if field.kind in (Kind.MONEY, Kind.MOMENT) else value


@dataclass(frozen=True)
class Segment:
    """A stretch of an order to be walked in one direction: rows with a value or rows without, all or beyond a place."""

    order: Order
    valueless: bool
    descending: bool
    value: Any = None
    key: int | None = None

    def conditions(self, key: Any, value: Any) -> list[ColumnElement[bool]]:
        """Return the conditions of the stretch over the columns `key` and `value`."""
        found = [] if not self.order.nullable else [value.is_(None) if self.valueless else value.is_not(None)]
        if self.key is None:
            return found
        edge = literal(self.key, BigInteger())
        if self.valueless or self.order.name == "id":
            return [*found, key < edge if self.descending else key > edge]
        row, place = tuple_(value, key), tuple_(self.order.bound(self.value), edge)
        return [*found, row < place if self.descending else row > place]

    def up_to(self, key: Any, value: Any, last: Any) -> ColumnElement[bool]:
        """Return the condition that a row does not come after the one of `last`, which may hold none (PostgreSQL)."""

        def edge(column: Any, lowest: str, highest: str) -> Any:
            end: Any = literal_column(lowest if self.descending else highest)
            return func.coalesce(select(column).scalar_subquery(), end)

        number = edge(last.c.id, "0", str(MAX_KEY))
        if self.valueless or self.order.name == "id":
            return key >= number if self.descending else key <= number  # type: ignore[no-any-return]
        row = tuple_(value, key)
        kind = self.order.column.type
        beyond = next((both for known, both in _EDGES.items() if isinstance(kind, known)), None)
        if beyond is None:
            return true()
        place = tuple_(edge(last.c.value, *beyond), number)
        return row >= place if self.descending else row <= place

    def ordering(self, key: Any, value: Any) -> list[Any]:
        """Return what to order the columns `key` and `value` by; both, as the index has them, also without a value."""
        columns = [key] if self.order.name == "id" else [value, key]
        return [column.desc() if self.descending else column.asc() for column in columns]


def segments(order: Order, place: Position) -> list[Segment]:
    """Return the stretches that lie beyond `place`, in the direction in which it looks."""
    descending = order.descending != place.backward
    if not order.nullable:
        return [Segment(order, False, descending, place.value, place.key)]
    valued, empty = Segment(order, False, descending), Segment(order, True, descending)
    if place.key is not None and place.value is None:
        empty = Segment(order, True, descending, None, place.key)
        return [empty, valued] if place.backward else [empty]
    if place.key is not None:
        valued = Segment(order, False, descending, place.value, place.key)
        return [valued] if place.backward else [valued, empty]
    return [empty, valued] if place.backward else [valued, empty]


def _is_whole(value: object) -> bool:
    return type(value) is int and -MAX_KEY <= value <= MAX_KEY


def _unpacked(cursor: str) -> Any:
    if len(cursor) > MAX_CURSOR or not cursor.isascii():
        return None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return json.loads(packed)
    except (binascii.Error, ValueError, RecursionError):
        return None
