"""Shared ground of the tests: an application on each database, made by the real migrations, fresh for each test.

PostgreSQL is asked at TEST_POSTGRES_URL (default: the local server). Without one its tests are skipped by name, or
fail where CI or REQUIRE_SERVICES says that it must be there.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import event
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

import config
from backoffice import policy
from backoffice.app import create_app
from backoffice.extensions import db

from .pool import Pool, PostgresDatabase, SqliteFile

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REQUIRED = bool(os.environ.get("CI") or os.environ.get("REQUIRE_SERVICES"))
DATABASES = ("sqlite", "postgresql")


def settings_for(url: str, folder: Path, **more: str) -> config.Settings:
    """Return testing settings over the database `url`."""
    return config.current({"APP_ENV": "testing", "DATABASE_URL": url, "INSTANCE_PATH": str(folder)} | more)


def migrated(url: str, folder: Path) -> None:
    """Bring the database `url` to the newest migration."""
    app = create_app(settings_for(url, folder))
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy from."""
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.db"
    migrated(f"sqlite:///{path}", folder)
    return path


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name of a migrated PostgreSQL database to clone from."""
    name = f"test_{uuid.uuid4().hex[:12]}_template"
    try:
        server = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        if REQUIRED:
            pytest.fail(f"PostgreSQL is required here and does not answer at {POSTGRES_URL}: {error}")
        pytest.skip("PostgreSQL does not answer; set TEST_POSTGRES_URL to run these tests")
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
    migrated(named(name), tmp_path_factory.mktemp("postgres"))
    yield name
    drop(name)


def named(database: str) -> str:
    """Return the address of `database` on the PostgreSQL of the tests."""
    return make_url(POSTGRES_URL).set(drivername="postgresql", database=database).render_as_string(hide_password=False)


def drop(database: str) -> None:
    """Drop `database`, whoever is still connected to it."""
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@contextmanager
def fresh_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give the address of an empty migrated database of one kind, a file of it in `folder`."""
    if kind == "sqlite":
        path = folder / f"{uuid.uuid4().hex[:12]}.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    with cloned(request.getfixturevalue("postgres_template")) as name:
        yield named(name)


@contextmanager
def another_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of a database of one kind without any table."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/{uuid.uuid4().hex[:12]}.db"
        return
    with cloned("template0") as name:
        yield named(name)


@contextmanager
def cloned(template: str) -> Iterator[str]:
    """Give the name of a copy of the PostgreSQL database `template`."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {_strategy(server)}')
    yield name
    drop(name)


def _strategy(server: psycopg.Connection[Any]) -> str:
    """Return how `server` copies a database fastest: by its files where it waits for no disk, else by its log."""
    if server.info.server_version < 150_000:
        return ""
    (waits,) = server.execute("SHOW fsync").fetchone() or ("on",)
    return "STRATEGY wal_log" if waits == "on" else "STRATEGY file_copy"


@contextmanager
def copied(url: str, folder: Path) -> Iterator[str]:
    """Give the address of a copy of a database that nobody is connected to, a file of it in `folder`."""
    database = str(make_url(url).database)
    if url.startswith("sqlite"):
        yield f"sqlite:///{shutil.copy(database, folder / f'{uuid.uuid4().hex[:12]}.db')}"
        return
    with cloned(database) as name:
        yield named(name)


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """Return the databases and applications that tests take in turn."""
    pool = Pool()
    with pool.open:
        yield pool


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of an empty migrated database, of each kind in turn; tests take the same ones in turn."""
    found = pool.databases.get(request.param)
    if found is not None and found.is_intact():
        found.restore()
        return found.url
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        found = SqliteFile(template, tmp_path_factory.mktemp("pool") / "pool.db")
        found.restore()
    else:
        name = pool.open.enter_context(cloned(request.getfixturevalue("postgres_template")))
        found = PostgresDatabase(named(name))
    pool.databases[request.param] = found
    return found.url


class FreshClient(FlaskClient):
    """A browser whose every request has an application context of its own, as a server gives it.

    The context that a test pushes would be taken over by its requests, with what one person left on `g` for the next.
    """

    def open(self, *args: Any, **options: Any) -> TestResponse:
        options.setdefault("buffered", True)
        with self.application.app_context():
            return super().open(*args, **options)


def speak_english(app: Flask) -> None:
    """Let texts stay as the code has them in every language; numbers and directions follow the language."""
    app.extensions["babel"].translation_directories.clear()


@pytest.fixture
def app(request: pytest.FixtureRequest, pool: Pool, database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Return an application over `database_url`, its context pushed.

    It is that of the test before, as if it were new. Who adds to it asks for one of their own: `own_application`.
    """
    settings = settings_for(database_url, tmp_path)
    own = request.node.get_closest_marker("own_application")
    app = create_app(settings) if own else pool.application(settings)
    speak_english(app)
    app.test_client_class = FreshClient
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@contextmanager
def hearing(target: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Call `function` at each event `name` of `target`, such as an engine, which later tests take too."""
    event.listen(target, name, function)
    try:
        yield
    finally:
        event.remove(target, name, function)


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Return the statements that ran since the list was cleared."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "SET ", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(statement)

    with hearing(db.engine, "before_cursor_execute", note):
        yield seen


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Flask]:
    """Return an application without a database, its context pushed, for what needs none."""
    app = create_app(settings_for("sqlite:///:memory:", tmp_path))
    with app.app_context():
        yield app


@pytest.fixture
def house() -> policy.Actor:
    """Return the actor that may do everything."""
    return policy.system("tests")


def role_rights(*grants: str, name: str = "tested", **limits: object) -> policy.Actor:
    """Return an actor with one role of `grants`, for asking the policy without a database."""
    rights = policy.RoleRights(name, frozenset(grants), **limits)  # type: ignore[arg-type]
    return policy.Actor(1, "tester", (rights,))


@pytest.fixture(scope="module", params=DATABASES)
def shared_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return one application for all tests of a module, for those that only read or that clear up themselves."""
    folder = tmp_path_factory.mktemp("shared")
    with fresh_database(request.param, request, folder) as url:
        app = create_app(settings_for(url, folder))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()
