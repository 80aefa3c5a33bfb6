"""A phone's network and a server that is late or gone: no text is lost, nothing is done twice, and a word says so."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select

from backoffice.extensions import db
from backoffice.models.history import ChangeSet

from .conftest import PHONE

Opened = Callable[..., Page]


def sets(behind: Flask) -> int:
    """Return how many change sets there are."""
    with behind.app_context():
        count = db.session.scalar(select(func.count()).select_from(ChangeSet)) or 0
        db.session.remove()
    return count


#: Keeps what toasts say for the page after this one: nobody can be asked while a browser waits for its next page.
LISTEN = """new MutationObserver(() => sessionStorage.setItem("said", document.querySelector(".toasts").textContent))
    .observe(document.querySelector(".toasts"), { childList: true })"""


def test_a_deed_that_is_late_is_asked_once_and_said(open_page: Opened, behind: Flask) -> None:
    page = open_page("/admin/product/?status=draft", viewport=PHONE, has_touch=True)
    asked: list[str] = []

    def late(route: Route) -> None:
        asked.append(route.request.url)
        time.sleep(3)
        route.continue_()

    page.route("**/admin/product/action/", late)
    page.locator("#rows tbody tr").first.get_by_role("checkbox").check()
    before = sets(behind)
    page.evaluate(LISTEN)
    page.get_by_role("button", name="Publish", exact=True).evaluate("one => { one.click(); one.click(); one.click(); }")
    expect(page.locator(".toasts")).to_contain_text("1 product published", timeout=15_000)
    assert "The server takes its time. It was asked once." in page.evaluate("sessionStorage.getItem('said')")
    assert len(asked) == 1 and sets(behind) == before + 1


def test_without_a_connection_nothing_is_sent_and_the_ticks_stay(open_page: Opened, behind: Flask) -> None:
    page = open_page("/admin/product/?status=draft")
    page.locator("#rows tbody tr").first.get_by_role("checkbox").check()
    before = sets(behind)
    page.context.set_offline(True)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("No connection: nothing was sent.")
    expect(page.locator(".bulk-bar")).to_contain_text("1 selected")
    assert sets(behind) == before
    page.context.set_offline(False)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("1 product published")
    assert sets(behind) == before + 1


@pytest.mark.parametrize("path", ["/admin/", "/admin/product/", "/admin/product/edit/?id=9", "/admin/history/"])
def test_a_slow_phone_shows_a_page_that_can_be_used(open_page: Opened, path: str) -> None:
    page = open_page("/login", None, viewport=PHONE, has_touch=True)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    # What browsers call slow 3G.
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.get_by_label("E-mail address").fill("administrator@example.org")
    page.locator("#password").fill("seventeen blue teapots")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/", timeout=60_000, wait_until="commit")
    page.goto(path, wait_until="domcontentloaded", timeout=60_000)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    loaded = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter((one) => one.name.endsWith('.js') && !/ckeditor/.test(one.name))"
        ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
    )
    assert loaded < 300_000
