"""Set-based writes leave what the same edits leave when they are made record by record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from backoffice import bulk, guard, policy, writes
from backoffice.app import create_app
from backoffice.errors import Refused, WriteRefused
from backoffice.extensions import Base, db
from backoffice.models.base import fields_of
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import Change
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.operations import records
from backoffice.policy import Actor
from tests.conftest import DATABASES, fresh_database, settings_for

#: What may differ between two ways of doing the same: when it was done.
MOMENTS = {"created_at", "updated_at", "at", "due_at", "message_id"}
TABLES = ("product", "product_tag", "brand", "tag", "change_set", "change", "search_entry", "outbox_message")
SHELF = {Category: ("Cups", "Plates"), Brand: ("Clay", "Tin"), Tag: ("blue", "red", "sale")}


HOUSE = policy.system("tests")


@pytest.fixture(params=DATABASES)
def twins(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Flask, Flask]]:
    """Return two applications over databases of one kind, each with the same categories, brands and tags."""
    with (
        fresh_database(request.param, request, tmp_path) as one,
        fresh_database(request.param, request, tmp_path) as other,
    ):
        apps = (create_app(settings_for(one, tmp_path)), create_app(settings_for(other, tmp_path)))
        for app in apps:
            with app.app_context():
                writes.run(HOUSE, "Shelf", stock_the_shelf)
        yield apps
        for app in apps:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


def stock_the_shelf(unit: writes.Unit) -> None:
    for model, names in SHELF.items():
        for name in names:
            records.create(unit, model, {"name": name})


def clear() -> None:
    """Take the products and their history away, so that the next example finds what the first one found."""
    held = guard.Pass(open=1)
    connection = db.engine.execution_options(**{guard.OPTION: held}).connect()
    with connection, connection.begin():
        for name in ("outbox_message", "change", "change_set", "product_tag", "product"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
            if connection.dialect.name == "postgresql" and name != "product_tag":
                connection.exec_driver_sql(f"ALTER SEQUENCE {name}_id_seq RESTART")
        connection.exec_driver_sql("DELETE FROM search_entry WHERE resource = 'product'")


def contents() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables as the database stores them, moments left out."""
    found = {}
    with db.engine.connect() as connection:
        for name in reversed(TABLES):
            columns = [column.name for column in Base.metadata.tables[name].columns if column.name not in MOMENTS]
            if name == "search_entry":  # an upsert uses up a number
                columns.remove("id")
            listed = ", ".join(f'"{column}"' for column in columns)
            rows = connection.exec_driver_sql(f'SELECT {listed} FROM "{name}" ORDER BY 1, 2')
            found[name] = [dict(row) for row in rows.mappings()]
            for row in found[name]:
                # The keys of a difference stand in no order; PostgreSQL keeps none.
                if isinstance(row.get("diff"), str):
                    row["diff"] = json.loads(row["diff"])
    return found


def one_by_one(unit: writes.Unit, model: type, new: list[dict], edits: dict[int, dict]) -> None:
    for values in new:
        records.create(unit, model, values)
    for key, values in sorted(edits.items()):
        records.update(unit, unit.get(model, key), values)


def set_based(unit: writes.Unit, model: type, new: list[dict], edits: dict[int, dict]) -> None:
    bulk.insert_rows(unit, model, [cleaned(model, values) for values in new])
    before = bulk.read_rows(unit.session, model, model.id.in_(edits), lock=True)
    bulk.update_rows(unit, model, [bulk.RowUpdate(row, cleaned(model, edits[row["id"]])) for row in before])


