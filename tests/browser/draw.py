"""Draw every screen: `make screenshots`, or `python -m tests.browser.draw FOLDER [NAME…]`.

Each screen is drawn light and dark, in English and Arabic, at 1440 and at 375 pixels, and so are states that need a
hand: the palette, ticked rows, a form to correct, a conflict. NAME draws only the screens whose name holds it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.conftest import migrated
from tests.scene import keys_of
from tests.screens import SCREENS, Screen

from .conftest import DESKTOP, PHONE, cookies_on, launched, served

Act = Callable[[Page], None]

LOOKS = {
    "1440-light": ("light", "en", DESKTOP),
    "1440-dark": ("dark", "en", DESKTOP),
    "1440-arabic": ("light", "ar", DESKTOP),
    "375-light": ("light", "en", PHONE),
    "375-dark": ("dark", "en", PHONE),
    "375-arabic": ("light", "ar", PHONE),
}


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#palette-text").fill("pan")
    page.locator("#palette [role=option]", has_text="KT-").first.wait_for()


def _keys(page: Page) -> None:
    page.keyboard.press("?")


def _ticked(page: Page) -> None:
    for number in range(3):
        page.locator("#rows tbody tr").nth(number).locator("input[type=checkbox]").check()


def _chip(page: Page) -> None:
    page.locator("#add-filter summary").click()
    page.locator("#add-filter a").nth(2).click()
    page.locator("[data-chip][open]").wait_for()


def _unfold(page: Page) -> None:
    """Open what a phone folds."""
    folded = page.locator(".fold[aria-expanded=false]:visible")
    while folded.count():
        folded.first.click()


def _changed(page: Page) -> None:
    _unfold(page)
    page.locator("#f-name").fill("A better name")
    page.locator("#f-name").blur()


def _wrong(page: Page) -> None:
    _unfold(page)
    page.locator("#f-name").fill("")
    page.locator("#f-gtin").fill("4006381333932")
    page.locator("[data-save]").first.click()
    page.locator("#problems").wait_for()


def _conflict(page: Page) -> None:
    page.locator("input[name=version]").first.evaluate("(field) => { field.value = 1; }")
    _unfold(page)
    page.locator("#f-price").fill("19.90")
    page.locator("[data-save]").first.click()
    page.locator("#problems, .conflict").first.wait_for()


def _rights(page: Page) -> None:
    page.locator("[data-line=product] [data-verb=delete]").check()
    page.locator("[data-line=tag] [data-verb=read]").uncheck()
    page.locator("[data-part=effects] li").first.wait_for()


#: States that need a hand: their screen, and what is done on it.
STATES: dict[str, tuple[str, Act]] = {
    "palette": ("dashboard", _palette),
    "keys": ("products", _keys),
    "products ticked": ("products", _ticked),
    "a filter being chosen": ("products", _chip),
    "product changed": ("product", _changed),
    "product to correct": ("product", _wrong),
    "product in conflict": ("product", _conflict),
    "role changed": ("role", _rights),
}


#: Every screen and state by name: the screen, and what is done on it.
ALL: dict[str, tuple[Screen, Act | None]] = {screen.name: (screen, None) for screen in SCREENS}
ALL |= {name: (ALL[on][0], act) for name, (on, act) in STATES.items()}


def draw(folder: Path, wanted: Mapping[str, Iterable[str]], whole: bool = True) -> int:
    """Draw screens or states, each in the looks that `wanted` names, into `folder`; return how many.

    `whole` draws a page from top to bottom where no hand is needed, otherwise what a window shows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = 0
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        template = place / "template.db"
        migrated(f"sqlite:///{template}", place)
        with launched() as browser, served(template, place, worked=True) as site:
            keys = keys_of(f"sqlite:///{place / 'site.db'}", place)
            cookies = cookies_on(browser, site)
            for name, looks in wanted.items():
                screen, act = ALL[name]
                for look in looks:
                    page = _opened(browser, site, cookies(screen.who) if screen.who else None, look)
                    page.goto(screen.address(keys), wait_until="networkidle")
                    if act:
                        act(page)
                    page.screenshot(path=str(folder / file_of(name, look)), full_page=whole and act is None)
                    page.context.close()
                    drawn += 1
    return drawn


def file_of(name: str, look: str) -> str:
    """Return the name of the picture of a screen or state in one of its looks."""
    return re.sub(r"[^a-z0-9]+", "-", name) + f"-{look}.png"


def _opened(browser: Browser, site: str, state: object, look: str) -> Page:
    scheme, language, size = LOOKS[look]
    context = browser.new_context(
        base_url=site,
        storage_state=state,  # type: ignore[arg-type]
        viewport=size,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=language,
        reduced_motion="reduce",
        has_touch=size == PHONE,
    )
    context.add_cookies([{"name": "language", "value": language, "url": site}])
    return context.new_page()


if __name__ == "__main__":
    target, parts = Path(sys.argv[1]), sys.argv[2:]
    names = [name for name in ALL if not parts or any(part in name for part in parts)]
    sys.stdout.write(f"{draw(target, dict.fromkeys(names, LOOKS))} pictures in {target}\n")
