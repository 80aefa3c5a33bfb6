"""Search as a selection uses it: what of a record a person may search, and the best matches first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select, union_all
from sqlalchemy.orm import Session

from ..backends import search
from ..models.base import Resource, fields_of
from ..models.fields import Kind
from ..models.search_entry import SearchEntry, words
from ..models.types import sort_key
from .apart import Apart
from .asked import Asked

MAX_EXACT = 50

#: Answers of a search that are fewer are looked up one by one.
FEW = 500
NOWHERE = "nowhere"


def part_of(model: type[Resource], askable: frozenset[str]) -> str | None:
    """Return the part of the search entry that may be searched by who sees `askable`: None all of it, or NOWHERE."""
    declared = fields_of(model)
    prefixes = {field.name for field in declared.values() if field.entry_prefix in model.resource.search}
    long = {name for name in model.resource.search if declared[name].kind in (Kind.HTML, Kind.LONG_TEXT)}
    if not set(model.resource.search) - long <= askable:
        return NOWHERE
    return None if long | prefixes <= askable else search.HEADING


def condition(dialect: str, model: type[Resource], text: str, askable: frozenset[str], trash: bool) -> Apart:
    """Return the condition that a row of `model` answers `text`."""
    part = part_of(model, askable)
    entries = None if part == NOWHERE else search.matches(dialect, model.resource.name, text, part, trash=trash)
    if entries is None:
        found = or_(begins(model, text, askable), exact(model, text, askable))
        return Apart(found, found, searched=True)
    if dialect != "postgresql":
        found = model.id.in_(entries)
        return Apart(found, found, entries, searched=True)
    own = entries.where(SearchEntry.record_id == model.id).with_only_columns(SearchEntry.id)
    # The planner may turn the first into a join; the limit keeps it from collecting all answers for the second.
    return Apart(exists(own), own.limit(1).scalar_subquery().is_not(None), entries, searched=True)


def begins(model: type[Resource], text: str, askable: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition that the name begins with `text`, for who may not search in all the telling fields."""
    start = sort_key(text)
    if "name" not in askable or not hasattr(model, "name_key") or not words(text):
        return false()
    return and_(model.name_key >= start, model.name_key < f"{start}\U0010ffff")


def exact(model: type[Resource], text: str, askable: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition that a code of the row, such as its SKU or GTIN, is `text` itself."""
    forms = {text, text.upper(), text.casefold()}
    return or_(false(), *(getattr(model, name).in_(forms) for name in _codes(model) if name in askable))


def _codes(model: type[Resource]) -> list[str]:
    declared = fields_of(model)
    names = dict.fromkeys([model.resource.key, *model.resource.search])
    indexed = {index.columns[0].name for index in model.__table__.indexes}  # type: ignore[attr-defined]
    return [
        name
        for name in names
        if name in declared and declared[name].kind is Kind.CODE and (declared[name].unique or name in indexed)
    ]


def ranked(
    session: Session, asked: Asked, text: str, askable: frozenset[str], candidates: int
) -> tuple[list[int], bool]:
    """Return the keys of the best of the first `candidates` matches, exact codes first, and whether there are more."""
    first = exact(asked.model, text, askable)
    best = session.scalars(select(asked.model.id).where(first, *asked.all()).order_by(asked.model.id).limit(MAX_EXACT))
    found = list(session.scalars(_candidates(session, asked, text, askable, candidates + 1)))
    merged = list(dict.fromkeys([*best, *found]))
    return merged[:candidates], len(merged) > candidates


def _candidates(session: Session, asked: Asked, text: str, askable: frozenset[str], most: int) -> Select[int]:
    """Return the statement of the keys of `most` matches, best first."""
    dialect, model = session.get_bind().dialect.name, asked.model
    part = part_of(model, askable)
    entries = None if part == NOWHERE else search.matches(dialect, model.resource.name, text, part, trash=asked.trash)
    if entries is None:
        name: Any = getattr(model, "name_key", model.id)
        return select(model.id).where(*asked.all()).order_by(name, model.id).limit(most)
    entries = entries.add_columns(search.rank(dialect, text, part).label("rank"))
    if asked.only_searched:
        return _best(entries.limit(most))
    others = [one.whole for one in asked.apart if not one.searched]
    conditions = [asked.live, *asked.within(), *asked.ranged, *asked.filtered, *others]
    joined = entries.join(model, model.id == SearchEntry.record_id).where(*conditions)
    if dialect != "postgresql":
        return _best(joined.limit(most))
    # Answers that are few are looked up one by one: where PostgreSQL expects many it would ask each record instead.
    few = entries.limit(FEW).cte()
    told = select(func.count()).select_from(few).scalar_subquery() < FEW
    looked_up = select(few.c.record_id, few.c.rank).join(model, model.id == few.c.record_id).where(told, *conditions)
    rest = joined.limit(case((told, 0), else_=most)).subquery()
    return _best(union_all(looked_up.limit(most), select(rest.c.record_id, rest.c.rank)))


def _best(candidates: Any) -> Select[int]:
    """Return the statement of the keys of `candidates`, the best first."""
    found = candidates.subquery()
    return select(found.c.record_id).order_by(found.c.rank.desc(), found.c.record_id)
