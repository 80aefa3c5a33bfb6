"""The filters of a list: chips that say in words what it is held to, each with the form that changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import get_locale
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from backoffice.extensions import db
from backoffice.i18n import _, language_label, language_name
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Field, Kind
from backoffice.selection import Filter, Selection, fields_to_ask
from backoffice.selection.filters import ANY, IN, LACKS, MAX, MIN, NONE, RANGED, REFERRING

from . import formats
from .lookups import OFFERED_WHOLE, Option, find, key_of
from .names import names_of, other_languages

#: Choices that are offered as boxes; the rest of a longer list is a select that adds one more.
BOXES = 8

#: Ends of the names of what a filter form holds besides the values, and what an address never holds.
TYPED, WAS, LABEL = ".text", ".was", ".label"
HELPERS = (TYPED, WAS, LABEL)

Address = Callable[..., str]


@dataclass(frozen=True)
class Box:
    """A value that can be ticked."""

    value: str
    label: str
    ticked: bool


@dataclass(frozen=True)
class Editor:
    """How the values of a filter are entered: boxes, and a select, a look-up, two ends or a text for others.

    `name` is what they are sent by.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    lookup: bool = False
    range: tuple[str, str] | None = None
    text: str | None = None


@dataclass(frozen=True)
class Chip:
    """The filters of one field in words and as an address holds them, the address without them, and `change`, which
    brings the form that changes them; the one chip that is open has it.
    """

    name: str
    label: str
    text: str
    held: tuple[tuple[str, str], ...]
    remove: str
    change: str
    editor: Editor | None = None


@dataclass(frozen=True)
class Offer:
    """A field that the list is not held to yet, and the address that opens its filter."""

    label: str
    address: str


def askable(view: Any, readable: frozenset[str]) -> list[Field]:
    """Return the fields that the person may ask by."""
    allowed, _sortable = fields_to_ask(view.model, view.actor)
    return [one for name, one in fields_of(view.model).items() if name in allowed and name in readable]


def offers(model: type[Resource], fields: Iterable[Field], chips: Sequence[Chip], to: Address) -> list[Offer]:
    """Return the filters that can be added."""
    held = {chip.name for chip in chips}
    # A house of one language lacks no other.
    usable = [one for one in fields if not one.by_language or other_languages()]
    return [Offer(_offered(model, one), to(add=one.name)) for one in usable if one.name not in held]


def chips(view: Any, selection: Selection, fields: Iterable[Field], added: str, to: Address) -> list[Chip]:
    """Return the filters of `selection` field by field, and the one that is being added."""
    declared = {one.name: one for one in fields}
    held: dict[str, list[Filter]] = {}
    for one in selection.filters:
        held.setdefault(one.field, []).append(one)
    if added in declared:
        held.setdefault(added, [])
    names = names_of(db.session, view.actor, _named(held, fields_of(view.model)))
    return [
        _chip(view, fields_of(view.model)[name], found, names, to, added == name)
        for name, found in held.items()
        if name in declared
    ]


def sentence(selection: Selection, found: Sequence[Chip]) -> Markup:
    """Return what the list is held to as one phrase: *Brand is Acme* and *Price from 10.00*."""
    parts = [_("“%(words)s”", words=selection.search)] if selection.search else []
    parts += [chip.text for chip in found if chip.text]
    # The pattern between the parts comes from CLDR; the parts are escaped already.
    return Markup(formats.listed(Markup("<em>%s</em>") % part for part in parts))  # noqa: S704


def _offered(model: type[Resource], field: Field) -> str:
    """Return what the filter by `field` is called; by a document of translations one asks for what it lacks."""
    source = formats.translated(model, field)
    return _("%(field)s missing in a language", field=source.label) if source else str(field.label)


def _named(held: dict[str, list[Filter]], declared: Any) -> dict[str, set[int]]:
    wanted: dict[str, set[int]] = {}
    for name, found in held.items():
        if declared[name].target:
            keys = {key for one in found for value in one.values if (key := key_of(value)) is not None}
            wanted.setdefault(str(declared[name].target), set()).update(keys)
    return wanted


def _chip(
    view: Any, field: Field, found: list[Filter], names: dict[tuple[str, int], str], to: Address, added: bool
) -> Chip:
    without = to(**dict.fromkeys((field.name, *(f"{field.name}_{op}" for op in (MIN, MAX, LACKS)))))
    text = _sentence(view.model, field, found, names) if found else ""
    held = tuple(
        (field.name if one.op == IN else f"{field.name}_{one.op}", value) for one in found for value in one.values
    )
    editor = _editor(view, field, found, names) if added else None
    return Chip(field.name, _offered(view.model, field), text, held, without, to(add=field.name), editor)


