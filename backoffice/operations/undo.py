"""Take back what was done: a change set, one record of it, or one field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Select, case, select

from .. import history, policy, writes
from ..errors import NotFound, Refused
from ..extensions import db
from ..i18n import Phrase, _, phrase
from ..models.base import Resource, field_of, fields_of, find_field, resources
from ..models.history import Change, ChangeSet
from ..policy import Actor
from ..writes import Receipt, Unit
from . import records

#: Records taken back in one transaction; a large change set takes several, in one change set of its own.
CHUNK = 200

UNDO = phrase("Undo: %(title)s")


@dataclass(frozen=True)
class Skipped:
    """What was not taken back: a field of a record (None: the whole record), and why."""

    label: str
    key: str | None
    reason: str


@dataclass
class UndoReport:
    """What an undo did: its own change set (None when nothing could be taken back), how many records, what it left."""

    change_set_id: int | None = None
    count: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, receipt: Receipt) -> None:
        """Count what one chunk wrote."""
        self.change_set_id = self.change_set_id or receipt.change_set_id
        self.count += len(receipt.changes)


@dataclass
class Outcome:
    """What one chunk left: what cannot be taken back, and by the key of its change what a rule refused as it is now."""

    skipped: list[Skipped] = field(default_factory=list)
    refused: list[tuple[int, Skipped]] = field(default_factory=list)


def undo_change_set(actor: Actor, change_set_id: int) -> UndoReport:
    """Take back every change of a change set that is still as it left it; the rest is skipped and named.

    So is what the actor has no right to change, and what would break a rule. Raises NotFound for a change set of which
    the actor may see nothing.
    """
    statement = select(Change).where(Change.change_set_id == change_set_id)
    return _undo(actor, change_set_id, statement, None)


def undo_change(actor: Actor, change_id: int, keys: Collection[str] | None = None) -> UndoReport:
    """Take back one record's change, or only the fields `keys` of it, such as `price` or `attributes.colour`."""
    statement = select(Change).where(Change.id == change_id)
    change = db.session.scalars(policy.visible_changes(actor, statement)).first()
    if change is None:
        raise NotFound("change", change_id)
    return _undo(actor, change.change_set_id, statement, keys)


def _undo(actor: Actor, change_set_id: int, statement: Select[Change], keys: Collection[str] | None) -> UndoReport:
    change_set = db.session.get(ChangeSet, change_set_id)
    ordered = policy.visible_changes(actor, statement.with_only_columns(Change.id)).order_by(*_order())
    change_ids = list(db.session.scalars(ordered))
    if change_set is None or not change_ids:
        raise NotFound("change_set", change_set_id)
    title = _title(change_set.told)
    report = UndoReport()
    while change_ids:
        left: list[tuple[int, Skipped]] = []
        for start in range(0, len(change_ids), CHUNK):

            def work(unit: Unit, chunk: Sequence[int] = change_ids[start : start + CHUNK]) -> Outcome:
                return _undo_chunk(unit, chunk, keys)

            outcome, receipt = writes.run(
                actor, title, work, source="undo", undo_of=change_set_id, continues=report.change_set_id
            )
            report.add(receipt)
            report.skipped.extend(outcome.skipped)
            left.extend(outcome.refused)
        # What was refused may have waited for what came after it; when nothing came, it stays.
        again = [key for key, _skipped in left] if len(left) < len(change_ids) else []
        report.skipped.extend(skipped for _key, skipped in left if not again)
        change_ids = again
    return report


def _title(told: Phrase | str) -> Phrase:
    """Return what it is called to take back what was `told`: to undo the undo of an undo is to undo."""
    inner = _undone(_undone(told))
    return UNDO.of(title=told if inner is None else inner)


def _undone(told: Phrase | str | None) -> Phrase | str | None:
    return told.parts["title"] if isinstance(told, Phrase) and told.text == UNDO.text else None


def _order() -> tuple[Any, ...]:
    """Return the order in which changes are taken back: what went to the trash first, what was created last.

    What refers to others comes back after them and goes before them: a category must be there, and be empty.
    """
    gone, created = Change.verb == "trash", Change.verb == "create"
    rank = case({name: _rank(model) for name, model in resources().items()}, value=Change.resource, else_=0)
    return case((gone, 0), (created, 2), else_=1), case((gone, rank), (created, -rank), else_=0), Change.id.desc()


