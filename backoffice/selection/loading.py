"""Loading whole records with what lists show of their references, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import inspect, select
from sqlalchemy.orm import Mapper, Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from ..models.base import Resource, fields_of
from ..models.fields import Kind

M = TypeVar("M", bound=Resource)

_options: dict[type[Resource], tuple[ORMOption, ...]] = {}


def with_references(model: type[Resource]) -> tuple[ORMOption, ...]:
    """Return the options that load the records that the fields of `model` refer to, but nothing that those refer to."""
    if model not in _options:
        _options[model] = _references(model)
    return _options[model]


def _references(model: type[Resource]) -> tuple[ORMOption, ...]:
    mapper = cast(Mapper[Any], inspect(model))
    columns = {field.name for field in fields_of(model).values() if field.kind is Kind.REFERENCE}
    found: list[ORMOption] = []
    for relation in mapper.relationships:
        attribute = relation.class_attribute
        if relation.uselist and "field" in relation.info:
            found.append(selectinload(attribute).lazyload("*"))
        elif not relation.uselist and {column.key for column in relation.local_columns} <= columns:
            found.append(joinedload(attribute).lazyload("*"))
    return tuple(found)


def load(session: Session, model: type[M], keys: Sequence[int], *conditions: Any) -> list[M]:
    """Return the records of `keys` that hold `conditions`, in the order of `keys`."""
    if not keys:
        return []
    statement = select(model).where(model.id.in_(keys), *conditions).options(*with_references(model))
    found = {record.id: record for record in session.scalars(statement).unique()}
    return [found[key] for key in keys if key in found]