def cleaned(model: type, values: dict[str, Any]) -> dict[str, Any]:
    fields = fields_of(model)
    return {name: sorted(value) if name == "tags" else fields[name].clean(value) for name, value in values.items()}


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
NAME = st.one_of(st.sampled_from(["Blue mug", "BLUE mug", "Mug", "mug 2", "杯"]), TEXT).filter(
    lambda text: any(char.isalnum() for char in text)
)
SCALARS = st.one_of(TEXT, st.booleans(), st.integers(2, 2**40), st.floats(2, 9, width=16))
OPTIONAL = {
    "slug": st.sampled_from([None, "Blue mug", "mug 3"]),
    "price": st.one_of(st.none(), st.decimals(0, 10**9, places=2)),
    "cost": st.one_of(st.none(), st.decimals(0, 10**9, places=2)),
    "currency": st.sampled_from(["EUR", "USD", "KWD"]),
    "status": st.sampled_from(["draft", "published", "archived"]),
    "description": st.one_of(st.none(), TEXT, st.just("<p>Holds <b>tea</b></p>")),
    "gtin": st.sampled_from([None, "4006381333931", "96385074"]),
    "image_url": st.one_of(st.none(), st.just("https://example.org/a.jpg")),
    "attributes": st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), SCALARS, max_size=4),
    "name_i18n": st.dictionaries(st.sampled_from(["fr", "de", "ar"]), TEXT, max_size=3),
    "category_id": st.sampled_from([None, 1, 2]),
    "brand_id": st.sampled_from([None, 1, 2]),
    "tags": st.sets(st.sampled_from([1, 2, 3])).map(sorted),
}
NEW = st.lists(st.fixed_dictionaries({"name": NAME}, optional=OPTIONAL), max_size=4)
EDITED = {"name": NAME} | OPTIONAL
EDITS = st.lists(st.fixed_dictionaries({}, optional=EDITED), max_size=4)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(deeds=st.lists(st.tuples(NEW, EDITS), min_size=1, max_size=2))
def test_both_ways_leave_the_same(twins: tuple[Flask, Flask], deeds: list[tuple[list, list]]) -> None:
    outcome = []
    for app, way in zip(twins, (one_by_one, set_based), strict=True):
        with app.app_context():
            clear()
            for new, edits in deeds:
                do(way, Product, new, edits)
            outcome.append(contents())
            db.session.remove()
    for name in reversed(TABLES):
        assert outcome[0][name] == outcome[1][name]


