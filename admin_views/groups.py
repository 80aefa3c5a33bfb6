"""The groups of the navigation."""

from __future__ import annotations

from typing import Any

from backoffice.i18n import _l

#: Groups in their order; a resource may name one of its own, which comes after them.
GROUPS: dict[str, Any] = {
    "catalogue": _l("Catalogue"),
    "content": _l("Content"),
    "people": _l("People"),
    "work": _l("Work"),
    "history": _l("History"),
}
