"""Who asks, and the language, zone and house that answer them; worked out once per request."""

from __future__ import annotations

import hmac
import time
from datetime import timedelta
from typing import Any

import pytz
from babel import negotiate_locale
from flask import Flask, Request, current_app, g, has_request_context, request, session
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from ..extensions import db, login_manager
from ..i18n import LANGUAGES
from ..models.house import HOUSE_ID, House
from ..models.role import Role
from ..models.user import User
from ..operations.personal import preferences
from ..policy import ANONYMOUS, Actor, actor_of

#: What the frame of every page asks of a person's preferences: the navigation narrow, single-letter keys.
FRAME = ("navigation", "keys")


class SignedIn:
    """What a session and the “remember me” cookie hold of a person.

    `session_key` ends it when the password changes, `since` (seconds) when it grows older than “remember me” lasts: a
    cookie that was copied does not live for ever.
    """

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, user_id: int, session_key: str, since: int) -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.since = since

    def get_id(self) -> str:
        """Return what the cookies carry."""
        return f"{self.user_id}:{self.session_key}:{self.since}"

    @classmethod
    def read(cls, text: str) -> SignedIn | None:
        """Return what `get_id` wrote, None for anything else."""
        user_id, _colon, rest = text.partition(":")
        key, _colon, since = rest.partition(":")
        if not all(number.isascii() and number.isdigit() and len(number) <= 18 for number in (user_id, since)):
            return None
        return cls(int(user_id), key, int(since))


def register(app: Flask) -> None:
    """Bind Flask-Login; in templates `current_user` is the person's record, None when nobody is signed in."""
    login_manager.init_app(app, add_context_processor=False)
    # Its marks of address and browser change on every train journey; what matters asks for the password again.
    login_manager.session_protection = None
    login_manager.user_loader(_load)
    app.context_processor(lambda: {"current_user": _person_if_reachable()})


def current_user_record() -> User | None:
    """Return the signed-in person with roles and their categories, None when nobody is."""
    if not has_request_context() or not current_user.is_authenticated:
        return None
    record: User | None = g.get("user_record")
    return record


def current_actor() -> Actor:
    """Return the person of this request as actor; nobody outside of a request or when not signed in."""
    if not has_request_context():
        return ANONYMOUS
    if "actor" not in g:
        person = current_user_record()
        g.actor = actor_of(person) if person else ANONYMOUS
    actor: Actor = g.actor
    return actor


def is_signed_in() -> bool:
    """Return whether this request comes from someone who is signed in."""
    return current_user_record() is not None


def house() -> House | None:
    """Return the settings of the house; None before the first migration filled them in."""
    if "house" not in g:
        g.house = db.session.get(House, HOUSE_ID)
    found: House | None = g.house
    return found


def preference(name: str, default: Any = None) -> Any:
    """Return how the person of this request likes one of FRAME; all of them are asked for at once."""
    person = current_user_record()
    if person is None:
        return default
    if "preferences" not in g:
        g.preferences = preferences(db.session(), person.id, FRAME)
    return g.preferences.get(name, default)


def locale_choice() -> str | None:
    """Return the language of this request: the person's own, the chosen one, or what the browser asks for."""
    if not has_request_context():
        return None
    person = _person_if_reachable()
    if person and person.locale in LANGUAGES:
        return person.locale
    chosen = request.cookies.get("language", "")
    return chosen if chosen in LANGUAGES else _of_browser(request)


def zone_choice() -> str | None:
    """Return the time zone of this request: the person's own, or that of the house."""
    if not has_request_context():
        return None
    person = _person_if_reachable()
    zone = person.zone if person else None
    if zone is None:
        found = house()
        zone = found.zone if found else None
    # What this machine's zone files know besides, such as `localtime`, Flask-Babel does not.
    return zone if zone in pytz.all_timezones_set else None


def _load(text: str) -> SignedIn | None:
    """Return the person whom a cookie names, if it still holds."""
    given = SignedIn.read(text)
    if given is None or not _is_recent(given.since):
        return None
    statement = (
        select(User)
        .where(User.id == given.user_id, User.active, User.trashed_at.is_(None))
        .options(joinedload(User.roles).joinedload(Role.categories))
        .execution_options(populate_existing=True)
    )
    user = db.session.scalars(statement).unique().one_or_none()
    if user is None or not hmac.compare_digest(user.session_key.encode(), given.session_key.encode()):
        return None
    g.user_record = user
    if not session.permanent:
        session.permanent = True
    return given


def _is_recent(since: int) -> bool:
    longest: timedelta = current_app.config["REMEMBER_COOKIE_DURATION"]
    return time.time() - since <= longest.total_seconds()


def _person_if_reachable() -> User | None:
    try:
        return current_user_record()
    except SQLAlchemyError:
        # The page that tells of a broken database must still be written in some language.
        return None


def _of_browser(asked: Request) -> str | None:
    wanted = [code.replace("-", "_") for code in asked.accept_languages.values()]
    return negotiate_locale(wanted, list(LANGUAGES))
