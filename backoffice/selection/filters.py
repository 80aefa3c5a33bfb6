"""Filters: what the kinds of field can be asked for, and the conditions that this makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, exists, false, literal, not_, or_, select

from ..errors import Refused
from ..i18n import _
from ..models.base import Resource, fields_of
from ..models.category import Category, within
from ..models.fields import Field, Kind
from .apart import Apart
from .translated import language_code

NONE, ANY = "none", "any"
IN, MIN, MAX, LACKS = "in", "min", "max", "lacks"

MAX_KEY = 2**63 - 1
KEY = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

REFERRING = frozenset({Kind.REFERENCE, Kind.REFERENCES})
RANGED = frozenset({Kind.MONEY, Kind.INTEGER, Kind.MOMENT})
ASKED = REFERRING | RANGED | {Kind.CHOICE, Kind.BOOLEAN, Kind.TEXT, Kind.CODE}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Filter:
    """One condition on one field: `in` one of the values, `min` or `max` with one value, or `lacks` with languages.

    Values are written as in an address: keys of references, choices, plain numbers, ISO moments, `true` and `false`;
    `none` asks for rows without a value and `any` for rows with one. Rows lack a language that their document holds no
    text in; of several, one that is lacking is enough.
    """

    field: str
    op: str
    values: tuple[str, ...]


def key_of(text: str) -> int | None:
    """Return the key that `text` writes, None where it cannot be one."""
    if not KEY.fullmatch(text):
        return None
    key = int(text)
    return key if key <= MAX_KEY else None


def canonical(field: Field, op: str, text: str) -> str:
    """Return `text` in the form that a Filter holds. Raises Refused."""
    text = text.strip()
    if op == LACKS:
        return language_code(field, text)
    if op == IN and text in (NONE, ANY):
        return text
    if field.kind in REFERRING:
        if key_of(text) is None:
            raise Refused(
                _("%(field)s: “%(value)s” is not the key of a record.", field=field.label, value=text[:40]), field.name
            )
        return text
    value = field.parse(text)
    if value is None:
        raise Refused(_("%(field)s: write what to look for.", field=field.label), field.name)
    if field.kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if field.kind is Kind.MOMENT and _DATE.fullmatch(text):
        return text
    return str(field.encode(value))


def condition(model: type[Resource], found: Filter, paths: Mapping[int, str]) -> ColumnElement[bool]:
    """Return the condition of the filter `found`, which asks by values of a column.

    `paths` holds the paths of categories in filters.
    """
    field = fields_of(model)[found.field]
    if found.op != IN:
        bound, column = _literal(field, found.values[0], found.op), _attribute(field)
        return column >= bound if found.op == MIN else column <= bound  # type: ignore[no-any-return]
    return _any_of(found, *_column(field, _wanted(found), paths))


def association(model: type[Resource], found: Filter, paths: Mapping[int, str], dialect: str, trash: bool) -> Apart:
    """Return the condition of the filter `found` on a many-to-many field, for a list in or out of the trash."""
    field = fields_of(model)[found.field]
    ((_own, mine),) = _attribute(field).property.synchronize_pairs
    ((_other, theirs),) = _attribute(field).property.secondary_synchronize_pairs
    wanted = _wanted(found)
    chosen = theirs.in_(_categories(wanted, paths) if field.target == "category" else [int(key) for key in wanted])
    keys, common = None, bool({NONE, ANY} & set(found.values))
    if NONE not in found.values:
        # Few are in the trash: their keys are read faster than each of the others is looked up.
        thrown = exists(select(model.id).where(model.id == mine, _trashed(model)))
        keys = select(mine).where(thrown if trash else not_(thrown))
        keys = keys if ANY in found.values else keys.where(chosen)
        keys = keys if found.values == tuple(wanted[:1]) else keys.distinct()
    if dialect != "postgresql":
        whole = _any_of(found, model.id.in_(select(mine)), model.id.in_(select(mine).where(chosen)))
        return Apart(whole, whole, keys, common=common)
    own = select(mine).where(mine == model.id)
    # The planner may turn the first into a join or a set of keys; the limit keeps the second a look-up.
    whole = _any_of(found, exists(own), exists(own.where(chosen)))
    return Apart(whole, _any_of(found, _some(own), _some(own.where(chosen))), keys, common=common)


def is_association(model: type[Resource], found: Filter) -> bool:
    """Return whether `found` asks by a many-to-many field."""
    return fields_of(model)[found.field].kind is Kind.REFERENCES


def is_stretch(found: Filter) -> bool:
    """Return whether rows that pass `found` stand together in the order of its field."""
    return found.op != IN or len(found.values) == 1


def named_categories(model: type[Resource], filters: Iterable[Filter]) -> set[int]:
    """Return the keys of the categories that `filters` name."""
    declared = fields_of(model)
    chosen = (found for found in filters if declared[found.field].target == "category")
    return {int(value) for found in chosen for value in found.values if value not in (NONE, ANY)}


def subtree(column: Any, paths: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that the path in `column` lies in the subtree of one of `paths`."""
    return or_(false(), *(within(column, path) for path in paths))


def is_subtree(model: type[Resource], found: Filter) -> bool:
    """Return whether `found` asks for subtrees of categories and nothing else."""
    field = fields_of(model)[found.field]
    plain = found.op == IN and not {NONE, ANY} & set(found.values)
    return plain and field.kind is Kind.REFERENCE and field.target == "category"


def _wanted(found: Filter) -> list[str]:
    return [value for value in found.values if value not in (NONE, ANY)]


def _any_of(found: Filter, filled: ColumnElement[bool], among: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that one value of `found` holds: any, none, or those that `among` names."""
    clauses = [among] if _wanted(found) else []
    clauses += [not_(filled)] if NONE in found.values else []
    clauses += [filled] if ANY in found.values else []
    return or_(false(), *clauses)


def _some(statement: Select[Any]) -> ColumnElement[bool]:
    return statement.limit(1).scalar_subquery().is_not(None)


def _trashed(model: type[Resource]) -> ColumnElement[bool]:
    mark: Any = model.trashed_at
    return mark.is_not(None)  # type: ignore[no-any-return]


def _attribute(field: Field) -> Any:
    return field.attribute


def _column(
    field: Field, wanted: list[str], paths: Mapping[int, str]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that the column of `field` is filled, and that it holds one of `wanted`."""
    column = _attribute(field)
    filled: ColumnElement[bool] = column.is_not(None)
    if field.target == "category":
        return filled, column.in_(_categories(wanted, paths))
    return filled, column.in_([_literal(field, value) for value in wanted])


def _categories(wanted: list[str], paths: Mapping[int, str]) -> Any:
    found = [paths[int(value)] for value in wanted if int(value) in paths]
    return select(Category.id).where(subtree(Category.path, found))


def _literal(field: Field, text: str, op: str = IN) -> ColumnElement[Any]:
    if field.kind in REFERRING:
        return literal(int(text), BigInteger())
    value = field.parse(text)
    if field.kind is Kind.INTEGER:
        # A narrower type would refuse a number beyond it instead of finding nothing.
        return literal(value, BigInteger())
    if field.kind is Kind.MOMENT and op == MAX and _DATE.fullmatch(text):
        # A day named as the end is meant with all its hours.
        value += timedelta(days=1, microseconds=-1)
    return literal(value, _attribute(field).type)
