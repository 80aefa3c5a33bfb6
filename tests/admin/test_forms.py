"""Forms: what is typed is saved, merged with what others saved, or shown again with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import func, select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.user import User
from backoffice.operations import records
from backoffice.policy import Actor

from .conftest import Browser, World, form_of, product


def test_a_product_is_created_with_all_it_was_given(admin: Browser, world: World) -> None:
    response = admin.submit(
        "/admin/product/new/",
        name="Red  mug",
        sku="M-2",
        price="1,250.50",
        attributes="colour = red\nsize = 12",
        **{"category_id.text": "Cases", "brand_id": str(world.brand), "tags": [str(world.tag)]},
    )
    assert response.status_code == 303, response.text
    made = db.session.scalars(select(Product).where(Product.sku == "M-2")).one()
    assert response.location == f"/admin/product/edit/?id={made.id}"
    assert (made.name, made.price, made.status) == ("Red mug", Decimal("1250.50"), "draft")
    assert made.attributes == {"colour": "red", "size": 12}
    assert (made.category_id, made.brand_id, [tag.id for tag in made.tags]) == (world.cases, world.brand, [world.tag])


def test_an_untouched_form_changes_nothing(admin: Browser, world: World) -> None:
    before = product(world.mug).version
    response = admin.submit(f"/admin/product/edit/?id={world.mug}")
    assert response.status_code == 303
    assert product(world.mug).version == before


def test_only_the_changed_field_is_recorded(admin: Browser, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="13.55")
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert change is not None and change.diff == {"price": ["12.90", "13.55"]}
    assert db.session.scalars(select(ChangeSet.source).order_by(ChangeSet.id.desc())).first() == "form"


def test_a_field_that_the_form_did_not_hold_is_left(admin: Browser, world: World) -> None:
    version = str(product(world.mug).version)
    admin.post(f"/admin/product/edit/?id={world.mug}", {"name": "Green mug", "version": version})
    mug = product(world.mug)
    assert (mug.name, mug.sku, mug.attributes) == ("Green mug", "M-1", {"colour": "blue"})
    assert [tag.id for tag in mug.tags] == [world.tag]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("price", "twelve", "is not an amount"),
        ("price", "-5", "cannot be negative"),
        ("price", "NaN", "is not an amount"),
        ("price", "1e400", "is not an amount"),
        ("price", "9" * 40, "too large"),
        ("price", "12.3456", "EUR has 2 decimals"),
        ("name", "", "fill this in"),
        ("name", "x" * 10_000, "too many"),
        ("sku", "", "fill this in"),
        ("sku", "C-1", "belongs to"),
        ("sku", "G-1", "in the trash"),
        ("gtin", "4006381333932", "check digit should be 1"),
        ("attributes", "no sign", "has no ="),
        ("status", "sold", "not one of the choices"),
        ("category_id.text", "Nowhere", "nothing is called"),
        ("category_id", "99999", "not there any more"),
        ("category_id", "-1", "choose one from the list"),
        ("tags", "abc", "choose from the list"),
        ("name", "nul\x00", "cannot be stored"),
    ],
)
def test_a_refused_form_keeps_all_that_was_typed(
    admin: Browser, world: World, name: str, value: str, said: str
) -> None:
    typed = {"name": "Typed name", "description": "typed text", "cost": "3.33", name: value}
    response = admin.submit(f"/admin/product/edit/?id={world.mug}", **typed)
    assert response.status_code == 400
    assert said in response.text
    shown = form_of(response.text)
    for key, text in typed.items():
        if key != "tags" and "\x00" not in text and not key.startswith("category_id"):
            assert shown[key] == text
    assert product(world.mug).name == "Blue mug"


@pytest.mark.parametrize("where", ["new/", "edit/"])
def test_all_that_is_to_correct_is_told_at_once(admin: Browser, world: World, where: str) -> None:
    typed = {"name": "", "sku": "ALL-1", "gtin": "4006381333932", "price": "12.3456", "cost": "-5"}
    address = f"/admin/product/{where}" + (f"?id={world.mug}" if where == "edit/" else "")
    page = admin.submit(address, **typed).text
    told = re.findall(r'<li><a href="#f-(\w+)">', page[page.index('id="problems"') : page.index("data-draft")])
    assert sorted(told) == ["cost", "gtin", "name", "price"]
    assert product(world.mug).gtin is None and product(world.mug).name == "Blue mug"


def test_numbers_are_read_as_the_reader_writes_them(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Language") as unit:
        unit.get(User, world.users["administrator"]).locale = "de"
        unit.get(Product, world.mug).price = None
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="1.299,00")
    assert product(world.mug).price == Decimal(1299)
    assert admin.form(f"/admin/product/edit/?id={world.mug}")["price"] == "1.299,00"
    response = admin.submit(f"/admin/product/edit/?id={world.mug}", price="1,299")
    assert response.status_code == 400 and "1,299" in form_of(response.text)["price"]


def test_a_form_gone_back_to_is_saved_with_what_was_typed_then(admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address)
    admin.post(address, form | {"price": "13.00"})
    # The browser's Back shows the page as it was: its mark, its version and new text.
    admin.post(address, form | {"price": "13.00", "cost": "3.00"})
    assert (product(world.mug).price, product(world.mug).cost) == (Decimal(13), Decimal(3))


def test_different_fields_merge_and_it_is_said(admin: Browser, sign_in: Callable[..., Browser], world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    opened = admin.form(address)
    sign_in("catalogue-manager").submit(address, cost="7.00")
    response = admin.post(address, opened | {"price": "15.00"}, follow_redirects=True)
    mug = product(world.mug)
    assert (mug.price, mug.cost) == (Decimal(15), Decimal(7))
    assert "A colleague changed Cost meanwhile; that was kept." in response.text


def test_the_same_field_shows_base_theirs_and_yours(
    admin: Browser, sign_in: Callable[..., Browser], world: World
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    opened = admin.form(address)
    sign_in("catalogue-manager").submit(address, price="14.90", cost="9.00")
    response = admin.post(address, opened | {"price": "11.00", "name": "My mug"})
    assert response.status_code == 409
    for value in ("12.90", "14.90", "11.00", "Keep mine", "Take theirs"):
        assert value in response.text
    shown = form_of(response.text)
    assert (shown["price"], shown["name"], shown["cost"]) == ("11.00", "My mug", "9.00")
    assert product(world.mug).price == Decimal("14.90")
    assert admin.post(address, shown).status_code == 303
    mug = product(world.mug)
    assert (mug.price, mug.name, mug.cost) == (Decimal(11), "My mug", Decimal(9))


def test_taking_theirs_keeps_theirs_and_saves_the_rest(
    admin: Browser, sign_in: Callable[..., Browser], world: World
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    opened = admin.form(address)
    sign_in("catalogue-manager").submit(address, price="14.90", attributes="colour = green")
    response = admin.post(
        address, opened | {"price": "11.00", "name": "My mug", "attributes": "colour = red\nsize = 2"}
    )
    shown = form_of(response.text) | {"_choice.price": "theirs", "_choice.attributes.colour": "theirs"}
    admin.post(address, shown)
    mug = product(world.mug)
    assert (mug.price, mug.name, mug.attributes) == (Decimal("14.90"), "My mug", {"colour": "green", "size": 2})


@pytest.mark.parametrize("typed", [{"name": "My mug"}, {"price": "12.60"}])
def test_what_a_colleague_changed_meanwhile_is_merged_before_it_is_judged(
    newcomer: Callable[..., Browser], house: Actor, world: World, typed: dict[str, str]
) -> None:
    """The price that stands in the form does not go with the currency of today, which this person may not set."""
    address = f"/admin/product/edit/?id={world.mug}"
    browser = newcomer(("product:read", "product:update"), locked_fields=["product.currency"])
    opened = browser.form(address)
    with writes.unit(house, "Yen") as unit:
        mug = unit.get(Product, world.mug)
        mug.currency, mug.price, mug.cost = "JPY", Decimal(1300), Decimal(400)
    answer = browser.post(address, opened | typed)
    if "price" in typed:
        assert answer.status_code == 409 and product(world.mug).price == Decimal(1300)
        answer = browser.post(address, form_of(answer.text) | {"name": "My mug", "_choice.price": "theirs"})
    assert answer.status_code == 303
    stored = product(world.mug)
    assert (stored.name, stored.currency, stored.price, stored.cost) == ("My mug", "JPY", Decimal(1300), Decimal(400))


def test_a_form_sent_twice_is_done_once(admin: Browser, app: Flask) -> None:
    form = admin.form("/admin/product/new/") | {"name": "Once", "sku": "O-1"}
    first, second = (admin.post("/admin/product/new/", form) for _time in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert db.session.scalar(select(func.count()).select_from(Product).where(Product.sku == "O-1")) == 1
    assert "was not done twice" in admin.get(second.location).text


def test_an_edit_sent_twice_is_done_once(admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"price": "15.00"}
    for _time in range(2):
        assert admin.post(address, form).status_code == 303
    assert product(world.mug).version == 2


@pytest.mark.parametrize("token", [None, "", "nonsense"])
def test_a_form_without_a_token_saves_nothing_and_keeps_what_was_typed(
    admin: Browser, world: World, token: str | None
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"name": "Typed name"}
    form.pop("csrf_token", None)
    response = admin.raw_post(address, form | ({"csrf_token": token} if token is not None else {}))
    assert response.status_code == 400
    assert form_of(response.text)["name"] == "Typed name"
    assert "What you typed is still here" in response.text
    assert product(world.mug).name == "Blue mug"
    again = admin.post(address, form_of(response.text))
    assert again.status_code == 303 and product(world.mug).name == "Typed name"


def test_another_sessions_token_is_refused(admin: Browser, sign_in: Callable[..., Browser], world: World) -> None:
    token = sign_in("catalogue-manager").token
    response = admin.raw_post("/admin/product/delete/", {"csrf_token": token, "id": world.mug})
    assert response.status_code == 400
    assert product(world.mug).trashed_at is None


def test_a_record_trashed_meanwhile_keeps_what_was_typed(admin: Browser, world: World, house: Actor) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    form = admin.form(address) | {"name": "Typed name"}
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Product, world.mug)))
    response = admin.post(address, form)
    assert response.status_code == 400
    assert form_of(response.text)["name"] == "Typed name" and "Restore it first" in response.text


def test_a_password_that_was_mistyped_keeps_everything(admin: Browser, world: World) -> None:
    address = f"/admin/user/edit/?id={world.users['viewer']}"
    before = db.session.get_one(User, world.users["viewer"]).password_hash
    typed = {"name": "Vera", "password": "seventeen blue teapots", "password_confirm": "seventeen blue teapot"}
    response = admin.submit(address, **typed)
    assert response.status_code == 400 and "passwords differ" in response.text
    assert typed.items() <= form_of(response.text).items()
    db.session.rollback()
    assert db.session.get_one(User, world.users["viewer"]).password_hash == before
    assert admin.post(address, form_of(response.text) | {"password_confirm": typed["password"]}).status_code == 303
    db.session.rollback()
    changed = db.session.get_one(User, world.users["viewer"])
    assert changed.name == "Vera" and changed.password_hash != before


def test_grants_that_one_does_not_hold_stay(admin: Browser, sign_in: Callable[..., Browser], world: World) -> None:
    address = f"/admin/role/edit/?id={world.roles['viewer']}"
    form = admin.form(address)
    assert "product:read" in form["grants"]
    sent = [grant for grant in form["grants"] if grant != "product:read"] + ["brand:update"]
    assert admin.post(address, form | {"grants": sent}).status_code == 303
    assert set(admin.form(address)["grants"]) == set(sent)
