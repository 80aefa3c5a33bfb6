"""Find the records that a file refers to by name, and create those that are missing where that is allowed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select

from ... import bulk, policy
from ...errors import Refused
from ...i18n import _
from ...models.base import Resource, fields_of
from ...models.fields import Field
from ...models.types import among, sort_key
from ...policy import Denied, Place
from ...writes import Unit
from .. import cells, records
from .columns import parent_field
from .problems import denial
from .rows import Name

#: Names in one look-up.
MANY = 500


@dataclass(frozen=True)
class Found:
    """A record that answers to a name; `path` is that of a tree's node."""

    id: int
    name: str
    path: str | None = None
    trashed: bool = False


class Names:
    """What names mean within one unit: looked up many at once, each once. `made` lists what was created on the way."""

    def __init__(self, unit: Unit, *, restore: bool = False) -> None:
        self.unit = unit
        self.restore = restore
        self.made: list[tuple[type[Resource], Name]] = []
        self._found: dict[type[Resource], dict[Name, list[Found]]] = defaultdict(dict)
        self._learnt: list[tuple[type[Resource], Name, list[Found] | None]] = []
        self._refused: dict[tuple[type[Resource], Name], str] = {}
        self._tops: dict[type[Resource], frozenset[int]] = {}

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do a part that may fail by itself: then nothing was created, and nothing learnt of it."""
        learnt, made = len(self._learnt), len(self.made)
        try:
            with self.unit.attempt():
                yield
        except BaseException:
            for target, name, before in reversed(self._learnt[learnt:]):
                if before is None:
                    del self._found[target][name]
                else:
                    self._found[target][name] = before
            del self._learnt[learnt:], self.made[made:]
            raise

    def prefetch(self, target: type[Resource], names: Iterable[Name]) -> None:
        """Look up `names`, as far as they are not known yet."""
        wanted = {folded(target, name) for name in names}
        if not parent_field(target):
            self._look_up(target, wanted)
            return
        for level in range(1, max(map(len, wanted), default=0) + 1):
            self._look_up_level(target, {name[:level] for name in wanted if len(name) >= level})

    def candidates(self, target: type[Resource], name: Name) -> list[Found]:
        """Return the records that answer to `name`, the one that is meant first."""
        found = self._found[target].get(folded(target, name), [])
        if len(found) < 2:
            return found
        return sorted(
            found, key=lambda one: (one.trashed, not self._reaches(target, one), one.name != name[-1], one.id)
        )

    def choose(self, field: Field, target: type[Resource], name: Name, current: Collection[int | None] = ()) -> int:
        """Return the key that `name` means; among namesakes the `current` one. Raises Refused with what to do."""
        found = self.candidates(target, name)
        kept = next((one for one in found if one.id in current), None)
        if kept and not (kept.trashed and self.restore and kept is found[0]):
            return kept.id
        if not found or not self._reaches(target, found[0]):
            said = self._refused.get((target, folded(target, name)))
            raise Refused(said or _missing(field, target, name), field.name)
        if found[0].trashed:
            levels = range(1, len(name) + 1) if parent_field(target) else (len(name),)
            self._bring_back(field.label, target, [name[:level] for level in levels], field.name)
        return found[0].id

    def create_missing(self, target: type[Resource], names: Iterable[Name]) -> None:
        """Create the records of `names` that are not there, where records of `target` may be imported."""
        spelt: dict[Name, Name] = {}
        for name in names:
            if not self.candidates(target, name):
                # As it is written first.
                spelt.setdefault(folded(target, name), name)
        missing = list(spelt.values())
        if not missing or "import" not in target.resource.verbs:
            return
        if parent_field(target):
            for name in missing:
                self._create_path(target, name)
        elif target.resource.set_based:
            self._create_many(target, missing)
        else:
            for name in missing:
                self._create_one(target, name, {target.resource.key: name[-1]})

    def add(self, target: type[Resource], name: Name, found: Found) -> None:
        """Learn of a record that was created meanwhile."""
        name = folded(target, name)
        self._learn(target, name, [*self._found[target].get(name, ()), found])

    def _learn(self, target: type[Resource], name: Name, found: list[Found]) -> None:
        self._learnt.append((target, name, self._found[target].get(name)))
        self._found[target][name] = found

    def misses(self, target: type[Resource], name: Name) -> bool:
        """Return whether nothing answers to `name`, which was looked up."""
        return not self._found[target].get(folded(target, name))

    def _look_up(self, target: type[Resource], wanted: set[Name]) -> None:
        asked = sorted(wanted - self._found[target].keys())
        rows: dict[Name, list[Found]] = {name: [] for name in asked}
        column: Any = getattr(target, "name_key", getattr(target, target.resource.key))
        for some in _batches(asked):
            statement = select(column, target.id, getattr(target, target.resource.key), target.trashed_at)
            statement = statement.where(among(self.unit.session, column, [name[0] for name in some]))
            for text, key, name, trashed in self._rows(policy.referable(self.unit.actor, statement, target)):
                rows[text,].append(Found(key, name, None, trashed is not None))
        for found_name, found in rows.items():
            self._learn(target, found_name, found)

    def _look_up_level(self, target: Any, wanted: set[Name]) -> None:
        """Look up paths whose parents are known; the actor's reach is asked of their ends only.

        A path begins at a root of the tree, or where the part of it begins that the actor sees: the names above are
        kept from them, and from the files that they export.
        """
        asked = sorted(wanted - self._found[target].keys())
        rows: dict[Name, list[Found]] = {name: [] for name in asked}
        above = {name[:-1]: self._first_key(target, name[:-1]) for name in asked}
        path_of = {key: path for path, key in above.items() if key or not path}
        parent, tops = _parent_column(target), self._tops_of(target)
        for some in _batches([name for name in asked if above[name[:-1]] in path_of]):
            keys = {above[name[:-1]] for name in some}
            begins = or_(parent.is_(None), target.id.in_(tops)) if tops else parent.is_(None)
            statement = select(parent, target.name_key, target.id, target.name, target.path, target.trashed_at).where(
                among(self.unit.session, target.name_key, {name[-1] for name in some}),
                begins if None in keys else among(self.unit.session, parent, keys),
            )
            for under, text, key, name, path, trashed in self._rows(statement):
                # Of each name and each parent together, not all were asked for.
                if (meant := (*path_of.get(under, ()), text)) in rows:
                    rows[meant].append(Found(key, name, path, trashed is not None))
        for found_name, found in rows.items():
            self._learn(target, found_name, found)

    def _tops_of(self, target: Any) -> frozenset[int]:
        """Return the nodes at which the actor's part of a tree begins, none where it is the whole tree."""
        if target not in self._tops:
            paths = policy.scopes(self.unit.actor, "read", target.resource.name) or ()
            keys = self.unit.session.scalars(select(target.id).where(target.path.in_(paths))) if paths else ()
            self._tops[target] = frozenset(keys)
        return self._tops[target]

    def _rows(self, statement: Any) -> Iterator[Any]:
        return iter(self.unit.session.execute(statement))

    def _first_key(self, target: type[Resource], path: Name) -> int | None:
        found = self._found[target].get(path, [])
        best = min(found, key=lambda one: (one.trashed, not self._reaches(target, one), one.id), default=None)
        return best.id if best else None

    def _reaches(self, target: type[Resource], found: Found) -> bool:
        """Return whether the actor may point to a node of a tree; records of other kinds were asked for by right."""
        if target.resource.referable or target.resource.scope is None:
            return True
        return policy.allows(self.unit.actor, "read", target.resource.name, Place(target.resource, found.path))

    def _create_many(self, target: type[Resource], missing: list[Name]) -> None:
        ready: list[tuple[Name, dict[str, Any]]] = []
        key = target.resource.key
        for name in missing:
            try:
                _require_creation(self.unit, target)
                ready.append((name, {key: fields_of(target)[key].clean(name[-1])}))
            except (Refused, Denied) as error:
                self._refuse(target, name, error)
        keys = bulk.insert_rows(
            self.unit,
            target,
            [values for _name, values in ready],
            lambda index, refused: self._refuse(target, ready[index][0], refused),
        )
        for (name, _values), made in zip(ready, keys, strict=True):
            if made is not None:
                self._made(target, name, Found(made, name[-1]))

    def _create_path(self, target: type[Resource], name: Name) -> None:
        """Create what is missing of a path, from the root down, or nothing of it."""
        levels = [name[:level] for level in range(1, len(name) + 1)]
        missing = [path for path in levels if not self.candidates(target, path)]
        known = levels[: -len(missing)]
        said = next((said for path in levels if (said := self._refused.get((target, folded(target, path))))), None)
        if said:
            self._refused[target, folded(target, name)] = said
            return
        at = 0
        try:
            with self.attempt():
                self._bring_back(target.resource.label, target, known)
                key = self.candidates(target, known[-1])[0].id if known else None
                for path in missing:
                    values = {target.resource.title: path[-1], _parent_column(target).key: key}
                    record = records.create(self.unit, target, values)
                    self.unit.settle()
                    self._made(target, path, Found(record.id, path[-1], record.scope_path()))
                    key, at = record.id, at + 1
        except (Refused, Denied) as error:
            failed = missing[at]
            self._refuse(target, failed, error)
            self._refused[target, folded(target, name)] = self._refused[target, folded(target, failed)]

    def _create_one(self, target: type[Resource], name: Name, values: dict[str, Any]) -> None:
        if (target, folded(target, name)) in self._refused:
            return
        try:
            with self.attempt():
                record = records.create(self.unit, target, values)
                self.unit.settle()
                self._made(target, name, Found(record.id, name[-1], record.scope_path()))
        except (Refused, Denied) as error:
            self._refuse(target, name, error)

    def _made(self, target: type[Resource], name: Name, found: Found) -> None:
        self.made.append((target, folded(target, name)))
        self.add(target, name, found)

    def _refuse(self, target: type[Resource], name: Name, error: Refused | Denied) -> None:
        reason = denial(error) if isinstance(error, Denied) else str(error)
        self._refused[target, folded(target, name)] = _(
            "%(resource)s “%(name)s” is not there and cannot be created: %(reason)s",
            resource=target.resource.label,
            name=cells.joined_path(name),
            reason=reason,
        )

    def _bring_back(self, label: Any, target: type[Resource], paths: Sequence[Name], field: str | None = None) -> None:
        """Restore from the trash what is there of `paths`, from the root down, or refuse."""
        for path in paths:
            found = self.candidates(target, path)[0]
            if not found.trashed:
                continue
            if not self.restore:
                raise Refused(
                    _(
                        "%(field)s: “%(name)s” is in the trash. Restore it there, or import with --restore.",
                        field=label,
                        name=cells.joined_path(path),
                    ),
                    field,
                )
            records.restore(self.unit, self.unit.get(target, found.id))
            known = self._found[target][folded(target, path)]
            live = [replace(one, trashed=False) if one is found else one for one in known]
            self._learn(target, folded(target, path), live)


def folded(target: type[Resource], name: Name) -> Name:
    """Return the form in which names of `target` are compared: Sony is SONY."""
    if hasattr(target, "name_key"):
        return tuple(sort_key(part) for part in name)
    return tuple(part.casefold() if "@" in part else part for part in name)


def _parent_column(target: type[Resource]) -> Any:
    declared = parent_field(target)
    return getattr(target, declared.name if declared else "id")


def _require_creation(unit: Unit, target: type[Resource]) -> None:
    name = target.resource.name
    policy.require(unit.actor, "create", name)
    if target.resource.key not in policy.fields_for(unit.actor, "create", target):
        raise Denied("create", name, target.resource.key)


def _missing(field: Field, target: type[Resource], name: Name) -> str:
    return _(
        "%(field)s: there is no “%(name)s”, or you may not use it. Correct the name, or create it first.",
        field=field.label,
        name=cells.joined_path(name) if parent_field(target) else name[-1],
    )


def _batches(names: Sequence[Name]) -> Iterator[Sequence[Name]]:
    return (names[start : start + MANY] for start in range(0, len(names), MANY))
