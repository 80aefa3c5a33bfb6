"""Failed sign-ins, counted by account and by address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from ..extensions import Base
from .types import UtcDateTime


class SignInThrottle(Base):
    """How often signing in failed for one account or one address; `key` is a keyed hash, neither can be read back."""

    __tablename__ = "sign_in_throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
