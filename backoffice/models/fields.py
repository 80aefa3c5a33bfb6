"""What a resource says of its fields: labels, kinds and limits, from which screens, rights, history and files follow.

A declaration over SQLAlchemy, not a mapper of our own: each field stands in the `info` of the column or relationship
that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..html import sanitise
from ..i18n import AmbiguousNumber, _, as_reader_writes, parse_decimal, written_decimal
from .text import bare, has_dropped, is_blank, is_storable, tidy
from .types import MONEY_MAX, MONEY_SCALE

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute

    from .base import Resource

#: Limits of a document field such as attributes.
MAX_ENTRIES = 100
MAX_ENTRY_KEY = 60
MAX_ENTRY_VALUE = 1000

#: Texts in a list field.
MAX_ITEMS = 1000

#: What a whole number of a document stays below: beyond it, JavaScript takes two for one.
ENTRY_MAX = 2**53

#: What a whole number may be on every database.
INTEGER_MAX = 2**31 - 1

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{0,340}[1-9]", re.ASCII)
_ESCAPE = re.compile(r"\\([\\nr])")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}
_ENTRY_KEY = re.compile(r"^[^\s.=][^.=\n]*$")


class Kind(Enum):
    """The kinds of field; each has one meaning in forms, lists, files and history."""

    # Members are unique: the enumeration's own hash is slow, and a file asks for it a hundred times a row.
    __hash__ = object.__hash__

    TEXT = "text"  # one line
    LONG_TEXT = "long_text"
    HTML = "html"  # sanitised on write
    CODE = "code"  # one line, machine-readable, shown left to right
    CHOICE = "choice"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    MONEY = "money"
    MOMENT = "moment"
    LIST = "list"  # a set of strings in a JSON column
    MAP = "map"  # strings to scalars in a JSON column; each entry is a field of its own in history
    REFERENCE = "reference"  # a foreign key
    REFERENCES = "references"  # many-to-many


TEXTUAL = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.HTML, Kind.CODE, Kind.CHOICE})


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a resource as people and files meet it.

    `secret` fields never enter history, files or pages. `system` fields are kept by the house: recorded, shown, not
    edited. `target` names the resource that a reference points to. `entry_prefix` names the entries of a MAP in
    history, rights and files: `attributes.colour`, `name.fr`.
    """

    label: Any
    kind: Kind
    help: Any = None
    required: bool = False
    secret: bool = False
    system: bool = False
    unique: bool = False
    max_length: int = 300
    choices: tuple[tuple[str, Any], ...] = ()
    states: tuple[Any, Any] | None = None  # what yes and no are called where the label does not stand beside them
    target: str | None = None
    entry_prefix: str | None = None
    entry_kind: Kind = Kind.LONG_TEXT  # of the texts of a MAP; of any other kind, all its entries are texts
    entry_length: int = MAX_ENTRY_VALUE
    file_name: str | None = None  # the column's name in imported and exported files, where it differs
    listed: bool = True  # a column of the list by default
    filtered: bool = False  # offered as a filter
    sorted: bool = False  # a declared sort order with an index that serves it
    inline: bool = False  # edited in the list
    verb: str | None = None  # the extra verb that changing it needs
    order: int = field(default_factory=count().__next__, compare=False)
    name: str = ""
    entry: Field | None = field(default=None, compare=False)
    attribute: InstrumentedAttribute[Any] | None = None

    def bound(self, name: str, attribute: InstrumentedAttribute[Any]) -> Field:
        """Return this field with the name and attribute under which a model holds it."""
        prefix = self.entry_prefix or name if self.kind is Kind.MAP else None
        bound = replace(self, name=name, attribute=attribute, entry_prefix=prefix, file_name=self.file_name or name)
        return replace(bound, entry=bound.text_of_entry()) if self.kind is Kind.MAP else bound

    @property
    def by_language(self) -> bool:
        """Return whether the entries are texts of another field by their language."""
        return self.kind is Kind.MAP and self.entry_prefix != self.name

    def text_of_entry(self) -> Field:
        """Return the field that the text of one entry of a MAP makes."""
        return replace(self, kind=self.entry_kind, max_length=self.entry_length, required=False)

    def get(self, record: Resource) -> Any:
        """Return the value on `record`."""
        return getattr(record, self.name)

    def encode(self, value: Any) -> Any:
        """Return `value` as the JSON value that history keeps."""
        if value is None:
            return None
        encoder = _ENCODERS.get(self.kind)
        return encoder(value) if encoder else value

    def decode(self, value: Any) -> Any:
        """Return the value that `encode` made `value` from; references stay ids."""
        if value is None:
            return None
        decoder = _DECODERS.get(self.kind)
        return decoder(value) if decoder else value

    def clean(self, value: Any) -> Any:
        """Return `value` in its stored form, or raise Refused in words that say what to do.

        Text is NFC, trimmed and without control characters and turning marks; codes hold no invisible character at
        all; rich text is sanitised. A text of which nothing can be seen is empty: None, or refused where the field is
        required.
        """
        if isinstance(value, str):
            value = self._clean_text(value)
        elif self.kind is Kind.MAP and value is not None:
            # No entries and no document are the same.
            value = self._clean_map(value) or None
        elif self.kind is Kind.LIST and value is not None:
            value = self._clean_list(value)
        elif self.kind is Kind.MONEY and value is not None:
            value = self._clean_money(value)
        elif self.kind is Kind.INTEGER and value is not None and abs(value) > INTEGER_MAX:
            raise self.refuse(
                _("%(field)s: the number is too large. The highest is %(max)s.", field=self.label, max=INTEGER_MAX)
            )
        if self.required and (value is None or value == ""):
            raise Refused(_("%(field)s: fill this in.", field=self.label), self.name)
        return value

    def parse(self, text: str, locale: Any = None) -> Any:
        """Read what a person or a file wrote, in the number format of `locale` (None: the plain form of files).

        References are not parsed here: they need a look-up. Raises Refused.
        """
        text = text.strip()
        if not text:
            return self.clean(None if self.kind not in (Kind.MAP, Kind.LIST) else {} if self.kind is Kind.MAP else [])
        parser: Callable[[Field, str, Any], Any] | None = _PARSERS.get(self.kind)
        return self.clean(parser(self, text, locale) if parser else text)

    def refuse(self, message: str, **values: object) -> Refused:
        """Return the refusal of a value of this field; `message` is already translated."""
        return Refused(message, self.name)

    def _clean_text(self, value: str) -> str | None:
        if not (value.isascii() and value.isprintable()):
            value = self._tidy(value)
        value = value.strip()
        if self.kind not in (Kind.LONG_TEXT, Kind.HTML):
            value = " ".join(value.split())
        self._refuse_longer(value)
        if self.kind is Kind.HTML:
            value = sanitise(value)
            if has_dropped(value):
                # They came as entities. What they stood in may mean something else without them.
                value = sanitise(tidy(value))
            # Space stood before what was dropped, and what was completed is longer.
            value = value.strip()
            self._refuse_longer(value)
        if self.kind is Kind.CHOICE and value and value not in dict(self.choices):
            raise self.refuse(
                _(
                    "%(field)s: “%(value)s” is not one of the choices: %(choices)s.",
                    field=self.label,
                    value=value[:80],
                    choices=", ".join(key for key, _label in self.choices),
                )
            )
        return value or None

    def _refuse_longer(self, value: str) -> None:
        if len(value) > self.max_length:
            raise self.refuse(
                _(
                    "%(field)s: %(length)s characters are too many. Shorten it to %(max)s.",
                    field=self.label,
                    length=len(value),
                    max=self.max_length,
                )
            )

    def _tidy(self, value: str) -> str:
        if not is_storable(value):
            raise self.refuse(
                _("%(field)s: the text holds a character that cannot be stored. Remove it.", field=self.label)
            )
        value = tidy(bare(value) if self.kind is Kind.CODE else value)
        return "" if is_blank(value) else value

    def _clean_list(self, value: Iterable[Any]) -> list[str]:
        one = replace(self, kind=Kind.TEXT, required=False)
        items = sorted({cleaned for item in value if (cleaned := one._clean_text(str(item)))})
        if len(items) > MAX_ITEMS:
            raise self.refuse(_("%(field)s: give at most %(max)s.", field=self.label, max=MAX_ITEMS))
        return items

    def _clean_map(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > MAX_ENTRIES:
            raise self.refuse(
                _("%(field)s: give at most %(max)s names, each with a value.", field=self.label, max=MAX_ENTRIES)
            )
        entries: dict[str, Any] = {}
        for raw_key, raw in sorted(value.items()):
            item = self._clean_entry(raw)
            if item is not None:
                _put(self, entries, self._clean_key(raw_key), item)
        return entries

    def _clean_key(self, raw: object) -> str:
        key = tidy(bare(str(raw)))
        if not is_storable(key) or is_blank(key) or not _ENTRY_KEY.match(key) or len(key) > MAX_ENTRY_KEY:
            raise self.refuse(
                _(
                    "%(field)s: the name “%(name)s” cannot be used. Use at most %(max)s characters, no dot and no =.",
                    field=self.label,
                    name=key[:80],
                    max=MAX_ENTRY_KEY,
                )
            )
        return key

    def _clean_entry(self, value: Any) -> Any:
        if self.entry_kind is not Kind.LONG_TEXT and isinstance(value, bool | int | float):
            value = written(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int) and abs(value) < ENTRY_MAX:
            return value
        if isinstance(value, float) and value == value and abs(value) < 1e15:
            # 2.0 is 2, and is written so.
            return int(value) if value.is_integer() else value
        if not isinstance(value, str):
            raise self.refuse(_("%(field)s: a value must be a text, a number, or true or false.", field=self.label))
        return (self.entry or self.text_of_entry())._clean_text(value)

    def _clean_money(self, value: Any) -> Decimal:
        amount = Decimal(value)
        if not amount.is_finite() or abs(amount) > MONEY_MAX:
            raise self.refuse(
                _(
                    "%(field)s: the amount is too large. The highest is %(max)s.",
                    field=self.label,
                    max=as_reader_writes(MONEY_MAX),
                )
            )
        if amount < 0:
            raise self.refuse(_("%(field)s: an amount cannot be negative. Remove the minus sign.", field=self.label))
        if amount != round(amount, MONEY_SCALE):
            raise self.refuse(_("%(field)s: use at most %(digits)s decimals.", field=self.label, digits=MONEY_SCALE))
        return amount.quantize(Decimal(1).scaleb(-MONEY_SCALE))


def _encode_money(value: Decimal) -> str:
    text = f"{value.normalize():f}"
    whole, _dot, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _encode_references(value: Iterable[Any]) -> list[int]:
    return sorted(item if isinstance(item, int) else item.id for item in value)


_ENCODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.MONEY: _encode_money,
    Kind.MOMENT: lambda value: value.astimezone(UTC).isoformat(),
    Kind.REFERENCES: _encode_references,
    Kind.LIST: lambda value: sorted(value),
    Kind.MAP: lambda value: dict(value),
}

_DECODERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.MONEY: lambda value: Decimal(value).quantize(Decimal(1).scaleb(-MONEY_SCALE)),
    Kind.MOMENT: datetime.fromisoformat,
}


#: An amount that shows how one is written.
_EXAMPLE = Decimal("1234.50")


def _parse_money(field: Field, text: str, locale: Any) -> Decimal:
    try:
        return parse_decimal(text, locale)
    except AmbiguousNumber as error:
        raise field.refuse(
            _(
                "%(field)s: “%(value)s” can be read in two ways. Write %(one)s or %(two)s0.",
                field=field.label,
                value=text[:40],
                one=error.readings[0],
                two=error.readings[1],
            )
        ) from error
    except ValueError as error:
        raise field.refuse(
            _(
                "%(field)s: “%(value)s” is not an amount. Write it like %(example)s.",
                field=field.label,
                value=text[:40],
                example=written_decimal(_EXAMPLE, locale),
            )
        ) from error


def _parse_integer(field: Field, text: str, locale: Any) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", text):
        raise field.refuse(
            _("%(field)s: “%(value)s” is not a whole number. Use digits only.", field=field.label, value=text[:40])
        )
    return int(text)


_TRUE = frozenset({"1", "true", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "no", "n", "off"})


def _parse_boolean(field: Field, text: str, locale: Any) -> bool:
    if text.casefold() not in _TRUE | _FALSE:
        raise field.refuse(_("%(field)s: “%(value)s” is neither yes nor no.", field=field.label, value=text[:40]))
    return text.casefold() in _TRUE


