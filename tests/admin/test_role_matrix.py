"""The matrix of a role: what a change says before it is saved, whom it concerns, and what it starts from."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from markupsafe import Markup
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from wtforms import Form

from admin_views.matrix import GrantsField
from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.base import fields_of
from backoffice.models.category import Category
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations.presets import PRESETS
from backoffice.operations.rights_change import Difference, compare
from backoffice.policy import Actor, RoleRights

from .conftest import SHIPPED, Browser, World, digest, form_of

JSON = {"Accept": "application/json"}

LIST_ITEM = re.compile(r"<li>(?!<details>)(.*?)</li>", re.DOTALL)
NOTE = re.compile(r'<p class="effects-note[^"]*">.*?<span>(.*?)</span></p>', re.DOTALL)


def lines(pattern: re.Pattern[str], html: str) -> list[str]:
    return [" ".join(str(Markup(found).striptags()).split()) for found in pattern.findall(html)]


def told(browser: Browser, address: str, sent: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the sentences and the notes that a script is answered."""
    response = browser.post(address, sent, headers=JSON)
    assert response.status_code == 200, response.text[:300]
    html = response.json["effects"]
    return lines(LIST_ITEM, html), lines(NOTE, html)


def effects_of_role(browser: Browser, world: World, role: str, **changes: Any) -> tuple[list[str], list[str]]:
    key = world.roles[role]
    return told(browser, f"/admin/role/effects/?id={key}", browser.form(f"/admin/role/edit/?id={key}") | changes)


def effects_of_user(browser: Browser, key: int, **changes: Any) -> tuple[list[str], list[str]]:
    form = browser.form(f"/admin/user/edit/?id={key}")
    gone = [name for name, value in changes.items() if value is None]
    return told(
        browser,
        f"/admin/user/effects/?id={key}",
        {name: value for name, value in (form | changes).items() if name not in gone},
    )


def stored_grants(role: str) -> set[str]:
    db.session.rollback()
    found = db.session.query(Role).filter_by(key=role).one()
    return set(found.grants)


@pytest.fixture
def teams(world: World, house: Actor) -> dict[str, int]:
    """Return people with several roles: keys by name."""
    with writes.unit(house, "Teams", source="system") as unit:
        roles = {key: unit.get(Role, number) for key, number in world.roles.items()}
        people = {
            "both": User(email="both@example.org", name="Both", roles=[roles["editor"], roles["catalogue-manager"]]),
            "twice": User(email="twice@example.org", roles=[roles["editor"], roles["viewer"]]),
            "left": User(email="left@example.org", name="Left", roles=[roles["editor"]], active=False),
        }
        unit.session.add_all(people.values())
        unit.session.flush()
        keys = {name: user.id for name, user in people.items()}
    db.session.rollback()
    return keys


def without(role: str, *grants: str) -> list[str]:
    return sorted(stored_grants(role) - set(grants))


def with_(role: str, *grants: str) -> list[str]:
    return sorted(stored_grants(role) | set(grants))


# What is compared.

READ, WHOLE = frozenset({"product:read"}), frozenset({"product:read", "product:update"})


def role(grants: frozenset[str], *scope: str, **limits: Any) -> RoleRights:
    return RoleRights("r", grants, scope, **{name: frozenset(value) for name, value in limits.items()})


PRICE, COST = {"product.price"}, {"product.cost"}
COST_LOST = (("product", "read", "cost"),)

