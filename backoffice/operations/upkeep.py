"""What keeps an installation well: its migrations, its searched text, and a look at everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from .. import writes
from ..backends import search
from ..extensions import db
from ..models.base import Resource, resources
from ..models.history import OutboxMessage
from ..models.role import ADMINISTRATOR, Role
from ..models.search_entry import SearchEntry
from ..models.types import utcnow
from ..models.user import User
from . import guards

CHUNK = 500

#: After so long a message that was not sent is a sign that nobody sends.
LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, and, when it is not well, what is wrong and what to do."""

    subject: str
    problem: str | None = None
    remedy: str | None = None


def newest_revision() -> str | None:
    """Return the newest migration that this release knows."""
    return ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()


def database_revision() -> str | None:
    """Return the migration that the database is at, None when it has none."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def reindex() -> int:
    """Write the searched text of every record anew and return how many there are."""
    count = 0
    for model in resources().values():
        if model.resource.search:
            count += _reindex(model)
    return count


def _reindex(model: type[Resource]) -> int:
    count, last = 0, 0
    while True:
        with writes.bookkeeping() as session:
            statement = select(model).where(model.id > last).order_by(model.id).limit(CHUNK)
            records = list(session.scalars(statement))
            entries = [writes.search_row(model, record.id, writes.record_values(record)) for record in records]
            search.store(session.connection(), entries)
        if not records:
            return count
        count, last = count + len(records), records[-1].id


def examine() -> Iterator[Finding]:
    """Look at the installation, the database first: without it there is nothing else to look at."""
    yield _folder()
    try:
        revision, newest = database_revision(), newest_revision()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        yield Finding("database", f"it does not answer: {reason}", "Check DATABASE_URL, and that the server runs.")
        return
    yield Finding("database")
    if revision != newest:
        yield Finding("migrations", f"the database is at {revision}, this release at {newest}", UPGRADE)
        return
    yield Finding("migrations")
    yield _administrator()
    yield _search()
    yield _outbox()


UPGRADE = "Make a backup, then run: flask --app run db upgrade"


def _folder() -> Finding:
    folder = Path(current_app.instance_path)
    if os.access(folder, os.W_OK):
        return Finding("instance folder")
    return Finding("instance folder", f"{folder} cannot be written", "Give the user that runs Backoffice the right.")


def _administrator() -> Finding:
    holder = select(User.id).where(guards.can_sign_in(), User.roles.any(Role.key == ADMINISTRATOR))
    if db.session.scalar(holder.limit(1)):
        return Finding("administrators")
    return Finding("administrators", "nobody can sign in as one", "Run: flask --app run users ensure-first")


def _search() -> Finding:
    for name, model in resources().items():
        if not model.resource.search:
            continue
        entries = select(func.count()).select_from(SearchEntry).where(SearchEntry.resource == name)
        records = select(func.count()).select_from(model)
        have, want = db.session.scalar(entries), db.session.scalar(records)
        if have != want:
            return Finding(
                "search", f"{have} of {want} records of {name} can be found", "Run: flask --app run search reindex"
            )
    return Finding("search")


def _outbox() -> Finding:
    waiting = select(func.count()).where(OutboxMessage.sent_at.is_(None), OutboxMessage.attempts > 0)
    late = db.session.scalar(waiting.where(OutboxMessage.due_at < utcnow() - LATE)) or 0
    if not late:
        return Finding("outbox")
    return Finding("outbox", f"{late} messages could not be sent for over an hour", "Look at their errors.")
