"""The columns of the list and what stands in their cells.

A page holds fifty rows of ten cells, so the markup of a cell is kept short: ends of cells and rows are left out, as
HTML allows, and what all cells of a column share stands in its heading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from babel.numbers import format_currency, format_percent
from flask_babel import format_datetime, get_locale
from markupsafe import Markup, escape
from sqlalchemy import select

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, person_text
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Field, Kind
from backoffice.models.history import Change, ChangeSet
from backoffice.models.types import utcnow
from backoffice.selection import Selection, fields_to_ask

from . import formats
from .details import ancestors
from .fields import OF_KIND
from .names import names_of, wanted_by_records

NUMERIC = frozenset({Kind.MONEY, Kind.INTEGER})

#: Kinds whose values are short enough for a cell.
SHORT = NUMERIC | {Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.BOOLEAN, Kind.MOMENT, Kind.REFERENCE, Kind.REFERENCES}

#: Characters that are sure to fit a cell; what is longer stands in its title too.
FITTING = 26

#: What is named of what is missing; the form shows all of it.
NAMED = 2

CHANGED, TRASHED = "updated_at", "trashed_at"


@dataclass(frozen=True)
class Sort:
    """A way to sort by a column: its field and label, the address that does, and how it is sorted now."""

    name: str
    label: str
    address: str
    direction: str | None


@dataclass
class Drawn:
    """What stands in a cell, and what it says in full where there is not room for all of it.

    A title that many rows have is `shared`: the page holds it once, and the list's script puts it on their cells.
    """

    html: Markup
    title: str = ""
    shared: bool = False

    @cached_property
    def title_attribute(self) -> Markup:
        """Return the title as an attribute, nothing where there is none."""
        return Markup(' title="%s"') % self.title if self.title else Markup()


@dataclass(frozen=True)
class Column:
    """A column of the list: a declared field, or one that the view makes up.

    On a phone it stands `under` the title, at the `end` of the row, or nowhere. `draw` makes what stands in a cell of
    the value that `made` returns; without it `made` does.
    """

    name: str
    label: str
    field: Field | None = None
    made: Callable[[Resource], Any] | None = None
    draw: Callable[[Any], Drawn] | None = None
    sorts: tuple[Sort, ...] = ()
    on_phone: str = ""

    @property
    def is_number(self) -> bool:
        """Return whether its values are numbers, which stand at the end of their cells."""
        return self.field is not None and self.field.kind in NUMERIC

    @property
    def css(self) -> str:
        """Return the classes of its cells: a number, and where it stands on a phone."""
        return " ".join(filter(None, ("number" if self.is_number else "", self.on_phone)))

    @cached_property
    def attributes(self) -> Markup:
        """Return the classes of its cells as an attribute, nothing where there are none."""
        if not self.css:
            return Markup()
        # A row is written fifty times: what needs no quotes has none.
        return Markup(' class="%s"') % self.css if " " in self.css else Markup(" class=%s") % self.css

    @property
    def is_inline(self) -> bool:
        """Return whether its cells are edited in place, by who may."""
        return self.field is not None and self.field.inline

    @property
    def is_chosen(self) -> bool:
        """Return whether its values are chosen from a few, not typed."""
        return self.field is not None and bool(self.field.choices)

    @property
    def choices(self) -> list[tuple[str, str]] | None:
        """Return what a cell that is edited in place can be set to, None where it is typed."""
        return [(key, str(label)) for key, label in self.field.choices] if self.field and self.field.choices else None


def available(view: Any, readable: frozenset[str]) -> list[Column]:
    """Return the columns that the person may have after the title, those of a list that nobody changed first."""
    declared = fields_of(view.model)
    short = [name for name, one in declared.items() if one.kind in SHORT and name not in title_names(view.model)]
    names = dict.fromkeys((*standard(view), *short))
    return [found for name in names if name != TRASHED and (found := _column(view, name, readable)) is not None]


def standard(view: Any) -> list[str]:
    """Return the names of the columns of a list that nobody changed."""
    listed = [name for name, one in fields_of(view.model).items() if one.listed and one.kind in SHORT]
    return list(view.columns) or [name for name in listed if name not in title_names(view.model)]


def chosen(view: Any, offered: Sequence[Column], wanted: Sequence[str] | None, trash: bool) -> list[Column]:
    """Return those of the `offered` columns that the person chose, in their order; else the standard ones.

    In the trash the moment of its arrival stands in place of the last change.
    """
    known = {column.name: column for column in offered}
    shown = [known[name] for name in (standard(view) if wanted is None else wanted) if name in known]
    if not trash:
        return shown
    arrived = _column(view, TRASHED, frozenset({TRASHED}))
    return [*(column for column in shown if column.name != CHANGED), *([arrived] if arrived else [])]


def _column(view: Any, name: str, readable: frozenset[str]) -> Column | None:
    declared, place = fields_of(view.model).get(name), view.on_phone.get(name, "")
    if declared is not None:
        return Column(name, str(declared.label), declared, on_phone=place) if name in readable else None
    made = getattr(view, f"column_{name}")
    if not view.tells(name):
        return None
    return Column(name, str(made.label), made=made, draw=getattr(made, "draw", None), on_phone=place)


def title_names(model: type[Resource]) -> tuple[str, ...]:
    """Return the field that names a record, and its key where that is another one."""
    declared = model.resource
    return tuple(name for name in dict.fromkeys((declared.title, declared.key)) if name in fields_of(model))


Address = Callable[..., str]


def heading(view: Any, selection: Selection, column: Column, to: Address) -> Column:
    """Return `column` with the way to sort by it, where the person may ask by it."""
    _filtered, sortable = fields_to_ask(view.model, view.actor)
    if column.field is None or column.name not in sortable:
        return column
    return replace(column, sorts=(_sort(selection, column.field, to),))


def title_heading(view: Any, selection: Selection, readable: frozenset[str], to: Address) -> Column:
    """Return the first column: what names a record, sorted by name or by key."""
    declared = fields_of(view.model)
    names = [name for name in title_names(view.model) if name in readable]
    _filtered, sortable = fields_to_ask(view.model, view.actor)
    sorts = tuple(_sort(selection, declared[name], to) for name in names if name in sortable)
    return Column("title", str(view.model.resource.label), sorts=sorts)


def _sort(selection: Selection, declared: Field, to: Address) -> Sort:
    order = selection.order
    sorted_now = order.name == declared.name
    # A second click turns the order round.
    value = f"-{declared.name}" if sorted_now and not order.descending else declared.name
    direction = ("descending" if order.descending else "ascending") if sorted_now else None
    return Sort(declared.name, str(declared.label), to(sort=value), direction)


@dataclass
class Cells:
    """What stands in the cells of one page; names, people and formats are worked out once for all of its rows."""

    view: Any
    rows: Sequence[Resource]
    columns: Sequence[Column]
    readable: frozenset[str]
    names: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        actor = self.view.actor
        references = [one.name for one in self.columns if one.field is not None and one.field.kind is Kind.REFERENCE]
        self.names = names_of(db.session, actor, wanted_by_records(self.rows, references))
        self.people = self._people() if {CHANGED, TRASHED} & {one.name for one in self.columns} else {}
        self.now = utcnow()
        #: Where no role has limits, each row shows and lets change the same.
        self._alike = not any(role.scope for role in actor.roles)
        self._settable = self._settable_of(None)
        #: Columns that are edited in place on some row.
        inline = {one.name for one in self.columns if one.is_inline} & self._settable
        self.inline = inline if any(not row.trashed_at for row in self.rows) else frozenset()
        self._drawn: dict[Any, Drawn] = {}
        #: Titles that several cells share, with their numbers.
        self.told: dict[str, int] = {}
        self._writers = {column.name: self._writer(column) for column in self.columns}

    def _people(self) -> dict[int, str]:
        """Return who changed each record last, as far as the person may read history: one statement for the page."""
        model, actor = self.view.model, self.view.actor
        if not self.rows or not policy.allows(actor, "read", "history"):
            return {}
        # Row by row, by the index that holds the versions of a record: a join would read all of history.
        own = select(Change.change_set_id).where(Change.resource == model.resource.name)
        own = own.where(Change.record_id == model.id, Change.version == model.version)
        own = own.where(policy.filed_in_reach(actor, model)).limit(1)
        statement = select(model.id, ChangeSet.actor_id, ChangeSet.actor_label).join(
            ChangeSet, ChangeSet.id == own.scalar_subquery()
        )
        found = db.session.execute(statement.where(model.id.in_([row.id for row in self.rows])))
        # Of an address the part that tells colleagues apart: the cell is narrow.
        return {row.id: person_text(row.actor_id, row.actor_label).partition("@")[0] for row in found}

    def _settable_of(self, record: Resource | None) -> frozenset[str]:
        model, actor = self.view.model, self.view.actor
        allowed = policy.fields_for(actor, "update", model, record)
        verbs = {name: fields_of(model)[name].verb for name in allowed}
        return frozenset(
            name for name, verb in verbs.items() if not verb or policy.allows(actor, verb, model.resource.name, record)
        )

    def shows(self, name: str, record: Resource) -> bool:
        """Return whether the person may see the field on this row: one role may show what another hides elsewhere."""
        if self._alike:
            return name in self.readable
        return name in policy.fields_for(self.view.actor, "read", type(record), record)

    def sets(self, name: str, record: Resource) -> bool:
        """Return whether the person may set the field on this row."""
        return name in (self._settable if self._alike else self._settable_of(record))

    def title(self, record: Resource) -> str:
        """Return what a record is called, by the field that its column is named after."""
        title = self.view.model.resource.title
        return str(getattr(record, title)) if self.shows(title, record) else f"#{record.id}"

    def subtitle(self, record: Resource) -> str:
        """Return the key of a record where its title is another field."""
        names = title_names(type(record))
        return str(getattr(record, names[1])) if len(names) > 1 and self.shows(names[1], record) else ""

    def is_inline(self, column: Column, record: Resource) -> bool:
        """Return whether the cell is edited in place."""
        if column.name not in self.inline or record.trashed_at:
            return False
        return self._alike or self.shows(column.name, record) and self.sets(column.name, record)

    def cell(self, column: Column, record: Resource) -> Markup:
        """Return a cell. Its heading says that a script edits it in place, the cell where this row is an exception."""
        drawn, css, typed = self.drawn(column, record), column.attributes, ""
        if column.name in self.inline:
            if not self.is_inline(column, record):
                css = Markup(' class="%s fixed"') % column.css
            elif not column.is_chosen:
                typed = f' data-value="{escape(written(column.field, column.field.get(record)))}"'
        title = (
            f" data-told={self.told.setdefault(drawn.title, len(self.told))}" if drawn.shared else drawn.title_attribute
        )
        return Markup(f"<td{css}{typed}{title}>{drawn.html}")  # noqa: S704 - each part is escaped

    def drawn(self, column: Column, record: Resource) -> Drawn:
        """Return what stands in a cell; nothing where the person may not see it on this row."""
        if column.field is not None and not self.shows(column.name, record):
            return Drawn(Markup(""))
        return self._writers[column.name](record)

    def _writer(self, column: Column) -> Callable[[Resource], Drawn]:
        """Return what writes the values of a column: what it depends on is looked at once, not for each row."""
        one = column.field
        if one is None and column.draw is not None:
            return lambda record: self._once(column.name, column.made(record), column.draw)
        if one is None:
            return column.made
        if one.name in (CHANGED, TRASHED):
            return lambda record: self._moment(one.get(record), self.people.get(record.id, ""))
        if one.kind is Kind.MOMENT:
            return lambda record: self._moment(one.get(record))
        if one.kind is Kind.REFERENCES:
            return lambda record: references(self.view.actor, one.get(record))
        if one.kind is Kind.MONEY:
            return lambda record: self._once("money", (one.get(record), getattr(record, "currency", None)), money)
        write = self._value_of(one)
        return lambda record: self._once(one.name, one.get(record), write)

    def _value_of(self, one: Field) -> Callable[[Any], Drawn]:
        if one.name == "status":
            return lambda value: Drawn(status(one, value))
        if one.target == "category":
            return lambda key: category(self.names.get(("category", key), f"#{key}")) if key else nothing()
        if one.kind is Kind.BOOLEAN:
            return lambda value: Drawn(truth(one, value))
        return lambda value: Drawn(formats.of_kind(one, value, self.names))

    def _moment(self, value: datetime | None, by: str = "") -> Drawn:
        # Rows of one import share their moment.
        return self._once("moment", (value, by), lambda pair: ago(*pair, self.now) if value else nothing())

    def _once(self, kind: str, value: Any, write: Callable[[Any], Drawn]) -> Drawn:
        """Return what `write` makes of `value`; equal values of a page are written once."""
        key = kind, value
        if key not in self._drawn:
            self._drawn[key] = write(value)
        return self._drawn[key]


def nothing() -> Drawn:
    """Return what stands where a value is missing."""
    return Drawn(formats.nothing())


def written(one: Field, value: Any) -> str:
    """Return `value` as it stands in an input."""
    return OF_KIND[one.kind].write(value)


def money(pair: tuple[Decimal | None, str | None]) -> Drawn:
    """Return an amount with its currency; the style of its cell keeps it from being turned round."""
    amount, currency = pair
    if amount is None:
        return nothing()
    shown = format_currency(amount, currency, locale=get_locale()) if currency else formats.plain_number(amount)
    return Drawn(escape(shown))


def ago(value: datetime, by: str, now: datetime) -> Drawn:
    """Return how long ago it was, by whom beneath; the exact moment in full."""
    told = Markup("%s<small>%s</small>") % (formats.ago(value, now), by) if by else escape(formats.ago(value, now))
    return Drawn(told, format_datetime(value, "medium"))


def status(one: Field, value: str) -> Markup:
    """Return a status: the sign before the word comes from the style, colour alone says nothing."""
    return Markup('<span class="is-%s">%s</span>') % (value, formats.choice(one, value))


def truth(one: Field, value: bool) -> Markup:
    """Return yes or no, in words that say of what: a narrow list has no headings."""
    yes, no = one.states or (formats.truth(True), formats.truth(False))
    return Markup('<span class="is-%s">%s</span>') % (("yes", yes) if value else ("no", no))


def category(label: str) -> Drawn:
    """Return a category: the leaf, and its path beneath. The list's script tells it in full where it is cut off."""
    leaf, above = ancestors(label)
    return Drawn(Markup("%s<small>%s</small>") % (leaf, above) if above else escape(leaf))


def references(actor: policy.Actor, records: Iterable[Resource]) -> Drawn:
    """Return the names of several records, their numbers where `actor` may not know them."""
    names = formats.listed(policy.name_of(actor, one) for one in records)
    return Drawn(escape(names), names if len(names) > FITTING else "") if names else nothing()


def ring(percent: int, missing: Sequence[str]) -> Drawn:
    """Return a share as ring and number; what is missing in full. The page holds the circle that is stroked."""
    told = Markup('<svg><use href="#ring" stroke-dasharray="%s 100"/></svg>%s') % (
        percent,
        format_percent(percent / 100, locale=get_locale()),
    )
    if not missing:
        return Drawn(told)
    named = [*missing[:NAMED], *([_("%(count)s more", count=len(missing) - NAMED)] if len(missing) > NAMED else [])]
    return Drawn(told, _("Missing: %(parts)s", parts=formats.listed(named)), shared=True)
