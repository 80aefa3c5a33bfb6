"""How a command ends: what a person can mend is one clear line and exit code 1, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from ..errors import NotFound, Refused
from ..policy import Denied, system

P = ParamSpec("P")
T = TypeVar("T")

#: Who acts when a command is typed on the server: it may do everything.
OPERATOR = system("command line")


def told(command: Callable[P, T]) -> Callable[P, T]:
    """Turn every refusal of `command` into its message."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> T:
        try:
            return command(*args, **options)
        except Refused as error:
            raise click.ClickException(str(error)) from error
        except NotFound as error:
            raise click.ClickException(f"There is no {error}.") from error
        except Denied as error:
            raise click.ClickException(f"Not permitted: {error}.") from error
        except (OperationalError, ProgrammingError) as error:
            raise click.ClickException(
                f"The database does not answer as it should: {_first_line(error)}. "
                "Check DATABASE_URL, and bring it up to date with: flask --app run db upgrade"
            ) from error

    return run


def _first_line(error: OperationalError | ProgrammingError) -> str:
    return str(error.orig).strip().splitlines()[0].rstrip(".") if str(error.orig).strip() else type(error).__name__
