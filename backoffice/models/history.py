"""What happened: change sets, the changes in them, and the messages that leave the house because of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..extensions import Base
from ..i18n import Phrase, person_text
from .types import BigKey, Document, PathText, UtcDateTime, utcnow

#: Where a write can come from.
SOURCES = ("form", "inline", "action", "import", "command", "api", "schedule", "undo", "system")


class ChangeSet(Base):
    """One deed: who, when, from where. `actor_label` outlives the person's record.

    `title` says in English what was done; `phrase` is the same as an `i18n.Phrase`, which each reader has translated.
    """

    __tablename__ = "change_set"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_label: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(500))
    phrase: Mapped[dict[str, Any] | None] = mapped_column(Document)
    undo_of_id: Mapped[int | None] = mapped_column(ForeignKey("change_set.id"))
    request_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    change_count: Mapped[int] = mapped_column(default=0, server_default="0")

    changes: Mapped[list[Change]] = relationship(back_populates="change_set", viewonly=True, order_by="Change.id")

    @property
    def who(self) -> str:
        """Return who did it; what is no person, such as the command line, in the reader's language."""
        return person_text(self.actor_id, self.actor_label)

    @property
    def told(self) -> Phrase | str:
        """Return what was done, in the language of whoever reads it where that is kept."""
        return Phrase.decoded(self.phrase) if self.phrase else self.title

    __table_args__ = (
        Index("ix_change_set_actor_id", "actor_id", "id"),
        Index("ix_change_set_source", "source", "id"),
        Index("ix_change_set_undo_of_id", "undo_of_id"),
        # The last day, hour by hour.
        Index("ix_change_set_at", "at"),
    )


class Change(Base):
    """What one deed did to one record.

    `diff` maps each changed field, `price` or `attributes.colour`, to [before, after] in the encoding of its field.
    `version` is the record's version after it: the base of a merge. `scope_before` and `scope_after` are the category
    paths that limited who could reach the record then.
    """

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    change_set_id: Mapped[int] = mapped_column(BigKey, ForeignKey("change_set.id"))
    resource: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str] = mapped_column(String(300))
    verb: Mapped[str] = mapped_column(String(20))
    diff: Mapped[dict[str, Any]] = mapped_column(Document)
    version: Mapped[int] = mapped_column()
    scope_before: Mapped[str | None] = mapped_column(PathText)
    scope_after: Mapped[str | None] = mapped_column(PathText)

    change_set: Mapped[ChangeSet] = relationship(back_populates="changes", viewonly=True)

    __table_args__ = (
        Index("ix_change_change_set_id", "change_set_id", "id"),
        Index("ix_change_record", "resource", "record_id", "version"),
        Index("ix_change_resource", "resource", "change_set_id"),
    )


class OutboxMessage(Base):
    """A message to the outside world, written in the transaction that caused it and delivered after it, at least once.

    `message_id` lets the receiver drop a repeated delivery.
    """

    __tablename__ = "outbox_message"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(36), unique=True)
    topic: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
    change_set_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("change_set.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (Index("ix_outbox_message_waiting", "sent_at", "due_at", "id"),)
