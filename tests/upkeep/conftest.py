"""A house in which every table and every column holds something, and the means to break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, insert, select, update

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import Resource
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import OutboxMessage
from backoffice.models.personal import Preference, SavedView
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import accounts, records, throttle, undo
from backoffice.policy import Actor, actor_of, system
from backoffice.writes import Unit
from tests.conftest import fresh_database, settings_for

PASSWORD = "seventeen blue teapots"
PERSON = "keeper@example.org"

#: What is deleted for good last: its number must not be given again.
GONE = "GONE-1"


def make(unit: Unit, model: type[Resource], **values: Any) -> Any:
    """Create a record."""
    return records.create(unit, model, values)


def fill(unit: Unit) -> None:
    """Create people, roles and a small catalogue with a value in every field."""
    top = make(unit, Category, name="Küche", name_i18n={"fr": "Cuisine", "ar": "المطبخ"}, position=3)
    cups = make(unit, Category, name="Cups", parent_id=top.id)
    make(unit, Category, name="Empty")
    brand = make(unit, Brand, name="Clay & Co™", website="https://clay.example")
    make(unit, Brand, name="Old")
    tags = [make(unit, Tag, name=name) for name in ("blue", "red", "old")]
    rights = {"description": "Looks after\ncups.", "hidden_fields": ["product.cost"], "locked_fields": ["product.gtin"]}
    role = make(unit, Role, key="cups", name="Cups", grants=["product:update"], categories=[top.id], **rights)
    make(unit, Role, key="old", name="Old")
    administrator = unit.session.scalars(select(Role).where(Role.key == "administrator")).one()
    person = accounts.create_user(unit, PERSON, [administrator, role], "Keeper", PASSWORD)
    person.locale, person.zone = "fr", "Europe/Paris"
    make(unit, User, email="old@example.org")
    attributes = {
        "zebra": "a\\b\"c'd",
        "a": 1,
        "ratio": 0.1,
        "whole": 2.0,
        "zero": -0.0,
        "safe": False,
        "long": "x" * 900,
    }
    make(
        unit, Product, sku="M-1", name="Blue mug 🫖", slug="mug", gtin="4006381333931", status="published",
        description="<p>For <b>tea</b></p>", price=Decimal("12.90"), cost=Decimal("9999999999.99"), currency="USD",
        category_id=cups.id, brand_id=brand.id, responsible_id=person.id, tags=[tags[0].id, tags[1].id],
        image_url="https://img.example/1.webp", attributes=attributes, name_i18n={"fr": "Tasse bleue", "ar": "كوب"},
        description_i18n={"fr": "<p>Thé</p>"}, notes="<p>Ask first</p>",
    )  # fmt: skip
    make(unit, Product, sku="K-1", name="Kyoto cup", price=Decimal(1200), currency="JPY", category_id=cups.id)
    make(unit, Product, sku="OLD-1", name="Old mug", category_id=cups.id)
    make(unit, Product, sku=GONE, name="Gone mug", category_id=cups.id)


def named(unit: Unit, model: type[Resource], name: str) -> Any:
    """Return the record of `model` whose key in files is `name`, locked."""
    key = unit.session.scalars(select(model.id).where(getattr(model, model.resource.key) == name)).one()
    return unit.get(model, key)


def wear(actor: Actor) -> None:
    """Change, undo, trash and delete for good, and leave messages, sent and not, and somebody slowed down."""
    writes.run(actor, "Raise", lambda unit: records.update(unit, named(unit, Product, "M-1"), {"price": Decimal(13)}))
    person = db.session.scalars(select(User).where(User.email == PERSON)).one()
    edit = {"attributes": {"zebra": "b", "a": 1}, "category_id": named_key(Category, "Küche")}
    _result, receipt = writes.run(
        actor_of(person),
        "Edit",
        lambda unit: records.update(unit, named(unit, Product, "M-1"), edit),
        request_id="one-request",
    )
    undo.undo_change_set(actor, receipt.change_set_id or 0)

    def away(unit: Unit) -> None:
        trashed = ((Product, "OLD-1"), (Product, GONE), (Category, "Empty"), (Brand, "Old"), (Tag, "old"))
        for model, name in (*trashed, (Role, "old"), (User, "old@example.org")):
            records.trash(unit, named(unit, model, name))

    writes.run(actor, "Away", away)
    writes.run(actor, "For good", lambda unit: records.purge(unit, named(unit, Product, GONE)))
    with writes.bookkeeping() as session:
        session.execute(insert(Preference).values(user_id=person.id, name="list.product", value={"columns": ["price"]}))
        shared = {"role_id": person.roles[0].id, "resource": "product", "name": "Drafts", "query": {"status": "draft"}}
        session.execute(insert(SavedView).values(user_id=person.id, created_at=utcnow(), **shared))
        first = select(OutboxMessage.id).order_by(OutboxMessage.id).limit(1).scalar_subquery()
        sent = {"sent_at": utcnow(), "attempts": 1, "error": "refused once"}
        session.execute(update(OutboxMessage).where(OutboxMessage.id == first).values(sent))
    throttle.started(throttle.try_of(PERSON, None))


def named_key(model: type[Resource], name: str) -> int:
    """Return the key of the record of `model` called `name`."""
    return db.session.scalars(select(model.id).where(getattr(model, model.resource.key) == name)).one()


@pytest.fixture
def house() -> Actor:
    """Return the actor that may do everything."""
    return system("tests")


@pytest.fixture
def filled(app: Flask, house: Actor) -> Flask:
    """Return an application whose house is in use."""
    writes.run(house, "Fill", fill)
    wear(house)
    db.session.rollback()
    return app


@contextmanager
def another(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Flask]:
    """Give an application over an empty database of one kind, its context pushed."""
    with fresh_database(kind, request, folder) as url:
        app = create_app(settings_for(url, folder))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def broken() -> Callable[..., None]:
    """Return what runs statements past the door: every one of them leaves no trace."""

    def run(*statements: Any) -> None:
        db.session.rollback()
        with writes.replacing() as connection:
            for statement in statements:
                _execute(connection, statement)

    return run


def _execute(connection: Connection, statement: Any) -> None:
    if isinstance(statement, str):
        connection.exec_driver_sql(statement)
    else:
        connection.execute(statement)


def late() -> Any:
    """Return a moment long gone."""
    return utcnow() - timedelta(days=2)


def run(app: Flask, *args: str, typed: str | None = None) -> Result:
    """Run a command as on a terminal; what it prints is words, never a traceback."""
    result = app.test_cli_runner().invoke(args=list(args), input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    db.session.rollback()
    return result
