"""The names of the records that a page mentions: one statement for each resource, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload, load_only

from backoffice import policy
from backoffice.models.base import Resource, fields_of, find_field, resources
from backoffice.models.category import Category
from backoffice.models.fields import Field, Kind
from backoffice.policy import Actor
from backoffice.selection import trails
from backoffice.web.people import house

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
    paths = {row.id: row.path for row in session.execute(chosen)}
    return {("category", key): name for key, name in trails(session, actor, paths, reader_language()).items()}


def other_languages() -> list[str]:
    """Return the content languages of the house besides the source one."""
    found = house()
    return [code for code in found.languages if code != found.source_language] if found else []


def reader_language() -> str:
    """Return the content language that the reader reads, empty for the source one and where the house has none."""
    locale = str(get_locale() or "en").replace("_", "-")
    known = other_languages()
    return next((one for one in (locale, locale.partition("-")[0]) if one in known), "")


def _light(model: type[Resource]) -> list[Any]:
    """Return the options that load what a name is made of, not whole records with what hangs on them."""
    columns = {name for name in (model.resource.title, model.resource.key, "name") if hasattr(model, name)}
    return [load_only(*(getattr(model, name) for name in sorted(columns - {"id"}))), lazyload("*")]


def _want(wanted: Wanted, declared: Field, value: Any) -> None:
    keys = value if isinstance(value, list) else [value]
    wanted.setdefault(str(declared.target), set()).update(key for key in keys if isinstance(key, int))
