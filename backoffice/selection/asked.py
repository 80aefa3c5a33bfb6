"""The question as the database gets it: the conditions of a selection, told apart by what a plan can do with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, select

from ..models.base import Resource
from ..models.category import Category
from .apart import Apart
from .filters import subtree
from .orders import Order


@dataclass(frozen=True)
class Asked:
    """Which rows of `model`, in which order.

    `trash` is in or out of the trash. `places` are groups of category paths by column: of each group one subtree must
    hold the row. `ranged` bounds the sort column. `filtered` is what else the row itself tells, `apart` what other
    tables do.
    """

    model: type[Resource]
    order: Order
    trash: bool
    places: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    ranged: tuple[ColumnElement[bool], ...] = ()
    filtered: tuple[ColumnElement[bool], ...] = ()
    apart: tuple[Apart, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Return whether the sort index alone answers."""
        return not (self.places or self.filtered or self.apart)

    @property
    def searched(self) -> bool:
        """Return whether rows must answer a search."""
        return any(one.searched for one in self.apart)

    @property
    def only_searched(self) -> bool:
        """Return whether a search is all that rows must answer."""
        return not (self.places or self.ranged or self.filtered) and all(one.searched for one in self.apart)

    @property
    def live(self) -> ColumnElement[bool]:
        """Return the condition on the trash mark."""
        mark: Any = self.model.trashed_at
        return mark.is_not(None) if self.trash else mark.is_(None)  # type: ignore[no-any-return]

    def within(self, besides: str | None = None) -> list[ColumnElement[bool]]:
        """Return the conditions on subtrees, but for those on the column `besides`."""
        return [
            getattr(self.model, column).in_(select(Category.id).where(*in_places(Category, groups)))
            for column, groups in self.places.items()
            if column != besides
        ]

    def all(self) -> list[ColumnElement[bool]]:
        """Return every condition."""
        return [self.live, *self.within(), *self.ranged, *self.filtered, *(one.whole for one in self.apart)]

    def keys(self) -> Select[Any] | None:
        """Return the statement of the keys of all matches where another table tells all of it, else None."""
        alone = len(self.apart) == 1 and not (self.places or self.ranged or self.filtered)
        return self.apart[0].keys if alone else None

    def merged_column(self) -> str | None:
        """Return the category column whose index also holds the sort column, None where no index does."""
        wanted = [self.order.column.key, "id"] if self.order.name != "id" else ["id"]
        for column in self.places:
            if any(_serves(index, [column, *wanted], self.trash) for index in self.model.__table__.indexes):  # type: ignore[attr-defined]
                return column
        return None


def _serves(index: Index, columns: list[str], trash: bool) -> bool:
    where = index.dialect_options["postgresql"]["where"]
    partly = "trashed_at IS NOT NULL" if trash else "trashed_at IS NULL"
    return [column.name for column in index.columns] == columns and (where is None or where.text == partly)


def in_places(category: Any, groups: tuple[tuple[str, ...], ...]) -> list[ColumnElement[bool]]:
    """Return the conditions that `category` lies in a subtree of each group."""
    return [subtree(category.path, paths) for paths in groups]
