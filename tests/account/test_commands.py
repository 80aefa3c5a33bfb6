"""The commands for people and roles: what they print, and how they end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.history import ChangeSet
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts, passwords, records, throttle
from backoffice.policy import Actor
from tests.account.conftest import PASSWORD, Browser
from tests.conftest import settings_for

ONCE = re.compile(r"password.*: ([a-z0-9-]{23})$", re.MULTILINE)


def run(app: Flask, *args: str, typed: str | None = None) -> Result:
    """Run a command as on a terminal."""
    result = app.test_cli_runner().invoke(args=list(args), input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def stored(email: str) -> User:
    """Return a person as stored now."""
    db.session.rollback()
    return db.session.scalars(select(User).where(User.email == email)).one()


def users() -> int:
    return db.session.scalar(select(func.count()).select_from(User)) or 0


def test_users_create_prints_a_password_once(app: Flask) -> None:
    result = run(app, "users", "create", "Editor@Example.org", "--role", "editor", "--role", "viewer", "--name", "Desk")
    assert result.exit_code == 0
    (password,) = ONCE.findall(result.output)
    made = stored("editor@example.org")
    assert made.name == "Desk"
    assert {role.key for role in made.roles} == {"editor", "viewer"}
    assert passwords.matches(made.password_hash, password)
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert (last.source, last.actor_label) == ("command", "command line")
    assert password not in last.title


def test_users_create_reads_a_password(app: Flask) -> None:
    for number, line_end in enumerate(["", "\n", "\r\n", "\nmore lines\n"]):
        email = f"editor{number}@example.org"
        args = ("users", "create", email, "--role", "editor", "--password-stdin")
        result = run(app, *args, typed=PASSWORD + line_end)
        assert result.exit_code == 0
        assert "password" not in result.output.lower()
        assert passwords.matches(stored(email).password_hash, PASSWORD)


REFUSED = {
    "no such role": (("create", "a@example.org", "--role", "boss"), "boss", "administrator, catalogue-manager"),
    "no role": (("create", "a@example.org"), "--role", ""),
    "role in other case": (("create", "a@example.org", "--role", "Editor"), "Editor", "editor"),
    "no address": (("create", "example", "--role", "editor"), "example", "name@example.org"),
    "taken": (("create", "TAKEN@example.org", "--role", "editor"), "taken@example.org", "belongs to"),
    "in the trash": (("create", "gone@example.org", "--role", "editor"), "trash", "Restore"),
    "short": (("create", "a@example.org", "--role", "editor", "--password-stdin"), "too few", ""),
    "nobody": (("reset", "nobody@example.org"), "nobody@example.org", "spelling"),
    "reset short": (("reset", "taken@example.org", "--password-stdin"), "too few", ""),
    "reset nothing": (("reset", "x\x00y"), "Nobody", ""),
    "first at no address": (("ensure-first", "--email", "nowhere"), "nowhere", "name@example.org"),
}


def test_what_cannot_be_done_is_one_clear_line(app: Flask, house: Actor, subtests: pytest.Subtests) -> None:
    def work(unit: writes.Unit) -> None:
        accounts.create_user(unit, "taken@example.org", [], password=PASSWORD)
        records.trash(unit, accounts.create_user(unit, "gone@example.org", []))

    writes.run(house, "People", work)
    before = (users(), stored("taken@example.org").password_hash)
    for case, (args, *words) in REFUSED.items():
        with subtests.test(case):
            result = run(app, "users", *args, typed="short\n")
            assert result.exit_code == (2 if case == "no role" else 1)
            assert all(word in result.output for word in words), result.output
            assert "Traceback" not in result.output
            assert not ONCE.search(result.output)
            assert (users(), stored("taken@example.org").password_hash) == before


def test_users_reset_ends_sessions_and_waits(app: Flask, house: Actor) -> None:
    run(app, "users", "create", "viewer@example.org", "--role", "viewer", "--password-stdin", typed=PASSWORD)
    app.test_client_class = Browser
    client = app.test_client()
    client.sign_in("viewer@example.org")
    key = stored("viewer@example.org").session_key
    for _time in range(5):
        throttle.started(throttle.try_of("viewer@example.org", None))
    result = run(app, "users", "reset", "viewer@example.org")
    (password,) = ONCE.findall(result.output)
    assert stored("viewer@example.org").session_key != key
    assert client.get("/profile").status_code == 302
    assert client.sign_in("viewer@example.org", password).status_code == 303


def test_users_reset_tells_that_somebody_is_not_active(app: Flask, house: Actor) -> None:
    def work(unit: writes.Unit) -> None:
        accounts.deactivate(unit, accounts.create_user(unit, "left@example.org", []))

    writes.run(house, "People", work)
    assert "cannot sign in" in run(app, "users", "reset", "left@example.org").output


def test_users_ensure_first_speaks_once(app: Flask) -> None:
    result = run(app, "users", "ensure-first")
    assert result.exit_code == 0
    assert accounts.FIRST_ADDRESS in result.output
    (password,) = ONCE.findall(result.output)
    app.test_client_class = Browser
    assert app.test_client().sign_in(accounts.FIRST_ADDRESS, password).status_code == 303
    for args in ((), ("--email", "other@example.org")):
        again = run(app, "users", "ensure-first", *args)
        assert (again.exit_code, again.output) == (0, "")
    assert users() == 1


def test_roles_list_prints_keys_first(app: Flask, house: Actor) -> None:
    def work(unit: writes.Unit) -> None:
        gone = records.create(unit, Role, {"key": "gone", "name": "Gone"})
        records.trash(unit, gone)

    writes.run(house, "Role", work)
    lines = run(app, "roles", "list").output.splitlines()
    assert [line.split()[0] for line in lines] == ["administrator", "catalogue-manager", "editor", "viewer"]
    assert "Catalogue manager" in lines[1]
    assert "product:CRUD" in lines[1]
    assert "product:CRU–" in lines[2]
    assert "user:––––" in lines[3]
    assert "house:–RU– " in lines[0] and lines[0].endswith("history:–R––"), "no letter for what cannot be done"


def test_a_database_without_tables_is_named(tmp_path: Path) -> None:
    app = create_app(settings_for("sqlite:///:memory:", tmp_path))
    for args in (("users", "ensure-first"), ("roles", "list"), ("users", "reset", "a@example.org")):
        result = run(app, *args)
        assert result.exit_code == 1
        assert "db upgrade" in result.output
        assert "Traceback" not in result.output
