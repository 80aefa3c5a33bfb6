"""Read the cells of a row into values, without asking the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import Refused
from ...i18n import _
from ...models.base import Resource, fields_of
from ...models.fields import Field, Kind
from ...models.identifiers import Named, slugify
from ...models.types import sort_key
from .. import cells
from .columns import PATH, Plan, Target, parent_field, referred_model
from .problems import Problem
from .source import SourceRow

#: Characters of a cell that is remembered, and how many different ones of each column are.
REMEMBERED, MANY = 80, 2_000

#: The name of a record in a file: its names from the root down in a tree, otherwise one.
Name = tuple[str, ...]

#: What one cell says: values and names by field, and entries of its document.
Said = tuple[dict[str, Any], dict[str, list[Name]], dict[str, Any]]


@dataclass
class Row:
    """What one row says: values by attribute, entries of documents, names of what it refers to.

    `key` finds its record. `given` holds the cells as written, by our column.
    """

    source: SourceRow
    key: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, list[Name]] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def fail(self, column: str, value: Any, reason: object) -> None:
        """Note why the row is not imported."""
        self.problems.append(Problem(column, cells.as_text(value), str(reason)))


def read_row(plan: Plan, source: SourceRow, given: Mapping[str, Any]) -> Row:
    """Read the cells `given` of a row; what is wrong with them stands in its problems."""
    row = Row(source)
    for column, raw in given.items():
        target = plan.target(column)
        if target is None:
            continue
        if isinstance(raw, dict) and target.field.kind is not Kind.MAP:
            # `"name": {"fr": …}` says the same as the columns `name.fr` and so on.
            for entry, value in raw.items():
                _take(plan, row, plan.target(f"{target.column}.{entry}"), f"{target.column}.{entry}", value)
        else:
            _take(plan, row, target, column, raw)
    _read_key(plan, row)
    return row


def _take(plan: Plan, row: Row, target: Target | None, column: str, raw: Any) -> None:
    if target is None:
        row.fail(column, raw, _("This column takes one value, not an object."))
        return
    if target.column in row.given:
        row.fail(target.column, raw, _("The row names this column twice. Remove one."))
    row.given[target.column] = raw
    row.targets.append(target)
    if not cells.is_empty(raw):
        _read_cell(plan, row, target, raw)
    elif plan.clear_empty:
        _clear(row, target)


def _clear(row: Row, target: Target) -> None:
    declared = target.field
    if target.entry:
        row.entries.setdefault(declared.name, {})[target.entry] = None
    elif declared.kind in (Kind.REFERENCE, Kind.REFERENCES):
        row.names[declared.name] = []
    elif declared.kind is Kind.LIST:
        row.values[declared.name] = []
    elif not declared.required and declared.kind is not Kind.MAP:
        row.values[declared.name] = None


def _read_cell(plan: Plan, row: Row, target: Target, raw: Any) -> None:
    """Put what a cell says into `row`; of short texts it is remembered, for most of them come again."""
    known = target.known if isinstance(raw, str) and len(raw) <= REMEMBERED else {}
    said = known.get(raw) if known else None
    if said is None:
        try:
            said = _said(plan, target, raw)
        except Refused as refused:
            row.fail(target.column, raw, refused)
            return
        if known is target.known:
            if len(known) >= MANY:
                known.clear()
            known[raw] = said
    values, names, entries = said
    row.values.update(values)
    row.names.update(names)
    if entries:
        row.entries.setdefault(target.field.name, {}).update(entries)


def _said(plan: Plan, target: Target, raw: Any) -> Said:
    """Return what a cell says: values, names of what it refers to, and entries of the document. Raises Refused."""
    declared = target.field
    if target.column == PATH:
        return _path_said(plan.model, cells.decoded(cells.as_text(raw)))
    if declared.kind is Kind.MAP:
        return {}, {}, _entries(plan, target, raw)
    if isinstance(raw, dict) or (isinstance(raw, list) and declared.kind not in (Kind.LIST, Kind.REFERENCES)):
        raise Refused(_("This column takes one value, not a list or an object."))
    if declared.kind in (Kind.REFERENCE, Kind.REFERENCES):
        return {}, {declared.name: _names(declared, raw)}, {}
    if declared.kind is Kind.LIST:
        return {declared.name: declared.clean(_split(raw))}, {}, {}
    return {declared.name: _parsed(declared, cells.read_text(declared, cells.as_text(raw)))}, {}, {}


def _parsed(declared: Field, text: str) -> Any:
    try:
        return declared.parse(text)
    except Refused:
        wanted = text.strip().casefold()
        meant = next((key for key, _label in declared.choices if key.casefold() == wanted), None)
        if meant is None:
            raise
        return meant


def _entries(plan: Plan, target: Target, raw: Any) -> dict[str, Any]:
    declared = target.field
    if target.entry is not None:
        if isinstance(raw, str) and not plan.typed:
            found = {target.entry: cells.read_entry_cell(plan.model, declared, raw)}
        else:
            found = {target.entry: cells.read_entry(plan.model, declared, raw)}
    else:
        try:
            document = raw if isinstance(raw, dict) else cells.read_document(cells.as_text(raw))
        except (ValueError, RecursionError) as error:
            raise Refused(_("Write a JSON object, or one “name = value” a line.")) from error
        found = {str(key): cells.read_entry(plan.model, declared, value) for key, value in document.items()}
    # Cleaned here, so that a wrong entry is a problem of its own cell.
    entries = dict(declared.clean(found) or {})
    if plan.clear_empty:
        entries.update({key: None for key, value in found.items() if cells.is_empty(value)})
    return entries


def _path_said(model: type[Resource], text: str) -> Said:
    parent = parent_field(model)
    title = fields_of(model)[model.resource.title]
    *above, name = _path(title, model, text)
    return {title.name: name}, {parent.name: [tuple(above)] if above else []} if parent else {}, {}


def _names(declared: Field, raw: Any) -> list[Name]:
    target = referred_model(declared)
    if declared.kind is Kind.REFERENCES:
        return list(dict.fromkeys(_name(declared, target, part) for part in _split(raw)))
    return [_name(declared, target, cells.decoded(cells.as_text(raw)))]


def _name(declared: Field, target: type[Resource], text: str) -> Name:
    if parent_field(target):
        return _path(declared, target, text)
    return (_clean_name(declared, target, target.resource.key, text),)


def _path(declared: Field, target: type[Resource], text: str) -> Name:
    parts = cells.split_path(text)
    if not all(parts):
        raise declared.refuse(_("A name on this path is empty. Write it like: Kitchen > Pans."))
    return tuple(_clean_name(declared, target, target.resource.title, part) for part in parts)


def _clean_name(declared: Field, target: type[Resource], name: str, text: str) -> str:
    """Return a name as the record that it means would store it: no other one can be found."""
    own = fields_of(target)[name]
    try:
        return str(own.clean(text))
    except Refused as refused:
        if own is declared:
            raise
        said = _("%(field)s: “%(name)s” is no name. %(reason)s", field=declared.label, name=text[:80], reason=refused)
        raise declared.refuse(said) from refused


def _split(raw: Any) -> list[str]:
    if isinstance(raw, list) and any(isinstance(part, list | dict) for part in raw):
        raise Refused(_("This column takes names, not lists or objects of them."))
    parts = [cells.as_text(part) for part in raw] if isinstance(raw, list) else cells.split_names(cells.as_text(raw))
    return [cells.decoded(part) for part in parts if part.strip()]


def _read_key(plan: Plan, row: Row) -> None:
    """Find out what record the row is about."""
    if any(problem.column == plan.key for problem in row.problems):
        return
    if plan.tree:
        _read_tree_key(plan, row)
        return
    declared = next((target.field for target in row.targets if target.column == plan.key), None)
    value = row.values.get(declared.name) if declared else None
    row.key = stored_key(plan, value) if value is not None else None
    if row.key is None:
        row.fail(plan.key, value, _("“%(key)s” is empty. It says what record the row is about.", key=plan.key))


def stored_key(plan: Plan, value: Any) -> Any:
    """Return the form in which a key is stored, None where nothing is left of it."""
    if folds(plan):
        return sort_key(value)
    if plan.key == "slug" and issubclass(plan.model, Named):
        return slugify(value) or None
    return value


def folds(plan: Plan) -> bool:
    """Return whether records are found by their folded name: Sony is SONY."""
    return plan.key == "name" and hasattr(plan.model, "name_key")


def _read_tree_key(plan: Plan, row: Row) -> None:
    parent = parent_field(plan.model)
    name = row.values.get(plan.model.resource.title)
    if parent is None or name is None:
        row.fail(plan.key, "", _("“%(key)s” is empty. It says what record the row is about.", key=plan.key))
        return
    above = row.names.get(parent.name) or [()]
    row.key = (*above[0], name)
