"""What the house keeps for one person or for a moment: no resources, so no history and no rights of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ..extensions import Base
from .types import BigKey, Document, UtcDateTime, utcnow


class Preference(Base):
    """How one person likes one thing: `name` such as `list.product`, `value` a small document."""

    __tablename__ = "preference"

    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[Any] = mapped_column(Document)


class SavedView(Base):
    """A selection under a name: the arguments of a list's address, its owner's, or shared with a role.

    Who opens it asks with their own rights, so a shared view shows nobody more than they may see.
    """

    __tablename__ = "saved_view"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("user.id", ondelete="CASCADE"))
    role_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("role.id", ondelete="CASCADE"), index=True)
    resource: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    __table_args__ = (Index("uq_saved_view_name", "user_id", "resource", "name", unique=True),)


class Presence(Base):
    """Who has a record open in a form: a sign that goes stale when it is not renewed."""

    __tablename__ = "presence"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Figure(Base):
    """What the dashboard counted, kept with the moment at which it was true."""

    __tablename__ = "figure"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[Any] = mapped_column(Document)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
