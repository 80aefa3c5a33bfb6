"""The names of the records that a page mentions: one statement for each resource, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload, load_only

from backoffice import policy
from backoffice.models.base import Resource, fields_of, find_field, resources
from backoffice.models.category import Category
from backoffice.models.fields import Field, Kind
from backoffice.policy import Actor

#: Between the levels of a category's path, as people and files write it.
LEVEL = " › "

Wanted = dict[str, set[int]]


def wanted_by_records(records: Iterable[Resource], names: Iterable[str]) -> Wanted:
    """Return the keys by resource that the reference fields `names` of `records` point to."""
    wanted: Wanted = {}
    for record in records:
        for name in names:
            declared = fields_of(type(record))[name]
            if declared.kind is Kind.REFERENCE:
                _want(wanted, declared, declared.get(record))
    return wanted


def wanted_by_diffs(diffs: Iterable[tuple[type[Resource], dict[str, list[Any]]]]) -> Wanted:
    """Return the keys by resource that differences mention."""
    wanted: Wanted = {}
    for model, diff in diffs:
        for key, pair in diff.items():
            found = find_field(model, key)
            if found and found[0].target:
                for value in pair:
                    _want(wanted, found[0], value)
    return wanted


def names_of(session: Session, actor: Actor, wanted: Wanted) -> dict[tuple[str, int], str]:
    """Return the names of the `wanted` records that `actor` may refer to; categories with their whole path."""
    found: dict[tuple[str, int], str] = {}
    models = resources()
    for resource, keys in wanted.items():
        model = models.get(resource)
        if model is None or not keys:
            continue
        if model is Category:
            found |= _category_names(session, actor, keys)
            continue
        statement = policy.referable(actor, select(model).where(model.id.in_(sorted(keys))), model)
        for record in session.scalars(statement.options(*_light(model))):
            found[resource, record.id] = str(record) if model.resource.referable else policy.name_of(actor, record)
    return found


def _category_names(session: Session, actor: Actor, keys: set[int]) -> dict[tuple[str, int], str]:
    chosen = policy.referable(actor, select(Category.id, Category.path).where(Category.id.in_(sorted(keys))), Category)
    paths = {key: [int(part) for part in path.split("/") if part] for key, path in session.execute(chosen)}
    above = {part for parts in paths.values() for part in parts}
    reach = policy.condition(actor, Category)
    if not policy.names(actor, Category):
        return {}
    rows = session.execute(select(Category.id, Category.name).where(Category.id.in_(sorted(above)), reach))
    names = {row.id: row.name for row in rows}
    return {
        ("category", key): LEVEL.join(names[part] for part in parts if part in names) for key, parts in paths.items()
    }


def _light(model: type[Resource]) -> list[Any]:
    """Return the options that load what a name is made of, not whole records with what hangs on them."""
    columns = {name for name in (model.resource.title, model.resource.key, "name") if hasattr(model, name)}
    return [load_only(*(getattr(model, name) for name in sorted(columns - {"id"}))), lazyload("*")]


def _want(wanted: Wanted, declared: Field, value: Any) -> None:
    keys = value if isinstance(value, list) else [value]
    wanted.setdefault(str(declared.target), set()).update(key for key in keys if isinstance(key, int))