def _sentence(model: type[Resource], field: Field, found: Sequence[Filter], names: dict[tuple[str, int], str]) -> str:
    label = str(field.label)
    if source := formats.translated(model, field):
        lacking = formats.listed((language_name(code) for one in found for code in one.values), "or")
        return _("%(field)s is missing in %(languages)s", field=source.label, languages=lacking)
    ends = {one.op: _value(field, one.values[0], names) for one in found if one.op != IN}
    values = [value for one in found if one.op == IN for value in one.values]
    if MIN in ends and MAX in ends:
        told = [_("%(field)s from %(low)s to %(high)s", field=label, low=ends[MIN], high=ends[MAX])]
    else:
        told = [_("%(field)s from %(value)s", field=label, value=ends[MIN])] if MIN in ends else []
        told += [_("%(field)s up to %(value)s", field=label, value=ends[MAX])] if MAX in ends else []
    if values:
        shown = formats.listed((_value(field, value, names) for value in values), "or")
        told.append(_("%(field)s is %(value)s", field=label, value=shown))
    return formats.listed(told)


def _value(field: Field, value: str, names: dict[tuple[str, int], str]) -> str:
    if value == NONE:
        return _("missing")
    if value == ANY:
        return _("given")
    if field.target:
        return names.get((str(field.target), key_of(value) or 0), f"#{value}")
    if field.kind is Kind.BOOLEAN:
        return formats.truth(value == "true")
    if field.kind is Kind.MONEY:
        return _number(field, value)
    return formats.choice(field, value) if field.kind is Kind.CHOICE else value


def _editor(view: Any, field: Field, found: Sequence[Filter], names: dict[tuple[str, int], str]) -> Editor:
    values = [value for one in found if one.op == IN for value in one.values]
    if field.by_language:
        chosen = [value for one in found for value in one.values]
        codes = dict.fromkeys([*other_languages(), *chosen])
        boxes = tuple(Box(code, language_label(code), code in chosen) for code in codes)
        return Editor(f"{field.name}_{LACKS}", boxes)
    optional = field.kind is Kind.REFERENCES or not field.required
    missing = (Box(NONE, _("Missing"), NONE in values),) if optional else ()
    if field.kind in RANGED:
        ends = {one.op: _number(field, one.values[0]) for one in found if one.op != IN}
        return Editor(field.name, missing, range=(ends.get(MIN, ""), ends.get(MAX, "")))
    if field.kind is Kind.BOOLEAN:
        pairs = (("true", formats.truth(True)), ("false", formats.truth(False)))
        return Editor(field.name, tuple(Box(key, label, key in values) for key, label in pairs))
    if field.kind is Kind.CHOICE:
        choices = [(key, str(label)) for key, label in field.choices]
        shown = choices if len(choices) <= BOXES else [pair for pair in choices if pair[0] in values]
        rest = tuple(pair for pair in choices if pair not in shown)
        return Editor(field.name, tuple(Box(key, label, key in values) for key, label in shown), rest)
    if field.kind in REFERRING:
        return _reference(view, field, values, missing, names)
    return Editor(field.name, missing, text=next((value for value in values if value not in (NONE, ANY)), ""))


def _reference(
    view: Any, field: Field, values: list[str], missing: tuple[Box, ...], names: dict[tuple[str, int], str]
) -> Editor:
    """Return all records of a small target as boxes; of a larger one the chosen ones, and a look-up for others."""
    few = find(db.session, view.actor, field, "")
    whole = len(few) <= OFFERED_WHOLE
    options = {str(one.key): one.label for one in few} if whole else {}
    for value in values:
        if (key := key_of(value)) is not None:
            options.setdefault(value, names.get((str(field.target), key), f"#{key}"))
    boxes = tuple(Box(key, label, key in values) for key, label in options.items())
    return Editor(field.name, (*missing, *boxes), lookup=not whole)


def resolved(view: Any, field: Field, args: MultiDict[str, str]) -> str:
    """Return the key of the record that the typed name means; the name itself where it finds nothing."""
    text = args.get(f"{field.name}{TYPED}", "").strip()
    options: list[Option] = find(db.session, view.actor, field, text) if text else []
    exact = [option for option in options if option.label.casefold() == text.casefold()] or options
    # What the selection cannot read it says so.
    return str(exact[0].key) if exact else text


def plain_number(field: Field, typed: str) -> str:
    """Return a number typed in the reader's format as addresses hold it. Raises Refused."""
    value = field.parse(typed, get_locale())
    return "" if value is None else str(field.encode(value))


def _number(field: Field, value: str) -> str:
    try:
        return formats.plain_number(Decimal(value), grouped=False) if field.kind is Kind.MONEY else value
    except InvalidOperation:
        return value
