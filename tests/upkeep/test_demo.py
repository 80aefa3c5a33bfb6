"""The demo catalogue comes in whole, leaves what people did alone, and goes out again without a trace of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import Resource
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.operations import demo, records
from backoffice.policy import Actor
from tests.admin.conftest import digest
from tests.conftest import DATABASES, copied, fresh_database, settings_for

from .conftest import named, run

PRODUCTS = [json.loads(line) for line in (demo.DATA / "products.jsonl").read_text(encoding="utf-8").splitlines()]
COUNTS = {"product": 216, "category": 69, "brand": 16, "tag": 27}
MODELS: dict[str, type[Resource]] = {"product": Product, "category": Category, "brand": Brand, "tag": Tag}


@pytest.fixture(scope="module")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the address of a database of each kind into which the demo was loaded once."""
    with ExitStack() as stack:
        found = {}
        for kind in DATABASES:
            folder = tmp_path_factory.mktemp("demo")
            url = found[kind] = stack.enter_context(fresh_database(kind, request, folder))
            app = create_app(settings_for(url, folder))
            with app.app_context():
                load(app)
                db.session.remove()
                db.engine.dispose()
        yield found


@pytest.fixture(params=DATABASES)
def loaded(request: pytest.FixtureRequest, templates: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """Return an application into which the demo was loaded."""
    with copied(templates[request.param], tmp_path) as url:
        app = create_app(settings_for(url, tmp_path))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


def counts() -> dict[str, int]:
    """Return how many records of each resource there are, the trash included."""
    db.session.rollback()
    return {name: db.session.scalar(select(func.count()).select_from(model)) or 0 for name, model in MODELS.items()}


def make(actor: Actor, model: type[Resource], **values: Any) -> None:
    """Create a record as a person would."""
    writes.run(actor, "Create", lambda unit: records.create(unit, model, values))


def update(actor: Actor, model: type[Resource], key: str, **values: Any) -> None:
    """Change a record as a person would."""
    writes.run(actor, "Change", lambda unit: records.update(unit, named(unit, model, key), values))


def trash(actor: Actor, model: type[Resource], name: str) -> None:
    """Move a record to the trash."""
    writes.run(actor, "Away", lambda unit: records.trash(unit, named(unit, model, name)))


def load(app: Flask) -> str:
    """Load the demo and return what the command says."""
    result = run(app, "demo", "load")
    assert result.exit_code == 0, result.output
    return result.output


def clear(app: Flask) -> str:
    """Clear the demo and return what the command says."""
    result = run(app, "demo", "clear")
    assert result.exit_code == 0, result.output
    return result.output


def test_it_loads_whole_and_only_once(app: Flask) -> None:
    assert load(app) == "Loaded the demo catalogue: product 216, category 69, brand 16, tag 27.\n"
    assert counts() == COUNTS
    assert len(PRODUCTS) == COUNTS["product"]
    before = digest()
    assert load(app) == "Loaded the demo catalogue: nothing.\n"
    assert run(app, "demo", "load", "--if-empty").output == ""
    assert digest() == before
    is_as_in_the_files()


def is_as_in_the_files() -> None:
    """Assert that products and categories hold what the files say."""
    for line in PRODUCTS[::40]:
        product = db.session.scalars(select(Product).where(Product.sku == line["sku"])).one()
        assert (product.name, product.status, product.currency) == (line["name"], line["status"], line["currency"])
        assert sorted(tag.name for tag in product.tags) == sorted(line["tags"])
        assert product.attributes == line["attributes"]
        path, category = [], product.category
        while category:
            path, category = [category.name, *path], category.parent
        assert " > ".join(path) == line["category"]
    kitchen = db.session.scalars(select(Category).where(Category.name == "Kitchen")).one()
    assert kitchen.name_i18n is not None and kitchen.name_i18n["fr"] == "Cuisine"


def test_if_empty_looks_into_the_trash_too(app: Flask, house: Actor) -> None:
    make(house, Product, sku="OWN-1", name="Own")
    trash(house, Product, "OWN-1")
    assert run(app, "demo", "load", "--if-empty").output == ""
    assert counts()["product"] == 1


def test_loading_leaves_what_people_did_alone(loaded: Flask, house: Actor) -> None:
    second, third = (line["sku"] for line in PRODUCTS[1:3])
    update(house, Product, second, name="Renamed", tags=[])
    trash(house, Product, third)
    before = digest()
    assert load(loaded) == "Loaded the demo catalogue: nothing.\n"
    assert digest() == before


def test_what_was_deleted_for_good_comes_back(loaded: Flask, house: Actor) -> None:
    sku = PRODUCTS[0]["sku"]
    trash(house, Product, sku)
    writes.run(house, "For good", lambda unit: records.purge(unit, named(unit, Product, sku)))
    assert load(loaded) == "Loaded the demo catalogue: product 1.\n"
    assert counts() == COUNTS


def test_where_a_row_does_not_fit_nothing_is_loaded(app: Flask, house: Actor, tmp_path: Path) -> None:
    make(house, Brand, name=PRODUCTS[0]["brand"])
    trash(house, Brand, PRODUCTS[0]["brand"])
    before = digest()
    result = run(app, "demo", "load")
    assert (result.exit_code, digest() == before) == (1, True)
    assert "nothing was loaded" in result.output
    (errors,) = (tmp_path / "imports").iterdir()
    assert str(errors) in result.output
    assert PRODUCTS[0]["brand"] in errors.read_text(encoding="utf-8")


def test_clearing_removes_all_of_it(loaded: Flask) -> None:
    assert clear(loaded) == "Deleted for good: product 216, category 69, brand 16, tag 27.\n"
    assert set(counts().values()) == {0}
    assert run(loaded, "doctor").output.count("well") == 5, "the search has forgotten them too"
    assert clear(loaded) == "Deleted for good: nothing.\n"
    titles = db.session.execute(select(ChangeSet.title, ChangeSet.source).order_by(ChangeSet.id)).all()
    assert [tuple(title) for title in titles] == [
        (demo.TITLE.text, "import"),
        (demo.TITLE.text, "import"),
        ("Clear the demo catalogue", "command"),
    ]


def test_clearing_keeps_what_people_worked_on(loaded: Flask, house: Actor) -> None:
    changed, trashed, filed = (line["sku"] for line in PRODUCTS[:3])
    update(house, Product, changed, price=None)
    trash(house, Product, trashed)
    update(house, Brand, "Bambrolo", website="https://bambrolo.example")
    tag = key_of(Tag)
    make(house, Product, sku="OWN-1", name="Own", category_id=key_of(Category, depth=2), tags=[tag])
    said = clear(loaded)
    left = set(db.session.scalars(select(Product.sku)))
    assert left == {changed, trashed, "OWN-1"} and filed not in left
    assert "Bambrolo" in set(db.session.scalars(select(Brand.name)))
    assert db.session.get(Tag, tag) is not None
    own = db.session.scalars(select(Product).where(Product.sku == "OWN-1")).one()
    assert own.category is not None and own.category.parent is not None
    assert "changed, are in the trash or are used" in said and PRODUCTS[0]["name"] in said


def key_of(model: type[Any], **having: Any) -> int:
    """Return the key of some record of `model`."""
    return int(db.session.scalars(select(model.id).filter_by(**having).order_by(model.id)).first() or 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_clearing_leaves_what_people_had_before(app: Flask, house: Actor) -> None:
    """Names that the demo uses too do not make somebody's records part of it."""
    make(house, Category, name="Kitchen")
    make(house, Brand, name=PRODUCTS[0]["brand"])
    make(house, Tag, name=PRODUCTS[0]["tags"][0])
    make(house, Product, sku=PRODUCTS[0]["sku"], name="Our own with that number")
    before = digest()
    load(app)
    update(house, Product, PRODUCTS[0]["sku"], name="Our own, renamed")
    assert load(app) == "Loaded the demo catalogue: nothing.\n"
    clear(app)
    assert digest()["brand"] == before["brand"] and digest()["tag"] == before["tag"]
    assert counts() == {"product": 1, "category": 1, "brand": 1, "tag": 1}


def test_clearing_is_whole_or_not_at_all(loaded: Flask, house: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    before, purge = digest(), records.purge
    calls: list[int] = []

    def failing(unit: writes.Unit, record: Resource) -> None:
        calls.append(record.id)
        if len(calls) == 20:
            raise KeyboardInterrupt
        purge(unit, record)

    monkeypatch.setattr(records, "purge", failing)
    with pytest.raises(KeyboardInterrupt):
        demo.clear(house)
    assert digest() == before
