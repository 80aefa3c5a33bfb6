"""What keeps an installation well: its migrations and its searched text."""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import ColumnElement, Connection, and_, delete, select

from .. import writes
from ..backends import search
from ..errors import Refused
from ..extensions import db
from ..models.base import Resource, resources
from ..models.search_entry import SearchEntry

CHUNK = 500


def newest_revision() -> str | None:
    """Return the newest migration that this release knows."""
    return _scripts().get_current_head()


def knows_revision(revision: object) -> bool:
    """Return whether `revision` is a migration of this release."""
    return any(found.revision == revision for found in _scripts().walk_revisions())


def database_revision() -> str | None:
    """Return the migration that the database is at, None when it has none."""
    with db.engine.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """Return the migration that the database of `connection` is at, None when it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def revision_problem(revision: str | None) -> tuple[str, str] | None:
    """Return what is wrong with a database at `revision` and what to do, None when this release can work with it."""
    newest = newest_revision()
    if revision == newest:
        return None
    if revision is None:
        return "the database has no tables yet", "Run: flask --app run db upgrade"
    known = knows_revision(revision)
    return f"the database is at migration {revision}, this release at {newest}", (
        "Back up with the release that the database belongs to, then run: flask --app run db upgrade"
        if known
        else "Run the newer release that upgraded it."
    )


def require_current(revision: str | None) -> None:
    """Raise Refused, saying what to do, for a database at another `revision` than this release works with."""
    if found := revision_problem(revision):
        problem, remedy = found
        raise Refused(f"{problem[0].upper()}{problem[1:]}. {remedy}")


def reindex() -> int:
    """Write the searched text of every record anew and return how many there are; people may go on working."""
    with writes.bookkeeping() as session:
        # First: an index that is out of step refuses to forget the texts of before.
        search.rebuild(session.connection())
    return sum(map(_reindex, searched()))


def searched() -> list[type[Resource]]:
    """Return the resources that can be searched."""
    return [model for model in resources().values() if model.resource.search]


def is_orphan(model: type[Resource]) -> ColumnElement[bool]:
    """Return the condition for search entries of `model` whose record is gone."""
    record = select(model.id).where(model.id == SearchEntry.record_id)
    return and_(SearchEntry.resource == model.resource.name, ~record.exists())


def _reindex(model: type[Resource]) -> int:
    count, last = 0, 0
    while True:
        with writes.bookkeeping() as session:
            # Held until its text is written: what somebody changes meanwhile must not be overwritten by what it was.
            statement = select(model).where(model.id > last).order_by(model.id).limit(CHUNK)
            records = list(session.scalars(statement.with_for_update(read=True, of=model)))
            entries = [writes.search_row(model, record.id, writes.record_values(record)) for record in records]
            search.store(session.connection(), entries)
            if not entries:
                session.execute(delete(SearchEntry).where(is_orphan(model)))
                return count
        count, last = count + len(entries), entries[-1]["record_id"]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(current_app.extensions["migrate"].directory)
