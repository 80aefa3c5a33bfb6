"""How rows are found: the statements that answer a question in time that does not grow with the catalogue.

A list has up to two stretches, rows with a value in the sort column and rows without. A plan says where the rows of a
stretch come from: along the sort index, out of each category of a subtree, or out of all matches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Executable,
    Select,
    and_,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler

from ..models.category import Category
from .asked import Asked, in_places
from .orders import Position, Segment, segments
from .results import Bounds

Row = tuple[Any, Any]  # key, value of the sort column
Plan = Callable[[Segment, int, Any], Select[Any]]  # the stretch, rows wanted, how many of them are missing


def count(session: Session, asked: Asked, up_to: int) -> int:
    """Return the number of matches, at most `up_to` + 1."""
    column = next(iter(asked.places), None)
    if column and not asked.searched and _is_postgresql(session):
        # Out of each category in turn: a scan that hopes to meet the subtree early may read the whole table.
        place = aliased(Category)
        own = select(literal(1).label("one")).where(getattr(asked.model, column) == place.id, asked.live)
        own = own.where(*asked.within(column), *asked.ranged, *asked.filtered).limit(up_to + 1)
        each = own.correlate(place).lateral("each")
        rows = select(each.c.one).select_from(place).join(each, true())
        rows = rows.where(*in_places(place, asked.places[column]))
    else:
        rows = select(literal(1).label("one")).where(*asked.all())
    return session.scalar(select(func.count()).select_from(rows.limit(up_to + 1).subquery())) or 0


def find(session: Session, asked: Asked, place: Position, size: int, few: bool, bounds: Bounds) -> list[Row]:
    """Return key and sort value of `size` rows from `place` on, in the order of the list, or fewer at its end.

    `few` says that there are no more matches than `bounds` calls few.
    """
    stretches = segments(asked.order, place)
    tried, last = _plans(session, asked, few, bounds)
    # What a short walk finds counts only when it is enough: it cannot tell the end of the list from its own.
    for plan in tried:
        found = _rows(session, stretches[:1], size, plan)
        if len(found) == size:
            break
    else:
        found = _rows(session, stretches, size, last)
    return found[::-1] if place.backward else found


def next_rows(session: Session, asked: Asked, place: Position, size: int) -> list[Row]:
    """Return the next `size` rows for who walks the whole list: over all chunks one pass, whatever way is taken."""
    return _rows(session, segments(asked.order, place), size, _walk(asked))


def _plans(session: Session, asked: Asked, few: bool, bounds: Bounds) -> tuple[list[Plan], Plan]:
    """Return the plans to try first, and the one that always answers."""
    if asked.is_bare:
        return [], _walk(asked)
    merged = asked.merged_column()
    filtered = bool(asked.filtered or asked.searched)
    short, long = _short_walk(asked, bounds.short_walk), _short_walk(asked, bounds.long_walk)
    if merged and not filtered:
        merge = (_merge_heads if _is_postgresql(session) else _merge_lists)(asked, merged)
        return [short] if _has_more_places(session, asked, merged, bounds.many_places) else [], merge
    if few:
        return [], _gather(asked)
    if merged and _is_postgresql(session):
        return [short], _merge_heads(asked, merged)
    return [short, long], _gather(asked)


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _has_more_places(session: Session, asked: Asked, column: str, many: int) -> bool:
    places = select(Category.id).where(*in_places(Category, asked.places[column])).limit(many + 1)
    return (session.scalar(select(func.count()).select_from(places.subquery())) or 0) > many


def _rows(session: Session, stretches: list[Segment], size: int, plan: Plan) -> list[Row]:
    """Return the first `size` rows of `stretches` by one statement; the second is walked only for what is missing."""
    statement = plan(stretches[0], size, size)
    if len(stretches) == 2:
        head = statement.cte("head")
        left = select(size - func.count()).select_from(head).scalar_subquery()
        tail = plan(stretches[1], size, left).cte("tail")
        both = union_all(
            select(literal(0).label("part"), head.c.id, head.c.value), select(literal(1), tail.c.id, tail.c.value)
        ).subquery()
        ordering = stretches[0].ordering(both.c.id, both.c.value)
        statement = select(both.c.id, both.c.value).order_by(both.c.part, *ordering)
    return [(row.id, row.value) for row in session.execute(statement)]


def _along(asked: Asked, stretch: Segment, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the statement of the rows of `stretch` that hold `conditions`, in their order."""
    key, value = asked.model.id, asked.order.column
    statement = select(key, value.label("value")).where(*conditions, *stretch.conditions(key, value))
    return statement.order_by(*stretch.ordering(key, value))


