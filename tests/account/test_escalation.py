"""Who may manage people cannot make themselves more by the screens, whatever their forms are made to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import Base, db
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts, records
from backoffice.policy import Actor
from backoffice.writes import Unit
from tests.account.conftest import PASSWORD, Browser

NEW = "nineteen green kettles"

#: Tables whose every row must stay as it was.
GUARDED = ("user", "role", "user_role", "role_category", "change_set")


def rows() -> dict[str, Any]:
    db.session.rollback()
    tables = Base.metadata.tables
    return {name: sorted(map(repr, db.session.execute(select(tables[name])).all())) for name in GUARDED}


@pytest.fixture
def keys(person: Callable[..., int], house: Actor) -> dict[str, int]:
    """Return the keys of people and roles: `clerk` may do anything with both and nothing with the catalogue."""
    grants = [f"{name}:{verb}" for name in ("user", "role") for verb in ("create", "read", "update", "delete")]
    clerk = {"key": "clerk", "name": "Clerk", "grants": [*grants, "history:read"]}
    writes.run(house, "Make a role", lambda unit: records.create(unit, Role, clerk))
    found = {role.key: role.id for role in db.session.scalars(select(Role))}
    made = {name: person(f"{name}@example.org", *roles) for name, roles in PEOPLE.items()}
    return {f"role {key}": number for key, number in found.items()} | made


PEOPLE = {"admin": ("administrator",), "me": ("clerk",), "editing": ("editor",), "nobody": ()}

#: What is tried -> address and values; a name in braces is the key of that person or role.
TRIED: dict[str, tuple[str, dict[str, Any]]] = {
    "own roles": ("/admin/user/edit/?id={me}", {"roles": ["{role clerk}", "{role administrator}"]}),
    "roles of somebody": ("/admin/user/edit/?id={nobody}", {"roles": ["{role viewer}"]}),
    "roles of the administrator": ("/admin/user/edit/?id={admin}", {"roles": ["{role clerk}"]}),
    "password of the administrator": (
        "/admin/user/edit/?id={admin}",
        {"password": NEW, "password_confirm": NEW},
    ),
    "password of an editor": ("/admin/user/edit/?id={editing}", {"password": NEW, "password_confirm": NEW}),
    "address of the administrator": ("/admin/user/edit/?id={admin}", {"email": "mine@example.org"}),
    "administrator inactive": ("/admin/user/edit/?id={admin}", {"active.shown": "1", "name": "Gone"}),
    "secret fields": (
        "/admin/user/edit/?id={me}",
        {"password_hash": "x", "session_key": "x", "version": "1", "id": "{admin}"},
    ),
    "a new administrator": (
        "/admin/user/new/",
        {"email": "new@example.org", "roles": ["{role administrator}"], "password": NEW, "password_confirm": NEW},
    ),
    "a role of more, emptied": ("/admin/role/edit/?id={role editor}", {"grants.shown": "1", "name": "Nothing"}),
    "a role of more, hidden": ("/admin/role/edit/?id={role editor}", {"hidden_fields": "product.cost"}),
    "administrator to the trash": ("/admin/user/delete/", {"id": "{admin}"}),
    "editor to the trash": ("/admin/user/delete/", {"id": "{editing}"}),
    "role to the trash": ("/admin/role/delete/", {"id": "{role administrator}"}),
    "people to the trash": ("/admin/user/action/", {"action": "trash", "rowid": ["{admin}", "{editing}"]}),
    "cell of the administrator": ("/admin/user/ajax/update/", {"list_form_pk": "{admin}", "active": "0"}),
}


#: The matrix does not take boxes that its sender does not hold: the rest is saved, those are not.
NOT_TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a new role of everything": (
        "/admin/role/new/",
        {"key": "all", "name": "All", "grants": ["*", "product:read", "user:read"]},
    ),
    "own role with everything": ("/admin/role/edit/?id={role clerk}", {"grants": ["*", "user:read", "brand:read"]}),
}


def filled(value: Any, keys: dict[str, int]) -> Any:
    """Return `value` with the names in braces replaced by their keys."""
    if isinstance(value, dict):
        return {name: filled(item, keys) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, keys) for item in value]
    return value.format_map(keys) if isinstance(value, str) else value


@pytest.fixture
def clerk(keys: dict[str, int], browser: Callable[[], Browser]) -> Browser:
    client = browser()
    client.sign_in("me@example.org")
    return client


def test_no_form_gives_more_than_its_sender_holds(
    clerk: Browser, keys: dict[str, int], subtests: pytest.Subtests
) -> None:
    for tried, (address, values) in TRIED.items():
        with subtests.test(tried):
            before = rows()
            clerk.get("/profile")
            answer = clerk.submit(filled(address, keys), {"version": "1"} | filled(values, keys))
            assert answer.status_code < 500
            assert rows() == before


def test_the_matrix_takes_only_what_its_sender_holds(clerk: Browser, keys: dict[str, int]) -> None:
    for address, values in NOT_TAKEN.values():
        clerk.get("/profile")
        clerk.submit(filled(address, keys), {"version": "1"} | filled(values, keys))
    db.session.rollback()
    roles = {role.key: role.grants for role in db.session.scalars(select(Role))}
    assert roles["all"] == ["user:read"]
    assert roles["clerk"] == ["history:read", "user:read"] or roles["clerk"] == ["user:read"]


def test_the_same_forms_serve_who_may(keys: dict[str, int], browser: Callable[[], Browser]) -> None:
    client = browser()
    client.sign_in("admin@example.org")
    every = TRIED | NOT_TAKEN
    for tried in ("roles of somebody", "password of an editor", "a new role of everything", "editor to the trash"):
        address, values = every[tried]
        client.get("/profile")
        before = rows()
        answer = client.submit(filled(address, keys), {"version": "1"} | filled(values, keys))
        assert answer.status_code in (302, 303), answer.text
        assert rows() != before, tried


def test_undo_by_the_screen_gives_nothing_back(app: Flask, clerk: Browser, keys: dict[str, int], house: Actor) -> None:
    def work(unit: Unit) -> None:
        accounts.assign_roles(unit, unit.get(User, keys["editing"]), [])

    _result, receipt = writes.run(house, "Take the roles", work)
    before = rows()
    clerk.get("/profile")
    answer = clerk.submit("/admin/history/undo/", {"change_set": str(receipt.change_set_id)})
    assert answer.status_code in (303, 400, 403)
    assert rows() == before


def test_the_last_administrator_stays_by_every_screen(
    keys: dict[str, int], browser: Callable[[], Browser], subtests: pytest.Subtests
) -> None:
    client = browser()
    client.sign_in("admin@example.org")
    before = rows()
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "roles": ("/admin/user/edit/?id={admin}", {"roles": ["{role clerk}"]}),
        "trash": ("/admin/user/delete/", {"id": "{admin}"}),
        "action": ("/admin/user/action/", {"action": "trash", "rowid": ["{admin}"]}),
        "role to the trash": ("/admin/role/delete/", {"id": "{role administrator}"}),
        "role without rights": ("/admin/role/edit/?id={role administrator}", {"grants": ["product:read"]}),
        "role key": ("/admin/role/edit/?id={role administrator}", {"key": "boss"}),
    }
    for way, (address, values) in ways.items():
        with subtests.test(way):
            client.get("/profile")
            answer = client.submit(filled(address, keys), {"version": "1"} | filled(values, keys))
            assert answer.status_code < 500
            assert rows() == before
    assert client.is_signed_in()
    assert browser().sign_in("admin@example.org", PASSWORD).status_code == 303
