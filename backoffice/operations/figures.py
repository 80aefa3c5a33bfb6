"""Figures over the whole catalogue as one person sees it, kept until something changes; dear ones, a minute."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Result, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .. import policy, writes
from ..models.base import fields_of
from ..models.category import Category
from ..models.history import Change, ChangeSet
from ..models.personal import Figure
from ..models.product import Product
from ..models.types import utcnow
from ..policy import Actor
from ..selection import Selection
from ..selection.changes import told_changes
from ..selection.translated import held_by_language

#: What is kept for everyone of one reach, and what for each person.
NAMES, OWN_NAMES = ("status", "category", "language", "day"), ("needs",)

#: Rows up to which a figure is counted whenever something changed.
QUICK = 20_000

#: How many of the latest changes are looked at: one that was numbered earlier may be committed later.
LATEST = 1_000

#: How old a figure may be that is looked at again, and when nobody wants it any more.
FRESH = timedelta(minutes=1)
FORGOTTEN = timedelta(days=1)

#: Hours, categories and people that are shown.
HOURS = 24
TOP_CATEGORIES = 8
MOST_PEOPLE = 6


@dataclass(frozen=True)
class Counted:
    """Figures and the moment at which they were true; `value` None where they were not counted yet."""

    value: Any
    at: datetime | None
    stale: bool = False


def pairs(result: Result[Any, Any]) -> dict[Any, int]:
    """Return rows of two columns as a dictionary."""
    return {row[0]: row[1] for row in result}


def by_status(session: Session, actor: Actor) -> dict[str, int]:
    """Return the number of products that `actor` may see by status."""
    statement = Selection(Product, actor).keys(session).with_only_columns(Product.status, func.count())
    return pairs(session.execute(statement.group_by(Product.status)))


def by_category(session: Session, actor: Actor) -> list[list[int]]:
    """Return the highest categories within reach that hold most products, each with its number of products."""
    statement = Selection(Product, actor).keys(session).with_only_columns(Product.category_id, func.count())
    counts = pairs(session.execute(statement.group_by(Product.category_id)))
    reach = select(Category.id, Category.path).where(policy.condition(actor, Category))
    paths = {key: [int(part) for part in path.split("/") if part] for key, path in session.execute(reach)}
    totals: dict[int, int] = {}
    for key, count in counts.items():
        highest = next((part for part in paths.get(key or 0, ()) if part in paths), None)
        if highest is not None:
            totals[highest] = totals.get(highest, 0) + count
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return [[key, count] for key, count in ordered[:TOP_CATEGORIES]]


def by_language(session: Session, actor: Actor, languages: Iterable[str]) -> dict[str, int]:
    """Return the number of products with a name in each of `languages`, besides the source; under `""` that of all."""
    keys = Selection(Product, actor).keys(session)
    return held_by_language(session, Product, fields_of(Product)["name_i18n"], keys, list(languages))


def by_hour(session: Session, actor: Actor, now: datetime) -> dict[str, list[Any]]:
    """Return the changes of the last day that `actor` may see.

    `hours` holds [hour as ISO 8601, source, number], hours of the clock in UTC; `people` holds [key, name, number], the
    busiest first. What no person did has no key, and no name where it goes by several.
    """
    since = first_hour(now)
    first = session.scalar(select(func.min(ChangeSet.id)).where(ChangeSet.at >= since))
    if first is None:
        return {"hours": [], "people": []}
    seen = told_changes(actor, select(Change.change_set_id).where(Change.change_set_id >= first))
    counting = seen.with_only_columns(Change.change_set_id, func.count()).group_by(Change.change_set_id)
    counts = pairs(session.execute(counting))
    sets = select(ChangeSet.id, ChangeSet.at, ChangeSet.source, ChangeSet.actor_id, ChangeSet.actor_label)
    hours: Counter[tuple[str, str]] = Counter()
    people: Counter[int | None] = Counter()
    names: dict[int | None, str] = {}
    sets = sets.where(ChangeSet.id >= first, ChangeSet.at >= since).order_by(ChangeSet.id)
    for key, at, source, person, label in session.execute(sets):
        if count := counts.get(key):
            hours[at.replace(minute=0, second=0, microsecond=0).isoformat(), source] += count
            people[person] += count
            # Somebody who changed their name goes by the newest.
            names[person] = label if person or names.get(person, label) == label else ""
    return {
        "hours": [[hour, source, count] for (hour, source), count in sorted(hours.items())],
        "people": [[person, names[person], count] for person, count in people.most_common(MOST_PEOPLE)],
    }


def first_hour(now: datetime) -> datetime:
    """Return the beginning of the first of the last HOURS hours, the one of `now` being the last."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


