"""What two people do at once: nothing is lost, nothing done twice, and who was slower is told what to do."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backoffice import guard, writes
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import ADMINISTRATOR, Role
from backoffice.models.user import User
from backoffice.operations.guards import can_sign_in
from backoffice.operations.imports import Options, import_file
from backoffice.policy import Actor

from .conftest import Browser, World, digest, form_of, product
from .races import at_once, counted, history_of, within

SignIn = Callable[..., Browser]
JSON = {"Accept": "application/json"}


def statuses(answers: list[TestResponse]) -> list[int]:
    """Return the statuses, the lowest first."""
    return sorted(answer.status_code for answer in answers)


def newest_set() -> int:
    """Return the key of the newest change set."""
    return db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc()).limit(1)).one()


# Two editors of one product.


def test_different_fields_of_one_product_are_both_kept(app: Flask, sign_in: SignIn, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    mine, theirs = sign_in("administrator"), sign_in("catalogue-manager")
    forms = [mine.form(address) | {"name": "Red mug"}, theirs.form(address) | {"price": "15.00"}]
    answers = at_once(app, lambda: mine.post(address, forms[0]), lambda: theirs.post(address, forms[1]))
    assert statuses(answers) == [303, 303]
    mug = product(world.mug)
    assert (mug.name, mug.price, mug.version) == ("Red mug", Decimal("15.0000"), 3)
    assert len(history_of("product", world.mug)) == 3
    counted()


def test_the_same_field_of_one_product_asks_the_slower_one(app: Flask, sign_in: SignIn, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    people = {"Red mug": sign_in("administrator"), "Green mug": sign_in("catalogue-manager")}
    forms = {
        name: browser.form(address) | {"name": name, "attributes": f"by = {name}"} for name, browser in people.items()
    }
    answers = dict(
        zip(
            people,
            at_once(app, *(lambda name=name: people[name].post(address, forms[name]) for name in people)),
            strict=True,
        )
    )
    assert statuses(list(answers.values())) == [303, 409]
    mug = product(world.mug)
    slower = next(name for name, answer in answers.items() if answer.status_code == 409)
    assert mug.name == next(name for name in people if name != slower) and mug.version == 2
    shown = answers[slower].text
    assert mug.name in shown and slower in shown
    assert form_of(shown)["name"] == slower, "what was typed stands in the form"
    assert len(history_of("product", world.mug)) == 2
    decided = form_of(shown) | {"_choice.name": "yours"}
    assert people[slower].post(address, decided).status_code == 303
    assert product(world.mug).name == slower


def test_one_cell_takes_one_value_and_shows_the_other(app: Flask, sign_in: SignIn, world: World) -> None:
    browsers = {"13": sign_in("administrator"), "14": sign_in("catalogue-manager")}
    for browser in browsers.values():
        assert browser.token

    def edit(price: str) -> TestResponse:
        cell = {"id": world.mug, "version": 1, "price": price}
        return browsers[price].post("/admin/product/ajax/update/", cell, headers=JSON)

    answers = at_once(app, lambda: edit("13"), lambda: edit("14"))
    assert statuses(answers) == [200, 409]
    told = next(answer for answer in answers if answer.status_code == 409).json
    kept = product(world.mug).price
    assert f"{kept:.2f}" in told["message"] and told["version"] == 2
    assert f"{27 - kept:.2f}" in told["message"], "both values are told"
    assert len(history_of("product", world.mug)) == 2


# One request, twice.


def test_a_new_record_sent_twice_at_once_is_one(app: Flask, admin: Browser) -> None:
    form = admin.form("/admin/product/new/") | {"name": "Once", "sku": "O-1"}
    answers = at_once(app, *([lambda: admin.post("/admin/product/new/", form)] * 2))
    assert statuses(answers) == [303, 303]
    found = db.session.scalars(select(Product).where(Product.sku == "O-1")).one()
    assert {answer.location for answer in answers} == {f"/admin/product/edit/?id={found.id}"}


def test_an_edit_sent_twice_at_once_is_done_once(app: Flask, admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"price": "15.00"}
    answers = at_once(app, *([lambda: admin.post(address, form)] * 2))
    assert statuses(answers) == [303, 303]
    assert answers[0].location == answers[1].location
    assert len(history_of("product", world.mug)) == 2


def test_a_mass_action_twice_at_once_touches_each_row_once(app: Flask, sign_in: SignIn, world: World) -> None:
    browsers = [sign_in("administrator"), sign_in("catalogue-manager")]
    rows = [str(world.mug), str(world.case)]
    orders = [rows, rows[::-1]]

    def act(place: int) -> TestResponse:
        return browsers[place].post("/admin/product/action/", {"action": "publish", "rowid": orders[place]})

    for browser in browsers:
        assert browser.token
    assert statuses(at_once(app, lambda: act(0), lambda: act(1))) == [303, 303]
    for key in (world.mug, world.case):
        assert (product(key).status, product(key).version) == ("published", 2)
        assert len(history_of("product", key)) == 2
    counted()


def test_a_mass_action_sent_again_is_told_as_done(admin: Browser, world: World) -> None:
    page = admin.get("/admin/product/").text
    mark = re.search(r'name="_request" value="(\w+)"', page)
    assert mark
    sent = {"action": "publish", "rowid": [str(world.mug), str(world.case)], "_request": mark[1]}
    first, again = (admin.post("/admin/product/action/", sent, follow_redirects=True).text for _time in range(2))
    assert "2 products published." in first
    assert "This was done already; it was not done twice." in again and "Skipped" not in again
    # Other rows of the same page are another request.
    other = admin.post("/admin/product/action/", sent | {"action": "archive"}, follow_redirects=True).text
    assert "2 products archived." in other
    assert len(history_of("product", world.mug)) == 3


UNDONE = ("edit", "create", "action")


@pytest.mark.parametrize("deed", UNDONE)
def test_an_undo_twice_at_once_takes_back_once(app: Flask, sign_in: SignIn, world: World, deed: str) -> None:
    admin, other = sign_in("administrator"), sign_in("catalogue-manager")
    if deed == "edit":
        admin.submit(f"/admin/product/edit/?id={world.mug}", price="15.00", name="Red mug")
    elif deed == "create":
        admin.submit("/admin/product/new/", name="New", sku="N-1")
    else:
        admin.post("/admin/product/action/", {"action": "trash", "rowid": [str(world.mug), str(world.case)]})
    key = newest_set()
    assert other.token
    undo = [lambda one=one: one.post("/admin/history/undo/", {"change_set": key}) for one in (admin, other)]
    assert statuses(at_once(app, *undo)) == [303, 303]
    undone = db.session.scalars(select(ChangeSet).where(ChangeSet.undo_of_id == key)).all()
    assert len(undone) == 1 and undone[0].change_count == (2 if deed == "action" else 1)
    counted()
    mug = product(world.mug)
    assert (mug.name, mug.price, mug.trashed_at) == ("Blue mug", Decimal("12.9000"), None)
    assert not db.session.scalars(select(Product).where(Product.sku == "N-1", Product.trashed_at.is_(None))).all()


# Who administers the house.

LEAVING: dict[str, Callable[[Browser, World, int], TestResponse]] = {
    "deactivate": lambda browser, world, key: browser.post(
        f"/admin/user/edit/?id={key}", {name: value for name, value in opened(browser, key).items() if name != "active"}
    ),
    "demote": lambda browser, world, key: browser.post(
        f"/admin/user/edit/?id={key}", opened(browser, key) | {"roles": [str(world.roles["viewer"])]}
    ),
    "trash": lambda browser, world, key: browser.post("/admin/user/delete/", {"id": key}),
    "trash ticked": lambda browser, world, key: browser.post(
        "/admin/user/action/", {"action": "trash", "rowid": [str(key)]}
    ),
}


def opened(browser: Browser, key: int) -> dict[str, Any]:
    """Return the form of a person."""
    return browser.form(f"/admin/user/edit/?id={key}")


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [("deactivate", "deactivate"), ("demote", "demote"), ("trash", "trash"), ("deactivate", "demote"),
     ("trash ticked", "demote"), ("trash", "trash ticked")],
)  # fmt: skip
def test_two_administrators_against_each_other_leave_one(
    app: Flask, sign_in: SignIn, world: World, house: Actor, mine: str, theirs: str
) -> None:
    with writes.unit(house, "Second") as unit:
        roles = [unit.get(Role, world.roles["administrator"])]
        second = unit.add(User(email="second@example.org", roles=roles, password_hash="unused"))
    world.users["second"] = second.id
    first = world.users["administrator"]
    browsers = [sign_in("administrator"), sign_in("second")]
    assert all(browser.token for browser in browsers)
    answers = at_once(
        app,
        lambda: LEAVING[mine](browsers[0], world, second.id),
        lambda: LEAVING[theirs](browsers[1], world, first),
    )
    assert all(answer.status_code in (303, 400, 403) for answer in answers), statuses(answers)
    holders = select(User.id).where(can_sign_in(), User.roles.any(Role.key == ADMINISTRATOR))
    assert len(db.session.scalars(holders).all()) == 1
    counted()


# One name, one code.


def test_two_products_of_one_name_get_two_addresses(app: Flask, sign_in: SignIn, world: World) -> None:
    people = ("administrator", "catalogue-manager", "editor")
    browsers = [sign_in(who) for who in people]
    forms = [
        browser.form("/admin/product/new/") | {"name": "Same name", "sku": f"S-{number}"}
        for number, browser in enumerate(browsers)
    ]
    sent = [
        lambda form=form, browser=browser: browser.post("/admin/product/new/", form)
        for form, browser in zip(forms, browsers, strict=True)
    ]
    assert statuses(at_once(app, *sent)) == [303, 303, 303]
    slugs = db.session.scalars(select(Product.slug).where(Product.name == "Same name").order_by(Product.slug)).all()
    assert slugs == ["same-name", "same-name-2", "same-name-3"]


@pytest.mark.parametrize(("field", "typed"), [("sku", "S-1"), ("slug", "typed-slug")])
def test_one_typed_code_goes_to_one_and_the_other_is_told_at_the_field(
    app: Flask, sign_in: SignIn, field: str, typed: str
) -> None:
    browsers = [sign_in("administrator"), sign_in("catalogue-manager")]
    forms = [
        browser.form("/admin/product/new/") | {"name": f"Name {number}", "sku": f"K-{number}"} | {field: typed}
        for number, browser in enumerate(browsers)
    ]
    answers = at_once(
        app,
        lambda: browsers[0].post("/admin/product/new/", forms[0]),
        lambda: browsers[1].post("/admin/product/new/", forms[1]),
    )
    assert statuses(answers) == [303, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert form_of(refused.text)[field] == typed
    told = re.search(rf'id="f-{field}-error">(.*?)</div>', refused.text, re.DOTALL)
    assert told and re.search("belongs to “Name [01]”|this value is taken", told[1]), told
    assert db.session.scalar(select(func.count()).where(getattr(Product, field) == typed)) == 1


# A file and a form.


def test_a_file_and_a_form_for_one_product_lose_nothing(
    app: Flask, admin: Browser, world: World, house: Actor, tmp_path: Path
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"name": "Red mug"}
    file = tmp_path / "file.csv"
    file.write_text("sku,price\nM-1,15.00\n", encoding="utf-8")
    report, answer = at_once(
        app,
        within(app, lambda: import_file(house, file, Options(model=Product, folder=tmp_path))),
        lambda: admin.post(address, form),
    )
    assert (report.updated, report.failed, answer.status_code) == (1, 0, 303)
    mug = product(world.mug)
    assert (mug.name, mug.price, mug.version) == ("Red mug", Decimal("15.0000"), 3)
    history_of("product", world.mug)


def test_a_file_and_a_form_that_create_one_sku_make_one(
    app: Flask, admin: Browser, house: Actor, tmp_path: Path
) -> None:
    form = admin.form("/admin/product/new/") | {"name": "By form", "sku": "S-1"}
    file = tmp_path / "file.csv"
    file.write_text("sku,name,price\nS-1,By file,15.00\nS-2,Other,1.00\n", encoding="utf-8")
    report, answer = at_once(
        app,
        within(app, lambda: import_file(house, file, Options(model=Product, folder=tmp_path))),
        lambda: admin.post("/admin/product/new/", form),
    )
    assert report.failed == 0
    made = db.session.scalars(select(Product).where(Product.sku == "S-1")).one()
    if answer.status_code == 303:
        assert (report.created, report.updated, made.name, made.version) == (1, 1, "By file", 2)
    else:
        assert (answer.status_code, report.created, made.name) == (400, 2, "By file")
        assert "belongs to “By file”" in answer.text and form_of(answer.text)["name"] == "By form"
    history_of("product", made.id)
    counted()


# A lock that does not come.


@contextmanager
def held(app: Flask, key: int) -> Iterator[None]:
    """Hold what a write of the product needs, as another process would, longer than anybody waits."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite":
        other = sqlite3.connect(str(url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.rollback()
            other.close()
        return
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as other:
        other.execute("SELECT id FROM product WHERE id = %s FOR UPDATE", [key])
        yield
        other.rollback()


@pytest.fixture
def impatient(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for a lock."""
    monkeypatch.setattr(guard, "LOCK_TIMEOUT_MS", 200)
    monkeypatch.setattr(guard, "BUSY_TIMEOUT_MS", 200)
    db.session.remove()
    db.engine.dispose()


def test_a_lock_waited_for_in_vain_says_what_to_do(
    app: Flask, admin: Browser, world: World, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"name": "Typed while it was locked"}
    before = digest()
    db.session.rollback()
    with held(app, world.mug):
        answers = {
            "form": admin.post(address, form),
            "form by script": admin.post(address, form, headers=JSON),
            "cell": admin.post(
                "/admin/product/ajax/update/", {"id": world.mug, "version": 1, "price": "13"}, headers=JSON
            ),
            "delete": admin.post("/admin/product/delete/", {"id": world.mug}),
            "action": admin.post("/admin/product/action/", {"action": "publish", "rowid": [str(world.mug)]}),
        }
    for name, answer in answers.items():
        assert answer.status_code == 503, name
        assert int(answer.headers["Retry-After"]) > 0, name
        assert "Nothing was saved" in answer.text, name
    assert form_of(answers["form"].text)["name"] == "Typed while it was locked"
    assert digest() == before
    assert "Traceback" not in answers["form"].text
    again = admin.post(address, form_of(answers["form"].text))
    assert again.status_code == 303 and product(world.mug).name == "Typed while it was locked"


def test_a_lock_that_comes_late_is_waited_for(app: Flask, admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"name": "Later"}
    db.session.rollback()
    free, ready = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), held(app, world.mug):
            ready.set()
            free.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait(10)
    threading.Timer(0.4, free.set).start()
    assert admin.post(address, form).status_code == 303
    holder.join(10)
    assert product(world.mug).name == "Later"


def test_brands_of_one_name_get_two_addresses(app: Flask, sign_in: SignIn) -> None:
    browsers = [sign_in("administrator"), sign_in("catalogue-manager")]
    forms = [browser.form("/admin/brand/new/") | {"name": "Oak"} for browser in browsers]
    answers = at_once(
        app,
        lambda: browsers[0].post("/admin/brand/new/", forms[0]),
        lambda: browsers[1].post("/admin/brand/new/", forms[1]),
    )
    assert statuses(answers) == [303, 303]
    slugs = db.session.scalars(select(Brand.slug).where(Brand.name == "Oak").order_by(Brand.slug)).all()
    assert slugs == ["oak", "oak-2"]
