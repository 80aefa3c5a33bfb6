"""A look at everything that an installation needs, for an operator who wonders whether it is well."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import and_, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from ..backends import search
from ..extensions import db
from ..models.base import Resource
from ..models.history import OutboxMessage
from ..models.role import ADMINISTRATOR, Role
from ..models.search_entry import SearchEntry
from ..models.types import utcnow
from ..models.user import User
from . import guards, upkeep

#: After so long a message that was tried and not sent needs somebody.
LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, and, when it is not well, what is wrong and what to do."""

    subject: str
    problem: str | None = None
    remedy: str | None = None


def examine() -> Iterator[Finding]:
    """Look at the installation, the database first: without it there is nothing else to look at."""
    yield _folder()
    try:
        found = _database()
        yield found
        if found.problem:
            return
        problem = upkeep.revision_problem(upkeep.database_revision())
        yield Finding("migrations", *(problem or ()))
        if problem:
            return
        yield _administrator()
        yield _search()
        yield _outbox()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        yield Finding("database", f"it does not answer: {reason}", "Check DATABASE_URL, and that the server runs.")


def _folder() -> Finding:
    folder = Path(current_app.instance_path)
    try:
        # Not os.access: it knows neither full disks nor file systems that are mounted read-only.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"well")
    except OSError as error:
        problem = f"{folder} cannot be written: {error.strerror or error}"
        return Finding("instance folder", problem, "Make room, or give the user that runs Backoffice the right.")
    return Finding("instance folder")


def _database() -> Finding:
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            verdict = connection.scalar(text("PRAGMA quick_check(1)"))
            if verdict != "ok":
                reason = str(verdict).strip().replace("\n", " ")
                return Finding(
                    "database", f"its file is damaged: {reason}", "Restore the latest backup into a new one."
                )
    return Finding("database")


def _administrator() -> Finding:
    holder = select(User.id).where(guards.can_sign_in(), User.roles.any(Role.key == ADMINISTRATOR))
    if db.session.scalar(holder.limit(1)):
        return Finding("administrators")
    return Finding("administrators", "nobody can sign in as one", "Run: flask --app run users ensure-first")


def _search() -> Finding:
    wrong = {model.resource.name: _unfound(model) for model in upkeep.searched()}
    wrong["full-text index"] = search.count_unindexed(db.session.connection())
    found = ", ".join(f"{name} {count}" for name, count in wrong.items() if count)
    if not found:
        return Finding("search")
    return Finding("search", f"entries are missing or out of step: {found}", "Run: flask --app run search reindex")


def _unfound(model: type[Resource]) -> int:
    """Return how many records of `model` the search lacks or takes for trash or not, and entries of gone ones."""
    own = and_(SearchEntry.resource == model.resource.name, SearchEntry.record_id == model.id)
    right = select(SearchEntry.id).where(own, SearchEntry.live == model.trashed_at.is_(None))
    lacking = select(func.count()).select_from(model).where(~right.exists())
    orphans = select(func.count()).select_from(SearchEntry).where(upkeep.is_orphan(model))
    return sum(db.session.scalar(count) or 0 for count in (lacking, orphans))


def _outbox() -> Finding:
    late = select(OutboxMessage).where(
        OutboxMessage.sent_at.is_(None), OutboxMessage.attempts > 0, OutboxMessage.due_at < utcnow() - LATE
    )
    first = db.session.scalars(late.order_by(OutboxMessage.id).limit(1)).first()
    if first is None:
        return Finding("outbox")
    count = db.session.scalar(late.with_only_columns(func.count()))
    problem = f"{count} messages could not be sent for over an hour; the first, “{first.topic}”: {first.error}"
    return Finding("outbox", problem, "Mend what the error names; they are sent again by themselves.")