COMPARED: dict[str, tuple[list[RoleRights], list[RoleRights], dict[str, Any]]] = {
    "nothing": ([role(WHOLE)], [role(WHOLE)], {}),
    "a verb": ([role(READ)], [role(WHOLE)], {"gained": (("product", "update"),)}),
    "a verb lost": ([role(WHOLE)], [role(READ)], {"lost": (("product", "update"),)}),
    "kept by another role": ([role(WHOLE), role(READ)], [role(WHOLE)], {}),
    "another that ends at a category": ([role(READ), role(READ, "/1/")], [role(READ, "/1/")],
                                        {"narrower": (("product", "read"),)}),
    "a category more": ([role(READ, "/1/")], [role(READ, "/1/", "/2/")], {"wider": (("product", "read"),)}),
    "a category below": ([role(READ, "/1/")], [role(READ, "/1/3/")], {"narrower": (("product", "read"),)}),
    "other categories": ([role(READ, "/1/")], [role(READ, "/2/")],
                         {"wider": (("product", "read"),), "narrower": (("product", "read"),)}),
    "a subtree that two roles reach": ([role(READ, "/1/"), role(READ, "/2/"), role(READ, "/1/", "/2/")],
                                       [role(READ, "/1/"), role(READ, "/2/")], {}),
    "a hidden field": ([role(READ)], [role(READ, hidden=COST)], {"fields_lost": COST_LOST}),
    "a hidden field that another role shows": ([role(READ), role(READ)], [role(READ, hidden=COST), role(READ)], {}),
    "a field shown where another role ends": ([role(READ, hidden=COST)], [role(READ, hidden=COST), role(READ, "/1/")],
                                              {"fields_gained": COST_LOST}),
    "a locked field": ([role(WHOLE)], [role(WHOLE, locked=PRICE)],
                       {"fields_lost": (("product", "update", "price"),)}),
    "what is not seen is not changed either": ([role(WHOLE)], [role(WHOLE, hidden=COST)],
                                               {"fields_lost": (*COST_LOST, ("product", "update", "cost"))}),
    "an area": ([], [role(frozenset({"history:read"}))], {"gained": (("history", "read"),)}),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPARED)
def test_what_somebody_gains_and_loses(bare: Flask, case: str) -> None:
    before, after, expected = COMPARED[case]
    found = compare(Actor(1, "x", tuple(before)), Actor(1, "x", tuple(after)))
    assert found == Difference(**expected)


def test_everything_is_all_that_there_is(bare: Flask) -> None:
    found = compare(Actor(1, "x"), Actor(1, "x", (role(frozenset({"*"})),)))
    assert {f"{name}:{verb}" for name, verb in found.gained} == policy.all_grants() and not found.loses


# What a role says.

