"""Emptying a category into another one before it goes to the trash, all of it one change set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from .. import bulk, policy
from ..errors import NotFound, Refused
from ..i18n import _
from ..models.base import fields_of
from ..models.category import Category, lock_tree
from ..models.product import Product
from ..writes import Unit
from . import records
from .arranging import make_room
from .tree import Overtaken, outside_reach, require_parent, siblings_of

#: Products and subcategories that are moved in one go: a request that does it, or takes it back, must come to an end.
MOST_PRODUCTS, MOST_CHILDREN = 2000, 500


@dataclass(frozen=True)
class Contents:
    """What stands right under a category; products are counted to one more than is moved in one go."""

    children: int
    products: int

    @property
    def too_many(self) -> bool:
        """Return whether they are more than are moved in one go."""
        return self.products > MOST_PRODUCTS or self.children > MOST_CHILDREN

    @property
    def mark(self) -> str:
        """Return a text that tells these numbers from others, so that nobody moves more than they saw."""
        return f"{self.children}-{self.products}"


def contents(session: Session, key: int) -> Contents:
    """Return what stands right under the category `key`, whoever may see it."""
    children = select(func.count()).where(Category.parent_id == key, Category.trashed_at.is_(None))
    some = select(Product.id).where(_filed(key)).limit(MOST_PRODUCTS + 1).subquery()
    products = select(func.count()).select_from(some)
    return Contents(session.scalar(children) or 0, session.scalar(products) or 0)


def may_empty(actor: policy.Actor, category: Category) -> bool:
    """Return whether `actor` may take out what `category` holds, and move it to the trash."""
    place = policy.Place(Product.resource, category.path)
    return (
        policy.allows(actor, "delete", "category", category)
        and policy.allows(actor, "update", "category", category, "parent_id")
        and policy.allows(actor, "update", "product", place, "category_id")
    )


def empty_into(unit: Unit, key: int, target: int | None, seen: str) -> None:
    """Move what stands right under the category `key` to `target` (None: the top), then `key` to the trash.

    `seen` is the mark of the contents that were shown. Raises NotFound, Denied and Refused; Overtaken where it holds
    something else by now.
    """
    lock_tree(unit.session)
    record = unit.get(Category, key)
    if not policy.allows(unit.actor, "read", "category", record) or record.trashed_at:
        raise NotFound("category", key)
    policy.require(unit.actor, "delete", "category", record)
    found = contents(unit.session, key)
    if found.mark != seen:
        name = unit.shown_name(record)
        raise Overtaken(_("“%(name)s” does not hold the same any more. Look at it again.", name=name))
    if found.too_many:
        raise Refused(too_many(unit.shown_name(record)))
    goal = _goal(unit, record, target, found)
    _move_children(unit, record, goal)
    _move_products(unit, record, goal)
    unit.settle()
    records.trash(unit, record)


def too_many(name: str) -> str:
    """Return the sentence that says why the category `name` is not emptied in one go."""
    return _(
        "“%(name)s” holds more than is moved at once: %(products)s products or %(children)s subcategories. "
        "Move some of them first.",
        name=name,
        products=MOST_PRODUCTS,
        children=MOST_CHILDREN,
    )


def _filed(key: int) -> ColumnElement[bool]:
    return (Product.category_id == key) & Product.trashed_at.is_(None)


def _goal(unit: Unit, record: Category, target: int | None, found: Contents) -> Category | None:
    """Return where everything goes. Raises Refused for a place that cannot take it."""
    field = fields_of(Category)["parent_id"]
    if target is None:
        if found.products:
            raise Refused(_("Choose the category that the products go to."), "parent_id")
        return None
    goal: Any = records.referred(unit, field, [target])[0]
    if goal.path.startswith(record.path):
        raise Refused(
            _("“%(name)s” lies within this category. Choose one outside of it.", name=unit.shown_name(goal)),
            "parent_id",
        )
    return goal  # type: ignore[no-any-return]


def _move_children(unit: Unit, record: Category, goal: Category | None) -> None:
    """Move the subcategories in their order: sorted by name among those that nobody arranged, else to the end."""
    children = siblings_of(unit.session, record.id)
    if not children:
        return
    there = [one for one in siblings_of(unit.session, goal.id if goal else None) if one.id != record.id]
    require_parent(unit, goal.id if goal else None)
    same = len({one.position for one in (*there, *children)}) == 1
    if same or not policy.allows(unit.actor, "update", "category", record, "position"):
        numbers = [one.position for one in children]
    else:
        numbers = list(make_room([one.position for one in there], len(there), len(children)).numbers)
    places = {child.id: number for child, number in zip(children, numbers, strict=True)}
    for child in unit.locked(Category, list(places)):
        records.update(unit, child, {"parent_id": goal.id if goal else None, "position": places[child.id]})


def _move_products(unit: Unit, record: Category, goal: Category | None) -> None:
    rows = bulk.read_rows(unit.session, Product, _filed(record.id), lock=True, references=())
    if not rows or goal is None:
        return
    here, there = (policy.Place(Product.resource, place.path) for place in (record, goal))
    policy.require(unit.actor, "update", "product", here, "category_id")
    if not policy.allows(unit.actor, "update", "product", there, "category_id"):
        raise outside_reach()
    bulk.update_rows(unit, Product, [bulk.RowUpdate(row, {"category_id": goal.id}) for row in rows])
