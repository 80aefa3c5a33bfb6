"""Set-based writes of the door: many rows in few statements.

They leave the same rows, versions, history and searched text as the same edits made record by record; a property test
holds them to it. For resources whose declaration is `set_based`; rights are the caller's to check, as everywhere below
the operations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    bindparam,
    column,
    delete,
    func,
    inspect,
    select,
)
from sqlalchemy import table as lightweight
from sqlalchemy.orm import Mapper, RelationshipProperty, Session
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.util import identity_key

from . import policy
from .backends import search
from .backends.rows import insert_many, update_many
from .errors import Refused, WriteRefused
from .i18n import _
from .models.base import Resource, defaults_of, fields_of
from .models.category import Category
from .models.fields import Field, Kind
from .models.identifiers import Named, Slugs, slugify
from .models.types import among, utcnow
from .recording import Draft, draft_of_row
from .refusals import taken
from .writes import Unit, search_row, searched_fields

Values = dict[str, Any]

#: Told of a row that breaks a rule: its place among the rows given, and the refusal. The row is left out.
Refuse = Callable[[int, Refused], None]

#: Where SQLite notes the highest number that it ever gave to a row of each table.
_SEQUENCE = lightweight("sqlite_sequence", column("name"), column("seq"))

#: Keys in one IN list.
MANY = 1000


@dataclass(frozen=True)
class RowUpdate:
    """The change of one row: `before` is the whole row as `read_rows` gave it under lock, `after` what is set.

    `after` holds cleaned values by attribute, references as keys; what equals the stored value does not count.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Association:
    """The table of a many-to-many field: its column for the owner and the one for the target."""

    table: Table
    owner: Column[int]
    target: Column[int]


_columns_of: dict[type[Resource], dict[str, Column[Any]]] = {}
_required_of: dict[type[Resource], list[Field]] = {}
_associations_of: dict[type[Resource], dict[str, Association]] = {}


@dataclass
class _Row:
    """A row on its way: all its values, what of them changes, and where it stood among those given."""

    index: int
    values: Values
    changed: Values
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> int:
        return int(self.values["id"])


def read_rows(
    session: Session,
    model: type[Resource],
    condition: ColumnElement[bool],
    *,
    lock: bool = False,
    references: Iterable[str] | None = None,
) -> list[Values]:
    """Return the rows that meet `condition` as attribute values, by ascending key; `lock` holds them for the unit.

    Many-to-many fields come as lists of keys: those named by `references`, all of them by default.
    """
    columns = _columns(model)
    statement = select(*(column.label(name) for name, column in columns.items())).where(condition).order_by(model.id)
    if lock:
        statement = statement.with_for_update(of=_table(model))
    rows = [dict(row) for row in session.execute(statement).mappings()]
    wanted = _associations(model)
    if references is not None:
        wanted = {name: wanted[name] for name in references}
    for name, association in wanted.items():
        held = _targets(session, association, [row["id"] for row in rows])
        for row in rows:
            row[name] = held.get(row["id"], [])
    return rows


def insert_rows(
    unit: Unit, model: type[Resource], rows: Sequence[Mapping[str, Any]], refuse: Refuse | None = None
) -> list[int | None]:
    """Create a record for each of `rows`, attribute values in stored form, and return their keys in the same order.

    Raises Refused for a row that breaks a rule; with `refuse` that row is left out instead, its key None.
    """
    _begin(unit, model)
    moment = utcnow()
    ready: list[_Row] = []
    blank = _blank(model) | {"created_at": moment, "updated_at": moment}
    for index, given in enumerate(rows):
        values = {**blank, **given}
        _settled(unit, ready, _Row(index, values, dict(given)), model, refuse)
    ready = _with_slugs(unit.session, model, ready, refuse)
    keys: list[int | None] = [None] * len(rows)
    if ready:
        for row, key in zip(ready, _insert(unit, model, [row.values for row in ready]), strict=True):
            row.values["id"] = keys[row.index] = key
    _associate(unit, model, ready)
    _finish(unit, model, ready)
    return keys


def update_rows(
    unit: Unit, model: type[Resource], updates: Sequence[RowUpdate], refuse: Refuse | None = None
) -> list[int]:
    """Change the rows of `updates` and return the keys of those that differ now.

    Raises Refused for a row that breaks a rule; with `refuse` that row is left out instead.
    """
    _begin(unit, model)
    moment = utcnow()
    ready: list[_Row] = []
    for index, change in enumerate(updates):
        row = _Row(index, {**change.before, **change.after}, dict(change.after), change.before)
        if _differs(model, row):
            _settled(unit, ready, row, model, refuse)
    ready = [row for row in _with_slugs(unit.session, model, ready, refuse) if _differs(model, row)]
    for row in ready:
        row.changed |= {"version": row.before["version"] + 1, "updated_at": moment}
        row.values |= row.changed
    _update(unit, model, ready)
    _associate(unit, model, ready)
    _forget_loaded(unit.session, model, ready)
    _finish(unit, model, ready)
    return [row.key for row in ready]


