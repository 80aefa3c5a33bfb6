"""How rows are found: the statements that answer a question in time that does not grow with the catalogue.

A list has up to two parts, rows with a value in the sort column and rows without, each walked by keyset. A plan says
where a part comes from: along the sort index, out of each category of a subtree, or out of all matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Executable,
    Index,
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

from ..models.base import Resource
from ..models.category import Category
from .filters import subtree
from .orders import Order, Position, Segment, segments

#: Up to so many matches are all fetched and then sorted.
FEW = 1_000

#: Rows of the sort index that a walk may look at before another plan takes over.
SHORT_WALK, LONG_WALK = 2_000, 20_000

#: Above so many categories a short walk is tried before their merge.
MANY_PLACES = 300

Row = tuple[Any, Any]  # key, value of the sort column
Part = Callable[[Segment, Any], Select[Any]]


@dataclass(frozen=True)
class Question:
    """The conditions of a selection, told apart by what a plan can do with them.

    `live` is in or out of the trash. `places` are groups of category paths by column: of each group one subtree must
    hold the row. `ranged` bounds the sort column. `filtered` is the rest of the filters.
    """

    model: type[Resource]
    order: Order
    trash: bool
    places: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    ranged: tuple[ColumnElement[bool], ...] = ()
    filtered: tuple[ColumnElement[bool], ...] = ()
    searched: tuple[ColumnElement[bool], ...] = ()

    @property
    def others(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions that neither a category's stretch of an index nor the sort index knows."""
        return self.filtered + self.searched

    @property
    def live(self) -> ColumnElement[bool]:
        """Return the condition on the trash mark."""
        mark: Any = self.model.trashed_at
        return mark.is_not(None) if self.trash else mark.is_(None)  # type: ignore[no-any-return]

    def within(self, besides: str | None = None) -> list[ColumnElement[bool]]:
        """Return the conditions on subtrees, but for those on the column `besides`."""
        return [
            getattr(self.model, column).in_(select(Category.id).where(*_places(Category, groups)))
            for column, groups in self.places.items()
            if column != besides
        ]

    def all(self) -> list[ColumnElement[bool]]:
        """Return every condition."""
        return [self.live, *self.within(), *self.ranged, *self.others]

    def merged_column(self) -> str | None:
        """Return the category column whose index also holds the sort column, None where no index does."""
        wanted = [self.order.column.key, "id"] if self.order.name != "id" else ["id"]
        for column in self.places:
            if any(_serves(index, [column, *wanted], self.trash) for index in self.model.__table__.indexes):  # type: ignore[attr-defined]
                return column
        return None


def _serves(index: Index, columns: list[str], trash: bool) -> bool:
    where = index.dialect_options["postgresql"]["where"]
    return [column.name for column in index.columns] == columns and (where is None or not trash)


def _places(category: Any, groups: tuple[tuple[str, ...], ...]) -> list[ColumnElement[bool]]:
    return [subtree(category.path, paths) for paths in groups]


def count(session: Session, asked: Question, up_to: int) -> int:
    """Return the number of matches, at most `up_to` + 1."""
    column = next(iter(asked.places), None)
    own = select(literal(1).label("one")).where(asked.live, *asked.ranged, *asked.others)
    if column and session.get_bind().dialect.name == "postgresql":
        # Out of each category in turn: a scan that hopes to meet the subtree early may read the whole table.
        place = aliased(Category)
        each = own.where(getattr(asked.model, column) == place.id, *asked.within(column)).limit(up_to + 1)
        lateral = each.correlate(place).lateral("each")
        rows = select(lateral.c.one).select_from(place).join(lateral, true())
        rows = rows.where(*[subtree(place.path, paths) for paths in asked.places[column]])
    else:
        rows = own.where(*asked.within())
    return session.scalar(select(func.count()).select_from(rows.limit(up_to + 1).subquery())) or 0


def find(session: Session, asked: Question, place: Position, size: int, few: bool) -> list[Row]:
    """Return key and sort value of `size` rows from `place` on, in the order of the list, or fewer at its end.

    `few` says that there are no more than FEW matches.
    """
    stretches = segments(asked.order, place)
    tried, last = _plans(session, asked, few)
    # What a short walk finds counts only when it is enough: it cannot tell the end of the list from its own.
    for plan in tried:
        found = _rows(session, stretches[:1], size, plan)
        if len(found) == size:
            break
    else:
        found = _rows(session, stretches, size, last)
    return found[::-1] if place.backward else found


def _plans(session: Session, asked: Question, few: bool) -> tuple[list[Part], Part]:
    """Return the plans to try first, and the one that always answers."""
    if not asked.places and not asked.others:
        return [], _walk(asked, asked.all())
    merged = asked.merged_column()
    short = _short_walk(asked, SHORT_WALK)
    if merged and not (few and asked.others):
        merge = _merge(asked, merged, session.get_bind().dialect.name)
        short_first = asked.others or _place_count(session, asked, merged) > MANY_PLACES
        return [short] if short_first else [], merge
    return [] if few else [short, _short_walk(asked, LONG_WALK)], _gather(asked)


