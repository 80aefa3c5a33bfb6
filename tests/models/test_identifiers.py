"""GTINs and slugs."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from backoffice import writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.identifiers import free_slug, gtin_check_digit, slugify
from backoffice.models.product import Product
from backoffice.policy import Actor

# Examples of GS1's own pages, one of each length.
VALID = ["96385074", "614141000036", "4006381333931", "10614141000415"]
WRONG = ["4006381333932", "400638133393", "40063813339", "4006381333931 1", "٤٠٠٦٣٨١٣٣٣٩٣١", "abc", "0", "1" * 14]


@pytest.mark.parametrize("gtin", VALID)
def test_valid_gtins_are_stored(app: Flask, house: Actor, gtin: str) -> None:
    with writes.unit(house, "GTIN") as unit:
        unit.add(Product(sku="A", name="A", gtin=gtin))


@pytest.mark.parametrize("gtin", WRONG)
def test_wrong_gtins_are_refused_in_words(app: Flask, house: Actor, gtin: str) -> None:
    with pytest.raises(Refused, match="GTIN") as caught, writes.unit(house, "GTIN") as unit:
        unit.add(Product(sku="A", name="A", gtin=gtin))
    assert caught.value.field == "gtin"
    assert db.session.query(Product).count() == 0


@given(st.text("0123456789", min_size=7, max_size=13))
def test_any_single_wrong_digit_is_found(body: str) -> None:
    digit = gtin_check_digit(body)
    for place in range(len(body)):
        other = body[:place] + str((int(body[place]) + 1) % 10) + body[place + 1 :]
        assert gtin_check_digit(other) != digit


SLUGS = [
    ("Blue mug", "blue-mug"),
    ("Crème Brûlée (2×)", "creme-brulee-2"),
    ("ß Straße", "ss-strasse"),
    ("كوب أزرق", "كوب-ازرق"),
    ("青い カップ", "青い-カッフ"),
    ("!!!", ""),
    ("a" * 500, "a" * 200),
    ("../../etc", "etc"),
    ("<script>", "script"),
]


@pytest.mark.parametrize(("name", "slug"), SLUGS)
def test_slugs_are_made_of_folded_words(name: str, slug: str) -> None:
    assert slugify(name) == slug
    assert slugify(slug) == slug


def test_a_thousandth_namesake_costs_no_thousand_tries() -> None:
    taken = {"mug", *(f"mug-{number}" for number in range(2, 1000))}
    assert free_slug(taken, "mug") not in taken


def test_collisions_get_a_number_and_renaming_keeps_the_slug(app: Flask, house: Actor) -> None:
    with writes.unit(house, "Brands") as unit:
        brands = [unit.add(Brand(name="Clay")) for _number in range(3)]
    assert sorted(brand.slug for brand in brands) == ["clay", "clay-2", "clay-3"]
    with writes.unit(house, "Rename") as unit:
        unit.get(Brand, brands[0].id).name = "Tin"
    assert db.session.get_one(Brand, brands[0].id).slug == brands[0].slug
    with writes.unit(house, "Clear") as unit:
        unit.get(Brand, brands[0].id).slug = ""
    assert db.session.get_one(Brand, brands[0].id).slug == "tin"
