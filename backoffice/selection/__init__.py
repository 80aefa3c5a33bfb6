"""Which rows: filters, search, sort, place and what a person may see, as one object that every list takes."""

from __future__ import annotations

from .filters import Filter
from .lookup import Found, look_up, trails
from .orders import LAST, Position
from .results import Count, Page
from .selection import Parsed, Selection, fields_to_ask

__all__ = [
    "LAST",
    "Count",
    "Filter",
    "Found",
    "Page",
    "Parsed",
    "Position",
    "Selection",
    "fields_to_ask",
    "look_up",
    "trails",
]
