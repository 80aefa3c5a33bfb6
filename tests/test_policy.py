"""The policy says the same for a record as for a statement, and never mixes what two roles give."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change
from backoffice.models.product import Product
from backoffice.models.user import User
from backoffice.policy import Actor, RoleRights


def role(
    *grants: str, scope: tuple[str, ...] = (), hidden: tuple[str, ...] = (), locked: tuple[str, ...] = ()
) -> Actor:
    """Return an actor with one role."""
    return Actor(1, "tester", (RoleRights("r", frozenset(grants), scope, frozenset(hidden), frozenset(locked)),))


def both(one: Actor, other: Actor) -> Actor:
    """Return an actor with the roles of two."""
    return Actor(1, "tester", one.roles + other.roles)


@pytest.fixture
def tree(app: Flask, house: Actor) -> dict[str, int]:
    """Return keys of the categories Home › Cups and Garden, and a product in each and one in none."""
    with writes.unit(house, "Tree") as unit:
        home = unit.add(Category(name="Home"))
        garden = unit.add(Category(name="Garden"))
        unit.session.flush()
        cups = unit.add(Category(name="Cups", parent_id=home.id))
        unit.session.flush()
        for sku, key in (("H", home.id), ("C", cups.id), ("G", garden.id), ("N", None)):
            unit.add(Product(sku=sku, name=sku, category_id=key))
    return {"home": home.id, "garden": garden.id, "cups": cups.id}


READ = "product:read"
CASES = {
    "nobody": (lambda _tree: policy.ANONYMOUS, ""),
    "another grant": (lambda _tree: role("product:update", "brand:read"), ""),
    "everywhere": (lambda _tree: role(READ), "CGHN"),
    "everything": (lambda _tree: role("*"), "CGHN"),
    "a subtree": (lambda tree: role(READ, scope=(f"/{tree['home']}/",)), "CH"),
    "a leaf": (lambda tree: role(READ, scope=(f"/{tree['home']}/{tree['cups']}/",)), "C"),
    "two roles": (
        lambda tree: both(role(READ, scope=(f"/{tree['cups']}/",)), role(READ, scope=(f"/{tree['garden']}/",))),
        "G",
    ),
    "a limited and an unlimited role": (
        lambda tree: both(role(READ, scope=(f"/{tree['home']}/",)), role(READ)),
        "CGHN",
    ),
    "an unlimited role without the grant": (
        lambda tree: both(role(READ, scope=(f"/{tree['garden']}/",)), role("product:update")),
        "G",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_lists_and_checks_agree(tree: dict[str, int], case: str) -> None:
    make, expected = CASES[case]
    actor = make(tree)
    listed = db.session.scalars(policy.visible(actor, select(Product), Product)).all()
    assert "".join(sorted(product.sku for product in listed)) == expected
    everything = db.session.scalars(select(Product)).all()
    checked = [product.sku for product in everything if policy.allows(actor, "read", "product", product)]
    assert "".join(sorted(checked)) == expected


FIELDS = {
    "hidden": (role("product:read", "product:update", hidden=("product.cost",)), False, False),
    "locked": (role("product:read", "product:update", locked=("product.cost",)), True, False),
    "free": (role("product:read", "product:update"), True, True),
    "hidden here, shown there": (
        both(role("product:read", hidden=("product.cost",)), role("product:read")),
        True,
        False,
    ),
    "changes come from a role that hides it": (
        both(role("product:read"), role("product:read", "product:update", hidden=("product.cost",))),
        True,
        False,
    ),
    "changed without being seen": (role("product:update"), False, False),
    "changes come from a role that does not show it": (
        both(role("product:read", hidden=("product.cost",)), role("product:update")),
        False,
        False,
    ),
}


@pytest.mark.parametrize("case", FIELDS)
def test_fields_are_hidden_and_locked(app: Flask, case: str) -> None:
    actor, seen, changed = FIELDS[case]
    assert ("cost" in policy.fields_for(actor, "read", Product)) is seen
    assert ("cost" in policy.fields_for(actor, "update", Product)) is changed
    assert policy.allows(actor, "update", "product", None, "cost") is changed
    assert "created_at" not in policy.fields_for(actor, "update", Product)
    for verb in ("read", "create", "update"):
        assert "password_hash" not in policy.fields_for(role("*"), verb, User)


def test_a_difference_is_shown_in_the_order_of_the_fields(tree: dict[str, int], house: Actor) -> None:
    with writes.unit(house, "Create") as unit:
        attributes = {"size": 3, "colour": "blue"}
        unit.add(Product(sku="ORDER-1", name="Mug", description="<p>Blue</p>", price=Decimal(3), attributes=attributes))
    change = db.session.scalars(select(Change).order_by(Change.id.desc())).first()
    assert change is not None
    shown = policy.shown_diff(house, change)
    text = ["name", "slug", "sku", "description"]
    assert list(shown) == [*text, "price", "currency", "status", "attributes.colour", "attributes.size", "tags"]


EXPORTS = {
    "the same role": (role("product:read", "product:export", locked=("product.cost",)), True),
    "hidden": (role("product:read", "product:export", hidden=("product.cost",)), False),
    "seen by a role that does not export": (
        both(role("product:read"), role("product:read", "product:export", hidden=("product.cost",))),
        False,
    ),
    "not exported at all": (role("product:read"), False),
}


@pytest.mark.parametrize("case", EXPORTS)
def test_fields_are_exported_by_roles_that_show_them(app: Flask, case: str) -> None:
    actor, exported = EXPORTS[case]
    assert ("cost" in policy.fields_for(actor, "export", Product)) is exported
    assert "password_hash" not in policy.fields_for(role("*"), "export", User)


def test_history_is_held_to_reach_then_and_now(tree: dict[str, int], house: Actor) -> None:
    with writes.unit(house, "Move out") as unit:
        moved = unit.session.scalars(select(Product).where(Product.sku == "C")).one()
        moved.category_id = tree["garden"]
    home = role(READ, "category:read", "history:read", scope=(f"/{tree['home']}/",))
    seen = db.session.scalars(policy.visible_changes(home, select(Change))).all()
    assert {change.label for change in seen} == {"H", "Home", "Cups"}
    garden = role(READ, "history:read", scope=(f"/{tree['garden']}/",))
    seen = db.session.scalars(policy.visible_changes(garden, select(Change))).all()
    assert {change.label for change in seen} == {"G"}, "what C was before it came here stays unseen"
    assert not db.session.scalars(policy.visible_changes(role(READ), select(Change))).all()


def test_history_of_what_lay_in_no_category_is_out_of_reach(tree: dict[str, int], house: Actor) -> None:
    with writes.unit(house, "Price") as unit:
        product = unit.session.scalars(select(Product).where(Product.sku == "N")).one()
        product.cost = Decimal(7)
    with writes.unit(house, "Move in") as unit:
        unit.get(Product, product.id).category_id = tree["cups"]
    with writes.unit(house, "Price again") as unit:
        unit.get(Product, product.id).cost = Decimal(8)
    home = role(READ, "history:read", scope=(f"/{tree['home']}/",))
    seen = db.session.scalars(policy.visible_changes(home, select(Change).where(Change.label == "N"))).all()
    assert [change.diff for change in seen] == [{"cost": ["7.00", "8.00"]}]


def test_history_follows_a_category_that_is_moved(tree: dict[str, int], house: Actor) -> None:
    def seen(path: str) -> set[str]:
        actor = role(READ, "history:read", scope=(path,))
        return {change.label for change in db.session.scalars(policy.visible_changes(actor, select(Change)))}

    home, garden, cups = (f"/{tree[name]}/" for name in ("home", "garden", "cups"))
    assert seen(f"{home[:-1]}{cups}") == {"C"}
    with writes.unit(house, "Move") as unit:
        unit.get(Category, tree["cups"]).parent_id = tree["garden"]
    assert seen(f"{garden[:-1]}{cups}") == {"C"}, "whoever works in it keeps its history, and can take it back"
    assert (seen(home), seen(garden)) == ({"H"}, {"G"}), "nobody else has seen both what it was and what it is"


COVERS = {
    "the same": (role("product:read"), role("product:read"), True),
    "more": (role("product:read", "product:update"), role("product:read"), True),
    "less": (role("product:read"), role("product:read", "product:update"), False),
    "all of today is not everything": (role(*policy.all_grants()), role("*"), False),
    "everything": (role("*"), role("*"), True),
    "a limited role to an unlimited one": (role("product:read", scope=("/1/",)), role("product:read"), False),
    "within the limits": (role("product:read", scope=("/1/",)), role("product:read", scope=("/1/2/",)), True),
    "beside the limits": (role("product:read", scope=("/1/",)), role("product:read", scope=("/3/",)), False),
    "showing what one does not see": (role("product:read", hidden=("product.cost",)), role("product:read"), False),
    "unlocking": (role("product:update", locked=("product.price",)), role("product:update"), False),
}


@pytest.mark.parametrize("case", COVERS)
def test_nobody_covers_more_than_they_hold(app: Flask, case: str) -> None:
    own, wanted, expected = COVERS[case]
    assert policy.covers(own, wanted.roles[0]) is expected
