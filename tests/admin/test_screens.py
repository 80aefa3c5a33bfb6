"""Every screen as the server sends it: HTML without an error, and no text that translators never saw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import pytz
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from flask import Flask
from flask_babel import get_domain
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.user import User
from backoffice.web.people import SignedIn
from tests.conftest import REQUIRED, FreshClient, fresh_database, settings_for
from tests.scene import fill, keys_of
from tests.screens import SCREENS, Screen
from tests.tools import ROOT, load

from .conftest import Browser

#: The checker of HTML that `.ci/run` fetches.
VNU = Path(os.environ.get("VNU_JAR", ROOT / ".cache" / "vnu.jar"))

#: What the checker does not know yet: SVG 2 gives every basic shape a path length (www.w3.org/TR/SVG2/paths.html).
UNKNOWN_YET = ("Attribute “pathLength” not allowed on element “circle” at this point.",)


@dataclass
class House:
    """An application over the scene, and the records that the addresses name."""

    app: Flask
    keys: dict[str, int]
    language: str = "en"

    def open(self, screen: Screen) -> TestResponse:
        """Open a screen as whom it is for."""
        return self.browser(screen.who).get(screen.address(self.keys))

    def browser(self, who: str | None) -> Browser:
        """Return the browser of a person, nobody's with None."""
        client = self.app.test_client()
        client.set_cookie("language", self.language)
        if who:
            with self.app.app_context():
                user = db.session.scalars(select(User).where(User.email == f"{who}@example.org")).one()
                kept = SignedIn(user.id, user.session_key, int(time.time())).get_id()
            with client.session_transaction() as session:
                session["_user_id"] = kept
        return Browser(client)


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a house in which people have worked."""
    folder = tmp_path_factory.mktemp("screens")
    with fresh_database("sqlite", request, folder) as url:
        fill(url, folder, worked=True)
        app = create_app(settings_for(url, folder))
        app.test_client_class = FreshClient
        yield House(app, keys_of(url, folder))
        with app.app_context():
            db.engine.dispose()


#: Pages that answer a form: what is typed into the form at an address.
ANSWERED: dict[str, tuple[str, dict[str, Any]]] = {
    "product to correct": ("/admin/product/edit/?id={product}", {"name": "", "gtin": "4006381333932"}),
    "product in conflict": ("/admin/product/edit/?id={product}", {"version": "1", "price": "19.90"}),
    "product asked about": ("/admin/product/edit/?id={product}", {"price": "9999.00"}),
    "user to correct": ("/admin/user/edit/?id={user}", {"password": "one", "password_confirm": "two"}),
}


#: Pages that say what a form would do: where it stands, where it is sent, and what is typed into it.
PREVIEWED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "role previewed": (
        "/admin/role/edit/?id={role}",
        "/admin/role/effects/?id={role}",
        {"grants": ["product:read", "user:update"], "hidden_fields": "product.cost", "categories": ["{category}"]},
    ),
    "user previewed": ("/admin/user/edit/?id={user}", "/admin/user/effects/?id={user}", {"roles": ["{limited}"]}),
}


def answers(house: House) -> Iterator[tuple[str, str]]:
    """Yield the name and the HTML of every screen and of every page that answers a form."""
    for screen in SCREENS:
        response = house.open(screen)
        assert response.status_code == screen.status, screen.name
        yield screen.name, response.text
    browser = house.browser("administrator")
    for name, (address, typed) in ANSWERED.items():
        response = browser.submit(address.format(**house.keys), **typed)
        assert response.status_code in (200, 400, 409), (name, response.status_code)
        yield name, response.text
    for name, (form, address, typed) in PREVIEWED.items():
        sent = {
            key: [one.format(**house.keys) for one in value] if isinstance(value, list) else value
            for key, value in typed.items()
        }
        response = browser.post(address.format(**house.keys), browser.form(form.format(**house.keys)) | sent)
        assert response.status_code == 200, name
        yield name, response.text
    wrong = house.browser(None)
    page = wrong.get("/login").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    typed = {"csrf_token": token[1], "email": "nobody@example.org", "password": "not this one"}
    yield "sign-in refused", wrong.raw_post("/login", typed).text


def test_no_screen_has_an_error_in_its_html(house: House, tmp_path: Path) -> None:
    java = shutil.which("java")
    if not (VNU.exists() and java):
        message = f"the HTML checker needs java and {VNU}; `.ci/html-checker` fetches it"
        if REQUIRED:
            pytest.fail(message)
        pytest.skip(message)
    for name, page in answers(house):
        (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
    command = [java, "-Xss1m", "-jar", str(VNU), "--format", "json", "--exit-zero-always", "--stdout", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found = [
        one
        for one in json.loads(ran.stdout)["messages"]
        if one["type"] == "error" and one["message"] not in UNKNOWN_YET
    ]
    assert not found, "\n".join(sorted({_told(one) for one in found}))


def _told(found: dict[str, Any]) -> str:
    return f"{Path(found['url']).stem}: {found['message']} {found.get('extract', '')[:200]}"


# Texts.

#: Letters that the pseudo-locale writes instead of those of English; placeholders and tags stay.
ACCENTED = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "ÅƁÇÐÉƑĜĤÎĴĶĻḾÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž"
)
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]*>|&\w+;)")

#: What reads the same in every language: keys, codes, marks of languages, addresses, and the names of languages.
CODES = re.compile(
    r"\b(CRUD|RU|Ctrl|Alt|Home|End|Enter|Esc|Shift|Tab|[A-Z]{2,3}|UTC|SKU|GTIN|Backoffice|English|Français|Deutsch|Español"
    r"|[\w.+-]+@[\w.]+|[a-z_]+\.(csv|jsonl)|true|false|zeppelin)\b|(?<!%)\{\w+\}"
)


@pytest.fixture(scope="module")
def pseudo(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the house speaking a language in which no text has a letter of English, numbers and dates as in Arabic."""
    folder = tmp_path_factory.mktemp("pseudo")
    target = folder / "ar" / "LC_MESSAGES" / "messages.mo"
    target.parent.mkdir(parents=True)
    spoken = Catalog(locale="ar")
    for message in load("translations").extracted():
        if message.id:
            spoken.add(message.id, _accented(message.id), context=message.context)
    with target.open("wb") as stream:
        write_mo(stream, spoken)
    folders = house.app.extensions["babel"].translation_directories
    before = list(folders)
    folders[:] = [str(folder)]
    with house.app.app_context():
        get_domain().cache.clear()
    house.language = "ar"
    yield house
    house.language, folders[:] = "en", before
    with house.app.app_context():
        get_domain().cache.clear()


