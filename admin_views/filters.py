"""The filters that a list offers, and the chips that say in words what it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import get_locale
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import fields_of, resources
from backoffice.models.fields import Field, Kind
from backoffice.selection import Selection, fields_to_ask
from backoffice.selection.filters import ANY, IN, MAX, MIN, NONE

from . import formats
from .lookups import OFFERED_WHOLE, Option, find, key_of
from .names import names_of

#: Choices that are offered as boxes; more are a select.
BOXES = 8


@dataclass(frozen=True)
class Offered:
    """A filter that the list offers: how it is entered and what it holds now."""

    name: str
    label: str
    kind: str
    options: list[tuple[str, str]]
    values: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    text: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Chip:
    """One filter in words, and the address without it."""

    text: str
    remove: str


def offered(view: Any, selection: Selection, readable: frozenset[str]) -> list[Offered]:
    """Return the filters of the fields that the person may ask by."""
    askable, _sortable = fields_to_ask(view.model, view.actor)
    fields = [one for name, one in fields_of(view.model).items() if name in askable and name in readable]
    return [_offer(view, selection, one) for one in fields]


def _offer(view: Any, selection: Selection, one: Field) -> Offered:
    args = selection.args()
    values = tuple(_listed(args.get(one.name)))
    label = str(one.label)
    if one.kind is Kind.MONEY:
        low, high = (_number(args.get(f"{one.name}_{end}")) for end in ("min", "max"))
        return Offered(one.name, label, "range", [], values, low, high)
    if one.kind is Kind.BOOLEAN:
        return Offered(one.name, label, "select", [("", _("Any")), ("true", _("Yes")), ("false", _("No"))], values)
    if one.kind is Kind.CHOICE:
        choices = [(key, str(text)) for key, text in one.choices]
        few = len(choices) <= BOXES
        return Offered(
            one.name, label, "boxes" if few else "select", choices if few else [("", _("Any")), *choices], values
        )
    if one.target:
        return _offer_reference(view, one, label, values)
    return Offered(one.name, label, "text", [], values)


def _offer_reference(view: Any, one: Field, label: str, values: tuple[str, ...]) -> Offered:
    chosen = {key for value in values if (key := key_of(value)) is not None}
    optional = one.kind is Kind.REFERENCES or not one.required
    if _is_small(one):
        options = [(str(found.key), found.label) for found in find(db.session, view.actor, one, "")]
        without = [(NONE, _("Without"))] if optional else []
        return Offered(one.name, label, "select", [("", _("Any")), *without, *options], values, optional=optional)
    names = names_of(db.session, view.actor, {str(one.target): chosen})
    text = next((names.get((str(one.target), key), f"#{key}") for key in sorted(chosen)), "")
    return Offered(one.name, label, "reference", [], values, text=text, optional=optional)


def _is_small(one: Field) -> bool:
    target = resources()[str(one.target)]
    counted = select(target.id).where(target.trashed_at.is_(None)).limit(OFFERED_WHOLE + 1).subquery()
    return (db.session.scalar(select(func.count()).select_from(counted)) or 0) <= OFFERED_WHOLE


def resolved(view: Any, one: Field, args: MultiDict[str, str]) -> dict[str, list[str]]:
    """Return the parameters that a typed name means; a text that finds nothing becomes a word of the search."""
    key, was = args.get(one.name, "").strip(), args.get(f"{one.name}.was", "").strip()
    text, label = args.get(f"{one.name}.text", "").strip(), args.get(f"{one.name}.label", "").strip()
    if key != was or text == label:
        return {one.name: [key]} if key else {}
    if not text:
        return {}
    options: list[Option] = find(db.session, view.actor, one, text)
    exact = [option for option in options if option.label.casefold() == text.casefold()] or options
    # What the selection cannot read it says so.
    return {one.name: [str(exact[0].key) if exact else text]}


def plain_number(one: Field, typed: str) -> str:
    """Return a number typed in the reader's format as addresses hold it. Raises Refused."""
    value = one.parse(typed, get_locale())
    return "" if value is None else str(one.encode(value))


def _number(value: Any) -> str:
    try:
        return formats.plain_number(Decimal(str(value)), grouped=False) if value else ""
    except InvalidOperation:
        return str(value)


def chips(view: Any, selection: Selection) -> list[Chip]:
    """Return the filters and the search of `selection` in words."""
    declared = fields_of(view.model)
    args = selection.args()
    shown = []
    if selection.search:
        shown.append(Chip(_("Search: “%(words)s”", words=selection.search), _without(view, args, {"q"})))
    wanted = {
        str(declared[one.field].target): {key for value in one.values if (key := key_of(value)) is not None}
        for one in selection.filters
        if declared[one.field].target
    }
    names = names_of(db.session, view.actor, wanted)
    for one in selection.filters:
        field = declared[one.field]
        keys = {one.field if one.op == IN else f"{one.field}_{one.op}"}
        shown.append(Chip(_sentence(field, one, names), _without(view, args, keys)))
    return shown


def _without(view: Any, args: dict[str, Any], keys: set[str]) -> str:
    return str(view.address("index_view", **{key: value for key, value in args.items() if key not in keys}))


def _sentence(field: Field, one: Any, names: dict[tuple[str, int], str]) -> str:
    label = str(field.label)
    values = _(" or ").join(_value(field, value, names) for value in one.values)
    if one.op == MIN:
        return _("%(field)s from %(value)s", field=label, value=values)
    if one.op == MAX:
        return _("%(field)s up to %(value)s", field=label, value=values)
    return _("%(field)s is %(value)s", field=label, value=values)


def _value(field: Field, value: str, names: dict[tuple[str, int], str]) -> str:
    if value == NONE:
        return _("missing")
    if field.target:
        key = key_of(value)
        return names.get((str(field.target), key or 0), f"#{value}")
    if value == ANY:
        return _("given")
    if field.kind is Kind.BOOLEAN:
        return formats.truth(value == "true")
    if field.kind is Kind.MONEY:
        return _number(value)
    return formats.choice(field, value) if field.kind is Kind.CHOICE else value


def _listed(value: Any) -> list[str]:
    return [] if value is None else [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
