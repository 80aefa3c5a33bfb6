"""What stands around and within a form: sections, languages, rich text, questions, conflicts, colleagues, scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.personal import Preference, Presence
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import presence
from backoffice.policy import Actor

from .conftest import Browser, World, digest, form_of, product

JSON = {"Accept": "application/json"}


def edit(world: World) -> str:
    return f"/admin/product/edit/?id={world.mug}"


def send(browser: Browser, address: str, **changes: Any) -> TestResponse:
    """Send the form at `address` as its script does."""
    return browser.post(address, browser.form(address) | changes, headers=JSON)


def speak(house: Actor, *languages: str, source: str = "en") -> None:
    with writes.unit(house, "Languages") as unit:
        settings = unit.get(House, HOUSE_ID)
        settings.languages, settings.source_language = list(languages), source


# Sections.


def test_a_product_has_its_sections_and_each_field_once(admin: Browser, world: World) -> None:
    page = admin.get(edit(world)).text
    sections = re.findall(r'data-section="([^"]+)"', page)
    assert sections == [
        *("basics", "description", "attributes", "identifiers", "images"),
        *("status", "organisation", "price", "notes", "completeness", "last-change"),
    ]
    names = re.findall(r'data-field="([^"]+)"', page)
    assert len(names) == len(set(names)) and {"name", "sku", "tags", "notes", "price"} <= set(names)


def test_moments_are_told_to_the_minute_and_meant_to_the_second(admin: Browser, world: World) -> None:
    page = admin.get(f"/admin/product/details/?id={world.mug}").text
    told = re.findall(r'<time datetime="([^"]+)" title="([^"]+)">([^<]+)</time>', page)
    assert told
    for meant, title, shown in told:
        assert re.search(r":\d\d:\d\d", meant) and re.search(r":\d\d:\d\d", title)
        assert re.fullmatch(r"\w+ \d+, \d{4}, \d+:\d\d\s[AP]M", shown)


def test_details_stand_in_the_sections_of_the_form_and_name_what_is_empty(
    admin: Browser, world: World, sign_in: Callable[..., Browser]
) -> None:
    page = admin.get(f"/admin/product/details/?id={world.mug}").text
    form = admin.get(edit(world)).text
    headings = re.findall(r'<h2 id="part-(\w+)">', page)
    assert headings[-2:] == ["record", "unfilled"]
    assert headings[:-2] == [one for one in re.findall(r'data-section="(\w+)"', form) if one in headings]
    shown = re.findall(r'data-field="(\w+)"', page)
    assert len(shown) == len(set(shown)) and {"name", "sku", "price", "created_at"} <= set(shown)
    assert "gtin" not in shown and "GTIN" in page[page.index('id="part-unfilled"') :]
    seen = sign_in("phones-only").get(f"/admin/product/details/?id={world.case}").text
    assert not re.search(r'data-field="cost"|>Cost<|Cost,', seen)


def test_an_administrator_s_role_lacks_no_limits(admin: Browser, world: World) -> None:
    limits = {"Limited to categories", "Hidden fields", "Locked fields"}
    for role, lacking in (("administrator", set()), ("viewer", limits)):
        page = admin.get(f"/admin/role/details/?id={world.roles[role]}").text
        _head, _heading, rest = page.partition('id="part-unfilled"')
        assert set(re.findall(r"<li>(?:<a [^>]*>)?([^<]+)<", rest.partition("</ul>")[0])) & limits == lacking


def test_a_field_that_may_be_seen_but_not_set_is_a_text(world: World, sign_in: Callable[..., Browser]) -> None:
    page = sign_in("editor").get(edit(world)).text
    assert 'name="status"' not in page and 'id="f-status">Draft' in page


def test_a_hidden_field_leaves_no_trace(world: World, sign_in: Callable[..., Browser]) -> None:
    page = sign_in("phones-only").get(f"/admin/product/edit/?id={world.case}").text
    assert 'data-field="price"' in page and not re.search(r'(data-field|name)="cost"', page)


def test_what_is_missing_links_to_its_field(admin: Browser, world: World, house: Actor) -> None:
    speak(house, "en", "fr")
    page = admin.get(edit(world)).text
    part = page[page.index('data-section="completeness"') : page.index('data-section="last-change"')]
    assert re.findall(r'href="#f-([^"]+)"', part) == ["image_url", "gtin", "name_i18n.fr"]
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    assert {"f-image_url", "f-gtin", "f-name_i18n.fr"} <= ids


def test_the_last_change_says_who_and_can_be_undone(admin: Browser, world: World) -> None:
    admin.submit(edit(world), price="13.55")
    page = admin.get(edit(world)).text
    part = page[page.index('data-section="last-change"') :]
    assert "administrator@example.org" in part and "13.55" in part
    change = re.search(r'id="undo-last".*?name="change" value="(\d+)"', page, re.DOTALL)
    assert change
    admin.post("/admin/history/undo/", {"change": change[1]})
    assert product(world.mug).price == Decimal("12.90")


def test_who_may_not_see_history_sees_no_last_change(
    world: World, sign_in: Callable[..., Browser], house: Actor
) -> None:
    with writes.unit(house, "Rights") as unit:
        role = unit.get(Role, world.roles["editor"])
        role.grants = [grant for grant in role.grants if grant != "history:read"]
    page = sign_in("editor").get(edit(world)).text
    assert "command line" not in page and "undo-last" not in page


def test_a_copy_begins_with_what_is_not_each_record_s_own(admin: Browser, world: World) -> None:
    admin.submit(edit(world), gtin="4006381333931", status="published")
    form = admin.form(f"/admin/product/new/?copy={world.mug}")
    same = {"name": "Blue mug", "price": "12.90", "attributes": "colour = blue", "category_id": str(world.cups)}
    assert same.items() <= form.items() and form["tags"] == [str(world.tag)]
    assert (form["sku"], form["slug"], form["gtin"], form["status"]) == ("", "", "", "draft")
    admin.post(f"/admin/product/new/?copy={world.mug}", form | {"sku": "M-9"})
    made = db.session.scalars(select(Product).where(Product.sku == "M-9")).one()
    assert (made.name, made.version) == ("Blue mug", 1) and product(world.mug).sku == "M-1"


def test_nobody_copies_what_they_may_not_see(world: World, sign_in: Callable[..., Browser]) -> None:
    limited = sign_in("phones-only")
    assert limited.get(f"/admin/product/new/?copy={world.mug}").status_code == 404
    assert limited.get("/admin/product/new/?copy=x").status_code == 404
    assert "cost" not in limited.form(f"/admin/product/new/?copy={world.case}")


# Languages.


def test_texts_have_a_field_for_each_language_of_the_house(admin: Browser, world: World, house: Actor) -> None:
    speak(house, "en", "fr", "ar")
    page = admin.get(edit(world)).text
    assert re.findall(r'data-show="([^"]+)"', page) == ["en", "ar", "fr"]
    inputs = dict(re.findall(r'<input[^>]*name="([^"]+)"([^>]*)>', page))
    assert 'placeholder="From English: Blue mug"' in inputs["name_i18n.fr"]
    assert 'dir="rtl"' in inputs["name_i18n.ar"] and 'lang="ar"' in inputs["name_i18n.ar"]
    assert 'data-said="French name"' in page and 'data-said="Arabic description"' in page
    admin.submit(
        edit(world), **{"name_i18n.fr": " Tasse  bleue ", "description_i18n.fr": "<p>Bon</p><script>x</script>"}
    )
    mug = product(world.mug)
    assert mug.name_i18n == {"fr": "Tasse bleue"} and mug.description_i18n == {"fr": "<p>Bon</p>"}
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert change is not None and set(change.diff) == {"name.fr", "description.fr"}


def test_languages_that_the_form_does_not_show_stay(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Texts") as unit:
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse", "ja": "マグ"}
    speak(house, "en", "fr")
    admin.submit(edit(world), **{"name_i18n.fr": ""})
    assert product(world.mug).name_i18n == {"ja": "マグ"}


def test_another_source_language_names_the_first_tab(admin: Browser, world: World, house: Actor) -> None:
    speak(house, "de", "en", source="de")
    page = admin.get(edit(world)).text
    assert re.findall(r'data-show="([^"]+)"', page) == ["de", "en"]
    assert 'data-field="name_i18n.en"' in page and "From German: Blue mug" in page


def test_one_language_needs_no_tabs(admin: Browser, world: World, house: Actor) -> None:
    speak(house, "en")
    assert "data-show=" not in admin.get(edit(world)).text


def test_an_error_in_one_language_stands_at_its_field(admin: Browser, world: World, house: Actor) -> None:
    speak(house, "en", "fr")
    response = admin.submit(edit(world), **{"name_i18n.fr": "x" * 301})
    assert response.status_code == 400
    assert '<a href="#f-name_i18n.fr">Name in French: 301 characters are too many' in response.text
    assert re.search(r'class="field has-error" id="field-name_i18n\.fr"', response.text)
    assert form_of(response.text)["name_i18n.fr"] == "x" * 301 and product(world.mug).name_i18n is None


def test_two_languages_of_one_text_merge(
    admin: Browser, sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    speak(house, "en", "fr", "de")
    opened = admin.form(edit(world))
    sign_in("catalogue-manager").submit(edit(world), **{"name_i18n.de": "Blaue Tasse"})
    assert admin.post(edit(world), opened | {"name_i18n.fr": "Tasse bleue"}).status_code == 303
    assert product(world.mug).name_i18n == {"de": "Blaue Tasse", "fr": "Tasse bleue"}


def test_one_language_of_two_people_conflicts_by_itself(
    admin: Browser, sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    speak(house, "en", "fr", "de")
    opened = admin.form(edit(world))
    sign_in("catalogue-manager").submit(edit(world), **{"name_i18n.fr": "Bol", "name_i18n.de": "Schale"})
    response = admin.post(edit(world), opened | {"name_i18n.fr": "Tasse"})
    assert response.status_code == 409 and "Name in French" in response.text
    shown = form_of(response.text)
    assert (shown["name_i18n.fr"], shown["name_i18n.de"]) == ("Tasse", "Schale")
    admin.post(edit(world), shown | {"_choice.name.fr": "theirs"})
    assert product(world.mug).name_i18n == {"fr": "Bol", "de": "Schale"}


def test_a_locked_translation_is_not_set_by_a_forged_form(
    world: World, sign_in: Callable[..., Browser], house: Actor
) -> None:
    speak(house, "en", "fr")
    with writes.unit(house, "Rights") as unit:
        unit.get(Role, world.roles["editor"]).locked_fields = ["product.name_i18n"]
    editor = sign_in("editor")
    assert "name_i18n.fr" not in editor.form(edit(world))
    editor.submit(edit(world), **{"name_i18n.fr": "Tasse", "name_i18n": "fr = Tasse"})
    assert product(world.mug).name_i18n is None


# Rich text.


def test_a_rich_text_is_a_textarea_with_a_clean_look_beside_it(admin: Browser, world: World) -> None:
    response = admin.submit(edit(world), description='<p>Good</p><img src=x onerror="alert(1)">', name="")
    page = response.text
    assert response.status_code == 400
    assert form_of(page)["description"] == '<p>Good</p><img src=x onerror="alert(1)">', "what was typed stays"
    look = re.search(r'class="editor-wait"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert look and look[1].strip() == '<p>Good</p><img src="x">'
    assert re.search(r'<textarea[^>]*class="ckeditor form-control"[^>]*name="description"', page)


def test_pages_without_a_rich_text_load_no_editor(admin: Browser, world: World) -> None:
    assert "editor.js" in admin.get(edit(world)).text
    for page in (f"/admin/brand/edit/?id={world.brand}", "/admin/tag/new/", "/admin/user/new/", "/admin/product/"):
        text = admin.get(page).text
        assert not re.search(r"<(script|link)[^>]*(ckeditor|/editor\.js)", text), page


# Amounts.


AMOUNTS = [
    ("en", "1299", "1,299.00"),
    ("de", "1299", "1.299,00"),
    ("fr", "1299.5", "1\u202f299,50"),
    ("en", "1.299", "1.2990"),
    ("de", "1.299", "1,2990"),
]


@pytest.mark.parametrize(("locale", "amount", "shown"), AMOUNTS)
def test_an_amount_that_a_form_shows_is_read_back_as_itself(
    admin: Browser, world: World, house: Actor, locale: str, amount: str, shown: str
) -> None:
    with writes.unit(house, "Amount") as unit:
        unit.get(User, world.users["administrator"]).locale = locale
        mug = unit.get(Product, world.mug)
        # Dinars have three decimals.
        mug.currency, mug.price, mug.cost = "KWD", Decimal(amount), None
    form = admin.form(edit(world))
    assert form["price"] == shown
    before = product(world.mug).version
    assert admin.post(edit(world), form).status_code == 303
    assert product(world.mug).version == before


# Questions before a save.

QUESTIONS = [
    ({"price": "30"}, ["from €12.90 to €30.00 (+133%)"]),
    ({"price": "5"}, ["from €12.90 to €5.00 (-61%)"]),
    ({"price": "3"}, ["(-77%)", "€3.00 is below the cost €4.00"]),
    ({"price": "12.90", "cost": "20"}, ["€12.90 is below the cost €20.00"]),
    ({"price": "0", "status": "published"}, ["price is zero and the product is published"]),
    ({"price": "0"}, ["(-100%)"]),
    ({"price": "19.35"}, []),
    ({"price": "6.45"}, []),
    ({"price": "13", "status": "published"}, []),
    ({"price": ""}, []),
    ({"name": "Other"}, []),
    ({"price": "1900", "currency": "JPY"}, []),
]


@pytest.mark.parametrize(("changes", "said"), QUESTIONS)
def test_a_slip_is_asked_about_and_saved_when_it_is_meant(
    admin: Browser, world: World, changes: dict[str, str], said: list[str]
) -> None:
    response = admin.submit(edit(world), **changes)
    if not said:
        assert response.status_code == 303
        return
    assert response.status_code == 409 and "Is this meant?" in response.text
    assert all(sentence in response.text for sentence in said), response.text
    assert product(world.mug).version == 1
    shown = form_of(response.text)
    assert changes.items() <= shown.items() or "price" in changes
    mark = re.search(r'name="_confirm" value="([^"]+)"', response.text)
    assert mark and len(mark[1].split(".")) == len(said)
    assert admin.post(edit(world), shown | {"_confirm": mark[1]}).status_code == 303
    assert product(world.mug).version == 2


def test_an_answer_is_no_answer_to_another_question(admin: Browser, world: World) -> None:
    response = admin.submit(edit(world), price="30")
    mark = re.search(r'name="_confirm" value="([^"]+)"', response.text)
    assert mark
    again = admin.post(edit(world), form_of(response.text) | {"price": "300", "_confirm": mark[1]})
    assert again.status_code == 409 and "€300.00" in again.text and product(world.mug).version == 1
    other = admin.post(f"/admin/product/edit/?id={world.case}", admin.form(f"/admin/product/edit/?id={world.case}") | {
        "price": "30", "_confirm": mark[1],
    })  # fmt: skip
    assert other.status_code == 409 and product(world.case).price == Decimal(5)


def test_a_new_product_is_asked_about_too(admin: Browser, world: World) -> None:
    typed = {"name": "New", "sku": "N-1", "price": "3", "cost": "4"}
    response = admin.submit("/admin/product/new/", **typed)
    assert response.status_code == 409 and "below the cost" in response.text
    assert db.session.scalar(select(Product.id).where(Product.sku == "N-1")) is None
    mark = re.search(r'name="_confirm" value="([^"]+)"', response.text)
    assert mark
    assert admin.post("/admin/product/new/", form_of(response.text) | {"_confirm": mark[1]}).status_code == 303


def test_who_may_not_see_the_cost_does_not_learn_it_by_asking(
    world: World, sign_in: Callable[..., Browser], house: Actor
) -> None:
    with writes.unit(house, "Cost") as unit:
        unit.get(Product, world.case).cost = Decimal("4.50")
    response = sign_in("phones-only").submit(f"/admin/product/edit/?id={world.case}", price="4")
    assert response.status_code == 303 and product(world.case).price == Decimal(4)


def test_a_cell_asks_and_takes_the_answer(admin: Browser, world: World) -> None:
    cell = {"id": world.mug, "version": "1", "price": "30"}
    response = admin.post("/admin/product/ajax/update/", cell, headers=JSON)
    answer = response.json
    assert response.status_code == 409 and answer and "€30.00" in answer["question"]
    assert answer["message"] == answer["question"] and "version" not in answer and "value" not in answer
    assert product(world.mug).version == 1
    again = admin.post("/admin/product/ajax/update/", cell | {"confirm": answer["confirm"]}, headers=JSON)
    assert again.status_code == 200 and product(world.mug).price == Decimal(30)


# Conflicts.


def test_a_conflict_names_who_and_compares_long_texts(
    admin: Browser, sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    text = "<p>" + " ".join(f"word{number}" for number in range(60)) + "</p>"
    with writes.unit(house, "Text") as unit:
        unit.get(Product, world.mug).description = text
    opened = admin.form(edit(world))
    sign_in("catalogue-manager").submit(edit(world), description=text.replace("word30", "theirs <b>&</b>"), price="14")
    mine = {"description": text.replace("word2 ", ""), "price": "15"}
    response = admin.post(edit(world), opened | mine)
    assert response.status_code == 409
    page = response.text[response.text.index('id="conflicts"') : response.text.index("data-draft")]
    assert page.count("catalogue-manager@example.org changed this at") == 2
    assert "<del>word30</del><ins>theirs &amp;</ins>" in page and re.search(r"<del>\s*word2\s*</del>", page)
    assert " … " in page and "word45" not in page.split("side-theirs")[1].split("side-mine")[0]
    assert "12.90" in page and "14.00" in page and "15.00" in page


def test_who_may_not_see_history_learns_no_name_from_a_conflict(
    world: World, sign_in: Callable[..., Browser], house: Actor
) -> None:
    with writes.unit(house, "Rights") as unit:
        role = unit.get(Role, world.roles["editor"])
        role.grants = [grant for grant in role.grants if grant != "history:read"]
    editor = sign_in("editor")
    opened = editor.form(edit(world))
    sign_in("catalogue-manager").submit(edit(world), price="14")
    response = editor.post(edit(world), opened | {"price": "15"})
    assert response.status_code == 409 and "catalogue-manager@" not in response.text


# What a script is answered.


def test_a_script_gets_the_form_as_it_is_now(admin: Browser, world: World) -> None:
    response = send(admin, edit(world), price="13.55", name="  Green   mug ")
    answer = response.json
    assert response.status_code == 200 and answer and answer["saved"] is True
    assert answer["message"] == "“Green mug” saved." and isinstance(answer["undo"], int)
    assert "<nav" not in answer["page"].split("<form")[0] or "navigation" not in answer["page"]
    shown = form_of(answer["page"])
    assert (shown["name"], shown["price"], shown["version"]) == ("Green mug", "13.55", "2")
    assert "form-words" not in answer["page"], "words are on the page already"
    assert "“Green mug” saved." not in admin.get(edit(world)).text, "what was answered is not flashed too"


def test_a_script_is_told_what_to_correct(admin: Browser, world: World) -> None:
    response = send(admin, edit(world), gtin="4006381333932")
    answer = response.json
    assert response.status_code == 400 and answer and answer["saved"] is False and answer["token_failed"] is False
    assert 'href="#f-gtin"' in answer["page"] and product(world.mug).gtin is None


def test_a_script_is_led_on_after_creating_and_on_leaving(admin: Browser, world: World) -> None:
    made = send(admin, "/admin/product/new/", name="New", sku="N-1").json
    assert made and made["saved"] and re.fullmatch(r"/admin/product/edit/\?id=\d+", made["go"])
    assert "“New” saved." in admin.get(made["go"]).text
    left = send(admin, edit(world), price="13", _leave="1").json
    assert left and left["go"].startswith("/admin/product/edit/") and "page" not in left
    assert "“Blue mug” saved." in admin.get(f"/admin/product/edit/?id={world.case}").text


def test_an_ended_session_answers_401_and_saves_nothing(
    admin: Browser, world: World, sign_in: Callable[..., Browser]
) -> None:
    form = admin.form(edit(world)) | {"name": "Typed"}
    nobody = sign_in(None)
    assert nobody.raw_post(edit(world), form, headers=JSON).status_code == 401
    assert product(world.mug).name == "Blue mug"


def test_a_token_of_another_session_comes_back_with_a_fresh_one(admin: Browser, world: World) -> None:
    form = admin.form(edit(world)) | {"name": "Typed"}
    response = admin.raw_post(edit(world), form | {"csrf_token": "old"}, headers=JSON)
    answer = response.json
    assert response.status_code == 400 and answer and answer["token_failed"] is True
    fresh = form | {"csrf_token": form_of(answer["page"])["csrf_token"]}
    assert admin.raw_post(edit(world), fresh, headers=JSON).status_code == 200
    assert product(world.mug).name == "Typed"


def test_what_one_person_typed_is_not_saved_by_another(
    admin: Browser, world: World, sign_in: Callable[..., Browser]
) -> None:
    form = admin.form(edit(world)) | {"name": "Typed by the administrator"}
    manager = sign_in("catalogue-manager")
    response = manager.post(edit(world), form | {"csrf_token": manager.token})
    assert response.status_code == 400 and "Somebody else typed this" in response.text
    assert product(world.mug).name == "Blue mug"
    shown = form_of(response.text)
    assert shown["name"] == "Typed by the administrator" and shown["_person"] == str(world.users["catalogue-manager"])
    assert manager.post(edit(world), shown).status_code == 303


def test_a_form_without_the_mark_of_a_person_is_saved(admin: Browser, world: World) -> None:
    form = admin.form(edit(world)) | {"name": "Scripted"}
    del form["_person"]
    assert admin.post(edit(world), form).status_code == 303


# Colleagues.


def ping(browser: Browser, world: World, **more: Any) -> Any:
    return browser.post("/admin/product/presence/", {"id": world.mug, **more}, headers=JSON).json


def test_colleagues_see_each_other(admin: Browser, world: World, sign_in: Callable[..., Browser]) -> None:
    manager = sign_in("catalogue-manager")
    assert ping(admin, world) == {"people": [], "said": "", "version": 1}
    seen = ping(manager, world)
    assert seen["people"] == ["administrator@example.org"]
    assert "administrator@example.org has this open too" in manager.get(edit(world)).text
    assert ping(admin, world)["said"] == "catalogue-manager@example.org has this open too"
    ping(manager, world, left="1")
    assert ping(admin, world)["people"] == []
    assert "has this open too" not in admin.get(f"/admin/product/edit/?id={world.case}").text


def test_a_sign_that_is_not_renewed_goes_stale(admin: Browser, world: World, sign_in: Callable[..., Browser]) -> None:
    manager = sign_in("catalogue-manager")
    ping(manager, world)
    with writes.bookkeeping() as session:
        for row in session.scalars(select(Presence)):
            row.seen_at = utcnow() - presence.STALE * 1.1
    assert ping(admin, world)["people"] == []
    manager.post("/admin/product/presence/", {"id": world.case})
    rows = db.session.execute(select(Presence.user_id, Presence.record_id)).all()
    assert (world.users["catalogue-manager"], world.mug) not in rows, "who moved on leaves nothing behind"


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("phones-only", 404)])
def test_presence_is_for_those_who_may_open_the_form(
    world: World, sign_in: Callable[..., Browser], who: str, status: int
) -> None:
    browser = sign_in(who)
    browser.token  # noqa: B018 (a page of its own, before the count)
    before = digest()
    response = browser.post("/admin/product/presence/", {"id": world.mug})
    assert response.status_code == status and digest() == before


# Choosing.


def test_a_category_is_found_along_its_path_and_the_last_ones_come_first(
    admin: Browser, world: World, house: Actor
) -> None:
    look = "/admin/product/ajax/lookup/?name=category_id&query="
    found = admin.get(look + "pho+cas").json
    assert found and found[0]["text"] == "Phones › Cases"
    assert [one["recent"] for one in admin.get(look).json or ()] == [False] * 3
    for key in (world.cases, world.phones, world.cases):
        admin.submit(edit(world), category_id=str(key))
    first = admin.get(look).json or []
    assert [(one["id"], one["recent"]) for one in first][:3] == [
        (world.cases, True), (world.phones, True), (world.cups, False),
    ]  # fmt: skip
    with writes.unit(house, "Trash") as unit:
        product_ = unit.get(Product, world.mug)
        product_.category_id = world.cups
        unit.get(Product, world.case).category_id = world.cups
        unit.session.flush()
        unit.get(Category, world.cases).trashed_at = utcnow()
    assert world.cases not in {one["id"] for one in admin.get(look).json or ()}


def test_five_are_kept_for_each_person(
    admin: Browser, world: World, house: Actor, sign_in: Callable[..., Browser]
) -> None:
    with writes.unit(house, "More") as unit:
        more = [Category(name=f"Shelf {number}") for number in range(7)]
        unit.session.add_all(more)
        unit.session.flush()
        keys = [category.id for category in more]
    for key in keys:
        admin.submit(edit(world), category_id=str(key))
    db.session.rollback()
    kept = db.session.scalars(select(Preference.value).where(Preference.name == "recent.category")).all()
    assert kept == [keys[:1:-1]]
    other = sign_in("catalogue-manager").get("/admin/product/ajax/lookup/?name=category_id&query=").json or []
    assert not any(one["recent"] for one in other)


def test_tags_are_chips_and_more_are_added_by_name(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Tags") as unit:
        unit.session.add_all([Tag(name="red"), Tag(name="sale")])
    page = admin.get(edit(world)).text
    assert page[: page.index('id="form-words"')].count("data-chip>") == 2 and "{name}" in page, (
        "one, and the blank one for scripts"
    )
    admin.submit(edit(world), **{"tags.add": "red, sale"})
    assert [tag.name for tag in product(world.mug).tags] == ["blue", "red", "sale"]


def test_the_house_settings_offer_languages_and_currencies_by_name(admin: Browser, house: Actor) -> None:
    page = admin.get("/admin/house/edit/?id=1").text
    assert '<option value="fr">French</option>' in page and '<option value="USD">US Dollar</option>' in page
    assert '<option value="Europe/Paris"></option>' in page
    admin.submit("/admin/house/edit/?id=1", languages="en\nfr", currencies="EUR\nCHF", zone="Europe/Paris")
    db.session.rollback()
    settings = db.session.get_one(House, HOUSE_ID)
    assert (settings.languages, settings.currencies, settings.zone) == (["en", "fr"], ["CHF", "EUR"], "Europe/Paris")


def test_a_product_offers_the_currencies_of_the_house_and_its_own(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Currencies") as unit:
        unit.get(House, HOUSE_ID).currencies = ["EUR", "CHF"]
        unit.get(Product, world.mug).currency = "USD"
    page = admin.get(edit(world)).text
    offered = re.search(r'<select[^>]*name="currency".*?</select>', page, re.DOTALL)
    assert offered and re.findall(r'value="(\w+)"', offered[0]) == ["CHF", "EUR", "USD"]


# Cost.


def test_a_form_costs_the_same_statements_whatever_it_holds(
    admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    speak(house, "en", "fr", "de", "es", "ar")
    counts = []
    for many in (1, 40):
        with writes.unit(house, "Fill") as unit:
            tags = [Tag(name=f"tag {many} {number}") for number in range(many)]
            unit.session.add_all(tags)
            mug = unit.get(Product, world.mug)
            mug.tags = tags
            mug.attributes = {f"a{number}": number for number in range(many)}
            mug.name_i18n = dict.fromkeys(("fr", "de", "es", "ar")[:many], "x")
        statements.clear()
        admin.get(edit(world))
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 12, "\n".join(statements)


def test_a_save_costs_few_statements(admin: Browser, world: World, statements: list[str]) -> None:
    # The page that holds the token counts for itself.
    form = admin.form(edit(world)) | {"price": "13.55", "csrf_token": admin.token}
    statements.clear()
    admin.post(edit(world), form, headers=JSON)
    assert len(statements) <= 48, "\n".join(statements)