def paths(session: Session, keys: Collection[int | None]) -> dict[int | None, str]:
    """Return the paths of categories by their keys."""
    wanted = {key for key in keys if key is not None}
    found: dict[int | None, str] = {}
    for some in _batches(sorted(wanted)):
        rows = session.execute(select(Category.id, Category.path).where(among(session, Category.id, some)))
        found.update((key, path) for key, path in rows)
    return found


def check_values(model: type[Resource], values: Mapping[str, Any]) -> None:
    """Raise Refused where a required field is empty in `values`, all those of a record, or they contradict each other.

    A slug may be empty: it is made from the name.
    """
    if model not in _required_of:
        _required_of[model] = [declared for declared in fields_of(model).values() if declared.required]
    for declared in _required_of[model]:
        if values[declared.name] in (None, ""):
            raise Refused(_("%(field)s: fill this in.", field=declared.label), declared.name)
    model.check_values(values)


def scope_of(model: type[Resource], values: Mapping[str, Any], path_by_key: Mapping[int | None, str]) -> str | None:
    """Return the path of the category that limits who may reach a row with `values`."""
    column = model.resource.scope
    return path_by_key.get(values[column]) if column else None


def _begin(unit: Unit, model: type[Resource]) -> None:
    if not model.resource.set_based:
        raise WriteRefused(f"{model.__name__} settles record by record; write it through its records.")
    # What was done to loaded records before comes first, as it would record by record.
    unit.session.flush()


def _differs(model: type[Resource], row: _Row) -> bool:
    return bool(draft_of_row(model, row.key, row.before, row.changed, label="", version=0).diff)


def _settled(unit: Unit, ready: list[_Row], row: _Row, model: type[Resource], refuse: Refuse | None) -> None:
    """Check a row, compute what follows from it, and add it to `ready`; a row that breaks a rule is refused."""
    try:
        check_values(model, row.values)
    except Refused as refused:
        _tell(refuse, row, policy.discreet(unit.actor, refused, model, new=not row.before))
        return
    derived = model.derived(row.changed)
    row.changed |= derived
    row.values |= derived
    ready.append(row)


def _tell(refuse: Refuse | None, row: _Row, refused: Refused) -> None:
    if refuse is None:
        raise refused
    refuse(row.index, refused)


def _with_slugs(session: Session, model: type[Resource], rows: list[_Row], refuse: Refuse | None) -> list[_Row]:
    """Give the rows whose slug is new or cleared one that is free, and return the rows that have theirs."""
    if not issubclass(model, Named):
        return rows
    wanted = {
        row.index: slugify(row.values["slug"] or row.values["name"]) or "item"
        for row in rows
        if not row.before or "slug" in row.changed
    }
    slugs = Slugs(session, model, list(wanted.values())) if wanted else None
    ready = []
    for row in rows:
        if slugs is None or row.index not in wanted or _take_slug(row, slugs, wanted[row.index]):
            ready.append(row)
        else:
            _tell(refuse, row, taken(fields_of(model)["slug"]))
    return ready


def _take_slug(row: _Row, slugs: Slugs, wanted: str) -> bool:
    own = row.before.get("slug")
    if row.values["slug"] == wanted:
        return slugs.claim(wanted, own)
    row.values["slug"] = row.changed["slug"] = slugs.free(wanted, own)
    return True


def _insert(unit: Unit, model: type[Resource], rows: list[Values]) -> list[int]:
    """Insert rows under keys taken beforehand: so each row is one short prepared statement, and nothing comes back."""
    columns, table = _columns(model), _table(model)
    keys = _new_keys(unit.session, table, len(rows))
    stored = [
        {column.name: row[name] for name, column in columns.items()} | {"id": key}
        for row, key in zip(rows, keys, strict=True)
    ]
    with unit.session.held.opened():
        insert_many(unit.session.connection(), table, stored)
    return keys


def _new_keys(session: Session, table: Table, number: int) -> list[int]:
    if session.get_bind().dialect.name == "postgresql":
        following = func.nextval(func.pg_get_serial_sequence(table.name, "id"))
        return list(session.scalars(select(following).select_from(func.generate_series(1, number))))
    # The unit is SQLite's only writer, and this is how SQLite numbers rows itself: none gets a number given before.
    given = select(_SEQUENCE.c.seq).where(_SEQUENCE.c.name == table.name).scalar_subquery()
    last = session.scalar(select(func.max(func.coalesce(func.max(table.c.id), 0), func.coalesce(given, 0)))) or 0
    return list(range(last + 1, last + 1 + number))


