"""The list page: what its rows say, chips, columns and saved views of a person, counts, scanners, cells, weight."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import get_domain
from sqlalchemy import select

from admin_views import formats
from admin_views.product import ProductView
from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.i18n import LANGUAGES
from backoffice.models.category import Category
from backoffice.models.personal import Preference, SavedView
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.user import User
from backoffice.policy import Actor
from backoffice.selection import Count

from .conftest import Browser, World, digest, product

STATIC = Path(__file__).resolve().parents[2] / "backoffice" / "static"
TRANSLATIONS = Path(__file__).resolve().parents[2] / "translations"
PART = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
LIST = "/admin/product/"
Opened = Callable[..., Browser]


def shown(browser: Browser, address: str = LIST) -> str:
    """Return a page with its entities as signs."""
    response = browser.get(address, follow_redirects=True)
    assert response.status_code == 200, response.text[:300]
    return html.unescape(response.text)


def row(page: str, key: int) -> str:
    """Return the markup of one row, with the titles that its cells share with others put on them as the script does."""
    start = page.index(f'<tr data-id="{key}"')
    ends = [at for at in (page.find("<tr data-id=", start + 1), page.find("</tbody>", start)) if at > 0]
    told = re.findall(r"<li>([^<]*)", page[page.index('<ul id="told"') :]) if '<ul id="told"' in page else []
    return re.sub(r"data-told=(\d+)", lambda found: f'title="{told[int(found[1])]}"', page[start : min(ends)])


def headings(page: str) -> list[str]:
    """Return the columns in their order."""
    return re.findall(r'data-field="(\w+)"', page)


def speak(who: int, language: str) -> None:
    """Let a person read in `language`."""
    with writes.unit(policy.system("tests"), "Language", source="system") as unit:
        unit.get(User, who).locale = language
    db.session.rollback()


# Weight.


@pytest.fixture
def kettles(house: Actor, world: World) -> World:
    """Fill the list: sixty products with long names, deep in the tree, of which each lacks something else."""
    with writes.unit(house, "Fill", source="system") as unit:
        above = Category(name="Kitchen and table", parent_id=world.cups)
        unit.session.add(above)
        unit.session.flush()
        leaf = Category(name="Kettles, pots & samovars", parent_id=above.id)
        unit.session.add(leaf)
        unit.session.flush()
        tag = Tag(name="Outdoor")
        shared = {"category_id": leaf.id, "brand_id": world.brand, "currency": "EUR", "tags": [tag]}
        for number in range(60):
            unit.session.add(
                Product(
                    sku=f"KT-{number:05}",
                    name=f"Enamel camping kettle number {number}, speckled",
                    price=Decimal(number + 1),
                    image_url="/static/icon.svg" if number % 2 else None,
                    description="<p>Boils.</p>" if number % 3 else "",
                    **shared,
                )
            )
    return world


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_fifty_rows_is_light(
    app: Flask, admin: Browser, kettles: World, language: str, request: pytest.FixtureRequest
) -> None:
    app.extensions["babel"].translation_directories.append(str(TRANSLATIONS))
    get_domain().cache.clear()
    request.addfinalizer(get_domain().cache.clear)
    speak(kettles.users["administrator"], language)
    tag = db.session.scalar(select(Tag.id).where(Tag.name == "Outdoor"))
    held = (
        f"category_id={kettles.cups}&status=draft&status=published&price_min=1&brand_id={kettles.brand}"
        f"&brand_id=none&currency=EUR&tags={tag}"
    )
    for address in (LIST, f"{LIST}?{held}", f"{LIST}?{held}&sort=-price&add=currency"):
        response = admin.get(address)
        assert f'<html lang="{language}"' in response.text
        assert response.text.count("<tr data-id=") == 50
        assert response.text.count('class="chip-remove"') == (6 if held in address else 0)
        assert len(response.data) <= 60_000, (address, len(response.data))


def test_pictures_of_the_style_are_there() -> None:
    for sheet in (STATIC / "css").glob("*.css"):
        for address in re.findall(r'url\("([^"]+)"\)', sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / address).resolve().is_file(), (sheet.name, address)


# Rows.


def test_a_row_says_what_a_manager_looks_for(admin: Browser, world: World) -> None:
    found = row(shown(admin), world.case)
    for words in (
        '<a id=n1 href="edit/?id=1">Case one</a><code>C-1</code>',
        'is-draft">Draft<',
        'data-value="5.00"',
        "€5.00",
        "Cases<small>Phones</small>",
        'stroke-dasharray="25 100"/></svg>25%',
        "just now<small>tests</small>",
    ):
        assert words in found, (words, found)
    assert 'title="Missing: Description, Brand, and 7 more"' in found


def test_who_changed_it_last_is_shown_to_who_may_read_history(
    admin: Browser, sign_in: Opened, world: World, house: Actor
) -> None:
    admin.submit(f"/admin/product/edit/?id={world.case}", name="Case two")
    assert "<small>administrator</small>" in row(shown(admin), world.case)
    assert "<small>administrator</small>" in row(shown(sign_in("viewer")), world.case)
    with writes.unit(house, "Role", source="system") as unit:
        role = unit.get(Role, world.roles["viewer"])
        role.grants = [grant for grant in role.grants if grant != "history:read"]
    assert "<small>administrator" not in row(shown(sign_in("viewer")), world.case)
    assert "<small>administrator</small>" in row(shown(sign_in("phones-only")), world.case)


def test_completeness_tells_nothing_of_hidden_fields(sign_in: Opened, world: World, house: Actor) -> None:
    before = row(shown(sign_in("phones-only")), world.case)
    with writes.unit(house, "Role", source="system") as unit:
        unit.get(Role, world.roles["phones-only"]).hidden_fields = ["product.gtin", "product.description"]
    after = row(shown(sign_in("phones-only")), world.case)
    assert "25%" in before and "30%" in after, "3 of 12 parts, then 3 of 10"
    assert "Description" in before and "Description" not in after


def test_who_may_only_read_gets_no_control(sign_in: Opened, world: World) -> None:
    page = shown(sign_in("viewer"))
    assert f'href="details/?id={world.mug}"' in page
    for control in (
        "name=rowid",
        "data-inline",
        'class="bulk-bar"',
        'name="action"',
        "?trash=1",
        'href="/admin/product/new',
    ):
        assert control not in page, control


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (3 * 86400, "3 days ago"), (30 * 86400, "2026")],
)
def test_moments_read_as_time_passed(app: Flask, seconds: int, words: str) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    with app.test_request_context():
        assert words in formats.ago(now - timedelta(seconds=seconds), now)


# Chips.


def test_a_chip_holds_all_values_of_a_field(admin: Browser, world: World) -> None:
    page = shown(
        admin, f"{LIST}?status=draft&status=archived&brand_id=none&brand_id={world.brand}&price_min=1&price_max=9"
    )
    for words in ("Status is Draft or Archived", "Brand is missing or Clay & Co", "Price from 1.00 to 9.00"):
        assert f"<bdi>{words}</bdi>" in page
    assert "f-status-draft" not in page, "only the chip that is open brings its form"
    for name, value in (("status", "draft"), ("status", "archived"), ("brand_id", "none"), ("price_max", "9.00")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page, "the others keep what they hold"
    opening = html.unescape(re.search(r'id="chip-status" href="([^"]*)"', page)[1])
    for opened in (shown(admin, opening), admin.get(opening, headers=PART | {"HX-Target": "list-chips"}).text):
        assert re.search(r'id="f-status-draft"[^>]* checked', opened)
        assert re.search(r'id="f-status-archived"[^>]* checked', opened)
        assert not re.search(r'id="f-status-published"[^>]* checked', opened)
        assert 'type="hidden" name="status"' not in opened
    assert "<tr data-id" not in opened, "a script asks for the chips alone"
    removed = re.search(r'href="([^"]*)" aria-label="Remove: Price from', page)
    assert removed and "price" not in removed[1] and "status=draft&status=archived" in removed[1]


def test_a_filter_is_added_by_an_address_and_is_none_until_it_holds_something(admin: Browser, world: World) -> None:
    page = shown(admin, LIST)
    assert f'href="{LIST}?add=brand_id"' in page and 'data-chip="brand_id"' not in page
    for name in re.findall(rf'href="{re.escape(LIST)}\?add=(\w+)"', page):
        assert f'data-chip="{name}"' in shown(admin, f"{LIST}?add={name}"), name
    added = shown(admin, f"{LIST}?add=brand_id&status=draft")
    assert re.search(r'data-chip="brand_id" open', added)
    assert f'href="{LIST}?status=draft&add=brand_id"' not in added, "it is there already"
    assert f'data-here="{LIST}?status=draft"' in added
    assert shown(admin, f"{LIST}?add=password_hash").count("data-chip") == 0


def test_no_match_says_what_the_list_is_held_to(admin: Browser, world: World) -> None:
    page = shown(admin, f"{LIST}?status=published&brand_id=none&q=<b>zeppelin")
    assert (
        "No products match <em>“<b>zeppelin”</em>, <em>Status is Published</em>, and <em>Brand is missing</em>." in page
    )
    assert "<b>zeppelin" not in admin.get(f"{LIST}?q=<b>zeppelin").text


@pytest.mark.parametrize(
    ("language", "sent", "clean"),
    [
        ("en", "price_min.text=1,234.50&q=&status=", "price_min=1234.50"),
        ("de", "price_min.text=1.234,50", "price_min=1234.50"),
        ("en", "price_min.text=20&brand_id.text=clay", "brand_id={brand}&price_min=20.00"),
        ("en", "status=draft&open=1", "status=draft"),
        ("en", "currency=EUR&currency=", None),
    ],
)
def test_addresses_hold_only_what_counts(
    admin: Browser, world: World, language: str, sent: str, clean: str | None
) -> None:
    speak(world.users["administrator"], language)
    response = admin.get(f"{LIST}?{sent}")
    if clean is None:
        assert response.status_code == 200
        return
    assert response.status_code == 302
    assert sorted(response.location.removeprefix(f"{LIST}?").split("&")) == clean.format(brand=world.brand).split("&")


def test_a_script_is_told_the_address_of_what_it_got(admin: Browser, world: World) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{LIST}"}
    assert (
        admin.get(f"{LIST}?status=draft&add=brand_id", headers=asked).headers["HX-Push-Url"] == f"{LIST}?status=draft"
    )
    assert admin.get(f"{LIST}?add=brand_id", headers=asked).headers["HX-Push-Url"] == "false"
    assert "HX-Push-Url" not in admin.get(LIST).headers


# Scanners.


@pytest.mark.parametrize(
    ("text", "found"),
    [("C-1", "case"), ("c-1", "case"), ("4006381333931", "mug"), ("C-", None), ("Case one", None), ("G-1", None)],
)
def test_enter_on_an_exact_code_opens_its_product(
    admin: Browser, world: World, house: Actor, text: str, found: str | None
) -> None:
    with writes.unit(house, "Code", source="system") as unit:
        unit.get(Product, world.mug).gtin = "4006381333931"
    response = admin.get(LIST, query_string={"q": text, "open": "1"})
    assert response.status_code == 302
    wanted = f"/admin/product/edit/?id={getattr(world, found)}" if found else LIST
    assert response.location.startswith(wanted) and "open=" not in response.location
    scripted = admin.get(LIST, query_string={"q": text, "open": "1"}, headers={"HX-Request": "true"})
    assert (scripted.status_code, scripted.headers.get("HX-Redirect")) == ((204, wanted) if found else (302, None))
    assert admin.get(LIST, query_string={"q": text}).status_code == 200, "only Enter opens"


def test_a_code_out_of_reach_opens_nothing(sign_in: Opened, world: World) -> None:
    browser = sign_in("phones-only")
    assert browser.get(f"{LIST}?q=M-1&open=1").location == f"{LIST}?q=M-1"
    assert browser.get(f"{LIST}?q=C-1&open=1").location == f"/admin/product/edit/?id={world.case}"
    assert sign_in("viewer").get(f"{LIST}?q=C-1&open=1").location == f"/admin/product/details/?id={world.case}"


# Counts.


def test_a_count_arrives_by_a_second_request(admin: Browser, sign_in: Opened, world: World, house: Actor) -> None:
    assert 'data-count="2"' in shown(admin) and "data-more" not in shown(admin)
    with writes.unit(house, "Fill", source="system") as unit:
        unit.session.add_all(Tag(name=f"Tag {number}") for number in range(1001))
    page = shown(admin, "/admin/tag/?q=tag")
    assert 'data-count="1000" data-more="/admin/tag/count/?q=tag">1,000+' in page
    assert admin.get("/admin/tag/count/?q=tag").json == {"value": 1001, "exact": True, "shown": "1,001"}
    assert sign_in("phones-only").get(f"{LIST}count/").json["value"] == 1
    assert sign_in("phones-only").get("/admin/tag/count/").status_code == 403


def test_counts_are_honest(app: Flask) -> None:
    with app.test_request_context():
        assert formats.count(Count(12_408, exact=True)) == "12,408"
        assert formats.count(Count(1_000, exact=False)) == "1,000+"
        assert formats.count(Count(1_234_567, exact=False, estimated=True)) == "≈ 1.2M"


# Columns and density.


def like(browser: Browser, **values: Any) -> str:
    """Send the form of the columns and return the list after it."""
    response = browser.post(f"{LIST}like/", values, follow_redirects=True)
    assert response.status_code == 200
    return html.unescape(response.text)


def test_columns_are_kept_for_the_person_alone(admin: Browser, sign_in: Opened, world: World) -> None:
    standard = ["status", "price", "category_id", "completeness", "updated_at"]
    assert headings(shown(admin)) == standard
    page = like(admin, columns=["price", "brand_id", "status"], density="compact")
    assert headings(page) == ["price", "brand_id", "status"] and 'class="rows compact"' in page
    assert "Clay & Co" in row(page, world.mug)
    assert headings(shown(admin)) == ["price", "brand_id", "status"]
    assert headings(like(admin, columns=["price", "brand_id", "status"], up="brand_id")) == [
        "brand_id",
        "price",
        "status",
    ]
    assert headings(like(admin, columns=["brand_id", "price", "status"], down="brand_id")) == [
        "price",
        "brand_id",
        "status",
    ]
    assert headings(shown(sign_in("catalogue-manager"))) == standard
    assert headings(like(admin, reset="1")) == standard


def test_hidden_fields_are_never_offered(sign_in: Opened, world: World) -> None:
    browser = sign_in("phones-only")
    look = f"{LIST}?display=1"
    assert 'value="cost"' in shown(sign_in("administrator"), look)
    assert 'value="status"' in shown(browser, look) and 'value="cost"' not in shown(browser, look)
    page = like(browser, columns=["cost", "price", "notes", "password_hash", "trashed_at"])
    assert headings(page) == ["price"]
    with writes.bookkeeping() as session:
        session.merge(Preference(user_id=world.users["phones-only"], name="list.product", value={"columns": ["cost"]}))
    assert headings(shown(browser)) == []


@pytest.mark.parametrize("kept", [None, [], "x", {"columns": "price"}, {"columns": [1, None], "density": 5}])
def test_what_is_kept_of_a_person_breaks_no_page(admin: Browser, world: World, kept: Any) -> None:
    if kept is not None:
        with writes.bookkeeping() as session:
            session.add(Preference(user_id=world.users["administrator"], name="list.product", value=kept))
    assert 'class="rows comfortable"' in shown(admin)


# Saved views.


def keep(browser: Browser, **values: Any) -> Any:
    """Send the form of a saved view."""
    return browser.post(f"{LIST}views/", values)


def views() -> list[tuple[str, dict[str, Any], int | None]]:
    """Return every saved view."""
    db.session.rollback()
    return [(one.name, one.query, one.role_id) for one in db.session.scalars(select(SavedView).order_by(SavedView.id))]


def test_a_list_is_saved_under_a_name(admin: Browser, world: World) -> None:
    response = keep(admin, name="  Drafts ", query="status=draft&sort=-price&colour=blue")
    assert response.status_code == 303
    assert views() == [("Drafts", {"status": "draft", "sort": "-price"}, None)]
    page = shown(admin, response.location)
    assert re.search(r'href="/admin/product/\?status=draft&sort=-price&view=1" aria-current="page"', page) or (
        re.search(r'aria-current="page"><bdi>Drafts', page)
    )
    assert "changed</span>" not in page and "Save changes" not in page
    changed = shown(admin, f"{LIST}?status=draft&view=1")
    assert "changed</span>" in changed and "Save changes" in changed
    assert (
        f'href="{LIST}?sort=price&status=draft&view=1"' in changed
        or "view=1" in re.findall(r'id="sort-price"[^>]*href="([^"]*)"', changed)[0]
    ), "the other ways keep the view open"


def test_a_saved_view_is_changed_renamed_shared_and_deleted_with_a_way_back(admin: Browser, world: World) -> None:
    keep(admin, name="Drafts", query="status=draft")
    keep(admin, view="1", query="status=draft&price=none")
    assert views() == [("Drafts", {"status": "draft", "price": "none"}, None)]
    keep(admin, view="1", name="To do", role=str(world.roles["administrator"]), back="status=draft")
    assert views() == [("To do", {"status": "draft", "price": "none"}, world.roles["administrator"])]
    gone = admin.post(f"{LIST}views/delete/", {"view": "1"}, follow_redirects=True)
    assert views() == [] and "View “To do” deleted." in gone.text
    again = gone.text[gone.text.index("View “To do” deleted.") :]
    again = again[: again.index("</form>")]
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', again)}
    keep(admin, **fields)
    assert views() == [("To do", {"status": "draft", "price": "none"}, world.roles["administrator"])]


def test_a_shared_view_is_seen_by_who_holds_the_role_with_their_own_rights(
    admin: Browser, sign_in: Opened, world: World, house: Actor
) -> None:
    with writes.unit(house, "Role", source="system") as unit:
        person = unit.get(User, world.users["administrator"])
        person.roles = [*person.roles, unit.get(Role, world.roles["phones-only"])]
    keep(admin, name="Ours", query=f"brand_id={world.brand}", role=str(world.roles["phones-only"]))
    keep(admin, name="Mine", query="status=draft")
    page = shown(sign_in("phones-only"), f"{LIST}?brand_id={world.brand}&view=1")
    assert "Ours</bdi>" in page and "Mine" not in page and "Blue mug" not in page
    assert "Delete this view" not in page
    assert "Ours" not in shown(sign_in("viewer"))


def test_views_of_others_cannot_be_touched(admin: Browser, sign_in: Opened, world: World, house: Actor) -> None:
    with writes.unit(house, "Role", source="system") as unit:
        person = unit.get(User, world.users["administrator"])
        person.roles = [*person.roles, unit.get(Role, world.roles["phones-only"])]
    keep(admin, name="Ours", query="status=draft", role=str(world.roles["phones-only"]))
    keep(admin, name="Mine", query="status=draft")
    before = digest()
    limited = sign_in("phones-only")
    for key, status in (("1", 403), ("2", 404), ("77", 404), ("x", 404)):
        assert limited.post(f"{LIST}views/delete/", {"view": key}).status_code == status
        if key != "x":
            assert keep(limited, view=key, name="Taken", query="price=none").status_code == status
    assert keep(limited, view="1", name="Taken", role="").status_code == 403
    assert digest() == before


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "", "query": "status=draft"}, "fill this in"),
        ({"name": "x" * 61, "query": "status=draft"}, "too many"),
        ({"name": "Drafts", "query": "status=draft"}, "called “Drafts” already"),
        ({"name": "Other", "query": "status=draft", "role": "{viewer}"}, "a role that you hold"),
    ],
)
def test_a_view_that_cannot_be_saved_says_why(admin: Browser, world: World, values: dict[str, str], said: str) -> None:
    keep(admin, name="Drafts", query="status=draft")
    before = digest()
    filled = {name: value.format(viewer=world.roles["viewer"]) for name, value in values.items()}
    response = admin.post(f"{LIST}views/", filled, follow_redirects=True)
    assert said in response.text
    assert digest() == before


def test_the_tabs_are_few_and_the_rest_stands_in_a_menu(admin: Browser, world: World) -> None:
    for number in range(8):
        keep(admin, name=f"View {number}", query=f"price_min={number + 1}")
    page = shown(admin, f"{LIST}?price_min=8.00&view=8")
    tabs, menu = page.split('<ul class="menu-body tab-menu"')
    assert re.findall(r"<bdi>(View \d)</bdi>", tabs) == ["View 0", "View 1", "View 2", "View 3", "View 7"]
    assert "3 more views" in tabs and "View 4</bdi>" in menu


def test_a_view_that_is_gone_or_not_mine_breaks_no_page(admin: Browser, world: World) -> None:
    for view in ("77", "x", "-1", "9" * 30, ""):
        assert 'data-count="2"' in shown(admin, f"{LIST}?view={view}")


# Cells.


def cell(browser: Browser, **data: Any) -> Any:
    """Send a cell as a script does."""
    return browser.post(f"{LIST}ajax/update/", data, headers=JSON)


def test_a_cell_says_whether_the_row_still_belongs_to_the_list(admin: Browser, world: World) -> None:
    answer = cell(admin, id=world.mug, version=1, status="published", where="status=draft&sort=price").json
    assert answer["fits"] is False
    assert answer["cells"]["status"]["html"] == '<span class="is-published">Published</span>'
    assert cell(admin, id=world.mug, version=2, price="8", where="status=published&price_max=9").json["fits"] is True


def test_a_cell_brings_the_row_up_to_date(admin: Browser, world: World) -> None:
    answer = cell(admin, id=world.mug, version=1, price="8", shown=["status", "updated_at", "completeness"]).json
    assert set(answer["cells"]) == {"price", "status", "updated_at", "completeness"}
    assert answer["cells"]["updated_at"]["html"] == "just now<small>administrator</small>"


def test_a_cell_tells_nothing_that_the_person_may_not_see(admin: Browser, sign_in: Opened, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.case}", cost="3.21")
    answer = cell(sign_in("phones-only"), id=world.case, version=2, price="4", shown=["cost", "password_hash"])
    assert set(answer.json["cells"]) == {"price"} and "3.21" not in answer.text


def test_numbers_are_read_as_the_reader_writes_them_and_doubt_is_asked(admin: Browser, world: World) -> None:
    speak(world.users["administrator"], "de")
    # From no price at all nothing looks doubtful but the number.
    assert cell(admin, id=world.mug, version=1, price="").status_code == 200
    before = digest()
    answer = cell(admin, id=world.mug, version=2, price="1,299")
    assert answer.status_code == 400
    assert answer.json["readings"] == [{"typed": "1299", "shown": "1.299,00"}, {"typed": "1,2990", "shown": "1,299"}]
    assert digest() == before
    answer = cell(admin, id=world.mug, version=2, price="1.299,50")
    assert "1.299,50" in answer.json["cells"]["price"]["html"] and answer.json["value"] == "1299,50"
    assert product(world.mug).price == Decimal("1299.50")


def test_a_row_out_of_the_right_to_change_is_marked(sign_in: Opened, world: World, house: Actor) -> None:
    assert "data-inline" in shown(sign_in("editor")) and "fixed" not in shown(sign_in("editor"))
    assert "data-inline" not in shown(sign_in("viewer"))
    with writes.unit(house, "Role", source="system") as unit:
        person = unit.get(User, world.users["phones-only"])
        person.roles = [*person.roles, unit.get(Role, world.roles["viewer"])]
    page = shown(sign_in("phones-only"))
    assert 'class="number end" data-value="5.00"' in row(page, world.case)
    assert 'class="number end fixed">' in row(page, world.mug) and "data-value" not in row(page, world.mug)


# Ways back, and the bulk bar.


def test_a_page_of_a_record_leads_back_to_the_list_that_led_to_it(admin: Browser, world: World) -> None:
    came = {"Referer": f"http://localhost{LIST}?status=draft"}
    address = f"/admin/product/details/?id={world.mug}"
    assert f'href="{LIST}?status=draft"' in admin.get(address, headers=came).text
    for elsewhere in ("http://evil.example/admin/product/?x", f"http://localhost{LIST}edit/?id=1", "http://localhost/"):
        assert f'href="{LIST}"' in admin.get(address, headers={"Referer": elsewhere}).text


def test_more_than_four_actions_stand_under_more(
    app: Flask, admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = next(one for one in app.extensions["admin"][0]._views if isinstance(one, ProductView))
    page = shown(admin)
    assert len(re.findall(r'class="btn[^"]*" name="action"', page)) == 3 and 'menu-up"' not in page
    first = view.actions["publish"]
    copies = {f"copy{number}": type(first)(**{**vars(first), "name": f"copy{number}"}) for number in range(3)}
    monkeypatch.setattr(view, "actions", view.actions | copies)
    page = shown(admin)
    assert len(re.findall(r'class="btn[^"]*" name="action"', page)) == 4
    assert len(re.findall(r'class="menu-item[^"]*" name="action"', page)) == 2 and 'menu-up"' in page


def test_the_trash_is_restored_in_bulk(admin: Browser, world: World) -> None:
    page = shown(admin, f"{LIST}?trash=1")
    assert headings(page) == ["status", "price", "category_id", "completeness", "trashed_at"]
    assert 'name="action" value="restore"' in page and 'name="action" value="publish"' not in page
    assert "data-inline" not in page and "data-value" not in page
    assert "Save view" not in page
    admin.post(f"{LIST}action/", {"action": "restore", "rowid": [str(world.trashed)]})
    assert product(world.trashed).trashed_at is None
