"""Requests that no browser of ours sends: hosts, headers, cookies, bodies and forms made to break or to slip by."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import Signer
from werkzeug.test import TestResponse

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.user import User
from backoffice.operations import records
from backoffice.policy import Actor
from backoffice.web.headers import HEADERS
from tests.conftest import FreshClient, settings_for

from .conftest import Browser, World, digest, form_of, product

FORM = "application/x-www-form-urlencoded"


@contextmanager
def another(url: str, folder: Path, **settings: str) -> Iterator[FlaskClient]:
    """Give a browser of an application with other settings over the same database."""
    app = create_app(settings_for(url, folder, **settings))
    app.test_client_class = FreshClient
    yield app.test_client()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def heading(response: TestResponse) -> str:
    """Return the heading of a page."""
    found = re.search(r"<h1>(.*?)</h1>", response.text)
    return found[1] if found else ""


def send(browser: Browser, address: str, data: Any, **options: Any) -> TestResponse:
    """Post a body with the token in a header, as it is."""
    headers = {"X-CSRFToken": browser.token} | options.pop("headers", {})
    return browser.raw_post(address, data, headers=headers, **options)


# Hosts.


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_hosts_of_ours_are_answered(database_url: str, tmp_path: Path, subtests: pytest.Subtests) -> None:
    hosts = {
        "ours.example": 200,
        "ours.example:8000": 200,
        "shop.sub.example": 200,
        "evil.example": 400,
        "ours.example.evil": 400,
        "": 400,
        "<script>": 400,
        "a b": 400,
        "[::1": 400,
        "\xff\xfe": 400,
        "x" * 10_000: 400,
    }
    with another(database_url, tmp_path, TRUSTED_HOSTS="ours.example,.sub.example") as client:
        for host, status in hosts.items():
            for path in ("/login", "/static/css/frame.css", "/nothing"):
                with subtests.test(f"{host[:20]} {path}"):
                    response = client.get(path, headers={"Host": host})
                    assert response.status_code == (404 if (status, path) == (200, "/nothing") else status)
                    assert status == 200 or heading(response) == "This address is not served here"
                    assert "script" not in response.text or status == 200
                    assert HEADERS.items() <= dict(response.headers).items()
        assert client.post("/login", data={"email": "x"}, headers={"Host": "evil.example"}).status_code == 400


def test_a_host_that_is_none_is_answered_without_addresses(app: Flask) -> None:
    for host in ("x" * 10_000, "a..b", "." * 300):
        response = app.test_client().get("/login", headers={"Host": host})
        assert response.status_code in (200, 400)
        assert response.status_code == 200 or heading(response) == "This address is not served here"


def test_what_a_stranger_says_of_a_proxy_leads_nowhere(app: Flask, world: World) -> None:
    client = app.test_client()
    for name, value in (
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Original-URL", "/admin/user/"),
        ("X-Rewrite-URL", "/admin/user/"),
        ("Forwarded", "host=evil.example;proto=http"),
        ("Host", "evil.example"),
    ):
        response = client.get("/admin/product/?q=mug", headers={name: value})
        assert (response.status_code, response.location) == (302, "/login?next=%2Fadmin%2Fproduct%2F%3Fq%3Dmug")
        assert "evil" not in client.get("/login", headers={name: value}).text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_trusted_proxy_may_say_nonsense(database_url: str, tmp_path: Path) -> None:
    with another(database_url, tmp_path, PROXY_FIX="1", TRUSTED_HOSTS="ours.example") as client:
        for name, value, status in (
            ("X-Forwarded-Host", "evil.example", 400),
            ("X-Forwarded-Host", "ours.example, evil.example", 400),
            ("X-Forwarded-Host", "evil.example, ours.example", 200),
            ("X-Forwarded-For", "<script>", 200),
            ("X-Forwarded-For", "1.2.3.4, " * 1000, 200),
            ("X-Forwarded-For", "fe80::1%eth0", 200),
            ("X-Forwarded-Proto", "javascript", 200),
        ):
            headers = {"Host": "ours.example", name: value}
            assert client.get("/login", headers=headers).status_code == status
            assert client.post("/login", data={"email": "x", "password": "y"}, headers=headers).status_code == 400


# Other headers and cookies.

GARBAGE = (
    "", "*", ";;;q=,,", "x" * 10_000, "de;q=abc", "de;q=1e400", "de;q=nan", "\xff\xfe", "../../etc/passwd",
    "en-US-x-" + "a" * 300, "de," * 3000, "ar_AE.UTF-8@x", "<script>alert(1)</script>", "'; DROP TABLE user;",
)  # fmt: skip
READ_HEADERS = (
    "Accept-Language", "Accept", "Accept-Encoding", "User-Agent", "Referer", "If-None-Match", "Range",
    "If-Modified-Since", "Authorization", "Origin", "X-Requested-With",
)  # fmt: skip


def test_garbage_in_any_header_is_borne(admin: Browser, world: World) -> None:
    for value in GARBAGE:
        headers = dict.fromkeys(READ_HEADERS, value)
        for path, status in (("/admin/product/", 200), ("/admin/nothing/", 404), ("/login", 302)):
            response = admin.get(path, headers=headers)
            assert response.status_code == status, (path, value[:20])
            assert "<script>alert" not in response.text
        assert admin.client.application.test_client().get("/login", headers={"Cookie": value}).status_code == 200


def test_no_cookie_but_ours_signs_anybody_in(app: Flask, admin: Browser, world: World) -> None:
    session = admin.client.get_cookie("session")
    assert session is not None
    body, _dot, mark = session.value.rpartition(".")
    other = Signer("another key", salt="cookie-session", digest_method=None, key_derivation="hmac")
    values = [
        session.value[:-1], session.value[: len(session.value) // 2], mark, body, f"{body}.", f".{mark}", "garbage",
        other.sign(body).decode(), session.value.swapcase(), session.value * 20, "x" * 100_000, ".eJw" + "A" * 500,
        "\xff\xfe", '"\\377\\376"', "\x01", "=;=;=", "",
    ]  # fmt: skip
    identity = f"{world.users['administrator']}:{'x' * 22}:{int(time.time())}"
    remembered = [identity, f"{identity}|{'0' * 128}", f"{identity}|", "|", "1|1", "\xff|\xfe", "x" * 100_000]
    before = digest()
    for name, value in [("session", value) for value in values] + [("remember_token", value) for value in remembered]:
        response = app.test_client().get("/admin/", headers={"Cookie": f"{name}={value}"})
        assert (response.status_code, response.location) == (302, "/login?next=%2Fadmin%2F"), (name, value[:40])
    assert admin.get("/admin/").status_code == 200
    assert digest() == before


def test_a_session_ends_with_its_person(sign_in: Callable[..., Browser], world: World, house: Actor) -> None:
    browsers = {name: sign_in(name) for name in ("viewer", "editor", "catalogue-manager")}
    tokens = {name: browser.token for name, browser in browsers.items()}

    def end(unit: writes.Unit) -> None:
        viewer, editor = (unit.get(User, world.users[name]) for name in ("viewer", "editor"))
        records.trash(unit, viewer)
        records.trash(unit, editor)
        unit.get(User, world.users["catalogue-manager"]).active = False

    writes.run(house, "End", end)
    writes.run(house, "Gone", lambda unit: records.purge(unit, unit.get(User, world.users["viewer"])))
    before = digest()
    for name, browser in browsers.items():
        assert browser.get("/admin/product/").location == "/login?next=%2Fadmin%2Fproduct%2F"
        response = browser.raw_post("/admin/product/delete/", {"csrf_token": tokens[name], "id": world.mug})
        assert (response.status_code, heading(response)) == (401, "Sign in first")
    assert digest() == before


# Methods and bodies.

POSTED = ("/admin/product/edit/?id={mug}", "/admin/product/new/", "/admin/product/action/", "/admin/product/delete/",
          "/admin/product/ajax/update/", "/admin/history/undo/", "/login", "/profile", "/profile/password")  # fmt: skip


def test_only_the_methods_of_an_address_do_something(admin: Browser, world: World) -> None:
    before = digest()
    for path in (*(path.format(mug=world.mug) for path in POSTED), "/admin/product/", "/admin/"):
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO"):
            response = admin.client.open(path, method=method, headers={"X-CSRFToken": admin.token})
            assert (response.status_code, heading(response)) == (405, "This address works in another way"), path
            assert response.headers["Allow"]
        answer = admin.client.open(path, method="OPTIONS")
        assert (answer.status_code, answer.data) == (200, b"")
        assert admin.client.head(path).data == b""
    for override in ({"X-HTTP-Method-Override": "DELETE"}, {"X-HTTP-Method": "PUT"}, {"X-Method-Override": "POST"}):
        assert admin.get(f"/admin/product/delete/?id={world.mug}&_method=POST", headers=override).status_code == 405
    assert digest() == before


def test_a_body_that_is_no_form_is_refused_in_words(admin: Browser, world: World) -> None:
    before = digest()
    for path in (path.format(mug=world.mug) for path in POSTED):
        for kind in ("application/json", "text/plain", "application/xml", "\xff/;;", "", "application/octet-stream"):
            body = json.dumps({"name": "x", "id": world.mug, "csrf_token": admin.token})
            response = send(admin, path, body, content_type=kind)
            assert (response.status_code, heading(response)) == (415, "This cannot be read"), (path, kind)
        broken = b'--x\r\nContent-Disposition: form-data; name="na'
        for kind in ("multipart/form-data", "multipart/form-data; boundary=x", f"{FORM}; charset=utf-7"):
            assert send(admin, path, broken, content_type=kind).status_code in (303, 400, 404, 429), path
    changed = {name for name, rows in digest().items() if rows != before[name]}
    assert changed <= {"sign_in_throttle"}


def bodies() -> dict[str, tuple[Any, str]]:
    """Return bodies that are too much, with their content type."""
    return {
        "one field of 3 MB": (b"name=" + b"x" * 3_000_000, FORM),
        "more than all uploads": (b"x" * (32 * 1024 * 1024 + 1), FORM),
        "6000 fields": (b"&".join(b"f%d=x" % number for number in range(6000)), FORM),
        "70,000 tags": (b"&".join(b"tags=%d" % number for number in range(70_000)), FORM),
        "6000 parts": parts({f"f{number}": "x" for number in range(6000)}),
        "a part of 3 MB": parts({"name": "x" * 3_000_000}),
    }


def parts(data: dict[str, str]) -> tuple[bytes, str]:
    """Return a body of parts, and its content type."""
    heads = ((f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n', text) for name, text in data.items())
    return "".join(
        f"{head}{text}\r\n" for head, text in heads
    ).encode() + b"--x--\r\n", "multipart/form-data; boundary=x"


def test_a_body_that_is_too_large_is_refused_in_words(admin: Browser, world: World, app: Flask) -> None:
    before = digest()
    for name, (body, kind) in bodies().items():
        for path in (POSTED[0].format(mug=world.mug), "/admin/product/action/", "/login"):
            response = send(admin, path, body, content_type=kind)
            assert (response.status_code, heading(response)) == (413, "This is too large"), (name, path)
            assert "Go back, where what you typed still is" in response.text
        # Nobody has to be signed in to try.
        assert app.test_client().post("/login", data=body, content_type=kind).status_code == 413, name
    assert digest() == before


def test_a_body_of_unknown_length_is_held_to_the_same_size(admin: Browser, world: World) -> None:
    before = digest()
    body = f"csrf_token={admin.token}&version=1&name=".encode()
    for size, status in ((100, 303), (3_000_000, 413), (40_000_000, 413)):
        environ = {
            "wsgi.input": io.BytesIO(body + b"x" * size),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        }
        address = f"/admin/product/edit/?id={world.mug}"
        response = admin.client.post(address, content_type=FORM, environ_overrides=environ)
        assert response.status_code == status
        assert digest() == before or status == 303
        before = digest()


def test_an_honest_form_is_not_too_large(admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    description = f"<p>{'وصف ' * 24_000}</p>"
    response = admin.submit(address, description=description)
    assert response.status_code == 303
    assert product(world.mug).description == description.replace(" </p>", " </p>").strip()


# Forms.


def test_a_form_that_names_things_strangely_sets_nothing_by_that(admin: Browser, world: World) -> None:
    before = digest()
    for data in (
        {"version": "1", "name[]": ["a", "b"], "name[x]": "y", "name.text": "z", "NAME": "w", " name": "v"},
        {
            "version": "1",
            "id": "99",
            "trashed_at": "2026-01-01",
            "created_at": "2026-01-01",
            "updated_at": "2026-01-01",
        },
        {"version": "1", "_sa_instance_state": "x", "__class__": "x", "path": "/9/", "name_key": "x", "metadata": "x"},
        {"version": ["1", "9"], "name": ["Blue mug", "Other"], "sku": ["M-1", "X"]},
        {"version": "1", "_choice.name": "theirs", "_choice.nothing": "theirs", "_choice.": "theirs"},
        {"version": "1", "name": (io.BytesIO(b"x" * 100), "name.txt")},
    ):
        response = admin.post(f"/admin/product/edit/?id={world.mug}", data)
        assert response.status_code == 303
        assert digest() == before


VERSIONS = ("-1", "0", "2", "99999999", "2147483648", "9" * 18, "9" * 30, "", "abc", "1.0", "１", "1 OR 1=1", "\x00")


def test_a_form_of_another_state_is_refused_and_kept(admin: Browser, world: World) -> None:
    before = digest()
    for version in VERSIONS:
        typed = {"name": "Typed name", "version": version}
        response = admin.post(f"/admin/product/edit/?id={world.mug}", typed)
        assert response.status_code == 400, version
        assert form_of(response.text)["name"] == "Typed name"
        assert re.search("belongs to another state|does not say which state", response.text), version
        cell = {"id": world.mug, "price": "1", "version": version}
        answer = admin.post("/admin/product/ajax/update/", cell, headers={"Accept": "application/json"})
        assert answer.status_code == 400 and "Reload the page" in answer.json["message"], version
    typed = {"name": "Typed name"}
    assert admin.post(f"/admin/product/edit/?id={world.mug}", typed).status_code == 400
    assert digest() == before


ROWS = (
    ({}, "Nothing is ticked"),
    ({"rowid": [str(number) for number in range(1, 202)]}, "201 rows are too many at once. Tick at most 200."),
    ({"rowid": ["1", "abc"]}, "cannot be read"),
    ({"rowid": ["-1"]}, "cannot be read"),
    ({"rowid": ["9" * 40]}, "cannot be read"),
    ({"rowid": ["1", "\x00"]}, "cannot be read"),
    ({"rowid": ["999999999", "999999999999999999"]}, "Skipped: 2."),
    ({"rowid[]": ["1"]}, "Nothing is ticked"),
)


def test_ticked_rows_that_are_none_are_said(admin: Browser, world: World) -> None:
    before = digest()
    for data, said in ROWS:
        response = admin.post("/admin/product/action/", {"action": "trash"} | data, follow_redirects=True)
        assert response.status_code == 200 and said in response.text, data
    for name in ("", "destroy", "trash ", "action_view", "__class__", "x" * 10_000):
        response = admin.post("/admin/product/action/", {"action": name, "rowid": str(world.mug)})
        assert response.status_code == 400 and "This action is not known here." in response.text, name[:20]
    assert digest() == before


def test_a_row_ticked_twice_is_done_once(admin: Browser, world: World) -> None:
    rows = [str(world.mug)] * 100 + [f" {world.mug} ", f"0{world.mug}"]
    response = admin.post("/admin/product/action/", {"action": "trash", "rowid": rows}, follow_redirects=True)
    assert "1 moved to the trash." in response.text
    assert product(world.mug).version == 2


def test_what_is_done_twice_is_done_once(admin: Browser, world: World) -> None:
    deeds: list[tuple[str, dict[str, Any]]] = [
        ("/admin/product/ajax/update/", {"id": world.mug, "version": 1, "price": "13"}),
        ("/admin/product/action/", {"action": "publish", "rowid": [str(world.mug)]}),
        ("/admin/product/delete/", {"id": world.mug}),
        ("/admin/product/restore/", {"id": world.mug}),
        ("/admin/history/undo/", {"change_set": 3}),
    ]
    for address, data in deeds:
        assert admin.post(address, data).status_code == 303, address
        once = digest()
        assert admin.post(address, data, follow_redirects=True).status_code in (200, 405), address
        assert digest() == once, address


def test_too_many_names_at_once_are_kept_and_said(admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    names = ", ".join(f"name {number}" for number in range(1000))
    response = admin.post(address, {"version": "1", "tags": [str(world.tag)], "tags.add": names})
    assert response.status_code == 400
    assert "Tags: more than 50 at once are too many." in response.text
    assert names in response.text
    keys = [str(number) for number in range(1, 4000)]
    response = admin.post(address, {"version": "1", "tags": keys})
    assert response.status_code == 400
    assert "Tags: more than 1000 at once are too many." in response.text
    assert [tag.id for tag in product(world.mug).tags] == [world.tag]


# Every answer.


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_answer_carries_the_headers(admin: Browser, world: World) -> None:
    answers = [
        admin.get("/admin/"),
        admin.get("/login"),
        admin.get("/static/css/frame.css"),
        admin.get("/admin/nothing/"),
        admin.client.put("/admin/"),
        admin.raw_post("/admin/product/delete/", {}),
        admin.post("/admin/product/delete/", {"id": world.mug}),
        admin.get("/admin/product/ajax/lookup/?name=category_id"),
        admin.client.application.test_client().get("/admin/"),
        admin.client.options("/login"),
    ]
    for response in answers:
        assert HEADERS.items() <= dict(response.headers).items()
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "Strict-Transport-Security" not in response.headers
    assert all(
        response.headers["Cache-Control"] == "no-store" for response in answers if "css" not in response.mimetype
    )
