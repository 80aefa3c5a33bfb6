"""People of each role, a small catalogue, and clients that are signed in."""

from __future__ import annotations

import contextvars
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from markupsafe import Markup
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice import writes
from backoffice.extensions import Base, db
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.personal import Figure
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.user import User
from backoffice.policy import Actor
from backoffice.web.people import SignedIn

#: Roles that the house comes with.
SHIPPED = ("administrator", "catalogue-manager", "editor", "viewer")

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
INPUT = re.compile(r"<(?:input|textarea|select)\b[^>]*>")


@dataclass
class World:
    """Keys of what the tests work with."""

    users: dict[str, int] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    phones: int = 0
    cases: int = 0
    cups: int = 0
    brand: int = 0
    tag: int = 0
    case: int = 0
    mug: int = 0
    trashed: int = 0


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Return where compiled templates are kept: some tests have an application of their own."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def world(app: Flask, house: Actor, compiled: FileSystemBytecodeCache) -> World:
    """Return a small catalogue with one person of each shipped role and one whose role ends at a subtree."""
    app.jinja_env.bytecode_cache = compiled
    made = World()
    with writes.unit(house, "World", source="system") as unit:
        session = unit.session
        phones, cups = Category(name="Phones"), Category(name="Cups")
        session.add_all([phones, cups])
        session.flush()
        cases = Category(name="Cases", parent_id=phones.id)
        brand, tag = Brand(name="Clay & Co"), Tag(name="blue")
        session.add_all([cases, brand, tag])
        session.flush()
        case = Product(sku="C-1", name="Case one", price=Decimal(5), category_id=cases.id)
        mug = Product(
            sku="M-1", name="Blue mug", price=Decimal("12.90"), cost=Decimal(4), category_id=cups.id, brand_id=brand.id,
            tags=[tag], attributes={"colour": "blue"}, description="<p>For tea</p>",
        )  # fmt: skip
        gone = Product(sku="G-1", name="Gone", category_id=cups.id)
        session.add_all([case, mug, gone])
        scoped = Role(
            key="phones-only",
            name="Phones only",
            grants=[f"product:{verb}" for verb in ("create", "read", "update", "delete", "publish", "export")]
            + ["category:read", "history:read", "brand:read"],
            categories=[phones],
            hidden_fields=["product.cost"],
        )
        session.add(scoped)
        roles = {role.key: role for role in session.scalars(select(Role))} | {"phones-only": scoped}
        for key in (*SHIPPED, "phones-only"):
            session.add(User(email=f"{key}@example.org", roles=[roles[key]], password_hash="unused"))
        session.flush()
        for user in session.scalars(select(User)):
            made.users[user.email.partition("@")[0]] = user.id
        made.roles = {key: role.id for key, role in roles.items()}
        made.phones, made.cases, made.cups, made.brand, made.tag = phones.id, cases.id, cups.id, brand.id, tag.id
        made.case, made.mug, made.trashed = case.id, mug.id, gone.id
    with writes.unit(house, "Delete", source="system") as unit:
        records_gone = unit.get(Product, made.trashed)
        records_gone.trashed_at = records_gone.updated_at
    db.session.rollback()
    return made


@pytest.fixture
def sign_in(app: Flask, world: World) -> Callable[..., Browser]:
    """Return what opens a browser for a person of `world`, nobody's without a name."""

    def opened(who: str | None = "administrator") -> Browser:
        client = app.test_client()
        if who is not None:
            key = db.session.get_one(User, world.users[who]).session_key
            with client.session_transaction() as session:
                session["_user_id"] = SignedIn(world.users[who], key, int(time.time())).get_id()
                session["_fresh"] = True
            db.session.rollback()
        return Browser(client)

    return opened


@pytest.fixture
def admin(sign_in: Callable[..., Browser]) -> Browser:
    """Return the browser of an administrator."""
    return sign_in("administrator")


