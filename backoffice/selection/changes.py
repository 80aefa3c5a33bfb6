"""Which changes a person is told of: of records within reach, with something that they see in them; page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import Session, joinedload

from .. import policy
from ..extensions import db
from ..models.base import Resource, fields_of, resources
from ..models.fields import Field, Kind
from ..models.history import Change, ChangeSet
from ..policy import Actor

S = TypeVar("S", bound=Select[Any])

#: Change sets or changes on one page.
PAGE = 30


@dataclass(frozen=True)
class Slice:
    """A page of something newest first; `older` is the key to go on from."""

    rows: list[Any]
    older: int | None


def visible_sets(actor: Actor, *conditions: Any) -> Select[ChangeSet]:
    """Return the change sets of which `actor` may see something that meets `conditions` on Change."""
    inner = told_changes(actor, select(Change.id).where(Change.change_set_id == ChangeSet.id, *conditions))
    # Its first one is enough: as a join it would be asked for every change of a large set.
    statement = select(ChangeSet).where(inner.limit(1).scalar_subquery().is_not(None))
    if conditions:
        # Sets without any are left out by an index, where they are many.
        statement = statement.where(ChangeSet.id.in_(select(Change.change_set_id).where(*conditions)))
    return statement


def page_of_sets(session: Session, statement: Select[ChangeSet], before: int | None, size: int = PAGE) -> Slice:
    """Return a page of change sets, newest first, that end before the key `before`."""
    if before is not None:
        statement = statement.where(ChangeSet.id < before)
    return _sliced(session, statement.order_by(ChangeSet.id.desc()), size)


def page_of_changes(
    session: Session, actor: Actor, conditions: Sequence[Any], before: int | None, size: int = PAGE
) -> Slice:
    """Return a page of the changes that meet `conditions` and that `actor` may see, newest first."""
    statement = told_changes(actor, select(Change).where(*conditions)).options(joinedload(Change.change_set))
    if before is not None:
        statement = statement.where(Change.id < before)
    return _sliced(session, statement.order_by(Change.id.desc()), size, actor)


def page_of_record(session: Session, actor: Actor, record: Resource, before: int | None, size: int) -> Slice:
    """Return a page of the changes of `record` that `actor` may see, newest first."""
    conditions = (Change.resource == record.resource.name, Change.record_id == record.id)
    statement = told_changes(actor, select(Change).where(*conditions)).options(joinedload(Change.change_set))
    if before is not None:
        version = select(Change.version).where(Change.id == before, *conditions).scalar_subquery()
        statement = statement.where(Change.version < version)
    # Each of them made a version of its own; the index has them in that order.
    return _sliced(session, statement.order_by(Change.version.desc()), size, actor)


def _sliced(session: Session, statement: Select[Any], size: int, actor: Actor | None = None) -> Slice:
    rows = list(session.scalars(statement.limit(size + 1)))
    older = rows[size - 1].id if len(rows) > size else None
    # What is shown in one place and hidden in another is known by the row alone; such a page is shorter.
    return Slice([row for row in rows[:size] if actor is None or _tells(actor, row)], older)


def _tells(actor: Actor, change: Change) -> bool:
    return change.verb != "update" or not change.diff or bool(policy.shown_diff(actor, change))


def told_changes(actor: Actor, statement: S) -> S:
    """Return `statement` over Change held to what `actor` may see, and of which something can be told.

    An edit of nothing but fields that the reader sees nowhere would be a line without content, on a page of such lines.
    """
    statement = policy.visible_changes(actor, statement)
    for name, model in resources().items():
        if policy.scopes(actor, "read", name) == ():
            continue
        shown = policy.fields_for(actor, "read", model)
        declared = [field for field in fields_of(model).values() if not field.secret]
        if all(field.name in shown for field in declared):
            continue
        seen = [field for field in declared if field.name in shown]
        empty = and_(Change.verb == "update", _has_key(), not_(_has_key(seen)))
        statement = statement.where(not_(and_(Change.resource == name, empty)))
    return statement


def _has_key(fields: Iterable[Field] | None = None) -> ColumnElement[bool]:
    """Return the condition that the difference of a change names one of `fields`, or anything at all."""
    each = func.jsonb_each if db.engine.dialect.name == "postgresql" else func.json_each
    entries = each(Change.diff).table_valued("key", "value")
    found = select(1).select_from(entries)
    if fields is not None:
        fields = list(fields)
        within = [entries.c.key.startswith(f"{f.entry_prefix}.", autoescape=True) for f in fields if f.kind is Kind.MAP]
        found = found.where(or_(entries.c.key.in_([field.name for field in fields]), *within))
    return found.correlate(Change).exists()
