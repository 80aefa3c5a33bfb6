"""Write a selection as a file that import reads back: CSV or JSON Lines, row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .. import policy
from ..errors import Refused
from ..extensions import db
from ..i18n import _
from ..models.base import Resource, fields_of, resources
from ..models.fields import Field, Kind
from ..models.types import sort_key
from ..policy import Actor
from ..selection import Selection
from ..selection.rights import seen_at
from . import cells
from .imports.columns import PATH, parent_field

FORMATS = ("csv", "jsonl")

#: Entries of a document that become columns of their own; the rarer ones share one column.
MAX_ENTRY_COLUMNS = 200

#: Rows that are handed on together.
LOT = 100

Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Column:
    """One column: its name, the field that it shows, and how its cell is made of a record."""

    name: str
    field: str
    cell: Reader


def export_rows(selection: Selection, session: Session, form: str = "csv", *, bom: bool = False) -> Iterator[str]:
    """Yield the text of a file with every row of `selection`, in its order, in pieces and in constant memory.

    In a tree what lies above comes first, level by level: so an empty house can read it.

    Rows that the actor sees but may not export are left out, as are fields and names that they do not see. `bom` marks
    CSV as UTF-8 for old spreadsheets. `snapshot` gives a session in which nothing changes meanwhile. Raises Denied and
    Refused before the first piece.
    """
    model = selection.model
    if "export" not in model.resource.verbs:
        raise Refused(_("%(resource)s are not exported to files.", resource=model.resource.plural))
    if form not in FORMATS:
        raise Refused(_("“%(format)s” is no format. Choose one of: %(all)s.", format=form, all=", ".join(FORMATS)))
    policy.require(selection.actor, "export", model.resource.name)
    writer = _Csv(selection, session) if form == "csv" else _JsonLines(selection, session)
    return _pieces(writer, "\ufeff" if bom and form == "csv" else "")


@contextmanager
def snapshot() -> Iterator[Session]:
    """Open a session that sees one moment of the house, however long it reads."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with Session(connection) as session:
            yield session


def _pieces(writer: _Writer, start: str) -> Iterator[str]:
    lot = [start + writer.header()]
    for record in writer.records():
        if not writer.shown(record):
            continue
        lot.append(writer.row(record))
        if len(lot) >= LOT:
            yield "".join(lot)
            lot = []
    yield "".join(lot)