@pytest.fixture
def newcomer(world: World, house: Actor, sign_in: Callable[..., Browser]) -> Callable[..., Browser]:
    """Return what opens a browser for somebody new who holds a role: `grants`, ending at the categories `scope`.

    `besides` is what another role of theirs gives, without limits.
    """

    def opened(grants: Iterable[str], scope: Iterable[int] = (), besides: Iterable[str] = (), **limits: Any) -> Browser:
        with writes.unit(house, "Somebody", source="system") as unit:
            role = unit.add(Role(key="somebody", name="Somebody", grants=list(grants), **limits))
            role.categories = [unit.get(Category, key) for key in scope]
            others = [unit.add(Role(key="besides", name="Besides", grants=list(besides)))] if besides else []
            user = unit.add(User(email="somebody@example.org", roles=[role, *others], password_hash="unused"))
        db.session.rollback()
        world.users["somebody"] = user.id
        return sign_in("somebody")

    return opened


class Browser:
    """A client that sends forms as a browser does: with all they hold, the token included."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token: str | None = None

    def get(self, address: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self._alone(self.client.get, address, **options)

    @property
    def token(self) -> str:
        """Return a token of this session."""
        if self._token is None:
            found = TOKEN.search(self.get("/admin/").text)
            assert found, "the page holds no token"
            self._token = found[1]
        return self._token

    def post(self, address: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send `data` with a token."""
        return self._alone(self.client.post, address, data={"csrf_token": self.token} | (data or {}), **options)

    def raw_post(self, address: str, data: dict[str, Any], **options: Any) -> TestResponse:
        """Send `data` just as it is."""
        return self._alone(self.client.post, address, data=data, **options)

    @staticmethod
    def _alone(send: Callable[..., TestResponse], *args: Any, **options: Any) -> TestResponse:
        """Run a request without the application context of the tests: what it keeps for itself must not outlive it."""
        return contextvars.Context().run(send, *args, **options)

    def form(self, address: str) -> dict[str, Any]:
        """Return what the form at `address` would send untouched."""
        response = self.get(address)
        assert response.status_code == 200, response.text[:500]
        return form_of(response.text)

    def submit(self, address: str, **changes: Any) -> TestResponse:
        """Open the form at `address`, change some of its fields and send it."""
        return self.post(address, self.form(address) | changes)


def form_of(page: str) -> dict[str, Any]:
    """Return the fields of the record form of `page` as they would be sent."""
    start = page.index('class="record-form"')
    part = re.sub(
        r"<template\b.*?</template>", "", page[start : page.index('class="save-bar"', start)], flags=re.DOTALL
    )
    sent: dict[str, Any] = {}
    for match in re.finditer(r"<textarea\b([^>]*)>(?:\r?\n)?(.*?)</textarea>", part, re.DOTALL):
        sent[_attribute(match[1], "name")] = Markup(match[2]).unescape()
    for match in re.finditer(r"<select\b([^>]*)>(.*?)</select>", part, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', match[2])
        first = re.search(r'<option value="([^"]*)"', match[2])
        found = chosen or first
        sent[_attribute(match[1], "name")] = Markup(found[1]).unescape() if found else ""
    for match in re.finditer(r"<input\b([^>]*)>", part):
        name, kind = _attribute(match[1], "name"), _attribute(match[1], "type")
        if not name or " disabled" in match[1]:
            continue
        value = _attribute(match[1], "value")
        if kind in ("checkbox", "radio"):
            if " checked" in match[1]:
                sent[name] = [*sent.get(name, []), value] if kind == "checkbox" else value
        else:
            sent[name] = value
    return sent


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return Markup(found[1]).unescape() if found else ""


def digest() -> dict[str, list[Any]]:
    """Return every row of every table, to prove that nothing changed; a figure is kept by whoever looks at it."""
    db.session.rollback()
    tables = [table for table in Base.metadata.sorted_tables if table is not Figure.__table__]
    return {table.name: sorted(map(repr, db.session.execute(select(table)).all())) for table in tables}


def product(key: int) -> Product:
    """Return a product as it is stored now."""
    db.session.rollback()
    return db.session.get_one(Product, key)
