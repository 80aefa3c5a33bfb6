"""Production as others reach it: headers, cookies, and what is told of a fault: to the visitor and in the log."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from werkzeug.test import TestResponse

import config
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.user import User
from backoffice.web.headers import HEADERS
from tests.conftest import speak_english

from .conftest import PASSWORD, Browser

ROOT = Path(__file__).resolve().parents[2]
HOST = "shop.example.org"
KEY = "aB3-dE6_gH9jK2mN5pQ8sT1vW4yZ7bC0fR"
NEW = "nineteen green kettles"

People = Callable[..., int]

#: What a database may refuse that no person can cause, and of which it then quotes the whole row.
BROKEN = {
    "postgresql": ("""ALTER TABLE "user" ADD CONSTRAINT broken CHECK (password_hash IS NULL) NOT VALID""",),
    "sqlite": tuple(
        f"CREATE TRIGGER broken_{verb} BEFORE {verb} ON \"user\" BEGIN SELECT RAISE(ABORT, 'broken'); END"
        for verb in ("INSERT", "UPDATE")
    ),
}


class Visitor(Browser):
    """A browser that comes over https to the host of the house."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        options.setdefault("base_url", f"https://{HOST}")
        options.setdefault("buffered", True)
        options["headers"] = {"Referer": f"https://{HOST}/"} | options.get("headers", {})
        return super().open(*args, **options)


def production(url: str, folder: Path, **more: str) -> config.Settings:
    """Return settings of an installation that others reach."""
    given = {"SECRET_KEY": KEY, "BASE_URL": f"https://{HOST}", "TRUSTED_HOSTS": HOST, "DATABASE_URL": url}
    return config.current({"APP_ENV": "production", "INSTANCE_PATH": str(folder)} | given | more)


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Return an application in production over `database_url`, its context pushed."""
    app = create_app(production(database_url, tmp_path))
    speak_english(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def administrator(app: Flask, person: People) -> Visitor:
    """Return the browser of an administrator who signed in with a password."""
    person("boss@example.org", "administrator")
    visitor = Visitor(app, app.response_class)
    assert visitor.sign_in("boss@example.org", remember="y").status_code == 303
    assert visitor.is_signed_in()
    return visitor


def test_every_answer_keeps_to_https_and_to_our_own_scripts(administrator: Visitor) -> None:
    answers = {
        "page": administrator.get("/admin/"),
        "list": administrator.get("/admin/product/"),
        "nobody's": administrator.get("/admin/nothing/"),
        "file": administrator.get("/static/css/frame.css"),
        "refused": administrator.post("/admin/product/delete/", data={}),
        "other host": administrator.get("/login", base_url="https://evil.example"),
        "stranger": Visitor(administrator.application, administrator.response_wrapper).get("/admin/"),
    }
    assert [answer.status_code for answer in answers.values()] == [200, 200, 404, 200, 400, 400, 302]
    for name, answer in answers.items():
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains", name
        assert HEADERS.items() <= dict(answer.headers).items(), name
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")


def test_cookies_travel_over_https_only_and_no_script_reads_them(app: Flask, person: People) -> None:
    person("viewer@example.org")
    visitor = Visitor(app, app.response_class)
    set_cookies = visitor.sign_in("viewer@example.org", remember="y").headers.getlist("Set-Cookie")
    named = {line.partition("=")[0]: set(line.split("; ")[1:]) for line in set_cookies}
    assert named.keys() >= {"session", "remember_token"}
    for name, said in named.items():
        assert said >= {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}, name
        assert not any(part.startswith("Domain=") for part in said), name
    assert visitor.is_signed_in()


def forms(key: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the forms that carry a password: their addresses and what is typed."""
    typed = {"password": NEW, "password_confirm": NEW}
    return {
        "own password": ("/profile/password", {"current": PASSWORD, "password": NEW, "confirmation": NEW}),
        "new person": ("/admin/user/new/", {"email": "new@example.org", "name": "Private Name"} | typed),
        "password of another": (f"/admin/user/edit/?id={key}", {"version": "1", "name": "Private Name"} | typed),
    }


def test_a_fault_of_the_database_tells_no_secret(
    app: Flask, administrator: Visitor, person: People, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = person("viewer@example.org")
    session = administrator.get_cookie("session", HOST)
    hashes = db.session.scalars(select(User.password_hash).where(User.password_hash.is_not(None))).all()
    db.session.rollback()
    assert session and len(hashes) == 2
    engine = create_engine(app.extensions["settings"].database_url)
    with engine.begin() as connection:
        for statement in BROKEN[engine.dialect.name]:
            connection.execute(text(statement))
    engine.dispose()
    caplog.set_level(logging.DEBUG)
    for name, (address, data) in forms(key).items():
        caplog.clear()
        answer = administrator.submit(address, data)
        assert answer.status_code == 500, name
        assert "broken" in caplog.text and "Traceback" in caplog.text, name
        told = caplog.text + answer.text
        for secret in (PASSWORD, NEW, "argon2id", KEY, session.value, *hashes, "Private Name"):
            assert secret not in told, (name, secret)
        assert "SELECT" not in answer.text and "password_hash" not in answer.text, name


def test_a_value_that_the_database_cannot_read_is_not_told(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite reads everything")
    with pytest.raises(Exception, match="InvalidTextRepresentation") as caught:
        db.session.execute(text("SELECT CAST(:value AS integer)"), {"value": "very private"})
    chain = [caught.value, caught.value.__cause__]
    assert not any("very private" in str(error) or "very private" in repr(error) for error in chain)


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SAYS = """
import logging
from run import app
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(app.logger, level)(f"said {level}")
    getattr(logging.getLogger("sqlalchemy.engine"), level)(f"library {level}")
"""


@pytest.mark.parametrize("chosen", LEVELS)
def test_the_log_holds_what_its_level_says(tmp_path: Path, chosen: str) -> None:
    environ = {"APP_ENV": "development", "INSTANCE_PATH": str(tmp_path), "LOG_LEVEL": chosen}
    run = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    for level in LEVELS:
        important = LEVELS.index(level) >= LEVELS.index(chosen)
        assert (f"said {level.lower()}" in run.stderr) == important
        heard = important and LEVELS.index(level) >= LEVELS.index("WARNING")
        assert (f"library {level.lower()}" in run.stderr) == heard
