"""Guessing gets slower and slower, and nobody is locked out by a stranger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.throttle import SignInThrottle
from backoffice.models.types import utcnow
from backoffice.operations import throttle
from backoffice.operations.sign_in import TooManyTries
from tests.account.conftest import PASSWORD, Browser, hold
from tests.conftest import settings_for

Browsers = Callable[[], Browser]
People = Callable[..., int]


def later(seconds: float) -> None:
    """Let `seconds` pass for everything that was counted."""
    with writes.bookkeeping() as session:
        for row in session.scalars(select(SignInThrottle)).all():
            moved = update(SignInThrottle).where(SignInThrottle.key == row.key)
            session.execute(moved.values(last_at=row.last_at - timedelta(seconds=seconds)))


def counts() -> list[int]:
    db.session.rollback()
    return sorted(db.session.scalars(select(SignInThrottle.failures)))


def fail(client: Browser, email: str = "viewer@example.org", address: str = "192.0.2.1") -> int:
    """Try with a wrong password and return the status."""
    values = {"email": email, "password": "wrong password"}
    return client.submit("/login", values, environ_base={"REMOTE_ADDR": address}).status_code


@pytest.mark.parametrize(
    ("failures", "longest", "wait"),
    [
        (0, 60, 0),
        (4, 60, 0),
        (5, 60, 1),
        (6, 60, 2),
        (7, 60, 4),
        (8, 60, 8),
        (10, 60, 32),
        (11, 60, 60),
        (5, 900, 1),
        (14, 900, 512),
        (15, 900, 900),
        (10**9, 900, 900),
    ],
)
def test_the_wait_doubles_up_to_a_limit(failures: int, longest: int, wait: int) -> None:
    assert throttle.wait_after(failures, longest) == wait


@pytest.mark.parametrize("email", ["viewer@example.org", "nobody@example.org", "no address", "x\x00y", ""])
def test_after_five_failures_the_account_waits(browser: Browsers, person: People, email: str) -> None:
    person("viewer@example.org")
    client = browser()
    # Each from another address: only the account counts.
    assert [fail(client, email, f"192.0.2.{number}") for number in range(5)] == [400] * 5
    hold()
    answer = client.submit("/login", {"email": email, "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "2"
    assert "Wait 2 seconds and try again" in answer.text
    # Waiting tries count nothing, so nobody makes the wait longer by knocking.
    assert max(counts()) == 5
    later(2)
    assert fail(client, email, "192.0.2.77") == 400
    hold()
    assert client.submit("/login", {"email": email, "password": PASSWORD}).headers["Retry-After"] == "3"


def test_a_stranger_locks_nobody_out(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    for number in range(14):
        later(61)
        assert fail(client, address=f"198.51.100.{number}") == 400
    hold()
    later(1)
    answer = client.submit("/login", {"email": "viewer@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    later(60)
    assert client.submit("/login", {"email": "viewer@example.org", "password": PASSWORD}).status_code == 303


def test_a_known_browser_gets_past_strangers(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    person("stranger@example.org")
    client, stranger = browser(), browser()
    values = {"email": "viewer@example.org", "password": PASSWORD}
    for one, who in ((client, "viewer@example.org"), (stranger, "stranger@example.org")):
        one.get("/login")
        assert one.submit("/login", values | {"email": who}, environ_base={"REMOTE_ADDR": "192.0.2.9"}).location
        one.delete_cookie("session")
        one.get("/login")
    for number in range(5):
        assert fail(stranger, address=f"198.51.100.{number}") == 400
    hold()
    assert fail(stranger, address="198.51.100.9") == 429
    # Where they signed in before nothing waits; elsewhere, and with another one's mark, it does.
    assert client.submit("/login", values).status_code == 303
    hold()
    forged = browser()
    # Its last character alone may hold bits that count for nothing.
    forged.set_cookie("known", (client.cookie("known") or "")[:-4] + "xxxx")
    assert fail(forged, address="198.51.100.10") == 429
    # A known browser does not guess for free either.
    client.delete_cookie("session")
    client.get("/login")
    assert [fail(client, address=f"203.0.113.{number}") for number in range(5)] == [400] * 5
    hold()
    assert fail(client, address="203.0.113.9") == 429


def test_a_hostile_mark_is_none(browser: Browsers, app: Flask, subtests: pytest.Subtests) -> None:
    seen = browser()
    seen.get("/login")
    # With a cookie jar the client would drop the header.
    client = app.test_client(use_cookies=False)
    for number, cookie in enumerate(["", ".", "x", "a.b.c", "é", "é.é", "\x01", "0" * 9000]):
        with subtests.test(cookie[:5]):
            header = f"session={seen.cookie('session')}; known={cookie}".encode().decode("latin-1")
            values = {"email": f"{number}@example.org", "password": PASSWORD, "csrf_token": seen.token}
            environ = {"REMOTE_ADDR": f"192.0.2.{number}"}
            answer = client.post("/login", data=values, headers={"Cookie": header}, environ_base=environ)
            assert answer.status_code == 400
            assert "The address or the password is wrong." in answer.text


def test_one_address_that_tries_many_accounts_waits(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    assert [fail(client, f"a{number}@example.org") for number in range(5)] == [400] * 5
    hold()
    assert fail(client, "a9@example.org") == 429
    # Elsewhere people still get in, also behind the next address.
    other = browser()
    other.get("/login")
    values = {"email": "viewer@example.org", "password": PASSWORD}
    assert other.submit("/login", values, environ_base={"REMOTE_ADDR": "192.0.2.2"}).status_code == 303
    waits = []
    for number in range(12):
        later(1000)
        assert fail(client, f"b{number}@example.org") == 400
        hold()
        later(1)
        waits.append(throttle.started(throttle.try_of("c@example.org", "192.0.2.1")))
    assert waits[0] == 2
    assert max(waits) == waits[-1] == 900


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
    ],
)
def test_an_address_is_what_one_household_has(bare: Flask, one: str, other: str, same: bool) -> None:
    assert (throttle.try_of("a", one).address == throttle.try_of("a", other).address) is same


def test_without_an_address_only_the_account_counts(app: Flask) -> None:
    for number, address in enumerate([None, "", "unix:", "unknown", "192.0.2"]):
        attempt = throttle.try_of(f"{number}@example.org", address)
        assert attempt.address is None
        assert throttle.started(attempt) == 0
        throttle.failed(attempt)
    assert counts() == [1] * 5


def test_success_clears_the_account_but_not_the_address(browser: Browsers, person: People) -> None:
    person("viewer@example.org")
    client = browser()
    for _time in range(4):
        assert fail(client) == 400
    values = {"email": "viewer@example.org", "password": PASSWORD}
    assert client.submit("/login", values, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 303
    assert counts() == [4]
    # An address that owns one account does not clear itself by it.
    client = browser()
    assert fail(client, "other@example.org") == 400
    hold()
    client.get("/login")
    answer = client.submit("/login", values, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.status_code == 429


def test_failures_are_forgotten(browser: Browsers, person: People) -> None:
    client = browser()
    assert [fail(client) for _time in range(5)] == [400] * 5
    hold()
    assert fail(client) == 429
    later(3602)
    assert fail(client) == 400
    assert counts() == [1, 1]


def test_nothing_readable_is_kept(browser: Browsers, app: Flask) -> None:
    fail(browser())
    for row in db.session.scalars(select(SignInThrottle)):
        assert len(row.key) == 64
        assert "example" not in row.key
    # Another secret gives other keys: the table alone cannot be searched for an address.
    keys = throttle.try_of("a@example.org", "192.0.2.1")
    app.secret_key = "another"
    assert throttle.try_of("a@example.org", "192.0.2.1") != keys


def test_the_table_stays_small(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_ROWS", 20)
    for number in range(60):
        attempt = throttle.try_of(f"{number}@example.org", f"2001:db8:{number}::1")
        assert throttle.started(attempt) == 0
        throttle.failed(attempt)
    loud = throttle.try_of("loud@example.org", None)
    for _time in range(3):
        throttle.started(loud)
    with writes.bookkeeping() as session:
        throttle.tidy(session, utcnow())
    assert len(counts()) == 20
    assert counts()[-1] == 3
    with writes.bookkeeping() as session:
        throttle.tidy(session, utcnow() + timedelta(hours=2))
    assert counts() == []


def test_it_tidies_itself_up(app: Flask) -> None:
    first = throttle.try_of("first@example.org", "192.0.2.1")
    throttle.started(first)
    throttle.failed(first)
    later(4000)
    for number in range(1000):
        attempt = throttle.try_of(f"{number}@example.org", None)
        if int(attempt.account[:8], 16) % 64 == 0:
            throttle.started(attempt)
            throttle.failed(attempt)
            break
    assert counts() == [1]


def test_a_burst_finds_no_gap(app: Flask) -> None:
    attempts = 24
    waits: list[int] = []
    ready = threading.Barrier(attempts)

    def knock(number: int) -> None:
        with app.app_context():
            attempt = throttle.try_of("viewer@example.org", f"203.0.113.{number}")
            ready.wait(30)
            waits.append(throttle.started(attempt))
            db.session.remove()

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(attempts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(waits) == attempts
    assert waits.count(0) == 5
    assert counts() == [5]


def test_failures_at_once_are_all_counted(app: Flask) -> None:
    attempts = 16

    def knock(number: int) -> None:
        with app.app_context():
            throttle.failed(throttle.try_of(f"{number}@example.org", "192.0.2.1"))
            db.session.remove()

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(attempts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert db.session.scalar(select(func.max(SignInThrottle.failures))) == attempts


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        ("0", "203.0.113.9", "192.0.2.1"),
        ("1", "203.0.113.9", "203.0.113.9"),
        ("1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("2", "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("1", None, "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_that_trusted_proxies_name(
    app: Flask, database_url: str, tmp_path: Path, proxies: str, forwarded: str | None, counted: str
) -> None:
    behind = create_app(settings_for(database_url, tmp_path, PROXY_FIX=proxies))
    behind.test_client_class = Browser
    client = behind.test_client()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    client.get("/login")
    values = {"email": "a@example.org", "password": "x"}
    client.submit("/login", values, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    with behind.app_context():
        assert db.session.get(SignInThrottle, throttle.try_of("a", counted).address) is not None
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second "), (2, "2 seconds "), (90, "90 seconds "), (121, "3 minutes "), (900, "15 minutes ")],
)
def test_the_wait_is_said_in_words(bare: Flask, seconds: int, words: str) -> None:
    assert words in str(TooManyTries(seconds))
