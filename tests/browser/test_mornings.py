"""A morning of the manager and one of the administrator, from signing in on: by mouse, and by keys alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.product import Product
from tests.scene import PASSWORD

#: Presses of Tab after which something cannot be reached: no page has as many stops.
STOPS = 250


class Mouse:
    """Whoever points and clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        """Press a link or a button, or tick a box."""
        target.click()

    def write(self, target: Locator, text: str) -> None:
        """Replace what stands in a field."""
        target.fill(text)


class Keys(Mouse):
    """Whoever has no mouse: Tab until it is there, and never a click."""

    def reach(self, target: Locator) -> None:
        """Go to `target` by Tab."""
        expect(target).to_be_visible()
        for _stop in range(STOPS):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{target} cannot be reached by Tab")

    def press(self, target: Locator) -> None:
        self.reach(target)
        box = target.evaluate("one => one.matches('input[type=checkbox], input[type=radio]')")
        self.page.keyboard.press("Space" if box else "Enter")

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)


@pytest.fixture(params=[Mouse, Keys], ids=["mouse", "keys"])
def hand(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Mouse:
    """Return a person who has not signed in."""
    made: Mouse = request.param(open_page("/login", None))
    return made


def sign_in(hand: Mouse, email: str, password: str = PASSWORD) -> None:
    """Sign in on the page that asks for it."""
    hand.write(hand.page.get_by_label("E-mail address"), email)
    hand.write(hand.page.locator("#password"), password)
    hand.press(hand.page.get_by_role("button", name="Sign in"))
    hand.page.wait_for_url("**/admin/")


def name_of(behind: Flask, key: int) -> str:
    """Return the name of a product as it is stored."""
    with behind.app_context():
        name = db.session.scalars(select(Product.name).where(Product.id == key)).one()
        db.session.remove()
    return name


def rename(behind: Flask, key: int, name: str) -> None:
    """Rename a product as a colleague does."""
    with behind.app_context(), writes.unit(policy.system("a colleague"), "Behind") as unit:
        unit.get(Product, key).name = name


def state_of(behind: Flask, *keys: int) -> list[tuple[str, bool]]:
    """Return status and whether it is in the trash of products."""
    with behind.app_context():
        wanted = select(Product.status, Product.trashed_at).where(Product.id.in_(keys)).order_by(Product.id)
        found = [(status, bool(trashed)) for status, trashed in db.session.execute(wanted)]
        db.session.remove()
    return found


def test_the_morning_of_the_manager(hand: Mouse, behind: Flask) -> None:
    page = hand.page
    sign_in(hand, "catalogue-manager@example.org")

    # Find one.
    hand.press(page.locator("#navigation").get_by_role("link", name="Products"))
    hand.write(page.locator("#q"), "copper saute pan")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(1)
    key = int(rows.get_attribute("data-id") or "")
    hand.press(rows.get_by_role("link").first)
    page.wait_for_url("**/edit/?id=*")

    # Edit it, while a colleague does.
    before, mine, theirs = name_of(behind, key), f"{page.url[-3:]} of mine", "A name of theirs"
    rename(behind, key, theirs)
    hand.write(page.locator("#f-name"), mine)
    hand.press(page.locator("[data-save]"))
    conflict = page.locator("#conflicts")
    expect(conflict).to_contain_text(theirs)
    assert name_of(behind, key) == theirs
    expect(conflict.get_by_role("radio", name="Keep mine")).to_be_checked()
    hand.press(page.locator("[data-save]"))
    toast = page.locator(".toasts")
    expect(toast).to_contain_text("saved")
    assert name_of(behind, key) == mine

    # Take it back.
    hand.press(toast.get_by_role("button", name="Undo").first)
    expect(toast).to_contain_text("Undone")
    assert name_of(behind, key) == theirs
    rename(behind, key, before)

    # Many at once.
    page.goto("/admin/product/?status=draft&sort=sku")
    ticked = [int(rows.nth(number).get_attribute("data-id") or "") for number in range(3)]
    for number in range(3):
        hand.press(rows.nth(number).get_by_role("checkbox"))
    bar = page.locator(".bulk-bar")
    expect(bar).to_contain_text("3 selected")
    hand.press(bar.get_by_role("button", name="Archive", exact=True))
    expect(toast).to_contain_text("3 products archived")
    assert state_of(behind, *ticked) == [("archived", False)] * 3

    # Into the trash and out of it.
    page.goto("/admin/product/?status=archived&sort=sku")
    row = page.locator(f"#rows tr[data-id='{ticked[0]}']")
    hand.press(row.get_by_role("checkbox"))
    hand.press(bar.get_by_role("button", name="Move to the trash", exact=True))
    expect(row).to_have_count(0)
    assert state_of(behind, ticked[0]) == [("archived", True)]
    hand.press(page.get_by_role("link", name="Trash", exact=True))
    hand.press(row.get_by_role("checkbox"))
    hand.press(bar.get_by_role("button", name="Restore", exact=True))
    expect(row).to_have_count(0)
    assert state_of(behind, ticked[0]) == [("archived", False)]


def test_the_morning_of_the_administrator(hand: Mouse, behind: Flask) -> None:
    page, email = hand.page, f"buyer-{type(hand).__name__.lower()}@example.org"
    sign_in(hand, "administrator@example.org")
    side, toast = page.locator("#navigation"), page.locator(".toasts")

    # Somebody new.
    hand.press(side.get_by_role("link", name="Users"))
    hand.press(page.get_by_role("link", name="Add user"))
    hand.write(page.locator("#f-email"), email)
    hand.press(page.get_by_role("checkbox", name="Viewer"))
    hand.press(page.locator("[data-save]"))
    expect(toast).to_contain_text(f"“{email}” saved.")

    # What they may.
    hand.press(side.get_by_role("link", name="Roles"))
    hand.press(page.locator("#rows").get_by_role("link", name="Viewer"))
    box = page.locator("input[name=grants][value='brand:update']")
    hand.press(box)
    expect(page.get_by_text("“Viewer” may now change brands.")).to_be_visible()
    hand.press(page.locator("[data-save]"))
    expect(toast).to_contain_text("saved")
    hand.press(toast.get_by_role("button", name="Undo").first)
    expect(toast).to_contain_text("Undone")
    expect(box).not_to_be_checked()

    # A password for them.
    hand.press(side.get_by_role("link", name="Users"))
    hand.write(page.locator("#q"), email)
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    hand.press(page.locator("#rows").get_by_role("link", name=email))
    hand.write(page.get_by_label("New password", exact=True), "seven green teapots")
    hand.write(page.get_by_label("New password again"), "seven grey teapots")
    hand.press(page.locator("[data-save]"))
    expect(page.locator("#problems")).to_contain_text("The two passwords differ.")
    hand.write(page.get_by_label("New password again"), "seven green teapots")
    hand.press(page.locator("[data-save]"))
    expect(toast).to_contain_text("saved")

    # They come in, and see no more than they may.
    hand.press(page.locator("summary[aria-label^='Your account']"))
    hand.press(page.get_by_role("button", name="Sign out"))
    page.wait_for_url("**/login**")
    sign_in(hand, email, "seven green teapots")
    expect(side.get_by_role("link", name="Users")).to_have_count(0)
