"""Import a file in processes that are killed before ever later statements; run by test_crash.py as one of its own.

Prints one JSON line for each of them: whether it got through, and how many rows there are by then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from flask import Flask
from sqlalchemy import event, text

from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.product import Product
from backoffice.operations.imports import Options, import_file
from tests.conftest import settings_for

TABLES = ("product", "brand", "category", "change", "change_set")
MOST = 400


def die_at(number: int) -> None:
    """Let the process be killed before its statement `number`; each commit counts as one."""
    seen = 0

    def count(*_args: object) -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(db.engine, "before_cursor_execute", count)
    event.listen(db.engine, "commit", count)


def attempt(app: Flask, file: Path, number: int) -> bool:
    """Import in a child that is killed at statement `number`; return whether it got through."""
    child = os.fork()
    if child == 0:
        with app.app_context():
            die_at(number)
            import_file(policy.system("crash"), file, Options(model=Product, folder=file.parent))
            os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def counts(app: Flask) -> dict[str, int]:
    """Return the number of rows of each table."""
    with app.app_context(), db.engine.connect() as connection:
        found = {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in TABLES}
        db.engine.dispose()
    return found


def main(url: str, file: str, step: str) -> None:
    """Kill at the first statement, then `step` later each time, until the import gets through."""
    path = Path(file)
    app = create_app(settings_for(url, path.parent))
    for number in range(1, MOST, int(step)):
        finished = attempt(app, path, number)
        sys.stdout.write(json.dumps({"number": number, "finished": finished, **counts(app)}) + "\n")
        if finished:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
