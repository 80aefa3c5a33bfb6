"""The door: what goes through it leaves history, and nothing goes past it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, delete, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from backoffice import bulk, guard, writes
from backoffice.errors import Refused, WriteRefused
from backoffice.extensions import Base, db
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet, OutboxMessage
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import records
from backoffice.policy import Actor


@pytest.fixture
def mug(app: Flask, house: Actor) -> int:
    """Return the key of a product with a category, a brand and a tag."""
    with writes.unit(house, "Set the table") as unit:
        category, brand, tag = Category(name="Cups"), Brand(name="Clay & Co"), Tag(name="blue")
        for record in (category, brand, tag):
            unit.add(record)
        unit.session.flush()
        mug = Product(sku="M-1", name="  Blue  mug ", price=Decimal("12.9"), category_id=category.id, tags=[tag])
        unit.add(mug)
    return mug.id


def test_a_new_product_leaves_one_change_set(mug: int) -> None:
    product = db.session.get_one(Product, mug)
    assert (product.name, product.slug, product.name_key, product.version) == ("Blue mug", "blue-mug", "blue mug", 1)
    assert product.scope_path() == f"/{product.category_id}/"
    change_set = db.session.scalars(select(ChangeSet)).one()
    assert (change_set.change_count, change_set.actor_label, change_set.title) == (4, "tests", "Set the table")
    change = db.session.scalars(select(Change).where(Change.resource == "product")).one()
    assert change.verb == "create"
    assert change.diff["price"] == [None, "12.90"]
    assert change.diff["tags"] == [None, [product.tags[0].id]]


def test_an_edit_records_before_and_after_once(mug: int, house: Actor) -> None:
    with writes.unit(house, "Edit") as unit:
        product = unit.get(Product, mug)
        product.price = Decimal(13)
        unit.session.flush()
        product.price = Decimal(14)
        product.attributes = {"colour": "blue"}
        product.tags = []
        unit.session.flush()
        product.name = "Red mug"
        product.name = "Blue mug"
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert change.verb == "update" and change.version == 2
    tag = db.session.scalars(select(Tag)).one()
    assert change.diff == {"price": ["12.90", "14.00"], "attributes.colour": [None, "blue"], "tags": [[tag.id], []]}


def test_what_differs_in_nothing_in_the_end_counts_no_version(mug: int, house: Actor) -> None:
    before = db.session.execute(select(Product.__table__)).all()
    with writes.unit(house, "There and back") as unit:
        product = unit.get(Product, mug)
        tags = list(product.tags)
        product.price, product.tags, product.attributes = Decimal(13), [], {"colour": "blue"}
        unit.session.flush()
        product.price, product.tags, product.attributes = Decimal("12.9"), tags, None
    assert (unit.receipt.change_set_id, unit.receipt.changes) == (None, [])
    db.session.rollback()
    assert db.session.execute(select(Product.__table__)).all() == before


WAYS = {
    "session add": lambda: (db.session.add(Brand(name="X", name_key="x", slug="x")), db.session.flush()),
    "session change": lambda: (setattr(db.session.scalars(select(Brand)).one(), "website", "x"), db.session.flush()),
    "session delete": lambda: (db.session.delete(db.session.scalars(select(Brand)).one()), db.session.flush()),
    "relation": lambda: _through_relation(),
    "bulk insert": lambda: db.session.execute(insert(Brand), [{"name": "X", "name_key": "x", "slug": "x"}]),
    "bulk update": lambda: db.session.execute(update(Brand).values(website="x")),
    "bulk delete": lambda: db.session.execute(delete(Product)),
    "bulk mappings": lambda: db.session.bulk_insert_mappings(Brand, [{"name": "X", "name_key": "x", "slug": "x"}]),
    "text": lambda: db.session.execute(text("UPDATE brand SET website = 'x'")),
    "session connection": lambda: db.session.connection().execute(text("DELETE FROM product_tag")),
    "engine begin": lambda: _through_engine("DELETE FROM product_tag"),
    "driver connection": lambda: _through_driver("DELETE FROM product_tag"),
    "second session": lambda: _through_second_session(),
}


def _through_relation() -> None:
    product = db.session.scalars(select(Product)).one()
    product.tags.clear()
    db.session.flush()


def _through_engine(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def _through_driver(statement: str) -> None:
    raw = db.engine.raw_connection()
    try:
        raw.cursor().execute(statement)
        raw.commit()
    finally:
        raw.close()


def _through_second_session() -> None:
    with Session(db.engine) as session:
        session.add(Brand(name="X", name_key="x", slug="x"))
        session.commit()


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_written_outside_a_unit(mug: int, way: str) -> None:
    rows = [Brand.__table__, Product.__table__, Tag.__table__, Base.metadata.tables["product_tag"]]
    before = [db.session.execute(select(table)).all() for table in rows]
    with pytest.raises(Exception, match=r"outside of writes\.unit|read-?only") as caught:
        WAYS[way]()
    db.session.rollback()
    if way != "driver connection":
        assert isinstance(caught.value, WriteRefused)
    assert [db.session.execute(select(table)).all() for table in rows] == before


def test_writing_cte_is_refused_outside(mug: int) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no writing CTE in a SELECT")
    with pytest.raises(WriteRefused):
        db.session.execute(text("WITH gone AS (DELETE FROM product_tag RETURNING 1) SELECT * FROM gone"))


@pytest.mark.parametrize("statement", ["UPDATE brand SET website = 'x'", "DELETE FROM product_tag"])
def test_unrecorded_statements_are_refused_inside(mug: int, house: Actor, statement: str) -> None:
    with pytest.raises(WriteRefused), writes.unit(house, "Sneak") as unit:
        unit.session.execute(text(statement))


def test_commit_inside_and_units_inside_units_are_refused(app: Flask, house: Actor) -> None:
    with pytest.raises(WriteRefused), writes.unit(house, "Sneak") as unit:
        unit.session.commit()
    for inner in (lambda: writes.unit(house, "Two"), writes.bookkeeping, writes.replacing):
        with pytest.raises(WriteRefused), writes.unit(house, "One"), inner():
            pass


@pytest.mark.parametrize("name", ["brand", "category", "responsible"])
def test_a_relation_is_recorded_like_its_key(mug: int, house: Actor, name: str) -> None:
    with writes.unit(house, "Another") as unit:
        made = {
            "brand": Brand(name="Tin"),
            "category": Category(name="Plates"),
            "responsible": User(email="a@b.example"),
        }
        other = unit.add(made[name])
    with writes.unit(house, "Point to it") as unit:
        product = unit.get(Product, mug)
        before = getattr(product, f"{name}_id")
        setattr(product, name, unit.get(type(other), other.id))
    assert [draft.diff for draft in unit.receipt.changes] == [{f"{name}_id": [before, other.id]}]
    with writes.unit(house, "Point to nothing") as unit:
        setattr(unit.get(Product, mug), name, None)
    assert [draft.diff for draft in unit.receipt.changes] == [{f"{name}_id": [other.id, None]}]
    with pytest.raises(WriteRefused), writes.unit(house, "Point to what has no key") as unit:
        setattr(unit.get(Product, mug), name, made[name].__class__())


def _move(unit: writes.Unit) -> None:
    home = unit.add(Category(name="Home"))
    unit.session.flush()
    records.update(unit, _only(unit, Category, "Cups"), {"parent_id": home.id})


def _only(unit: writes.Unit, model: type, name: str) -> Any:
    return unit.session.scalars(select(model).where(model.name == name).with_for_update(of=model)).one()


def _set_based(unit: writes.Unit) -> None:
    bulk.insert_rows(unit, Product, [{"sku": "N-1", "name": "Blue mug"}, {"sku": "N-2", "name": "Blue mug"}])
    rows = bulk.read_rows(unit.session, Product, Product.sku == "M-1", lock=True)
    bulk.update_rows(unit, Product, [bulk.RowUpdate(row, {"price": Decimal(9), "tags": []}) for row in rows])


def _in_part(unit: writes.Unit) -> None:
    for name in ("Clay & Co", "Tin"):
        with suppress(Refused), unit.attempt():
            records.create(unit, Brand, {"name": name, "website": "x" * 400 if name == "Tin" else None})


EDITED = {"name": "Red mug", "price": Decimal(20), "attributes": {"colour": "red"}, "tags": [], "slug": None}

#: Deeds of every kind, each from the state that the fixture leaves.
DEEDS: dict[str, Callable[[writes.Unit], Any]] = {
    "create": lambda unit: records.create(unit, Product, {"sku": "A", "name": "Blue mug", "price": Decimal(1)}),
    "edit": lambda unit: records.update(unit, _only(unit, Product, "Blue mug"), EDITED),
    "trash": lambda unit: records.trash(unit, _only(unit, Product, "Blue mug")),
    "delete for good": lambda unit: (
        records.trash(unit, _only(unit, Product, "Blue mug")),
        records.purge(unit, _only(unit, Product, "Blue mug")),
    ),
    "move a subtree": _move,
    "set-based": _set_based,
    "some of it refused": _in_part,
    "nothing": lambda unit: records.update(unit, _only(unit, Product, "Blue mug"), {"name": "Blue mug"}),
}


def test_a_document_changed_in_place_and_marked_keeps_its_before(mug: int, house: Actor) -> None:
    with writes.unit(house, "First") as unit:
        unit.get(Product, mug).attributes = {"colour": "blue"}
    with writes.unit(house, "In place") as unit:
        product = unit.get(Product, mug)
        product.attributes["height"] = 9
        flag_modified(product, "attributes")
    assert [draft.diff for draft in unit.receipt.changes] == [{"attributes.height": [None, 9]}]


@pytest.mark.parametrize("deed", DEEDS)
def test_a_preview_equals_what_the_run_then_writes(mug: int, house: Actor, deed: str) -> None:
    before = rows()
    _result, seen = writes.run(house, deed, DEEDS[deed], preview=True)
    assert seen.change_set_id is None
    assert rows() == before
    _result, written = writes.run(house, deed, DEEDS[deed])
    assert [told(draft.row(0)) for draft in seen.changes] == [told(draft.row(0)) for draft in written.changes]
    stored = select(Change.__table__).where(Change.change_set_id == written.change_set_id).order_by(Change.id)
    assert [told(dict(row)) for row in db.session.execute(stored).mappings()] == [
        told(draft.row(0)) for draft in seen.changes
    ]


def rows() -> dict[str, list[str]]:
    """Return every row of every table."""
    db.session.rollback()
    tables = Base.metadata.sorted_tables
    return {table.name: sorted(map(repr, db.session.execute(select(table)).all())) for table in tables}


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a change tells but for its moment and the numbers of new rows, which PostgreSQL gives only once."""
    found = {key: row[key] for key in ("resource", "label", "verb", "version", "scope_before", "scope_after")}
    if db.engine.dialect.name == "postgresql":
        found |= {key: re.sub(r"[0-9]+/", "/", found[key] or "") for key in ("scope_before", "scope_after")}
    unsure = {"trashed_at", "parent_id"}
    diff = {key: [value is None for value in pair] if key in unsure else pair for key, pair in row["diff"].items()}
    return found | {"diff": diff, "record_id": row["verb"] == "create" or row["record_id"]}