@dataclass
class Kept:
    """The figures that are kept for one actor, those of OWN_NAMES, and for everyone with the reach of that actor.

    `again` counts what is not fresh in any case. `state` tells whether anything changed: the newest and the oldest of
    the latest changes and how many they are, for a deed that goes on adds to its change set, and the hour of the clock.
    `keys` gives the name under which one is kept.
    """

    again: bool
    state: list[Any]
    now: datetime
    keys: dict[str, str]
    found: dict[str, Figure]
    counted: dict[str, Any] = field(default_factory=dict)

    def figure(self, name: str, count: Callable[[], Any], quick: bool) -> Counted:
        """Return the figure `name`, true now or kept a minute; older ones are counted if that is `quick` or asked."""
        kept = self.found.get(self.keys[name])
        if kept is not None and self.now - kept.made_at < FRESH:
            same = kept.value["state"] == self.state
            if same or not quick:
                return Counted(kept.value["value"], None if same else kept.made_at)
        if not self.again and not quick:
            return Counted(kept.value["value"], kept.made_at, stale=True) if kept else Counted(None, None, stale=True)
        self.counted[name] = count()
        return Counted(self.counted[name], None if quick else self.now)

    def keep(self) -> None:
        """Keep what was counted, in one step, and forget what nobody asked for in a day."""
        if not self.counted:
            return
        rows = [
            {"name": self.keys[name], "value": {"state": self.state, "value": value}, "made_at": self.now}
            for name, value in sorted(self.counted.items())
        ]
        with writes.bookkeeping() as session:
            dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            statement = dialect.insert(Figure).values(rows)
            new = {"value": statement.excluded.value, "made_at": statement.excluded.made_at}
            session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=new))
            # One that somebody else writes now is not forgotten, and is not waited for.
            old = select(Figure.name).where(Figure.made_at < self.now - FORGOTTEN).with_for_update(skip_locked=True)
            session.execute(delete(Figure).where(Figure.name.in_(old)))


def kept(session: Session, actor: Actor, again: bool) -> Kept:
    """Return what is kept for `actor`; `again` counts anew what is not fresh, however long it takes."""
    reach, now = _reach(actor), utcnow()
    keys = {name: f"{name}/{reach}" for name in NAMES} | {name: f"{name}/{reach}/{actor.user_id}" for name in OWN_NAMES}
    found = session.scalars(select(Figure).where(Figure.name.in_(keys.values())))
    latest = select(Change.id).order_by(Change.id.desc()).limit(LATEST).subquery()
    numbers = session.execute(select(func.max(latest.c.id), func.min(latest.c.id), func.count())).one()
    state = [*numbers, first_hour(now).isoformat()]
    return Kept(again, state, now, keys, {one.name: one for one in found})


def _reach(actor: Actor) -> str:
    """Return the same for everyone whose roles give the same, so that they see the same fields of the same rows."""
    roles = {
        (tuple(sorted(role.grants)), role.scope, *map(tuple, map(sorted, (role.hidden, role.locked))))
        for role in actor.roles
    }
    return hashlib.sha256(repr(sorted(roles)).encode()).hexdigest()[:32]
