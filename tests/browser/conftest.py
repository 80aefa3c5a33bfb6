"""A real browser on a real server: Debian's Chromium, a process of our own over a fresh SQLite database with the demo.

Without Chromium the tests are skipped by name, or fail where CI or REQUIRE_SERVICES says that it must be there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from backoffice.app import create_app
from backoffice.extensions import db
from tests.conftest import REQUIRED, settings_for
from tests.scene import PASSWORD, fill
from tests.server import Server

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 812}

#: Whether pages are looked at in all eight looks, instead of four.
EVERY_LOOK = bool(os.environ.get("EVERY_LOOK"))

#: Theme, language and screen by name, as options of a page: each with each other once, or all where that is asked for.
LOOKS: dict[str, Any] = {
    f"{scheme}-{locale}-{size}": {"color_scheme": scheme, "locale": locale, "viewport": viewport}
    for at, (size, viewport) in enumerate((("desktop", DESKTOP), ("phone", PHONE)))
    for scheme in ("light", "dark")
    for locale in ("en", "ar")
    if EVERY_LOOK or (at + (scheme == "dark") + (locale == "ar")) % 2 == 0
}

#: Longest wait for anything, in milliseconds: a busy machine is slow, a broken page is for ever.
PATIENCE = 15_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the browser."""
    if not Path(CHROMIUM).exists():
        message = f"Chromium is not at {CHROMIUM}; install it (apt-get install chromium) to run these tests"
        if REQUIRED:
            pytest.fail(message)
        pytest.skip(message)
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the server of this module keeps its database, `site.db`."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(sqlite_template: Path, site_folder: Path) -> Iterator[str]:
    """Return the address of a server of this module's own, with the demo catalogue and a person of each role."""
    with served(sqlite_template, site_folder) as address:
        yield address


@pytest.fixture(scope="module")
def behind(site: str, site_folder: Path) -> Iterator[Flask]:
    """Return an application over the database that is served, to look and to change behind the back of a page."""
    app = create_app(settings_for(f"sqlite:///{site_folder / 'site.db'}", site_folder))
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def served(template: Path, folder: Path, worked: bool = False) -> Iterator[str]:
    """Serve a house of its own in `folder`, `site.db`, from a migrated SQLite file; `worked` as of `fill`."""
    url = f"sqlite:///{folder / 'site.db'}"
    shutil.copy(template, folder / "site.db")
    fill(url, folder, worked)
    server = Server(url, folder, "testing")
    try:
        server.wait()
        yield server.address
    finally:
        server.stop()


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, site: str) -> Callable[[str], Any]:
    """Return what gives the cookies of a person, who signs in once for the whole module."""
    return cookies_on(chromium, site)


def cookies_on(chromium: Browser, site: str) -> Callable[[str], Any]:
    """Return what gives the cookies of a person on the server `site`, who signs in once."""
    known: dict[str, Any] = {}

    def cookies(who: str) -> Any:
        if who not in known:
            context = chromium.new_context(base_url=site, locale="en")
            page = context.new_page()
            page.goto("/login")
            page.get_by_label("E-mail address").fill(f"{who}@example.org")
            page.locator("#password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/admin/")
            known[who] = context.storage_state()
            context.close()
        return known[who]

    return cookies


@pytest.fixture
def open_page(chromium: Browser, site: str, signed_in: Callable[[str], Any]) -> Iterator[Callable[..., Page]]:
    """Return what opens a page as a person, nobody with None; at the end none may have had an error in its console."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(path: str = "/admin/", who: str | None = "administrator", **options: Any) -> Page:
        options = {"viewport": DESKTOP, "locale": "en", "reduced_motion": "reduce"} | options
        context = chromium.new_context(base_url=site, storage_state=signed_in(who) if who else None, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            # What a test held back may still be on its way.
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    # A refused request is logged by the browser too; what a policy or a script broke is no such line.
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """Return the dashboard of an administrator."""
    return open_page()


def findings(page: Page, *without: str) -> list[str]:
    """Return what axe finds on the page as it stands, but for the rules `without`."""
    rules = {rule: {"enabled": False} for rule in without}
    response = Axe().run(page, options={"rules": rules}).response
    return [f"{one['id']}: {node['html'][:200]}" for one in response["violations"] for node in one["nodes"]]
