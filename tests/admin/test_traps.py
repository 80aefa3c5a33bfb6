"""The traps of Flask-Admin that docs and experience name, each shown closed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_admin.contrib.fileadmin import BaseFileAdmin
from flask_admin.form import SecureForm
from sqlalchemy import func, select

import admin_views
from admin_views.base import ResourceView
from admin_views.product import ProductView
from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import resources
from backoffice.models.brand import Brand
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.operations.imports import Options, import_file
from backoffice.policy import Actor
from tests.conftest import settings_for

from .conftest import Browser, World, digest, product

Opened = Callable[..., Browser]

ROOT = Path(admin_views.__file__).resolve().parent.parent

#: Every page of the admin that is read, with the keys of the world.
PAGES = (
    "/admin/",
    "/admin/product/",
    "/admin/product/?trash=1",
    "/admin/product/?q=mug&status=draft",
    "/admin/product/?q=nothing-is-called-so",
    "/admin/product/new/",
    "/admin/product/edit/?id={mug}",
    "/admin/product/details/?id={mug}",
    "/admin/product/details/?id={trashed}",
    "/admin/category/",
    "/admin/category/edit/?id={cases}",
    "/admin/brand/",
    "/admin/tag/",
    "/admin/user/",
    "/admin/user/edit/?id=1",
    "/admin/user/new/",
    "/admin/role/",
    "/admin/role/edit/?id=2",
    "/admin/house/edit/?id=1",
    "/admin/history/",
    "/admin/history/details/?id=1",
    "/admin/nothing/",
)


def cell(world: World, **values: Any) -> dict[str, Any]:
    return {"id": world.mug, "version": product(world.mug).version} | values


def many(house: Actor, count: int) -> None:
    """Add brands and products enough to tell a page that loads all from one that does not."""
    with writes.unit(house, "Many", source="system") as unit:
        unit.session.add_all([Brand(name=f"Brand {number:04}") for number in range(count)])
        unit.session.add_all(
            [Product(sku=f"N-{number:04}", name=f"Numbered {number % 7}", price=Decimal(5)) for number in range(count)]
        )


@pytest.mark.parametrize("who", ["viewer", "phones-only"])
def test_trap_01_inline_edit_asks_the_policy(sign_in: Opened, world: World, who: str) -> None:
    browser = sign_in(who)
    before = digest()
    response = browser.post("/admin/product/ajax/update/", cell(world, price="1"))
    assert response.status_code == (403 if who == "viewer" else 404)
    assert digest() == before


def test_trap_01_inline_edit_asks_for_the_field(sign_in: Opened, world: World, house: Actor) -> None:
    with writes.unit(house, "Lock") as unit:
        unit.get(Role, world.roles["editor"]).locked_fields = ["product.price"]
    before = digest()
    response = sign_in("editor").post("/admin/product/ajax/update/", cell(world, price="1"))
    assert response.status_code == 403 and "Price" in response.text
    assert sign_in("editor").post("/admin/product/ajax/update/", cell(world, name="x")).status_code == 404
    assert digest() == before


def test_trap_02_rows_out_of_reach_are_not_there(sign_in: Opened, world: World) -> None:
    browser = sign_in("phones-only")
    assert browser.get(f"/admin/product/details/?id={world.case}").status_code == 200
    before = digest()
    for page in ("details", "edit"):
        assert browser.get(f"/admin/product/{page}/?id={world.mug}").status_code == 404
    assert browser.post(f"/admin/product/edit/?id={world.mug}", {"name": "x", "version": 1}).status_code == 404
    for deed in ("delete", "restore", "purge"):
        assert browser.post(f"/admin/product/{deed}/", {"id": world.mug}).status_code == 404
    assert digest() == before
    assert "Blue mug" not in browser.get("/admin/product/?q=mug").text


def test_trap_03_look_ups_are_held_to_reach_and_bounded(sign_in: Opened, world: World, house: Actor) -> None:
    many(house, 60)
    browser = sign_in("phones-only")
    found = browser.get("/admin/product/ajax/lookup/?name=category_id&query=").json
    assert {row["text"] for row in found} == {"Phones", "Phones › Cases"}
    assert len(browser.get("/admin/product/ajax/lookup/?name=brand_id&query=brand&limit=100000").json) == 50
    for name in ("", "name", "cost", "password_hash", "nothing"):
        assert browser.get(f"/admin/product/ajax/lookup/?name={name}&query=").status_code == 404
    before = digest()
    response = browser.submit(f"/admin/product/edit/?id={world.case}", category_id=str(world.cups))
    assert response.status_code == 400
    assert digest() == before


def test_trap_04_every_post_needs_the_token(app: Flask, admin: Browser, world: World) -> None:
    before = digest()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.rule.startswith("/admin/"):
            response = admin.raw_post(f"{rule.rule}?id={world.mug}", cell(world, price="1", name="x", rowid=world.mug))
            assert response.status_code in (400, 404), rule.rule
    assert digest() == before


def test_trap_04_every_form_that_posts_holds_one_token(admin: Browser, world: World) -> None:
    for page in PAGES:
        text = admin.get(page.format(**vars(world))).text
        for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL):
            assert form.count('name="csrf_token"') == 1, page


def test_trap_04_no_view_uses_the_form_that_drops_its_token(app: Flask) -> None:
    views = app.extensions["admin"][0]._views
    assert not [view for view in views if issubclass(getattr(view, "form_base_class", object), SecureForm)]


def test_trap_05_a_mass_action_is_one_unit_through_the_door(admin: Browser, world: World) -> None:
    sets = select(func.count()).select_from(ChangeSet)
    before = db.session.scalar(sets)
    rows = [str(world.mug), str(world.case)]
    response = admin.post("/admin/product/action/", {"action": "trash", "rowid": rows}, follow_redirects=True)
    assert "2 moved to the trash." in response.text and "Undo" in response.text
    db.session.rollback()
    assert db.session.scalar(sets) == before + 1
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert last is not None and (last.source, last.change_count) == ("action", 2)
    admin.post("/admin/history/undo/", {"change_set": last.id})
    assert product(world.mug).trashed_at is None


HOSTILE = (
    "-1",
    "0",
    "99999999999999999999",
    "abc",
    "%00",
    "%ff",
    "x" * 10_000,
    "'; DROP TABLE product; --",
    "<script>",
)
PARAMETERS = (
    "page", "id", "sort", "q", "after", "before", "last", "size", "trash", "status", "price", "price_min", "price_max",
    "price_min.text", "category_id", "category_id.text", "brand_id", "tags", "responsible_id", "nothing", "url",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_trap_06_hostile_parameters_never_break_a_page(admin: Browser, world: World, value: str) -> None:
    for name in PARAMETERS:
        for path in ("/admin/product/", "/admin/history/"):
            response = admin.get(f"{path}?{name}={value}", follow_redirects=True)
            assert response.status_code in (200, 400), (name, response.status_code)
            assert "<script>" not in response.text.replace('<script src="', "")
    for path in ("product/edit", "product/details", "history/details"):
        assert admin.get(f"/admin/{path}/?id={value}").status_code in (404, 400)
    assert admin.get(f"/admin/product/details/?id={world.mug}&before={value}").status_code == 200
    for path in ("delete", "restore", "purge"):
        assert admin.post(f"/admin/product/{path}/", {"id": value}).status_code in (404, 400)
    for field in ("change_set", "change"):
        assert admin.post("/admin/history/undo/", {field: value}).status_code in (404, 400)
    before = digest()
    response = admin.post("/admin/product/action/", {"action": "trash", "rowid": value})
    assert response.status_code in (303, 400)
    assert (
        admin.post("/admin/product/ajax/update/", {"id": world.mug, "version": value, "price": "1"}).status_code < 500
    )
    assert digest() == before


def test_trap_07_what_the_database_refuses_is_said_in_words(admin: Browser, world: World) -> None:
    for sku in ("C-1", "G-1"):
        response = admin.submit("/admin/product/new/", name="Twin", sku=sku)
        assert response.status_code == 400 and f"“{sku}” belongs to" in response.text
        assert not re.search(r"UNIQUE|constraint|INSERT|sqlalche|psycopg", response.text)


def test_trap_08_a_form_does_not_load_the_tables_it_points_to(
    admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    many(house, 40)
    admin.get(address)
    statements.clear()
    small = len(admin.get(address).text)
    ran = len(statements)
    many_more = [Brand(name=f"Further {number:04}") for number in range(400)]
    with writes.unit(house, "More", source="system") as unit:
        unit.session.add_all(many_more)
    statements.clear()
    assert abs(len(admin.get(address).text) - small) < 500
    assert len(statements) == ran


def test_trap_09_pages_are_walked_by_key(admin: Browser, world: World, house: Actor, statements: list[str]) -> None:
    many(house, 130)
    seen: list[str] = []
    address: str | None = "/admin/product/?sort=price"
    statements.clear()
    while address:
        text = admin.get(address).text
        seen += re.findall(r'data-id="(\d+)"', text)
        following = re.search(r'<a class="btn" id="page-chevron-right"[^>]* href="([^"]*after=[^"]*)"', text)
        address = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 132
    if db.engine.dialect.name == "postgresql":
        # SQLite's statements always name an offset, which is 0.
        assert not [statement for statement in statements if "OFFSET" in statement.upper()]


@pytest.mark.parametrize("text", ["%", "_", "%mug%", "\\"])
def test_trap_10_search_takes_signs_as_signs(admin: Browser, world: World, text: str) -> None:
    response = admin.get("/admin/product/", query_string={"q": text})
    assert response.status_code == 200
    if text != "%mug%":
        assert "data-id=" not in response.text


def test_trap_11_an_export_is_read_in_pieces(admin: Browser, world: World, house: Actor, statements: list[str]) -> None:
    many(house, 1_100)
    statements.clear()
    assert admin.get("/admin/product/export/csv/").text.count("\n") == 1 + 1_102
    read = [statement for statement in statements if "product.description," in statement]
    assert len(read) == 3 and all("product.id IN" in statement for statement in read)


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "'=1+1", "''-", '=HYPERLINK("http://x.example","y")', "=\t1")


def test_trap_11_no_cell_is_a_formula(admin: Browser, world: World, house: Actor, tmp_path: Path) -> None:
    with writes.unit(house, "Formulas", source="system") as unit:
        for number, text in enumerate(FORMULAS):
            unit.add(Product(sku=f"{text[:40]}{number}", name=text, attributes={"x": text, "y": -number}))
    response = admin.get("/admin/product/export/csv/")
    rows = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"), newline="")))
    names = {row["name"] for row in rows}
    assert {f"'{' '.join(text.split())}" for text in FORMULAS} < names
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    file = tmp_path / "formulas.csv"
    file.write_bytes(response.data)
    before = digest()
    report = import_file(house, file, Options(model=Product, folder=tmp_path))
    assert (report.unchanged, report.failed) == (len(FORMULAS) + 2, 0) and digest() == before


def test_trap_12_a_stale_form_does_not_win(admin: Browser, sign_in: Opened, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    opened = admin.form(address)
    sign_in("catalogue-manager").submit(address, price="14.90")
    assert admin.post(address, opened | {"price": "11.00"}).status_code == 409
    opened.pop("version")
    assert admin.post(address, opened | {"price": "11.00"}).status_code == 400
    assert product(world.mug).price == Decimal("14.90")


def test_trap_12_a_stale_cell_does_not_win(admin: Browser, sign_in: Opened, world: World) -> None:
    shown = cell(world, price="11.00")
    sign_in("catalogue-manager").submit(f"/admin/product/edit/?id={world.mug}", price="14.90")
    response = admin.post("/admin/product/ajax/update/", shown, headers={"Accept": "application/json"})
    assert response.status_code == 409
    assert response.json["value"] == "14.90" and response.json["version"] == 2
    assert "to 14.90 while you typed 11.00" in response.json["message"]
    assert product(world.mug).price == Decimal("14.90")
    assert admin.post("/admin/product/ajax/update/", shown | {"version": 2}).status_code == 303
    assert product(world.mug).price == Decimal(11)


def test_trap_13_no_form_takes_a_file(admin: Browser, world: World) -> None:
    for page in PAGES:
        assert 'type="file"' not in admin.get(page.format(**vars(world))).text, page


def test_trap_14_a_denial_is_a_denial(sign_in: Opened, world: World) -> None:
    viewer = sign_in("viewer")
    before = digest()
    refused = [
        viewer.get("/admin/product/new/"),
        viewer.get(f"/admin/product/edit/?id={world.mug}"),
        viewer.post("/admin/product/delete/", {"id": world.mug}),
        viewer.post("/admin/product/action/", {"action": "trash", "rowid": [world.mug]}),
        viewer.post("/admin/product/action/", {"action": "publish", "rowid": [world.mug]}),
        viewer.get("/admin/user/"),
    ]
    assert [response.status_code for response in refused] == [403] * 6
    assert "“Add: Products”" in refused[0].text and "Catalogue manager" in refused[0].text
    assert "administrator@example.org" in refused[0].text
    assert digest() == before


def test_trap_15_there_is_no_file_admin(app: Flask) -> None:
    assert not [view for view in app.extensions["admin"][0]._views if isinstance(view, BaseFileAdmin)]


def test_trap_16_nothing_is_inline(admin: Browser, world: World) -> None:
    for page in PAGES:
        response = admin.get(page.format(**vars(world)))
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "style-src 'self';" in policy and "unsafe" not in policy
        assert not re.search(r"<[^>]+\s(on[a-z]+|style)\s*=", response.text), page
        assert "javascript:" not in response.text and "<style" not in response.text, page
        assert not re.search(r"<script(?![^>]*\ssrc=)", response.text), page


def test_trap_17_every_page_is_ours(admin: Browser, world: World) -> None:
    for page in PAGES:
        text = admin.get(page.format(**vars(world))).text
        assert not re.search(r"(src|href)=\"/admin/static|bootstrap4|select2|x-editable", text), page
        assert '<html lang="en" dir="ltr"' in text, page
        assert text.count("<h1") == 1 and 'id="main"' in text and 'class="skip"' in text, page
        keys = re.findall(r'\sid="?([^"\s>]+)', text)
        assert len(keys) == len(set(keys)), page
        for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
            kind = re.search(r'\btype="(\w+)"', control)
            if kind and kind[1] in ("hidden", "checkbox", "radio"):
                continue
            key = re.search(r'\bid="([^"]*)"', control)
            named = re.search(r'\baria-labelledby="?([^"\s>]+)', control)
            assert "aria-label=" in control or (named and named[1] in keys) or (key and f'for="{key[1]}"' in text), (
                page,
                control,
            )


def test_trap_17_flask_admins_own_files_are_not_served(app: Flask) -> None:
    assert not [rule for rule in app.url_map.iter_rules() if rule.endpoint.endswith(".static")]


def test_trap_18_each_application_has_views_of_its_own(app: Flask, database_url: str, tmp_path: Path) -> None:
    other = create_app(settings_for(database_url, tmp_path / "other"))
    mine, theirs = (found.extensions["admin"][0]._views for found in (app, other))
    assert len(mine) == len(theirs) and not set(map(id, mine)) & set(map(id, theirs))
    # Read outside of a request, as when a command builds the application: no right, and no error.
    assert [view.is_accessible() for view in mine] == [False] * len(mine)
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def test_trap_19_an_error_in_a_view_comes_out_as_itself(app: Flask) -> None:
    view = next(view for view in app.extensions["admin"][0]._views if isinstance(view, ProductView))
    called = []

    def broken(_view: ResourceView) -> str:
        called.append(1)
        return "1" + 1  # type: ignore[operator]

    with pytest.raises(TypeError, match="concatenate"):
        view._run_view(broken)
    assert called == [1]


def test_trap_20_the_uploader_of_flask_ckeditor_is_not_used(app: Flask) -> None:
    assert "ckeditor" not in app.extensions
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html")]
    assert not [text for text in texts if "ckeditor.create" in text or "ckeditor.load" in text]


def test_each_resource_has_exactly_one_view(app: Flask) -> None:
    shown = [view.model.resource.name for view in app.extensions["admin"][0]._views if isinstance(view, ResourceView)]
    assert sorted(shown) == sorted(resources())
