"""What was edited since is skipped and named; forms merge; that undo is identity stands in test_undo_property.py."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from backoffice import history, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.models.base import fields_of, resources
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.operations import records, undo
from backoffice.policy import Actor
from tests.conftest import role_rights


def made(actor: Actor, model: type, **values: Any) -> int:
    """Create a record and return its key."""
    record, _receipt = writes.run(actor, "Create", lambda unit: records.create(unit, model, values))
    return int(record.id)


def delete_for_good(actor: Actor, model: type, key: int) -> None:
    """Move a record to the trash and empty it of that one."""

    def work(unit: writes.Unit) -> None:
        record = unit.get(model, key)
        records.trash(unit, record)
        records.purge(unit, record)

    writes.run(actor, "Away", work)


@pytest.fixture
def shelf(app: Flask, house: Actor) -> dict[str, list[int]]:
    """Return keys of categories, brands and tags to choose from."""
    return {
        "category_id": [made(house, Category, name=name) for name in ("Cups", "Plates")],
        "brand_id": [made(house, Brand, name=name) for name in ("Clay", "Tin")],
        "tags": [made(house, Tag, name=name) for name in ("blue", "red", "sale")],
    }


@pytest.fixture
def mug(shelf: dict[str, list[int]], house: Actor) -> int:
    return made(
        house,
        Product,
        sku="M-1",
        name="Blue mug",
        price=Decimal("12.90"),
        category_id=shelf["category_id"][0],
        tags=shelf["tags"][:1],
        attributes={"colour": "blue", "height": 9},
    )


def last_set() -> int:
    """Return the key of the newest change set."""
    return db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc())).first() or 0


def edit(actor: Actor, key: int, **values: Any) -> int | None:
    """Update a product and return the key of the change set."""

    def work(unit: writes.Unit) -> None:
        records.update(unit, unit.get(Product, key), values)

    _result, receipt = writes.run(actor, "Edit", work)
    return receipt.change_set_id


def state(key: int) -> history.State:
    """Return the stored state of a product."""
    return history.state_of(db.session.get_one(Product, key, populate_existing=True))


def test_what_a_record_holds_already_it_may_keep(mug: int, shelf: dict, house: Actor) -> None:
    blue, red, sale = shelf["tags"]
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Tag, blue)))
    edit(house, mug, tags=[blue, red])
    assert state(mug)["tags"] == [blue, red]
    edit(house, mug, tags=[red])
    for tag in (blue, 99):
        with pytest.raises(Refused, match="not there any more"):
            edit(house, mug, tags=[red, sale, tag])
    assert state(mug)["tags"] == [red]


def test_nothing_is_filed_where_the_trash_is_taken_out(app: Flask, mug: int, shelf: dict, house: Actor) -> None:
    plates, trashed, said = shelf["category_id"][1], threading.Event(), []

    def trash(unit: writes.Unit) -> None:
        records.trash(unit, unit.get(Category, plates))
        unit.settle()
        trashed.set()
        time.sleep(0.3)

    def file() -> None:
        with app.app_context():
            try:
                edit(house, mug, category_id=plates)
            except Refused as refused:
                said.append(str(refused))
            db.session.remove()

    filing = threading.Thread(target=lambda: trashed.wait(10) and file())
    filing.start()
    writes.run(house, "Trash", trash)
    filing.join(20)
    assert len(said) == 1 and "not there any more" in said[0]
    assert state(mug)["category_id"] == shelf["category_id"][0]


def test_what_is_asked_for_together_is_judged_together(mug: int, shelf: dict, house: Actor) -> None:
    edit(house, mug, currency="JPY", tags=shelf["tags"], brand_id=shelf["brand_id"][1], price=Decimal(13))
    assert (state(mug)["currency"], state(mug)["price"]) == ("JPY", "13.00")
    edit(house, mug, slug=None, tags=[], name="Green mug")
    assert state(mug)["slug"] == "green-mug"


def test_undo_skips_what_was_edited_since(mug: int, house: Actor) -> None:
    change_set = edit(house, mug, price=Decimal(13), name="Red mug")
    edit(house, mug, price=Decimal(14))
    report = undo.undo_change_set(house, change_set)
    assert [(item.label, item.key) for item in report.skipped] == [("Red mug", "price")]
    assert (state(mug)["name"], state(mug)["price"]) == ("Blue mug", "14.00")


def test_one_field_can_be_taken_back(mug: int, house: Actor) -> None:
    change_set = edit(house, mug, price=Decimal(13), attributes={"colour": "red"})
    change = db.session.scalars(select(Change).where(Change.change_set_id == change_set)).one()
    undo.undo_change(house, change.id, ["attributes.colour"])
    assert state(mug)["attributes.colour"] == "blue"
    assert "attributes.height" not in state(mug)
    assert state(mug)["price"] == "13.00"


def test_creation_goes_to_the_trash_and_comes_back(mug: int, house: Actor) -> None:
    before = state(mug)
    created = last_set()
    report = undo.undo_change_set(house, created)
    assert state(mug)["trashed_at"] is not None
    undo.undo_change_set(house, report.change_set_id)
    assert state(mug) == before


def test_undo_of_an_undo_is_the_deed(mug: int, house: Actor) -> None:
    change_set = edit(house, mug, price=Decimal(13), tags=[])
    after = state(mug)
    report = undo.undo_change_set(house, change_set)
    undo.undo_change_set(house, report.change_set_id)
    assert state(mug) == after


@pytest.mark.parametrize(
    ("grants", "error"),
    [
        ([], NotFound),
        (["product:read"], NotFound),
        (["product:update"], NotFound),
        (["product:read", "history:read"], None),
    ],
)
def test_undo_needs_the_rights_of_the_deed(mug: int, house: Actor, grants: list[str], error: Any) -> None:
    change_set = edit(house, mug, price=Decimal(13))
    before, sets = state(mug), last_set()
    actor = role_rights(*grants)
    if error:
        with pytest.raises(error):
            undo.undo_change_set(actor, change_set)
    else:
        assert [item.key for item in undo.undo_change_set(actor, change_set).skipped] == [None]
    assert state(mug) == before
    assert last_set() == sets


def test_forms_merge_what_differs_and_show_what_clashes(mug: int, house: Actor) -> None:
    opened = db.session.get_one(Product, mug).version
    edit(house, mug, price=Decimal(13), attributes={"colour": "blue", "height": 10})

    def save(**values: Any) -> records.Saved:
        work = lambda unit: records.save_form(unit, Product, mug, opened, values)  # noqa: E731
        return writes.run(house, "Save", work)[0]

    mine = {"colour": "red", "height": 9}
    saved = save(name="Red mug", price=Decimal("12.90"), attributes=mine)
    assert saved.merged.keys() == {"price", "attributes.height"}
    assert (state(mug)["price"], state(mug)["name"]) == ("13.00", "Red mug")
    assert (state(mug)["attributes.colour"], state(mug)["attributes.height"]) == ("red", 10)
    before = state(mug)
    with pytest.raises(records.Conflicted) as caught:
        save(price=Decimal(15), description="new")
    assert caught.value.conflicts == (history.Conflict("price", "12.90", "13.00", "15.00"),)
    assert state(mug) == before


def test_a_form_does_not_merge_over_what_history_cannot_tell(mug: int, house: Actor) -> None:
    def save(version: int, **values: Any) -> records.Saved:
        return writes.run(house, "Save", lambda unit: records.save_form(unit, Product, mug, version, values))[0]

    opened = db.session.get_one(Product, mug).version
    edit(house, mug, price=Decimal(13))
    forgotten = edit(house, mug, price=Decimal(14))
    edit(house, mug, name="Red mug")
    with writes.replacing() as connection:
        # As if history had been pruned.
        connection.execute(delete(Change).where(Change.change_set_id == forgotten))
    before = state(mug)
    for version in (opened, 0, -1, 99):
        with pytest.raises(Refused, match="another state"):
            save(version, price=Decimal("12.90"))
        assert state(mug) == before
    assert save(opened + 2, price=Decimal(15)).record.price == Decimal(15)


def test_a_sku_in_the_trash_is_offered_back(mug: int, house: Actor) -> None:
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Product, mug)))
    with pytest.raises(Refused) as caught:
        made(house, Product, sku="M-1", name="Another")
    assert (caught.value.field, caught.value.remedy) == ("sku", {"restore": mug})


def test_purge_only_from_the_trash_and_only_unused(mug: int, shelf: dict, house: Actor) -> None:
    purge = lambda model, key: writes.run(house, "Purge", lambda unit: records.purge(unit, unit.get(model, key)))  # noqa: E731
    with pytest.raises(Refused):
        purge(Product, mug)
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Product, mug)))
    category = shelf["category_id"][0]
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Category, category)))
    with pytest.raises(Refused):
        purge(Category, category)
    purge(Product, mug)
    purge(Category, category)
    assert db.session.get(Product, mug) is None


def test_a_number_is_not_given_again(app: Flask, house: Actor, subtests: pytest.Subtests) -> None:
    for name, model in resources().items():
        if model.resource.singleton:
            continue
        with subtests.test(name):
            values = {"email": "gone@example.org"} if name == "user" else {"name": "Gone", "key": "gone", "sku": "GONE"}
            values = {key: value for key, value in values.items() if key in fields_of(model)}
            key = made(house, model, **values)
            created = last_set()
            delete_for_good(house, model, key)
            follower = made(house, model, **values)
            assert follower > key
            report = undo.undo_change_set(house, created)
            assert (report.change_set_id, len(report.skipped)) == (None, 1)
            assert db.session.get_one(model, follower).trashed_at is None, "undo reached for another record"
