"""Checking who somebody is: the same answer in the same time, whatever was wrong."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from .. import policy, writes
from ..errors import Refused
from ..i18n import _, _n, phrase
from ..models.user import User
from ..writes import Unit
from . import passwords, throttle
from .accounts import address_of

_MINUTE = 60


class TooManyTries(Exception):
    """The next try has to wait `seconds`; the password was not looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        if self.seconds < _MINUTE * 2:
            return _n(
                "Too many tries. Wait %(num)s second and try again.",
                "Too many tries. Wait %(num)s seconds and try again.",
                self.seconds,
            )
        return _n(
            "Too many tries. Wait %(num)s minute and try again.",
            "Too many tries. Wait %(num)s minutes and try again.",
            -(-self.seconds // _MINUTE),
        )


def authenticate(session: Session, email: str, password: str, address: str | None, browser: str | None = None) -> User:
    """Return the person who signs in as `email` with `password` from the network address `address`.

    `browser` is the mark of one that signed in as this person before: its tries are counted apart from strangers'.
    Raises TooManyTries; Refused, in the same words, for an unknown address, a wrong password and a person who is not
    active.
    """
    account = address_of(email)
    attempt = throttle.try_of(account or email, address, f"browser {browser}" if browser else "")
    if wait := throttle.started(attempt):
        raise TooManyTries(wait)
    user = session.scalars(select(User).where(User.email == account)).one_or_none() if account else None
    right = passwords.matches(user.password_hash if user else None, password)
    if not right or user is None or not user.active or user.trashed_at:
        throttle.failed(attempt)
        raise Refused(_("The address or the password is wrong. Check both and try again."))
    throttle.succeeded(attempt)
    _renew(user, password)
    return user


def check_own(user: User, password: str, address: str | None) -> None:
    """Raise unless `password` is the one of `user`, who is signed in; guessing gets slower here too.

    Raises TooManyTries and Refused.
    """
    attempt = throttle.try_of(user.email, address, "own")
    if wait := throttle.started(attempt):
        raise TooManyTries(wait)
    if not passwords.matches(user.password_hash, password):
        throttle.failed(attempt)
        raise Refused(_("Current password: this is not it. Type the one that you signed in with."), "current")
    throttle.succeeded(attempt)


def _renew(user: User, password: str) -> None:
    """Keep the password by today's parameters when it was kept by others."""
    if not passwords.is_outdated(str(user.password_hash)):
        return
    stale = user.password_hash

    def work(unit: Unit) -> None:
        found = unit.get(User, user.id)
        if found.password_hash == stale:
            found.password_hash = passwords.rehash(password)

    writes.run(
        policy.system(phrase("sign-in").text), phrase("Keep a password by newer parameters"), work, source="system"
    )
