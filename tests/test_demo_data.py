"""The law of the demo catalogue's files, checked without the app."""

import json
import re
import unicodedata
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[1] / "backoffice" / "demo"
LANGUAGES = {"fr", "de", "es", "ar"}
MINOR_UNITS = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0}
COLUMNS = {
    "sku", "name", "gtin", "description", "brand", "category", "price", "cost", "currency",
    "status", "tags", "attributes", *(f"name.{language}" for language in LANGUAGES),
}  # fmt: skip
REQUIRED = {"sku", "name", "category", "currency", "status", "tags", "attributes"}
TAGS = {"p", "strong", "ul", "li"}


def _rows(name: str) -> list[dict[str, Any]]:
    text = (DEMO / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


PRODUCTS = _rows("products.jsonl")
CATEGORIES = _rows("categories.jsonl")
BRANDS = _rows("brands.jsonl")
PATHS = {row["path"] for row in CATEGORIES}


def _check_digit(body: str) -> str:
    """Return GS1's check digit: weights 3, 1, 3… from the right."""
    total = sum(int(d) * (1 if i % 2 else 3) for i, d in enumerate(reversed(body)))
    return str(-total % 10)


def _share(key: str) -> float:
    return sum(key in row for row in PRODUCTS) / len(PRODUCTS)


class _Markup(HTMLParser):
    """Collect what is wrong with a fragment: a foreign tag, an attribute, a bad nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS or attrs:
            self.faults.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if not self.open:
            self.faults.append(data)


@pytest.mark.parametrize("digits", ["4006381333931", "9780201379624"])
def test_check_digit_of_known_numbers(digits: str) -> None:
    assert _check_digit(digits[:-1]) == digits[-1]


def test_size() -> None:
    assert 190 <= len(PRODUCTS) <= 230
    assert Counter(path.count(" > ") for path in PATHS) == {0: 6, 1: 18, 2: 45}
    assert len(CATEGORIES) == len(PATHS)
    assert len(BRANDS) == len({row["name"] for row in BRANDS}) == 16


def test_files_are_nfc_text_without_stray_space() -> None:
    for file in sorted(DEMO.glob("*.jsonl")):
        text = file.read_bytes().decode("utf-8")
        assert text == unicodedata.normalize("NFC", text), file.name
        assert text.endswith("\n"), file.name
        assert "\r" not in text, file.name
        assert "\\u" not in text, file.name
    for row in PRODUCTS:
        assert all(v == v.strip() and v for v in row.values() if isinstance(v, str)), row["sku"]


def test_columns_are_those_of_an_import() -> None:
    assert [row["sku"] for row in PRODUCTS if not REQUIRED <= row.keys() <= COLUMNS] == []


def test_a_parent_stands_before_its_children() -> None:
    seen: set[str] = set()
    for row in CATEGORIES:
        parent = row["path"].rpartition(" > ")[0]
        assert not parent or parent in seen, row["path"]
        seen.add(row["path"])


def test_categories_are_named_in_every_language() -> None:
    for row in CATEGORIES:
        assert row["name"].keys() == LANGUAGES, row["path"]
        assert all(row["name"].values()), row["path"]


def test_translated_names_come_in_all_languages_or_none() -> None:
    every = {f"name.{language}" for language in LANGUAGES}
    assert [row["sku"] for row in PRODUCTS if 0 < len(every & row.keys()) < len(every)] == []
    assert 55 <= sum(every <= row.keys() for row in PRODUCTS) <= 70


def test_arabic_is_written_in_arabic() -> None:
    names = [row["name"]["ar"] for row in CATEGORIES]
    names += [row["name.ar"] for row in PRODUCTS if "name.ar" in row]
    assert [n for n in names if not any("\u0621" <= ch <= "\u064a" for ch in n)] == []


def test_skus_are_unique() -> None:
    assert [sku for sku, n in Counter(row["sku"] for row in PRODUCTS).items() if n > 1] == []


def test_gtins_are_unique_valid_and_in_the_in_store_range() -> None:
    gtins = [row["gtin"] for row in PRODUCTS if "gtin" in row]
    assert len(set(gtins)) == len(gtins)
    for gtin in gtins:
        assert re.fullmatch(r"2\d{12}", gtin, re.ASCII), gtin
        assert _check_digit(gtin[:-1]) == gtin[-1], gtin


def test_brands_and_categories_exist() -> None:
    brands = {row["name"] for row in BRANDS}
    leaves = {path for path in PATHS if path.count(" > ") == 2}
    assert [r["sku"] for r in PRODUCTS if r.get("brand", next(iter(brands))) not in brands] == []
    assert {row["category"] for row in PRODUCTS} == leaves
    assert {row["brand"] for row in PRODUCTS if "brand" in row} == brands


def test_names_are_unique_within_a_category() -> None:
    for key in ("name", *(f"name.{language}" for language in LANGUAGES)):
        names = Counter((r["category"], r[key].casefold()) for r in PRODUCTS if key in r)
        assert [name for name, n in names.items() if n > 1] == []


def test_money_fits_its_currency_and_leaves_a_margin() -> None:
    for row in PRODUCTS:
        for field in {"price", "cost"} & row.keys():
            amount = Decimal(row[field])
            assert amount > 0, row["sku"]
            assert -int(amount.as_tuple().exponent) == MINOR_UNITS[row["currency"]], row["sku"]
        if "cost" in row:
            assert Decimal(row["cost"]) < Decimal(row["price"]), row["sku"]
    assert {row["currency"] for row in PRODUCTS} == MINOR_UNITS.keys()


def test_attributes_and_tags() -> None:
    for row in PRODUCTS:
        assert 2 <= len(row["attributes"]) <= 5, row["sku"]
        assert all(type(v) in (str, int, float, bool) for v in row["attributes"].values())
        assert 1 <= len(set(row["tags"])) == len(row["tags"]) <= 4, row["sku"]
    assert 20 <= len({tag for row in PRODUCTS for tag in row["tags"]}) <= 35


def test_an_attribute_keeps_one_type_throughout() -> None:
    kinds: dict[str, set[str]] = {}
    for row in PRODUCTS:
        for name, value in row["attributes"].items():
            kind = "number" if type(value) in (int, float) else type(value).__name__
            kinds.setdefault(name, set()).add(kind)
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def test_descriptions_are_well_formed_and_each_its_own() -> None:
    texts = [row["description"] for row in PRODUCTS if "description" in row]
    assert len(set(texts)) == len(texts)
    for text in texts:
        markup = _Markup()
        markup.feed(text)
        markup.close()
        assert (markup.faults, markup.open) == ([], []), text
        assert 1 <= text.count("<p>") <= 3, text


def test_shares_of_statuses_and_gaps() -> None:
    statuses = Counter(row["status"] for row in PRODUCTS)
    shares = {status: n / len(PRODUCTS) for status, n in statuses.items()}
    assert shares == pytest.approx({"published": 0.7, "draft": 0.25, "archived": 0.05}, abs=0.03)
    assert _share("gtin") == pytest.approx(0.8, abs=0.05)
    for key in ("price", "brand", "description"):
        assert 0.9 <= _share(key) < 1, key
    assert [r["sku"] for r in PRODUCTS if r["status"] == "published" and "price" not in r] == []
