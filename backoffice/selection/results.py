"""What a selection answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
