"""What happened, as people read it: change sets and changes that the reader may see, without fields they may not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup
from sqlalchemy import Select, select, true, union_all
from sqlalchemy.orm import Session, aliased

from backoffice import policy
from backoffice.i18n import Phrase, _, _l
from backoffice.models.base import Resource, resources
from backoffice.models.history import Change, ChangeSet
from backoffice.policy import Actor
from backoffice.selection.changes import told_changes

from . import formats
from .names import names_of, wanted_by_diffs

#: Records shown of one change set before "more", and fields of one record.
SHOWN_CHANGES = 4
SHOWN_FIELDS = 6

#: Fields of one record in the line that tells of it.
LINE_FIELDS = 3

SOURCES: dict[str, Any] = {
    "form": _l("Form"),
    "inline": _l("List"),
    "action": _l("Bulk"),
    "import": _l("Import"),
    "command": _l("Command"),
    "api": _l("API"),
    "schedule": _l("Schedule"),
    "undo": _l("Undo"),
    "system": _l("System"),
}

VERBS: dict[str, Any] = {
    "create": _l("Created"),
    "update": _l("Changed"),
    "trash": _l("Moved to the trash"),
    "restore": _l("Restored"),
    "purge": _l("Deleted for good"),
}

#: What the verb of a change says already.
_SAID = frozenset({"trashed_at"})

#: Verbs whose fields are all that the record held or holds.
_WHOLE = frozenset({"create", "purge"})


@dataclass(frozen=True)
class Line:
    """One field of a change: its label, before and after."""

    key: str
    label: str
    before: Markup
    after: Markup


@dataclass(frozen=True)
class Entry:
    """One change: what happened to one record."""

    change: Change
    model: type[Resource] | None
    label: str
    verb: str
    lines: list[Line]
    hidden: int

    @property
    def first(self) -> list[Line]:
        """Return the fields that stand in the line that tells of it."""
        return self.lines[:LINE_FIELDS]

    @property
    def left(self) -> int:
        """Return how many fields do not stand there."""
        return max(len(self.lines) + self.hidden - LINE_FIELDS, 0)

    @property
    def resource_label(self) -> str:
        """Return what kind of record it was."""
        return str(self.model.resource.label) if self.model else self.change.resource


@dataclass(frozen=True)
class Group:
    """Changes of one deed that did the same to records of one kind."""

    verb: str
    entries: list[Entry]

    @property
    def tells_fields(self) -> bool:
        """Return whether fields say what happened: those of a new record are its own page."""
        return self.verb not in _WHOLE and any(entry.lines for entry in self.entries)

    @property
    def label(self) -> str:
        """Return what happened to what kind of record."""
        first = self.entries[0]
        plural = len(self.entries) > 1 and first.model is not None
        kind = str(first.model.resource.plural) if plural and first.model else first.resource_label
        return _("%(verb)s: %(resource)s", verb=first.verb, resource=kind)


@dataclass(frozen=True)
class Deed:
    """One change set with the first of its changes. `names_one` says that its title names the one record of it."""

    change_set: ChangeSet
    title: str
    source: str
    entries: list[Entry]
    more: bool
    undone: bool
    names_one: bool

    @property
    def shortened(self) -> bool:
        """Return whether an entry has more to tell than its line."""
        return any(entry.left for entry in self.entries if entry.change.verb not in _WHOLE)

    @property
    def groups(self) -> list[Group]:
        """Return the entries, neighbours of one verb and kind together."""
        parted = groupby(self.entries, key=lambda entry: (entry.change.verb, entry.change.resource))
        return [Group(verb, list(entries)) for (verb, _resource), entries in parted]


def deeds(session: Session, actor: Actor, sets: Sequence[ChangeSet]) -> list[Deed]:
    """Return `sets` with the first changes of each, in one statement however many there are."""
    if not sets:
        return []
    keys = [found.id for found in sets]
    grouped: dict[int, list[Change]] = {key: [] for key in keys}
    for change in session.scalars(_first_changes(session, actor, keys)):
        grouped[change.change_set_id].append(change)
    shown = {key: changes[:SHOWN_CHANGES] for key, changes in grouped.items()}
    told = iter(entries(session, actor, [change for key in keys for change in shown[key]]))
    by_set = {key: [next(told) for _change in shown[key]] for key in keys}
    known = _known_names(session, actor, sets, grouped)
    undone = set(session.scalars(select(ChangeSet.undo_of_id).where(ChangeSet.undo_of_id.in_(keys))))
    tells = {found.id: _tells_title(actor, found, grouped[found.id], known[found.id]) for found in sets}
    return [
        Deed(
            found,
            str(found.told) if tells[found.id] else _in_general(grouped[found.id]),
            str(SOURCES.get(found.source, found.source)),
            by_set[found.id],
            len(grouped[found.id]) > SHOWN_CHANGES,
            found.id in undone,
            tells[found.id] and len(grouped[found.id]) == 1 and _named(found) == {grouped[found.id][0].label},
        )
        for found in sets
    ]


def by_day(found: Sequence[Deed]) -> list[tuple[str, list[Deed]]]:
    """Return `found`, newest first, under the days of the reader on which they were done."""
    return [(day, list(group)) for day, group in groupby(found, key=lambda deed: formats.day(deed.change_set.at))]


def _first_changes(session: Session, actor: Actor, keys: list[int]) -> Select[Change]:
    few = SHOWN_CHANGES + 1
    if session.get_bind().dialect.name == "postgresql":
        # Said once for all sets: to put it together takes longer than to answer it.
        sets = select(ChangeSet.id).where(ChangeSet.id.in_(keys)).subquery()
        own = told_changes(actor, select(Change).where(Change.change_set_id == sets.c.id))
        first = own.order_by(Change.id).limit(few).lateral()
        change = aliased(Change, first)
        return select(change).select_from(sets).join(first, true()).order_by(change.id)
    parts = [told_changes(actor, select(Change).where(Change.change_set_id == key)) for key in keys]
    united = union_all(*(select(one.order_by(Change.id).limit(few).subquery()) for one in parts)).subquery()
    return select(aliased(Change, united)).order_by(united.c.id)


def entries(session: Session, actor: Actor, changes: Sequence[Change], whole: bool = False) -> list[Entry]:
    """Return `changes` as people read them; fields that `actor` may not see today are left out."""
    models = resources()
    diffs = [(change, policy.shown_diff(actor, change)) for change in changes]
    wanted = wanted_by_diffs((models[change.resource], diff) for change, diff in diffs if change.resource in models)
    names = names_of(session, actor, wanted)
    labels = [policy.label_of(actor, change) for change in changes]
    return [
        _entry(models.get(change.resource), change, label, diff, names, whole)
        for (change, diff), label in zip(diffs, labels, strict=True)
    ]


def _tells_title(actor: Actor, change_set: ChangeSet, changes: Sequence[Change], known: Collection[str]) -> bool:
    """Return whether the reader may know what the records are called.

    One that the title names may be out of their reach: what happened to theirs happened besides.
    """
    return all(policy.tells_label(actor, change) for change in changes) and _named(change_set) <= set(known)


def _in_general(changes: Sequence[Change]) -> str:
    """Return what was done without a name."""
    return str(VERBS.get(changes[0].verb, changes[0].verb))


def _named(change_set: ChangeSet) -> frozenset[str]:
    told = change_set.told
    return told.names if isinstance(told, Phrase) else frozenset()


def _known_names(
    session: Session, actor: Actor, sets: Sequence[ChangeSet], shown: Mapping[int, Sequence[Change]]
) -> dict[int, set[str]]:
    """Return by the key of each set the names of its title that the reader knows: of what they did, and may see."""
    known: dict[int, set[str]] = {}
    for found in sets:
        named = _named(found)
        own = actor.user_id is not None and found.actor_id == actor.user_id
        known[found.id] = set(named) if own else named & _names_in(shown[found.id])
    missing = {found.id: _named(found) - known[found.id] for found in sets}
    missing = {key: names for key, names in missing.items() if names}
    if missing:
        # Perhaps it is not among the first ones.
        labels = sorted(frozenset().union(*missing.values()))
        told = (
            Change.change_set_id,
            Change.label,
            Change.resource,
            Change.verb,
            Change.scope_before,
            Change.scope_after,
        )
        named = select(*told).where(
            Change.change_set_id.in_(sorted(missing)),
            Change.label.in_(labels),
            Change.resource.in_([name for name, model in resources().items() if policy.names(actor, model)]),
        )
        for row in session.execute(policy.visible_changes(actor, named).distinct()):
            if policy.tells_label(actor, row):
                known[row.change_set_id].add(row.label)
    return known


def _names_in(changes: Iterable[Change]) -> set[str]:
    """Return what the records of `changes` are called, and were before."""
    found = {change.label for change in changes}
    for change in changes:
        model = resources().get(change.resource)
        before, _after = change.diff.get(model.resource.title, (None, None)) if model else (None, None)
        found |= {before} if isinstance(before, str) else set()
    return found


def _entry(
    model: type[Resource] | None,
    change: Change,
    label: str,
    diff: dict[str, list[Any]],
    names: formats.Names,
    whole: bool,
) -> Entry:
    verb = str(VERBS.get(change.verb, change.verb))
    keys = [key for key in diff if key not in _SAID]
    limit = len(keys) if whole else SHOWN_FIELDS
    lines = [_line(model, key, diff[key], names) for key in keys[:limit]] if model else []
    return Entry(change, model, label, verb, lines, len(keys) - len(lines))


def _line(model: type[Resource], key: str, pair: Iterable[Any], names: formats.Names) -> Line:
    before, after = (formats.encoded(model, key, value, names) for value in pair)
    return Line(key, formats.key_label(model, key), before, after)


def undo_sentence(count: int, skipped: int) -> str:
    """Return what an undo did, as one line."""
    if not skipped:
        return _("Undone.")
    return _("Undone in part: %(count)s records taken back, %(skipped)s left.", count=count, skipped=skipped)
