"""Lists in a real browser: filters, cells, ticks and keys, by mouse and by keyboard, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import LOOKS, PHONE, findings

Opened = Callable[..., Page]
LIST = "/admin/product/"


def row(page: Page, number: int) -> Locator:
    """Return a row by its place, from 1."""
    return page.locator("#rows tbody tr").nth(number - 1)


def price(page: Page, number: int) -> Locator:
    """Return the cell of a row's price."""
    return row(page, number).locator("td.number")


def status(page: Page, number: int) -> Locator:
    """Return the cell of a row's status."""
    return row(page, number).locator("td").filter(has=page.locator("[class^='is-']"))


def keys(page: Page) -> list[str]:
    """Return the keys of the rows."""
    return page.eval_on_selector_all("#rows tbody tr", "rows => rows.map((row) => row.dataset.id)")  # type: ignore[no-any-return]


def focus(page: Page) -> str:
    """Return the id of what has the focus."""
    return str(page.evaluate("document.activeElement.id"))


def saved(amount: str) -> re.Pattern[str]:
    """Return what a cell shows of a saved amount, whatever its currency."""
    return re.compile(rf"^\s*\D{re.escape(amount)}\s*$")


def ask(page: Page, name: str) -> None:
    """Add a filter of the field `name`."""
    page.get_by_text("Add filter").click()
    page.locator("#add-filter").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("[data-chip][open]")).to_be_visible()


# Rows.


def test_rows_are_as_high_as_they_are_drawn(open_page: Opened) -> None:
    page = open_page(LIST)
    heights = "rows => [...new Set(rows.map((row) => row.getBoundingClientRect().height))]"
    assert page.eval_on_selector_all("#rows tbody tr", heights) == [56]
    page.get_by_text("Display").click()
    page.get_by_label("Compact").check()
    expect(page.locator("#rows.compact")).to_be_visible()
    expect(page.get_by_label("Compact")).to_be_focused()
    assert page.eval_on_selector_all("#rows tbody tr", heights) == [40]
    page.get_by_label("Comfortable").check()
    expect(page.locator("#rows.comfortable")).to_be_visible()


def test_a_category_that_is_cut_off_is_told_in_full(open_page: Opened) -> None:
    page = open_page(LIST)
    cell = page.locator("#rows td.under:has(small)").first
    leaf, path = cell.evaluate("one => [one.firstChild.textContent, one.querySelector('small').textContent]")
    cell.hover()
    expect(cell).not_to_have_attribute("title", re.compile("."))
    cell.locator("small").evaluate("one => one.prepend('A level with a long name › '.repeat(9))")
    page.locator("h1").hover()
    cell.locator("small").hover()
    expect(cell).to_have_attribute("title", re.compile(f"A level .* › {re.escape(path)} › {re.escape(leaf)}$"))