def do(way: Callable, model: type, new: list[dict], edits: list[dict]) -> None:
    """Create `new` and give `edits` to the first rows, by one way, in one unit."""
    keys = list(db.session.scalars(select(model.id).order_by(model.id)))
    if model is Product:
        new = [{"sku": f"S-{max(keys, default=0) + place}"} | values for place, values in enumerate(new, 1)]
    spread = dict(zip(keys[:: max(1, len(keys) // 4)], edits, strict=False))
    writes.run(HOUSE, "Deed", lambda unit: way(unit, model, new, spread))


@pytest.mark.parametrize("model", [Brand, Tag])
def test_names_settle_the_same_way(twins: tuple[Flask, Flask], model: type) -> None:
    outcome = []
    new = [{"name": name} for name in ("Sony", "SONY", "Sony 2", "sony", "Émile & Co", "!")]
    for app, way in zip(twins, (one_by_one, set_based), strict=True):
        with app.app_context():
            do(way, model, new, [{"name": "Sony"}])
            do(
                way,
                model,
                [],
                [{"slug": None, "website": "https://example.org"}][: model is Brand] or [{"slug": "Sony"}],
            )
            outcome.append(contents())
    for name in reversed(TABLES):
        assert outcome[0][name] == outcome[1][name]


@pytest.fixture
def mugs(app: Flask, house: Actor) -> list[int | None]:
    """Return the keys of three products."""
    rows = [{"sku": f"M-{number}", "name": "Mug", "price": Decimal(5)} for number in (1, 2, 3)]
    keys, _receipt = writes.run(house, "Mugs", lambda unit: bulk.insert_rows(unit, Product, rows))
    return keys


BAD = {
    "an empty name": ({"name": None}, "name"),
    "a wrong check digit": ({"gtin": "4006381333932"}, "gtin"),
    "decimals that the yen has not": ({"price": Decimal("1.50"), "currency": "JPY"}, "price"),
    "a slug that is taken": ({"slug": "mug"}, "slug"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_row_that_breaks_a_rule_is_refused_in_the_same_words(mugs: list[int], house: Actor, case: str) -> None:
    values, column = BAD[case]
    before = contents()
    said = []
    for way in (one_by_one, set_based):
        with pytest.raises(Refused) as refused:
            writes.run(house, "Bad", lambda unit, way=way: way(unit, Product, [], {mugs[1]: values}))
        said.append((str(refused.value), refused.value.field))
    assert said[0] == said[1] and said[0][1] == column
    assert contents() == before


def test_a_refused_row_is_left_out_and_the_rest_is_written(mugs: list[int], house: Actor) -> None:
    said: list[tuple[int, str | None]] = []

    def work(unit: writes.Unit) -> None:
        new = [{"sku": "A", "name": "A"}, {"sku": "B", "name": None}, {"sku": "C", "name": "C", "gtin": "1"}]
        assert [key is None for key in bulk.insert_rows(unit, Product, new, refuse)] == [False, True, True]
        rows = bulk.read_rows(unit.session, Product, Product.id.in_(mugs), lock=True)
        updates = [bulk.RowUpdate(row, {"slug": "mug", "price": Decimal(6)}) for row in rows]
        assert bulk.update_rows(unit, Product, updates, refuse) == [mugs[0]]

    def refuse(index: int, refused: Refused) -> None:
        said.append((index, refused.field))

    _result, receipt = writes.run(house, "Some", work)
    assert said == [(1, "name"), (2, "gtin"), (1, "slug"), (2, "slug")]
    assert [(draft.label, draft.verb) for draft in receipt.changes] == [("A", "create"), ("Mug", "update")]


def test_what_equals_the_stored_value_is_not_written(mugs: list[int], house: Actor) -> None:
    before = contents()

    def work(unit: writes.Unit) -> list[int]:
        rows = bulk.read_rows(unit.session, Product, Product.id.in_(mugs), lock=True)
        same = {"price": Decimal("5.0000"), "tags": [], "attributes": None}
        return bulk.update_rows(unit, Product, [bulk.RowUpdate(row, same) for row in rows])

    changed, receipt = writes.run(house, "Same", work)
    assert (changed, receipt.change_set_id) == ([], None)
    assert contents() == before


def test_a_row_that_is_not_what_it_was_is_refused(mugs: list[int], house: Actor) -> None:
    def work(unit: writes.Unit) -> None:
        (row,) = bulk.read_rows(unit.session, Product, Product.id == mugs[0])
        bulk.update_rows(unit, Product, [bulk.RowUpdate(row | {"version": 7}, {"price": Decimal(6)})])

    with pytest.raises(StaleDataError):
        writes.run(house, "Stale", work)
    assert db.session.get_one(Product, mugs[0]).price == Decimal(5)


def test_records_that_were_loaded_follow(mugs: list[int], house: Actor) -> None:
    def work(unit: writes.Unit) -> None:
        mug = unit.get(Product, mugs[0])
        (row,) = bulk.read_rows(unit.session, Product, Product.id == mugs[0], lock=True)
        bulk.update_rows(unit, Product, [bulk.RowUpdate(row, {"price": Decimal(6)})])
        assert (mug.price, mug.version) == (Decimal(6), 2)

    writes.run(house, "Loaded", work)


def test_the_number_of_a_deleted_record_is_not_given_again(mugs: list[int], house: Actor) -> None:
    def away(unit: writes.Unit) -> None:
        mug = unit.get(Product, max(mugs))
        records.trash(unit, mug)
        records.purge(unit, mug)

    writes.run(house, "Away", away)
    rows = [{"sku": "N", "name": "New"}]
    (key,), _receipt = writes.run(house, "New", lambda unit: bulk.insert_rows(unit, Product, rows))
    assert key > max(mugs)


def test_a_resource_that_settles_record_by_record_is_refused(app: Flask, house: Actor) -> None:
    with pytest.raises(WriteRefused), writes.unit(house, "Category") as unit:
        bulk.insert_rows(unit, Category, [{"name": "Cups"}])


def test_rules_see_set_based_changes(mugs: list[int], house: Actor) -> None:
    def no_free_mugs(unit: writes.Unit, draft: writes.Draft) -> None:
        if draft.diff.get("price", [None, None])[1] == "0.00":
            raise Refused("A mug costs something.", "price")

    writes.rule("product")(no_free_mugs)
    before = contents()
    try:
        with pytest.raises(Refused, match="costs something"):
            writes.run(house, "Free", lambda unit: set_based(unit, Product, [], {mugs[0]: {"price": Decimal(0)}}))
    finally:
        writes._rules["product"].remove(no_free_mugs)
    assert contents() == before


def test_the_scope_before_and_after_is_kept(mugs: list[int], house: Actor) -> None:
    cups, _receipt = writes.run(house, "Cups", lambda unit: records.create(unit, Category, {"name": "Cups"}))
    writes.run(house, "File", lambda unit: set_based(unit, Product, [], {mugs[0]: {"category_id": cups.id}}))
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert (change.scope_before, change.scope_after) == (None, f"/{cups.id}/")
