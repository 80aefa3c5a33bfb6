"""The people who sign in."""

from __future__ import annotations

import secrets
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Boolean, Column, ForeignKey, String, Table, inspect
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..errors import Refused
from ..extensions import Base
from ..i18n import LANGUAGES, _, _l
from .base import Declaration, Resource, association, column
from .fields import Field, Kind
from .role import Role
from .types import BigKey, KeyText

user_role = Table(
    "user_role",
    Base.metadata,
    Column("user_id", BigKey, ForeignKey("user.id"), primary_key=True),
    Column("role_id", BigKey, ForeignKey("role.id"), primary_key=True, index=True),
)


def new_session_key() -> str:
    """Return a fresh secret that marks the sessions of one password."""
    return secrets.token_urlsafe(16)


class User(Resource, Base):
    """A person with an e-mail address, a password and roles.

    `session_key` stands in each session of theirs; changing it ends them all.
    """

    __tablename__ = "user"
    resource = Declaration(
        name="user",
        label=_l("User"),
        plural=_l("Users"),
        group="people",
        icon="users",
        title="email",
        key="email",
        search=("email", "name"),
        default_sort="email",
        verbs=(),
        referable=True,
    )

    email: Mapped[str] = column(
        KeyText,
        Field(label=_l("E-mail address"), kind=Kind.CODE, required=True, unique=True, sorted=True, max_length=254),
        unique=True,
    )
    name: Mapped[str | None] = column(String(120), Field(label=_l("Name"), kind=Kind.TEXT, max_length=120))
    active: Mapped[bool] = column(
        Boolean,
        Field(
            label=_l("Active"),
            kind=Kind.BOOLEAN,
            filtered=True,
            help=_l("An inactive user cannot sign in; open sessions end."),
            states=(_l("Active"), _l("Not active")),
        ),
        default=True,
        server_default="1",
        nullable=False,
    )
    roles: Mapped[list[Role]] = association(
        Field(label=_l("Roles"), kind=Kind.REFERENCES, target="role", filtered=True),
        secondary=user_role,
        lazy="selectin",
        order_by=Role.id,
    )
    locale: Mapped[str | None] = column(
        String(10),
        Field(
            label=_l("Language"),
            kind=Kind.CHOICE,
            choices=tuple(LANGUAGES.items()),
            listed=False,
        ),
    )
    zone: Mapped[str | None] = column(
        String(64), Field(label=_l("Time zone"), kind=Kind.CODE, listed=False, help=_l("Such as Europe/Paris."))
    )
    password_hash: Mapped[str | None] = column(
        String(200), Field(label=_l("Password"), kind=Kind.CODE, secret=True, listed=False)
    )
    session_key: Mapped[str] = mapped_column(String(40), default=new_session_key)

    def settle(self, session: Session) -> None:
        if self._is_shut_out():
            # Sessions that end must not come back to life when the person does.
            self.session_key = new_session_key()
        self.email = self.email.casefold()
        try:
            validate_email(self.email, check_deliverability=False)
        except EmailNotValidError as error:
            raise Refused(
                _("E-mail address: “%(value)s” is not one. Write it like name@example.org.", value=self.email),
                "email",
            ) from error
        if self.zone and self.zone not in available_timezones():
            raise Refused(
                _("Time zone: “%(value)s” is not known. Choose one such as Europe/Paris.", value=self.zone), "zone"
            )

    def _is_shut_out(self) -> bool:
        changed = inspect(self).attrs
        left = self.active is False and changed.active.history.has_changes()
        return left or (self.trashed_at is not None and changed.trashed_at.history.has_changes())

    def __str__(self) -> str:
        return self.name or self.email
