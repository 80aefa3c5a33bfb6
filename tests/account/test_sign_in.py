"""Signing in and out: sessions, remember me, safe destinations, hostile posts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import argon2
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice import writes
from backoffice.account.addresses import safe_path
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts, passwords, records
from backoffice.policy import Actor
from backoffice.writes import Unit
from tests.account.conftest import PASSWORD, Browser, record
from tests.conftest import settings_for

Browsers = Callable[[], Browser]
People = Callable[..., int]

WRONG = "The address or the password is wrong."


def test_signing_in_and_out(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    assert not client.is_signed_in()
    answer = client.sign_in("viewer@example.org")
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert client.is_signed_in()
    assert client.cookie("remember_token") is None
    assert client.get("/login").location == "/admin/"
    assert client.get("/logout").status_code == 405
    assert client.is_signed_in()
    answer = client.submit("/logout")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert not client.is_signed_in()


def test_an_address_is_read_as_it_is_stored(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    for email in ("VIEWER@Example.org", "  viewer@example.org ", "viewer@example.org\n"):
        assert browser().sign_in(email).status_code == 303


def test_cookies_are_kept_from_scripts_and_other_sites(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    set_cookies = client.sign_in("viewer@example.org", remember="y").headers.getlist("Set-Cookie")
    assert {line.partition("=")[0] for line in set_cookies} == {"session", "remember_token", "known"}
    for line in set_cookies:
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Expires=" in line


def test_cookies_travel_over_https_only_where_the_site_does(
    database_url: str, tmp_path: Any, app: Flask, person: People
) -> None:
    person("viewer@example.org")
    secure = create_app(settings_for(database_url, tmp_path, BASE_URL="https://backoffice.example.org"))
    secure.test_client_class = Browser
    client = secure.test_client()
    headers = {"base_url": "https://backoffice.example.org", "headers": {"Referer": "https://backoffice.example.org/"}}
    client.get("/login", **headers)
    answer = client.submit("/login", {"email": "viewer@example.org", "password": PASSWORD, "remember": "y"}, **headers)
    assert answer.status_code == 303
    assert all("Secure" in line for line in answer.headers.getlist("Set-Cookie"))
    with secure.app_context():
        db.engine.dispose()


# The same answer and the same work, whatever is wrong.


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the hashes that the library was asked to verify, in order; it still verifies them."""
    seen: list[str] = []
    verify = argon2.PasswordHasher.verify

    def noted(hasher: argon2.PasswordHasher, hashed: str, password: Any) -> Any:
        seen.append(hashed)
        return verify(hasher, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    return seen


CASES = {
    "unknown": ("nobody@example.org", PASSWORD),
    "wrong": ("viewer@example.org", "seventeen red teapots"),
    "inactive": ("inactive@example.org", PASSWORD),
    "trashed": ("trashed@example.org", PASSWORD),
    "without a password": ("invited@example.org", PASSWORD),
    "too long": ("viewer@example.org", "x" * 10_000),
    "empty": ("viewer@example.org", ""),
    "no address": ("", PASSWORD),
}


@pytest.fixture
def various(person: People, house: Actor) -> None:
    person("viewer@example.org")
    person("invited@example.org", "viewer", password=None)
    inactive, trashed = person("inactive@example.org", "viewer"), person("trashed@example.org", "viewer")
    writes.run(house, "Out", lambda unit: accounts.deactivate(unit, unit.get(User, inactive)))
    writes.run(house, "Out", lambda unit: records.trash(unit, unit.get(User, trashed)))


def test_every_failure_looks_and_costs_the_same(
    various: None, browser: Browsers, checks: list[str], statements: list[str], subtests: pytest.Subtests
) -> None:
    for number, (case, (email, password)) in enumerate(CASES.items()):
        with subtests.test(case):
            client = browser()
            client.get("/login")
            checks.clear()
            statements.clear()
            values = {"email": email, "password": password}
            answer = client.submit("/login", values, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"})
            assert answer.status_code == 400
            assert WRONG in answer.text
            assert [hashed.split("$")[3] for hashed in checks] == ["m=64,t=1,p=1"]
            asked = [line for line in statements if re.search(r'FROM "?user"?\s', line)]
            assert len(asked) == (0 if case == "no address" else 1)
            assert len([line for line in statements if "sign_in_throttle" in line]) == 4
            assert not client.is_signed_in()


def test_a_right_password_costs_one_check(various: None, browser: Browsers, checks: list[str]) -> None:
    assert browser().sign_in("viewer@example.org").status_code == 303
    assert len(checks) == 1


def test_nothing_typed_comes_back_but_the_address(various: None, browser: Browsers) -> None:
    answer = browser().sign_in("<script>@example.org", password="my secret password")
    assert "my secret password" not in answer.text
    assert "&lt;script&gt;@example.org" in answer.text


# Sessions.


def test_a_session_from_before_is_worth_nothing_after(browser: Browsers, person: People, app: Flask) -> None:
    person("viewer@example.org")
    client = browser()
    client.get("/login")
    with client.session_transaction() as planted:
        planted["planted"] = "yes"
    before, token = client.cookie("session"), client.token
    client.submit("/login", {"email": "viewer@example.org", "password": PASSWORD})
    with client.session_transaction() as fresh:
        assert "planted" not in fresh
    assert client.cookie("session") != before
    thief = browser()
    thief.set_cookie("session", before or "")
    assert not thief.is_signed_in()
    # Nor does the token of the page before.
    client.get("/profile")
    assert client.token != token
    assert client.post("/profile", data={"csrf_token": token, "name": "Planted"}).status_code == 400


def test_a_session_ends_by_itself(browser: Browsers, person: People, app: Flask) -> None:
    person("viewer@example.org")
    client = browser()
    line = client.sign_in("viewer@example.org").headers.getlist("Set-Cookie")[0]
    assert "Expires=" in line
    app.config["PERMANENT_SESSION_LIFETIME"] = -1
    assert not client.is_signed_in()


def test_remember_me_signs_in_again(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    client.sign_in("viewer@example.org", remember="y")
    client.delete_cookie("session")
    assert client.is_signed_in()
    client.delete_cookie("session")
    client.get("/profile")
    client.submit("/logout")
    assert client.cookie("remember_token") is None
    assert not client.is_signed_in()


def test_remember_me_does_not_last_for_ever(browser: Browsers, person: People, app: Flask) -> None:
    person("viewer@example.org")
    client = browser()
    client.sign_in("viewer@example.org", remember="y")
    stolen = client.cookie("remember_token")
    app.config["REMEMBER_COOKIE_DURATION"] *= 0
    app.config["REMEMBER_COOKIE_DURATION"] -= (type(app.config["REMEMBER_COOKIE_DURATION"]))(seconds=5)
    thief = browser()
    thief.set_cookie("remember_token", stolen or "")
    assert not thief.is_signed_in()
    assert not client.is_signed_in()


def test_signing_in_without_it_forgets_whom_the_browser_remembered(browser: Browsers, person: People) -> None:
    person("one@example.org")
    person("two@example.org")
    client = browser()
    client.sign_in("one@example.org", remember="y")
    client.delete_cookie("session")
    client.get("/profile")
    assert client.submit("/login", {"email": "two@example.org", "password": PASSWORD}).status_code == 303
    assert "two@example.org" in client.get("/profile").text
    client.delete_cookie("session")
    assert not client.is_signed_in()


HOSTILE_COOKIES = [
    "",
    "|",
    "1|",
    "1:key:0|abc",
    "ü|ü",
    "é" * 5000,
    "1:x:1|" + "0" * 128,
    "1:x:1|" + "ü" * 128,
    "\x01",
    "0" * 20_000,
    "%00",
    ";;;",
]


@pytest.mark.parametrize("name", ["session", "remember_token", "known", "language", "theme"])
def test_a_hostile_cookie_signs_nobody_in(app: Flask, person: People, name: str) -> None:
    person("viewer@example.org")
    app.test_client_class = Browser
    # With a cookie jar the client would drop the header.
    client = app.test_client(use_cookies=False)
    for cookie in HOSTILE_COOKIES:
        answer = client.get("/profile", headers={"Cookie": f"{name}={cookie}".encode().decode("latin-1")})
        assert answer.status_code == 302, cookie
        assert answer.location == "/login?next=%2Fprofile"


def test_a_cookie_of_another_secret_signs_nobody_in(
    browser: Browsers, person: People, database_url: str, tmp_path: Any, app: Flask
) -> None:
    person("viewer@example.org")
    other = create_app(settings_for(database_url, tmp_path, SECRET_KEY="another"))
    other.test_client_class = Browser
    elsewhere = other.test_client()
    elsewhere.sign_in("viewer@example.org", remember="y")
    assert elsewhere.is_signed_in()
    client = browser()
    for name in ("session", "remember_token"):
        client.set_cookie(name, elsewhere.cookie(name) or "")
    assert not client.is_signed_in()
    with other.app_context():
        db.engine.dispose()


ENDS: dict[str, Callable[[Any, int], Any]] = {
    "password": lambda unit, key: accounts.set_password(unit, unit.get(User, key), "another long password"),
    "deactivation": lambda unit, key: accounts.deactivate(unit, unit.get(User, key)),
    "trash": lambda unit, key: records.trash(unit, unit.get(User, key)),
}


@pytest.mark.parametrize("end", ENDS)
def test_all_sessions_end_at_once(browser: Browsers, person: People, house: Actor, end: str) -> None:
    key = person("viewer@example.org")
    clients = [browser() for _number in range(3)]
    for client, remember in zip(clients, ({}, {"remember": "y"}, {"remember": "y"}), strict=True):
        client.sign_in("viewer@example.org", **remember)
    clients[2].delete_cookie("session")
    stolen = clients[1].cookie("remember_token")
    writes.run(house, end, lambda unit: ENDS[end](unit, key))
    assert [client.is_signed_in() for client in clients] == [False, False, False]
    # Back again, the old cookies stay dead.
    if end != "password":
        writes.run(house, "Back", lambda unit: _bring_back(unit, key))
    thief = browser()
    thief.set_cookie("remember_token", stolen or "")
    assert not thief.is_signed_in()
    assert [client.is_signed_in() for client in clients] == [False, False, False]


def _bring_back(unit: Any, key: int) -> None:
    user = unit.get(User, key)
    records.restore(unit, user)
    accounts.activate(unit, user)


def test_who_asks_is_one_statement(browser: Browsers, person: People, house: Actor, statements: list[str]) -> None:
    person("both@example.org", *_two_roles(house))
    client = browser()
    client.sign_in("both@example.org")
    client.get("/profile")
    statements.clear()
    client.get("/profile")
    people = [line for line in statements if re.search(r"\buser\b|\brole\b", line)]
    assert len(people) == 1, people


def _two_roles(house: Actor) -> tuple[str, str]:
    """Make two roles of which one is limited to two categories, and return their keys."""

    def work(unit: Unit) -> None:
        places = [records.create(unit, Category, {"name": name}).id for name in ("Cups", "Plates")]
        for key in ("one", "two"):
            values = {"key": key, "name": key, "grants": ["brand:read"], "categories": places if key == "one" else []}
            records.create(unit, Role, values)

    writes.run(house, "Make roles", work)
    return ("one", "two")


def test_old_parameters_are_renewed_at_sign_in(browser: Browsers, person: People, app: Flask) -> None:
    app.testing = False
    key = person("viewer@example.org")
    app.testing = True
    before = record(key)
    stored, session_key = before.password_hash, before.session_key
    other = browser()
    other.sign_in("viewer@example.org")
    now = record(key)
    assert now.password_hash != stored
    assert passwords.matches(now.password_hash, PASSWORD)
    assert now.session_key == session_key
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert (last.source, last.actor_label) == ("system", "sign-in")
    assert [change.diff for change in db.session.scalars(select(Change).where(Change.change_set_id == last.id))] == [{}]
    browser().sign_in("viewer@example.org")
    assert record(key).password_hash == now.password_hash


# Where it leads.

SAFE = [
    "/admin/",
    "/admin/product/?status=draft&q=a%2Fb",
    "/admin/product/edit/?id=5#images",
    "/en/products/caf%C3%A9",
    "/admin/?q=https://example.org/",
    "/profile",
    "/ar/منتجات",
    "/loginpage",
]

HOSTILE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "https:evil.example",
    "https://evil.example/admin/",
    "http:///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "evil.example",
    "admin/",
    "",
    " /admin/",
    "/admin/ ",
    "/ad min/",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/admin/\r\nSet-Cookie: a=b",
    "/admin/\nLocation: //evil.example",
    "/%0d%0aSet-Cookie:a=b",
    "/%2f%2fevil.example",
    "/%2fevil.example",
    "/%252f%252fevil.example",
    "/%5cevil.example",
    "/%5c%5cevil.example",
    "/%255cevil.example",
    "/\x00/evil.example",
    "/%00",
    "/\u2044\u2044evil.example",
    "/\u2215evil.example",
    "/\uff0fevil.example",
    "/\uff3cevil.example",
    "/\u29f8evil.example",
    "/%ef%bc%8fevil.example",
    "/\u202eevil.example",
    "/\ufeff/evil.example",
    "/a//evil.example",
    "/.//evil.example",
    "/login",
    "/login?next=/login",
    "/logout",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("value", SAFE)
def test_a_path_of_ours_is_followed(value: str) -> None:
    assert safe_path(value) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_no_other_address_is_followed(value: str) -> None:
    assert safe_path(value) is None


@pytest.mark.parametrize("place", ["form", "address"])
def test_signing_in_leads_to_safe_places_only(signed_up: Browser, place: str) -> None:
    for value in (*SAFE, *HOSTILE):
        answer = _signed_in_towards(signed_up, value, place)
        assert answer.status_code == 303
        assert answer.location.startswith("/")
        assert not answer.location.startswith(("//", "/\\"))
        if value in HOSTILE:
            assert answer.location == "/admin/", value
        elif value.isascii():
            assert answer.location == value


def _signed_in_towards(client: Browser, value: str, place: str) -> TestResponse:
    values = {"email": "viewer@example.org", "password": PASSWORD}
    client.delete_cookie("session")
    if place == "form":
        client.get("/login")
        return client.submit("/login", values | {"next": value})
    client.get("/login", query_string={"next": value})
    return client.submit("/login", values, query_string={"next": value})


@pytest.fixture
def signed_up(browser: Browsers, person: People, request: pytest.FixtureRequest) -> Browser:
    person("viewer@example.org")
    return browser()


def test_the_page_asked_for_comes_after_signing_in(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    asked = client.get("/profile?tab=1")
    assert (asked.status_code, asked.location) == (302, "/login?next=%2Fprofile%3Ftab%3D1")
    page = client.get(asked.location)
    assert 'name="next" value="/profile?tab=1"' in page.text
    answer = client.submit("/login", {"email": "viewer@example.org", "password": PASSWORD, "next": "/profile?tab=1"})
    assert answer.location == "/profile?tab=1"


# Hostile posts.

POSTS: dict[str, dict[str, Any]] = {
    "nothing": {"data": {}},
    "NUL": {"data": {"email": "a\x00@example.org", "password": "b\x00"}},
    "10 kB": {"data": {"email": "a" * 10_000, "password": "b" * 10_000}},
    "surrogates": {
        "data": b"email=%ED%A0%80@example.org&password=%ED%A0%80",
        "content_type": "application/x-www-form-urlencoded",
    },
    "no UTF-8": {"data": b"email=%ff%fe&password=%ff", "content_type": "application/x-www-form-urlencoded"},
    "SQL": {"data": {"email": "' OR 1=1 --", "password": "' OR 1=1 --"}},
    "twice": {"data": {"email": ["a@example.org", "b@example.org"], "password": ["x", "y"], "remember": ["y", "n"]}},
    "right to left": {"data": {"email": "\u202emoc.elpmaxe@a", "password": "\u202e"}},
    "combining": {"data": {"email": "a\u0301" * 3000, "password": "\u0301" * 5000}},
    "JSON": {"data": b'{"email": 1}', "content_type": "application/json"},
    "broken multipart": {"data": b"--x\r\nbroken", "content_type": "multipart/form-data; boundary=x"},
    "no boundary": {"data": b"x", "content_type": "multipart/form-data"},
    "file": {
        "data": b"--y\r\nContent-Disposition: form-data; name=email; filename=e\r\n\r\nx\r\n--y--\r\n",
        "content_type": "multipart/form-data; boundary=y",
    },
    "many fields": {"data": {"email": "x"} | {f"field{number}": "x" for number in range(6000)}},
    "large field": {"data": {"email": "a" * 3_000_000, "password": "x"}},
}


@pytest.mark.parametrize("token", ["with a token", "without"])
def test_a_hostile_post_is_answered_in_words(signed_up: Browser, token: str, subtests: pytest.Subtests) -> None:
    client = signed_up
    for number, (post, options) in enumerate(POSTS.items()):
        with subtests.test(post):
            client.get("/login")
            headers = {"X-CSRFToken": client.token or ""} if token == "with a token" else {}
            environ = {"REMOTE_ADDR": f"192.0.2.{number}"}
            answer = client.post("/login", headers=headers, environ_base=environ, **options)
            assert answer.status_code in (400, 413, 415)
            assert "<h1>" in answer.text
            assert not client.is_signed_in()


def test_a_form_without_token_keeps_the_address(signed_up: Browser) -> None:
    answer = signed_up.post("/login", data={"email": "viewer@example.org", "password": PASSWORD, "next": "/profile"})
    assert answer.status_code == 400
    assert "send it again" in answer.text
    assert 'value="viewer@example.org"' in answer.text
    assert 'name="next" value="/profile"' in answer.text
    assert PASSWORD not in answer.text
    # The page that came back works.
    values = {"email": "viewer@example.org", "password": PASSWORD}
    assert signed_up.submit("/login", values).status_code == 303


def test_signing_out_takes_a_token(signed_up: Browser) -> None:
    signed_up.sign_in("viewer@example.org")
    assert signed_up.post("/logout").status_code == 400
    assert signed_up.is_signed_in()


def test_account_pages_stay_out_of_caches(signed_up: Browser) -> None:
    for address in ("/login", "/profile"):
        assert signed_up.get(address).headers["Cache-Control"] == "no-store"


def test_a_script_is_not_led_to_a_page(browser: Browsers, app: Flask) -> None:
    assert browser().get("/profile", headers={"Accept": "application/json"}).status_code == 401