def _update(unit: Unit, model: type[Resource], rows: list[_Row]) -> None:
    columns = _columns(model)
    groups: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(name for name in columns if name in row.changed)].append(row)
    table = _table(model)
    for names, some in groups.items():
        stored = [{"id": row.key} | {columns[name].name: row.changed[name] for name in names} for row in some]
        with unit.session.held.opened():
            count = update_many(unit.session.connection(), table, stored)
        if count not in (-1, len(some)):
            raise StaleDataError(f"{len(some) - count} rows of {table.name} are not what they were.")


def _associate(unit: Unit, model: type[Resource], rows: list[_Row]) -> None:
    """Bring the many-to-many tables to what the rows say now."""
    for name, association in _associations(model).items():
        gone: list[dict[str, int]] = []
        come: list[dict[str, int]] = []
        for row in rows:
            if name in row.changed:
                before, after = set(row.before.get(name) or ()), set(row.changed[name] or ())
                gone += ({"owner": row.key, "target": key} for key in sorted(before - after))
                come += (
                    {association.owner.name: row.key, association.target.name: key} for key in sorted(after - before)
                )
        with unit.session.held.opened():
            if gone:
                matches = (association.owner == bindparam("owner")) & (association.target == bindparam("target"))
                unit.session.connection().execute(delete(association.table).where(matches), gone)
            insert_many(unit.session.connection(), association.table, come)


def _finish(unit: Unit, model: type[Resource], rows: list[_Row]) -> None:
    """Bring the searched text in step and record the changes."""
    searched = searched_fields(model) | {"trashed_at"}
    entries = [
        search_row(model, row.key, row.values) for row in rows if not row.before or not searched.isdisjoint(row.changed)
    ]
    with unit.session.held.opened():
        search.store(unit.session.connection(), entries if model.resource.search else [])
    column = model.resource.scope
    if column:
        _refuse_filed_in_trash(unit.session, {r.values[column] for r in rows if not r.before or column in r.changed})
    keys = {values.get(column) for row in rows for values in (row.before, row.values)} if column else set()
    path_by_key = paths(unit.session, keys)
    unit.record([_draft(model, row, path_by_key) for row in rows])


def _refuse_filed_in_trash(session: Session, keys: set[int | None]) -> None:
    """Give way to who moved a category to the trash meanwhile: they saw none of these rows in it."""
    for some in _batches(sorted(key for key in keys if key is not None)):
        gone = select(Category.id).where(among(session, Category.id, some), Category.trashed_at.is_not(None))
        if session.scalar(gone.limit(1)):
            raise StaleDataError("A category that rows were filed under is in the trash.")


def _draft(model: type[Resource], row: _Row, path_by_key: Mapping[int | None, str]) -> Draft:
    return draft_of_row(
        model,
        row.key,
        row.before,
        row.changed if row.before else row.values,
        label=str(row.values[model.resource.title] or row.key),
        version=row.values["version"],
        scope_before=scope_of(model, row.before, path_by_key) if row.before else None,
        scope_after=scope_of(model, row.values, path_by_key),
    )


def _forget_loaded(session: Session, model: type[Resource], rows: list[_Row]) -> None:
    """Expire the records of the session whose rows were changed beneath them."""
    for row in rows:
        record = session.identity_map.get(identity_key(model, row.key))
        if record is not None:
            session.expire(record)


def _targets(session: Session, association: Association, owners: Sequence[int]) -> dict[int, list[int]]:
    held: dict[int, list[int]] = defaultdict(list)
    for some in _batches(owners):
        statement = select(association.owner, association.target).where(among(session, association.owner, some))
        for owner, target in session.execute(statement.order_by(association.owner, association.target)):
            held[owner].append(target)
    return held


def _blank(model: type[Resource]) -> Values:
    """Return the values of a new record of which nothing is said."""
    values: Values = dict.fromkeys(_columns(model))
    values |= {name: [] for name in _associations(model)}
    return values | defaults_of(model)


def _table(model: type[Resource]) -> Table:
    return cast(Table, cast(Mapper[Any], inspect(model)).local_table)


def _columns(model: type[Resource]) -> dict[str, Column[Any]]:
    if model not in _columns_of:
        mapper = cast(Mapper[Any], inspect(model))
        _columns_of[model] = {prop.key: cast("Column[Any]", prop.columns[0]) for prop in mapper.column_attrs}
    return _columns_of[model]


def _associations(model: type[Resource]) -> dict[str, Association]:
    if model not in _associations_of:
        mapper = cast(Mapper[Any], inspect(model))
        many = [name for name, declared in fields_of(model).items() if declared.kind is Kind.REFERENCES]
        _associations_of[model] = {name: _association(mapper.relationships[name]) for name in many}
    return _associations_of[model]


def _association(relationship: RelationshipProperty[Any]) -> Association:
    table = cast(Table, relationship.secondary)
    (owner,) = [column for _local, column in relationship.synchronize_pairs]
    (target,) = [column for _remote, column in relationship.secondary_synchronize_pairs or ()]
    return Association(table, cast("Column[int]", owner), cast("Column[int]", target))


def _batches(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[start : start + MANY] for start in range(0, len(keys), MANY))
