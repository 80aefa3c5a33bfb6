"""The category tree as a person may see it, a stretch at a time, in statements whose number does not grow with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, true
from sqlalchemy.orm import Session, aliased

from .. import policy
from ..models.base import resources
from ..models.category import Category
from ..policy import Actor
from .filters import subtree
from .lookup import look_up
from .question import Selection
from .rights import askable

#: Children of one category that are shown at once, rows of a page, and matches of a search.
STRETCH, MOST_ROWS, MOST_FOUND = 100, 1000, 50

#: Categories counted in one request, and products counted in each.
MOST_COUNTED, FEW = 200, 1000

#: The key that stands for "above all".
TOP = 0


@dataclass(frozen=True)
class Node:
    """A category in the tree. `parent` is TOP for those at which the person's reach begins."""

    id: int
    parent: int
    name: str
    translations: Mapping[str, Any]
    version: int
    path: str
    children: int = 0
    found: bool = False


@dataclass
class Tree:
    """The rows that are shown by the category that they stand under, and how many stand there in all."""

    rows: dict[int, list[Node]] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    cut: bool = False

    def under(self, parent: int) -> list[Node]:
        """Return the rows shown under `parent`."""
        return self.rows.get(parent, [])


def is_shown_to(actor: Actor) -> bool:
    """Return whether `actor` sees what stands under what, everywhere within reach."""
    return "parent_id" in askable(actor, Category)


def counts_products(actor: Actor) -> bool:
    """Return whether `actor` may know how many products a category holds."""
    return "category_id" in askable(actor, resources()["product"])


def branches(session: Session, actor: Actor, opened: Collection[int], shown: Mapping[int, int]) -> Tree:
    """Return the top of the tree and the children of the categories `opened`, as far as the person may see them.

    `shown` says how many of which category, where that is not STRETCH.
    """
    top = _is_top(actor)
    group = case((top, TOP), else_=Category.parent_id).label("parent")
    rank = func.row_number().over(partition_by=group, order_by=_order(actor)).label("rank")
    total = func.count().over(partition_by=group).label("total")
    held = or_(top, Category.parent_id.in_(sorted(opened)))
    rows = select(Category.id, group, rank, total).where(Category.trashed_at.is_(None), held)
    ranked = policy.visible(actor, rows, Category).subquery()
    most = case(dict(shown), value=ranked.c.parent, else_=STRETCH) if shown else literal(STRETCH)
    statement = (
        select(*_columns(), ranked.c.parent, ranked.c.total)
        .join(ranked, ranked.c.id == Category.id)
        .where(ranked.c.rank <= most)
        .order_by(ranked.c.parent, ranked.c.rank)
        .limit(MOST_ROWS + 1)
    )
    found = session.execute(statement).all()
    tree = Tree(cut=len(found) > MOST_ROWS)
    for row in _with_children(session, found[:MOST_ROWS]):
        tree.rows.setdefault(row.parent, []).append(row)
    tree.totals = {row.parent: row.total for row in found}
    return tree


def stretch(session: Session, actor: Actor, parent: int, after: int) -> Tree:
    """Return the next rows under `parent` behind the first `after`."""
    place = _is_top(actor) if parent == TOP else Category.parent_id == parent
    rows = select(*_columns(), func.count().over().label("total")).where(Category.trashed_at.is_(None), place)
    ordered = policy.visible(actor, rows, Category).order_by(*_order(actor)).offset(after).limit(STRETCH)
    found = session.execute(ordered).all()
    made = _with_children(session, found, parent)
    return Tree({parent: made}, {parent: found[0].total if found else after})


def search(session: Session, actor: Actor, text: str) -> Tree:
    """Return the first MOST_FOUND categories that `text` finds and those above them, within reach."""
    keys = _found(session, actor, text)
    paths = session.scalars(select(Category.path).where(Category.id.in_(sorted(keys))))
    wanted = {int(part) for path in paths for part in path.split("/") if part}
    rows = select(*_columns(), Category.parent_id.label("parent")).where(Category.id.in_(sorted(wanted)))
    found = session.execute(policy.visible(actor, rows, Category).order_by(*_order(actor))).all()
    there = {row.id for row in found}
    tree = Tree(cut=len(keys) >= MOST_FOUND)
    for node in _with_children(session, found, found=keys):
        parent = node.parent if node.parent in there else TOP
        tree.rows.setdefault(parent, []).append(node)
    tree.totals = {parent: len(rows) for parent, rows in tree.rows.items()}
    return tree


