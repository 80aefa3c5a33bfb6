"""Signing in and out, and what people change about themselves."""

from __future__ import annotations

from flask import Flask

from ..extensions import login_manager
from ..web import people
from ..web.errors import ask_to_sign_in
from . import choices, views


def register(app: Flask) -> None:
    """Bind sessions and the pages of accounts."""
    people.register(app)
    login_manager.unauthorized_handler(ask_to_sign_in)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(choices.blueprint)