def test_a_taken_sku_is_refused_in_words(mug: int, house: Actor) -> None:
    with pytest.raises(Refused) as caught, writes.unit(house, "Again") as unit:
        unit.add(Product(sku="M-1", name="Another"))
    assert caught.value.field == "sku"


def test_a_category_does_not_move_under_its_child(app: Flask, house: Actor) -> None:
    with writes.unit(house, "Tree") as unit:
        top = unit.add(Category(name="Top"))
        unit.session.flush()
        low = unit.add(Category(name="Low", parent_id=top.id))
        unit.session.flush()
        unit.add(Category(name="Lowest", parent_id=low.id))
    with pytest.raises(Refused) as caught, writes.unit(house, "Move") as unit:
        unit.get(Category, top.id).parent_id = low.id
    assert caught.value.field == "parent_id"
    with writes.unit(house, "Move") as unit:
        unit.get(Category, low.id).parent_id = None
    paths = db.session.scalars(select(Category.path).order_by(Category.id)).all()
    assert paths == [f"/{top.id}/", f"/{low.id}/", f"/{low.id}/{low.id + 1}/"]


#: What would change how a connection writes or checks, and what merely asks.
SETTING = (
    "PRAGMA query_only = OFF", "PRAGMA query_only(0)", "PRAGMA main.query_only", "PRAGMA foreign_keys=OFF",
    "PRAGMA foreign_keys(0)", "pragma main.journal_mode (DELETE)", "PRAGMA ignore_check_constraints ( 1 )",
)  # fmt: skip
ASKING = (
    "PRAGMA quick_check(1)", 'PRAGMA main.table_info("product")', "PRAGMA table_xinfo(product)",
    "PRAGMA index_list(product)", "PRAGMA foreign_key_list(product)",
)  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_the_door_changes_how_a_connection_writes(app: Flask, subtests: pytest.Subtests) -> None:
    for statement in SETTING:
        with subtests.test(statement), pytest.raises(WriteRefused):
            db.session.execute(text(statement))
        db.session.rollback()
    for statement in ASKING:
        with subtests.test(statement):
            assert db.session.execute(text(statement)).all()
    driver = db.session.connection().connection.driver_connection
    assert driver is not None and driver.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_written_is_told_as_it_is(mug: int, house: Actor) -> None:
    """Inside of a unit “read-only” is no fault of the code."""
    path = db.engine.url.database
    db.session.remove()
    db.engine.dispose()
    engine = create_engine(f"sqlite:///file:{path}?immutable=1&uri=true")
    guard.protect(engine)
    held = guard.Pass(open=1)
    with engine.execution_options(**{guard.OPTION: held}).connect() as connection, pytest.raises(OperationalError):
        connection.execute(update(Brand).values(website="x"))
    engine.dispose()


