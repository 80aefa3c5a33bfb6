"""Two people at the same moment: both stand at the door before either goes in, and nothing of their work is lost."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, func, select
from werkzeug.test import TestResponse

from backoffice import guard, writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import ADMINISTRATOR
from backoffice.models.user import User
from backoffice.operations import records
from backoffice.policy import Actor

from .conftest import Browser, World, form_of, product

Request = Callable[[], TestResponse]

WAIT = 30


@contextmanager
def meeting(number: int) -> Iterator[list[int]]:
    """Hold `number` threads, each once, where a unit begins, until all of them stand there; give who came."""
    barrier, met = threading.Barrier(number), list[int]()

    def wait(connection: Connection) -> None:
        if guard.OPTION in connection.get_execution_options() and threading.get_ident() not in met:
            met.append(threading.get_ident())
            barrier.wait(WAIT)

    # Before the transaction begins: SQLite lets one writer in.
    event.listen(db.engine, "engine_connect", wait)
    try:
        yield met
    finally:
        event.remove(db.engine, "engine_connect", wait)


def together(*requests: Request) -> list[TestResponse]:
    """Send requests that all reach the door before any goes in; return their answers in the same order."""
    db.session.rollback()
    answers: dict[int, TestResponse] = {}
    with meeting(len(requests)) as met:
        threads = [
            threading.Thread(target=lambda place=place, send=send: answers.update({place: send()}))
            for place, send in enumerate(requests)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * WAIT)
        assert len(met) == len(requests) == len(answers)
    db.session.rollback()
    return [answers[place] for place in range(len(requests))]


def statuses(answers: list[TestResponse]) -> list[int]:
    """Return the statuses of answers in order: who came first is left to chance."""
    return sorted(answer.status_code for answer in answers)


def loser(answers: list[TestResponse]) -> TestResponse:
    """Return the one answer that is no redirection."""
    (found,) = [answer for answer in answers if answer.status_code != 303]
    return found


def sets() -> int:
    """Return the number of change sets."""
    return db.session.scalar(select(func.count()).select_from(ChangeSet)) or 0


@pytest.fixture
def pair(sign_in: Callable[..., Browser]) -> tuple[Browser, Browser]:
    """Return the browsers of two people, with their tokens."""
    found = sign_in("administrator"), sign_in("catalogue-manager")
    assert all(browser.token for browser in found)
    return found


Pair = tuple[Browser, Browser]


def test_two_editors_of_different_fields_both_keep_theirs(pair: Pair, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    one, other = (browser.form(address) for browser in pair)
    one |= {"price": "15.00", "attributes": "colour = blue\nsize = 2"}
    other |= {"name": "Green mug", "attributes": "colour = green"}
    before = sets()
    answers = together(lambda: pair[0].post(address, one), lambda: pair[1].post(address, other))
    assert statuses(answers) == [303, 303]
    mug = product(world.mug)
    assert (mug.price, mug.name, mug.attributes) == (Decimal(15), "Green mug", {"colour": "green", "size": 2})
    assert (mug.version, sets()) == (3, before + 2)


def test_two_editors_of_one_field_are_shown_both(pair: Pair, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    one, other = (browser.form(address) for browser in pair)
    prices = {0: "15.00", 1: "16.00"}
    answers = together(
        lambda: pair[0].post(address, one | {"price": prices[0]}),
        lambda: pair[1].post(address, other | {"price": prices[1], "name": "Typed name"}),
    )
    assert statuses(answers) == [303, 409]
    lost = answers.index(loser(answers))
    assert product(world.mug).price == Decimal(prices[1 - lost])
    page = answers[lost].text
    assert form_of(page)["price"] == prices[lost]
    assert re.findall(r'<td>[^<]*<bdi class="amount">([^<]*)</bdi>', page) == ["12.90", prices[1 - lost], prices[lost]]
    # Nothing of it was saved, and all of it is by the next sending.
    assert product(world.mug).name == ("Typed name" if lost == 0 else "Blue mug")
    assert pair[lost].post(address, form_of(page)).status_code == 303
    mug = product(world.mug)
    assert (mug.price, mug.name) == (Decimal(prices[lost]), "Typed name")


def test_two_creations_of_one_sku_make_one_product(pair: Pair, world: World) -> None:
    forms = [{"name": f"Twin {number}", "sku": "T-1", "price": "5", "_request": f"r{number}"} for number in (1, 2)]
    answers = together(*(lambda b=b, f=f: b.post("/admin/product/new/", f) for b, f in zip(pair, forms, strict=True)))
    assert statuses(answers) == [303, 400]
    lost = answers.index(loser(answers))
    assert "SKU: " in answers[lost].text and not re.search("UNIQUE|constraint|psycopg", answers[lost].text)
    assert {"name": forms[lost]["name"], "sku": "T-1", "price": "5"}.items() <= form_of(answers[lost].text).items()
    assert list(db.session.scalars(select(Product.name).where(Product.sku == "T-1"))) == [forms[1 - lost]["name"]]


@pytest.mark.parametrize("resource", ["product", "brand", "tag", "category"])
def test_two_creations_of_one_name_both_come_about(pair: Pair, world: World, resource: str) -> None:
    admin, other = pair
    forms = [{"name": "Same name", "sku": f"S-{number}", "_request": f"r{number}"} for number in (1, 2)]
    address = f"/admin/{resource}/new/"
    answers = together(lambda: admin.post(address, forms[0]), lambda: other.post(address, forms[1]))
    if resource == "category":
        # Its names are its address in the tree: the second one is told.
        assert statuses(answers) == [303, 400] and "stands here already" in loser(answers).text
        return
    assert statuses(answers) == [303, 303], loser(answers).text[:3000]
    model: Any = records.resources()[resource]
    assert set(db.session.scalars(select(model.slug).where(model.name == "Same name"))) == {"same-name", "same-name-2"}


def test_an_edit_of_what_is_trashed_meanwhile_is_done_before_or_kept(pair: Pair, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = pair[0].form(address) | {"name": "Typed name"}
    edited, trashed = together(
        lambda: pair[0].post(address, form), lambda: pair[1].post("/admin/product/delete/", {"id": world.mug})
    )
    assert trashed.status_code == 303
    mug = product(world.mug)
    assert mug.trashed_at is not None
    if edited.status_code == 303:
        assert mug.name == "Typed name"
    else:
        assert edited.status_code == 400 and "Restore it first" in edited.text
        assert form_of(edited.text)["name"] == "Typed name" and mug.name == "Blue mug"


def test_a_cell_and_a_form_at_once_show_the_later_one_both(pair: Pair, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = pair[0].form(address) | {"price": "15.00"}
    cell = {"id": world.mug, "version": "1", "price": "16.00"}
    json = {"Accept": "application/json"}
    saved, edited = together(
        lambda: pair[0].post(address, form),
        lambda: pair[1].post("/admin/product/ajax/update/", cell, headers=json),
    )
    if saved.status_code == 303:
        assert edited.status_code == 409 and product(world.mug).price == Decimal(15)
        assert "to 15.00 while you typed 16.00" in edited.json["message"]
        assert (edited.json["value"], edited.json["version"]) == ("15.00", 2)
    else:
        assert (saved.status_code, edited.status_code) == (409, 200) and product(world.mug).price == Decimal(16)
        assert form_of(saved.text)["price"] == "15.00" and "16.00" in saved.text


def test_two_cells_of_one_row_both_keep_theirs(pair: Pair, world: World) -> None:
    cells = ({"price": "15.00"}, {"status": "published"})
    address = "/admin/product/ajax/update/"
    data = [{"id": world.mug, "version": "1"} | cell for cell in cells]
    together(lambda: pair[0].post(address, data[0]), lambda: pair[1].post(address, data[1]))
    mug = product(world.mug)
    assert (mug.price, mug.status, mug.version) == (Decimal(15), "published", 3)


@pytest.mark.parametrize("way", ["roles", "active", "trash"])
def test_of_two_last_administrators_one_stays(
    sign_in: Callable[..., Browser], world: World, house: Actor, way: str
) -> None:
    def promote(unit: writes.Unit) -> None:
        roles = [world.roles["administrator"]]
        records.update(unit, unit.get(User, world.users["editor"]), {"roles": roles})

    writes.run(house, "Promote", promote)
    people = [world.users[name] for name in ("administrator", "editor")]
    browsers = sign_in("administrator"), sign_in("editor")
    changes = {"roles": {"roles": [str(world.roles["viewer"])]}, "active": {"active": ""}, "trash": {}}[way]
    requests: list[Request] = []
    # Each takes the other out.
    for browser, key in zip(browsers, reversed(people), strict=True):
        address, form = f"/admin/user/edit/?id={key}", browser.form(f"/admin/user/edit/?id={key}")
        if way == "trash":
            address, form = "/admin/user/delete/", {"id": key}
        form.pop("active", None) if way == "active" else None
        requests.append(lambda b=browser, a=address, f=form | changes: b.post(a, f))
    answers = together(*requests)
    db.session.rollback()
    left = [
        user
        for user in db.session.scalars(select(User))
        if user.active and not user.trashed_at and ADMINISTRATOR in {role.key for role in user.roles}
    ]
    assert len(left) == 1
    if way == "trash":
        assert statuses(answers) == [303, 303]
        pages = [browser.get("/admin/user/").text for browser in browsers]
        assert sum("is the last administrator" in page for page in pages) == 1
    else:
        assert statuses(answers) == [303, 400]
        assert "is the last administrator who can sign in" in loser(answers).text


def test_an_undo_sent_twice_at_once_is_done_once(pair: Pair, world: World) -> None:
    pair[0].submit(f"/admin/product/edit/?id={world.mug}", price="15.00", name="Green mug")
    done, before = db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc())).first(), sets()
    answers = together(*(lambda b=b: b.post("/admin/history/undo/", {"change_set": done}) for b in pair))
    assert statuses(answers) == [303, 303]
    mug = product(world.mug)
    assert (mug.price, mug.name, mug.version, sets()) == (Decimal("12.90"), "Blue mug", 3, before + 1)
    pages = [browser.get("/admin/history/").text for browser in pair]
    assert sorted(("Undone." in page, "Nothing was taken back." in page) for page in pages) == [
        (False, True),
        (True, False),
    ]


def test_an_undo_and_an_edit_at_once_lose_nothing(pair: Pair, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    pair[0].submit(address, price="15.00", name="Green mug")
    done = db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc())).first()
    form = pair[1].form(address) | {"price": "16.00"}
    undone, edited = together(
        lambda: pair[0].post("/admin/history/undo/", {"change_set": done}), lambda: pair[1].post(address, form)
    )
    mug = product(world.mug)
    assert undone.status_code == 303 and mug.name == "Blue mug"
    if edited.status_code == 303:
        assert mug.price == Decimal(16)
    else:
        assert edited.status_code == 409 and mug.price == Decimal("12.90")
        assert form_of(edited.text)["price"] == "16.00"


def test_a_form_sent_twice_at_once_is_done_once(pair: Pair, world: World) -> None:
    form = pair[0].form("/admin/product/new/") | {"name": "Once", "sku": "O-1"}
    answers = together(*(lambda: pair[0].post("/admin/product/new/", form) for _time in range(2)))
    assert statuses(answers) == [303, 303]
    assert answers[0].location == answers[1].location
    assert db.session.scalar(select(func.count()).select_from(Product).where(Product.sku == "O-1")) == 1


def test_two_moves_that_would_make_a_circle_leave_a_tree(pair: Pair, world: World) -> None:
    forms = []
    for browser, key, parent in ((pair[0], world.phones, world.cups), (pair[1], world.cups, world.phones)):
        address = f"/admin/category/edit/?id={key}"
        forms.append((browser, address, browser.form(address) | {"parent_id": str(parent)}))
    answers = together(*(lambda b=b, a=a, f=f: b.post(a, f) for b, a, f in forms))
    assert statuses(answers) == [303, 400]
    assert "lies within this category. Choose one outside of it." in loser(answers).text
    assert_is_tree()


def test_a_category_that_is_trashed_meanwhile_takes_nothing_in(pair: Pair, world: World, house: Actor) -> None:
    empty = writes.run(house, "Empty", lambda unit: records.create(unit, Category, {"name": "Empty"}).id)[0]
    mug, cases = f"/admin/product/edit/?id={world.mug}", f"/admin/category/edit/?id={world.cases}"
    for address, field in ((mug, "category_id"), (cases, "parent_id")):
        form = pair[0].form(address) | {field: str(empty)}
        moved, _trashed = together(
            lambda a=address, f=form: pair[0].post(a, f),
            lambda: pair[1].post("/admin/category/delete/", {"id": empty}),
        )
        gone = db.session.get_one(Category, empty).trashed_at is not None
        assert (moved.status_code, gone) in ((400, True), (303, False))
        assert moved.status_code == 303 or re.search("is not there any more|is in the trash", moved.text)
        assert_is_tree()
        writes.run(house, "Back", lambda unit: records.restore(unit, unit.get(Category, empty)))
        for model, key, name in ((Product, world.mug, "category_id"), (Category, world.cases, "parent_id")):
            place = {name: world.cups}
            writes.run(house, "Out", lambda unit, m=model, k=key, p=place: records.update(unit, unit.get(m, k), p))


def test_a_row_is_not_filed_under_what_goes_to_the_trash_while_it_waits(app: Flask, world: World, house: Actor) -> None:
    """The category is read as live, then trashed by somebody else before the row is written."""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: nobody trashes anything while a unit is open")
    for model, key, field in ((Product, world.mug, "category_id"), (Category, world.cases, "parent_id")):
        empty = writes.run(house, "Empty", lambda unit: records.create(unit, Category, {"name": "Empty"}).id)[0]

        def file(unit: writes.Unit, m: Any = model, k: int = key, f: str = field, e: int = empty) -> None:
            record = unit.get(m, k)
            unit.session.get_one(Category, e)
            thread = threading.Thread(target=trash, args=(e,))
            thread.start()
            thread.join(WAIT)
            setattr(record, f, e)

        def trash(e: int) -> None:
            with app.app_context():
                writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Category, e)))
                db.session.remove()

        with pytest.raises(Refused, match="is in the trash"):
            writes.run(house, "File", file)
        assert_is_tree()


def test_rows_ticked_in_both_directions_are_all_done(pair: Pair, world: World, house: Actor) -> None:
    def many(unit: writes.Unit) -> list[int]:
        return [records.create(unit, Product, {"sku": f"D-{n}", "name": "Many"}).id for n in range(40)]

    keys = [str(key) for key in writes.run(house, "Many", many)[0]]
    answers = together(
        lambda: pair[0].post("/admin/product/action/", {"action": "publish", "rowid": keys}),
        lambda: pair[1].post("/admin/product/action/", {"action": "trash", "rowid": keys[::-1]}),
    )
    assert statuses(answers) == [303, 303]
    rows = list(db.session.scalars(select(Product).where(Product.name == "Many")))
    assert all(row.trashed_at for row in rows) and len({row.status for row in rows}) == 1
    recorded = select(func.count()).select_from(Change).where(Change.resource == "product", Change.version > 1)
    assert db.session.scalar(recorded.where(Change.record_id.in_(map(int, keys)))) == sum(r.version - 1 for r in rows)


def assert_is_tree() -> None:
    """Assert that each path is that of the parent and the own key, and that nothing live stands in the trash."""
    db.session.rollback()
    found = {category.id: category for category in db.session.scalars(select(Category))}
    for category in found.values():
        above = found[category.parent_id].path if category.parent_id else "/"
        assert category.path == f"{above}{category.id}/"
        assert category.depth == category.path.count("/") - 2
        assert category.trashed_at or not category.parent_id or not found[category.parent_id].trashed_at
    for live in db.session.scalars(select(Product).where(Product.trashed_at.is_(None))):
        assert not live.category_id or not found[live.category_id].trashed_at
