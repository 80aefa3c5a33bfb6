"""The frame by mouse, by touch and by keyboard alone: light and dark, both directions, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LOOKS, PHONE, findings

Opened = Callable[..., Page]


def palette(page: Page) -> Locator:
    """Return the dialog of the search."""
    return page.locator("#palette")


def focused(page: Page, selector: str) -> bool:
    """Return whether the focus is on what `selector` names."""
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


# Search anything.


def test_the_palette_opens_finds_and_goes_by_keyboard_alone(open_page: Opened) -> None:
    # Somebody who chose nothing in another test: that would come first.
    page = open_page(who="editor")
    page.keyboard.press("Control+k")
    text = page.get_by_role("combobox", name="Pages, products")
    expect(text).to_be_focused()
    expect(palette(page).get_by_role("option", name="Dashboard")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("table lamp")
    first = palette(page).get_by_role("option").first
    expect(first).to_contain_text("Table lamp")
    expect(first).to_have_attribute("aria-selected", "true")
    assert text.get_attribute("aria-activedescendant") == first.get_attribute("id")
    page.keyboard.press("ArrowUp")
    last = palette(page).get_by_role("option").last
    expect(last).to_have_text("Search products for “table lamp”")
    expect(last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/product/edit/?id=*")
    # What was chosen comes first the next time.
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("option").first).to_contain_text("Table lamp")
    expect(page.locator(".palette-heading").first).to_have_text("Recent")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_the_focus_comes_back_from_the_palette(page: Page) -> None:
    button = page.get_by_role("button", name="Search anything")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Pages, products")).to_be_focused()
    # The dialog holds the focus.
    for _turn in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#palette')")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_scanner_that_is_faster_than_the_answer_opens_the_product(open_page: Opened) -> None:
    page = open_page("/admin/product/")
    row = page.locator("tr[data-id]").first
    sku, key = row.locator("code").inner_text(), row.get_attribute("data-id")
    page.route("**/admin/palette/**", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.keyboard.press("Control+k")
    page.keyboard.type(sku)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/product/edit/?id={key}")


def test_a_search_that_fails_keeps_the_text_and_says_so(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("option").first).to_be_visible()
    page.route("**/admin/palette/**", lambda route: route.abort())
    page.keyboard.type("lamp")
    status = page.locator("#palette [role=status]")
    expect(status).to_have_text("The search did not answer. What you typed is kept; try again.")
    expect(page.get_by_role("combobox", name="Pages, products")).to_have_value("lamp")
    # Nothing that was found for another text is opened.
    page.keyboard.press("Enter")
    expect(page.locator("#palette")).to_be_visible()
    page.unroute("**/admin/palette/**")
    page.keyboard.press("Enter")
    expect(palette(page).get_by_role("option").first).to_contain_text(re.compile("lamp", re.IGNORECASE))


def test_actions_of_the_palette_are_done(open_page: Opened) -> None:
    page = open_page(who="guest")
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    palette(page).get_by_role("option", name="Switch to the dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("list the keys")
    expect(palette(page).get_by_role("option").first).to_have_text("List the keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("fran")
    palette(page).get_by_role("option", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.keyboard.press("Control+k")
    page.locator("[role=option]", has=page.locator("use[href$='#logout']")).click()
    page.wait_for_url("**/login")


def test_the_palette_fills_a_phone(open_page: Opened) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    page.locator(".search-open").tap()
    expect(palette(page).get_by_role("option").first).to_be_visible()
    box = page.locator("#palette").bounding_box()
    assert box == {"x": 0, "y": 0} | PHONE
    assert palette(page).get_by_role("option").first.bounding_box()["height"] >= 44
    page.get_by_role("button", name="Close").tap()
    expect(page.locator("#palette")).to_be_hidden()


# Dialogs.


def test_only_what_is_pressed_beside_a_dialog_closes_it(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Keys")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    box = dialog.bounding_box()
    assert box
    within, beside = (box["x"] + 40, box["y"] + 40), (box["x"] - 40, box["y"] + 40)
    # The selection of a text that ends outside is a click on the dialog too, as the browser tells it.
    page.mouse.move(*within)
    page.mouse.down()
    page.mouse.move(*beside)
    page.mouse.up()
    expect(dialog).to_be_visible()
    # Padding belongs to the dialog.
    dialog.evaluate("one => { one.style.paddingBlockStart = '30px'; }")
    page.mouse.click(box["x"] + 40, dialog.bounding_box()["y"] + 10)
    expect(dialog).to_be_visible()
    page.mouse.click(*beside)
    expect(dialog).to_be_hidden()


# Keys.


def test_letters_lead_to_pages_and_are_listed(page: Page) -> None:
    for letter, address in (("p", "product/"), ("c", "category/"), ("h", "history/"), ("d", "")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**/admin/{address}")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Products")
    expect(dialog.locator("dt", has_text="gp")).to_be_visible()
    # While it is open no letter leads away.
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#palette")).to_be_visible()


def test_the_keys_of_a_page_are_listed_and_reach_what_they_name(page: Page) -> None:
    page.evaluate(
        """document.querySelector('main').insertAdjacentHTML('beforeend',
        '<button id="made" data-key="z Shift+z" data-key-label="Do it"></button>'
        + '<input id="field" data-key="/" data-key-label="Find">'
        + '<span hidden data-key="j" data-key-label="Next row"></span>');
        document.getElementById('made').addEventListener('click', () => { document.title = `${document.title}!`; });"""
    )
    before = page.title()
    page.keyboard.press("z")
    page.keyboard.press("Shift+Z")
    page.keyboard.press("j")
    assert page.title() == f"{before}!!"
    page.keyboard.press("?")
    here = page.locator("[data-keys-here]")
    expect(here).to_contain_text("Do it")
    expect(here).to_contain_text("Next row")
    expect(page.locator("[data-everywhere='/']")).to_be_hidden()
    expect(page.locator("[data-everywhere='?']")).to_be_visible()
    page.keyboard.press("Escape")
    # What the page offers comes before what the frame does, and typing is typing.
    page.keyboard.press("/")
    expect(page.locator("#field")).to_be_focused()
    page.keyboard.type("zg?p/")
    expect(page.locator("#field")).to_have_value("zg?p/")
    assert page.title() == f"{before}!!"


def test_letters_can_be_switched_off(open_page: Opened) -> None:
    page = open_page("/profile", who="editor")
    page.get_by_label("Single-letter keys").uncheck()
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".toast-note")).to_contain_text("Your profile is saved.")
    for key in ("?", "/", "g", "p"):
        page.keyboard.press(key)
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert page.url.endswith("/profile")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Single-letter keys are off.")


# Menus, the navigation, themes.


def test_a_menu_is_worked_by_arrows_and_closed_by_escape(page: Page) -> None:
    summary = page.get_by_label("Light or dark")
    summary.focus()
    page.keyboard.press("ArrowDown")
    assert focused(page, "[name=theme][value=light]")
    page.keyboard.press("ArrowUp")
    assert focused(page, "[name=theme][value=system]")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert focused(page, "[name=theme][value=dark]")
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(page.locator("[data-menu=theme]")).not_to_have_attribute("open", "")
    # Another one closes it, and so does walking out of it.
    summary.click()
    page.get_by_label("Your account").click()
    expect(page.locator("details.menu[open]")).to_have_count(1)
    for _turn in range(4):
        page.keyboard.press("Tab")
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_the_theme_has_three_states_and_follows_the_system(open_page: Opened) -> None:
    page = open_page(color_scheme="dark")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.get_by_label("Light or dark").click()
    page.get_by_role("button", name="Dark").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_label("Light or dark")).to_be_focused()
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.get_by_label("Light or dark").click()
    page.get_by_role("button", name="As the system").click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    assert not [cookie for cookie in page.context.cookies() if cookie["name"] == "theme"]


def test_the_narrow_menu_shows_names_beside_its_icons_and_stays(open_page: Opened) -> None:
    page = open_page(who="catalogue-manager")
    side = page.locator("#navigation")
    page.get_by_role("button", name="Collapse the menu").click()
    expect(side).to_have_css("width", "64px")
    link = side.get_by_role("link", name="Products")
    label = link.locator(".side-label")
    assert label.bounding_box()["width"] <= 1
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert label.bounding_box()["x"] > 60
    page.reload()
    expect(side).to_have_css("width", "64px")
    page.get_by_role("button", name="Expand the menu").click()
    expect(side).to_have_css("width", "232px")


def test_the_drawer_of_a_phone_holds_the_focus(open_page: Opened) -> None:
    page = open_page("/admin/product/", viewport=PHONE, has_touch=True)
    side, opener = page.locator("#navigation"), page.get_by_role("button", name="Open the menu")
    expect(side).to_be_hidden()
    opener.focus()
    page.keyboard.press("Enter")
    expect(side).to_be_visible()
    assert focused(page, "a[aria-current=page]")
    for _turn in range(14):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#navigation')"
        )
    # All but the drawer is out of reach, the heading and the main landmark among it.
    assert findings(page, "landmark-one-main", "page-has-heading-one") == []
    page.keyboard.press("Escape")
    expect(side).to_be_hidden()
    expect(opener).to_be_focused()
    opener.tap()
    expect(side).to_be_visible()
    page.touchscreen.tap(360, 400)
    expect(side).to_be_hidden()
    opener.tap()
    side.get_by_role("link", name="Brands").tap()
    page.wait_for_url("**/admin/brand/")


def test_the_navigation_stays_where_a_long_page_is_scrolled(page: Page) -> None:
    page.goto("/admin/product/")
    page.evaluate("scrollTo(0, 1500)")
    assert page.evaluate("scrollY") > 1000
    assert page.locator("#navigation").bounding_box()["y"] == 0  # type: ignore[index]


def test_the_skip_link_leads_past_the_menu(page: Page) -> None:
    page.keyboard.press("Tab")
    assert focused(page, ".skip")
    page.keyboard.press("Enter")
    assert focused(page, "main")


# Toasts.

TOAST = "([text, options]) => { backoffice.toast(text, options); }"


def test_toasts_say_what_happened_three_at_most_and_errors_stay(page: Page) -> None:
    page.clock.install()
    page.evaluate(TOAST, ["Not saved.", {"kind": "error"}])
    for number in range(4):
        page.evaluate(TOAST, [f"Saved {number}.", {}])
    notes = page.locator(".toast-note")
    expect(notes).to_have_text([re.compile("Not saved."), re.compile("Saved 2."), re.compile("Saved 3.")])
    expect(notes.first).to_have_attribute("role", "alert")
    expect(page.locator(".toasts")).to_have_attribute("aria-live", "polite")
    # Whoever reads one, by pointer or by focus, keeps it.
    notes.nth(1).hover()
    page.clock.run_for(15_000)
    expect(notes).to_have_text([re.compile("Not saved."), re.compile("Saved 2.")])
    page.mouse.move(700, 100)
    notes.nth(1).get_by_role("button", name="Close").focus()
    page.clock.run_for(15_000)
    expect(notes).to_have_count(2)
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(15_000)
    expect(notes).to_have_text([re.compile("Not saved.")])
    # The focus is not lost with what was closed.
    notes.first.get_by_role("button", name="Close").focus()
    page.keyboard.press("Enter")
    expect(notes).to_have_count(0)
    assert focused(page, "main")


def test_a_toast_of_a_script_undoes(open_page: Opened) -> None:
    page = open_page("/admin/history/")
    change_set = page.locator("[data-change-set]", has_text="Create: viewer@example.org").first.get_attribute(
        "data-change-set"
    )
    page.evaluate(TOAST, ["<b>Four people</b> were added.", {"undo": change_set}])
    note = page.locator(".toast-note")
    expect(note).to_contain_text("<b>Four people</b> were added.")
    assert note.locator("[name=change_set]").input_value() == change_set
    assert note.locator("form").get_attribute("action") == "/admin/history/undo/"


# Signing in and the profile.


def test_signing_in_shows_the_password_when_asked_and_never_sends_it_as_text(open_page: Opened) -> None:
    page = open_page("/login?next=/admin/brand/", who=None)
    expect(page.get_by_label("E-mail address")).to_be_focused()
    assert findings(page) == []
    page.get_by_label("E-mail address").fill("viewer@example.org")
    password = page.locator("#password")
    assert password.get_attribute("autocomplete") == "current-password"
    password.fill("wrong and wrong again")
    eye = page.get_by_role("button", name="Show: Password")
    expect(eye).to_have_attribute("aria-pressed", "false")
    eye.click()
    expect(password).to_have_attribute("type", "text")
    expect(eye).to_have_attribute("aria-pressed", "true")
    page.evaluate(
        """document.forms[document.forms.length - 1].addEventListener('submit', () => {
        sessionStorage.sent = document.getElementById('password').type; })"""
    )
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The address or the password is wrong.")
    assert page.evaluate("sessionStorage.sent") == "password"
    expect(page.locator("#password")).to_be_focused()
    assert findings(page) == []
    page.locator("#password").fill("seventeen blue teapots")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/brand/")


def test_caps_lock_is_told(open_page: Opened) -> None:
    page = open_page("/login", who=None)
    page.locator("#password").focus()
    hint = page.get_by_text("Caps lock is on.")
    expect(hint).to_be_hidden()
    press = """on => document.getElementById('password').dispatchEvent(
        new KeyboardEvent('keydown', { key: 'A', modifierCapsLock: on, bubbles: true }))"""
    page.evaluate(press, True)
    expect(hint).to_be_visible()
    page.evaluate(press, False)
    expect(hint).to_be_hidden()


def test_a_time_zone_is_found_by_typing(open_page: Opened) -> None:
    page = open_page("/profile", who="viewer", timezone_id="Asia/Tokyo")
    zone = page.get_by_role("combobox", name="Time zone")
    expect(zone).to_have_value("That of the house")
    zone.click()
    zone.press_sequentially("par")
    expect(page.locator(".lookup").get_by_role("option")).to_have_text(["America / Paramaribo", "Europe / Paris"])
    assert findings(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(zone).to_have_value("Europe / Paris")
    zone.fill("nowhere")
    expect(page.locator(".lookup").get_by_role("option")).to_have_text(
        ["No zone is called so. Try a large city nearby."]
    )
    page.keyboard.press("Escape")
    expect(zone).to_have_value("Europe / Paris")
    hint = page.locator("[data-zone-here]")
    expect(hint).to_contain_text("This device is in Asia/Tokyo.")
    hint.get_by_role("button", name="Use it").click()
    expect(zone).to_have_value("Asia / Tokyo")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".toast-note")).to_contain_text("Your profile is saved.")
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Asia / Tokyo")


def test_the_language_is_switched_where_one_is(open_page: Opened) -> None:
    page = open_page("/admin/brand/?q=a", who="guest")
    page.locator("[data-menu=language] summary").click()
    arabic = page.get_by_role("button", name="العربية")
    expect(arabic).to_have_attribute("lang", "ar")
    arabic.click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.url.endswith("/admin/brand/?q=a")
    # The menu stands at the start of the line, which is on the right now.
    assert page.locator("#navigation").bounding_box()["x"] == 1440 - 232
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(palette(page).get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    page.locator("[data-menu=language] summary").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("dir", "ltr")


# Without scripts.


def test_without_scripts_the_frame_works(open_page: Opened) -> None:
    page = open_page(java_script_enabled=False, who="editor")
    expect(page.locator(".search-open")).to_be_hidden()
    page.get_by_role("searchbox", name="Search products").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/product/?q=lamp")
    page.get_by_label("Light or dark").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url("**/admin/product/?q=lamp")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Collapse the menu").click()
    page.wait_for_url("**/admin/product/?q=lamp")
    expect(page.locator("#navigation")).to_have_css("width", "64px")
    page.get_by_role("button", name="Expand the menu").click()
    expect(page.locator("#navigation")).to_have_css("width", "232px")


def test_without_scripts_the_drawer_of_a_phone_opens_and_closes(open_page: Opened) -> None:
    page = open_page(java_script_enabled=False, viewport=PHONE)
    side = page.locator("#navigation")
    expect(side).to_be_hidden()
    page.get_by_label("Open the menu").click()
    expect(side).to_be_visible()
    page.get_by_label("Close the menu").click()
    expect(side).to_be_hidden()


# Everyone, on every screen.


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_what_opens(open_page: Opened, look: str) -> None:
    problems = []
    page = open_page(who="administrator", **LOOKS[look])
    page.evaluate(TOAST, ["Done.", {"undo": 1}])
    page.evaluate(TOAST, ["Take care.", {"kind": "warning"}])
    page.evaluate(TOAST, ["Not done.", {"kind": "error"}])
    for menu in ("language", "theme", "person"):
        page.locator(f"[data-menu={menu}] summary").click()
        problems += [f"{menu} {finding}" for finding in findings(page)]
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("option").first).to_be_visible()
    problems += [f"palette {finding}" for finding in findings(page)]
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    problems += [f"keys {finding}" for finding in findings(page)]
    assert problems == []


def test_every_target_is_large_enough(open_page: Opened) -> None:
    small = """least => [...document.querySelectorAll('.side a, .top a, .top button, .top summary, .plain-top summary')]
        .filter((one) => one.getClientRects().length && getComputedStyle(one).visibility === 'visible')
        .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, box]) => box.height < least || box.width < least).map(([html]) => html)"""
    assert open_page().evaluate(small, 24) == []
    page = open_page(viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Open the menu").tap()
    assert page.evaluate(small, 44) == []


def test_the_frame_can_be_used_at_twice_the_size(open_page: Opened) -> None:
    # 200 % on a screen of 1280 pixels.
    page = open_page("/profile", viewport={"width": 640, "height": 400})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("option").first).to_be_visible()
    box = page.locator("#palette").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 400


def test_print_shows_the_page_alone(page: Page) -> None:
    page.emulate_media(media="print")
    for part in (".side", ".top", ".toasts"):
        expect(page.locator(part)).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
