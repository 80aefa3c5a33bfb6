"""Which rows: filters, search, sort, place and what a person may see, as one object that every list takes."""

from __future__ import annotations

from .filters import Filter
from .lookup import ARROW, Found, look_up, trails
from .orders import LAST, Position
from .question import Parsed, Selection, counts, fields_to_ask
from .results import Bounds, Count, Page

__all__ = [
    "ARROW",
    "LAST",
    "Bounds",
    "Count",
    "Filter",
    "Found",
    "Page",
    "Parsed",
    "Position",
    "Selection",
    "counts",
    "fields_to_ask",
    "look_up",
    "trails",
]
