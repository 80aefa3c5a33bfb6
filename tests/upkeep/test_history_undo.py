"""`history undo`: what it prints, and how it ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product
from backoffice.operations import records
from backoffice.policy import Actor
from tests.admin.conftest import digest

from .conftest import named, run


def do(actor: Actor, sku: str, **values: Any) -> str:
    """Change a product and return the number of the change set as a person types it."""
    _result, receipt = writes.run(
        actor, "Change", lambda unit: records.update(unit, named(unit, Product, sku), values), source="form"
    )
    return str(receipt.change_set_id)


def product() -> Product:
    """Return the product as it is stored now."""
    return db.session.scalars(select(Product).where(Product.sku == "M-1")).one()


def test_all_of_it(filled: Flask, house: Actor) -> None:
    number = do(house, "M-1", name="Red mug", price=Decimal(20))
    result = run(filled, "history", "undo", number)
    newest = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert newest is not None and (newest.undo_of_id, newest.actor_label) == (int(number), "command line")
    assert result.output == f"undone: 1\nskipped: 0\nchange set: {newest.id}\n"
    assert result.exit_code == 0
    assert (product().name, product().price) == ("Blue mug 🫖", Decimal(13))
    again = run(filled, "history", "undo", str(newest.id))
    assert (again.exit_code, product().name) == (0, "Red mug"), "an undo can be undone"


def test_what_was_changed_since_is_named(filled: Flask, house: Actor) -> None:
    number = do(house, "M-1", name="Red mug", price=Decimal(20))
    do(house, "M-1", price=Decimal(30))
    result = run(filled, "history", "undo", number)
    assert result.exit_code == 1, "0 would say that all of it was taken back"
    assert result.output.startswith("undone: 1\nskipped: 1\n  Red mug, price: it was changed since\nchange set: ")
    assert (product().name, product().price) == ("Blue mug 🫖", Decimal(30))


def test_nothing_can_be_taken_back(filled: Flask, house: Actor) -> None:
    number = do(house, "M-1", name="Red mug")
    do(house, "M-1", name="Green mug")
    before = digest()
    result = run(filled, "history", "undo", number)
    assert (result.exit_code, digest() == before) == (1, True)
    assert result.output == "undone: 0\nskipped: 1\n  Green mug, name: it was changed since\n"


def test_many_are_counted_and_fifty_named(app: Flask, house: Actor) -> None:
    def create(unit: writes.Unit) -> None:
        for number in range(60):
            records.create(unit, Brand, {"name": f"Brand {number}"})

    _result, receipt = writes.run(house, "Brands", create)

    def rename(unit: writes.Unit) -> None:
        for brand in unit.session.scalars(select(Brand)).all():
            records.update(unit, brand, {"website": "https://brand.example"})

    writes.run(house, "Change", rename)
    lines = run(app, "history", "undo", str(receipt.change_set_id)).output.splitlines()
    assert lines[:2] == ["undone: 0", "skipped: 60"]
    assert len(lines) == 53 and lines[-1] == "  and 10 more"


def test_what_is_no_change_set_is_told(filled: Flask) -> None:
    before = digest()
    for number, code, words in (
        ("4711", 1, "Error: There is no change set 4711.\n"),
        ("0", 2, "0 is not in the range"),
        ("-1", 2, "No such option"),
        ("abc", 2, "'abc' is not a valid integer"),
        ("99999999999999999999", 2, "is not in the range"),
    ):
        result = run(filled, "history", "undo", number)
        assert (result.exit_code, words in result.output) == (code, True), result.output
    assert digest() == before
