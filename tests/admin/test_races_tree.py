"""Products filed under a category that goes to the trash, or moves, at the same moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change
from backoffice.models.product import Product
from backoffice.operations.imports import Options, Report, import_file
from backoffice.policy import Actor

from .conftest import Browser, World
from .races import at_once, counted, history_of, within

ROWS = 40

Deed = Callable[[Browser, World], Any]

#: What happens to the category “Empty”.
LEAVES: dict[str, Deed] = {
    "trash": lambda browser, world: browser.post("/admin/category/delete/", {"id": empty()}),
    "move": lambda browser, world: browser.submit(f"/admin/category/edit/?id={empty()}", parent_id=str(world.cups)),
}

#: What a file says of products, by what it does.
FILES = {
    "new": "sku,name,category\n" + "".join(f"N-{number},New {number},Empty\n" for number in range(ROWS)),
    "moved": "sku,category\n" + "".join(f"O-{number},Empty\n" for number in range(ROWS)),
    "brought back": "sku,category\n" + "".join(f"T-{number},Empty\n" for number in range(ROWS)),
    "a new category below": "sku,name,category\nN-0,New 0,Empty > Below\n",
}


def empty() -> int:
    """Return the key of the category that nothing is filed under."""
    with db.engine.connect() as connection:
        # The oldest: a file that does not find it where it was creates another.
        return connection.scalars(select(func.min(Category.id)).where(Category.name == "Empty")).one()


@pytest.fixture
def shelf(world: World, house: Actor) -> World:
    """Return the catalogue with an empty category, products elsewhere, and some of the trash that were filed in it."""
    with writes.unit(house, "Shelf") as unit:
        found = unit.add(Category(name="Empty"))
        unit.session.flush()
        unit.session.add_all(Product(sku=f"O-{number}", name=f"Old {number}") for number in range(ROWS))
        gone = [Product(sku=f"T-{number}", name=f"Gone {number}", category_id=found.id) for number in range(ROWS)]
        unit.session.add_all(gone)
    with writes.unit(house, "Gone") as unit:
        for product in gone:
            held = unit.get(Product, product.id)
            held.trashed_at = held.updated_at
    return world


def consistent() -> bool:
    """Check what must hold whoever was faster, and return whether the category went to the trash."""
    db.session.rollback()
    below = Product.category_id == Category.id
    lost = select(func.count()).where(below, Product.trashed_at.is_(None), Category.trashed_at.is_not(None))
    assert not db.session.scalar(lost), "live products under a category of the trash"
    parent = select(Category.id, Category.path).where(Category.trashed_at.is_not(None)).subquery()
    orphans = select(func.count()).where(Category.parent_id == parent.c.id, Category.trashed_at.is_(None))
    assert not db.session.scalar(orphans), "live categories under one of the trash"
    for child in db.session.scalars(select(Category).where(Category.parent_id.is_not(None))):
        above = db.session.get_one(Category, child.parent_id)
        assert child.path == f"{above.path}{child.id}/"
    counted()
    return db.session.get_one(Category, empty()).trashed_at is not None


@pytest.mark.parametrize("first", [0, 1], ids=["file first", "screen first"])
@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("file", FILES)
def test_a_file_and_the_category_that_it_names(
    app: Flask, admin: Browser, shelf: World, house: Actor, tmp_path: Path, file: str, leaves: str, first: int
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(FILES[file], encoding="utf-8")
    options = Options(model=Product, folder=tmp_path, restore=file == "brought back")
    assert admin.token

    def load() -> Report:
        return import_file(house, path, options)

    report, _answer = at_once(app, within(app, load), within(app, lambda: LEAVES[leaves](admin, shelf)), first=first)
    gone = consistent()
    done = report.created + report.updated
    rows = FILES[file].count("\n") - 1
    assert done + report.failed + report.unchanged == rows
    named = select(Category.id).where(Category.name == "Empty")
    live = select(Product.id).where(Product.category_id.in_(named), Product.trashed_at.is_(None))
    filed = db.session.scalars(live).all()
    if gone:
        assert not filed and report.failed == rows and report.errors
        assert re.search("is in the trash|is not there any more", report.errors.read_text(encoding="utf-8-sig"))
    elif file == "a new category below":
        assert done == 1
        last = db.session.scalars(select(Category).where(Category.name == "Below")).one()
        assert db.session.scalar(select(func.count()).where(Product.category_id == last.id)) == 1
    else:
        assert done == len(filed) == ROWS
    for key in filed[:3]:
        history_of("product", key)


FORMS: dict[str, Deed] = {
    "a new product": lambda browser, world: browser.post(
        "/admin/product/new/",
        browser.form("/admin/product/new/") | {"name": "New", "sku": "N-1", "category_id": str(empty())},
    ),
    "filed anew": lambda browser, world: browser.submit(
        f"/admin/product/edit/?id={world.mug}", category_id=str(empty())
    ),
    "restored": lambda browser, world: browser.post("/admin/product/restore/", {"id": trashed()}),
    "restored ticked": lambda browser, world: browser.post(
        "/admin/product/action/", {"action": "restore", "rowid": [str(trashed())]}
    ),
    "undone": lambda browser, world: browser.post("/admin/history/undo/", {"change": trash_of(trashed())}),
}


def trashed() -> int:
    """Return the key of a product of the trash that was filed under the category."""
    with db.engine.connect() as connection:
        return connection.scalars(select(Product.id).where(Product.sku == "T-0")).one()


def trash_of(key: int) -> int:
    """Return the key of the change that moved the product to the trash."""
    with db.engine.connect() as connection:
        change = select(Change.id).where(Change.resource == "product", Change.record_id == key, Change.verb == "trash")
        return connection.scalars(change).one()


@pytest.mark.parametrize("first", [0, 1], ids=["product first", "category first"])
@pytest.mark.parametrize("form", FORMS)
def test_a_form_and_the_category_that_it_names(
    app: Flask, sign_in: Callable[..., Browser], shelf: World, form: str, first: int
) -> None:
    browsers = [sign_in("administrator"), sign_in("catalogue-manager")]
    assert all(browser.token for browser in browsers)
    answers = at_once(
        app,
        within(app, lambda: FORMS[form](browsers[0], shelf)),
        within(app, lambda: LEAVES["trash"](browsers[1], shelf)),
        first=first,
    )
    assert all(answer.status_code in (303, 400) for answer in answers)
    gone = consistent()
    live = select(Product.id).where(Product.category_id == empty(), Product.trashed_at.is_(None))
    assert len(db.session.scalars(live).all()) == (0 if gone else 1), "one of the two was done"
