"""Conditions that another table answers: what is associated with a record, and the words of its search entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select


@dataclass(frozen=True)
class Apart:
    """A condition that no index of the record's own table holds, in the forms that plans need.

    `whole` says it for all rows at once, so that the database may collect the answers first; `each` so that it looks
    at one row at a time. `keys` is the statement of the keys of all rows in the list that hold it, None where only the
    table itself can tell. `common` says that as a rule many rows hold it.
    """

    whole: ColumnElement[bool]
    each: ColumnElement[bool]
    keys: Select[Any] | None = None
    searched: bool = False
    common: bool = False