def test_an_attempt_that_fails_leaves_nothing_behind(mug: int, house: Actor) -> None:
    def fail(unit: writes.Unit) -> None:
        with unit.attempt():
            bulk.insert_rows(unit, Brand, [{"name": "Tin"}])
            unit.emit("tested", {})
            plates = unit.add(Category(name="Plates"))
            unit.session.flush()
            unit.get(Product, mug).category = plates
            unit.session.flush()
            unit.add(Category(name="Top"))

    def work(unit: writes.Unit) -> None:
        top = unit.add(Category(name="Top"))
        unit.session.flush()
        with pytest.raises(Refused):
            fail(unit)
        unit.get(Product, mug).category_id = top.id

    _nothing, receipt = writes.run(house, "Try", work)
    assert [(draft.model, draft.verb) for draft in receipt.changes] == [(Category, "create"), (Product, "update")]
    assert db.session.scalars(select(Brand.name)).all() == ["Clay & Co"]
    assert not db.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "tested")).all()
    made = db.session.scalars(select(Category).where(Category.name == "Top")).one()
    assert made.path == f"/{made.id}/", "what settled within the attempt came before it"
    assert receipt.changes[1].scope_after == made.path


def test_an_attempt_hears_what_records_and_rules_say_when_they_settle(mug: int, house: Actor) -> None:
    def work(unit: writes.Unit) -> list[str]:
        said = []
        category = unit.session.scalars(select(Category)).one()
        administrator = unit.session.scalars(select(Role).where(Role.key == "administrator")).one()
        for record in (category, administrator, unit.session.scalars(select(Tag)).one()):
            try:
                with unit.attempt():
                    record.trashed_at = utcnow()
            except Refused as refused:
                said.append(str(refused))
        return said

    said, receipt = writes.run(house, "Trash", work)
    assert ["holds products" in said[0], "administrator role" in said[1], len(said)] == [True, True, 2]
    assert [(draft.model, draft.verb) for draft in receipt.changes] == [(Tag, "trash")]
    assert db.session.scalars(select(OutboxMessage.topic)).all() == ["category.created"]


