"""What is wrong with a file, or with a row of it."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import Refused
from ...i18n import _
from ...policy import Denied

#: Characters of a value that a report shows.
SHOWN = 200


class BadFile(Refused):
    """The file as a whole cannot be imported; nothing of it was."""


@dataclass(frozen=True)
class Problem:
    """Why a row was not imported: the column (empty: the row as a whole), the value there, and what to do."""

    column: str
    value: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", self.value[:SHOWN])


def denial(denied: Denied) -> str:
    """Return a denied right in words."""
    grant = f"{denied.resource}:{denied.verb}"
    if denied.field:
        return _(
            "You may not set %(field)s of this record. Ask for the right, or leave the cell empty.", field=denied.field
        )
    return _("This needs the grant %(grant)s, which you do not have here. Ask an administrator for it.", grant=grant)
