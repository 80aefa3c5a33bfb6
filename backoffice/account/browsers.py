"""Browsers that signed in before: their tries are counted apart, so that a stranger who keeps guessing at an account
does not keep its owner out ("device cookies", OWASP)."""

from __future__ import annotations

import secrets

from flask import Response, current_app, request
from itsdangerous import BadSignature, Signer

from ..operations.throttle import account_key

COOKIE = "known"

#: For how long a browser is known: a year.
SECONDS = 31_536_000


def mark_for(email: str) -> str | None:
    """Return the mark of this browser, when it signed in as `email` before."""
    try:
        text = _signer().unsign(request.cookies.get(COOKIE, "")[:400]).decode("ascii")
    except (BadSignature, UnicodeError):
        return None
    key, _dot, mark = text.partition(".")
    return mark if secrets.compare_digest(key, account_key(email)) else None


def keep(response: Response, email: str) -> None:
    """Let this browser be known as one that signed in as `email`."""
    mark = mark_for(email) or secrets.token_urlsafe(12)
    value = _signer().sign(f"{account_key(email)}.{mark}").decode("ascii")
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(COOKIE, value, max_age=SECONDS, httponly=True, samesite="Lax", secure=secure)


def _signer() -> Signer:
    return Signer(str(current_app.secret_key), salt="known browser")
