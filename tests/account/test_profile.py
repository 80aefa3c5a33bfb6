"""What people change about themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import format_datetime
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.history import Change, ChangeSet
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.user import User
from backoffice.operations import passwords, records
from backoffice.policy import Actor
from tests.account.conftest import PASSWORD, Browser, hold, record

Browsers = Callable[[], Browser]
People = Callable[..., int]

NEW = "nineteen green kettles"


@pytest.fixture
def key(person: People) -> int:
    return person("viewer@example.org")


@pytest.fixture
def client(key: int, browser: Browsers) -> Browser:
    """Return a browser in which somebody is signed in, with the profile open."""
    client = browser()
    client.sign_in("viewer@example.org")
    client.get("/profile")
    return client


def test_name_language_and_zone_are_kept(client: Browser, key: int) -> None:
    answer = client.submit("/profile", {"name": "  Front  desk ", "locale": "fr", "zone": "Asia/Tokyo"})
    assert (answer.status_code, answer.location) == (303, "/profile")
    person = record(key)
    assert (person.name, person.locale, person.zone) == ("Front desk", "fr", "Asia/Tokyo")
    page = client.get("/profile")
    assert '<html lang="fr"' in page.text
    assert '<option value="Asia/Tokyo" selected>' in page.text
    change_set = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert (change_set.actor_id, change_set.source) == (key, "form")
    # What is not sent stays; what is sent empty goes.
    client.submit("/profile", {"name": ""})
    assert (record(key).name, record(key).zone) == (None, "Asia/Tokyo")


REFUSED = [
    ("zone", "Mars/Olympus"),
    ("zone", "../../etc/passwd"),
    ("zone", "x" * 10_000),
    ("zone", "\x00"),
    ("locale", "xx"),
    ("locale", "en_US"),
    ("locale", "<script>"),
    ("name", "x" * 121),
    ("name", "nul \x00"),
    ("name", "x" * 1_000_000),
]


def test_what_cannot_be_is_refused_and_kept_in_the_form(client: Browser, key: int, subtests: pytest.Subtests) -> None:
    for field, value in REFUSED:
        with subtests.test(f"{field} {value[:20]!r}"):
            answer = client.submit("/profile", {"name": "Kept", "locale": "", "zone": ""} | {field: value})
            assert answer.status_code == 400
            assert f'id="{field}-error"' in answer.text
            assert f'aria-describedby="{field}-error"' in answer.text
            if field != "name":
                assert 'value="Kept"' in answer.text
            assert value not in ("<script>",) or value not in answer.text
            assert (record(key).name, record(key).version) == (None, 1)


OTHER_FIELDS = {
    "email": "boss@example.org",
    "roles": "1",
    "active": "0",
    "password_hash": "x",
    "session_key": "x",
    "id": "1",
    "version": "99",
    "trashed_at": "2020-01-01",
}


@pytest.mark.parametrize("address", ["/profile", "/profile/password"])
def test_nothing_else_is_changed_by_a_profile(client: Browser, key: int, address: str) -> None:
    before = _stored(key)
    client.submit(address, OTHER_FIELDS)
    assert _stored(key) == before


def _stored(key: int) -> Any:
    db.session.rollback()
    return db.session.execute(select(User.__table__).where(User.id == key)).one()._asdict()


def test_a_new_password_ends_every_other_session_and_keeps_this_one(
    client: Browser, key: int, browser: Browsers
) -> None:
    others = [browser(), browser()]
    others[0].sign_in("viewer@example.org")
    others[1].sign_in("viewer@example.org", remember="y")
    others[1].delete_cookie("session")
    before = client.cookie("session")
    answer = client.submit("/profile/password", {"current": PASSWORD, "password": NEW, "confirmation": NEW})
    assert (answer.status_code, answer.location) == (303, "/profile")
    assert client.is_signed_in()
    assert client.cookie("remember_token") is None
    assert [other.is_signed_in() for other in others] == [False, False]
    thief = browser()
    thief.set_cookie("session", before or "")
    assert not thief.is_signed_in()
    assert browser().sign_in("viewer@example.org").status_code == 400
    assert browser().sign_in("viewer@example.org", NEW).status_code == 303
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert (change.resource, change.record_id, change.diff) == ("user", key, {})


def test_who_is_remembered_stays_remembered(key: int, browser: Browsers) -> None:
    client = browser()
    client.sign_in("viewer@example.org", remember="y")
    client.get("/profile")
    old = client.cookie("remember_token")
    client.submit("/profile/password", {"current": PASSWORD, "password": NEW, "confirmation": NEW})
    assert client.cookie("remember_token") not in (None, old)
    client.delete_cookie("session")
    assert client.is_signed_in()


MISTAKES = [
    ("current", {"current": "wrong password"}),
    ("current", {"current": ""}),
    ("confirmation", {"confirmation": "something else"}),
    ("confirmation", {"confirmation": ""}),
    ("password", {"password": "short", "confirmation": "short"}),
    ("password", {"password": "viewer@example.org", "confirmation": "viewer@example.org"}),
    ("password", {"password": "x" * 10_000, "confirmation": "x" * 10_000}),
    ("password", {"password": "nul\x00 and nine more", "confirmation": "nul\x00 and nine more"}),
    ("password", {"password": "", "confirmation": ""}),
]


def test_a_password_is_not_changed_by_mistake(client: Browser, key: int, subtests: pytest.Subtests) -> None:
    stored = record(key).password_hash
    for field, values in MISTAKES:
        with subtests.test(f"{field} {str(values)[:40]}"):
            typed = {"current": PASSWORD, "password": NEW, "confirmation": NEW} | values
            answer = client.submit("/profile/password", typed)
            assert answer.status_code == 400
            assert f'id="{field}-error"' in answer.text
            assert NEW not in answer.text
            assert record(key).password_hash == stored
            assert client.is_signed_in()


def test_the_current_password_cannot_be_guessed_in_a_session(client: Browser, key: int) -> None:
    values = {"current": "wrong", "password": NEW, "confirmation": NEW}
    assert [client.submit("/profile/password", values).status_code for _time in range(5)] == [400] * 5
    hold()
    answer = client.submit("/profile/password", values | {"current": PASSWORD})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert passwords.matches(record(key).password_hash, PASSWORD)


@pytest.mark.parametrize("address", ["/profile", "/profile/password"])
def test_nobody_else_changes_anything(client: Browser, key: int, browser: Browsers, address: str) -> None:
    before = _stored(key)
    values = {"name": "x", "current": PASSWORD, "password": NEW, "confirmation": NEW}
    stranger = browser()
    stranger.get("/login")
    assert stranger.submit(address, values).status_code == 401
    assert stranger.post(address, data=values).status_code == 400
    # A token of another session is none.
    client.get("/profile")
    stranger.token, client.token = client.token, stranger.token
    answer = client.submit(address, values)
    assert answer.status_code == 400
    assert "send it again" in answer.text
    assert _stored(key) == before


# Language and zone.


LANGUAGES = [
    (None, None, None, "en"),
    (None, None, "de-CH, de;q=0.9", "de"),
    (None, None, "ar", "ar"),
    (None, None, "tlh, xx;q=0.1", "en"),
    (None, None, "fr-CA", "fr"),
    (None, "es", "de", "es"),
    (None, "../x", "de", "de"),
    (None, "EN", "fr", "fr"),
    ("fr", "es", "de", "fr"),
    (None, None, "de" * 5000, "en"),
    (None, None, ";;;q=x,,,", "en"),
    (None, None, "en_US.UTF-8@x", "en"),
]


def test_the_language_is_the_person_s_then_the_browser_s(
    client: Browser, key: int, house: Actor, subtests: pytest.Subtests
) -> None:
    for own, cookie, asked, shown in LANGUAGES:
        with subtests.test(f"{own} {cookie} {str(asked)[:20]}"):
            writes.run(house, "Set", lambda unit, own=own: records.update(unit, unit.get(User, key), {"locale": own}))
            client.set_cookie("language", cookie or "")
            page = client.get("/profile", headers={"Accept-Language": asked} if asked else {})
            assert f'<html lang="{shown}"' in page.text
            assert f'dir="{"rtl" if shown == "ar" else "ltr"}"' in page.text


@pytest.fixture
def noon(app: Flask) -> str:
    """Return the address of a page that shows noon in UTC as the reader's time."""
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    app.add_url_rule("/noon", "noon", lambda: str(format_datetime(moment, "HH:mm")))
    return "/noon"


@pytest.mark.own_application
@pytest.mark.parametrize(
    ("own", "of_house", "shown"),
    [
        (None, "UTC", "12:00"),
        (None, "Europe/Paris", "13:00"),
        ("Asia/Tokyo", "Europe/Paris", "21:00"),
        ("Factory", "Europe/Paris", "12:00"),
    ],
)
def test_times_are_shown_in_the_person_s_zone(
    noon: str, client: Browser, key: int, house: Actor, own: str | None, of_house: str, shown: str
) -> None:
    writes.run(house, "Set", lambda unit: records.update(unit, unit.get(House, HOUSE_ID), {"zone": of_house}))
    writes.run(house, "Set", lambda unit: records.update(unit, unit.get(User, key), {"zone": own}))
    assert client.get(noon).text == shown