class _Writer:
    """What both formats share: which fields, and the names of what they refer to."""

    def __init__(self, selection: Selection, session: Session) -> None:
        self.selection, self.session, self.model = selection, session, selection.model
        self._shown: dict[str | None, frozenset[str]] = {}
        self._trails: dict[int, str] = {}
        self._depths: dict[int, int] = {}
        shown = self._allowed(None)
        self.fields = [one for one in fields_of(self.model).values() if not one.system and one.name in shown]

    def header(self) -> str:
        """Return what stands before the rows."""
        return ""

    def row(self, record: Resource) -> str:
        """Return the text of one record."""
        raise NotImplementedError

    def records(self) -> Iterator[Any]:
        """Yield the records of the selection in the order of the file."""
        if not parent_field(self.model):
            yield from self.selection.rows(self.session)
            return
        self._learn_trails(self.model)
        for depth in sorted(set(self._depths.values())):
            # Read once for each level, so that no more than a chunk is held.
            yield from (record for record in self.selection.rows(self.session) if self._depths[record.id] == depth)

    def shown(self, record: Resource) -> frozenset[str]:
        """Return the fields of `record` that the actor sees and may export, none where they may not export it."""
        path = record.scope_path()
        if path not in self._shown:
            self._shown[path] = self._allowed(record)
        return self._shown[path]

    def _allowed(self, record: Resource | None) -> frozenset[str]:
        # Two roles are not mixed: what one shows, another may still not let out.
        seen, let_out = (
            policy.fields_for(self.selection.actor, verb, self.model, record) for verb in ("read", "export")
        )
        return seen & let_out

    def plain_fields(self) -> Iterator[Field]:
        """Yield the fields that have one column: in a tree, name and parent stand in its path."""
        parent = parent_field(self.model)
        for field in self.fields:
            if not (parent and field.name in (parent.name, self.model.resource.title)):
                yield field

    def path_of(self, record: Resource) -> str:
        """Return the path of a node of a tree."""
        return self.trail(record)

    def name_of(self, field: Field, record: Resource) -> Any:
        """Return the name, or the names, of what a reference points to, none where the actor may not know them."""
        target = resources()[str(field.target)]
        if field.kind is Kind.REFERENCES:
            names = [cells.encoded(self._named(target, one)) for one in field.get(record)]
            # Some of them only would mean, read back, that the others are to go.
            return names if all(names) else []
        key = field.get(record)
        # By the relationship that the list has loaded, or by the key where there is none.
        found = getattr(record, field.name.removesuffix("_id"), None) if key else None
        if key and not isinstance(found, target):
            found = self.session.get(target, key)
        return (cells.encoded(self._named(target, found)) or None) if found else None

    def _named(self, target: type[Resource], record: Any) -> str:
        if parent_field(target):
            return self.trail(record)
        actor = self.selection.actor
        known = target.resource.referable or (
            policy.allows(actor, "read", target.resource.name, record) and policy.names(actor, target, record)
        )
        return str(getattr(record, target.resource.key)) if known else ""

    def trail(self, record: Any) -> str:
        """Return the path of `record` in its tree, as files write it and as far as the actor sees it."""
        if record.id not in self._trails:
            self._learn_trails(type(record))
        return self._trails[record.id]

    def _learn_trails(self, model: Any) -> None:
        """Read the names of the whole tree at once: it is small beside the rows that lie in it."""
        parent = parent_field(model)
        column = getattr(model, parent.name if parent else "id")
        told = select(model.id, model.name, column, model.path)
        nodes = {key: (name, above, path) for key, name, above, path in self.session.execute(told)}
        seen = set(self.session.scalars(policy.referable(self.selection.actor, select(model.id), model)))
        shown = seen_at(self.selection.actor, model)
        named = {key for key in seen if model.resource.title in shown(nodes[key][2])}
        for key in nodes:
            steps: list[int] = []
            at: int | None = key if key in seen else None
            while at is not None and at not in steps:
                steps.insert(0, at)
                at = nodes[at][1]
            within = [step for step in steps if step in seen]
            # With a step left out it would be the path of another one.
            known = named.issuperset(within)
            self._trails[key] = cells.joined_path([nodes[step][0] for step in within]) if known else ""
            if model is self.model:
                self._depths[key] = len(steps)


class _Csv(_Writer):
    def __init__(self, selection: Selection, session: Session) -> None:
        super().__init__(selection, session)
        self.columns = list(self._columns())

    def header(self) -> str:
        return _csv_line([column.name for column in self.columns])

    def row(self, record: Resource) -> str:
        shown = self.shown(record)
        return _csv_line([column.cell(record) if column.field in shown else "" for column in self.columns])

    def _columns(self) -> Iterator[Column]:
        if parent_field(self.model):
            yield Column(PATH, self.model.resource.title, lambda record: cells.encoded(self.path_of(record)))
        for field in self.plain_fields():
            if field.kind is Kind.MAP:
                yield from self._entry_columns(field)
            elif field.target:
                yield Column(field.file_name or field.name, field.name, self._names_cell(field))
            else:
                yield Column(field.file_name or field.name, field.name, _value_cell(field))

    def _names_cell(self, field: Field) -> Reader:
        def cell(record: Any) -> str:
            found = self.name_of(field, record)
            return cells.joined_names(found) if isinstance(found, list) else found or ""

        return cell

    def _entry_columns(self, field: Field) -> Iterator[Column]:
        keys = _entry_keys(self.selection, self.session, field)
        own = sorted(keys[:MAX_ENTRY_COLUMNS])
        for key in own:
            yield Column(f"{field.entry_prefix}.{key}", field.name, self._entry_cell(field, key))
        if len(keys) > MAX_ENTRY_COLUMNS:
            yield Column(str(field.file_name), field.name, _rest_cell(field, frozenset(own)))

    def _entry_cell(self, field: Field, key: str) -> Reader:
        def cell(record: Any) -> str:
            document = field.get(record) or {}
            return cells.write_entry(self.model, field, document[key]) if key in document else ""

        return cell


