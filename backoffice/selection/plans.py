"""How rows are found: the statements that answer a question in time that does not grow with the catalogue.

A list has up to two stretches, rows with a value in the sort column and rows without. A plan says where the rows of a
stretch come from: along the sort index, out of each category of a subtree, or out of all matches. What may be enough
and cheaper is tried before, in the same statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    CTE,
    ClauseElement,
    ColumnElement,
    Executable,
    ScalarSelect,
    Select,
    and_,
    case,
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
from .apart import Apart
from .asked import Asked, in_places
from .orders import Position, Segment, segments
from .results import Bounds

Row = tuple[Any, Any]  # key, value of the sort column
Plan = Callable[[Segment, int, Any], Select[Any]]  # the stretch, rows wanted, how many of them are missing
Tried = tuple[CTE, ColumnElement[bool]]  # rows, and whether they are the answer
Try = Callable[[list[CTE], list[Segment], int, Any], Tried]  # what was tried before, the rest as for a plan

#: The categories whose rows are counted in turn; to make an alias takes longer than to use one.
_COUNTED = aliased(Category)


def counts(session: Session, questions: Sequence[tuple[Asked, int]]) -> list[int]:
    """Return in one statement the number of matches of each question, at most one more than its bound."""
    postgresql = _is_postgresql(session)
    return list(session.execute(select(*(_counting(asked, up_to, postgresql) for asked, up_to in questions))).one())


def _counting(asked: Asked, up_to: int, postgresql: bool) -> ScalarSelect[int]:
    column = next(iter(asked.places), None)
    keys = asked.keys()
    if keys is not None:
        rows: Select[Any] = keys
    elif column and not asked.apart and postgresql:
        # Out of each category in turn: a scan that hopes to meet the subtree early may read the whole table.
        own = select(literal(1).label("one")).where(getattr(asked.model, column) == _COUNTED.id, asked.live)
        # By key, as the rows lie: in another order the database looks up for each anew whether it may skip the row.
        own = own.where(*asked.within(column), *asked.ranged, *asked.filtered).limit(up_to + 1)
        own = own if asked.trash else own.order_by(asked.model.id)
        each = own.correlate(_COUNTED).lateral("each")
        rows = select(each.c.one).select_from(_COUNTED).join(each, true())
        rows = rows.where(*in_places(_COUNTED, asked.places[column]))
    else:
        rows = select(literal(1).label("one")).where(*asked.all())
    return select(func.count()).select_from(rows.limit(up_to + 1).subquery()).scalar_subquery()


def find(session: Session, asked: Asked, place: Position, size: int, few: bool, bounds: Bounds) -> list[Row]:
    """Return key and sort value of `size` rows from `place` on, in the order of the list, or fewer at its end.

    `few` says that there are no more matches than `bounds` calls few.
    """
    stretches = segments(asked.order, place)
    tries, last = _plans(asked, few, bounds, _is_postgresql(session))
    found = [(row.id, row.value) for row in session.execute(_first_enough(stretches, size, tries, last))]
    return found[::-1] if place.backward else found


def next_rows(session: Session, asked: Asked, place: Position, size: int) -> list[Row]:
    """Return the next `size` rows for who walks the whole list: over all chunks one pass, whatever way is taken."""
    statement = _listed(segments(asked.order, place), size, size, _walk(asked))
    return [(row.id, row.value) for row in session.execute(statement)]


def _plans(asked: Asked, few: bool, bounds: Bounds, postgresql: bool) -> tuple[list[Try], Plan]:
    """Return what to try first, and the plan that always answers."""
    if asked.is_bare:
        return [], _walk(asked)
    merged = asked.merged_column()
    if merged and not (asked.filtered or asked.apart):
        # Of many categories each would be looked into; their rows are met early on the way, or never.
        many = _places_beyond(asked, merged, bounds.many_places)
        merge = (_merge_heads if postgresql else _merge_lists)(asked, merged)
        return [_short_walk(asked, case((many, bounds.short_walk), else_=0))], merge
    if few:
        return [], _gather(asked)
    last = _merge_heads(asked, merged) if merged and postgresql else _gather(asked)
    if not asked.apart:
        return [_short_walk(asked, bounds.short_walk if merged and postgresql else bounds.long_walk)], last
    tries = _search_walks(asked, bounds) if asked.searched else _linked_walks(asked, bounds)
    return [*tries, *([_gather_some(asked, bounds.some)] if merged and postgresql else [])], last


def _search_walks(asked: Asked, bounds: Bounds) -> list[Try]:
    """Return a short walk that looks into each row, and a long one for when the short one met several answers."""
    budget = bounds.short_walk if asked.places or asked.filtered else bounds.looks
    return [
        _short_walk(asked, budget, singly=True),
        _short_walk(asked, bounds.long_walk, singly=True, after=bounds.hits),
    ]


def _linked_walks(asked: Asked, bounds: Bounds) -> list[Try]:
    """Return a long walk that may collect all links before; first a look at each row where many will do."""
    common = all(one.common for one in asked.apart)
    return [*([_short_walk(asked, bounds.looks, singly=True)] if common else []), _short_walk(asked, bounds.long_walk)]


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _places_beyond(asked: Asked, column: str, many: int) -> ColumnElement[bool]:
    """Return the condition that rows may lie in more than `many` categories."""
    places = select(Category.id).where(*in_places(Category, asked.places[column])).limit(many + 1).subquery()
    return select(func.count()).select_from(places).scalar_subquery() > many


def _first_enough(stretches: list[Segment], size: int, tries: list[Try], last: Plan) -> Select[Any]:
    """Return one statement of the first `size` rows: those of the first of `tries` that can tell, else of `last`.

    Each part is limited to nothing where one before it was enough; the database does not run it then.
    """
    missing: Any = literal(size)
    before: list[CTE] = []
    parts: list[Select[Any]] = []
    for attempt in tries:
        rows, told = attempt(before, stretches, size, missing)
        before.append(rows)
        parts.append(select(rows.c.part, rows.c.id, rows.c.value).where(told))
        missing = case((told, 0), else_=missing)
    rest = _listed(stretches, size, missing, last)
    if not parts:
        return rest
    rows = rest.cte()
    return _in_order(union_all(*parts, select(rows.c.part, rows.c.id, rows.c.value)).subquery(), stretches)


def _listed(stretches: list[Segment], size: int, limit: Any, plan: Plan) -> Select[Any]:
    """Return the statement of the first `limit` rows of `stretches`; the second is walked only for what is missing."""
    head = plan(stretches[0], size, limit).cte()
    parts = [select(literal(0).label("part"), head.c.id, head.c.value)]
    if len(stretches) == 2:
        left = limit - _number(head)
        tail = plan(stretches[1], size, left).cte()
        parts.append(select(literal(1), tail.c.id, tail.c.value))
    return _in_order(union_all(*parts).subquery(), stretches)


def _number(rows: CTE) -> Any:
    return select(func.count()).select_from(rows).scalar_subquery()


def _in_order(rows: Any, stretches: list[Segment]) -> Select[Any]:
    ordering = stretches[0].ordering(rows.c.id, rows.c.value)
    return select(rows.c.part, rows.c.id, rows.c.value).order_by(rows.c.part, *ordering)


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


def _short_walk(asked: Asked, budget: Any, singly: bool = False, after: int = 0) -> Try:
    """Walk along the sort index, looking at no more than `budget` rows.

    With `singly` other tables are asked row by row. With `after` it is done only if the try before met so many rows.
    """
    apart = [one.each if singly else one.whole for one in asked.apart]
    fits = and_(true(), *asked.within(), *asked.filtered, *apart).label("fits")

    def attempt(before: list[CTE], stretches: list[Segment], size: int, limit: Any) -> Tried:
        stretch = stretches[0]
        seen = _along(asked, stretch, asked.live, *asked.ranged).add_columns(fits).limit(budget).subquery()
        rows = select(literal(0).label("part"), seen.c.id, seen.c.value).where(seen.c.fits)
        wanted = case((_number(before[-1]) >= after, limit), else_=0) if after else limit
        found = rows.order_by(*stretch.ordering(seen.c.id, seen.c.value)).limit(wanted).cte()
        # Fewer do not count: the end of the walk is not that of the list.
        return found, _number(found) >= size

    return attempt


def _gather_some(asked: Asked, most: int) -> Try:
    """Fetch and sort the matches among the rows that one other table names, unless it names more than `most`."""
    named = min(asked.apart, key=lambda one: one.keys is None)
    keys = select(asked.model.id).where(named.whole) if named.keys is None else named.keys

    def attempt(before: list[CTE], stretches: list[Segment], size: int, limit: Any) -> Tried:
        some = keys.limit(case((limit > 0, most + 1), else_=0)).cte()
        told = _number(some).between(1, most)
        chosen = asked.model.id.in_(select(*some.c))
        others = [one for one in asked.apart if one is not named]
        gather = _gather(replace(asked, apart=(*others, Apart(chosen, chosen))))
        return _listed(stretches, size, case((told, limit), else_=0), gather).cte(), told

    return attempt


def _gather(asked: Asked) -> Plan:
    """Fetch all matches, whatever their order, then sort them."""
    found = select(asked.model.id, asked.order.column.label("value")).where(*asked.all()).cte()
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
    others = (*asked.within(column), *asked.ranged, *asked.filtered, *(one.each for one in asked.apart))
    return _along(asked, stretch, filed, asked.live, *others)


def _merge_heads(asked: Asked, column: str) -> Plan:
    """Merge the stretches of the categories, reading no more of each than can be wanted.

    The first row of each category comes first. Of the category whose first row is the n-th, n - 1 rows precede any:
    it can give the rest at the most, and those beyond the last wanted give nothing. No row is wanted that comes after
    the last wanted of the first rows.
    """

    def plan(stretch: Segment, size: int, limit: Any) -> Select[Any]:
        place = aliased(Category)
        first = _own(asked, column, stretch, place.id).limit(1).correlate(place).lateral("first")
        heads = select(place.id.label("place"), first.c.id, first.c.value).select_from(place).join(first, true())
        heads = heads.where(*in_places(place, asked.places[column]))
        head = heads.order_by(*stretch.ordering(first.c.id, first.c.value)).limit(size).subquery("heads")
        rank = func.row_number().over(order_by=stretch.ordering(head.c.id, head.c.value))
        near = select(head, (size + 1 - rank).label("most")).cte()
        last = select(near.c.id, near.c.value).where(near.c.most == 1)
        own = _own(asked, column, stretch, near.c.place)
        own = own.where(stretch.up_to(asked.model.id, asked.order.column, last.subquery()))
        each = own.limit(near.c.most).correlate(near).lateral("each")
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
