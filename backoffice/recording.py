"""What a unit remembers of the records it touches, and the change rows that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session, attributes, object_session

from .errors import Refused, WriteRefused
from .history import Diff, State, difference, flatten, recorded_fields, state_of, verb_of
from .models.base import Resource, fields_of, require_filled
from .models.category import path_of
from .models.fields import Field, Kind
from .models.types import utcnow

LABEL_LENGTH = 300


@dataclass
class Draft:
    """One change before it is a row: what happened to one record."""

    model: type[Resource]
    record_id: int
    label: str
    verb: str
    diff: Diff
    version: int
    scope_before: str | None = None
    scope_after: str | None = None

    def row(self, change_set_id: int) -> dict[str, Any]:
        """Return the row of the change table."""
        return {
            "change_set_id": change_set_id,
            "resource": self.model.resource.name,
            "record_id": self.record_id,
            "label": self.label[:LABEL_LENGTH],
            "verb": self.verb,
            "diff": self.diff,
            "version": self.version,
            "scope_before": self.scope_before,
            "scope_after": self.scope_after,
        }


@dataclass
class Touched:
    """A record that a unit writes, and what it was before."""

    record: Resource
    created: bool = False
    purged: bool = False
    secret: bool = False
    settled: bool = False
    before: dict[str, State] = field(default_factory=dict)  # by field, only of fields that were set
    counted: tuple[int, datetime] | None = None  # version and moment before this unit counted one up
    scope_before: str | None = None

    def diff(self) -> Diff:
        """Return the net difference so far, over however many flushes."""
        if self.created and self.purged:
            return {}
        if self.created:
            return difference({}, state_of(self.record))
        before: State = {key: value for state in self.before.values() for key, value in state.items()}
        if self.purged:
            return difference(before, {})
        after: State = {}
        for declared in recorded_fields(type(self.record)):
            if declared.name in self.before:
                after |= flatten(declared, declared.get(self.record))
        return difference(before, after)

    def changed_fields(self) -> frozenset[str]:
        """Return the names of the fields that differ now from what they were."""
        if self.created:
            return frozenset(fields_of(type(self.record)))
        changed = set()
        for declared in recorded_fields(type(self.record)):
            before = self.before.get(declared.name)
            if before is not None and difference(before, flatten(declared, declared.get(self.record))):
                changed.add(declared.name)
        return frozenset(changed)

    def draft(self) -> Draft | None:
        """Return the change that this leaves, None when nothing differs in the end."""
        diff = self.diff()
        if not diff and not self.secret:
            return None
        return Draft(
            model=type(self.record),
            record_id=self.record.id,
            label=str(self.record),
            verb=verb_of(diff, self.created, self.purged),
            diff=diff,
            version=self.record.version,
            scope_before=self.scope_before,
            scope_after=None if self.purged else self.record.scope_path(),
        )


class Recorder:
    """Remembers each record of a session before its first flush, and settles it."""

    def __init__(self, explain: Callable[[Resource, Refused], Refused] = lambda _record, refused: refused) -> None:
        self.touched: dict[int, Touched] = {}
        self._explain = explain
        # Marks of records that were touched before a savepoint, as they were: a rollback brings them back.
        self._marked: list[tuple[Touched, str, bool]] = []

    def before_flush(self, session: Session, *_args: Any) -> None:
        """Capture what the flush is about to overwrite, bump versions, let records check themselves."""
        _refuse_what_leaves_no_trace(session)
        for record in _resources(session.new):
            self._of(record, created=True)
            self._settle(session, record)
        for record in _resources(session.dirty):
            if session.is_modified(record):
                self._settle(session, record)
                self._capture(self._bumped(record))
        for record in _resources(session.deleted):
            self._capture_whole(self._of(record))

    def mark(self) -> tuple[int, int]:
        """Return a mark for `since` and `forget_since`."""
        return len(self.touched), len(self._marked)

    def since(self, mark: tuple[int, int]) -> list[Draft]:
        """Return the net changes of the records touched first since `mark`."""
        return [draft for item in list(self.touched.values())[mark[0] :] if (draft := item.draft())]

    def forget_since(self, mark: tuple[int, int]) -> None:
        """Forget what was noted since `mark`: it was rolled back."""
        for key in list(self.touched)[mark[0] :]:
            del self.touched[key]
        while len(self._marked) > mark[1]:
            item, name, value = self._marked.pop()
            setattr(item, name, value)

    def fresh(self) -> list[Touched]:
        """Return what was touched and not yet settled, by ascending key."""
        return sorted((item for item in self.touched.values() if not item.settled), key=lambda item: item.record.id)

    def settle(self, item: Touched) -> None:
        """Note that `item` has settled."""
        self._set(item, "settled", True)

    def drafts(self) -> list[Draft]:
        """Return the net changes, in the order in which the records were touched first."""
        return [draft for item in self.touched.values() if (draft := item.draft())]

    def take_back(self, drafts: Iterable[Draft]) -> bool:
        """Take back the version that was counted for records that are not among `drafts`; return whether any was."""
        changed = {(draft.model, draft.record_id) for draft in drafts}
        same = [item for item in self.touched.values() if (type(item.record), item.record.id) not in changed]
        found = False
        for item in same:
            if item.counted and item.record.version == item.counted[0] + 1:
                item.record.version, item.record.updated_at = item.counted
                found = True
        return found

    def _of(self, record: Resource, created: bool = False) -> Touched:
        # The entry holds the record, so its address cannot be given to another meanwhile.
        return self.touched.setdefault(id(record), Touched(record, created))

    def _set(self, item: Touched, name: str, value: bool) -> None:
        if getattr(item, name) != value:
            self._marked.append((item, name, not value))
            setattr(item, name, value)

    def _settle(self, session: Session, record: Resource) -> None:
        try:
            require_filled(record)
            record.settle(session)
        except Refused as refused:
            raise self._explain(record, refused) from refused

    def _bumped(self, record: Resource) -> Touched:
        item = self._of(record)
        if item.counted is None and not item.created:
            item.counted = record.version, record.updated_at
            record.version += 1
            record.updated_at = utcnow()
        return item

    def _capture(self, item: Touched) -> None:
        self._set(item, "settled", False)
        if item.created:
            return
        if not item.before:
            item.scope_before = _scope_before(item.record)
        state = inspect(item.record)
        for name, declared in fields_of(type(item.record)).items():
            if name in item.before or name in ("created_at", "updated_at"):
                continue
            history = state.attrs[name].history
            if not history.has_changes():
                continue
            if declared.secret:
                self._set(item, "secret", True)
            elif declared.kind is Kind.REFERENCES:
                item.before[name] = flatten(declared, [*history.unchanged, *history.deleted])
            else:
                before = history.deleted[0] if history.deleted else self._stored(item.record, declared)
                item.before[name] = flatten(declared, before)

    @staticmethod
    def _stored(record: Resource, declared: Field) -> Any:
        """Return the stored value of a field that was changed in place and marked: the record holds it no more."""
        session = object_session(record)
        column: Any = declared.attribute
        return session.scalar(select(column).where(type(record).id == record.id)) if session else None

    def _capture_whole(self, item: Touched) -> None:
        self._set(item, "purged", True)
        item.scope_before = item.record.scope_path()
        for declared in recorded_fields(type(item.record)):
            item.before.setdefault(declared.name, flatten(declared, declared.get(item.record)))


def _scope_before(record: Resource) -> str | None:
    """Return the scope path that the stored row had, though its reference may already point elsewhere."""
    column = record.resource.scope
    session = object_session(record)
    if column is None or column == "id" or session is None:
        return record.scope_path()
    deleted = attributes.get_history(record, column).deleted
    return path_of(session, deleted[0]) if deleted else record.scope_path()


def _refuse_what_leaves_no_trace(session: Session) -> None:
    """Refuse rows that are no resource, history itself above all: the unit writes those, or `bookkeeping` does."""
    changed = (record for record in session.dirty if session.is_modified(record))
    for record in (*session.new, *changed, *session.deleted):
        if not isinstance(record, Resource):
            raise WriteRefused(f"A {type(record).__name__} is no resource: its change would leave no trace in history.")


def _resources(records: Iterable[object]) -> list[Resource]:
    return [record for record in records if isinstance(record, Resource)]


def draft_of_row(
    model: type[Resource], record_id: int, before: Mapping[str, Any], after: Mapping[str, Any], **rest: Any
) -> Draft:
    """Return the change of a set-based write from attribute values before and after; only fields in `after` count."""
    old: State = {}
    new: State = {}
    for declared in recorded_fields(model):
        name = declared.name
        if name in after and (before or after[name] is not None):
            new |= flatten(declared, after[name])
            if before:
                old |= flatten(declared, before.get(name))
    diff = difference(old, new)
    return Draft(model=model, record_id=record_id, diff=diff, verb=verb_of(diff, not before, False), **rest)
