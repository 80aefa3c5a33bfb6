"""Browsers and people for the tests of accounts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.throttle import SignInThrottle
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import accounts
from backoffice.policy import Actor
from backoffice.writes import Unit

PASSWORD = "seventeen blue teapots"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser(FlaskClient):
    """A browser: each request in a context of its own, as on a server, and forms posted with the page's token."""

    token: str | None = None

    def open(self, *args: Any, **options: Any) -> TestResponse:
        with self.application.app_context():
            response = super().open(*args, **options)
        if found := TOKEN.search(response.text) if response.mimetype == "text/html" else None:
            self.token = found[1]
        return response

    def submit(self, address: str, values: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Post a form with the token of the page seen last."""
        if self.token is None:
            self.get("/login")
        return self.post(address, data={"csrf_token": self.token} | (values or {}), **options)

    def sign_in(self, email: str, password: str = PASSWORD, **values: Any) -> TestResponse:
        """Open the sign-in page and send it."""
        self.get("/login")
        return self.submit("/login", {"email": email, "password": password} | values)

    def is_signed_in(self) -> bool:
        """Return whether the profile opens."""
        return self.get("/profile").status_code == 200

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie."""
        found = self.get_cookie(name)
        return found.value if found else None


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Return a maker of browsers, each with its own cookies."""
    app.test_client_class = Browser
    return app.test_client  # type: ignore[return-value]


@pytest.fixture
def person(app: Flask, house: Actor) -> Callable[..., int]:
    """Return a maker of people; it returns their keys."""

    def make(email: str, *roles: str, password: str | None = PASSWORD) -> int:
        def work(unit: Unit) -> int:
            return accounts.create_user(unit, email, accounts.roles_of_keys(unit, roles), password=password).id

        return writes.run(house, "Create a person", work)[0]

    return make


def record(key: int) -> User:
    """Return a person as stored now."""
    db.session.rollback()
    return db.session.get_one(User, key)


def hold() -> None:
    """Count what failed as of the next second, so that a slow machine does not wait it out: 1 second becomes 2."""
    with writes.bookkeeping() as session:
        session.execute(update(SignInThrottle).values(last_at=utcnow() + timedelta(seconds=1)))