def _place_count(session: Session, asked: Question, column: str) -> int:
    places = select(Category.id).where(*_places(Category, asked.places[column])).limit(MANY_PLACES + 1)
    return session.scalar(select(func.count()).select_from(places.subquery())) or 0


def _rows(session: Session, stretches: list[Segment], size: int, part: Part) -> list[Row]:
    """Return the first `size` rows of `stretches` by one statement; the second is walked only for what is missing."""
    statement = part(stretches[0], size)
    if len(stretches) == 2:
        head = statement.cte("head")
        left = select(size - func.count()).select_from(head).scalar_subquery()
        tail = part(stretches[1], left).cte("tail")
        both = union_all(
            select(literal(0).label("part"), head.c.id, head.c.value), select(literal(1), tail.c.id, tail.c.value)
        ).subquery()
        ordering = stretches[0].ordering(both.c.id, both.c.value)
        statement = select(both.c.id, both.c.value).order_by(both.c.part, *ordering)
    return [(row.id, row.value) for row in session.execute(statement)]


def _walk(asked: Question, conditions: list[ColumnElement[bool]]) -> Part:
    """Walk along the sort index, or any other way that the database finds better."""
    key, value = asked.model.id, asked.order.column

    def part(stretch: Segment, limit: Any) -> Select[Any]:
        return (
            select(key, value.label("value"))
            .where(*conditions, *stretch.conditions(key, value))
            .order_by(*stretch.ordering(key, value))
            .limit(limit)
        )

    return part


def _short_walk(asked: Question, budget: int) -> Part:
    """Walk along the sort index, looking at no more than `budget` rows."""
    fits = and_(true(), *asked.within(), *asked.others)

    def part(stretch: Segment, limit: Any) -> Select[Any]:
        seen = _walk(asked, [asked.live, *asked.ranged])(stretch, budget).add_columns(fits.label("fits")).subquery()
        ordering = stretch.ordering(seen.c.id, seen.c.value)
        return select(seen.c.id, seen.c.value).where(seen.c.fits).order_by(*ordering).limit(limit)

    return part


def _gather(asked: Question) -> Part:
    """Fetch all matches, whatever their order, then sort them."""
    found = select(asked.model.id, asked.order.column.label("value")).where(*asked.all()).cte("found")
    # Otherwise the planner may walk the sort index after all, hoping to meet matches early.
    found = found.prefix_with("MATERIALIZED", dialect="postgresql")
    key, value = found.c.id, found.c.value

    def part(stretch: Segment, limit: Any) -> Select[Any]:
        ordering = stretch.ordering(key, value)
        return select(key, value).where(*stretch.conditions(key, value)).order_by(*ordering).limit(limit)

    return part


def _merge(asked: Question, column: str, dialect: str) -> Part:
    """Take the first rows out of each category by its own stretch of the index, and merge them."""
    key, value, model = asked.model.id, asked.order.column, asked.model
    place = aliased(Category)
    chosen = [subtree(place.path, paths) for paths in asked.places[column]]
    conditions = [getattr(model, column) == place.id, asked.live, *asked.within(column), *asked.ranged, *asked.others]

    def part(stretch: Segment, limit: Any) -> Select[Any]:
        own = _walk(asked, [*conditions])(stretch, limit).correlate(place)
        if dialect == "postgresql":
            each = own.lateral("each")
            statement = select(each.c.id, each.c.value).select_from(place).join(each, true())
            return statement.where(*chosen).order_by(*stretch.ordering(each.c.id, each.c.value)).limit(limit)
        # Without LATERAL: the keys of each category as a list, and the rows by key.
        row = aliased(model)
        statement = select(row.id, getattr(row, value.key).label("value")).select_from(place)
        statement = statement.join(row, row.id.in_(own.with_only_columns(key)))
        return statement.where(*chosen).order_by(*stretch.ordering(row.id, getattr(row, value.key))).limit(limit)

    return part


class _Explain(Executable, ClauseElement):
    """The plan of a statement instead of its rows."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _compile_explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def estimated(session: Session, asked: Question) -> int:
    """Return about how many matches there are: PostgreSQL's guess, or a count where nothing guesses."""
    statement = select(asked.model.id).where(*asked.all())
    if session.get_bind().dialect.name != "postgresql":
        return session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    plan = session.execute(_Explain(statement)).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def next_rows(session: Session, asked: Question, place: Position, size: int) -> list[Row]:
    """Return the next `size` rows for who walks the whole list: over all chunks one pass, whatever way is taken."""
    return _rows(session, segments(asked.order, place), size, _walk(asked, asked.all()))
