"""Two states of a record side by side, and fields brought back to what they were."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from backoffice import writes
from backoffice.models.product import Product
from backoffice.operations import records
from backoffice.policy import Actor

from .conftest import Browser, World, digest, product

Opened = Callable[..., Browser]


@pytest.fixture
def edited(world: World, house: Actor) -> World:
    """Give the mug three states more, the last of which also changed its cost."""
    for values in (
        {"price": Decimal(14), "attributes": {"colour": "red", "size": 2}},
        {"name": "Red mug", "price": Decimal(15), "tags": []},
        {"cost": Decimal(5), "attributes": {"colour": "green"}},
    ):
        writes.run(house, "Edit", lambda unit, new=values: records.update(unit, unit.get(Product, world.mug), new))
    return world


def test_two_states_show_what_differs_and_nothing_else(admin: Browser, edited: World) -> None:
    page = admin.get(f"/admin/product/compare/?id={edited.mug}&from=1&to=3").text
    for text in ("12.90", "15.00", "Blue mug", "Red mug", "Attributes: size"):
        assert text in page
    assert 'value="cost"' not in page and 'value="sku"' not in page
    last = admin.get(f"/admin/product/compare/?id={edited.mug}").text
    assert 'value="cost"' in last and 'value="name"' not in last, "the last two states by default"


@pytest.mark.parametrize(
    "query", ["from=abc&to=-1", "from=99999999999999999999", "from=3&to=1", "to=%00", "from=77&to=88"]
)
def test_states_that_are_not_there_fall_back_to_the_last_ones(admin: Browser, edited: World, query: str) -> None:
    assert admin.get(f"/admin/product/compare/?id={edited.mug}&{query}").status_code == 200


def test_ticked_fields_come_back_and_the_others_stay(admin: Browser, edited: World) -> None:
    keys = ["name", "attributes.colour", "attributes.size", "tags"]
    data = {"id": edited.mug, "version": 1, "key": keys}
    page = admin.post("/admin/product/bring-back/", data, follow_redirects=True).text
    assert "has the chosen fields back" in page
    mug = product(edited.mug)
    assert (mug.name, mug.attributes, [tag.id for tag in mug.tags]) == ("Blue mug", {"colour": "blue"}, [edited.tag])
    assert (mug.price, mug.cost) == (Decimal(15), Decimal(5))


@pytest.mark.parametrize(
    ("who", "data", "status"),
    [
        ("administrator", {"version": 1, "key": []}, 303),
        ("administrator", {"version": 99, "key": ["name"]}, 303),
        ("administrator", {"version": "abc", "key": ["name"]}, 303),
        ("administrator", {"version": 1, "key": ["password_hash", "trashed_at", "nothing"]}, 303),
        ("viewer", {"version": 1, "key": ["name"]}, 403),
        ("phones-only", {"version": 1, "key": ["name"]}, 404),
    ],
)
def test_what_may_not_or_cannot_come_back_changes_nothing(
    sign_in: Opened, edited: World, who: str, data: dict[str, object], status: int
) -> None:
    browser = sign_in(who)
    browser.token  # noqa: B018 (opens a session before the digest)
    before = digest()
    assert browser.post("/admin/product/bring-back/", data | {"id": edited.mug}).status_code == status
    assert digest() == before


def test_a_hidden_field_is_neither_shown_nor_brought_back(sign_in: Opened, edited: World, house: Actor) -> None:
    for cost in (Decimal(1), Decimal(2)):
        writes.run(
            house, "Cost", lambda unit, new=cost: records.update(unit, unit.get(Product, edited.case), {"cost": new})
        )
    browser = sign_in("phones-only")
    assert "1.00" not in browser.get(f"/admin/product/compare/?id={edited.case}&from=2&to=3").text
    data = {"id": edited.case, "version": 2, "key": ["cost"]}
    assert browser.post("/admin/product/bring-back/", data).status_code == 403
    assert product(edited.case).cost == Decimal(2)
