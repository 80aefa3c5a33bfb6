"""The category tree in a browser: walked, opened, searched, renamed and rearranged, with a script and without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import func, select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import ChangeSet
from backoffice.operations import undo
from backoffice.policy import Actor

from .conftest import LOOKS, PHONE, findings

TREE = "/admin/category/"
Opened = Callable[..., Page]


@pytest.fixture
def tree(behind: Flask, house: Actor) -> Iterator[Callable[[str | None], list[str]]]:
    """Return what tells the names under a category as the database has them; afterwards what was done is taken back."""

    def under(name: str | None) -> list[str]:
        with behind.app_context():
            parent = db.session.scalar(select(Category.id).where(Category.name == name)) if name else None
            rows = select(Category.name).where(Category.parent_id == parent, Category.trashed_at.is_(None))
            return list(db.session.scalars(rows.order_by(Category.position, Category.name_key, Category.id)))

    with behind.app_context():
        last = db.session.scalar(select(func.max(ChangeSet.id)))
    yield under
    with behind.app_context():
        done = select(ChangeSet.id).where(ChangeSet.id > last).order_by(ChangeSet.id.desc())
        for key in db.session.scalars(done).all():
            assert undo.undo_change_set(house, key).skipped == []


def row(page: Page, name: str) -> Locator:
    """Return the item of a category."""
    title = page.locator(f':scope > .tree-row > .tree-name > bdi:text-is("{name}")')
    return page.locator("#tree li[data-id]").filter(has=title)


def names(page: Page) -> list[str]:
    """Return the names of the rows that are shown."""
    return [one.strip() for one in page.locator("#tree .tree-name:visible").all_inner_texts()]


def focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.querySelector('.tree-name')?.textContent.trim() ?? ''")
    return found


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def start(page: Page, name: str) -> None:
    row(page, name).focus()


def settled(page: Page) -> None:
    """Wait until nothing is under way."""
    expect(page.locator("#tree [aria-busy=true]")).to_have_count(0)


# Walking.


def test_the_tree_is_walked_by_keys(open_page: Opened) -> None:
    page = open_page(TREE)
    assert names(page) == ["Garden", "Home", "Kitchen", "Paper & Books", "Table", "Toys & Games"]
    assert page.locator("#tree [tabindex='0'][role=treeitem]").count() == 1, "one stop for Tab"
    start(page, "Garden")
    press(page, "End")
    assert focused(page) == "Toys & Games"
    press(page, "Home", "ArrowDown", "ArrowDown", "ArrowUp")
    assert focused(page) == "Home"
    press(page, "k")
    assert focused(page) == "Kitchen"
    press(page, "ArrowRight")
    expect(row(page, "Cookware")).to_be_visible()
    press(page, "ArrowRight")
    assert focused(page) == "Coffee & Tea"
    press(page, "ArrowLeft")
    assert focused(page) == "Kitchen"
    kitchen, cookware = row(page, "Kitchen"), row(page, "Cookware")
    expect(kitchen).to_have_attribute("aria-expanded", "true")
    expect(cookware).to_have_attribute("aria-level", "2")
    expect(cookware).to_have_attribute("aria-posinset", "2")
    expect(cookware).to_have_attribute("aria-setsize", "3")
    press(page, "ArrowLeft")
    expect(cookware).to_be_hidden()
    press(page, "Space")
    expect(cookware).to_be_visible()
    # A capital jumps where the small letter is a key of the page.
    page.wait_for_timeout(800)
    press(page, "Shift+G")
    assert focused(page) == "Garden"


def test_what_is_open_stays_open(open_page: Opened) -> None:
    page = open_page(TREE)
    start(page, "Kitchen")
    press(page, "ArrowRight")
    expect(row(page, "Cookware")).to_be_visible()
    page.wait_for_url(re.compile(r"\?expanded=\d+$"))
    page.reload()
    assert "Cookware" in names(page)
    row(page, "Cookware").locator("> .tree-row .tree-name").click()
    page.wait_for_url("**/edit/**")
    page.locator("[data-back]").click()
    page.wait_for_url(re.compile(r"\?expanded=\d+$"))
    assert "Cookware" in names(page)


def test_counts_lead_to_the_products(open_page: Opened) -> None:
    page = open_page(TREE)
    count = row(page, "Kitchen").locator("> .tree-row .tree-count")
    expect(count).to_have_class(re.compile("counted"))
    expect(row(page, "Kitchen")).to_have_accessible_name("Kitchen , 45 products")
    shown = count.locator("[aria-hidden]").inner_text()
    count.click()
    page.wait_for_url("**/product/?category_id=*")
    expect(page.locator("#count")).to_have_text(shown)


def test_a_search_opens_the_way_to_what_it_finds(open_page: Opened) -> None:
    page = open_page(TREE)
    start(page, "Kitchen")
    press(page, "ArrowRight")
    expect(row(page, "Cookware")).to_be_visible()
    press(page, "/")
    page.keyboard.type("poster")
    expect(page.locator("#tree mark")).to_have_text("Posters")
    assert names(page) == ["Paper & Books", "Prints & Posters"]
    expect(page.locator("#tree-found")).to_have_text("1 found")
    page.wait_for_url("**/?find=poster")
    # Without its neighbours nothing moves among them.
    press(page, "ArrowDown", "ArrowDown", "Alt+ArrowUp")
    expect(page.locator(".toast-note")).to_contain_text("Clear the search first")
    page.locator("#find").fill("nothing like that")
    expect(page.locator("#tree-empty")).to_be_visible()
    page.locator("#find").fill("")
    expect(row(page, "Cookware")).to_be_visible()
    expect(page.locator("#tree-panel")).to_be_visible()


# Moving.


def test_alt_and_arrows_move(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Home")
    press(page, "Alt+ArrowUp")
    expect(page.locator(".toast-note").last).to_contain_text("“Home” comes first now.")
    assert focused(page) == "Home" and names(page)[:2] == ["Home", "Garden"]
    press(page, "Alt+ArrowDown", "Alt+ArrowDown", "Alt+ArrowDown")
    expect(page.locator(".toast-note").last).to_contain_text("“Home” comes after “Paper & Books” now.")
    settled(page)
    assert tree(None) == ["Garden", "Kitchen", "Paper & Books", "Home", "Table", "Toys & Games"] == names(page)
    press(page, "Alt+ArrowRight")
    expect(page.locator(".toast-note").last).to_contain_text("“Home” moved under “Paper & Books”.")
    settled(page)
    assert "Home" in tree("Paper & Books") and focused(page) == "Home"
    expect(row(page, "Home")).to_have_attribute("aria-level", "2")
    press(page, "Alt+ArrowLeft")
    expect(page.locator(".toast-note").last).to_contain_text("“Home” moved to the top.")
    settled(page)
    assert (
        tree(None)
        == ["Garden", "Kitchen", "Paper & Books", "Home", "Table", "Toys & Games"]
        == [one for one in names(page) if one in tree(None)]
    )
    page.locator(".toast-note").last.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast-note").last).to_contain_text("Undone")
    assert "Home" in tree("Paper & Books")


def aim(page: Page, name: str, share: float) -> tuple[float, float]:
    box = row(page, name).locator("> .tree-row").bounding_box()
    assert box
    return box["x"] + 200, box["y"] + box["height"] * share


def drag(
    page: Page, name: str, target: str, share: float, *, rest: int = 0, over: Callable[[], Any] | None = None
) -> None:
    """Drag a row by its grip to a share of the height of another."""
    grip = row(page, name).locator("> .tree-row .tree-grip")
    row(page, name).locator("> .tree-row").hover()
    box = grip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 8, box["y"] + 16)
    page.mouse.down()
    page.mouse.move(box["x"] + 12, box["y"] + 24, steps=3)
    page.mouse.move(*aim(page, target, share), steps=8)
    if rest:
        page.wait_for_timeout(rest)
    if over:
        over()
    page.mouse.up()


def test_a_row_is_dragged_between_others_and_into_one(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    drag(page, "Table", "Garden", 0.1, over=lambda: expect(page.locator(".drop-before")).to_have_count(1))
    expect(page.locator(".toast-note").last).to_contain_text("“Table” comes first now.")
    settled(page)
    assert tree(None)[:2] == ["Table", "Garden"] == names(page)[:2]
    drag(page, "Table", "Home", 0.9)
    expect(page.locator(".toast-note").last).to_contain_text("“Table” comes after “Home” now.")
    drag(page, "Table", "Kitchen", 0.5, over=lambda: expect(page.locator(".drop-into")).to_have_count(1))
    expect(page.locator(".toast-note").last).to_contain_text("“Table” moved under “Kitchen”.")
    settled(page)
    assert tree("Kitchen") == ["Coffee & Tea", "Cookware", "Kitchen Tools", "Table"]
    expect(row(page, "Kitchen").locator("> .tree-row .tree-count [aria-hidden]")).to_have_text("78")
    # Into itself, or beside what lies in it: nothing happens.
    drag(page, "Kitchen", "Cookware", 0.5)
    expect(page.locator(".drop-into, .drop-before, .drop-after, .dragged")).to_have_count(0)
    assert tree(None) == ["Garden", "Home", "Kitchen", "Paper & Books", "Toys & Games"]


def test_what_is_pointed_at_opens_while_dragging(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    drag(page, "Table", "Kitchen", 0.5, rest=1200, over=lambda: expect(row(page, "Cookware")).to_be_visible())
    settled(page)
    assert "Table" in tree("Kitchen")
    # Esc leaves everything as it was.
    drag(page, "Cookware", "Garden", 0.5, over=lambda: page.keyboard.press("Escape"))
    assert "Cookware" in tree("Kitchen")


def test_the_dialog_moves_anywhere(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Table")
    press(page, "m")
    dialog = page.get_by_role("dialog", name="Move “Table”")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Move under")).to_be_focused()
    page.keyboard.type("cookw")
    dialog.get_by_role("option", name="Cookware Kitchen").click()
    assert findings(page) == []
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(page.locator(".toast-note").last).to_contain_text("“Table” moved under “Cookware”.")
    expect(dialog).to_be_hidden()
    assert "Table" in tree("Cookware")
    start(page, "Kitchen")
    press(page, "m")
    page.keyboard.type("cookw")
    dialog = page.get_by_role("dialog", name="Move “Kitchen”")
    dialog.get_by_role("option", name="Cookware Kitchen").click()
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog.locator(".error-text")).to_contain_text("lies within this category")
    press(page, "Escape")
    expect(row(page, "Kitchen")).to_be_focused()


def test_a_refusal_puts_the_row_back_with_the_servers_word(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Home")
    other = open_page(TREE)
    start(other, "Home")
    press(other, "Alt+ArrowUp")
    expect(other.locator(".toast-note").last).to_contain_text("comes first now")
    press(page, "Alt+ArrowDown")
    expect(page.locator(".toast-error")).to_contain_text("A colleague moved “Home” meanwhile.")
    expect(page.locator("#tree > li").first.locator("> .tree-row .tree-name")).to_have_text("Home")
    assert focused(page) == "Home" and tree(None)[0] == "Home"


def test_a_lost_connection_keeps_the_old_place_and_says_so(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Home")
    page.context.set_offline(True)
    press(page, "Alt+ArrowUp", "Alt+ArrowDown")
    expect(page.locator(".toast-error").last).to_contain_text("No connection: “Home” stays where it was.")
    assert names(page)[:2] == ["Garden", "Home"] and focused(page) == "Home"
    page.context.set_offline(False)
    press(page, "Alt+ArrowUp")
    expect(page.locator(".toast-note").last).to_contain_text("comes first now")
    assert tree(None)[0] == "Home"


def test_a_late_server_is_waited_for(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)

    def late(route: Route) -> None:
        page.wait_for_timeout(3500)
        route.continue_()

    page.route("**/move/", late)
    start(page, "Home")
    press(page, "Alt+ArrowUp")
    assert names(page)[0] == "Home", "the row moves at once"
    expect(row(page, "Home")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#tree-said")).to_have_text("The server takes its time. “Home” is still being moved.")
    expect(page.locator(".toast-note").last).to_contain_text("comes first now")
    settled(page)
    assert tree(None)[0] == "Home"


# Names.


def test_a_name_is_changed_in_place(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Table")
    press(page, "F2")
    field = page.get_by_label("Name of Table in English")
    expect(field).to_be_focused()
    press(page, "Escape")
    expect(row(page, "Table")).to_be_focused()
    press(page, "e")
    field.fill("Kitchen")
    press(page, "Enter")
    expect(page.get_by_role("alert").filter(has_text="stands here already")).to_be_visible()
    field.fill("Dining")
    press(page, "Enter")
    expect(page.locator(".toast-note").last).to_contain_text("Renamed to “Dining”.")
    expect(row(page, "Dining")).to_be_focused()
    assert "Dining" in tree(None)


def test_a_name_is_changed_in_the_readers_language(
    open_page: Opened, tree: Callable[..., list[str]], behind: Flask
) -> None:
    page = open_page(TREE, locale="de")
    start(page, "Küche")
    press(page, "F2")
    page.locator(".tree-input input").fill("Die Küche")
    press(page, "Enter")
    expect(row(page, "Die Küche").locator("> .tree-row .tree-source")).to_have_text("Kitchen")
    with behind.app_context():
        texts = db.session.scalar(select(Category.name_i18n).where(Category.name == "Kitchen"))
    assert texts and texts["de"] == "Die Küche"


# Deleting, menus, and without a script.


def test_a_full_category_is_emptied_from_its_menu(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE)
    start(page, "Kitchen")
    press(page, "ArrowRight")
    expect(row(page, "Cookware")).to_be_visible()
    row(page, "Cookware").get_by_label("More for Cookware").click()
    row(page, "Cookware").get_by_role("button", name="Move to the trash").click()
    page.wait_for_url("**/rehome/**")
    expect(page.get_by_role("heading", name="Delete “Cookware”?")).to_be_visible()
    expect(page.locator(".plain-list")).to_contain_text("3 subcategories")
    expect(page.locator("#f-parent_id")).to_have_value("Kitchen")
    assert findings(page) == []
    page.get_by_role("button", name="Move them and delete").click()
    expect(page.locator(".toast-note")).to_contain_text("“Cookware” is in the trash, and what it held has moved.")
    assert "Pans" in tree("Kitchen") and "Cookware" not in tree("Kitchen")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast-note").last).to_contain_text("Undone")
    assert "Pans" in tree("Cookware")


def test_the_menu_of_a_row_moves_too(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE, viewport=PHONE, has_touch=True, is_mobile=True)
    row(page, "Home").get_by_label("More for Home").tap()
    row(page, "Home").get_by_role("button", name="Move up").tap()
    expect(page.locator(".toast-note").last).to_contain_text("“Home” comes first now.")
    assert tree(None)[0] == "Home"
    row(page, "Home").get_by_label("More for Home").tap()
    row(page, "Home").get_by_role("link", name="Add subcategory").tap()
    page.wait_for_url("**/new/?parent_id=*")
    expect(page.locator("[name='parent_id.text']")).to_have_value("Home")


def test_the_tree_works_without_a_script(open_page: Opened, tree: Callable[..., list[str]]) -> None:
    page = open_page(TREE, java_script_enabled=False)
    page.get_by_role("link", name="Open Kitchen").click()
    page.get_by_role("link", name="Open Cookware").click()
    assert "Pans" in names(page)
    page.get_by_role("link", name="Close Kitchen").click()
    assert "Cookware" not in names(page)
    page.locator("#find").fill("posters")
    page.locator("#find").press("Enter")
    assert names(page) == ["Paper & Books", "Prints & Posters"]
    page.locator("#tree li li > .tree-row").get_by_role("link", name="Move…").click()
    page.locator("#f-parent_id").fill("Kitchen Tools")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.locator(".toast-note")).to_contain_text("“Prints & Posters” moved under “Kitchen Tools”.")
    assert "Prints & Posters" in tree("Kitchen Tools")
    page.goto(TREE)
    row(page, "Table").locator("> .tree-row").get_by_role("link", name="Move…").click()
    page.get_by_role("button", name="Move up").click()
    expect(page.locator(".toast-note")).to_contain_text("“Table” comes after")
    assert tree(None).index("Table") == 3


@pytest.mark.parametrize("look", LOOKS)
def test_nobody_is_kept_out(open_page: Opened, look: str) -> None:
    page = open_page(TREE, **LOOKS[look])
    expect(page.locator(".tree-count.counted")).to_have_count(6)
    page.locator("#tree > li").nth(2).focus()
    # Towards the end of the line, which is the left where one reads from right to left.
    press(page, "ArrowLeft" if LOOKS[look]["locale"] == "ar" else "ArrowRight")
    expect(page.locator("#tree [aria-level='2']")).to_have_count(3)
    assert findings(page) == []
    page.locator("#tree > li").nth(1).locator("summary").click()
    expect(page.locator("#tree .menu-body")).to_be_visible()
    assert findings(page) == []
    press(page, "Escape")
    press(page, "F2")
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]
    page.goto(f"{TREE}?find=po")
    expect(page.locator("#tree mark").first).to_be_visible()
    assert findings(page) == []


# Names that mean something to machines.


@pytest.mark.parametrize("name", ["$& $1 $$ %n", "<img src=x onerror=document.title='x'>"])
def test_names_stay_names_in_scripts(
    open_page: Opened, tree: Callable[..., list[str]], behind: Flask, house: Actor, name: str
) -> None:
    with behind.app_context(), writes.unit(house, "Names") as unit:
        unit.session.scalars(select(Category).where(Category.name == "Kitchen")).one().name = name
    with behind.app_context():
        stored = db.session.scalars(select(Category.name).where(Category.name.like(f"{name[:2]}%"))).one()
    page = open_page(TREE)
    expect(page.get_by_role("treeitem", name=stored).first).to_be_visible()
    assert page.locator(f'summary[aria-label="More for {stored}"]').count() == 1
    page.locator("#tree > li", has_text=stored[:4]).first.focus()
    page.keyboard.press("F2")
    page.locator(".tree-input input").fill(f"{stored}!")
    page.keyboard.press("Enter")
    expect(page.locator(".toast-note").last).to_contain_text(f"Renamed to “{stored}!”.")
    assert page.locator("#tree img").count() == 0 and page.title() != "x"
