"""Two states of one record side by side, and bringing fields back to what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, scoped_session

from backoffice import history, policy
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import Resource, find_field
from backoffice.models.history import Change
from backoffice.operations import records
from backoffice.policy import Actor
from backoffice.writes import Unit

from . import formats, timeline
from .names import names_of, wanted_by_diffs

#: Changes that are looked back over; what is older is found in the history itself.
MOST_CHANGES = 1_000

#: States that are offered to choose from.
OFFERED = 100

#: What the trash does is no field to bring back here: restoring has a button of its own.
LEFT_OUT = frozenset({"trashed_at"})


@dataclass(frozen=True)
class State:
    """A state that the record was in: the version, and the change that made it."""

    version: int
    change: Change


@dataclass(frozen=True)
class Line:
    """A field in both states."""

    key: str
    label: str
    old: Markup
    new: Markup
    settable: bool


def context(view: Any, record: Resource, old: int | None, new: int | None) -> dict[str, Any]:
    """Return what the page that compares the versions `old` and `new` of `record` shows; the last two by default."""
    states = [State(change.version, change) for change in _offered(view.actor, record)]
    versions = [state.version for state in states]
    newest = new if new in versions else record.version
    before = [version for version in versions if version < newest]
    oldest = old if old in versions else (before[0] if before else newest)
    return {
        "record": record,
        "states": states,
        "old": min(oldest, newest),
        "new": max(oldest, newest),
        "lines": lines(view.actor, record, min(oldest, newest), max(oldest, newest)),
        "sources": timeline.SOURCES,
    }


def lines(actor: Actor, record: Resource, old: int, new: int) -> list[Line]:
    """Return the fields that differ between two versions and that `actor` may see."""
    model = type(record)
    seen = policy.fields_for(actor, "read", model, record)
    settable = policy.fields_for(actor, "update", model, record)
    diff = history.difference(*(state_at(db.session, record, version) for version in (old, new)))
    shown = {
        key: pair
        for key, pair in diff.items()
        if key not in LEFT_OUT and (found := find_field(model, key)) and found[0].name in seen
    }
    names = names_of(db.session, actor, wanted_by_diffs([(model, shown)]))
    return [
        Line(
            key,
            formats.key_label(model, key),
            *(formats.encoded(model, key, value, names) for value in pair),
            settable=_field_of(model, key) in settable,
        )
        for key, pair in shown.items()
    ]


def state_at(session: Session | scoped_session[Session], record: Resource, version: int) -> history.State:
    """Return the state of `record` at `version`, by all that happened since. Raises Refused for one too long ago."""
    statement = select(Change.diff).where(Change.resource == record.resource.name, Change.record_id == record.id)
    statement = statement.where(Change.version > version).order_by(Change.version, Change.id)
    later = list(session.scalars(statement.limit(MOST_CHANGES + 1)))
    if len(later) > MOST_CHANGES:
        raise Refused(_("That state is too long ago to compare with. Choose a newer one."))
    return history.as_of(history.state_of(record), later)


def bring_back(unit: Unit, record: Resource, version: int, keys: Sequence[str]) -> None:
    """Set the fields `keys` of `record` to what they were at `version`. Raises Denied and Refused."""
    if version not in {change.version for change in _offered(unit.actor, record)}:
        raise Refused(_("That state is not there to bring back. Reload the page and choose again."))
    state = state_at(unit.session, record, version)
    wanted = [key for key in dict.fromkeys(keys) if key not in LEFT_OUT and find_field(type(record), key)]
    if not wanted:
        raise Refused(_("Nothing is ticked. Tick the fields that you want back."))
    seen = policy.fields_for(unit.actor, "read", type(record), record)
    for key in wanted:
        if (name := _field_of(type(record), key)) not in seen:
            raise policy.Denied("update", record.resource.name, name)
    write = {key: state.get(key) for key in wanted}
    records.update(unit, record, history.unflatten(type(record), write, record))


def _field_of(model: type[Resource], key: str) -> str:
    found = find_field(model, key)
    return found[0].name if found else ""


def _offered(actor: Actor, record: Resource) -> list[Change]:
    """Return the newest changes of `record` that `actor` may see, the last one first."""
    statement = select(Change).where(Change.resource == record.resource.name, Change.record_id == record.id)
    newest = policy.visible_changes(actor, statement).order_by(Change.version.desc(), Change.id.desc())
    return list(db.session.scalars(newest.options(joinedload(Change.change_set)).limit(OFFERED)))
