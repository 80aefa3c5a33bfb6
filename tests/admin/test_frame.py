"""The frame of every page: navigation, search, language, theme, keys, and what a refusal says."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.history import ChangeSet
from backoffice.models.personal import Preference
from backoffice.models.product import Product
from backoffice.models.user import User
from backoffice.policy import Actor
from backoffice.web.errors import WORDS
from backoffice.web.pages import initials

from .conftest import Browser, World, digest

Opened = Callable[..., Browser]

STATIC = Path(__file__).resolve().parents[2] / "backoffice" / "static"
SCRIPT = re.compile(r'<script[^>]*\bsrc="/static/([^"?]+)')
ICON = re.compile(r"sprite\.svg#([\w-]+)")
SYMBOLS = set(re.findall(r'<symbol id="([\w-]+)"', next(STATIC.glob("vendor/@tabler/icons/*/sprite.svg")).read_text()))

#: A page of each kind, with keys of the world.
PAGES = (
    "/admin/",
    "/admin/product/",
    "/admin/product/?trash=1",
    "/admin/product/new/",
    "/admin/product/edit/?id={mug}",
    "/admin/product/details/?id={mug}",
    "/admin/category/",
    "/admin/brand/",
    "/admin/user/",
    "/admin/role/",
    "/admin/house/edit/?id=1",
    "/admin/history/",
    "/profile",
)

#: Pages with the text editor, which weighs more than all the rest.
EDITOR = ("/admin/product/new/", "/admin/product/edit/")

HELD = {
    "administrator": {"Products", "Categories", "Brands", "Tags", "Users", "Roles", "House settings", "History"},
    "viewer": {"Products", "Categories", "Brands", "Tags", "History"},
    "phones-only": {"Products", "Categories", "Brands", "History"},
}


def named(page: str, world: World) -> str:
    return page.format(**vars(world))


def navigation_of(text: str) -> str:
    found = re.search(r'<nav id="navigation".*?</nav>', text, re.DOTALL)
    assert found
    return found[0]


def stored(name: str, user: int) -> Any:
    db.session.rollback()
    return db.session.scalar(select(Preference.value).where(Preference.name == name, Preference.user_id == user))


# Pages.


def test_the_navigation_names_what_the_person_may_open(sign_in: Opened) -> None:
    for who, held in HELD.items():
        text = navigation_of(sign_in(who).get("/admin/product/").text)
        labels = re.findall(r'<a href="/admin/\w+/"[^>]*>.*?<span class="side-label">([^<]+)</span>', text)
        assert set(labels) == held, who
        assert re.findall(r'<a href="([^"]+)"[^>]* aria-current="page"', text) == ["/admin/product/"]


def test_each_page_has_one_heading_its_landmarks_and_a_way_past_the_menu(world: World, admin: Browser) -> None:
    for page in PAGES:
        text = admin.get(named(page, world)).text
        assert len(re.findall(r"<h1[ >]", text)) == 1, page
        assert len(re.findall(r"<main id=\"main\"", text)) == 1, page
        assert '<a class="skip" href="#main">' in text
        assert '<nav id="navigation" class="side" aria-label="Main"' in text
        assert '<header class="top">' in text
        assert '<form class="search unscripted" role="search" action="/admin/product/">' in text


def test_every_icon_of_a_page_is_in_the_sprite(world: World, admin: Browser) -> None:
    for page in (*PAGES, "/admin/nothing"):
        assert set(ICON.findall(admin.get(named(page, world)).text)) <= SYMBOLS, page
    answer = admin.get("/admin/palette/?q=e", headers={"Accept": "application/json"}).json
    assert {entry["icon"] for section in answer["sections"] for entry in section["entries"]} <= SYMBOLS
    assert {symbol for _heading, _sentence, symbol in WORDS.values()} <= SYMBOLS


def test_no_page_loads_more_than_300_kilobytes_of_script(world: World, admin: Browser) -> None:
    for page in PAGES:
        if page.startswith(EDITOR):
            continue
        names = SCRIPT.findall(admin.get(named(page, world)).text)
        assert names, page
        assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in names) <= 300_000, page


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("Grace Brewster Hopper", "GH"), ("front.desk@example.org", "FD"), ("x", "X"), ("", "")],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_the_frame_asks_the_database_once_for_what_the_person_likes(
    admin: Browser, statements: list[str], world: World
) -> None:
    admin.get("/profile")
    statements.clear()
    admin.get("/profile")
    assert sum("FROM preference" in one for one in statements) == 1
    # The person with their roles, the preferences, and no more.
    assert len(statements) == 2


# The navigation, narrow or wide.


def test_the_menu_stays_as_narrow_as_its_owner_left_it(sign_in: Opened, world: World) -> None:
    browser, other = sign_in("editor"), sign_in("viewer")
    assert '<body class="framed"' in browser.get("/admin/").text
    where = "/admin/product/?q=mug&sort=name"
    answer = browser.post("/profile/navigation", {"collapsed": "1", "next": where})
    assert (answer.status_code, answer.location) == (303, where)
    assert '<body class="framed collapsed"' in browser.get("/admin/").text
    assert '<body class="framed"' in other.get("/admin/").text
    assert stored("navigation", world.users["editor"]) is True
    browser.post("/profile/navigation", {"collapsed": "0"})
    assert '<body class="framed"' in browser.get("/admin/").text


def test_a_script_that_narrows_the_menu_gets_no_page(admin: Browser) -> None:
    answer = admin.post("/profile/navigation", {"collapsed": "1"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.text) == (204, "")


def test_nobody_signed_in_keeps_nothing(sign_in: Opened, world: World) -> None:
    nobody = sign_in(None)
    nobody._token = token_of(nobody)
    before = digest()
    assert nobody.post("/profile/navigation", {"collapsed": "1"}).status_code == 401
    assert nobody.raw_post("/profile/navigation", {"collapsed": "1"}).status_code == 400
    assert digest() == before


def token_of(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/login").text)
    assert found
    return found[1]


# Language.


def test_before_sign_in_the_browser_says_the_language_and_a_choice_is_kept(sign_in: Opened, world: World) -> None:
    nobody = sign_in(None)
    asked = {"Accept-Language": "ar-EG, de;q=0.5"}
    assert '<html lang="ar" dir="rtl"' in nobody.get("/login", headers=asked).text
    nobody._token = token_of(nobody)
    before = digest()
    answer = nobody.post("/language", {"language": "fr", "next": "/login?next=/admin/product/"})
    assert (answer.status_code, answer.location) == (303, "/login?next=/admin/product/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("language=fr;") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    page = nobody.get("/login?next=/admin/product/", headers=asked).text
    assert '<html lang="fr" dir="ltr"' in page
    assert 'name="next" value="/admin/product/"' in page
    assert digest() == before


def test_who_is_signed_in_keeps_the_language_in_the_profile(sign_in: Opened, world: World) -> None:
    browser = sign_in("viewer")
    where = "/admin/product/?q=mug"
    page = browser.get(where).text
    assert f'<input type="hidden" name="next" value="{where}">' in page
    assert re.findall(r'name="language" value="(\w+)" lang="(\w+)"', page) == [
        (code, code) for code in ("en", "fr", "de", "es", "ar")
    ]
    assert "العربية" in page and "Français" in page
    answer = browser.post("/language", {"language": "ar", "next": where})
    assert (answer.status_code, answer.location) == (303, where)
    db.session.rollback()
    assert db.session.get_one(User, world.users["viewer"]).locale == "ar"
    done = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert (done.actor_id, done.source) == (world.users["viewer"], "form")
    # On another device too.
    assert '<html lang="ar" dir="rtl"' in sign_in("viewer").get("/admin/").text
    assert '<html lang="en"' in sign_in("editor").get("/admin/").text


def test_a_language_that_there_is_not_changes_nothing(admin: Browser) -> None:
    token = admin.token
    before = digest()
    for value in ("xx", "", "../ar", "en\r\nSet-Cookie: a=b"):
        answer = admin.post("/language", {"language": value, "csrf_token": token})
        assert answer.status_code == 400
        assert "Set-Cookie" not in answer.headers or "language=" not in answer.headers["Set-Cookie"]
    assert digest() == before


def test_a_choice_leads_to_no_other_site(admin: Browser) -> None:
    for address in ("/language", "/theme", "/profile/navigation"):
        for where in ("https://example.org/", "//example.org", "/\\example.org", "/%2f/x", "", "x"):
            values = {"language": "de", "theme": "dark", "collapsed": "1", "next": where}
            assert admin.post(address, values).location == "/admin/", (address, where)


# Light and dark.


def test_the_theme_is_kept_by_the_browser(admin: Browser) -> None:
    page = admin.get("/admin/").text
    assert re.search(r"<html[^>]*>", page)[0].count("data-bs-theme") == 0
    assert re.findall(r'name="theme" value="(\w+)" aria-current="true"', page) == ["system"]
    answer = admin.post("/theme", {"theme": "dark", "next": "/admin/brand/"})
    assert (answer.status_code, answer.location) == (303, "/admin/brand/")
    assert answer.headers["Set-Cookie"].startswith("theme=dark;") and "HttpOnly" not in answer.headers["Set-Cookie"]
    page = admin.get("/admin/").text
    assert 'data-bs-theme="dark"' in page
    assert re.findall(r'name="theme" value="(\w+)" aria-current="true"', page) == ["dark"]
    admin.post("/theme", {"theme": "system"})
    assert 'data-bs-theme="' not in re.search(r"<html[^>]*>", admin.get("/admin/").text)[0]
    admin.post("/theme", {"theme": "<script>"})
    assert "data-bs-theme" not in re.search(r"<html[^>]*>", admin.get("/admin/").text)[0]


# Keys.


def test_single_letter_keys_can_be_switched_off(sign_in: Opened, world: World) -> None:
    browser = sign_in("viewer")
    assert 'data-keys="on"' in browser.get("/admin/").text
    browser.post("/profile", {"keys": ""})
    assert 'data-keys="off"' in browser.get("/admin/").text
    assert 'data-keys="on"' in sign_in("editor").get("/admin/").text
    # A form that does not ask leaves it.
    browser.post("/profile", {"name": "Desk"})
    assert stored("keys", world.users["viewer"]) is False
    browser.post("/profile", {"keys": ["", "y"]})
    assert 'data-keys="on"' in browser.get("/admin/").text


# The palette.


def found(browser: Browser, text: str = "") -> dict[str, Any]:
    answer = browser.get("/admin/palette/", query_string={"q": text}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.json
    return body


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["id"] for section in answer["sections"] for entry in section["entries"]]


def entries(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for section in answer["sections"] for entry in section["entries"]}


OFFERED = {
    "administrator": {
        *(f"page.{name}" for name in ("admin", "product", "category", "brand", "tag", "user", "role", "house")),
        *(f"add.{name}" for name in ("product", "category", "brand", "tag", "user", "role")),
        "page.history", "page.profile", "trash.product", "keys", "sign-out",
    },
    "editor": {
        *(f"page.{name}" for name in ("admin", "product", "category", "brand", "tag", "history", "profile")),
        *(f"add.{name}" for name in ("product", "category", "brand", "tag")),
        "keys", "sign-out",
    },
    "viewer": {
        *(f"page.{name}" for name in ("admin", "product", "category", "brand", "tag", "history", "profile")),
        "keys", "sign-out",
    },
    "phones-only": {
        *(f"page.{name}" for name in ("admin", "product", "category", "brand", "history", "profile")),
        "add.product", "trash.product", "keys", "sign-out",
    },
}  # fmt: skip


def test_the_palette_offers_what_the_person_may_open_and_do(sign_in: Opened) -> None:
    for who, offered in OFFERED.items():
        assert set(ids(found(sign_in(who)))) == offered, who


FOUND: list[tuple[str, str, set[str], str | None]] = [
    # Person, text, what is found among records, and what opens by Enter alone.
    ("administrator", "blue mug", {"product.mug"}, None),
    ("administrator", "M-1", {"product.mug"}, "/admin/product/edit/?id={mug}"),
    ("administrator", "m-1", {"product.mug"}, "/admin/product/edit/?id={mug}"),
    ("viewer", "M-1", {"product.mug"}, "/admin/product/details/?id={mug}"),
    ("administrator", "pho cas", {"category.cases"}, None),
    ("administrator", "clay", {"brand.brand"}, None),
    ("administrator", "viewer@example.org", {"user.viewer"}, "/admin/user/edit/?id={viewer}"),
    ("viewer", "viewer@example.org", set(), None),
    ("viewer", "administrator", set(), None),
    # Out of reach, in the trash, not there, not a word.
    ("phones-only", "M-1", set(), None),
    ("phones-only", "blue", set(), None),
    ("phones-only", "cups", set(), None),
    ("phones-only", "C-1", {"product.case"}, "/admin/product/edit/?id={case}"),
    ("administrator", "G-1", set(), None),
    ("administrator", "unheard of", set(), None),
    ("administrator", "\x00%_'\"", set(), None),
    ("administrator", "x" * 5000, set(), None),
]


def test_the_palette_finds_what_is_within_reach(world: World, sign_in: Opened, subtests: pytest.Subtests) -> None:
    keys = vars(world) | {"viewer": world.users["viewer"]}
    kinds = ("product.", "category.", "brand.", "tag.", "user.", "role.")
    browsers = {who: sign_in(who) for who, *_rest in FOUND}
    for who, text, wanted, opened in FOUND:
        with subtests.test(f"{who} {text[:20]!r}"):
            answer = found(browsers[who], text)
            records = {one for one in ids(answer) if one.startswith(kinds)}
            assert records == {f"{one.split('.')[0]}.{keys[one.split('.')[1]]}" for one in wanted}
            assert answer["exact"] == (opened.format(**keys) if opened else None)
            assert entries(answer)["search"]["href"].startswith("/admin/product/?q=")


def test_pages_and_actions_are_found_by_the_beginnings_of_their_words(admin: Browser) -> None:
    assert "add.product" in ids(found(admin, "pro add"))
    assert "theme.dark" in ids(found(admin, "dark"))
    assert entries(found(admin, "fran"))["language.fr"] == {
        "id": "language.fr", "label": "Français", "icon": "language", "do": "language.fr", "lang": "fr", "kept": True,
    }  # fmt: skip
    assert entries(found(admin, "trash"))["trash.brand"]["href"] == "/admin/brand/?trash=1"
    assert found(admin, "unheard of")["status"] == "Nothing was found for this text."


def test_a_code_that_two_records_share_opens_neither(world: World, admin: Browser, house: Actor) -> None:
    with writes.unit(house, "Twins", source="system") as unit:
        unit.session.add(Product(sku="4006381333931", name="Pen"))
        unit.session.add(Product(sku="PEN-2", gtin="4006381333931", name="Other pen"))
    assert found(admin, "PEN-2")["exact"] is not None
    assert found(admin, "4006381333931")["exact"] is None
    assert found(admin, "pen")["exact"] is None


def test_what_a_person_may_not_see_of_a_record_is_not_in_the_answer(
    world: World, sign_in: Opened, admin: Browser
) -> None:
    role = f"/admin/role/edit/?id={world.roles['phones-only']}"
    assert admin.submit(role, hidden_fields="product.cost\nproduct.sku\nproduct.name").status_code == 303
    browser = sign_in("phones-only")
    assert browser.post("/admin/palette/recent/", {"chosen": f"product.{world.case}"}).status_code == 200
    for text in ("c-", "case", "one", ""):
        answer = str(found(browser, text)["sections"])
        assert "Case one" not in answer and "C-1" not in answer
    # Nor is it found by what is hidden.
    assert [one for one in ids(found(browser, "C-1")) if one.startswith("product.")] == []
    assert entries(found(browser))[f"product.{world.case}"]["label"] == f"#{world.case}"


def test_an_answer_holds_at_most_50_and_asks_no_more_for_more(
    world: World, admin: Browser, house: Actor, statements: list[str]
) -> None:
    found(admin, "lamp")
    statements.clear()
    found(admin, "lamp")
    few = len(statements)
    with writes.unit(house, "Many", source="system") as unit:
        for number in range(60):
            unit.session.add(Product(sku=f"L-{number}", name=f"Lamp {number}"))
    found(admin, "lamp")
    statements.clear()
    answer = found(admin, "lamp")
    products = [one for one in ids(answer) if one.startswith("product.")]
    assert len(products) == 8
    assert len(ids(answer)) <= 50
    # The rows of the page are loaded in one statement, however many there are.
    assert len(statements) <= few + 2


def test_what_was_chosen_last_comes_first(world: World, sign_in: Opened, house: Actor) -> None:
    browser = sign_in("phones-only")
    for chosen in ("page.brand", f"product.{world.case}", f"category.{world.cases}", "add.product"):
        assert browser.post("/admin/palette/recent/", {"chosen": chosen}).status_code == 200
    browser.post("/admin/palette/recent/", {"chosen": "page.brand"})
    answer = found(browser)
    recent = ["page.brand", "add.product", f"category.{world.cases}", f"product.{world.case}"]
    assert ids(answer)[:4] == recent
    assert answer["sections"][0]["label"] == "Recent"
    assert entries(answer)[f"category.{world.cases}"]["label"] == "Phones › Cases"
    assert len(ids(answer)) == len(set(ids(answer)))
    assert ids(found(sign_in("viewer")))[0] == "page.admin"
    # In the trash it is gone from here too.
    with writes.unit(house, "Delete", source="system") as unit:
        case = unit.get(Product, world.case)
        case.trashed_at = case.updated_at
    assert f"product.{world.case}" not in ids(found(browser))
    for name in ("admin", "product", "category", "brand", "history", "profile"):
        browser.post("/admin/palette/recent/", {"chosen": f"page.{name}"})
    kept = stored("recent.palette", world.users["phones-only"])
    assert kept[:2] == ["page.profile", "page.history"] and len(kept) == 8


def test_what_is_out_of_reach_is_not_remembered(world: World, sign_in: Opened) -> None:
    browser = sign_in("phones-only")
    for chosen in (
        "product.{mug}",
        "page.user",
        "add.role",
        "search",
        "sign-out",
        "",
        "product.",
        "product.9999",
        "a.b",
    ):
        assert browser.post("/admin/palette/recent/", {"chosen": named(chosen, world)}).status_code == 400, chosen
    assert stored("recent.palette", world.users["phones-only"]) is None


# Refusals.

STATUSES = (400, 401, 403, 404, 405, 409, 413, 429, 500, 503)


@pytest.mark.own_application
def test_every_refusal_says_what_happened_and_what_to_do(app: Flask, sign_in: Opened) -> None:
    assert set(STATUSES) <= set(WORDS)

    def refuse(status: int) -> None:
        abort(status)

    app.add_url_rule("/refused/<int:status>", "refused", refuse, methods=["GET", "POST"])
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for who in ("viewer", None):
        browser = sign_in(who)
        for status in STATUSES:
            answer = browser.get(f"/refused/{status}", headers={"Referer": "http://localhost/admin/brand/"})
            assert answer.status_code == status
            assert len(re.findall(r"<h1>[^<]{8,}</h1>", answer.text)) == 1
            primary = re.findall(r'<a class="btn btn-primary" href="([^"]+)">', answer.text)
            assert len(primary) == 1, status
            assert (re.search(rf"Error {status} at \d{{4}}-\d\d-\d\d [\d:]+ UTC", answer.text) is None) == (
                status < 500
            )
            assert ('id="navigation"' in answer.text) == (who is not None and status < 500)
            message = browser.get(f"/refused/{status}", headers={"Accept": "application/json"})
            assert (message.status_code, message.is_json) == (status, True)
            assert message.json["message"].endswith(".")


WAYS = [
    (401, "GET", "/login?next=%2Frefused%2F401"),
    (404, "GET", "http://localhost/admin/brand/"),
    (409, "POST", "http://localhost/admin/brand/"),
    (429, "POST", "http://localhost/admin/brand/"),
    (503, "GET", "/refused/503"),
    (500, "POST", "http://localhost/admin/brand/"),
]


@pytest.mark.own_application
def test_the_best_way_on_comes_first(app: Flask, admin: Browser) -> None:
    app.add_url_rule("/refused/<int:status>", "refused", lambda status: abort(status), methods=["GET", "POST"])
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for status, method, way in WAYS:
        send = admin.get if method == "GET" else admin.post
        text = send(f"/refused/{status}", headers={"Referer": "http://localhost/admin/brand/"}).text
        assert re.findall(r'<a class="btn btn-primary" href="([^"]+)">', text) == [way], status
        # A page of another site is no way on.
        text = send(f"/refused/{status}", headers={"Referer": "https://example.org/"}).text
        assert "https://example.org" not in text


def test_a_missing_right_is_named_with_who_can_give_it(sign_in: Opened) -> None:
    text = sign_in("viewer").get("/admin/product/new/").text
    assert "You can see “Products” but not add to it." in text
    assert "An administrator can grant “Add: Products”: administrator@example.org." in text
    assert "It is part of these roles: Administrator, Catalogue manager, Editor, Phones only." in text
    assert 'href="mailto:administrator@example.org?subject=Please%20grant%20me' in text
    assert "You may not see “Users”." in sign_in("editor").get("/admin/user/").text


def test_a_locked_field_is_named_and_only_roles_that_may_change_it(
    world: World, sign_in: Opened, admin: Browser
) -> None:
    role = f"/admin/role/edit/?id={world.roles['editor']}"
    assert admin.submit(role, locked_fields="product.price").status_code == 303
    values = {"id": world.mug, "version": "1", "price": "1.00"}
    answer = sign_in("editor").post("/admin/product/ajax/update/", values, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json["message"] == "You may not change the field “Price” of “Products”."
    lines = " ".join(answer.json["more"])
    assert "An administrator can grant “Change: Price”" in lines
    assert "Catalogue manager" in lines and "Editor" not in lines


class Raised(Exception):
    """What a driver raises."""

    def __init__(self, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


FAULTS = [
    (Raised("database is locked"), 503),
    (Raised("unable to open database file"), 503),
    (Raised("connection failed: Connection refused"), 503),
    (Raised("canceling statement due to lock timeout", "55P03"), 503),
    (Raised("terminating connection", "57P01"), 503),
    (Raised("no such table: product"), 500),
    (Raised("disk full of secrets", "XX000"), 500),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS)
def test_a_busy_database_is_told_from_a_broken_program(
    bare: Flask, caplog: pytest.LogCaptureFixture, fault: Raised, status: int
) -> None:
    def fail() -> None:
        raise OperationalError("SELECT secret", {}, fault)

    bare.add_url_rule("/fails", "fails", fail)
    answer = bare.test_client().get("/fails")
    assert answer.status_code == status
    assert "secret" not in answer.text and str(fault) not in answer.text
    assert answer.headers.get("Retry-After") == ("30" if status == 503 else None)
    assert "The database failed." in caplog.text and str(fault) in caplog.text
