"""Find the records that a file refers to by name, and create those that are missing where that is allowed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

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
    """What names mean within one unit: looked up many at once, each once."""

    def __init__(self, unit: Unit, *, restore: bool = False) -> None:
        self.unit = unit
        self.restore = restore
        self._found: dict[type[Resource], dict[Name, list[Found]]] = defaultdict(dict)
        self._refused: dict[tuple[type[Resource], Name], str] = {}

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
        return sorted(found, key=lambda one: (one.trashed, one.name != name[-1], one.id))

    def choose(self, field: Field, target: type[Resource], name: Name, current: Iterable[int | None] = ()) -> int:
        """Return the key that `name` means; among namesakes the `current` one. Raises Refused with what to do."""
        found = self.candidates(target, name)
        kept = next((one for one in found if one.id in set(current)), None)
        if kept:
            return kept.id
        if not found or not self._reaches(target, found[0]):
            said = self._refused.get((target, folded(target, name)))
            raise Refused(said or _missing(field, target, name), field.name)
        if found[0].trashed:
            self._bring_back(field, target, name)
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
            self.unit.settle()
        elif target.resource.set_based:
            self._create_many(target, missing)
        else:
            for name in missing:
                self._create_one(target, name, {target.resource.key: name[-1]})

    def add(self, target: type[Resource], name: Name, found: Found) -> None:
        """Learn of a record that was created meanwhile."""
        self._found[target].setdefault(folded(target, name), []).append(found)

    def _look_up(self, target: type[Resource], wanted: set[Name]) -> None:
        known = self._found[target]
        asked = sorted(wanted - known.keys())
        known.update({name: [] for name in asked})
        column: Any = getattr(target, "name_key", getattr(target, target.resource.key))
        for some in _batches(asked):
            statement = select(column, target.id, getattr(target, target.resource.key), target.trashed_at)
            statement = statement.where(among(self.unit.session, column, [name[0] for name in some]))
            for text, key, name, trashed in self._rows(policy.referable(self.unit.actor, statement, target)):
                known[text,].append(Found(key, name, None, trashed is not None))

    def _look_up_level(self, target: Any, wanted: set[Name]) -> None:
        """Look up paths whose parents are known; the actor's reach is asked of their ends only."""
        known = self._found[target]
        asked = sorted(wanted - known.keys())
        known.update({name: [] for name in asked})
        above = {name[:-1]: self._first_key(target, name[:-1]) for name in asked}
        path_of = {key: path for path, key in above.items() if key or not path}
        parent = _parent_column(target)
        for some in _batches([name for name in asked if above[name[:-1]] in path_of]):
            keys = {above[name[:-1]] for name in some}
            statement = select(parent, target.name_key, target.id, target.name, target.path, target.trashed_at).where(
                among(self.unit.session, target.name_key, {name[-1] for name in some}),
                parent.is_(None) if None in keys else among(self.unit.session, parent, keys),
            )
            for under, text, key, name, path, trashed in self._rows(statement):
                known.setdefault((*path_of[under], text), []).append(Found(key, name, path, trashed is not None))

    def _rows(self, statement: Any) -> Iterator[Any]:
        return iter(self.unit.session.execute(statement))

    def _first_key(self, target: type[Resource], path: Name) -> int | None:
        found = sorted(self._found[target].get(path, []), key=lambda one: (one.trashed, one.id))
        return found[0].id if found else None

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
                self.add(target, name, Found(made, name[-1]))

    def _create_path(self, target: type[Resource], name: Name) -> None:
        """Create what is missing of a path, from the root down."""
        above: int | None = None
        for level in range(1, len(name) + 1):
            path = name[:level]
            if not self.candidates(target, path):
                self._create_one(target, path, {target.resource.title: path[-1], _parent_column(target).key: above})
            if not self.candidates(target, path):
                said = self._refused[target, folded(target, path)]
                self._refused[target, folded(target, name)] = said
                return
            above = self.candidates(target, path)[0].id

    def _create_one(self, target: type[Resource], name: Name, values: dict[str, Any]) -> None:
        if (target, folded(target, name)) in self._refused:
            return
        try:
            with self.unit.attempt():
                record = records.create(self.unit, target, values)
                self.unit.settle()
        except (Refused, Denied) as error:
            self._refuse(target, name, error)
        else:
            self.add(target, name, Found(record.id, name[-1], record.scope_path()))

    def _refuse(self, target: type[Resource], name: Name, error: Refused | Denied) -> None:
        reason = denial(error) if isinstance(error, Denied) else str(error)
        self._refused[target, folded(target, name)] = _(
            "%(resource)s “%(name)s” is not there and cannot be created: %(reason)s",
            resource=target.resource.label,
            name=cells.joined_path(name),
            reason=reason,
        )

    def _bring_back(self, field: Field, target: type[Resource], name: Name) -> None:
        if not self.restore:
            raise Refused(
                _(
                    "%(field)s: “%(name)s” is in the trash. Restore it there, or import with --restore.",
                    field=field.label,
                    name=cells.joined_path(name),
                ),
                field.name,
            )
        for path in (name[:level] for level in range(1, len(name) + 1)) if parent_field(target) else (name,):
            found = self.candidates(target, path)[0]
            if found.trashed:
                records.restore(self.unit, self.unit.get(target, found.id))
                known = self._found[target][folded(target, path)]
                known[known.index(found)] = replace(found, trashed=False)


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
