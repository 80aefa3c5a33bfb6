"""The interface speaks the language of who reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import get_domain
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.i18n import Phrase, phrase
from backoffice.models.category import Category
from backoffice.models.history import ChangeSet
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.policy import Actor

from .conftest import Browser, World, product

TRANSLATIONS = Path(__file__).resolve().parents[2] / "translations"

#: Language -> the headings of the list, the trash and the history, and the direction of the page.
SPOKEN = {
    "fr": ("Produits", "Historique", "ltr"),
    "de": ("Produkte", "Verlauf", "ltr"),
    "es": ("Productos", "Historial", "ltr"),
    "ar": ("المنتجات", "سجل التغييرات", "rtl"),
}


@pytest.mark.parametrize("language", SPOKEN)
def test_pages_speak_the_language_of_the_person(
    app: Flask, admin: Browser, world: World, house: Actor, language: str, request: pytest.FixtureRequest
) -> None:
    app.extensions["babel"].translation_directories.append(str(TRANSLATIONS))
    # What other tests read of a language, nothing, is kept for the whole process.
    get_domain().cache.clear()
    request.addfinalizer(get_domain().cache.clear)
    with writes.unit(house, "Language") as unit:
        unit.get(User, world.users["administrator"]).locale = language
    products, history, direction = SPOKEN[language]
    page = admin.get("/admin/product/").text
    assert f'lang="{language}" dir="{direction}"' in page
    assert f"<h1>{products}</h1>" in page and history in page
    for path in ("/admin/", "/admin/history/", f"/admin/product/edit/?id={world.mug}", "/admin/user/", "/profile"):
        assert admin.get(path).status_code == 200, path


def test_what_was_done_is_told_in_the_language_of_who_reads_it(
    app: Flask, admin: Browser, world: World, house: Actor, request: pytest.FixtureRequest
) -> None:
    def speak(language: str) -> None:
        with writes.unit(house, "Language") as unit:
            unit.get(User, world.users["administrator"]).locale = language

    app.extensions["babel"].translation_directories.append(str(TRANSLATIONS))
    get_domain().cache.clear()
    request.addfinalizer(get_domain().cache.clear)
    speak("fr")
    admin.submit(f"/admin/product/edit/?id={world.mug}", name="100% %(blue)s mug")
    admin.post("/admin/product/action/", {"action": "archive", "rowid": [str(world.mug)]})
    admin.post("/admin/product/action/", {"action": "archive", "rowid": [str(world.mug), str(world.case)]})
    admin.post("/admin/product/action/", {"action": "publish", "rowid": [str(world.mug), str(world.case)]})
    stored = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc()).limit(4)).all()
    kept = ["Publish: Products", "Archive: Case one", "Archive: 100% %(blue)s mug", "Edit: Blue mug"]
    assert [one.title for one in stored] == kept
    admin.post("/admin/history/undo/", {"change_set": str(stored[0].id)})
    told = {
        "fr": [
            "Annulation\u202f: Publier\u202f: Produits",
            "Publier\u202f: Produits",
            "Archiver\u202f: Case one",
            "Archiver\u202f: 100% %(blue)s mug",
            "Modification\u202f: Blue mug",
        ],
        "de": [
            "Rückgängig machen: Veröffentlichen: Produkte",
            "Veröffentlichen: Produkte",
            "Archivieren: Case one",
            "Archivieren: 100% %(blue)s mug",
            "Bearbeiten: Blue mug",
        ],
    }
    for language, titles in told.items():
        speak(language)
        page = admin.get("/admin/history/?resource=product").text
        assert re.findall(r'deed-title"><a[^>]*><bdi>(.*?)</bdi>', page)[:5] == titles


def test_a_kept_sentence_comes_back_as_it_was() -> None:
    inner = phrase("Create: %(resource)s", resource="50 % off, %(name)s")
    kept = phrase("Undo: %(title)s", title=inner)
    assert Phrase.decoded(json.loads(json.dumps(kept.encoded()))) == kept


def test_details_call_other_languages_by_name(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Names") as unit:
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse bleue"}
    page = admin.get(f"/admin/product/details/?id={world.mug}").text
    assert "<dt>French</dt><dd><bdi>Tasse bleue</bdi></dd>" in page and "<dt>colour</dt>" in page


LOOK = "/admin/product/ajax/lookup/?name=category_id&query="
#: Where a category is named.
NAMED = {
    "list": "/admin/product/",
    "chip": "/admin/product/?category_id={cups}",
    "form": "/admin/product/edit/?id={mug}",
    "details": "/admin/product/details/?id={mug}",
    "dashboard": "/admin/",
    "palette": "/admin/palette/?q=cups",
    "look-up": f"{LOOK}cups",
}


@pytest.mark.parametrize("place", NAMED)
def test_a_category_is_named_in_the_language_of_the_reader(
    sign_in: Callable[..., Browser], world: World, house: Actor, place: str
) -> None:
    with writes.unit(house, "Languages") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        unit.get(Category, world.cups).name_i18n = {"fr": "Tasses", "de": "Becher"}
    reader = sign_in("editor")
    address = NAMED[place].format(cups=world.cups, mug=world.mug)
    for locale, hidden, named in (("fr", [], "Tasses"), ("de", [], "Cups"), ("fr", ["category.name_i18n"], "Cups")):
        with writes.unit(house, "Reader") as unit:
            unit.get(User, world.users["editor"]).locale = locale
            unit.get(Role, world.roles["editor"]).hidden_fields = hidden
        page = reader.get(address, headers={"Accept": "application/json"} if "palette" in address else {}).text
        assert {name for name in ("Tasses", "Becher", "Cups") if name in page} == {named}, (locale, hidden)


def test_a_category_is_found_by_its_name_in_any_language(
    sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    with writes.unit(house, "Names") as unit:
        unit.get(Category, world.cups).name_i18n = {"fr": "Tasses"}
    reader = sign_in("editor")
    assert [one["id"] for one in reader.get(f"{LOOK}tass").json or []] == [world.cups]
    with writes.unit(house, "Hide") as unit:
        unit.get(Role, world.roles["editor"]).hidden_fields = ["category.name_i18n"]
    assert reader.get(f"{LOOK}tass").json == []


@pytest.mark.parametrize("text", ["Cups", "Tasses", "tasses"])
def test_a_category_is_typed_by_its_name_in_either_language(
    admin: Browser, world: World, house: Actor, text: str
) -> None:
    with writes.unit(house, "Names") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        unit.get(Category, world.cups).name_i18n = {"fr": "Tasses"}
        unit.add(Category(name="Cups of glass", name_i18n={"fr": "Tasses en verre"}))
        unit.get(User, world.users["administrator"]).locale = "fr"
    address = f"/admin/product/edit/?id={world.case}"
    assert admin.submit(address, **{"category_id.text": text}).status_code == 303
    assert product(world.case).category_id == world.cups


#: Where a category of one's own is named.
OWN = {
    "tree": "/admin/category/",
    "search of the tree": "/admin/category/?find=slugged",
    "rows of the tree": "/admin/category/?expanded={cups}",
    "list": "/admin/product/",
    "chip": "/admin/product/?category_id={cups}",
    "form": "/admin/product/edit/?id={mug}",
    "details": "/admin/product/details/?id={mug}",
    "dashboard": "/admin/",
    "palette": "/admin/palette/?q=slugged",
    "look-up": LOOK,
}


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_name_that_is_hidden_where_the_category_stands_is_told_nowhere(
    newcomer: Callable[..., Browser], world: World, house: Actor, elsewhere: bool, locale: str
) -> None:
    """Another role may show names in another part of the tree."""
    grants = ["product:read", "product:update", "category:read"]
    hidden = ["category.name", "category.name_i18n"]
    browser = newcomer(grants, [world.cups] if elsewhere else [], hidden_fields=hidden)
    with writes.unit(house, "Names") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        cups, user = unit.get(Category, world.cups), unit.get(User, world.users["somebody"])
        cups.slug, cups.name_i18n, user.locale = "slugged", {"fr": "Tasses"}, locale
        if elsewhere:
            other = unit.add(Role(key="phones", name="Phones", grants=grants))
            other.categories = [unit.get(Category, world.phones)]
            user.roles = [*user.roles, other]
    for place, address in OWN.items():
        headers = {"Accept": "application/json"} if place == "palette" else {}
        answer = browser.get(address.format(cups=world.cups, mug=world.mug), headers=headers)
        assert answer.status_code == 200
        assert "Cups" not in answer.text and "Tasses" not in answer.text, place
    browser.post("/admin/palette/recent/", {"chosen": f"category.{world.cups}"})
    recent = browser.get("/admin/palette/").text
    assert f"#{world.cups}" in recent and "Cups" not in recent and "Tasses" not in recent


def test_a_translation_that_is_hidden_where_the_category_stands_is_told_nowhere(
    newcomer: Callable[..., Browser], world: World, house: Actor
) -> None:
    grants = ["product:read", "product:update", "category:read"]
    browser = newcomer(grants, [world.cups], hidden_fields=["category.name_i18n"])
    with writes.unit(house, "Names") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        unit.get(Category, world.cups).name_i18n = {"fr": "Tasses"}
        unit.get(Category, world.phones).name_i18n = {"fr": "Appareils"}
        other = unit.add(Role(key="phones", name="Phones", grants=grants))
        other.categories = [unit.get(Category, world.phones)]
        user = unit.get(User, world.users["somebody"])
        user.locale, user.roles = "fr", [*user.roles, other]
    for place, address in OWN.items():
        answer = browser.get(address.format(cups=world.cups, mug=world.mug))
        assert "Tasses" not in answer.text, place
    for address in (OWN["tree"], LOOK):
        assert "Appareils" in browser.get(address).text, "where it is seen it is told"


def test_a_look_up_does_not_tell_a_slug_that_is_hidden(newcomer: Callable[..., Browser], world: World) -> None:
    browser = newcomer(["product:read", "product:update", "category:read"], hidden_fields=["category.slug"])
    found = browser.get(f"{LOOK}cups").json or []
    assert [(one["text"], one["detail"]) for one in found] == [("Cups", "")]