def _found(session: Session, actor: Actor, text: str) -> set[int]:
    """Return the keys that `text` finds: by the beginnings of names along a path, then by names in any language."""
    keys = [one.id for one in look_up(session, Category, actor, text, MOST_FOUND)]
    more = Selection(Category, actor, search=text).page(session, size=MOST_FOUND).rows
    return set(list(dict.fromkeys([*keys, *(record.id for record in more)]))[:MOST_FOUND])


def one(session: Session, actor: Actor, key: int) -> Node | None:
    """Return the category `key` as the tree shows it, None where it is in the trash or out of reach."""
    rows = select(*_columns(), Category.parent_id.label("parent"))
    rows = rows.where(Category.id == key, Category.trashed_at.is_(None))
    found = session.execute(policy.visible(actor, rows, Category)).all()
    return next(iter(_with_children(session, found)), None)


def counts(session: Session, actor: Actor, keys: Iterable[int]) -> dict[int, int]:
    """Return for each category of `keys` within reach the live products in its subtree that `actor` may see.

    At most FEW + 1 of each, counted category by category along the index, in one statement; nothing for who may not
    ask products by their category.
    """
    if not counts_products(actor):
        return {}
    product: Any = resources()["product"]
    wanted = sorted(set(keys))[:MOST_COUNTED]
    place = aliased(Category)
    scope = policy.scopes(actor, "read", "product")
    reach = true() if scope is None else subtree(place.path, scope)
    below = and_(place.path >= Category.path, place.path < func.substr(Category.path, 1, _body()) + "0", reach)
    filed = and_(product.category_id == place.id, product.trashed_at.is_(None))
    if session.get_bind().dialect.name == "postgresql":
        # Out of each category in turn, and no more than can count: any other plan may read all products.
        # By key, as the rows lie: in another order the database looks up for each anew whether it may skip the row.
        few = select(literal(1).label("one")).where(filed).order_by(product.id).limit(FEW + 1)
        own = few.correlate(place).lateral("own")
        rows = select(own.c.one).select_from(place).join(own, true()).where(below)
    else:
        rows = select(literal(1).label("one")).select_from(place).join(product, filed).where(below)
    some = rows.limit(FEW + 1).correlate(Category).subquery()
    number = select(func.count()).select_from(some).scalar_subquery()
    statement = select(Category.id, number).where(Category.id.in_(wanted), Category.trashed_at.is_(None))
    return {row[0]: row[1] for row in session.execute(policy.visible(actor, statement, Category))}


def _body() -> Any:
    # Without its last sign, the `/`: `within` for a path that is a column.
    return func.length(Category.path) - 1


def _columns() -> tuple[Any, ...]:
    return Category.id, Category.name, Category.name_i18n, Category.version, Category.path


def _is_top(actor: Actor) -> ColumnElement[bool]:
    """Return the condition of the categories at which the reach of `actor` begins."""
    paths = policy.scopes(actor, "read", "category")
    if paths is None:
        return Category.parent_id.is_(None)
    outer = [path for path in paths if not any(path != other and path.startswith(other) for other in paths)]
    return Category.path.in_(outer)


def _order(actor: Actor) -> list[Any]:
    """Return the order of siblings; an order by what is not seen would tell it."""
    seen = askable(actor, Category)
    columns: list[Any] = [Category.position] if "position" in seen else []
    return [*columns, *([Category.name_key] if "name" in seen else []), Category.id]


def _with_children(
    session: Session, rows: Sequence[Any], parent: int | None = None, found: Collection[int] = ()
) -> list[Node]:
    number = (
        select(Category.parent_id, func.count())
        .where(Category.parent_id.in_([row.id for row in rows]), Category.trashed_at.is_(None))
        .group_by(Category.parent_id)
    )
    below = {row[0]: row[1] for row in session.execute(number)}
    return [
        Node(
            row.id,
            (row.parent or TOP) if parent is None else parent,
            row.name,
            row.name_i18n or {},
            row.version,
            row.path,
            below.get(row.id, 0),
            row.id in found,
        )
        for row in rows
    ]