def _accented(text: str | tuple[str, str]) -> str | tuple[str, ...]:
    if isinstance(text, tuple):
        return (_accented(text[1]),) * 6  # type: ignore[return-value]
    return "".join(part if number % 2 else part.translate(ACCENTED) for number, part in enumerate(KEPT.split(text)))


class Seen(HTMLParser):
    """What people see or hear of a page."""

    SAID = frozenset({"title", "aria-label", "placeholder", "alt", "aria-description", "aria-roledescription"})
    SILENT = frozenset({"script", "style"})
    #: Attributes of `data-` that hold no words.
    CODED = frozenset({"data-hx-swap", "data-hx-trigger", "data-href", "data-more", "data-content"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0
        self.within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in self.SILENT
        self.within = tag == "mark"
        for name, value in attrs:
            if value and (name in self.SAID or (name.startswith("data-") and name not in self.CODED and " " in value)):
                self.texts.append(re.sub(r"\\u[0-9a-f]{4}", "", value))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in self.SILENT
        self.within = tag == "mark"

    def handle_data(self, data: str) -> None:
        if self.within and self.texts:
            # What a search marks is a part of a word.
            self.texts[-1] += data.rstrip()
        elif not self.silent and data.strip():
            self.texts.append(data.strip())


def stored(house: House) -> list[str]:
    """Return every text that people or files brought in, the longest first."""
    found: set[str] = set()
    with house.app.app_context():
        for table in db.metadata.sorted_tables:
            # Titles of change sets are sentences, which their readers have translated.
            columns = [column for column in table.columns if column.name not in ("title", "phrase")]
            for row in db.session.execute(select(*columns)):
                found.update(value for cell in row for value in _texts(cell))
        db.session.remove()
    # Places keep their names where nobody has another.
    places = {zone.rpartition("/")[2].replace("_", " ") for zone in pytz.common_timezones}
    return sorted(found | places, key=len, reverse=True)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        parts = re.sub(r"<[^>]+>", "\n", value).split("\n")
        whole = " ".join(re.sub(r"<[^>]+>", "", re.sub(r"</(p|li|h\d)>", " ", value)).split())
        yield from (line.strip() for line in {*parts, whole, value} if len(line.strip()) > 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _without(data: list[str], said: str) -> str:
    """Return what is left of a text when all that people wrote is taken out, shortened or not."""
    long = [one for one in data if len(one) >= 20]
    for one in long:
        said = said.replace(one, "")
    for part in re.findall(r"[\w ,;.–-]{20,}", said):
        if any(part.strip() in one for one in long):
            said = said.replace(part, "")
    for one in data[len(long) :]:
        said = said.replace(one, "")
    return said


def test_no_screen_shows_a_text_that_translators_never_saw(pseudo: House) -> None:
    data, problems = stored(pseudo), set()
    for name, page in answers(pseudo):
        seen = Seen()
        seen.feed(page)
        for said in seen.texts:
            if re.search(r"[A-Za-z]{2,}", CODES.sub("", _without(data, said))):
                problems.add(f"{name}: {said[:120]}")
    assert not problems, "\n".join(sorted(problems))
