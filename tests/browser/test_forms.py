"""Forms in a browser: nothing typed is ever lost, nothing is saved twice, and every change is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.html import sanitise
from backoffice.models.history import ChangeSet
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.models.user import User, new_session_key
from tests.scene import PASSWORD

from .conftest import LOOKS, PHONE, findings

HOUSE = policy.system("tests")
ADMINISTRATOR = "administrator@example.org"
MANAGER = "catalogue-manager@example.org"

#: Numbers of the products that tests make for themselves.
NUMBERS = count(1)


@pytest.fixture
def key(behind: Flask) -> int:
    """Return a product that no other test changes, the same for whichever test asks first."""
    number = next(NUMBERS)
    with behind.app_context(), writes.unit(HOUSE, "Behind") as unit:
        product = unit.add(
            Product(
                sku=f"OWN-{number}",
                name=f"Pan of its own {number}",
                name_i18n={"de": f"Eigene Pfanne {number}"},
                gtin="2041710010376",
                description="<p>A plain, heavy pan that turns <strong>black</strong> with use.</p>",
                price=Decimal("54.90"),
                cost=Decimal("23.10"),
                status="published",
                category_id=1,
                brand_id=1,
                tags=list(unit.session.scalars(select(Tag).order_by(Tag.id).limit(2))),
                attributes={"material": "carbon steel", "diameter_cm": 28, "induction": True},
            )
        )
        unit.session.flush()
        return product.id


def stored(behind: Flask, key: int) -> Product:
    with behind.app_context():
        found = db.session.get_one(Product, key)
        db.session.expunge_all()
        db.session.remove()
        return found


def sets(behind: Flask) -> int:
    with behind.app_context():
        count = db.session.scalar(select(func.count()).select_from(ChangeSet)) or 0
        db.session.remove()
        return count


def change(behind: Flask, key: int, **values: Any) -> None:
    with behind.app_context(), writes.unit(HOUSE, "Behind") as unit:
        product = unit.get(Product, key)
        for name, value in values.items():
            setattr(product, name, value)


@dataclass
class Held:
    """Sendings of a form that wait until they are let go."""

    page: Page
    routes: list[Route] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route("**/edit/**", self._hold)

    def _hold(self, route: Route) -> None:
        if route.request.method == "POST":
            self.routes.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        for route in self.routes:
            route.continue_()
        self.page.unroute("**/edit/**")


def edit(key: int) -> str:
    return f"/admin/product/edit/?id={key}"


def said(page: Page) -> Any:
    return page.locator("[data-save-said]")


def save(page: Page) -> None:
    page.locator("[data-save]").click()


def saved(page: Page) -> None:
    expect(page.locator(".save-bar")).not_to_have_attribute("data-busy", "1")
    assert page.locator("[data-part=notices]").inner_text().strip() == ""
    expect(page.locator(".save-bar")).to_be_hidden()


def drafts(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft.'))")
    return found


# What was changed.


def test_the_bar_names_what_was_changed_and_discard_can_be_taken_back(page: Page, key: int) -> None:
    page.goto(edit(key))
    saved(page)
    page.get_by_label("Slug").fill("other-slug")
    page.get_by_role("button", name="French").click()
    page.locator("[id='f-name_i18n.fr']").fill("Poêle neuve")
    page.locator("[name='tags.add']").fill("gi")
    page.locator("[name='tags.add']").press_sequentially("ft")
    page.locator("[role=option]", has_text="gift").click()
    expect(said(page)).to_have_text(re.compile(r"^[23] changes: .*French name, slug"))
    page.locator("[data-discard]").click()
    saved(page)
    expect(page.get_by_label("Slug")).not_to_have_value("other-slug")


def test_a_save_keeps_tab_scroll_and_focus(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.get_by_role("button", name="French").click()
    page.get_by_label("GTIN").scroll_into_view_if_needed()
    page.locator("#f-image_url").fill("  /static/icon.svg ")
    # Not at the very end: the page is a line shorter once the picture is not missing.
    before = page.evaluate("scrollTo(0, scrollY - 80), scrollY")
    assert before > 200
    with page.expect_response(lambda response: response.request.method == "POST" and "edit" in response.url):
        page.keyboard.press("Control+s")
    saved(page)
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.id") == "f-image_url"
    expect(page.locator("#f-image_url")).to_have_value("/static/icon.svg")
    expect(page.get_by_role("button", name="French")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-section=last-change]")).to_contain_text("/static/icon.svg")
    assert stored(behind, key).image_url == "/static/icon.svg" and drafts(page) == []
    page.reload()
    expect(page.get_by_role("button", name="French")).to_have_attribute("aria-pressed", "true")


def test_what_is_typed_while_saving_stays_unsaved(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("first-slug")
    held = Held(page)
    save(page)
    page.locator("#f-slug").fill("second-slug")
    held.let_go()
    expect(said(page)).to_have_text("1 change: slug")
    expect(page.locator("[data-save]")).to_have_text("Save")
    expect(page.locator("#f-slug")).to_have_value("second-slug")
    assert stored(behind, key).slug == "first-slug"


def test_errors_keep_all_and_lead_to_their_fields(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.get_by_role("button", name="German").click()
    page.locator("[id='f-name_i18n.de']").fill("x" * 301)
    page.get_by_role("button", name="English").click()
    page.locator("#f-name").fill("Still here")
    save(page)
    problems = page.locator("#problems")
    expect(problems).to_be_focused()
    expect(page.locator("[data-errors-of=de]")).to_have_text("1")
    problems.get_by_role("link").click()
    field = page.locator("[id='f-name_i18n.de']")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert "too many" in page.locator(f"[id='{field.get_attribute('aria-describedby')}']").inner_text()
    field.fill("Pfanne")
    save(page)
    expect(page.locator("#problems")).to_have_count(0)
    expect(page.locator("[data-errors-of=de]")).to_be_hidden()
    found = stored(behind, key)
    assert found.name == "Still here" and (found.name_i18n or {})["de"] == "Pfanne"


def test_nothing_is_complained_about_before_a_field_was_left(page: Page) -> None:
    page.goto("/admin/product/new/")
    page.locator("#f-name").focus()
    page.locator("#f-sku").focus()
    expect(page.locator(".error-text")).to_have_count(0)
    page.locator("#f-sku").fill("x")
    page.locator("#f-sku").fill("")
    page.locator("#f-gtin").focus()
    expect(page.locator("#field-sku .error-text")).to_have_text("Fill this in.")
    page.locator("#f-sku").press_sequentially("N")
    expect(page.locator(".error-text")).to_have_count(0)


def test_a_slip_is_asked_about_and_enter_does_not_answer(page: Page, behind: Flask, key: int) -> None:
    change(behind, key, price=Decimal("20"), cost=None, status="draft")
    page.goto(edit(key))
    page.locator("#f-price").fill("200")
    save(page)
    expect(page.locator("#doubts")).to_contain_text("from €20.00 to €200.00 (+900%)")
    page.locator("#f-slug").press("Enter")
    expect(page.locator("#doubts")).to_be_focused()
    assert stored(behind, key).price == Decimal(20)
    page.get_by_role("button", name="Save anyway").click()
    expect(page.locator("#doubts")).to_have_count(0)
    assert stored(behind, key).price == Decimal(200)


# A bad connection.


def test_a_double_click_saves_once(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("clicked-twice")
    held = Held(page)
    before = sets(behind)
    page.locator("[data-save]").dblclick()
    page.keyboard.press("Control+s")
    expect(page.locator("[data-save]")).to_have_text("Saving…")
    assert len(held.routes) == 1
    held.let_go()
    saved(page)
    assert sets(behind) == before + 1


def test_a_late_answer_has_a_word_and_loses_nothing(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("late-slug")
    held = Held(page)
    save(page)
    expect(page.locator("[data-save]")).to_have_text("Saving…")
    expect(said(page)).to_have_text("The server takes its time. What you typed is kept.", timeout=8_000)
    held.let_go()
    saved(page)
    assert stored(behind, key).slug == "late-slug"


def test_an_answer_that_is_lost_is_asked_for_again_and_done_once(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("lost-answer")
    lost: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/edit/**", lose)
    before = sets(behind)
    save(page)
    expect(said(page)).to_have_text("Not saved: no connection. Kept on this device; trying again.")
    page.get_by_role("button", name="Try again now").click()
    saved(page)
    assert lost == [200] and sets(behind) == before + 1 and stored(behind, key).slug == "lost-answer"


def test_without_a_connection_it_is_kept_and_saved_when_it_is_back(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("offline-slug")
    page.context.set_offline(True)
    save(page)
    expect(said(page)).to_have_text("Not saved: no connection. Kept on this device; trying again.")
    assert len(drafts(page)) == 1
    page.context.set_offline(False)
    saved(page)
    assert stored(behind, key).slug == "offline-slug" and drafts(page) == []


#: What a fault on the way may answer: words, nothing that can be used, and a page without a token.
FAULTS = {"told": {"message": "x"}, "nothing": None, "tokenless": {"token_failed": True, "page": "<p>x</p>"}}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_server_keeps_what_was_typed(page: Page, behind: Flask, key: int, fault: str) -> None:
    page.goto(edit(key))
    slug = f"{fault}-slug"
    page.locator("#f-slug").fill(slug)
    page.route("**/edit/**", lambda route: route.fulfill(status=500, body=json.dumps(FAULTS[fault])))
    save(page)
    expect(said(page)).to_contain_text("Not saved: something broke here.")
    expect(page.locator("#f-slug")).to_have_value(slug)
    page.unroute("**/edit/**")
    save(page)
    saved(page)
    assert stored(behind, key).slug == slug


# Drafts and sessions.


def leave(page: Page, address: str) -> None:
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto(address)


def test_leaving_asks_where_something_would_be_lost(page: Page, key: int) -> None:
    page.goto(edit(key))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/admin/product/")
    assert asked == []
    page.goto(edit(key))
    page.locator("#f-slug").fill("unsaved")
    page.goto("/admin/product/")
    assert asked == ["beforeunload"]


def test_a_draft_is_offered_with_what_differs(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("typed-before")
    page.get_by_role("button", name="Add attribute").click()
    page.keyboard.type("colour")
    page.keyboard.press("Enter")
    page.keyboard.type("blue")
    leave(page, "/admin/product/")
    page.goto(edit(key))
    offer = page.locator("[data-draft]")
    expect(offer).to_contain_text("You typed something here that was not saved")
    expect(offer.locator("tbody tr")).to_have_count(2)
    expect(offer).to_contain_text("typed-before")
    offer.get_by_role("button", name="Restore what you typed").click()
    expect(said(page)).to_have_text("2 changes: slug, attributes")
    expect(page.locator("[data-entry-key]").last).to_have_value("colour")
    save(page)
    saved(page)
    found = stored(behind, key)
    assert found.slug == "typed-before" and (found.attributes or {})["colour"] == "blue"
    page.reload()
    expect(page.locator("[data-draft]")).to_be_hidden()


def test_a_draft_of_an_older_version_is_merged(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    page.locator("#f-slug").fill("older-draft")
    leave(page, "/admin/product/")
    change(behind, key, gtin=None, image_url="/static/icon.svg")
    page.goto(edit(key))
    expect(page.locator("[data-draft]")).to_contain_text("The record was saved since then")
    page.get_by_role("button", name="Restore what you typed").click()
    save(page)
    saved(page)
    found = stored(behind, key)
    assert (found.slug, found.image_url) == ("older-draft", "/static/icon.svg")


def test_a_draft_is_thrown_away_by_choice_and_by_signing_out(page: Page, key: int) -> None:
    for way in ("choice", "signing out"):
        page.goto(edit(key))
        page.locator("#f-slug").fill(f"typed-{way}")
        leave(page, edit(key))
        expect(page.locator("[data-draft]")).to_be_visible()
        if way == "choice":
            page.get_by_role("button", name="Throw away").click()
            expect(page.locator("[data-draft]")).to_be_hidden()
        else:
            page.locator("summary[aria-label^='Your account']").click()
            page.get_by_role("button", name="Sign out").click()
            page.wait_for_url("**/login**")
        assert drafts(page) == []


def end_session(behind: Flask, email: str) -> None:
    with behind.app_context(), writes.unit(HOUSE, "End") as unit:
        unit.session.scalars(select(User).where(User.email == email)).one().session_key = new_session_key()


def test_an_ended_session_is_begun_again_over_the_page(open_page: Callable[..., Page], behind: Flask, key: int) -> None:
    page = open_page(edit(key), "editor")
    page.locator("#f-slug").fill("signed-in-again")
    end_session(behind, "editor@example.org")
    save(page)
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Password").fill("wrong wrong wrong")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The address or the password is wrong.")
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    saved(page)
    assert stored(behind, key).slug == "signed-in-again"
    page.locator("#f-slug").fill("and-once-more")
    save(page)
    saved(page)
    assert stored(behind, key).slug == "and-once-more"
    # Somebody else at the same dialog saves nothing.
    page.locator("#f-slug").fill("of-the-editor")
    end_session(behind, "editor@example.org")
    save(page)
    dialog.get_by_label("E-mail address").fill(ADMINISTRATOR)
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text(f"You are signed in as {ADMINISTRATOR} now.")
    assert stored(behind, key).slug == "and-once-more"
    dialog.get_by_role("button", name="Reload the page").click()
    expect(page.locator("#f-slug")).to_have_value("and-once-more")
    expect(page.locator("[data-draft]")).to_be_hidden()


# Two people.


def test_two_people_merge_or_choose(open_page: Callable[..., Page], behind: Flask, key: int) -> None:
    change(behind, key, price=Decimal("20"), cost=None)
    mine, theirs = open_page(edit(key)), open_page(edit(key), "catalogue-manager")
    expect(theirs.locator("[data-colleagues]")).to_have_text(f"{ADMINISTRATOR} has this open too")
    theirs.locator("#f-price").fill("22")
    theirs.locator("#f-image_url").fill("/static/icon.svg")
    save(theirs)
    saved(theirs)
    mine.locator("#f-price").fill("21")
    mine.locator("#f-slug").fill("mine-alone")
    save(mine)
    conflict = mine.locator("#conflicts")
    expect(conflict).to_be_focused()
    expect(conflict).to_contain_text(f"{MANAGER} changed this")
    assert conflict.locator(".side-text").all_inner_texts() == ["20.00", "22.00", "21.00"]
    expect(mine.locator("#f-image_url")).to_have_value("/static/icon.svg")
    conflict.get_by_text("Take theirs").click()
    save(mine)
    expect(mine.locator("#conflicts")).to_have_count(0)
    expect(mine.locator("#f-price")).to_have_value("22.00")
    found = stored(behind, key)
    assert (found.price, found.slug, found.image_url) == (Decimal(22), "mine-alone", "/static/icon.svg")


# Single fields.


@pytest.mark.parametrize(
    ("typed", "shown"), [("1234.5", "1,234.50"), ("1,234", "1,234.00"), ("0012", "12.00"), ("5.", "5.00"), ("", "")]
)
def test_an_amount_is_echoed_as_the_reader_writes_it(page: Page, typed: str, shown: str) -> None:
    page.goto("/admin/product/new/")
    page.locator("#f-price").fill(typed)
    page.locator("#f-cost").focus()
    expect(page.locator("#f-price")).to_have_value(shown)


def test_an_amount_that_reads_in_two_ways_asks(page: Page, behind: Flask) -> None:
    page.goto("/admin/product/new/")
    page.locator("#f-price").fill("1.299")
    page.locator("#f-cost").focus()
    choice = page.get_by_role("group", name="This can be read in two ways. Which one is meant?")
    assert choice.get_by_role("button").all_inner_texts() == ["1,299.00", "1.2990"]
    choice.get_by_role("button", name="1,299.00").click()
    expect(page.locator("#f-price")).to_have_value("1,299.00")
    page.locator("#f-cost").fill("twelve")
    page.locator("#f-price").focus()
    expect(page.locator("#field-cost")).to_contain_text("This is not an amount.")


def test_attributes_are_rows_that_keep_their_kinds(page: Page, behind: Flask, key: int) -> None:
    with_all = {"count": 12, "ratio": 1.5, "safe": True, "code": "12", "note": "two\nlines", "word": "blue"}
    change(behind, key, attributes=with_all)
    page.goto(edit(key))
    kinds = page.locator("[data-entry-kind]").evaluate_all("(all) => all.map((one) => one.value)")
    keys = page.locator("[data-entry-key]").evaluate_all("(all) => all.map((one) => one.value)")
    assert dict(zip(keys, kinds, strict=True)) == {
        "code": "text", "count": "number", "note": "text", "ratio": "number", "safe": "truth", "word": "text",
    }  # fmt: skip
    saved(page)
    page.get_by_role("group", name="word").get_by_role("textbox", name="Value").fill("true")
    page.get_by_role("group", name="count").get_by_role("textbox", name="Value").fill("13.50")
    page.get_by_role("group", name="safe").get_by_role("combobox", name="Value").select_option("false")
    page.get_by_role("group", name="code").get_by_role("button", name="Remove").click()
    save(page)
    saved(page)
    assert stored(behind, key).attributes == {
        "count": 13.5, "ratio": 1.5, "safe": False, "note": "two\nlines", "word": "true",
    }  # fmt: skip


def test_a_category_is_picked_by_keyboard_along_its_path(page: Page, behind: Flask, key: int) -> None:
    change(behind, key, category_id=1)
    page.goto(edit(key))
    field = page.get_by_role("combobox", name="Category")
    page.locator("#f-category_id").focus()
    page.get_by_role("button", name="Clear: Category").click()
    expect(page.locator("#f-category_id")).to_be_focused()
    page.keyboard.type("kit pan")
    option = page.locator("[role=option]").first
    expect(option.locator(".lookup-leaf")).to_have_text(re.compile("Pans"))
    expect(option.locator(".lookup-above")).to_contain_text("Kitchen")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("lookup-"))
    page.keyboard.press("Enter")
    expect(page.locator("#f-category_id")).to_have_value(re.compile("Kitchen › .*Pans"))
    save(page)
    expect(page.locator("[data-save]")).to_have_text("Save")
    page.get_by_role("button", name="Clear: Category").click()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox").locator(".lookup-head")).to_be_visible()


def test_tags_go_one_by_one(page: Page, behind: Flask, key: int) -> None:
    page.goto(edit(key))
    for _tag in range(page.locator("[data-field=tags] [data-chip]").count()):
        page.locator("[data-field=tags] [data-remove]").first.click()
    page.locator("[name='tags.add']").press_sequentially("gift")
    page.locator("[role=option]", has_text="gift").wait_for()
    page.keyboard.press("Enter")
    expect(page.locator("[data-field=tags] [data-chip]")).to_have_count(1)
    page.keyboard.press("Backspace")
    expect(page.locator("[data-field=tags] [data-chip]")).to_have_count(0)
    save(page)
    expect(page.locator("[data-save]")).to_have_text("Save")
    with behind.app_context():
        assert db.session.get_one(Product, key).tags == []
        db.session.remove()


# Rich text.

WRITTEN = [
    "<p><strong>bold</strong> <em>i</em> <u>u</u> <s>s</s> x<sub>2</sub> y<sup>3</sup> <code>c</code></p>",
    "<h2>Two</h2><h3>Three</h3><h4>Four</h4><hr><blockquote><p>Quoted</p></blockquote>",
    '<ul><li>one<ul><li>two</li></ul></li><li><strong>three</strong></li></ul><ol start="3"><li>four</li></ol>',
    "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><th>c</th><td>d</td></tr></tbody></table>",
    '<table><caption>S</caption><tbody><tr><td>a</td><td rowspan="2">b</td></tr><tr><td>c</td></tr></tbody></table>',
    '<p><a href="https://example.org/?a=1&amp;b=2" title="T" hreflang="fr" rel="noopener nofollow">link</a></p>',
    "<pre>line\n  two</pre>",
    '<p dir="rtl" lang="ar">سلام</p>',
    '<p>a<br>b&nbsp;c &lt;x&gt; &amp; "q"</p>',
    "<ul><li><p>a</p><p>b</p></li></ul>",
]


def test_what_the_editor_makes_is_kept_to_the_letter(page: Page, key: int) -> None:
    page.goto(edit(key))
    editor = page.locator("[data-field=description] .ck-editor__editable_inline")
    editor.wait_for()
    for text in WRITTEN:
        assert sanitise(text) == text, "the house keeps it"
        made = editor.evaluate(
            "(element, text) => { const editor = element.ckeditorInstance; editor.setData(text);"
            " return editor.getData({ skipListItemIds: true }); }",
            text,
        )
        assert made == text, "the editor keeps it"


def test_the_editor_writes_by_its_toolbar_and_is_saved(page: Page, behind: Flask, key: int) -> None:
    change(behind, key, description=None)
    page.goto(edit(key))
    editor = page.locator("[data-field=description] .ck-editor__editable_inline")
    editor.click()
    page.keyboard.type("## Two")
    page.keyboard.press("Enter")
    page.keyboard.type("Plain ")
    page.keyboard.press("Control+b")
    page.keyboard.type("bold")
    page.keyboard.press("Control+b")
    page.keyboard.press("Control+i")
    page.keyboard.type(" slanted")
    page.keyboard.press("Control+i")
    page.keyboard.press("Enter")
    page.keyboard.type("* one")
    page.keyboard.press("Control+s")
    saved(page)
    assert (
        stored(behind, key).description
        == "<h2>Two</h2><p>Plain <strong>bold</strong><em> slanted</em></p><ul><li>one</li></ul>"
    )
    assert page.evaluate("document.activeElement.isContentEditable"), "the focus stays in the text"


def test_an_untouched_text_stays_as_it_came(page: Page, behind: Flask, key: int) -> None:
    odd = sanitise('<figure><img src="/static/icon.svg" alt="x"><figcaption>c</figcaption></figure>bare text')
    change(behind, key, description=odd)
    page.goto(edit(key))
    page.locator("[data-field=description] .ck-editor__editable_inline").wait_for()
    saved(page)
    page.locator("#f-slug").fill("untouched-text")
    save(page)
    saved(page)
    assert stored(behind, key).description == odd


def test_without_the_editor_the_text_is_a_textarea(page: Page, behind: Flask, key: int) -> None:
    page.route("**/ckeditor5.umd.min.js", lambda route: route.abort())
    page.goto(edit(key))
    area = page.locator("#f-description")
    expect(area).to_be_visible()
    expect(page.locator("[data-field=description]")).to_contain_text("The editor did not load.")
    area.fill("<p>By hand</p><script>x</script>")
    save(page)
    saved(page)
    expect(area).to_have_value("<p>By hand</p>")
    assert stored(behind, key).description == "<p>By hand</p>"


# Neighbours, other forms, weight, access.


def test_next_walks_the_order_of_the_list(page: Page, behind: Flask) -> None:
    page.goto(edit(150))
    expect(page.locator("[data-neighbours]")).to_be_hidden()
    order = {"resource": "product", "keys": [150, 151, 152], "next": None, "back": "/admin/product/?q=x"}
    page.evaluate("(order) => sessionStorage.setItem('list.order', JSON.stringify(order))", order)
    page.reload()
    expect(page.locator("[data-place]")).to_have_text("1 of 3")
    page.locator("#f-slug").fill("saved-and-next")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**id=151**")
    assert stored(behind, 150).slug == "saved-and-next"
    expect(page.locator(".toasts")).to_contain_text("saved.")
    page.get_by_role("link", name="Next record", exact=True).click()
    page.wait_for_url("**id=152**")
    expect(page.get_by_role("link", name="Products").first).to_have_attribute("href", re.compile(".*"))
    assert page.locator("[data-back]").get_attribute("href") == "/admin/product/?q=x"
    page.get_by_role("link", name="Previous record", exact=True).click()
    page.wait_for_url("**id=151**")


def test_next_fetches_the_next_page_of_the_list(page: Page) -> None:
    page.goto("/admin/product/?sort=name")
    keys = page.locator("tr[data-id]").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    after = page.evaluate(
        "document.querySelector('[data-next]')?.dataset.next"
        " ?? [...document.querySelectorAll('.pager a')].map((one) => one.getAttribute('href'))"
        ".find((address) => address.includes('after='))"
    )
    order = {"resource": "product", "keys": keys, "next": after, "back": "/admin/product/?sort=name"}
    page.evaluate("(order) => sessionStorage.setItem('list.order', JSON.stringify(order))", order)
    page.goto(edit(int(keys[-1])))
    page.get_by_role("link", name="Next record", exact=True).click()
    page.wait_for_url(lambda url: f"id={keys[-1]}" not in url)
    assert re.search(r"id=(\d+)", page.url)[1] not in keys  # type: ignore[index]


def test_languages_and_currencies_of_the_house_are_picked_by_name(page: Page, behind: Flask) -> None:
    page.goto("/admin/house/edit/?id=1")
    box = page.locator("[data-field=languages]")
    box.get_by_role("combobox").fill("ita")
    box.get_by_role("combobox").press_sequentially("l")
    page.locator("[role=option]", has_text="Italian").click()
    expect(box).to_contain_text("Italian (it)")
    box.get_by_role("button", name="Remove: Arabic (ar)").click()
    expect(said(page)).to_have_text("1 change: content languages")
    save(page)
    expect(page.locator("[data-save]")).to_have_text("Save")
    with behind.app_context():
        assert db.session.get_one(House, HOUSE_ID).languages == ["de", "en", "es", "fr", "it"]
        db.session.remove()


def test_a_password_is_never_kept_on_the_device(page: Page) -> None:
    page.goto("/admin/user/new/")
    page.locator("#f-name").fill("Somebody")
    page.get_by_label("New password", exact=True).fill("seventeen red teapots")
    page.wait_for_timeout(1000)
    assert len(drafts(page)) == 1
    assert "red teapots" not in page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.parametrize("address", ["/admin/brand/new/", "/admin/user/new/", "/admin/house/edit/?id=1"])
def test_forms_without_an_editor_load_little(page: Page, address: str) -> None:
    loaded: list[str] = []
    page.on("response", lambda response: loaded.append(response.url) if response.url.endswith(".js") else None)
    page.goto(address, wait_until="networkidle")
    assert not [url for url in loaded if "ckeditor" in url]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state(open_page: Callable[..., Page], look: str) -> None:
    page = open_page(**LOOKS[look])
    page.goto(edit(160))
    page.wait_for_timeout(2500)
    assert findings(page) == []
    for fold in page.locator(".fold").all():
        fold.click()
    page.locator("[data-entry-add]").click()
    page.locator("#f-gtin").fill("4006381333932")
    page.locator("#f-slug").fill("axe")
    save(page)
    page.locator("#problems").wait_for()
    assert findings(page) == []


def test_on_a_phone_the_status_comes_first_and_sections_fold(
    open_page: Callable[..., Page], behind: Flask, key: int
) -> None:
    page = open_page(edit(key), viewport=PHONE, has_touch=True)
    tops = page.locator("[data-section]").evaluate_all(
        "(all) => all.map((one) => [one.dataset.section, one.getBoundingClientRect().top])"
    )
    assert min(tops, key=lambda pair: pair[1])[0] == "status"
    price = page.locator("[data-section=price]")
    expect(price.get_by_role("button")).to_have_attribute("aria-expanded", "false")
    expect(price).to_contain_text("EUR")
    expect(page.locator("#f-price")).to_be_hidden()
    price.get_by_role("button").click()
    page.locator("#f-price").fill("4,5,6")
    page.locator("#f-cost").focus()
    small = page.locator(".record-form :is(button:not([aria-hidden]), input, select):visible").evaluate_all(
        "(all) => all.filter((one) => { const box = one.getBoundingClientRect();"
        " return box.height && box.height < 24; }).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []


def test_a_folded_section_says_nothing_of_a_password(open_page: Callable[..., Page], behind: Flask, key: int) -> None:
    page = open_page("/admin/user/new/", viewport=PHONE, has_touch=True)
    section = page.locator("[data-section=password]")
    page.locator("#f-password").fill("seven grey teapots")
    section.get_by_role("button").click()
    expect(page.locator("#f-password")).to_be_hidden()
    expect(section.locator(".fold-said")).to_have_text("")


def test_the_bar_that_saves_stands_at_the_lower_edge_of_the_window(
    open_page: Callable[..., Page], behind: Flask, key: int
) -> None:
    page = open_page("/admin/brand/new/")
    below = page.locator(".save-bar").evaluate("(bar) => innerHeight - bar.getBoundingClientRect().bottom")
    assert below == 0


def test_without_script_a_form_is_whole(open_page: Callable[..., Page], behind: Flask, key: int) -> None:
    page = open_page(edit(key), java_script_enabled=False)
    for name in ("name", "name_i18n.fr", "description", "description_i18n.de", "attributes", "price"):
        expect(page.locator(f"[id='f-{name}']")).to_be_visible()
    page.locator("[id='f-name_i18n.fr']").fill("Sans script")
    page.locator("[name='tags.add']").fill("gift, new")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("saved.")
    assert (stored(behind, key).name_i18n or {})["fr"] == "Sans script"