class _JsonLines(_Writer):
    def row(self, record: Resource) -> str:
        shown = self.shown(record)
        found: dict[str, Any] = {}
        if parent_field(self.model) and self.model.resource.title in shown:
            found[PATH] = cells.encoded(self.path_of(record))
        for field in self.plain_fields():
            if field.name not in shown:
                continue
            if field.by_language:
                meant = cells.prose_of(self.model, field)
                for key, text in (field.get(record) or {}).items():
                    found[f"{field.entry_prefix}.{key}"] = cells.write_json(meant, text)
            else:
                value = self.name_of(field, record) if field.target else cells.write_json(field, field.get(record))
                found[str(field.file_name)] = value
        return json.dumps(found, ensure_ascii=False) + "\n"


def _value_cell(field: Field) -> Reader:
    return lambda record: cells.write_value(field, field.get(record))


def _rest_cell(field: Field, own: frozenset[str]) -> Reader:
    def cell(record: Any) -> str:
        rest = {key: value for key, value in (field.get(record) or {}).items() if key not in own}
        return json.dumps(cells.write_json(field, rest), ensure_ascii=False) if rest else ""

    return cell


def _csv_line(row: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([cells.guarded(cell) for cell in row])
    return line.getvalue()


def _entry_keys(selection: Selection, session: Session, field: Field) -> list[str]:
    """Return the names of the entries of a document over all rows, the most frequent first."""
    model = selection.model
    attribute = getattr(model, field.name)
    chosen = model.id.in_(selection.keys(session).where(policy.condition(selection.actor, model, "export")))
    if session.get_bind().dialect.name == "postgresql":
        keys = select(func.jsonb_object_keys(attribute).label("key")).where(chosen, attribute.is_not(None)).subquery()
        column = keys.c.key
        statement = select(column).group_by(column)
    else:
        each = func.json_each(attribute).table_valued("key", joins_implicitly=True)
        column = each.c.key
        statement = select(column).select_from(model.__table__, each).where(chosen, attribute.is_not(None))  # type: ignore[attr-defined]
        statement = statement.group_by(column)
    return list(session.scalars(statement.order_by(func.count().desc(), column).limit(MAX_ENTRY_COLUMNS + 1)))


def selection_of(
    model: type[Resource], actor: Actor, session: Session, filters: Iterable[tuple[str, str]]
) -> Selection:
    """Return the selection that `filters` ask for, as in the address of a list; references may be given by name.

    Raises Refused for what cannot be used: a filter left out would mean more rows than asked for.
    """
    named = {field.file_name: field for field in fields_of(model).values() if field.target}
    args: dict[str, list[str]] = {}
    for name, value in filters:
        field = named.get(name)
        if field is not None:
            name, value = field.name, str(reference_key(session, actor, field, value))
        args.setdefault(name, []).append(value)
    parsed = Selection.from_args(model, actor, args)
    if parsed.problems:
        raise Refused(" ".join(parsed.problems))
    return parsed.selection


def reference_key(session: Session, actor: Actor, field: Field, text: str) -> int:
    """Return the key of the record that `text` names, a path in a tree, for a filter. Raises Refused."""
    if text.isdecimal():
        return int(text)
    target: Any = resources()[str(field.target)]
    parent = parent_field(target)
    above: int | None = None
    for name in cells.split_path(text) if parent else (text,):
        folds = hasattr(target, "name_key")
        column, value = (target.name_key, sort_key(name)) if folds else (getattr(target, target.resource.key), name)
        statement = select(target.id).where(column == value, target.trashed_at.is_(None)).order_by(target.id).limit(1)
        if parent:
            under = getattr(target, parent.name)
            statement = statement.where(under.is_(None) if above is None else under == above)
        above = session.scalar(statement if parent else policy.referable(actor, statement, target))
        if above is None:
            raise Refused(_("%(field)s: there is no “%(name)s”. Correct the name.", field=field.label, name=text))
    return int(above or 0)
