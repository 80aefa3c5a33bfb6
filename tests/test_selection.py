"""The one question: what an address may say, and what comes back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.models.types import utcnow
from backoffice.policy import Actor, RoleRights
from backoffice.selection import Count, Found, Selection, counts, look_up, translated


@pytest.fixture
def shop(app: Flask, house: Actor) -> dict[str, int]:
    """Return the keys of a small shop, by name."""
    with writes.unit(house, "Set the table") as unit:
        phones = unit.add(Category(name="Phones"))
        brand, tag = unit.add(Brand(name="Acme")), unit.add(Tag(name="new"))
        unit.session.flush()
        cases = unit.add(Category(name="Cases", parent_id=phones.id))
        cups = unit.add(Category(name="Cups"))
        unit.session.flush()
        for number in range(30):
            unit.add(
                Product(
                    sku=f"P-{number}",
                    name=f"Thing {number % 7}",
                    price=None if number % 5 == 0 else Decimal(number % 6),
                    category_id=[phones.id, cases.id, cups.id, None][number % 4],
                    brand_id=brand.id if number % 3 else None,
                    tags=[tag] if number % 2 else [],
                    trashed_at=utcnow() if number % 10 == 9 else None,
                )
            )
    return {"phones": phones.id, "cases": cases.id, "cups": cups.id, "acme": brand.id, "new": tag.id}


@pytest.mark.parametrize("sort", ["", "name", "-name", "price", "-price", "sku", "-updated_at", "id", "-id"])
@pytest.mark.parametrize("more", ["all", "category", "brand", "tags", "search", "trash", "price"])
def test_smoke(shop: dict[str, int], house: Actor, sort: str, more: str) -> None:
    args = {
        "all": {},
        "category": {"category_id": str(shop["phones"])},
        "brand": {"brand_id": [str(shop["acme"]), "none"]},
        "tags": {"tags": str(shop["new"])},
        "search": {"q": "thing 3"},
        "trash": {"trash": "1"},
        "price": {"price_min": "2", "price_max": "4"},
    }[more]
    parsed = Selection.from_args(Product, house, args | {"sort": sort, "size": "4"})
    assert parsed.problems == ()
    selection = parsed.selection
    forward, cursor = [], None
    while True:
        page = selection.page(db.session, cursor, 4)
        forward += [row.id for row in page.rows]
        if not page.next:
            break
        cursor = Selection.from_args(Product, house, selection.args(after=page.next)).cursor
        assert cursor
    backward = []
    cursor = Selection.from_args(Product, house, selection.args(last=1)).cursor
    while True:
        page = selection.page(db.session, cursor, 4)
        backward = [row.id for row in page.rows if row.id not in backward] + backward
        if not page.previous:
            break
        cursor = Selection.from_args(Product, house, selection.args(before=page.previous)).cursor
    assert forward == backward
    assert sorted(forward) == list(selection.ids(db.session))
    assert len(forward) == selection.count(db.session).value == selection.estimate(db.session).value
    assert {row.id for row in selection.rows(db.session, chunk=3)} == set(forward)
    assert all(selection.get(db.session, key).id == key for key in forward)


def test_numbers_of_several_selections_come_in_one_statement(
    shop: dict[str, int], house: Actor, statements: list[str]
) -> None:
    nobody = Selection(Product, Actor(1, "nobody"))
    chosen = [
        (Selection(Product, house), 1_000),
        (nobody, 1_000),
        (Selection(Product, house), 1),
        *(
            (Selection.from_args(Product, house, {"q": word}).selection, 1_000)
            for word in ("thing 3", "nothing-like-it")
        ),
        (Selection.from_args(Product, house, {"category_id": str(shop["phones"])}).selection, 1_000),
        (Selection.from_args(Product, house, {"trash": "1"}).selection, 1_000),
    ]
    each = [one.count(db.session, up_to) for one, up_to in chosen]
    statements.clear()
    assert counts(db.session, chosen[:-2]) == each[:-2]
    assert len(statements) == 1
    assert counts(db.session, chosen) == each
    assert counts(db.session, [(nobody, 1_000)]) == [Count(0, exact=True)]
    assert len({one.value for one in each}) >= 4


def test_look_up(shop: dict[str, int], house: Actor) -> None:
    assert [found.label for found in look_up(db.session, Category, house, "pho cas")] == ["Phones › Cases"]
    assert [found.label for found in look_up(db.session, Category, house, "")] == ["Phones › Cases", "Cups", "Phones"]
    assert (found := look_up(db.session, Product, house, "p-3"))[0] == Found(found[0].id, "Thing 3", "P-3")
    assert len(look_up(db.session, Product, house, "thi", limit=10)) == 10


def test_a_hidden_text_is_not_searched(app: Flask, house: Actor) -> None:
    with writes.unit(house, "Set the table") as unit:
        for number, (name, text) in enumerate([("Mug", "Red inside"), ("Red cup", ""), ("Plate", "As it's: \\ red")]):
            unit.add(Product(sku=f"H-{number}", name=name, description=text))
    rights = RoleRights("tested", frozenset({"product:read"}), hidden=frozenset({"product.description"}))
    for actor, expected in ((house, {"Mug", "Red cup", "Plate"}), (Actor(1, "tester", (rights,)), {"Red cup"})):
        for sort in ("", "name", "-price"):
            found = Selection.from_args(Product, actor, {"q": "red", "sort": sort}).selection
            assert {row.name for row in found.page(db.session).rows} == expected
            assert len(list(found.ids(db.session))) == len(expected)


@pytest.mark.parametrize("most", [1_000, 1])
def test_many_sets_of_languages_are_told_apart_or_not(
    app: Flask, house: Actor, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(translated, "MOST_SETS", most)
    with writes.unit(house, "Translate") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr", "de", "pt-BR"]
        for number, codes in enumerate([(), ("fr",), ("fr", "de"), ("pt-BR", "fr"), ("de",)]):
            names = dict.fromkeys(codes, "Une tasse") or None
            trashed = utcnow() if number == 4 else None
            unit.add(Product(sku=f"L-{number}", name="Cup", name_i18n=names, trashed_at=trashed))

    def found(*codes: str, **more: str) -> set[str]:
        parsed = Selection.from_args(Product, house, {"name_i18n_lacks": list(codes), **more})
        assert not parsed.problems
        rows = {row.sku for row in parsed.selection.page(db.session).rows}
        assert rows == {db.session.get_one(Product, key).sku for key in parsed.selection.ids(db.session)}
        return rows

    assert found("fr") == {"L-0"}
    assert found("pt-BR") == {"L-0", "L-1", "L-2"}
    assert found("fr", "de") == {"L-0", "L-1", "L-3"}
    assert found("fr", trash="1") == {"L-4"} and found("de", trash="1") == set()