def _parse_moment(field: Field, text: str, locale: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise field.refuse(
            _(
                "%(field)s: “%(value)s” is not a date and time. Write it like 2026-01-31 14:30.",
                field=field.label,
                value=text[:40],
            )
        ) from error


def _parse_list(field: Field, text: str, locale: Any) -> list[str]:
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


def _parse_map(field: Field, text: str, locale: Any) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for line in filter(str.strip, text.split("\n")):
        key, separator, value = line.partition("=")
        if not separator:
            raise field.refuse(
                _("%(field)s: write one “name = value” a line; “%(line)s” has no =.", field=field.label, line=line[:60])
            )
        _put(field, entries, key.strip(), scalar(value.strip()))
    return entries


def _put(field: Field, entries: dict[str, Any], key: str, value: Any) -> None:
    """Add an entry; of two values for one name none is dropped unseen."""
    if key in entries:
        raise field.refuse(_("%(field)s: “%(name)s” stands there twice. Keep one.", field=field.label, name=key[:80]))
    entries[key] = value


_PARSERS: dict[Kind, Callable[[Field, str, Any], Any]] = {
    Kind.MONEY: _parse_money,
    Kind.INTEGER: _parse_integer,
    Kind.BOOLEAN: _parse_boolean,
    Kind.MOMENT: _parse_moment,
    Kind.LIST: _parse_list,
    Kind.MAP: _parse_map,
}


def scalar(text: str) -> Any:
    """Return the scalar that a written document value means: true, false, a number as it is written, or the text.

    Double quotes keep a text a text: `"12"` is the text 12, and in them `\\n` begins a new line. 007 and 1.50 are texts
    too: numbers are not written so.
    """
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    if _WHOLE.fullmatch(text) and text != "-0" and abs(int(text)) < ENTRY_MAX:
        return int(text)
    if _FRACTION.fullmatch(text) and _digits(float(text)) == text:
        return float(text)
    return text


def written(value: Any) -> str:
    """Return a document value as a person writes it; `scalar` reads it back as the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if scalar(value) == value and "\n" not in value and "\r" not in value:
            return value
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f'"{escaped}"'
    return _digits(value) if isinstance(value, float) else str(value)


def _digits(number: float) -> str:
    """Return the fewest digits that mean `number`, without an exponent."""
    return f"{Decimal(repr(number)):f}"