def _rank(model: type[Resource], above: frozenset[type[Resource]] = frozenset()) -> int:
    """Return how many resources stand below `model`, each referring to the next; a circle is gone round once."""
    seen = above | {model}
    below = {resources()[field.target] for field in fields_of(model).values() if field.target} - seen
    return 1 + max((_rank(other, seen) for other in below), default=0)


def _undo_chunk(unit: Unit, change_ids: Sequence[int], keys: Collection[str] | None) -> Outcome:
    by_id = {change.id: change for change in unit.session.scalars(select(Change).where(Change.id.in_(change_ids)))}
    changes = [by_id[key] for key in change_ids if key in by_id]
    found = _locked(unit, changes)
    outcome = Outcome()
    try:
        with unit.attempt():
            outcome.skipped = [item for change in changes for item in _undo_one(unit, found, change, keys)]
    except (Refused, policy.Denied):
        # Something in the chunk is refused: one by one, so that only that is left.
        outcome = Outcome()
        for change in changes:
            _undo_alone(unit, found, change, keys, outcome)
    return outcome


def _undo_alone(
    unit: Unit, found: dict[tuple[str, int], Resource], change: Change, keys: Collection[str] | None, outcome: Outcome
) -> None:
    try:
        with unit.attempt():
            skipped = list(_undo_one(unit, found, change, keys))
    except Refused as refused:
        outcome.refused.append((change.id, Skipped(policy.label_of(unit.actor, change), refused.field, str(refused))))
    except policy.Denied:
        outcome.skipped.append(Skipped(policy.label_of(unit.actor, change), None, _("you may not change it")))
    else:
        outcome.skipped.extend(skipped)


def _locked(unit: Unit, changes: Sequence[Change]) -> dict[tuple[str, int], Resource]:
    """Return the records of `changes` by resource and key, locked in one order by every undo."""
    models = resources()
    pairs = sorted({(change.resource, change.record_id) for change in changes if change.resource in models})
    found: dict[tuple[str, int], Resource] = {}
    for resource, group in groupby(pairs, key=lambda pair: pair[0]):
        for record in unit.locked(models[resource], [key for _resource, key in group]):
            found[resource, record.id] = record
    return found


def _undo_one(
    unit: Unit, found: dict[tuple[str, int], Resource], change: Change, keys: Collection[str] | None
) -> Iterator[Skipped]:
    record = found.get((change.resource, change.record_id))
    if record is None or change.verb == "purge":
        yield Skipped(policy.label_of(unit.actor, change), None, _("it was deleted for good"))
        return
    if change.verb == "create" and keys is None:
        yield from _undo_creation(unit, record, change)
        return
    known = {key: pair for key, pair in change.diff.items() if find_field(type(record), key)}
    diff = policy.shown_diff(unit.actor, change)
    if keys is None and diff.keys() != known.keys():
        yield Skipped(unit.shown_name(record), None, _("it has fields that you do not see"))
    current = history.state_of(record, {field_of(type(record), key)[0].name for key in diff})
    inverse = history.inverse(diff, current, keys)
    for key in inverse.skipped:
        yield Skipped(unit.shown_name(record), key, _("it was changed since"))
    write = dict(inverse.write)
    if "trashed_at" in write:
        policy.require(unit.actor, "delete", record.resource.name, record)
        record.trashed_at = field_of(type(record), "trashed_at")[0].decode(write.pop("trashed_at"))
    records.update(unit, record, history.unflatten(type(record), write, record))


def _undo_creation(unit: Unit, record: Resource, change: Change) -> Iterator[Skipped]:
    """A record that came into being goes to the trash, unless someone worked on it since."""
    if record.trashed_at is not None:
        yield Skipped(unit.shown_name(record), None, _("it is in the trash already"))
    elif record.version != change.version:
        yield Skipped(unit.shown_name(record), None, _("it was changed since"))
    else:
        records.trash(unit, record)
