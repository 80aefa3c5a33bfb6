"""Every address × method × role: what the table does not list is not reachable, and a refusal changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice.extensions import db
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product

from .conftest import SHIPPED, Browser, World, digest

#: What each endpoint of a resource asks of its own resource; `action_view` asks what the action does.
ASKED = {
    "index_view": "read",
    "details_view": "read",
    "compare_view": "read",
    "bring_back_view": "update",
    "ajax_lookup": "read",
    "create_view": "create",
    "edit_view": "update",
    "presence_view": "update",
    "ajax_update": "update",
    "delete_view": "delete",
    "restore_view": "delete",
    "purge_view": "delete",
    "export": "export",
    "action_view": "delete",
    "list_count": "read",
    "list_like": "read",
    "view_keep": "read",
    "view_drop": "read",
}
HOUSE_ENDPOINTS = frozenset(
    {"index_view", "details_view", "compare_view", "bring_back_view", "edit_view", "presence_view", "ajax_lookup"}
)
RESOURCES = ("product", "category", "brand", "tag", "user", "role")

#: Endpoint -> (resource, verb); None: whoever is signed in; an empty verb: nobody, in any role.
TABLE: dict[str, tuple[str, str] | None] = {
    **{f"{name}.{endpoint}": (name, verb) for name in RESOURCES for endpoint, verb in ASKED.items()},
    **{
        f"house.{endpoint}": (
            "house",
            verb if endpoint in HOUSE_ENDPOINTS else "",
        )
        for endpoint, verb in ASKED.items()
    },
    **{f"{name}.effects_view": (name, "update") for name in ("user", "role")},
    **{f"{name}.effects_new_view": (name, "create") for name in ("user", "role")},
    **{f"category.{endpoint}": ("category", "read") for endpoint in ("branch_view", "counts_view")},
    **{f"category.{endpoint}": ("category", "update") for endpoint in ("move_view", "rename_view")},
    "category.rehome_view": ("category", "delete"),
    "history.index_view": ("history", "read"),
    "history.details_view": ("history", "read"),
    "history.undo_view": ("history", "read"),
    "admin.index": None,
    "admin.figures": None,
    "palette.index_view": None,
    "palette.recent_view": None,
}

#: What needs no right of a role: the pages of accounts and the choices of the frame have tests of their own.
ELSEWHERE = ("static", "account.", "choices.")

CATALOGUE = ("product", "category", "brand", "tag")

#: Role -> resource -> letters and other verbs, written out apart from the policy.
HELD: dict[str, dict[str, set[str]]] = {
    "administrator": {
        **{name: {"create", "read", "update", "delete", "export", "publish"} for name in CATALOGUE},
        **{name: {"create", "read", "update", "delete"} for name in ("user", "role")},
        "house": {"read", "update"},
        "history": {"read"},
    },
    "catalogue-manager": {
        **{name: {"create", "read", "update", "delete", "export", "publish"} for name in CATALOGUE},
        "history": {"read"},
    },
    "editor": {**{name: {"create", "read", "update"} for name in CATALOGUE}, "history": {"read"}},
    "viewer": {**{name: {"read"} for name in CATALOGUE}, "history": {"read"}},
    "phones-only": {
        "product": {"create", "read", "update", "delete", "publish", "export"},
        "category": {"read"},
        "brand": {"read"},
        "history": {"read"},
    },
}


@dataclass(frozen=True)
class Asked:
    """One request: what is asked, and what the role should get."""

    endpoint: str
    method: str
    address: str
    data: dict[str, Any]
    allowed: bool
    reachable: bool = True


def keys(world: World) -> dict[str, int]:
    """Return a record of each resource that nothing else needs."""
    return {
        "product": world.case,
        "category": world.cases,
        "brand": world.brand,
        "tag": world.tag,
        "user": world.users["viewer"],
        "role": world.roles["viewer"],
        "house": 1,
    }


def requests(app: Flask, world: World, role: str) -> Iterator[Asked]:
    """Yield a request for each rule and method of the admin, with what a person of `role` should get."""
    first = db.session.scalars(select(ChangeSet.id).where(ChangeSet.title == "World")).one()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(ELSEWHERE):
            continue
        name, _dot, endpoint = rule.endpoint.partition(".")
        wanted = TABLE[rule.endpoint]
        held = HELD.get(role, {})
        allowed = wanted is None or wanted[1] in held.get(wanted[0], set())
        key = keys(world).get(name, first)
        address = rule.rule.replace("<export_type>", "csv")
        if endpoint in ("edit_view", "details_view", "compare_view", "move_view", "rehome_view"):
            address += f"?id={key}"
        elif endpoint == "ajax_lookup":
            fields = {"product": "brand_id", "category": "parent_id", "user": "roles", "role": "categories"}
            if name not in fields:
                # It has no field that points elsewhere.
                allowed = False
            address += f"?name={fields.get(name, 'none')}&query=x"
        data = {
            "id": str(key),
            "rowid": [str(key)],
            "action": "trash",
            "change_set": str(first),
            "version": "1",
            "confirm": "1",
        }
        if endpoint == "ajax_update":
            data["price"] = "4.00"
            allowed = allowed and name == "product"
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield Asked(rule.endpoint, method, address, data if method == "POST" else {}, allowed)


def test_every_address_is_in_the_table(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(ELSEWHERE)}
    assert known == set(TABLE)


def send(browser: Browser, asked: Asked) -> Any:
    if asked.method == "GET":
        return browser.get(asked.address)
    return browser.post(asked.address, asked.data)


def test_nobody_gets_in_without_signing_in(app: Flask, world: World, sign_in: Callable[..., Browser]) -> None:
    nobody = sign_in(None)
    nobody._token = "none"
    before = digest()
    for asked in requests(app, world, "nobody"):
        response = send(nobody, asked)
        if asked.method == "GET":
            assert response.status_code == 302 and response.location.startswith("/login?next="), asked
        else:
            assert response.status_code in (400, 401), asked
    assert digest() == before


@pytest.mark.parametrize("role", [*SHIPPED, "phones-only"])
def test_each_role_reaches_what_the_table_says(
    app: Flask, world: World, sign_in: Callable[..., Browser], role: str
) -> None:
    browser = sign_in(role)
    asked = list(requests(app, world, role))
    before = digest()
    for one in (one for one in asked if not one.allowed):
        response = send(browser, one)
        assert response.status_code in (403, 404), (one, response.status_code)
    assert digest() == before
    for one in (one for one in asked if one.allowed and one.method == "GET"):
        response = send(browser, one)
        assert response.status_code in (200, 302), (one, response.status_code)
    assert digest() == before
    for one in (one for one in asked if one.allowed and one.method == "POST"):
        # Refused by a rule (400) is reached all the same; what was deleted by an earlier one is not there (404).
        response = send(browser, one)
        assert response.status_code in (200, 303, 400) or one.endpoint.endswith(
            (
                "restore_view",
                "purge_view",
                "undo_view",
                "edit_view",
                "ajax_update",
                "delete_view",
                "view_drop",
                "rehome_view",
                "rename_view",
                "move_view",
            )
        ), (one, response.status_code)
        assert response.status_code not in (401, 403, 500), (one, response.status_code)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/admin/product/edit/?id={mug}", {"price": "1", "version": "1"}),
        ("/admin/product/ajax/update/", {"id": "{mug}", "version": "1", "price": "1"}),
        ("/admin/product/delete/", {"id": "{mug}"}),
        ("/admin/product/restore/", {"id": "{trashed}"}),
        ("/admin/product/purge/", {"id": "{trashed}", "confirm": "1"}),
        ("/admin/product/new/", {"name": "Outside", "sku": "OUT-1", "category_id": "{cups}"}),
        ("/admin/product/edit/?id={case}", {"category_id": "{cups}", "version": "1"}),
        ("/admin/product/edit/?id={case}", {"cost": "1", "version": "1", "name": "Renamed"}),
        ("/admin/history/undo/", {"change_set": "2"}),
    ],
)
def test_a_limited_role_changes_nothing_outside_of_its_limits(
    world: World, sign_in: Callable[..., Browser], path: str, data: dict[str, str]
) -> None:
    browser = sign_in("phones-only")
    filled = {name: value.format(**vars(world)) for name, value in data.items()}
    rows = select(Product.id, Product.name, Product.price, Product.cost, Product.category_id, Product.trashed_at)
    outside = rows.where(Product.id != world.case).order_by(Product.id)
    before = db.session.execute(outside).all()
    response = browser.post(path.format(**vars(world)), filled)
    db.session.rollback()
    assert db.session.execute(outside).all() == before
    case = db.session.get_one(Product, world.case)
    assert (case.category_id, case.cost) == (world.cases, None)
    if "cost" not in data:
        assert response.status_code in (400, 403, 404)


def test_ticked_rows_out_of_reach_are_skipped_and_counted(world: World, sign_in: Callable[..., Browser]) -> None:
    browser = sign_in("phones-only")
    rows = [str(world.case), str(world.mug), "999999"]
    response = browser.post("/admin/product/action/", {"action": "archive", "rowid": rows}, follow_redirects=True)
    assert "1 product archived. Skipped: 2." in response.text
    db.session.rollback()
    assert db.session.get_one(Product, world.case).status == "archived"
    assert db.session.get_one(Product, world.mug).status == "draft"


def test_a_limited_role_sees_no_hidden_field_anywhere(world: World, sign_in: Callable[..., Browser]) -> None:
    admin, limited = sign_in("administrator"), sign_in("phones-only")
    admin.submit(f"/admin/product/edit/?id={world.case}", cost="3.21", name="Case two")
    for path in (
        "/admin/product/", "/admin/product/edit/?id={case}", "/admin/product/details/?id={case}", "/admin/history/",
        "/admin/product/?cost=3.21", "/admin/product/?sort=cost",
    ):  # fmt: skip
        text = limited.get(path.format(**vars(world))).text
        assert "Case two" in text and not re.search(r"(?<!cost=)(?<!cost%3D)3\.21", text), path
        assert "Blue mug" not in text and "M-1" not in text, path
    assert "3.21" in admin.get("/admin/history/").text
