"""Kill a restore before one of its statements; run by test_restore.py as a process of its own.

Prints the number of statements that a restore takes, then restores once for each number given, killed at that one.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from flask import Flask
from sqlalchemy import event

from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.operations.restore import restore
from tests.conftest import settings_for


def die_at(number: int) -> None:
    """Let the process be killed before its statement `number`, the commit being the last."""
    seen = 0

    def count(*_args: object) -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(db.engine, "before_cursor_execute", count)
    event.listen(db.engine, "commit", count)


def killed(app: Flask, file: Path, number: int) -> bool:
    """Restore in a child that is killed at statement `number`; return whether it was."""
    child = os.fork()
    if child == 0:
        with app.app_context():
            die_at(number)
            restore(file, replace=True)
            os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def main(url: str, folder: str, file: str, *numbers: str) -> None:
    """Restore, killed at each of `numbers` in turn, and say how each ended."""
    app = create_app(settings_for(url, Path(folder)))
    for number in numbers:
        sys.stdout.write("killed\n" if killed(app, Path(file), int(number)) else "finished\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