def test_a_request_sent_twice_at_once_is_done_once(app: Flask, house: Actor) -> None:
    started, done = threading.Event(), []

    def work(unit: writes.Unit) -> None:
        unit.add(Tag(name="once"))
        started.set()
        time.sleep(0.3)

    def send() -> None:
        with app.app_context():
            try:
                done.append(writes.run(house, "Send", work, request_id="the same")[1].change_set_id)
            except writes.AlreadyDone as repeated:
                done.append(-repeated.change_set_id)
            db.session.remove()

    first, second = threading.Thread(target=send), threading.Thread(target=send)
    first.start()
    started.wait(10)
    second.start()
    first.join(20)
    second.join(20)
    assert len(done) == 2 and done[1] == -done[0]
    assert db.session.scalars(select(Tag.name)).all() == ["once"]


def test_a_request_of_somebody_else_is_another_one(app: Flask, house: Actor) -> None:
    for number, actor in enumerate((house, replace(house, user_id=7), replace(house, user_id=8))):
        writes.run(actor, "Send", lambda unit, number=number: unit.add(Tag(name=str(number))), request_id="the same")
        with pytest.raises(writes.AlreadyDone):
            writes.run(actor, "Send", lambda unit: unit.add(Tag(name="again")), request_id="the same")
    assert len(db.session.scalars(select(Tag)).all()) == 3
