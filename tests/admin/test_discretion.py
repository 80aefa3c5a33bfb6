"""What a person may not know is not told beside the point: in a toast, a title, a refusal, a look-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import undo
from backoffice.policy import Actor
from backoffice.selection import look_up
from tests.conftest import role_rights

from .conftest import Browser, World, product

Person = Callable[..., Browser]
PRODUCT = ("product:read", "product:update", "product:delete", "product:publish")
JSON = {"Accept": "application/json"}


@pytest.fixture
def person(app: Flask, world: World, house: Actor, sign_in: Callable[..., Browser]) -> Person:
    """Return what opens a browser for somebody with a role for each list of grants; the first one hides fields."""

    def opened(*roles: Iterable[str], hidden: Iterable[str] = ()) -> Browser:
        with writes.unit(house, "Somebody", source="system") as unit:
            made = [
                unit.add(Role(key=f"r{number}", name=f"R{number}", grants=list(grants)))
                for number, grants in enumerate(roles)
            ]
            made[0].hidden_fields = list(hidden)
            user = unit.add(User(email="somebody@example.org", roles=made, password_hash="unused"))
        db.session.rollback()
        world.users["somebody"] = user.id
        return sign_in("somebody")

    return opened


def latest() -> int:
    db.session.rollback()
    return db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc())).first() or 0


def test_a_hidden_name_is_told_nowhere(admin: Browser, person: Person, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="15.00")
    browser = person([*PRODUCT, "history:read"], hidden=["product.name"])
    edit = f"/admin/product/edit/?id={world.mug}"
    told = {address: browser.get(address).text for address in ("/admin/", "/admin/product/", "/admin/history/", edit)}
    told["details"] = browser.get(f"/admin/product/details/?id={world.mug}").text
    told["change set"] = browser.get(f"/admin/history/details/?id={latest() - 1}").text
    told["taken"] = browser.submit(f"/admin/product/edit/?id={world.case}", sku="M-1").text
    cell = {"id": world.mug, "version": product(world.mug).version, "price": "16"}
    told["cell"] = browser.post("/admin/product/ajax/update/", cell, headers=JSON).text
    for place, deed, values in (
        ("action", "action", {"action": "publish", "rowid": [world.mug]}),
        ("action again", "action", {"action": "publish", "rowid": [world.mug]}),
        ("delete", "delete", {"id": world.mug}),
        ("restore", "restore", {"id": world.mug}),
    ):
        told[place] = browser.post(f"/admin/product/{deed}/", values, follow_redirects=True).text
    told["undo"] = browser.post("/admin/history/undo/", {"change_set": latest()}, follow_redirects=True).text
    assert [place for place, text in told.items() if "Blue mug" in text] == []
    assert f"“#{world.mug}” is in the trash" in told["delete"]
    assert f"#{world.mug}" in told["cell"] and "Changed" in told["change set"]


def test_a_refusal_does_not_tell_what_a_hidden_field_holds(person: Person, world: World, house: Actor) -> None:
    with writes.unit(house, "Cost") as unit:
        unit.get(Product, world.mug).cost = Decimal("4.37")
    browser = person(PRODUCT, hidden=["product.cost"])
    address = f"/admin/product/edit/?id={world.mug}"
    response = browser.submit(address, currency="JPY", price="12")
    assert response.status_code == 400 and "a field that you do not see" in response.text
    assert "Cost" not in response.text and "Write 4" not in response.text
    response = browser.submit(address, currency="JPY", price="12.50")
    assert "JPY has 0 decimals. Write 12" in response.text, "of the others it says all"


def test_a_full_category_does_not_name_what_it_holds(person: Person, world: World) -> None:
    browser = person(["category:read", "category:delete"])
    text = browser.post("/admin/category/delete/", {"id": world.cups}, follow_redirects=True).text
    assert "holds products, such as “#" in text and "Blue mug" not in text
    text = browser.post("/admin/category/delete/", {"id": world.phones}, follow_redirects=True).text
    assert "such as “Cases”" in text


def test_a_field_that_is_not_seen_is_not_shown_to_be_changed(person: Person, world: World) -> None:
    browser = person(["product:read"], ["product:update"], hidden=["product.cost", "product.price"])
    form = browser.form(f"/admin/product/edit/?id={world.mug}")
    assert "name" in form and not {"cost", "price"} & form.keys()
    cell = {"id": world.mug, "version": 1, "price": "nothing"}
    response = browser.post("/admin/product/ajax/update/", cell, headers=JSON)
    assert response.status_code == 403 and "12.90" not in response.text


def test_a_list_does_not_name_what_the_reader_may_not_see(admin: Browser, person: Person, world: World) -> None:
    assert "Catalogue manager" in admin.get("/admin/user/").text
    assert "Catalogue manager" not in person(["user:read"]).get("/admin/user/").text


def test_a_name_that_is_hidden_where_it_was_filed_is_not_told_by_history(
    newcomer: Person, admin: Browser, world: World, house: Actor
) -> None:
    with writes.unit(house, "Where names are seen") as unit:
        nameless = unit.add(
            Role(key="nameless", name="Nameless", grants=["product:read", "history:read", "category:read"])
        )
        nameless.hidden_fields = ["product.name"]
    admin.submit("/admin/product/new/", name="Secret cup", sku="S-1", category_id=str(world.cups))
    admin.submit("/admin/product/new/", name="Known phone", sku="S-2", category_id=str(world.phones))
    browser = newcomer(["product:read", "history:read"], [world.phones])
    with writes.unit(house, "Both") as unit:
        user = unit.get(User, world.users["somebody"])
        user.roles = [*user.roles, unit.session.merge(nameless)]
    for address in ("/admin/", "/admin/history/"):
        page = browser.get(address).text
        assert "Secret cup" not in page, address
        assert "Create: Known phone" in page, address


def test_a_look_up_does_not_tell_the_name_of_a_parent_out_of_reach(app: Flask, world: World) -> None:
    path = db.session.get_one(Category, world.cases).path
    editing = ("product:read", "product:update", "category:read")
    for words, whole, part in (("pho cas", 1, 0), ("cup cas", 0, 0), ("cas", 1, 1)):
        assert len(look_up(db.session, Category, role_rights(*editing), words)) == whole
        assert len(look_up(db.session, Category, role_rights(*editing, scope=(path,)), words)) == part


def test_undo_leaves_what_the_person_does_not_see(app: Flask, world: World, house: Actor) -> None:
    def edit(**values: Any) -> int:
        with writes.unit(house, "Edit") as unit:
            for name, value in values.items():
                setattr(unit.get(Product, world.mug), name, value)
        return unit.receipt.change_set_id or 0

    first = edit(cost=Decimal(5), name="Red mug")
    edit(cost=Decimal(6))
    actor = role_rights("product:read", "product:update", "history:read", hidden=frozenset({"product.cost"}))
    report = undo.undo_change_set(actor, first)
    assert [(item.key, item.reason) for item in report.skipped] == [(None, "it has fields that you do not see")]
    assert (product(world.mug).name, product(world.mug).cost) == ("Blue mug", Decimal(6))


def test_history_shows_the_fields_that_are_shown_where_the_record_lies(app: Flask, world: World, house: Actor) -> None:
    with writes.unit(house, "Costs") as unit:
        for key in (world.mug, world.case):
            unit.get(Product, key).cost = Decimal(9)
    cups, phones = (db.session.get_one(Category, key).path for key in (world.cups, world.phones))
    reading = frozenset({"product:read", "history:read"})
    seeing = policy.RoleRights("cups", reading, (cups,))
    blind = policy.RoleRights("phones", reading, (phones,), hidden=frozenset({"product.cost"}))
    actor = Actor(1, "tester", (seeing, blind))
    changes = db.session.scalars(
        policy.visible_changes(actor, select(Change).where(Change.change_set_id == unit.receipt.change_set_id))
    )
    shown = {change.record_id: policy.shown_diff(actor, change) for change in changes}
    assert shown == {world.mug: {"cost": ["4.00", "9.00"]}, world.case: {}}
