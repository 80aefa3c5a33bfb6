"""How a command ends: what a person can mend is one clear line and exit code 1, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.exc import DBAPIError

from ..errors import NotFound, Refused
from ..i18n import phrase
from ..policy import Denied, system

P = ParamSpec("P")
T = TypeVar("T")

#: PostgreSQL's words for what waited too long, for a lock or altogether, and for a deadlock.
_BUSY = frozenset({"55P03", "57014", "40P01"})

#: Who acts when a command is typed on the server: it may do everything.
OPERATOR = system(phrase("command line").text)


def told(command: Callable[P, T]) -> Callable[P, T]:
    """Turn every refusal of `command` into its message."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> T:
        try:
            return command(*args, **options)
        except Refused as error:
            raise click.ClickException(str(error)) from error
        except NotFound as error:
            raise click.ClickException(f"There is no {error.resource.replace('_', ' ')} {error.key}.") from error
        except Denied as error:
            raise click.ClickException(f"Not permitted: {error}.") from error
        except DBAPIError as error:
            reason = str(error.orig).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise click.ClickException(f"{_complaint(error)}: {reason}. {_advice(error)}") from error

    return run


def _is_busy(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _BUSY or "database is locked" in str(error.orig)


def _complaint(error: DBAPIError) -> str:
    return "The database is busy" if _is_busy(error) else "The database does not answer as it should"


def _advice(error: DBAPIError) -> str:
    if _is_busy(error):
        return "Wait for what else works with it, or stop that, and run the command again."
    return "Check DATABASE_URL, bring it up to date with: flask --app run db upgrade, and ask: flask --app run doctor"
