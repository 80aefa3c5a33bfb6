"""Somebody who means ill, at the screens of roles and people: a preview tells and writes no more than it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations.presets import PRESETS
from backoffice.policy import Actor

from .conftest import SHIPPED, Browser, World, digest

ROLE, USER = "/admin/role/", "/admin/user/"
JSON = {"Accept": "application/json"}
ROLES = ("role:read", "role:create", "role:update", "role:delete")
USERS = ("user:read", "user:create", "user:update", "user:delete")


@pytest.fixture
def somebody(newcomer: Callable[..., Browser]) -> Callable[..., Browser]:
    """Return what opens a browser for somebody with `grants`, of one role or of two."""

    def opened(*grants: str, **more: Any) -> Browser:
        return newcomer(grants, **more)

    return opened


@pytest.fixture
def small(world: World, house: Actor) -> int:
    """Return a role that gives little, which the purchasing desk holds."""
    with writes.unit(house, "Small", source="system") as unit:
        role = unit.add(Role(key="small", name="Small", grants=["brand:read"], hidden_fields=["brand.website"]))
        unit.add(User(email="purchasing@example.org", name="Purchasing desk", roles=[role], password_hash="unused"))
    db.session.rollback()
    return role.id


def effects(browser: Browser, address: str, **data: Any) -> Any:
    return browser.post(address, data, headers=JSON)


# Previews.


def test_a_preview_writes_nothing_and_names_people_only_to_who_sees_them(
    somebody: Callable[..., Browser], small: int
) -> None:
    browser = somebody(*ROLES, "brand:read", "brand:update")
    before = digest()
    for data in (
        {"grants": ["brand:read", "brand:update"], "grants.shown": "1", "name": "Small"},
        {"grants": [], "grants.shown": "1", "name": "Small"},
    ):
        for headers in (JSON, {}):
            answer = browser.post(f"{ROLE}effects/?id={small}", data, headers=headers)
            assert answer.status_code == 200
            assert "Purchasing" not in answer.text and "purchasing" not in answer.text
        told = effects(browser, f"{ROLE}effects/?id={small}", **data).json["effects"]
        assert "person" not in told and "people" not in told, "nor how many they are"
    assert digest() == before


@pytest.mark.parametrize("hidden", ["user.roles", "user.active"])
def test_who_holds_a_role_is_not_told_to_who_does_not_see_the_roles_of_people(
    somebody: Callable[..., Browser], small: int, hidden: str
) -> None:
    browser = somebody(*ROLES, "user:read", besides=("brand:read", "brand:update"), hidden_fields=[hidden])
    data = {"grants": ["brand:read", "brand:update"], "grants.shown": "1", "name": "Small"}
    told = effects(browser, f"{ROLE}effects/?id={small}", **data).json["effects"]
    assert "brands" in told
    assert "Purchasing" not in told and "1 person" not in told and "roles=" not in told, told


def test_rights_that_are_hidden_are_not_told_by_a_preview(
    somebody: Callable[..., Browser], small: int, world: World
) -> None:
    browser = somebody(
        *ROLES, "user:read", "user:update", "brand:read", "brand:update", "category:read", hidden_fields=["role.grants"]
    )
    assert "brand:read" not in browser.get(f"{ROLE}details/?id={small}").text
    for data in (
        {"categories": [str(world.cups)], "categories.shown": "1", "name": "Small"},
        {"hidden_fields": "", "name": "Small"},
    ):
        told = effects(browser, f"{ROLE}effects/?id={small}", **data).json["effects"]
        assert "brands" not in told, told
    for address in (ROLE, f"{ROLE}?q=small", f"{ROLE}details/?id={small}"):
        # What the role does not show is another field, which this reader sees.
        page = browser.get(address).text.partition("<main")[2].replace("Website (Brands)", "")
        assert "Brands" not in page, f"{address} tells what the role gives"


def test_the_letters_of_people_are_told_only_to_who_sees_their_roles_and_what_those_give(
    somebody: Callable[..., Browser], small: int
) -> None:
    browser = somebody(*USERS, *ROLES, "brand:read", hidden_fields=["user.roles"])
    purchasing = db.session.scalars(select(User.id).where(User.name == "Purchasing desk")).one()
    for address in (f"{USER}?q=purchasing", f"{USER}details/?id={purchasing}", f"{USER}edit/?id={purchasing}"):
        page = browser.get(address).text.partition("<main")[2]
        assert "Purchasing" in page
        assert "Brands" not in page and "Small" not in page, address
    told = effects(
        browser,
        f"{USER}effects/?id={purchasing}",
        active="",
        **{"active.shown": "1", "email": "purchasing@example.org"},
    )
    assert "brands" not in told.json["effects"], told.json


def test_a_preview_does_not_tell_what_roles_hold_that_are_not_seen(
    somebody: Callable[..., Browser], small: int
) -> None:
    """Who may change people may not see roles: neither what one is called nor what it gives."""
    browser = somebody(*USERS, "brand:read", "brand:update")
    purchasing = db.session.scalars(select(User.id).where(User.name == "Purchasing desk")).one()
    roles = db.session.scalars(select(Role.id).order_by(Role.id)).all()
    db.session.rollback()
    before = digest()
    for role in (*roles, 99999):
        told = effects(
            browser,
            f"{USER}effects/?id={purchasing}",
            roles=[str(role)],
            active="y",
            **{"roles.shown": "1", "active.shown": "1", "email": "purchasing@example.org"},
        )
        text = told.json["effects"]
        for name in (
            "Administrator",
            "Catalogue manager",
            "Editor",
            "Viewer",
            "Small",
            "products",
            "Products",
            "brands",
        ):
            assert name not in text, (role, text)
    assert digest() == before


def test_a_preview_does_not_tell_of_categories_out_of_reach(
    somebody: Callable[..., Browser], small: int, world: World
) -> None:
    browser = somebody(*ROLES, "brand:read", "category:read", "product:read", scope=(world.phones,))
    told = [
        effects(
            browser,
            f"{ROLE}effects/new/",
            name="New",
            grants=["product:read"],
            categories=[str(key)],
            **{"grants.shown": "1", "categories.shown": "1"},
        )
        .json["effects"]
        .replace(f"#{key}", "#KEY")
        for key in (world.cups, 99999)
    ]
    assert told[0] == told[1]
    assert "Cups" not in told[0]


@pytest.mark.parametrize("who", ["viewer", "editor", "phones-only", None])
def test_who_may_not_change_rights_previews_nothing(
    sign_in: Callable[..., Browser], world: World, small: int, who: str | None
) -> None:
    browser = sign_in(who)
    data = {"csrf_token": browser.token if who else "x", "name": "X", "email": "x@example.org"}
    before = digest()
    for address in (
        f"{ROLE}effects/?id={small}",
        f"{ROLE}effects/new/",
        f"{USER}effects/?id={world.users['viewer']}",
        f"{USER}effects/new/",
        f"{ROLE}effects/?id=abc",
        f"{ROLE}effects/?id={'9' * 40}",
        f"{ROLE}effects/",
    ):
        for headers in ({}, JSON):
            status = browser.raw_post(address, data, headers=headers).status_code
            assert status in ((403, 404) if who else (302, 303, 400, 401)), (address, status)
    assert digest() == before


def test_previews_take_anything_and_write_nothing(admin: Browser, small: int, world: World) -> None:
    odd = [
        "abc",
        "-1",
        "9" * 18,
        "9" * 40,
        "%00",
        "\x00",
        "x" * 10_000,
        "<b>",
        "%(who)s",
        "\u2069\u2068",
        "*",
        "role:*",
        "a:b:c",
    ]
    before = digest()
    for one in odd:
        for address in (
            f"{ROLE}effects/?id={small}",
            f"{ROLE}effects/new/",
            f"{USER}effects/new/",
            f"{USER}effects/?id={world.users['viewer']}",
        ):
            for name in (
                "name",
                "email",
                "grants",
                "categories",
                "hidden_fields",
                "locked_fields",
                "roles",
                "active",
                "id",
                "version",
            ):
                data = {
                    "name": "N",
                    "email": "n@example.org",
                    "grants.shown": "1",
                    "categories.shown": "1",
                    "roles.shown": "1",
                }
                answer = admin.post(address, data | {name: one}, headers=JSON)
                assert answer.status_code in (200, 400, 404), (address, name, one, answer.status_code)
                assert "<b>" not in answer.text or name not in ("name", "email")
    assert digest() == before


def test_statements_of_a_preview_do_not_grow(admin: Browser, small: int, house: Actor, statements: list[str]) -> None:
    data = {"grants": ["brand:read", "brand:update"], "grants.shown": "1", "name": "Small"}

    def counted() -> dict[str, int]:
        found = {}
        for address in (f"{ROLE}effects/?id={small}", f"{ROLE}effects/new/"):
            effects(admin, address, **data)
            statements.clear()
            assert effects(admin, address, **data).status_code == 200
            found[address] = len(statements)
        for address in (ROLE, f"{ROLE}new/", USER):
            admin.get(address)
            statements.clear()
            admin.get(address)
            found[address] = len(statements)
        return found

    with writes.unit(house, "One", source="system") as unit:
        one = unit.add(Role(key="m", name="M", grants=["tag:read"]))
        unit.add(User(email="m@example.org", roles=[unit.get(Role, small), one], password_hash="unused"))
    few = counted()
    with writes.unit(house, "Many", source="system") as unit:
        role = unit.get(Role, small)
        phones = unit.session.scalars(select(Category)).first()
        for number in range(12):
            other = unit.add(Role(key=f"m{number}", name=f"M{number}", grants=["tag:read"], categories=[phones]))
            unit.add(User(email=f"m{number}@example.org", roles=[role, other], password_hash="unused"))
    db.session.rollback()
    assert counted() == few


# What somebody may start from, and what they may give.


@pytest.mark.parametrize("start", [f"preset:{key}" for key in PRESETS] + ["copy:{administrator}", "copy:{phones-only}"])
def test_a_start_gives_nothing_that_one_does_not_hold(
    somebody: Callable[..., Browser], world: World, start: str
) -> None:
    browser = somebody(*ROLES, "brand:read", "brand:update", "category:read")
    form = browser.form(f"{ROLE}new/?start={start.format(**world.roles)}")
    assert set(form.get("grants", [])) <= {"brand:read", "brand:update", "category:read", *ROLES}
    answer = browser.post(f"{ROLE}new/", form | {"name": "Begun", "key": "begun"})
    before = digest()
    if answer.status_code == 303:
        db.session.rollback()
        begun = db.session.scalars(select(Role).where(Role.key == "begun")).one()
        assert set(begun.grants) <= {"brand:read", "brand:update", "category:read", *ROLES}
    for grants in (["*"], ["product:read"], ["user:update"]):
        data = {"name": "Forged", "key": "forged", "grants": grants, "grants.shown": "1"}
        browser.post(f"{ROLE}new/?start={start.format(**world.roles)}", form | data)
    db.session.rollback()
    forged = db.session.scalars(select(Role).where(Role.key == "forged")).all()
    assert all(not one.grants for one in forged)
    assert before


def test_a_copy_does_not_tell_fields_that_are_not_seen(somebody: Callable[..., Browser], world: World) -> None:
    """What one role lets be set and another lets be seen without it."""
    browser = somebody(
        "role:read", "brand:read", besides=("role:create",), hidden_fields=["role.grants", "role.description"]
    )
    for start in (f"start=copy:{world.roles['catalogue-manager']}", f"copy={world.roles['catalogue-manager']}"):
        page = browser.get(f"{ROLE}new/?{start}")
        assert page.status_code == 200
        assert "you do not hold it yourself: " not in page.text, "what was left out tells what it gives"


def test_starts_that_are_none_are_answered(admin: Browser) -> None:
    for start in (
        "preset:",
        "preset:x",
        "copy:",
        "copy:abc",
        "copy:-1",
        f"copy:{'9' * 40}",
        "copy:99999",
        ":",
        "%00",
        "x" * 9000,
    ):
        assert admin.get(f"{ROLE}new/?start={start}").status_code in (200, 404), start[:20]


# Somebody can always administer the house.


@pytest.mark.parametrize(
    "change",
    [
        {"categories": ["{phones}"], "categories.shown": "1"},
        {"hidden_fields": "user.roles"},
        {"locked_fields": "role.grants"},
        {"grants": ["role:read"], "grants.shown": "1"},
        {"grants.shown": "1", "grants": []},
        {"key": "other"},
    ],
)
def test_the_administrator_role_is_not_narrowed(admin: Browser, world: World, change: dict[str, Any]) -> None:
    address = f"{ROLE}edit/?id={world.roles['administrator']}"
    form = admin.form(address)
    form.pop("grants", None)
    filled = {
        name: [one.format(phones=world.phones) for one in value] if isinstance(value, list) else value
        for name, value in change.items()
    }
    before = digest()
    answer = admin.post(address, form | {"grants": ["*"]} | filled)
    assert answer.status_code in (200, 400), answer.status_code
    assert digest() == before
    told = effects(admin, f"{ROLE}effects/?id={world.roles['administrator']}", **form | {"grants": ["*"]} | filled)
    assert told.status_code == 200
    if "key" not in change:
        assert "gives every right without limits" in told.json["effects"], told.json


# Names that mean something to machines.

NAMES = [
    "%(who)s",
    "100%",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\u2069<i>b\u2068c",
    "a\u202eb",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_mean_something_to_machines(admin: Browser, house: Actor, world: World, name: str) -> None:
    with writes.unit(house, "Names") as unit:
        role = unit.add(Role(key="odd", name=name, grants=["brand:read"]))
        user = unit.add(User(email="odd@example.org", name=name, roles=[role], password_hash="unused"))
        category = unit.get(Category, world.phones)
        category.name = name
    data = {
        "name": name,
        "grants": ["brand:update", "brand:read"],
        "grants.shown": "1",
        "categories": [str(world.phones)],
        "categories.shown": "1",
    }
    answers = [
        effects(admin, f"{ROLE}effects/?id={role.id}", **data),
        effects(admin, f"{ROLE}effects/new/", **data),
        effects(
            admin,
            f"{USER}effects/?id={user.id}",
            roles=[str(world.roles["viewer"])],
            email="odd@example.org",
            name=name,
            **{"roles.shown": "1"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200
        told = answer.json["effects"]
        assert "<script" not in told and "<img" not in told and "<i>" not in told
        assert told.count("<bdi>") == told.count("</bdi>")
        depth = 0
        for piece in told.replace("</bdi>", "\x01").replace("<bdi>", "\x02"):
            depth += {"\x01": -1, "\x02": 1}.get(piece, 0)
            assert 0 <= depth <= 1, told
    for address in (
        ROLE,
        f"{ROLE}edit/?id={role.id}",
        f"{ROLE}new/",
        USER,
        f"{USER}edit/?id={user.id}",
        "/admin/history/",
    ):
        for language in ("en", "de", "ar"):
            page = admin.get(address, headers={"Accept-Language": language})
            assert page.status_code == 200 and "<script>alert" not in page.text and "<img src=x" not in page.text


def test_the_shipped_roles_are_there(world: World) -> None:
    assert set(SHIPPED) <= world.roles.keys()


def test_a_refusal_does_not_tell_what_a_role_gives_that_is_not_seen(
    somebody: Callable[..., Browser], small: int
) -> None:
    browser = somebody(*USERS)
    purchasing = db.session.scalars(select(User.id).where(User.name == "Purchasing desk")).one()
    before = digest()
    answer = browser.submit(f"{USER}edit/?id={purchasing}", name="Purchasing office")
    assert answer.status_code == 400 and "holds rights that you do not hold" in answer.text
    assert "brand:read" not in answer.text
    assert digest() == before
