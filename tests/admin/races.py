"""Two requests at once, for real: threads that meet where both are about to write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import Connection, select

from backoffice import guard
from backoffice.extensions import db
from backoffice.models.history import Change, ChangeSet
from backoffice.writes import DoorSession
from tests.conftest import hearing

T = TypeVar("T")

#: Seconds that the first to finish holds its locks, so that the others come up against them.
HELD = 0.25
PATIENCE = 8


@contextmanager
def meeting(app: Flask, number: int, first: str | None = None) -> Iterator[threading.Barrier]:
    """Let `number` threads wait for each other before their first unit, and the first of them commit late.

    The thread called `first` goes ahead of the others, who come up against what it holds.
    """
    barrier = threading.Barrier(number)
    met, late = threading.local(), threading.Event()

    def meet(*_args: Any) -> None:
        if not hasattr(met, "once"):
            met.once = True
            barrier.wait(PATIENCE)
            if first and threading.current_thread().name != first:
                threading.Event().wait(HELD / 3)

    def commit(connection: Connection) -> None:
        held = connection.get_execution_options().get(guard.OPTION)
        if held is not None and not held.tables and not late.is_set():
            late.set()
            threading.Event().wait(HELD)

    with app.app_context():
        engine = db.engine
    # Before the unit begins its transaction: SQLite lets nobody else begin after that.
    with (
        hearing(DoorSession, "do_orm_execute", meet),
        hearing(DoorSession, "before_flush", meet),
        hearing(engine, "commit", commit),
    ):
        yield barrier


def at_once(app: Flask, *deeds: Callable[[], T], first: int | None = None) -> list[T]:
    """Do all of `deeds` at once, each in a thread, that of the place `first` ahead, and return their answers."""
    answers: dict[int, T] = {}
    failed: list[BaseException] = []

    def run(place: int, deed: Callable[[], T]) -> None:
        try:
            answers[place] = deed()
        except BaseException as error:  # noqa: BLE001 (raised below, in the thread of the test)
            failed.append(error)
            barrier.abort()

    db.session.rollback()
    with meeting(app, len(deeds), None if first is None else f"deed {first}") as barrier:
        threads = [
            threading.Thread(target=run, args=item, daemon=True, name=f"deed {item[0]}") for item in enumerate(deeds)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * PATIENCE)
    db.session.rollback()
    if failed:
        raise failed[0]
    assert len(answers) == len(deeds), "they wait for each other"
    return [answers[place] for place in range(len(deeds))]


def within(app: Flask, work: Callable[[], T]) -> Callable[[], T]:
    """Return `work` in an application context of its own, as a command has it."""

    def run() -> T:
        with app.app_context():
            try:
                return work()
            finally:
                db.session.remove()

    return run


def history_of(resource: str, key: int) -> Sequence[Change]:
    """Return the changes of a record, whole: each version has one, and begins where the one before it ended."""
    statement = select(Change).where(Change.resource == resource, Change.record_id == key).order_by(Change.id)
    changes = db.session.scalars(statement).all()
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))
    known: dict[str, Any] = {}
    for change in changes:
        for name, (before, after) in change.diff.items():
            assert known.get(name) == before, f"{name} begins where it ended"
            known[name] = after
    return changes


def counted() -> None:
    """Check that each change set holds as many changes as it says."""
    for found in db.session.scalars(select(ChangeSet)).all():
        held = db.session.scalars(select(Change.id).where(Change.change_set_id == found.id)).all()
        assert len(held) == found.change_count
