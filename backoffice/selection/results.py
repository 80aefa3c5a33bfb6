"""What a selection answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bounds:
    """How much a page may look at.

    Up to `few` matches are counted, fetched and sorted. A short and a long walk look at so many rows of the sort index
    before another plan takes over. A search must look into each row elsewhere: `looks` rows at first, and a long walk
    only after `hits` of them were answers. Where a subtree could be merged, up to `some` rows that another table names
    are fetched before. Above `many_places` categories a short walk comes before their merge. `candidates` is how many
    matches of a search are ranked, `near` how many where each must be looked up, for filters or for who sees a part.
    """

    few: int = 1_000
    short_walk: int = 2_000
    long_walk: int = 30_000
    looks: int = 500
    hits: int = 4
    some: int = 6_000
    many_places: int = 300
    candidates: int = 1_000
    near: int = 300


@dataclass(frozen=True)
class Count:
    """How many rows there are: exactly, at least `value` (not exact), or about `value` (estimated)."""

    value: int
    exact: bool
    estimated: bool = False


@dataclass(frozen=True)
class Page:
    """One page of rows. `next` and `previous` are the values of `after=` and `before=` that lead on from it.

    `count` is exact up to 1,000. `note` is a translated sentence about what the list leaves out, None for nothing.
    """

    rows: list[Any]
    count: Count
    next: str | None = None
    previous: str | None = None
    note: str | None = None

    @property
    def first(self) -> bool:
        """Return whether nothing stands before this page."""
        return self.previous is None

    @property
    def last(self) -> bool:
        """Return whether nothing stands after this page."""
        return self.next is None
