"""Every screen in every theme, language and width: no finding of axe, and nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.scene import keys_of
from tests.screens import SCREENS, Screen

from .conftest import DESKTOP, EVERY_LOOK, PHONE, cookies_on, findings, served

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def worked(sqlite_template: Path, site_folder: Path) -> Iterator[str]:
    """Return the address of a house in which people have worked."""
    with served(sqlite_template, site_folder, worked=True) as address:
        yield address


@pytest.fixture(scope="module")
def keys(worked: str, site_folder: Path) -> dict[str, int]:
    """Return the records that addresses name."""
    return keys_of(f"sqlite:///{site_folder / 'site.db'}", site_folder)


@pytest.fixture(scope="module")
def pages(chromium: Browser, worked: str) -> Iterator[dict[tuple[str | None, str], Page]]:
    """Return a page for each person and language."""
    cookies = cookies_on(chromium, worked)
    opened: dict[tuple[str | None, str], Page] = {}
    for who in {screen.who for screen in SCREENS}:
        for language in ("en", "ar"):
            state = cookies(who) if who else None
            context = chromium.new_context(
                base_url=worked, storage_state=state, locale=language, reduced_motion="reduce", viewport=DESKTOP
            )
            context.add_cookies([{"name": "language", "value": language, "url": worked}])
            opened[who, language] = context.new_page()
    yield opened
    for page in opened.values():
        page.context.close()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_everyone_can_use_it(
    pages: dict[tuple[str | None, str], Page], keys: dict[str, int], screen: Screen, language: str
) -> None:
    page, problems = pages[screen.who, language], []
    page.set_viewport_size(DESKTOP)
    page.goto(screen.address(keys))
    for place, size in enumerate((DESKTOP, PHONE)):
        page.set_viewport_size(size)
        # Each language has each theme and each width once; all of them together where that is asked for.
        for scheme in SCHEMES if EVERY_LOOK else [SCHEMES[place ^ (language == "ar")]]:
            page.emulate_media(color_scheme=scheme)
            look = f"{size['width']} {scheme}"
            problems += [f"{look}: {found}" for found in findings(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append(f"{size['width']}: wider than the window")
    assert not problems, "\n".join(problems)
