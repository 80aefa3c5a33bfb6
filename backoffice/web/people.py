"""Who asks, and the language, zone and house that answer them; worked out once per request."""

from __future__ import annotations

from babel import negotiate_locale
from flask import Request, g, has_request_context, request
from flask_login import current_user

from ..extensions import db
from ..i18n import LANGUAGES
from ..models.house import HOUSE_ID, House
from ..models.user import User
from ..policy import ANONYMOUS, Actor, actor_of


def current_actor() -> Actor:
    """Return the person of this request as actor; nobody outside of a request or when not signed in."""
    if not has_request_context():
        return ANONYMOUS
    if "actor" not in g:
        g.actor = actor_of(current_user) if is_signed_in() else ANONYMOUS
    actor: Actor = g.actor
    return actor


def is_signed_in() -> bool:
    """Return whether this request comes from someone who is signed in."""
    return bool(has_request_context() and current_user and current_user.is_authenticated)


def house() -> House | None:
    """Return the settings of the house; None before the first migration filled them in."""
    if "house" not in g:
        g.house = db.session.get(House, HOUSE_ID)
    found: House | None = g.house
    return found


def locale_choice() -> str | None:
    """Return the language of this request: the person's own, the chosen one, or what the browser asks for."""
    if not has_request_context():
        return None
    if is_signed_in() and (own := _person().locale) in LANGUAGES:
        return own
    chosen = request.cookies.get("language", "")
    return chosen if chosen in LANGUAGES else _of_browser(request)


def zone_choice() -> str | None:
    """Return the time zone of this request: the person's own, or that of the house."""
    if not has_request_context():
        return None
    if is_signed_in() and (own := _person().zone):
        return own
    found = house()
    return found.zone if found else None


def _person() -> User:
    person: User = current_user._get_current_object()
    return person


def _of_browser(asked: Request) -> str | None:
    wanted = [code.replace("-", "_") for code in asked.accept_languages.values()]
    return negotiate_locale(wanted, list(LANGUAGES))
