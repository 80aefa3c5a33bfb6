"""Who has a record open in a form, so that two colleagues know of each other before they save."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .. import writes
from ..models.personal import Presence
from ..models.types import utcnow
from ..models.user import User

#: A sign of presence is renewed every twenty seconds; after three that were missed nobody is there any more.
STALE = timedelta(seconds=60)

#: How many colleagues are named.
NAMED = 5


def seen(user_id: int, resource: str, record_id: int) -> None:
    """Note that the person has the record open; what they had open before and left without a word is forgotten."""
    now = utcnow()
    with writes.bookkeeping() as session:
        session.execute(delete(Presence).where(Presence.user_id == user_id, Presence.seen_at < now - STALE))
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        statement = dialect.insert(Presence).values(
            resource=resource, record_id=record_id, user_id=user_id, seen_at=now
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["resource", "record_id", "user_id"], set_={"seen_at": statement.excluded.seen_at}
            )
        )


def left(user_id: int, resource: str, record_id: int) -> None:
    """Note that the person closed the record."""
    with writes.bookkeeping() as session:
        session.execute(
            delete(Presence).where(
                Presence.user_id == user_id, Presence.resource == resource, Presence.record_id == record_id
            )
        )


def others(session: Session, user_id: int | None, resource: str, record_id: int) -> list[str]:
    """Return the names of those who have the record open besides the person `user_id`, at most NAMED."""
    statement = (
        select(User.name, User.email)
        .join(Presence, Presence.user_id == User.id)
        .where(Presence.resource == resource, Presence.record_id == record_id)
        .where(Presence.seen_at >= utcnow() - STALE, Presence.user_id != (user_id or 0))
        .order_by(Presence.user_id)
        .limit(NAMED)
    )
    return [name or email for name, email in session.execute(statement)]
