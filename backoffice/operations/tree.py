"""Moving categories: the one operation behind the mouse, the keys and the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from .. import policy
from ..errors import NotFound, Refused
from ..i18n import _
from ..models.category import Category, lock_tree
from ..models.history import Change
from ..writes import Unit
from . import records
from .arranging import make_room

UP, DOWN, OUT, IN = "up", "down", "out", "in"
STEPS = (UP, DOWN, OUT, IN)


@dataclass(frozen=True)
class Place:
    """Where a category goes: under `parent` (None: to the top), right before or after one that stands there.

    Without either it goes in where its name sorts, or to the end where somebody arranged those that are there.
    """

    parent: int | None
    before: int | None = None
    after: int | None = None


class Overtaken(Refused):
    """The tree is not any more as it was shown; nothing was written."""


def move(unit: Unit, key: int, version: int, place: Place) -> Category:
    """Move the category `key`, shown at `version`, to `place` with all that is in it.

    Raises NotFound for what is out of reach, Denied and Refused; Overtaken where it was moved meanwhile, or the place
    is gone.
    """
    lock_tree(unit.session)
    record = _movable(unit, key)
    _refuse_overtaken(unit, record, version, place)
    _require_parent(unit, record.parent_id)
    stays = place.parent == record.parent_id
    if not stays:
        _require_parent(unit, place.parent)
        records.update(unit, record, {"parent_id": place.parent})
    _arrange(unit, record, place, stays)
    return record


def step(unit: Unit, key: int, direction: str) -> Place:
    """Return the place one step away: `up` and `down` among its siblings, `out` behind its parent, `in` the one above.

    Raises Refused where there is none, NotFound for what is out of reach.
    """
    lock_tree(unit.session)
    record = _movable(unit, key)
    # First of all: whether it is the last one there would tell who cannot look there what stands beside it.
    _require_parent(unit, record.parent_id)
    name = unit.shown_name(record)
    if direction == OUT:
        if record.parent_id is None:
            raise Refused(_("“%(name)s” is at the top already.", name=name))
        above = unit.session.get_one(Category, record.parent_id)
        return Place(above.parent_id, after=above.id)
    order = [one.id for one in siblings_of(unit.session, record.parent_id)]
    at = order.index(record.id)
    if direction == DOWN:
        if at + 1 == len(order):
            raise Refused(_("“%(name)s” is the last one here already.", name=name))
        return Place(record.parent_id, after=order[at + 1])
    if at == 0:
        raise Refused(_("“%(name)s” is the first one here already.", name=name))
    return Place(record.parent_id, before=order[at - 1]) if direction == UP else Place(order[at - 1])


def _movable(unit: Unit, key: int) -> Category:
    record = unit.get(Category, key)
    if not policy.allows(unit.actor, "read", "category", record):
        raise NotFound("category", key)
    policy.require(unit.actor, "update", "category", record)
    if record.trashed_at:
        raise Refused(_("“%(name)s” is in the trash. Restore it first.", name=unit.shown_name(record)))
    return record


def _refuse_overtaken(unit: Unit, record: Category, version: int, place: Place) -> None:
    """Give way to who changed the place of `record` since `version`; other fields do not matter here."""
    if version == record.version:
        return
    known = 0 < version < record.version
    statement = select(Change.version, Change.diff).where(Change.resource == "category", Change.record_id == record.id)
    later = unit.session.execute(statement.where(Change.version > version)).all() if known else []
    told = known and {row.version for row in later} == set(range(version + 1, record.version + 1))
    deciding = {"parent_id", "trashed_at"} | ({"position"} if place.parent == record.parent_id else set())
    if not told or any(deciding & row.diff.keys() for row in later):
        raise Overtaken(
            _(
                "A colleague moved “%(name)s” meanwhile. You see it now where it is; move it again if need be.",
                name=unit.shown_name(record),
            )
        )


def _require_parent(unit: Unit, key: int | None) -> None:
    """Raise Refused unless the actor may change what lies under the category `key`, or the top of the tree."""
    parent = unit.session.get(Category, key) if key else None
    place = policy.Place(Category.resource, parent.path if parent else None)
    if not policy.allows(unit.actor, "update", "category", place):
        raise Refused(
            _("You can work in some categories only, and this would leave them. Choose one of yours."), "parent_id"
        )


def siblings_of(session: Session, parent: int | None) -> list[Category]:
    """Return the live categories under `parent` in their order, those of the whole house."""
    under = Category.parent_id.is_(None) if parent is None else Category.parent_id == parent
    ordered = select(Category).where(under, Category.trashed_at.is_(None))
    return list(session.scalars(ordered.order_by(Category.position, Category.name_key, Category.id)))


def _arrange(unit: Unit, record: Category, place: Place, stays: bool) -> None:
    """Give `record` the number of its place, and others theirs where there is no room."""
    order = siblings_of(unit.session, place.parent)
    siblings = [one for one in order if one.id != record.id]
    at = _index(unit, siblings, place, record)
    if at is None and not stays:
        _go_in(unit, record, siblings)
    elif at is not None and not (stays and order[at : at + 1] == [record]):
        _squeeze_in(unit, record, siblings, at)


def _index(unit: Unit, siblings: Sequence[Category], place: Place, record: Category) -> int | None:
    """Return before which of `siblings` the place is, None for one that names no neighbour."""
    beside = place.before or place.after
    if beside is None:
        return None
    keys = [one.id for one in siblings]
    if beside not in keys:
        name = unit.shown_name(record)
        raise Overtaken(_("The place that you chose for “%(name)s” is not there any more. Choose it again.", name=name))
    return keys.index(beside) + (0 if place.before else 1)


def _go_in(unit: Unit, record: Category, siblings: Sequence[Category]) -> None:
    """Let `record` sort by its name, or stand at the end where somebody arranged its new siblings."""
    if not policy.allows(unit.actor, "update", "category", record, "position"):
        return
    if len({one.position for one in siblings}) > 1:
        _squeeze_in(unit, record, siblings, len(siblings))
    else:
        records.update(unit, record, {"position": siblings[0].position if siblings else 0})


def _squeeze_in(unit: Unit, record: Category, siblings: Sequence[Category], at: int) -> None:
    room = make_room([one.position for one in siblings], at)
    aside = {siblings[index].id: number for index, number in room.aside.items()}
    for one in unit.locked(Category, list(aside)) if aside else ():
        records.update(unit, one, {"position": aside[one.id]})
    records.update(unit, record, {"position": room.numbers[0]})