def _walk(asked: Asked) -> Plan:
    """Walk along the sort index, or any other way that the database finds better."""

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        return _along(asked, stretch, *asked.all()).limit(limit)

    return plan


def _short_walk(asked: Asked, budget: int) -> Plan:
    """Walk along the sort index, looking at no more than `budget` rows."""
    fits = and_(true(), *asked.within(), *asked.filtered, *asked.answering).label("fits")

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        seen = _along(asked, stretch, asked.live, *asked.ranged).add_columns(fits).limit(budget).subquery()
        ordering = stretch.ordering(seen.c.id, seen.c.value)
        return select(seen.c.id, seen.c.value).where(seen.c.fits).order_by(*ordering).limit(limit)

    return plan


def _gather(asked: Asked) -> Plan:
    """Fetch all matches, whatever their order, then sort them."""
    found = select(asked.model.id, asked.order.column.label("value")).where(*asked.all()).cte("found")
    # Otherwise the planner may walk the sort index after all, hoping to meet matches early.
    found = found.prefix_with("MATERIALIZED", dialect="postgresql")
    key, value = found.c.id, found.c.value

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        ordering = stretch.ordering(key, value)
        return select(key, value).where(*stretch.conditions(key, value)).order_by(*ordering).limit(limit)

    return plan


def _own(asked: Asked, column: str, stretch: Segment, category: Any) -> Select[Any]:
    """Return the statement of the rows of one category, by its stretch of the index."""
    filed = getattr(asked.model, column) == category
    others = (*asked.within(column), *asked.ranged, *asked.filtered, *asked.answering)
    return _along(asked, stretch, filed, asked.live, *others)


def _merge_heads(asked: Asked, column: str) -> Plan:
    """Merge the stretches of the categories, reading no more of each than can be wanted.

    The first row of each category comes first. Of the category whose first row is the n-th, n - 1 rows precede any:
    it can give the rest at the most, and those beyond the last wanted give nothing.
    """

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        place = aliased(Category)
        first = _own(asked, column, stretch, place.id).limit(1).correlate(place).lateral("first")
        heads = select(place.id.label("place"), first.c.id, first.c.value).select_from(place).join(first, true())
        heads = heads.where(*in_places(place, asked.places[column]))
        head = heads.order_by(*stretch.ordering(first.c.id, first.c.value)).limit(size).subquery("heads")
        rank = func.row_number().over(order_by=stretch.ordering(head.c.id, head.c.value))
        near = select(head.c.place, (size + 1 - rank).label("most")).subquery("near")
        each = _own(asked, column, stretch, near.c.place).limit(near.c.most).correlate(near).lateral("each")
        rows = select(each.c.id, each.c.value).select_from(near).join(each, true())
        return rows.order_by(*stretch.ordering(each.c.id, each.c.value)).limit(limit)

    return plan


def _merge_lists(asked: Asked, column: str) -> Plan:
    """Merge the first rows of each category without LATERAL: their keys as a list, then the rows by key."""

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        place, row = aliased(Category), aliased(asked.model)
        value = getattr(row, asked.order.column.key)
        keys = _own(asked, column, stretch, place.id).with_only_columns(asked.model.id).limit(size).correlate(place)
        rows = select(row.id, value.label("value")).select_from(place).join(row, row.id.in_(keys))
        rows = rows.where(*in_places(place, asked.places[column]))
        return rows.order_by(*stretch.ordering(row.id, value)).limit(limit)

    return plan


class _Explain(Executable, ClauseElement):
    """The plan of a statement instead of its rows."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _compile_explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def estimated(session: Session, asked: Asked) -> int:
    """Return about how many matches there are: PostgreSQL's guess, or a count where nothing guesses."""
    statement = select(asked.model.id).where(*asked.all())
    if session.get_bind().dialect.name != "postgresql":
        return session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    plan = session.execute(_Explain(statement)).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])
