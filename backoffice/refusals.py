"""What the database refuses, in the words of the person who asked; never SQL."""

from __future__ import annotations

import re

from sqlalchemy.exc import IntegrityError

from .errors import Refused
from .i18n import _
from .models.base import fields_of, resources
from .models.fields import Field

_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (\w+)\.(\w+)")


def explain(error: IntegrityError) -> Exception:
    """Return the refusal that a violated constraint means, with its field where one is to blame.

    A constraint that no person can violate means a fault of the program: its error comes back as it is.
    """
    for name, model in resources().items():
        for field in fields_of(model).values():
            if field.unique and _violates(error, name, field.name):
                return taken(field)
    if _is_reference(error):
        return Refused(
            _("Other records depend on this one, or one that it names is gone. Reload the page and try again.")
        )
    return error


def taken(field: Field) -> Refused:
    """Return the refusal of a value of a unique `field` that another record has, without a word of which one."""
    return Refused(
        _("%(field)s: this value is taken, perhaps by a record in the trash. Choose another.", field=field.label),
        field.name,
    )


def _is_reference(error: IntegrityError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "23503" or "FOREIGN KEY constraint failed" in str(error.orig)


def _violates(error: IntegrityError, table: str, column: str) -> bool:
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name) == f"uq_{table}_{column}"
    found = _SQLITE_UNIQUE.search(str(error.orig))
    return found is not None and found.groups() == (table, column)
