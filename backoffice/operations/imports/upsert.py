"""Write a chunk of rows set-based: found by their key, compared, created or changed in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ... import bulk, history, policy
from ...errors import Refused
from ...i18n import _
from ...models.base import Resource, defaults_of, fields_of, file_fields
from ...models.fields import MAX_ENTRIES, Field, Kind
from ...models.types import among
from ...policy import Denied
from ...writes import Unit
from .. import cells
from . import singly
from .columns import Plan, Target, referred_model
from .names import Names
from .outcome import Fate, Outcome, problem_of
from .problems import Problem
from .rights import Rights
from .rows import Row, folds

Values = dict[str, Any]


class Upsert:
    """One chunk on its way through one unit."""

    def __init__(self, unit: Unit, plan: Plan, outcome: Outcome, names: Names) -> None:
        self.unit, self.plan, self.outcome, self.names = unit, plan, outcome, names
        self.model = plan.model
        self.rights = Rights(unit.actor, plan.model)
        self.references = {name for name, one in fields_of(self.model).items() if one.kind is Kind.REFERENCES}
        self.targets = {name: referred_model(one) for name, one in fields_of(self.model).items() if one.target}
        self.blank: Values = dict.fromkeys(fields_of(self.model)) | defaults_of(self.model)
        self.paths: dict[int | None, str] = {}

    def write(self, rows: Sequence[Row]) -> None:
        """Create, change or leave alone the record of each row; what fails is told to the outcome."""
        stored = self._stored(rows)
        new, known, trashed = [], [], []
        for row in rows:
            found = self._match(row, stored.get(row.key, []))
            if found is None:
                continue
            if not found:
                new.append(row)
            elif found["trashed_at"] is not None:
                trashed.append(row)
            else:
                known.append((row, found))
        self._look_up([*new, *(row for row, _found in known)])
        new = [row for row in new if self._may_come(row)]
        known = [(row, found) for row, found in known if not self._missing(row) or self._may_change(row, found)]
        self._name([*new, *(row for row, _found in known)])
        self._create(new)
        self._change(known)
        singly.write(self.unit, self.plan, trashed, self.outcome, self.names)

    def _stored(self, rows: Sequence[Row]) -> dict[Any, list[Values]]:
        """Return the stored rows by key, without lock: most rows of a file that comes every day change nothing."""
        keys = {row.key for row in rows}
        column, attribute = self._key_column()
        given = self.references & {target.field.name for row in rows for target in row.targets}
        found: dict[Any, list[Values]] = defaultdict(list)
        for row in bulk.read_rows(self.unit.session, self.model, self._among(column, keys), references=given):
            found[row[attribute]].append(row)
        self._learn_paths(row for some in found.values() for row in some)
        return found

    def _among(self, column: Any, values: Iterable[Any]) -> Any:
        return among(self.unit.session, column, values)

    def _key_column(self) -> tuple[Any, str]:
        name = "name_key" if folds(self.plan) else file_fields(self.model)[self.plan.key].name
        return getattr(self.model, name), name

    def _match(self, row: Row, found: list[Values]) -> Values | None:
        """Return the stored row that a row is about, an empty one for a new one, None where that cannot be said."""
        seen = [one for one in found if self.rights.reads(self._path(one))]
        if found and not seen:
            self._fail(row, _("“%(value)s” is taken by a record that you do not see. Choose another."))
        elif len(live := [one for one in seen if one["trashed_at"] is None]) > 1:
            self._fail(
                row, _("%(number)s records are called “%(value)s”. Use --key slug to tell them apart."), len(live)
            )
        elif live or not seen:
            return live[0] if live else {}
        elif self.names.restore:
            return seen[0]
        else:
            self._fail(row, _("“%(value)s” is in the trash. Restore it there, or import with --restore."))
        return None

    def _fail(self, row: Row, reason: str, number: int = 0) -> None:
        value = cells.as_text(row.given.get(self.plan.key, row.key))
        self.outcome.fail(row, Problem(self.plan.key, value, reason % {"value": value, "number": number}))

    def _may_come(self, row: Row) -> bool:
        """Return whether a new row keeps the rights, and the rules where something would be created for it in vain."""
        try:
            if self._missing(row):
                self._check(self.blank | self._values(row, {}, named=False), new=True)
            self.rights.require_creation(row.values | row.entries | row.names)
        except (Refused, Denied) as error:
            self.outcome.fail(row, problem_of(self.plan, row, error))
            return False
        return True

    def _may_change(self, row: Row, found: Values) -> bool:
        """Return whether a row that names what is not there may change its record to it."""
        try:
            self._check(found | self._values(row, found, named=False), new=False)
            self.rights.require_change(self._missing(row), self._path(found))
        except (Refused, Denied) as error:
            self.outcome.fail(row, problem_of(self.plan, row, error))
            return False
        return True

    def _check(self, values: Values, *, new: bool) -> None:
        """Raise Refused for values that contradict each other, without words about what the actor does not see."""
        try:
            bulk.check_values(self.model, values)
        except Refused as refused:
            raise policy.discreet(self.unit.actor, refused, self.model, new=new) from refused

    def _values(self, row: Row, found: Values, *, named: bool = True) -> Values:
        """Return what the row says of its record, over what is stored. Raises Refused for a name that means nothing."""
        values = dict(row.values)
        for name, entries in row.entries.items():
            stored = found.get(name)
            document = {**stored, **entries} if stored else entries
            document = {key: document[key] for key in sorted(document) if document[key] is not None}
            if len(document) > MAX_ENTRIES:
                # Each entry is clean by itself, all of them are too many: it says so.
                fields_of(self.model)[name].clean(document)
            values[name] = document or None
        for name, wanted in row.names.items() if named else ():
            values[name] = self._keys(fields_of(self.model)[name], wanted, found.get(name))
        return values

    def _keys(self, field: Field, wanted: list[tuple[str, ...]], current: Any) -> Any:
        target = self.targets[field.name]
        many = field.kind is Kind.REFERENCES
        known = (current or []) if many else [current]
        keys = [self.names.choose(field, target, name, known) for name in wanted]
        return sorted(set(keys)) if many else keys[0] if keys else None

    def _look_up(self, rows: Sequence[Row]) -> None:
        """Look up everything that the rows refer to."""
        for target, names in self._wanted(rows).items():
            self.names.prefetch(target, names)

    def _name(self, rows: Sequence[Row]) -> None:
        """Create what the rows refer to and what is not there."""
        for target, names in self._wanted(rows).items():
            self.names.create_missing(target, names)

    def _wanted(self, rows: Sequence[Row]) -> dict[type[Resource], dict[tuple[str, ...], None]]:
        wanted: dict[type[Resource], dict[tuple[str, ...], None]] = defaultdict(dict)
        for row in rows:
            for name, named in row.names.items():
                wanted[self.targets[name]].update(dict.fromkeys(named))
        return wanted

    def _missing(self, row: Row) -> list[str]:
        """Return the fields in which the row refers to something that is not there."""
        misses, targets = self.names.misses, self.targets
        return [name for name, named in row.names.items() if any(misses(targets[name], one) for one in named)]

    def _create(self, rows: Sequence[Row]) -> None:
        ready: list[tuple[Row, Values]] = []
        for row in rows:
            try:
                ready.append((row, self._values(row, {})))
            except Refused as error:
                self.outcome.fail(row, problem_of(self.plan, row, error))
        self._learn_paths(values for _row, values in ready)
        ready = [(row, values) for row, values in ready if self._stays(row, "create", values)]
        keys = bulk.insert_rows(
            self.unit,
            self.model,
            [values for _row, values in ready],
            lambda index, refused: self._refuse(ready[index][0], refused),
        )
        for (row, _values), key in zip(ready, keys, strict=True):
            if key is not None:
                self.outcome.put(row, Fate.CREATED)

    def _change(self, rows: Sequence[tuple[Row, Values]]) -> None:
        """Change what differs: compared first without a lock, then again with it."""
        differing = {found["id"]: row for row, found in rows if self._difference(row, found)}
        updates: list[bulk.RowUpdate] = []
        changed: list[Row] = []
        for found in self._locked(list(differing)):
            row = differing[found["id"]]
            if found["trashed_at"] is not None:
                self._fail(
                    row, _("“%(value)s” went to the trash meanwhile. Restore it there, or import with --restore.")
                )
            elif after := self._difference(row, found):
                updates.append(bulk.RowUpdate(found, after))
                changed.append(row)
        done = set(
            bulk.update_rows(
                self.unit, self.model, updates, lambda index, refused: self._refuse(changed[index], refused)
            )
        )
        for row, update in zip(changed, updates, strict=True):
            if row.source.line not in self.outcome.fates:
                self.outcome.put(row, Fate.UPDATED if update.before["id"] in done else Fate.UNCHANGED)

    def _locked(self, keys: list[int]) -> list[Values]:
        if not keys:
            return []
        rows = bulk.read_rows(self.unit.session, self.model, self._among(self.model.id, keys), lock=True)
        self._learn_paths(rows)
        return rows

    def _difference(self, row: Row, found: Values) -> Values:
        """Return what the row changes; a row that changes nothing, or may not, has its fate by then."""
        try:
            self.rights.require_sight({target.field.name for target in row.targets}, self._path(found))
            values = self._values(row, found)
            after = {name: value for name, value in values.items() if self._differs(row, name, found, value)}
            if after:
                self.rights.require_change(after, self._path(found))
                self._learn_paths([after])
                if self.model.resource.scope in after:
                    self.rights.require_reach("update", self._path(after))
                return after
        except (Refused, Denied) as error:
            self.outcome.fail(row, problem_of(self.plan, row, error))
            return {}
        self.outcome.put(row, Fate.UNCHANGED)
        return {}

    def _differs(self, row: Row, name: str, found: Values, value: Any) -> bool:
        declared = fields_of(self.model)[name]
        # Of a document's entries, true is not 1.
        if declared.kind is not Kind.MAP and value == found[name]:
            return False
        before, after = history.flatten(declared, found[name]), history.flatten(declared, value)
        if not history.difference(before, after):
            return False
        return not (declared.target is None and says_the_same(self.plan, row, declared, found[name]))

    def _stays(self, row: Row, verb: str, values: Values) -> bool:
        try:
            self.rights.require_reach(verb, self._path(values))
        except Refused as refused:
            self._refuse(row, refused)
            return False
        return True

    def _refuse(self, row: Row, refused: Refused) -> None:
        self.outcome.fail(row, problem_of(self.plan, row, refused))

    def _path(self, values: Values) -> str | None:
        column = self.model.resource.scope
        return self.paths.get(values.get(column)) if column else None

    def _learn_paths(self, rows: Iterable[Values]) -> None:
        column = self.model.resource.scope
        if column:
            unknown = {row.get(column) for row in rows} - self.paths.keys() - {None}
            self.paths |= bulk.paths(self.unit.session, unknown) if unknown else {}


def says_the_same(plan: Plan, row: Row, field: Field, stored: Any) -> bool:
    """Return whether the file holds just what an export of the stored value would write: then it changes nothing."""
    return all(
        _is_written(plan, target, stored, row.given[target.column])
        for target in row.targets
        if target.field.name == field.name
    )


def _is_written(plan: Plan, target: Target, stored: Any, raw: Any) -> bool:
    if cells.is_empty(raw):
        return not plan.clear_empty
    declared = target.field
    if declared.kind is Kind.MAP and target.entry is not None:
        if target.entry not in (stored or {}):
            return False
        if not isinstance(raw, str):
            return bool(cells.read_entry(plan.model, declared, raw) == stored[target.entry])
        return raw.strip() == cells.write_entry(plan.model, declared, stored[target.entry])
    if declared.kind is Kind.MAP:
        return False
    return cells.as_text(raw).strip() == cells.write_value(declared, stored)