SAID: dict[str, tuple[str, Callable[[World], dict[str, Any]], list[str]]] = {
    "nothing": ("editor", lambda world: {"description": "Other"}, []),
    "one right more": (
        "editor",
        lambda world: {"grants": with_("editor", "product:delete")},
        ["“Editor” may now delete products."],
    ),
    "one right less": (
        "editor",
        lambda world: {"grants": without("editor", "product:create")},
        ["“Editor” may no longer create products."],
    ),
    "one verb on several": (
        "editor",
        lambda world: {"grants": with_("editor", "product:export", "brand:export", "tag:export")},
        ["“Editor” may now export brands, products, and tags."],
    ),
    "gains come first": (
        "editor",
        lambda world: {"grants": [*without("editor", "tag:update", "tag:create"), "product:publish"]},
        [
            "“Editor” may now publish products.",
            "“Editor” may no longer create tags.",
            "“Editor” may no longer change tags.",
        ],
    ),
    "update brings read": (
        "viewer",
        lambda world: {"grants": with_("viewer", "user:update")},
        ["“Viewer” may now see users.", "“Viewer” may now change users."],
    ),
    "another name": (
        "viewer",
        lambda world: {"name": "Guest", "grants": with_("viewer", "user:read")},
        ["“Guest” may now see users."],
    ),
    "everything": (
        "viewer",
        lambda world: {"grants": with_("viewer", "*")},
        ["“Viewer” may now do everything, also what later releases bring."],
    ),
    "everything but a field": (
        "viewer",
        lambda world: {"grants": with_("viewer", "*"), "hidden_fields": "product.cost"},
        [
            "“Viewer” may now do everything, also what later releases bring.",
            "“Viewer” no longer sees Cost (Products).",
        ],
    ),
    "limited": (
        "editor",
        lambda world: {"categories": [str(world.cases)]},
        ["“Editor” is now limited to Phones › Cases."],
    ),
    "limited elsewhere": (
        "phones-only",
        lambda world: {"categories": [str(world.cups)]},
        ["“Phones only” now also reaches Cups.", "“Phones only” no longer reaches Phones."],
    ),
    "no longer limited": (
        "phones-only",
        lambda world: {"categories": []},
        ["“Phones only” now reaches the whole catalogue."],
    ),
    "hidden": (
        "viewer",
        lambda world: {"hidden_fields": "product.cost\nproduct.price"},
        ["“Viewer” no longer sees Cost (Products) and Price (Products)."],
    ),
    "shown again": (
        "phones-only",
        lambda world: {"hidden_fields": ""},
        ["“Phones only” now sees Cost (Products)."],
    ),
    "locked": (
        "editor",
        lambda world: {"locked_fields": "product.price"},
        ["“Editor” may no longer change Price (Products)."],
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_a_change_of_a_role_reads_as_sentences(admin: Browser, world: World, case: str) -> None:
    name, changes, expected = SAID[case]
    before = digest()
    said, _notes = effects_of_role(admin, world, name, **changes(world))
    assert said == expected
    assert digest() == before


def test_many_sentences_fold(admin: Browser, world: World) -> None:
    key = world.roles["viewer"]
    form = admin.form(f"/admin/role/edit/?id={key}") | {"grants": sorted(policy.all_grants())}
    html = admin.post(f"/admin/role/effects/?id={key}", form, headers=JSON).json["effects"]
    assert "<summary>and 3 more</summary>" in html
    # What the matrix had already is not said again.
    assert lines(LIST_ITEM, html)[0] == "“Viewer” may now see house settings, roles, and users."
    assert len(lines(LIST_ITEM, html)) == 7


# Whom it concerns.

CONCERNED: dict[str, tuple[str, Callable[[], dict[str, Any]], list[str]]] = {
    "all of them": (
        "editor",
        lambda: {"grants": with_("editor", "user:read")},
        ["Gains for 3 people: editor@example.org, Both, and twice@example.org. All who hold it"],
    ),
    "not who has it by another role": (
        "editor",
        lambda: {"grants": with_("editor", "product:delete")},
        ["Gains for 2 people: editor@example.org and twice@example.org. All who hold it"],
    ),
    "not who keeps it by another role": (
        "editor",
        lambda: {"grants": without("editor", "tag:read", "tag:create", "tag:update")},
        ["Losses for 2 people: editor@example.org and twice@example.org. All who hold it"],
    ),
    "both": (
        "editor",
        lambda: {"grants": [*without("editor", "tag:create"), "user:read"]},
        [
            "Gains for 3 people: editor@example.org, Both, and twice@example.org.",
            "Losses for 2 people: editor@example.org and twice@example.org. All who hold it",
        ],
    ),
    "nobody": (
        "editor",
        lambda: {"locked_fields": "category.name", "hidden_fields": "", "grants": without("editor")},
        ["Losses for 2 people: editor@example.org and twice@example.org. All who hold it"],
    ),
    "one person": (
        "phones-only",
        lambda: {"hidden_fields": ""},
        ["Gains for 1 person: phones-only@example.org. All who hold it"],
    ),
}


@pytest.mark.parametrize("case", CONCERNED)
def test_who_gains_and_who_loses(admin: Browser, world: World, teams: dict[str, int], case: str) -> None:
    name, changes, expected = CONCERNED[case]
    _said, notes = effects_of_role(admin, world, name, **changes())
    assert notes == expected


def test_nobody_is_concerned(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Roles", source="system") as unit:
        spare = unit.add(Role(key="spare", name="Spare", grants=["product:read"]))
        viewer = unit.get(User, world.users["viewer"])
        viewer.roles = [*viewer.roles, spare]
        empty = unit.add(Role(key="empty", name="Empty", grants=["product:read"]))
        unit.session.flush()
        world.roles |= {"spare": spare.id, "empty": empty.id}
    db.session.rollback()
    _said, notes = effects_of_role(admin, world, "spare", grants=["product:read", "brand:read"])
    assert notes == [
        "Nothing changes for the 1 person who holds this role: another one gives the same. All who hold it"
    ]
    assert effects_of_role(admin, world, "empty", grants=["tag:read"])[1] == ["Nobody holds this role yet."]


def test_people_are_named_to_five_and_listed(admin: Browser, world: World, house: Actor) -> None:
    hire(house, world, "editor", 9)
    _said, notes = effects_of_role(admin, world, "editor", grants=with_("editor", "user:read"))
    assert notes == [
        "Gains for 10 people: editor@example.org, Person 0, Person 1, Person 2, Person 3, and 5 more. All who hold it"
    ]
    page = admin.get(f"/admin/user/?roles={world.roles['editor']}").text
    assert "person8@example.org" in page and "viewer@example.org" not in page


def hire(house: Actor, world: World, role: str, count: int, start: int = 0) -> None:
    with writes.unit(house, "Hire", source="system") as unit:
        held = unit.get(Role, world.roles[role])
        numbers = range(start, start + count)
        unit.session.add_all(
            User(email=f"person{number}@example.org", name=f"Person {number}", roles=[held]) for number in numbers
        )
    db.session.rollback()


def test_statements_do_not_grow_with_people(
    admin: Browser, world: World, house: Actor, teams: dict[str, int], statements: list[str]
) -> None:
    def counted() -> int:
        key = world.roles["editor"]
        sent = admin.form(f"/admin/role/edit/?id={key}") | {"grants": with_("editor", "user:read")}
        statements.clear()
        assert admin.post(f"/admin/role/effects/?id={key}", sent, headers=JSON).status_code == 200
        return len(statements)

    assert admin.token
    few = counted()
    hire(house, world, "editor", 60)
    assert counted() == few


def test_who_may_not_see_people_is_told_of_none(world: World, sign_in: Callable[..., Browser], house: Actor) -> None:
    with writes.unit(house, "Clerk", source="system") as unit:
        grants = ["role:read", "role:update", "product:read", "product:update", "category:read", "history:read"]
        clerk = unit.add(Role(key="clerk", name="Clerk", grants=grants))
        plain = unit.add(Role(key="plain", name="Plain", grants=["product:read"]))
        unit.session.add(User(email="clerk@example.org", roles=[clerk], password_hash="unused"))
        unit.session.add(User(email="secret@example.org", roles=[plain], password_hash="unused"))
        unit.session.flush()
        world.roles |= {"plain": plain.id, "clerk": clerk.id}
        world.users["clerk"] = unit.session.query(User.id).filter_by(email="clerk@example.org").scalar()
    db.session.rollback()
    browser = sign_in("clerk")
    said, notes = effects_of_role(browser, world, "plain", grants=["product:read", "product:update"])
    assert said == ["“Plain” may now change products."] and notes == []
    # A box that they do not hold is not taken, and so not told.
    assert effects_of_role(browser, world, "plain", grants=["product:read", "user:read"]) == ([], [])
    _said, notes = effects_of_role(browser, world, "clerk", grants=grants[:1] + grants[2:])
    assert notes == ["You would lose this yourself, and could change no role any more."]
    _said, notes = effects_of_role(browser, world, "clerk", grants=[*grants[:3], *grants[4:]])
    assert notes == ["You would lose this yourself: “Change: Products”."]
    _said, notes = effects_of_role(browser, world, "editor", name="Editors", locked_fields="product.price")
    assert notes == ["“Editor” holds rights that you do not hold; somebody who does can make this change."]


def test_the_administrator_role_cannot_be_narrowed(admin: Browser, world: World) -> None:
    address = f"/admin/role/edit/?id={world.roles['administrator']}"
    said, notes = effects_of_role(admin, world, "administrator", grants=["product:read"])
    assert said[0].startswith("“Administrator” no longer does everything by itself")
    assert notes[0] == "The administrator role gives every right without limits. Make another role for less."
    before = digest()
    assert admin.submit(address, grants=["product:read"]).status_code == 400
    assert digest() == before


# Who may ask.

DENIED = (
    "/admin/role/effects/?id={roles[viewer]}",
    "/admin/role/effects/new/",
    "/admin/user/effects/?id={users[viewer]}",
    "/admin/user/effects/new/",
)


@pytest.mark.parametrize("address", DENIED)
def test_who_may_see_but_not_save_is_told_nothing(
    world: World, sign_in: Callable[..., Browser], house: Actor, address: str
) -> None:
    with writes.unit(house, "Grant", source="system") as unit:
        viewer = unit.get(Role, world.roles["viewer"])
        viewer.grants = [*viewer.grants, "role:read", "user:read"]
    before = digest()
    sent = {"grants": ["product:read"], "roles": [str(world.roles["administrator"])]}
    response = sign_in("viewer").post(address.format(**vars(world)), sent, headers=JSON)
    assert response.status_code == 403 and "effects" not in response.json
    assert digest() == before


def test_a_preview_needs_the_token(admin: Browser, world: World) -> None:
    address = f"/admin/role/effects/?id={world.roles['viewer']}"
    assert admin.raw_post(address, {"grants": ["product:read"]}, headers=JSON).status_code == 400
    assert admin.get(address).status_code == 405


def test_the_preview_without_script_shows_the_form_as_it_stands(admin: Browser, world: World) -> None:
    key = world.roles["editor"]
    page = admin.get(f"/admin/role/edit/?id={key}").text
    assert f'formaction="/admin/role/effects/?id={key}"' in page
    sent = form_of(page) | {"grants": with_("editor", "product:delete"), "description": "As typed"}
    before = digest()
    shown = admin.post(f"/admin/role/effects/?id={key}", sent)
    assert shown.status_code == 200 and digest() == before
    assert lines(LIST_ITEM, shown.text[shown.text.index('data-part="effects"') :])[0] == (
        "“Editor” may now delete products."
    )
    again = form_of(shown.text)
    assert "product:delete" in again["grants"] and again["description"] == "As typed"
    # It is saved where it came from, at the version that it was opened with.
    assert f'action="/admin/role/edit/?id={key}"' in shown.text and again["version"] == sent["version"]
    assert admin.post(f"/admin/role/edit/?id={key}", again).status_code == 303
    assert "product:delete" in stored_grants("editor")


# Reading comes with changing.


def field_after(actor: Actor, stored: list[str], sent: list[str]) -> GrantsField:
    field = GrantsField(fields_of(Role)["grants"], actor=actor, name="grants", _form=Form())
    field.process(MultiDict([("grants.shown", "1"), *(("grants", grant) for grant in sent)]), stored)
    return field


EVERYBODY = Actor(1, "x", (RoleRights("all", frozenset({"*"})),))
BLIND = Actor(1, "x", (RoleRights("blind", frozenset({"product:update", "tag:read", "tag:update"})),))

#: What -> who sends it, what is stored, what is sent, what comes of it; None: refused.
COMPLETED: dict[str, tuple[Actor, list[str], list[str], list[str] | None]] = {
    "update": (EVERYBODY, [], ["product:update"], ["product:read", "product:update"]),
    "create": (EVERYBODY, [], ["tag:create"], ["tag:create", "tag:read"]),
    "delete": (EVERYBODY, [], ["tag:delete"], ["tag:delete", "tag:read"]),
    "another resource keeps its own": (EVERYBODY, ["tag:read"], ["tag:read", "brand:update"],
                                       ["brand:read", "brand:update", "tag:read"]),
    "publish alone": (EVERYBODY, [], ["product:publish"], ["product:publish"]),
    "read taken from under update": (EVERYBODY, ["tag:read", "tag:update"], ["tag:update"], None),
    "both taken": (EVERYBODY, ["tag:read", "tag:update"], [], []),
    "stored without, left so": (EVERYBODY, ["tag:update"], ["tag:update"], ["tag:update"]),
    "not held, not given": (BLIND, [], ["product:update"], ["product:update"]),
    "held, given": (BLIND, [], ["tag:update"], ["tag:read", "tag:update"]),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPLETED)
def test_changing_brings_seeing(app: Flask, case: str) -> None:
    actor, stored, sent, expected = COMPLETED[case]
    with app.test_request_context():
        field = field_after(actor, stored, sent)
    assert bool(field.process_errors) == (expected is None)
    if expected is not None:
        assert field.value == expected


def test_what_is_taken_from_under_others_is_refused_by_name(admin: Browser, world: World) -> None:
    address = f"/admin/role/edit/?id={world.roles['editor']}"
    before = digest()
    response = admin.submit(address, grants=without("editor", "tag:read"))
    assert response.status_code == 400 and digest() == before
    assert "To take “See: Tags” away, take “Add: Tags” and “Change: Tags” away too" in response.text


# The matrix itself.


def test_the_lines_stand_as_in_the_navigation(admin: Browser, world: World) -> None:
    page = admin.get(f"/admin/role/edit/?id={world.roles['editor']}").text
    matrix = page[page.index('<table class="matrix"') : page.index("</table>")]
    groups = re.findall(r'scope="rowgroup"[^>]*><span[^>]*>([^<]+)<', matrix)
    assert groups == ["Catalogue", "People", "History"]
    assert re.findall(r'data-line="(\w+)"', matrix) == [
        "product", "category", "brand", "tag", "user", "role", "house", "history"
    ]  # fmt: skip
    assert "disabled" not in matrix and "yourself" not in matrix


def test_what_one_does_not_hold_is_disabled_with_the_reason(
    world: World, sign_in: Callable[..., Browser], house: Actor
) -> None:
    with writes.unit(house, "Grant", source="system") as unit:
        editor = unit.get(Role, world.roles["editor"])
        editor.grants = [*editor.grants, "role:read", "role:update"]
    db.session.rollback()
    page = sign_in("editor").get(f"/admin/role/edit/?id={world.roles['viewer']}").text
    boxes = {
        match[1]: match[0]
        for match in re.finditer(r'<input[^>]*type="checkbox" name="grants" value="([^"]+)"[^>]*>', page)
    }
    assert " disabled" not in boxes["product:update"] and " disabled" in boxes["product:delete"]
    described = re.search(r'aria-describedby="([^"]+)"', boxes["product:delete"])
    assert described
    reason = page[page.index(f'id="{described[1]}"') :]
    assert "You do not hold yourself: delete, import, export, and publish." in reason[:400]
    assert "You hold none of these rights yourself." in page


# What a new role starts from.


def test_presets_are_the_roles_as_shipped(bare: Flask) -> None:
    shipped = importlib.import_module("migrations.versions.0001_the_walls").ROLES
    assert {key: set(one.grants) for key, one in PRESETS.items()} == {key: set(one[2]) for key, one in shipped.items()}
    assert {key: str(one.label) for key, one in PRESETS.items()} == {key: one[0] for key, one in shipped.items()}


@pytest.mark.parametrize("preset", SHIPPED)
def test_a_new_role_starts_from_a_preset(admin: Browser, world: World, preset: str) -> None:
    address = f"/admin/role/new/?start=preset:{preset}"
    form = admin.form(address)
    assert set(form["grants"]) == stored_grants(preset)
    assert form["name"] == "" and form["key"] == ""
    assert f'<option value="preset:{preset}" selected>' in admin.get(address).text
    assert admin.post("/admin/role/new/", form | {"name": "New", "key": "new"}).status_code == 303
    assert stored_grants("new") == stored_grants(preset)


def test_a_new_role_is_a_copy_of_another(admin: Browser, world: World) -> None:
    for address in ("/admin/role/new/?start=copy:{}", "/admin/role/new/?copy={}"):
        form = admin.form(address.format(world.roles["phones-only"]))
        assert set(form["grants"]) == stored_grants("phones-only")
        assert form["hidden_fields"].split() == ["product.cost"] and form["categories"] == [str(world.phones)]
        assert form["key"] == ""
    assert f"copy={world.roles['editor']}" in admin.get(f"/admin/role/edit/?id={world.roles['editor']}").text
    assert admin.get("/admin/role/new/?start=copy:999999").status_code == 404
    assert admin.form("/admin/role/new/?start=preset:none").get("grants") is None


def test_a_preset_gives_only_what_its_taker_holds(world: World, sign_in: Callable[..., Browser], house: Actor) -> None:
    with writes.unit(house, "Grant", source="system") as unit:
        viewer = unit.get(Role, world.roles["viewer"])
        viewer.grants = [*viewer.grants, "role:read", "role:create"]
    db.session.rollback()
    browser = sign_in("viewer")
    for start in ("preset:editor", f"copy:{world.roles['editor']}"):
        page = browser.get(f"/admin/role/new/?start={start}").text
        assert set(form_of(page)["grants"]) == {f"{name}:read" for name in ("product", "category", "brand", "tag")} | {
            "history:read"
        }
        # A disabled box that is ticked would look like a right that is given.
        assert not re.search(r'name="grants"[^>]* checked disabled', page)
        assert "Left out, because you do not hold it yourself: “Add: Brands”, “Change: Brands”," in page
    assert "Everything, also what comes later”." in browser.get("/admin/role/new/?start=preset:administrator").text
    form = browser.form("/admin/role/new/?start=preset:editor") | {"name": "New", "key": "new"}
    sent = form | {"grants": [*form["grants"], "product:update", "*"]}
    assert browser.post("/admin/role/new/", sent).status_code in (303, 302)
    assert stored_grants("new") == set(form["grants"])


def test_a_new_role_is_told_too(admin: Browser, world: World) -> None:
    form = admin.form("/admin/role/new/")
    said, notes = told(admin, "/admin/role/effects/new/", form | {"grants": ["tag:update"]})
    assert said == ["The new role may now see tags.", "The new role may now change tags."] and notes == []
    said, _notes = told(admin, "/admin/role/effects/new/", form | {"name": "Taggers", "grants": ["tag:read"]})
    assert said == ["“Taggers” may now see tags."]


# Roles that a person is given.


def roles(world: World, *names: str) -> list[str]:
    return [str(world.roles[name]) for name in names]


PERSON: dict[str, tuple[str, Callable[[World], dict[str, Any]], list[str], list[str]]] = {
    "nothing": ("viewer", lambda world: {"name": "Vera"}, [], []),
    "another role": (
        "viewer",
        lambda world: {"roles": roles(world, "editor")},
        [
            "viewer@example.org may now create brands, categories, products, and tags.",
            "viewer@example.org may now change brands, categories, products, and tags.",
        ],
        ["Rights afterwards: CRU– Brands, Categories, Products, and Tags"],
    ),
    "the same by another one": (
        "editor",
        lambda world: {"roles": roles(world, "editor", "viewer")},
        ["editor@example.org may do the same as before."],
        ["Rights afterwards: CRU– Brands, Categories, Products, and Tags"],
    ),
    "limited in another place": (
        "phones-only",
        lambda world: {"roles": roles(world, "phones-only", "viewer")},
        [
            "phones-only@example.org may now see tags.",
            "phones-only@example.org reaches more categories by “See: Categories” and “See: Products”.",
            "phones-only@example.org now sees Cost (Products).",
        ],
        ["Rights afterwards: CRUD Products · –R–– Brands, Categories, and Tags"],
    ),
    "shut out": (
        "viewer",
        lambda world: {"active": None},
        [
            "viewer@example.org can no longer sign in.",
            "viewer@example.org may no longer see brands, categories, products, tags, and history.",
        ],
        [],
    ),
}


@pytest.mark.parametrize("case", PERSON)
def test_roles_of_a_person_read_as_sentences(admin: Browser, world: World, case: str) -> None:
    who, changes, said, notes = PERSON[case]
    before = digest()
    assert effects_of_user(admin, world.users[who], **changes(world)) == (said, notes)
    assert digest() == before


def test_the_last_administrator_is_told_before_the_save(admin: Browser, world: World, house: Actor) -> None:
    me = world.users["administrator"]
    last = (
        "“administrator@example.org” is the last administrator who can sign in. Make somebody else administrator first."
    )
    for changes in ({"roles": roles(world, "viewer")}, {"active": None}):
        _said, notes = effects_of_user(admin, me, **changes)
        assert notes[0] == last
        assert notes[1] == "You would lose this yourself, and could change no role any more."
    with writes.unit(house, "Second", source="system") as unit:
        second = unit.get(User, world.users["editor"])
        second.roles = [unit.get(Role, world.roles["administrator"])]
    db.session.rollback()
    _said, notes = effects_of_user(admin, me, roles=roles(world, "viewer"))
    assert last not in notes


def test_a_role_of_more_is_told_before_the_save(world: World, sign_in: Callable[..., Browser], house: Actor) -> None:
    with writes.unit(house, "Grant", source="system") as unit:
        viewer = unit.get(Role, world.roles["viewer"])
        viewer.grants = [*viewer.grants, "user:read", "user:update", "role:read"]
        unit.session.add(User(email="new@example.org"))
        unit.session.flush()
        key = unit.session.query(User.id).filter_by(email="new@example.org").scalar()
    db.session.rollback()
    browser = sign_in("viewer")
    _said, notes = effects_of_user(browser, key, roles=roles(world, "editor"))
    assert notes[0].startswith("“Editor” gives rights that you do not hold yourself")
    _said, notes = effects_of_user(browser, world.users["editor"], roles=roles(world, "viewer"))
    assert notes[0].startswith("“editor@example.org” holds rights that you do not hold")


def test_a_password_that_is_typed_changes_nothing_in_a_preview(admin: Browser, world: World) -> None:
    before = digest()
    typed = {"password": "seventeen blue teapots", "password_confirm": "another"}
    said, _notes = effects_of_user(admin, world.users["viewer"], roles=roles(world, "editor"), **typed)
    assert len(said) == 2 and digest() == before


def test_names_keep_their_direction_and_are_text(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Rename", source="system") as unit:
        unit.get(User, world.users["editor"]).name = "<b>محرر</b>"
    db.session.rollback()
    key = world.roles["editor"]
    sent = admin.form(f"/admin/role/edit/?id={key}") | {"name": "<i>Ed", "grants": with_("editor", "user:read")}
    html = admin.post(f"/admin/role/effects/?id={key}", sent, headers=JSON).json["effects"]
    assert "“<bdi>&lt;i&gt;Ed</bdi>” may now see users." in html
    assert "Gains for 1 person: <bdi>&lt;b&gt;محرر&lt;/b&gt;</bdi>." in html


def test_a_category_that_is_renamed_is_told_by_its_name_of_today(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Rename", source="system") as unit:
        unit.get(Category, world.cups).name = "Mugs"
    db.session.rollback()
    said, _notes = effects_of_role(admin, world, "viewer", categories=[str(world.cups)])
    assert said == ["“Viewer” is now limited to Mugs."]


def test_details_and_history_of_a_role_tell_its_rights_in_words(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Limit", source="system") as unit:
        viewer = unit.get(Role, world.roles["viewer"])
        viewer.grants, viewer.hidden_fields = ["brand:read", "product:read", "product:update"], ["product.cost"]
    db.session.rollback()
    page = admin.get(f"/admin/role/details/?id={world.roles['viewer']}").text
    assert page.count("See: Brands and Products · Change: Products") == 2
    assert page.count("Cost (Products)") == 2
    assert "product:read" not in page and "product.cost" not in page


def test_the_page_of_a_person_has_a_table_of_their_rights(
    admin: Browser, world: World, house: Actor, newcomer: Callable[..., Browser]
) -> None:
    def rights(browser: Browser, who: str) -> list[list[str]]:
        page = browser.get(f"/admin/user/details/?id={world.users[who]}").text
        found = re.search(r'<table class="held".*?</table>', page, re.DOTALL)
        rows = re.findall(r"<tr>(.*?)</tr>", found[0], re.DOTALL) if found else []
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
        return [
            [str(Markup(re.sub("<span class=.held-word.*?</span>", "", cell)).striptags()) for cell in row]
            for row in cells
        ]

    sparing = newcomer(["user:read", "product:update", "product:publish"])
    assert rights(admin, "somebody") == [
        ["Kind of record", "Create", "Read", "Update", "Delete", "More rights"],
        ["Products", "–No", "–No", "Yes", "–No", "Publish"],
        ["Users", "–No", "Yes", "–No", "–No", ""],
    ]
    assert all(len(row) == 5 for row in rights(admin, "viewer")), "nobody holds more of these"
    assert {row[0] for row in rights(admin, "administrator")} >= {"Products", "Roles", "House settings", "History"}
    assert "ProductsOnly in PhonesDoes not see: Cost" in [row[0] for row in rights(admin, "phones-only")]
    assert rights(sparing, "administrator") == [], "who may not see roles is told nothing"
    with writes.unit(house, "No role") as unit:
        unit.get(User, world.users["somebody"]).roles = []
    assert (
        "No rights: this person holds no role that gives any."
        in admin.get(f"/admin/user/details/?id={world.users['somebody']}").text
    )


def test_rights_that_end_at_different_places_are_told_apart(
    admin: Browser, world: World, house: Actor, newcomer: Callable[..., Browser]
) -> None:
    newcomer(["product:update", "product:publish"], [world.phones], ["product:read"], hidden_fields=["product.cost"])
    page = admin.get(f"/admin/user/details/?id={world.users['somebody']}").text
    assert "Update and Publish: only in Phones" in page and ">Only in" not in page
    with writes.unit(house, "Another place") as unit:
        role = unit.session.scalars(select(Role).where(Role.key == "besides")).one()
        role.categories, role.hidden_fields = [unit.get(Category, world.cups)], ["product.price"]
        unit.session.scalars(select(Role).where(Role.key == "somebody")).one().grants = ["product:read"]
    page = admin.get(f"/admin/user/details/?id={world.users['somebody']}").text
    assert "Only in Phones or Cups" in page and "Sees in some places only: Price and Cost" in page
