"""Begin and end a session."""

from __future__ import annotations

import time

from flask import current_app, g, request, session
from flask_babel import refresh
from flask_login import login_user, logout_user

from ..models.user import User
from ..web.people import SignedIn, current_actor, current_user_record, is_signed_in

__all__ = ["current_actor", "current_user_record", "is_remembered", "is_signed_in", "sign_in", "sign_out"]


def sign_in(user: User, remember: bool) -> None:
    """Start a new session for `user`; nothing of the one before is taken over, a planted one least of all."""
    session.clear()
    _forget()
    session.permanent = True
    g.user_record = user
    login_user(SignedIn(user.id, user.session_key, int(time.time())), remember=remember)
    if not remember and is_remembered():
        # It may be another person's, who would be back when this session ends.
        session["_remember"] = "clear"
    refresh()


def sign_out() -> None:
    """End the session and “remember me”."""
    session.clear()
    logout_user()
    _forget()
    refresh()


def is_remembered() -> bool:
    """Return whether this browser carries a “remember me” cookie."""
    return current_app.config.get("REMEMBER_COOKIE_NAME", "remember_token") in request.cookies


def _forget() -> None:
    g.pop("actor", None)
    g.pop("user_record", None)