@pytest.mark.parametrize(
    "path", [LIST, "/admin/user/", "/admin/category/?view=list", f"{LIST}?status=draft&q=lamp&price_min=1"]
)
def test_nothing_scrolls_sideways_on_a_phone(open_page: Opened, path: str) -> None:
    page = open_page(path, viewport=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    box = page.locator("#rows tbody label").first.bounding_box()
    if page.locator("#rows tbody tr").count():
        assert box is not None and box["width"] >= 44 and box["height"] >= 44


# Filters.


def test_a_filter_applies_by_itself_and_the_address_follows(open_page: Opened) -> None:
    page = open_page(LIST)
    ask(page, "Status")
    assert focus(page) == "f-status-draft"
    page.keyboard.press("Space")
    page.wait_for_url("**/?status=draft")
    expect(page.locator("#f-status-draft")).to_be_focused()
    expect(page.locator("#f-status-draft")).to_be_checked()
    page.get_by_role("checkbox", name="Archived").check()
    page.wait_for_url("**/?status=draft&status=archived")
    expect(page.locator(".chip bdi").first).to_have_text("Status is Draft or Archived")
    # Nothing ticked: the chip waits for a value instead of going away under the hand.
    page.get_by_role("checkbox", name="Draft").uncheck()
    page.wait_for_url("**/?status=archived")
    page.get_by_role("checkbox", name="Archived").uncheck()
    page.wait_for_url(re.compile(r"/product/$"))
    expect(page.locator(".chip-body")).to_be_visible()
    page.get_by_role("checkbox", name="Published").check()
    page.wait_for_url("**/?status=published")
    page.get_by_role("link", name="Remove: Status is Published").click()
    page.wait_for_url(re.compile(r"/product/$"))
    expect(page.locator("#q")).to_be_focused()
    page.go_back()
    expect(page.locator(".chip bdi").first).to_have_text("Status is Published")


def test_a_range_and_a_look_up(open_page: Opened) -> None:
    page = open_page(LIST)
    ask(page, "Price")
    page.get_by_label("From", exact=True).fill("1,000")
    page.keyboard.press("Tab")
    page.wait_for_url("**/?price_min=1000.00")
    expect(page.get_by_label("Up to")).to_be_focused()
    page.keyboard.press("Escape")
    page.goto(LIST)
    ask(page, "Category")
    page.keyboard.press("Escape")
    page.locator("#chip-category_id summary").click()
    page.get_by_placeholder("Type a name").fill("lighting")
    page.keyboard.press("Tab")
    page.wait_for_url(re.compile(r"category_id=\d+$"))
    expect(page.locator("#chip-category_id bdi").first).to_contain_text("Lighting")


def test_a_search_is_sent_while_it_is_typed(open_page: Opened) -> None:
    page = open_page(f"{LIST}?status=draft&price_min=1")
    search = page.locator("#q")
    search.press_sequentially("lamp")
    page.wait_for_url("**q=lamp**")
    expect(search).to_be_focused()
    expect(search).to_have_value("lamp")
    for _letter in "lamp":
        page.keyboard.press("Backspace")
    page.wait_for_url(lambda address: "q=" not in address)
    page.keyboard.press("Backspace")
    page.wait_for_url(re.compile(r"\?status=draft$"))
    expect(search).to_be_focused()


def test_what_is_typed_before_the_scripts_are_there_is_searched(open_page: Opened) -> None:
    page, held = open_page("/admin/"), []
    page.route("**/static/list.js*", lambda route: held.append(route))
    page.goto(LIST, wait_until="commit")
    page.locator("#q").fill("lamp")
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    held[0].continue_()
    page.wait_for_url("**q=lamp**")
    expect(page.locator("#q")).to_have_value("lamp")


def test_a_missing_name_is_asked_for_by_language(open_page: Opened) -> None:
    page = open_page(LIST)
    page.get_by_text("Add filter").click()
    page.get_by_role("link", name="Name missing in a language").click()
    page.get_by_role("checkbox", name="Arabic").check()
    page.wait_for_url("**name_i18n_lacks=ar**")
    expect(page.locator("#chip-name_i18n bdi").first).to_have_text("Name is missing in Arabic")
    page.get_by_role("checkbox", name="French").check()
    page.wait_for_url("**name_i18n_lacks=fr**")
    expect(page.locator("#chip-name_i18n bdi").first).to_have_text("Name is missing in French or Arabic")
    page.get_by_role("link", name="Remove: Name is missing in French or Arabic").click()
    page.wait_for_url(lambda address: "lacks" not in address)


def test_enter_on_a_code_opens_its_product(open_page: Opened) -> None:
    page = open_page(LIST)
    key, sku = row(page, 3).get_attribute("data-id"), row(page, 3).locator("code").inner_text()
    page.locator("#q").fill(sku)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/edit/?id={key}**")


# Cells.


def near(page: Page, number: int, factor: float) -> str:
    """Return a price of the row near its own, so that nobody asks whether it is meant."""
    return f"{float(re.sub(r'[^0-9.]', '', price(page, number).inner_text())) * factor:.2f}"


def test_a_column_is_typed_down_like_a_spreadsheet(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=sku&status=published")
    first, second = near(page, 1, 1.1), near(page, 2, 1.1)
    price(page, 1).click()
    page.keyboard.type(first)
    page.keyboard.press("Enter")
    expect(price(page, 2).locator("input")).to_be_focused()
    expect(price(page, 1)).to_have_text(f"€{first}")
    page.keyboard.type(second)
    page.keyboard.press("Tab")
    expect(price(page, 2)).to_have_text(f"€{second}")
    expect(status(page, 3).locator("button")).to_be_focused()
    was = price(page, 3).inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("99")
    page.keyboard.press("Escape")
    expect(price(page, 3).locator("button")).to_be_focused()
    expect(price(page, 3)).to_have_text(was)
    page.reload()
    expect(price(page, 1)).to_have_text(f"€{first}")
    expect(price(page, 3)).to_have_text(was)


def test_a_status_is_chosen_by_keyboard_and_the_row_stays(open_page: Opened) -> None:
    page = open_page(f"{LIST}?status=draft&sort=sku")
    before = keys(page)
    status(page, 1).locator("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", name="Draft")).to_be_focused()
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    expect(status(page, 2).locator("button")).to_be_focused()
    expect(status(page, 1)).to_have_text("Published")
    expect(row(page, 1)).to_contain_text("No longer matches")
    assert keys(page) == before
    page.reload()
    assert keys(page)[0] == before[1]


def test_what_is_refused_stays_and_says_why(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=sku&brand_id=none")
    was = price(page, 1).inner_text()
    price(page, 1).click()
    page.keyboard.type("twelve")
    page.keyboard.press("Enter")
    note = page.get_by_role("alert").filter(has_text="is not an amount")
    expect(note).to_be_visible()
    expect(price(page, 1).locator("button")).to_have_text("twelve")
    page.keyboard.press("Escape")
    note.get_by_role("button", name="Correct it").click()
    expect(price(page, 1).locator("input")).to_have_value("twelve")
    page.keyboard.press("Escape")
    expect(price(page, 1)).to_have_text(was)
    expect(note).to_have_count(0)


def test_a_conflict_shows_theirs_and_lets_one_choose(open_page: Opened) -> None:
    mine, theirs = open_page(f"{LIST}?sort=-sku"), open_page(f"{LIST}?sort=-sku", "catalogue-manager")
    lefts = []
    for number, choice in ((1, "Keep mine"), (2, "Take theirs")):
        one, other = near(theirs, number, 1.1), near(theirs, number, 1.2)
        left = other if choice == "Keep mine" else one
        lefts.append(left)
        price(theirs, number).click()
        theirs.keyboard.type(one)
        theirs.keyboard.press("Enter")
        expect(price(theirs, number)).to_have_text(saved(one))
        theirs.keyboard.press("Escape")
        price(mine, number).click()
        mine.keyboard.type(other)
        mine.keyboard.press("Enter")
        note = mine.get_by_role("alert").filter(has_text=f"A colleague changed Price to {one} while you typed {other}")
        expect(note).to_be_visible()
        mine.keyboard.press("Escape")
        note.get_by_role("button", name=choice).click()
        expect(price(mine, number)).to_have_text(saved(left))
        expect(note).to_have_count(0)
        expect(price(mine, number).locator("button")).to_be_focused()
    theirs.reload()
    expect(price(theirs, 1)).to_have_text(saved(lefts[0]))
    expect(price(theirs, 2)).to_have_text(saved(lefts[1]))


def test_two_cells_of_a_row_follow_one_another(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=sku&status=archived")

    def slowly(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/ajax/update/", slowly)
    status(page, 1).locator("button").click()
    page.get_by_role("option", name="Published").click()
    price(page, 1).click()
    page.keyboard.type("77")
    page.keyboard.press("Enter")
    expect(price(page, 1)).to_have_text(saved("77.00"))
    expect(status(page, 1)).to_have_text("Published")
    expect(page.locator(".cell-note")).to_have_count(0)


def test_a_lost_connection_loses_nothing(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=name")
    page.context.set_offline(True)
    price(page, 1).click()
    page.keyboard.type("21")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Not saved: no connection.")).to_be_visible()
    expect(price(page, 1).locator("button")).to_have_text("21")
    page.context.set_offline(False)
    expect(price(page, 1)).to_have_text(saved("21.00"))
    expect(page.locator(".cell-note")).to_have_count(0)
    page.reload()
    expect(price(page, 1)).to_have_text(saved("21.00"))


def test_an_answer_that_is_late_loses_nothing(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=name")
    held: list[Route] = []
    page.route("**/ajax/update/", lambda route: held.append(route))
    typed = near(page, 2, 1.1)
    price(page, 2).click()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(price(page, 2)).to_have_attribute("aria-busy", "true")
    expect(price(page, 2)).to_have_text(typed)
    page.wait_for_timeout(500)
    assert len(held) == 1, "sent once"
    held[0].continue_()
    expect(price(page, 2)).to_have_text(saved(typed))


# Ticks.


def test_ticks_by_range_survive_sorting_and_paging(open_page: Opened) -> None:
    page = open_page(LIST)
    bar = page.locator(".bulk-bar")
    expect(bar).to_be_hidden()
    row(page, 2).get_by_role("checkbox").click()
    row(page, 5).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    page.get_by_role("link", name="Name", exact=True).click()
    page.wait_for_url("**sort=name")
    expect(page.locator("#sort-name")).to_be_focused()
    expect(bar).to_contain_text("4 selected")
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**after=**")
    row(page, 1).get_by_role("checkbox").click()
    expect(bar).to_contain_text("5 selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_rows_of_other_pages_are_acted_on_too(open_page: Opened) -> None:
    page = open_page(f"{LIST}?sort=-name")
    first = keys(page)[:2]
    row(page, 1).get_by_role("checkbox").click()
    row(page, 2).get_by_role("checkbox").click()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**after=**")
    third = keys(page)[0]
    row(page, 1).get_by_role("checkbox").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("archived")
    expect(page.locator(".bulk-bar")).to_be_hidden()
    page.goto(f"{LIST}?status=archived&size=200")
    assert {*first, third} <= set(keys(page))


# Keys.


def test_the_list_by_keyboard_alone(open_page: Opened) -> None:
    page = open_page(LIST)
    all_keys = keys(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focus(page) == f"n{all_keys[1]}"
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator(".bulk-bar")).to_contain_text("3 selected")
    page.keyboard.press("k")
    assert focus(page) == f"n{all_keys[2]}"
    page.keyboard.press("Escape")
    expect(page.locator(".bulk-bar")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(status(page, 3).locator("button")).to_be_focused()
    page.locator("#q").focus()
    page.keyboard.type("jxe")
    expect(page.locator("#q")).to_have_value("jxe")
    page.goto(LIST)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/edit/?id={all_keys[0]}")


def test_one_comes_back_to_the_row_that_one_left_by(open_page: Opened) -> None:
    page = open_page(f"{LIST}?status=draft")
    last = row(page, 40)
    key = last.get_attribute("data-id")
    last.get_by_role("link").click()
    page.wait_for_url("**/edit/**")
    kept = page.evaluate("JSON.parse(sessionStorage.getItem('list.product'))")
    assert kept["url"] == f"{LIST}?status=draft" and kept["keys"][39] == int(key or 0) and len(kept["keys"]) == 50
    assert kept["next"].startswith(f"{LIST}?status=draft&after=")
    page.get_by_role("link", name="Products").last.click()
    page.wait_for_url("**/?status=draft")
    expect(page.locator(f"#n{key}")).to_be_focused()
    expect(page.locator(f"tr.last[data-id='{key}']")).to_be_in_viewport()


def test_the_menu_of_a_row(open_page: Opened) -> None:
    page = open_page("/admin/tag/")
    name = row(page, 1).get_by_role("link").inner_text()
    button = page.get_by_role("button", name=f"More {name}")
    button.click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Details and history")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    button.click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.locator(".toasts")).to_contain_text(f"“{name}” is in the trash.")
    page.locator(".toasts").get_by_role("button", name="Undo").click()
    expect(row(page, 1)).to_contain_text(name)


# When it does not go well.


def test_a_list_that_does_not_load_keeps_its_filters(open_page: Opened) -> None:
    page = open_page(f"{LIST}?status=draft")
    page.evaluate("console.error = () => {}")
    before = keys(page)
    page.route("**/product/?*", lambda route: route.fulfill(status=500, body="broken"))
    page.get_by_role("link", name="Name", exact=True).click()
    note = page.get_by_role("alert").filter(has_text="The list did not load. Your filters are kept.")
    expect(note).to_be_visible()
    assert keys(page) == before
    expect(page.locator(".chip bdi").first).to_have_text("Status is Draft")
    page.unroute("**/product/?*")
    note.get_by_role("button", name="Try again").click()
    page.wait_for_url("**sort=name**")
    expect(note).to_have_count(0)


def test_a_list_loads_by_itself_once_one_is_back(open_page: Opened) -> None:
    page = open_page(LIST)
    page.evaluate("console.error = () => {}")
    page.context.set_offline(True)
    page.locator("#q").fill("lamp")
    expect(page.get_by_role("alert").filter(has_text="No connection.")).to_be_visible()
    expect(page.locator("#q")).to_have_value("lamp")
    page.context.set_offline(False)
    page.wait_for_url("**q=lamp")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_session_that_ended_leads_to_the_sign_in_and_back(open_page: Opened) -> None:
    page = open_page(LIST)
    page.context.clear_cookies()
    page.get_by_role("link", name="Name", exact=True).click()
    page.wait_for_url("**/login?next=*sort%3Dname*")


def test_a_list_that_is_slow_says_so(open_page: Opened) -> None:
    page = open_page(LIST)
    held: list[Route] = []
    page.route("**/product/?*", lambda route: held.append(route))
    page.locator("#q").fill("lamp")
    expect(page.locator("#list")).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    page.wait_for_url("**q=lamp")
    expect(page.locator("#list")).not_to_have_attribute("aria-busy", "true")


# What one likes.


def test_columns_are_chosen_and_moved_by_keyboard(open_page: Opened) -> None:
    page = open_page("/admin/product/", "editor")
    page.get_by_text("Display").click()
    page.get_by_role("checkbox", name="GTIN").focus()
    page.keyboard.press("Space")
    expect(page.locator("th[data-field=gtin]")).to_be_visible()
    expect(page.get_by_role("checkbox", name="GTIN")).to_be_focused()
    for place in range(4, -1, -1):
        page.locator("#up-gtin").press("Enter")
        expect(page.locator("th[data-field]").nth(place)).to_have_attribute("data-field", "gtin")
        expect(page.locator("#down-gtin" if place == 0 else "#up-gtin")).to_be_focused()
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("th[data-field=gtin]")).to_have_count(0)


def test_a_list_is_saved_as_a_tab(open_page: Opened) -> None:
    page = open_page(f"{LIST}?price=none")
    page.get_by_text("Save view").first.click()
    page.get_by_label("Name", exact=True).fill("Without a price")
    page.keyboard.press("Enter")
    tab = page.get_by_role("navigation", name="Views").get_by_role("link", name="Without a price")
    expect(tab).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="SKU", exact=True).click()
    expect(tab).to_contain_text("changed")
    page.get_by_role("navigation", name="Views").get_by_role("link", name="All").click()
    page.wait_for_url(re.compile(r"/product/$"))
    tab.click()
    page.wait_for_url("**price=none&view=*")
    page.locator("summary[aria-label='Change the view Without a price']").click()
    page.get_by_role("button", name="Delete this view").click()
    expect(page.locator(".toasts")).to_contain_text("View “Without a price” deleted.")
    expect(tab).to_have_count(0)
    page.locator(".toasts").get_by_role("button", name="Undo").click()
    expect(tab).to_have_count(1)


# Without script.


def test_the_list_without_script(open_page: Opened) -> None:
    page = open_page(LIST, java_script_enabled=False)
    page.get_by_text("Add filter").click()
    page.locator("#add-filter").get_by_role("link", name="Status").click()
    page.get_by_role("checkbox", name="Draft").check()
    page.get_by_role("button", name="Apply").first.click()
    page.wait_for_url(re.compile(r"\?status=draft$"))
    expect(page.locator(".chip bdi").first).to_have_text("Status is Draft")
    page.locator("#q").fill("lamp")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "q=lamp" in address and "open" not in address)
    page.get_by_role("link", name="Remove: Status is Draft").click()
    page.wait_for_url("**?q=lamp")
    key = keys_of(page)[0]
    expect(price(page, 1).get_by_role("button")).to_have_count(0)
    row(page, 1).get_by_role("link").click()
    page.wait_for_url(f"**/edit/?id={key}")
    page.go_back()
    row(page, 1).get_by_role("checkbox").check()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("published")


def keys_of(page: Page) -> list[str]:
    """Return the keys of the rows where no script can be asked."""
    rows = page.locator("#rows tbody tr")
    return [rows.nth(number).get_attribute("data-id") or "" for number in range(rows.count())]


# For everyone.


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state(open_page: Opened, look: str) -> None:
    page = open_page(LIST, "guest", **LOOKS[look])
    assert findings(page) == []
    page = open_page(f"{LIST}?sort=name", **LOOKS[look])
    row(page, 2).get_by_role("checkbox").check()
    page.locator("#display").click()
    expect(page.locator("#display summary")).to_be_focused()
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.locator("#add-filter summary").click()
    page.locator("#add-filter a").nth(2).click()
    expect(page.locator("[data-chip][open]")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    price(page, 1).get_by_role("button").click()
    page.keyboard.type("abc")
    page.keyboard.press("Tab")
    expect(page.locator(".cell-note")).to_be_visible()
    assert findings(page) == []
