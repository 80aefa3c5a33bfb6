"""Roles in a browser: the matrix by keyboard alone, what a change says, and what a new role starts from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts
from tests.scene import PASSWORD

from .conftest import LOOKS, findings

Opened = Callable[..., Page]

HOUSE = policy.system("tests")

#: Grants of a role that each test has for itself.
GRANTS = ["product:read", "product:update", "tag:read", "history:read"]


@pytest.fixture
def role(behind: Flask, request: pytest.FixtureRequest) -> int:
    """Return a role that no other test changes, held by one person."""
    name = f"r{abs(hash(request.node.name)) % 10**8}"
    with behind.app_context():
        with writes.unit(HOUSE, "Role") as unit:
            made = unit.add(Role(key=name, name="Taggers", grants=list(GRANTS)))
            unit.session.add(User(email=f"{name}@example.org", name="The buyer", roles=[made]))
            unit.session.flush()
            key = made.id
        db.session.remove()
    return key


def stored(behind: Flask, key: int) -> set[str]:
    with behind.app_context():
        grants = set(db.session.get_one(Role, key).grants)
        db.session.remove()
        return grants


def edit(key: int) -> str:
    return f"/admin/role/edit/?id={key}"


def box(page: Page, line: str, verb: str) -> Locator:
    return page.locator(f"[data-line={line}] [data-verb={verb}]")


def told(page: Page) -> Locator:
    return page.locator("[data-part=effects]")


def focused(page: Page) -> str:
    found: str = page.evaluate(
        "document.activeElement.value || document.activeElement.getAttribute('aria-label') || ''"
    )
    return found


def test_the_matrix_is_walked_and_ticked_by_keyboard_alone(page: Page, behind: Flask, role: int) -> None:
    page.goto(edit(role))
    page.locator(".everything input").focus()
    # Past the headings of the columns and of the first line.
    for expected in ("Create: everywhere", "Read: everywhere", "Update: everywhere", "Delete: everywhere",
                     "Products: all rights", "product:create"):  # fmt: skip
        page.keyboard.press("Tab")
        assert focused(page) == expected
    for key, expected in (
        ("ArrowRight", "product:read"),
        ("ArrowDown", "category:read"),
        ("ArrowLeft", "category:create"),
        ("ArrowUp", "product:create"),
        ("ArrowLeft", "product:create"),
        ("ArrowDown", "category:create"),
        ("ArrowRight", "category:read"),
        ("ArrowRight", "category:update"),
    ):
        page.keyboard.press(key)
        assert focused(page) == expected
    page.keyboard.press("Space")
    expect(box(page, "category", "read")).to_be_checked()
    expect(told(page)).to_contain_text("“Taggers” may now see categories.")
    expect(told(page)).to_contain_text("“Taggers” may now change categories.")
    expect(told(page)).to_contain_text("Gains for 1 person: The buyer.")
    assert stored(behind, role) == set(GRANTS)
    page.keyboard.press("Control+s")
    expect(page.locator(".save-bar")).to_be_hidden()
    assert stored(behind, role) == {*GRANTS, "category:read", "category:update"}
    expect(told(page)).to_be_empty()
    assert focused(page) == "category:update"
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    page.wait_for_load_state()
    expect(page.locator(".toasts")).to_contain_text("Undone")
    assert stored(behind, role) == set(GRANTS)


def test_headings_tick_and_clear_their_boxes(page: Page, role: int) -> None:
    page.goto(edit(role))
    line = page.get_by_role("button", name="Tags: all rights")
    column = page.get_by_role("button", name="Update: everywhere")
    expect(line).to_have_attribute("aria-pressed", "mixed")
    expect(column).to_have_attribute("aria-pressed", "mixed")
    line.focus()
    page.keyboard.press("Space")
    expect(line).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-line=tag] :checked")).to_have_count(6)
    expect(told(page)).to_contain_text("“Taggers” may now delete tags.")
    page.keyboard.press("Space")
    expect(line).to_have_attribute("aria-pressed", "false")
    expect(told(page)).to_contain_text("“Taggers” may no longer see tags.")
    expect(told(page)).to_contain_text("Losses for 1 person: The buyer.")
    column.focus()
    page.keyboard.press("Enter")
    expect(column).to_have_attribute("aria-pressed", "true")
    expect(box(page, "house", "read")).to_be_checked()
    page.locator("[data-discard]").click()
    expect(told(page)).to_be_empty()
    expect(line).to_have_attribute("aria-pressed", "mixed")
    page.get_by_role("button", name="Undo").click()
    expect(column).to_have_attribute("aria-pressed", "true")
    expect(told(page)).to_contain_text("“Taggers” may now change")


def test_what_is_not_seen_is_not_changed(page: Page, role: int) -> None:
    page.goto(edit(role))
    box(page, "user", "delete").check()
    expect(box(page, "user", "read")).to_be_checked()
    box(page, "product", "read").uncheck()
    expect(box(page, "product", "update")).not_to_be_checked()
    box(page, "product", "publish").check()
    expect(box(page, "product", "read")).not_to_be_checked()


def test_what_came_back_to_where_it_was_says_nothing(page: Page, role: int) -> None:
    page.goto(edit(role))
    box(page, "tag", "export").check()
    expect(told(page)).to_contain_text("may now export tags")
    box(page, "tag", "export").uncheck()
    expect(told(page)).to_be_empty()
    expect(page.locator(".save-bar")).to_be_hidden()


def test_a_preview_that_fails_says_so_and_saving_works(page: Page, behind: Flask, role: int) -> None:
    page.goto(edit(role))
    page.route("**/effects/**", lambda route: route.abort())
    box(page, "tag", "export").check()
    expect(told(page)).to_contain_text("It can be saved all the same")
    page.locator("[data-save]").click()
    expect(page.locator(".save-bar")).to_be_hidden()
    assert "tag:export" in stored(behind, role)


def test_everything_stands_for_the_matrix(page: Page, role: int) -> None:
    page.goto(edit(role))
    expect(page.get_by_role("table", name="Rights")).to_be_visible()
    page.locator(".everything input").check()
    expect(page.get_by_role("table", name="Rights")).to_be_hidden()
    expect(told(page)).to_contain_text("may now do everything")


def test_a_new_role_starts_from_a_preset_at_once(page: Page, behind: Flask, role: int) -> None:
    page.goto("/admin/role/new/")
    page.get_by_label("Name", exact=False).first.fill("Interns")
    page.locator("#starts").select_option("preset:viewer")
    expect(box(page, "brand", "read")).to_be_checked()
    expect(box(page, "brand", "update")).not_to_be_checked()
    expect(page.locator("#f-name")).to_have_value("Interns")
    expect(told(page)).to_contain_text("“Interns” may now see")
    page.locator("#starts").select_option(f"copy:{role}")
    expect(box(page, "product", "update")).to_be_checked()
    expect(box(page, "brand", "read")).not_to_be_checked()
    page.locator("#f-key").fill(f"interns-{role}")
    page.locator("[data-save]").click()
    page.wait_for_url("**/edit/?id=*")
    assert stored(behind, int(page.url.partition("id=")[2].partition("&")[0])) == set(GRANTS)


def test_limits_are_told_too(page: Page, role: int) -> None:
    page.goto(edit(role))
    search = page.locator("[data-field=hidden_fields] .lookup-box input")
    search.click()
    search.press_sequentially("products: co")
    page.locator("[role=option]", has_text="Cost").click()
    expect(told(page)).to_contain_text("“Taggers” no longer sees Cost (Products).")
    expect(page.locator("[data-save-said]")).to_contain_text("hidden fields")


def test_roles_of_a_person_are_told(page: Page) -> None:
    page.goto("/admin/user/")
    page.get_by_role("link", name="viewer@example.org").click()
    page.locator("[data-field=roles] label", has_text="Editor").locator("input").check()
    expect(told(page)).to_contain_text("viewer@example.org may now change brands, categories, products, and tags.")
    expect(told(page)).to_contain_text("Rights afterwards: CRU– Brands, Categories, Products, and Tags")
    page.locator("[data-discard]").click()
    expect(told(page)).to_be_empty()


def test_it_works_without_script(open_page: Opened, behind: Flask, role: int) -> None:
    page = open_page(edit(role), java_script_enabled=False)
    expect(page.locator("[data-toggle-row]").first).to_be_hidden()
    expect(page.get_by_role("columnheader", name="Create")).to_be_visible()
    box(page, "tag", "update").check()
    page.get_by_role("button", name="Preview").click()
    expect(told(page)).to_contain_text("“Taggers” may now change tags.")
    expect(told(page)).to_contain_text("Gains for 1 person: The buyer.")
    expect(box(page, "tag", "update")).to_be_checked()
    assert stored(behind, role) == set(GRANTS)
    page.locator("[data-save]").click()
    page.wait_for_url("**/edit/?id=*")
    assert stored(behind, role) == {*GRANTS, "tag:update"}
    page.goto("/admin/role/new/")
    page.locator("#starts").select_option("preset:editor")
    page.get_by_role("button", name="Start from this").click()
    expect(box(page, "product", "update")).to_be_checked()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(open_page: Opened, role: int, look: str) -> None:
    page = open_page(edit(role), **LOOKS[look])
    box(page, "product", "delete").check()
    box(page, "tag", "read").uncheck()
    expect(told(page).locator("li")).to_have_count(2)
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/admin/role/new/")
    page.locator("#starts").select_option("preset:editor")
    expect(told(page).locator("li").first).to_be_visible()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")


def test_arrows_follow_the_direction_of_the_page(open_page: Opened, role: int) -> None:
    page = open_page(edit(role), locale="ar")
    box(page, "product", "read").focus()
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "product:update"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "product:read"


def test_what_one_does_not_hold_is_passed_over(open_page: Opened, behind: Flask, role: int) -> None:
    grants = ["product:read", "product:update", "product:export", "role:read", "role:update"]
    with behind.app_context():
        with writes.unit(HOUSE, "Keeper") as unit:
            keeper = unit.add(Role(key="keeper", name="Keeper of roles", grants=grants))
            unit.session.flush()
            accounts.create_user(unit, "keeper@example.org", [keeper], password=PASSWORD)
        db.session.remove()
    page = open_page(edit(role), "keeper")
    expect(page.get_by_text("You do not hold yourself: create, delete, import, and publish.")).to_be_visible()
    box(page, "product", "update").focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == "product:export"
    line = page.get_by_role("button", name="Products: all rights")
    line.click()
    expect(page.locator("[data-line=product] :checked")).to_have_count(3)
    expect(page.get_by_role("button", name="Users: all rights")).to_be_disabled()
    assert findings(page) == []
