"""Lists: filters, search, counts, pages, trash, cells edited in place, and a number of statements that stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.policy import Actor

from .conftest import Browser, World, digest, product

JSON = {"Accept": "application/json"}


def rows(browser: Browser, query: str = "", **args: Any) -> set[int]:
    """Return the keys of the rows of the product list."""
    response = browser.get(f"/admin/product/{query}", query_string=args or None, follow_redirects=True)
    assert response.status_code == 200
    return {int(key) for key in re.findall(r'data-id="(\d+)"', response.text)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ("case", "mug")),
        ("?trash=1", ("trashed",)),
        ("?q=mug", ("mug",)),
        ("?q=C-1", ("case",)),
        ("?status=draft", ("case", "mug")),
        ("?status=published", ()),
        ("?category_id={phones}", ("case",)),
        ("?category_id.text=Cups", ("mug",)),
        ("?category_id.text=Cups&category_id={phones}", ("case", "mug")),
        ("?brand_id=none&brand_id={brand}", ("case", "mug")),
        ("?brand_id={brand}", ("mug",)),
        ("?brand_id=none", ("case",)),
        ("?tags={tag}", ("mug",)),
        ("?price_min=6", ("mug",)),
        ("?price_max=6", ("case",)),
        ("?price_min.text=6.00&price_max.text=", ("mug",)),
        ("?status=draft&brand_id={brand}&q=blue", ("mug",)),
    ],
)
def test_filters_hold_the_list(admin: Browser, world: World, query: str, found: tuple[str, ...]) -> None:
    assert rows(admin, query.format(**vars(world))) == {getattr(world, name) for name in found}


def test_a_list_is_held_to_what_has_no_name_in_a_language(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "English alone") as unit:
        unit.get(House, HOUSE_ID).languages = ["en"]
    assert "missing in a language" not in admin.get("/admin/product/").text
    with writes.unit(house, "French and German") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr", "de"]
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse bleue", "de": "Blaue Tasse"}
        unit.get(Product, world.case).name_i18n = {"fr": "Étui"}
    page = admin.get("/admin/product/?name_i18n_lacks=de").text
    assert "Name is missing in German" in page and "missing in a language</a>" not in page
    for query, found in {"lacks=fr": (), "lacks=de": ("case",), "lacks=fr&name_i18n_lacks=de": ("case",)}.items():
        assert rows(admin, f"?name_i18n_{query}") == {getattr(world, name) for name in found}
    assert rows(admin, "?name_i18n_lacks=en") == set(), "that is the name itself"
    assert rows(admin, "?name_i18n_lacks=en&name_i18n_lacks=de") == {world.case}
    assert rows(admin, "?name_i18n_lacks=fr&trash=1") == {world.trashed}
    removed = re.search(r'href="([^"]*)" aria-label="Remove: Name is missing in German"', page)
    assert removed and "lacks" not in removed[1]
    added = admin.get("/admin/product/?add=name_i18n").text
    assert re.findall(r'name="name_i18n_lacks" value="(\w+)"', added) == ["de", "fr"]
    for broken in ("fr'--", "x" * 50, "%22fr%22", "none", "FR", "fr.x"):
        refused = admin.get(f"/admin/product/?name_i18n_lacks={broken}").text
        assert "is not a language code" in refused and "data-chip" not in refused
    for unknown in ("name_i18n=fr", "price_lacks=fr", "attributes_lacks=fr"):
        assert "There is no filter" in admin.get(f"/admin/product/?{unknown}").text


def test_who_does_not_see_translations_cannot_ask_by_them(
    newcomer: Callable[..., Browser], world: World, house: Actor
) -> None:
    browser = newcomer(["product:read"], hidden_fields=["product.name_i18n"])
    with writes.unit(house, "French") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse bleue"}
    page = browser.get("/admin/product/?name_i18n_lacks=fr").text
    assert "You do not see the field" in page and f'data-id="{world.mug}"' in page


def test_what_a_list_is_held_to_stands_in_words(admin: Browser, world: World) -> None:
    text = admin.get(f"/admin/product/?status=draft&category_id={world.cases}&price_min=1&q=case").text
    for words in ("Status is Draft", "Category is Phones › Cases", "Price from 1.00", 'name="q" value="case"'):
        assert words in text
    removed = re.search(r'href="([^"]*)" aria-label="Remove: Status is Draft"', text)
    assert removed and "status" not in removed[1] and "price_min=1" in removed[1]


def test_an_unknown_parameter_is_said_not_swallowed(admin: Browser, world: World) -> None:
    assert "There is no filter “colour” here" in admin.get("/admin/product/?colour=blue").text
    assert "cannot be sorted by “colour”" in admin.get("/admin/product/?sort=colour").text


def test_nothing_found_and_nothing_yet_say_what_to_do(admin: Browser, world: World) -> None:
    assert "Clear filters" in admin.get("/admin/product/?q=zeppelin").text
    assert "The trash is empty." in admin.get("/admin/brand/?trash=1").text


def test_to_the_trash_and_back_with_all_it_had(admin: Browser, world: World) -> None:
    before = {name: getattr(product(world.mug), name) for name in ("name", "sku", "price", "attributes", "brand_id")}
    response = admin.post("/admin/product/delete/", {"id": world.mug}, follow_redirects=True)
    assert "“Blue mug” is in the trash." in response.text
    assert world.mug in rows(admin, "?trash=1") and world.mug not in rows(admin)
    assert admin.get(f"/admin/product/edit/?id={world.mug}").status_code == 302
    assert "Restore" in admin.get(f"/admin/product/details/?id={world.mug}").text
    admin.post("/admin/product/restore/", {"id": world.mug})
    mug = product(world.mug)
    assert {name: getattr(mug, name) for name in before} == before
    assert [tag.id for tag in mug.tags] == [world.tag]


def test_what_holds_others_is_not_deleted_and_it_is_said(admin: Browser, world: World) -> None:
    before = digest()
    one = admin.post("/admin/category/delete/", {"id": world.phones}, follow_redirects=True)
    assert "“Phones” holds other categories, such as “Cases”" in one.text
    ticked = {"action": "trash", "rowid": [str(world.phones), str(world.cups)]}
    both = admin.post("/admin/category/action/", ticked, follow_redirects=True)
    assert "“Phones” holds other categories, such as “Cases”" in both.text
    assert digest() == before


def test_for_good_only_from_the_trash(admin: Browser, world: World) -> None:
    before = digest()
    refused = admin.post("/admin/product/purge/", {"id": world.mug, "confirm": "1"}, follow_redirects=True)
    assert "“Blue mug” is not in the trash. Move it there first." in refused.text
    asked = admin.post("/admin/product/purge/", {"id": world.trashed})
    assert asked.status_code == 200 and "Delete “Gone” for good?" in asked.text
    assert digest() == before
    assert admin.post("/admin/product/purge/", {"id": world.trashed, "confirm": "1"}).status_code == 303
    db.session.rollback()
    assert db.session.get(Product, world.trashed) is None
    assert "Deleted for good" in admin.get("/admin/history/").text


def test_a_cell_is_edited_in_place(admin: Browser, world: World) -> None:
    data = {"id": world.mug, "version": 1, "price": "14.50"}
    response = admin.post("/admin/product/ajax/update/", data, headers=JSON)
    assert response.status_code == 200
    assert response.json | {"undo": 0} == {
        "message": "Price of “Blue mug” changed to €14.50.",
        "undo": 0,
        "version": 2,
        "value": "14.50",
        "cells": {"price": {"html": "€14.50", "title": ""}},
        "fits": True,
    }
    assert db.session.scalars(select(ChangeSet.source).order_by(ChangeSet.id.desc())).first() == "inline"
    admin.post("/admin/product/ajax/update/", {"id": world.mug, "version": 2, "status": "published"})
    assert product(world.mug).status == "published"


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"price": "twelve"}, 400, "is not an amount"),
        ({"price": "-1"}, 400, "cannot be negative"),
        ({"status": "sold"}, 400, "not one of the choices"),
        ({"price": "1", "status": "draft"}, 400, ""),
        ({}, 400, ""),
        ({"name": "x"}, 404, ""),
        ({"price": "1", "version": ""}, 400, "Reload the page"),
        ({"price": "1", "id": "0"}, 404, ""),
        ({"price": "1", "id": "abc"}, 404, ""),
    ],
)
def test_a_cell_that_cannot_be_saved_says_why(
    admin: Browser, world: World, data: dict[str, str], status: int, said: str
) -> None:
    before = digest()
    response = admin.post("/admin/product/ajax/update/", {"id": world.mug, "version": 1} | data, headers=JSON)
    assert response.status_code == status and said in response.json["message"]
    assert digest() == before


def test_a_cell_in_the_trash_is_not_edited(admin: Browser, world: World) -> None:
    data = {"id": world.trashed, "version": 2, "price": "1"}
    assert admin.post("/admin/product/ajax/update/", data, headers=JSON).status_code == 400
    assert product(world.trashed).price is None


def test_who_may_not_publish_sees_a_status_and_no_choice(
    sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    with writes.unit(house, "Role") as unit:
        role = unit.get(Role, world.roles["editor"])
        role.grants = [grant for grant in role.grants if grant != "product:publish"]
    editor = sign_in("editor")
    text = editor.get("/admin/product/").text
    assert re.findall(r'data-field="(\w+)"[^>]* data-inline', text) == ["price"]
    before = digest()
    data = {"id": world.mug, "version": 1, "status": "published"}
    assert editor.post("/admin/product/ajax/update/", data).status_code == 403
    assert digest() == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"action": "publish"}, "Nothing is ticked"),
        ({"action": "publish", "rowid": ["abc"]}, "cannot be read"),
        ({"action": "publish", "rowid": ["1"] * 201}, "too many at once"),
        ({"action": "explode", "rowid": ["1"]}, "not known here"),
    ],
)
def test_an_action_that_cannot_be_done_says_why(admin: Browser, world: World, data: dict[str, Any], said: str) -> None:
    before = digest()
    response = admin.post("/admin/product/action/", data, follow_redirects=True)
    assert said in response.text
    assert digest() == before


def test_an_action_says_how_many_and_can_be_undone(admin: Browser, world: World) -> None:
    admin.post("/admin/product/ajax/update/", {"id": world.case, "version": 1, "status": "published"})
    ticked = {"action": "publish", "rowid": [str(world.mug), str(world.case), str(world.trashed), "77777"]}
    response = admin.post("/admin/product/action/", ticked, follow_redirects=True)
    assert "1 product published. Skipped: 3." in response.text
    assert "“Case one” was so already." in response.text and "“Gone” is in the trash." in response.text
    assert product(world.mug).status == "published"
    undo = re.findall(r'name="change_set" value="(\d+)"', response.text)
    admin.post("/admin/history/undo/", {"change_set": undo[-1]})
    assert product(world.mug).status == "draft" and product(world.case).status == "published"


def test_history_shows_before_and_after_in_words(admin: Browser, world: World) -> None:
    admin.submit(
        f"/admin/product/edit/?id={world.mug}", price="13.55", attributes="colour = red", category_id=str(world.cases),
        status="published",
    )  # fmt: skip
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", admin.get(f"/admin/product/details/?id={world.mug}").text))
    for words in (
        "Price 12.90 → became 13.55",
        "Attributes: colour blue → became red",
        "Category Cups → became Phones › Cases",
        "Status Draft → became Published",
    ):
        assert words in text


def test_one_field_of_a_change_is_taken_back(admin: Browser, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="13.55", name="Red mug")
    change = db.session.scalars(select(Change.id).order_by(Change.id.desc())).first()
    response = admin.post("/admin/history/undo/", {"change": change, "key": "price"}, follow_redirects=True)
    mug = product(world.mug)
    assert (mug.price, mug.name) == (Decimal("12.90"), "Red mug")
    assert "Undone." in response.text


def test_an_undo_says_what_it_left(admin: Browser, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="13.55", name="Red mug")
    deed = db.session.scalars(select(ChangeSet.id).order_by(ChangeSet.id.desc())).first()
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="15.00")
    response = admin.post("/admin/history/undo/", {"change_set": deed}, follow_redirects=True)
    assert "Undone in part" in response.text and "it was changed since" in response.text
    mug = product(world.mug)
    assert (mug.price, mug.name) == (Decimal(15), "Blue mug")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("resource=brand", 1),
        ("source=form", 0),
        ("person=1", 0),
        ("person=0", 0),
        ("person=none", 2),
        ("person=none&source=import", 0),
        ("", 2),
    ],
)
def test_history_is_filtered(admin: Browser, world: World, query: str, found: int) -> None:
    assert len(re.findall(r'data-change-set="\d+"', admin.get(f"/admin/history/?{query}").text)) == found


PAGES = (
    "/admin/",
    "/admin/product/?size=100",
    "/admin/product/?size=100&q=numbered",
    "/admin/category/?size=100",
    "/admin/user/?size=100",
    "/admin/role/?size=100",
    "/admin/history/",
    "/admin/history/details/?id=3",
)


def grow(house: Actor, batch: int) -> None:
    """Add rows of every kind, with references between them."""
    with writes.unit(house, f"Batch {batch}", source="system") as unit:
        role = Role(key=f"role-{batch}", name=f"Role {batch}", grants=["product:read"])
        unit.session.add(role)
        for number in range(8):
            category = Category(name=f"Category {batch} {number}", parent_id=None)
            unit.session.add(category)
            unit.session.flush()
            unit.session.add_all(
                [
                    Product(sku=f"B-{batch}-{number}", name=f"Numbered {number}", category_id=category.id),
                    User(email=f"user-{batch}-{number}@example.org", roles=[role]),
                ]
            )


def test_the_number_of_statements_stays_when_rows_grow(
    admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    # Beyond what is offered whole in a filter.
    for batch in range(5):
        grow(house, batch)
    few, more = {}, {}
    for page in PAGES:
        admin.get(page)
        statements.clear()
        assert admin.get(page).status_code == 200
        few[page] = len(statements)
    for batch in range(5, 8):
        grow(house, batch)
    for page in PAGES:
        # The dashboard keeps its figures until something changes.
        admin.get(page)
        statements.clear()
        admin.get(page)
        more[page] = len(statements)
    assert more == few
    assert few.pop("/admin/") <= 25
    assert max(few.values()) <= 20, few


def test_a_rich_text_is_shown_as_it_is_meant_and_compared_as_words(admin: Browser, world: World) -> None:
    text = "<p>For <strong>tea</strong></p><ul><li>one</li></ul>"
    admin.submit(f"/admin/product/edit/?id={world.mug}", description=text)
    page = admin.get(f"/admin/product/details/?id={world.mug}").text
    assert f'<div class="rich-text" dir="auto">{text}</div>' in page
    assert "<ins><bdi>For tea one</bdi></ins>" in page


def test_who_changed_a_row_is_told_within_reach(sign_in: Callable[..., Browser], world: World, house: Actor) -> None:
    limited = sign_in("phones-only")

    def change(**values: Any) -> None:
        with writes.unit(house, "Change") as unit:
            record = unit.get(Product, world.case)
            for name, value in values.items():
                setattr(record, name, value)

    def told() -> str:
        row = limited.get("/admin/product/").text.partition(f'data-id="{world.case}"')[2].partition("</tbody>")[0]
        assert row
        return row

    change(price=Decimal(6))
    assert f"<small>{house.label}</small>" in told()
    change(category_id=world.cups)
    change(category_id=world.cases)
    assert f"<small>{house.label}</small>" not in told(), "it came from where the person does not reach"
