"""The columns of the list and what stands in their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from backoffice import policy
from backoffice.extensions import db
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Field, Kind
from backoffice.selection import Selection, fields_to_ask
from backoffice.web.pages import icon

from . import formats, inline
from .details import ancestors
from .names import names_of, wanted_by_records

#: Status -> icon; the word stands beside it, colour alone says nothing.
STATUS_ICONS = {"draft": "circle", "published": "circle-check", "archived": "archive"}

NUMERIC = frozenset({Kind.MONEY, Kind.INTEGER})


@dataclass(frozen=True)
class Sort:
    """A way to sort by a column: its label, the address that does, and how it is sorted now."""

    label: str
    address: str
    direction: str | None


@dataclass(frozen=True)
class Column:
    """A column of the list: a declared field, or one that the view makes up."""

    name: str
    label: str
    field: Field | None = None
    made: Callable[[Resource], Any] | None = None
    sorts: tuple[Sort, ...] = ()

    @property
    def is_number(self) -> bool:
        """Return whether its values are numbers, which stand at the end of their cells."""
        return self.field is not None and self.field.kind in NUMERIC


def chosen(view: Any, readable: frozenset[str]) -> list[Column]:
    """Return the columns after the title that the person may see."""
    declared = fields_of(view.model)
    standard = [name for name, one in declared.items() if one.listed and name not in title_names(view.model)]
    shown = []
    for name in view.columns or standard:
        if name in declared:
            if name in readable:
                shown.append(Column(name, str(declared[name].label), declared[name]))
        else:
            made = getattr(view, f"column_{name}")
            shown.append(Column(name, str(made.label), None, made))
    return shown


def title_names(model: type[Resource]) -> tuple[str, ...]:
    """Return the field that names a record, and its key where that is another one."""
    declared = model.resource
    return tuple(name for name in dict.fromkeys((declared.title, declared.key)) if name in fields_of(model))


def heading(view: Any, selection: Selection, column: Column) -> Column:
    """Return `column` with the way to sort by it, where the person may ask by it."""
    _filtered, sortable = fields_to_ask(view.model, view.actor)
    sorts = (_sort(view, selection, column.field),) if column.field is not None and column.name in sortable else ()
    return Column(column.name, column.label, column.field, column.made, sorts)


def title_heading(view: Any, selection: Selection, readable: frozenset[str]) -> Column:
    """Return the first column: what names a record, sorted by name or by key."""
    declared = fields_of(view.model)
    names = [name for name in title_names(view.model) if name in readable]
    _filtered, sortable = fields_to_ask(view.model, view.actor)
    sorts = tuple(_sort(view, selection, declared[name]) for name in names if name in sortable)
    return Column("title", str(view.model.resource.label), None, None, sorts)


def _sort(view: Any, selection: Selection, declared: Field) -> Sort:
    order = selection.order
    sorted_now = order.name == declared.name
    # A second click turns the order round.
    value = f"-{declared.name}" if sorted_now and not order.descending else declared.name
    direction = ("descending" if order.descending else "ascending") if sorted_now else None
    return Sort(str(declared.label), view.address("index_view", **selection.args(sort=value)), direction)


@dataclass
class Cells:
    """What stands in the cells of one page; names are looked up once for all of its rows."""

    view: Any
    rows: Sequence[Resource]
    fields: Sequence[Field | None]
    readable: frozenset[str]
    names: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        actor = self.view.actor
        references = [one.name for one in self.fields if one is not None and one.kind is Kind.REFERENCE]
        self.names = names_of(db.session, actor, wanted_by_records(self.rows, references))
        #: Where no role has limits, each row shows and lets change the same.
        self._alike = not any(role.scope for role in actor.roles)
        self._settable = self._settable_of(None)

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

    def address(self, record: Resource, here: str) -> str:
        """Return the page that a click on a row opens, from which one comes back `here`."""
        editable = not record.trashed_at and self.view.may("update")
        return str(self.view.address("edit_view" if editable else "details_view", id=record.id, url=here))

    def is_inline(self, column: Column, record: Resource) -> bool:
        """Return whether the cell is edited in place."""
        one = column.field
        if one is None or not one.inline or record.trashed_at:
            return False
        return self.shows(one.name, record) and self.sets(one.name, record)

    def typed(self, column: Column, record: Resource) -> str:
        """Return the value of an inline cell as it stands in its input."""
        return inline.written(column.field, column.field.get(record)) if column.field else ""

    def value(self, column: Column, record: Resource) -> Markup:
        """Return what stands in a cell."""
        if column.made is not None:
            return escape(column.made(record))
        one = column.field
        if one is None or not self.shows(one.name, record):
            return Markup("")
        value = one.get(record)
        if one.name == "status":
            return status(one, value)
        if one.kind is Kind.REFERENCES:
            return references(self.view.actor, value)
        if one.kind is Kind.REFERENCE and one.target == "category" and value:
            return category(self.names.get(("category", value), f"#{value}"))
        if one.kind is Kind.BOOLEAN:
            return truth(value)
        if one.kind is Kind.MOMENT:
            return formats.moment(value, "short")
        return formats.of_kind(one, value, self.names, getattr(record, "currency", None))


def status(one: Field, value: str) -> Markup:
    """Return a status as icon and word."""
    return Markup('<span class="badge-status badge-{}">{}{}</span>').format(
        value, icon(STATUS_ICONS.get(value, "circle")), formats.choice(one, value)
    )


def truth(value: bool) -> Markup:
    """Return yes or no as icon and word."""
    return Markup('<span class="badge-status badge-{}">{}{}</span>').format(
        "yes" if value else "no", icon("check" if value else "minus"), formats.truth(value)
    )


def category(label: str) -> Markup:
    """Return a category: the leaf, and its path beneath."""
    leaf, above = ancestors(label)
    return (
        Markup('<span><bdi>{}</bdi><br><bdi class="meta">{}</bdi></span>').format(leaf, above)
        if above
        else escape(leaf)
    )


def references(actor: policy.Actor, records: Sequence[Resource]) -> Markup:
    """Return the names of several records, their numbers where `actor` may not know them."""
    return Markup(", ").join(escape(policy.name_of(actor, one)) for one in records) if records else formats.nothing()
