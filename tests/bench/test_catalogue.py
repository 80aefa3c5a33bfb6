"""The rows of the big catalogue: the same for a seed, lawful, and spread as a plan must bear."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from backoffice.models.identifiers import gtin_problem
from backoffice.models.product import digits_problem
from bench.catalogue import CHUNK, Catalogue, Row, Size
from bench.words import COMMON, VOCABULARY_WORDS, leading_words

TODAY = datetime(2026, 1, 31, tzinfo=UTC)


def made(products: int = 10_000, categories: int = 2_000, brands: int = 500, seed: int = 1) -> Catalogue:
    return Catalogue(Size(products, categories, brands, seed), TODAY)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return made()


@pytest.fixture(scope="module")
def rows(catalogue: Catalogue) -> list[Row]:
    return [row for chunk in range(catalogue.chunks()) for row, _tags in catalogue.products(chunk)]


def test_a_seed_decides_every_row() -> None:
    first, again, other = (list(made(50, 30, 5, seed).products(0)) for seed in (1, 1, 2))
    assert first == again
    assert [row["name"] for row, _ in first] != [row["name"] for row, _ in other]


def test_a_chunk_needs_none_before_it() -> None:
    longer = made(2 * CHUNK + 1)
    assert longer.chunks() == 3
    assert [row["id"] for row, _tags in longer.products(2)] == [2 * CHUNK + 1]


@pytest.mark.parametrize(
    ("categories", "depths"),
    [
        (1, {0: 1}),
        (10, {0: 10}),
        (13, {0: 10, 1: 3}),
        (30, {0: 10, 1: 20}),
        (60, {0: 10, 1: 20, 2: 30}),
        (2_000, {0: 10, 1: 140, 2: 1_850}),
    ],
)
def test_the_tree_has_the_wanted_size_and_whole_paths(categories: int, depths: dict[int, int]) -> None:
    tree = made(1, categories).categories
    paths = {row["id"]: row["path"] for row in tree}
    assert Counter(row["depth"] for row in tree) == depths
    for row in tree:
        above = paths[row["parent_id"]] if row["parent_id"] else "/"
        assert row["path"] == f"{above}{row['id']}/"
    assert {row["category_id"] for row, _ in made(200, categories).products(0)} <= {None, *paths}


def test_siblings_have_names_of_their_own(catalogue: Catalogue) -> None:
    names = Counter((row["parent_id"], row["name_key"]) for row in catalogue.categories)
    assert max(names.values()) == 1


def by_top(catalogue: Catalogue, rows: list[Row], column: str) -> list[list[object]]:
    """Return the values of `column` by top category, the lists in the order of their least."""
    tops = {row["id"]: row["path"].split("/")[1] for row in catalogue.categories}
    found = defaultdict(list)
    for row in rows:
        if row["category_id"] and row[column] is not None:
            found[tops[row["category_id"]]].append(row[column])
    assert len(found) == 10
    return sorted(found.values(), key=min)


@pytest.mark.parametrize("column", ["price", "name_key"])
def test_a_walk_meets_each_subtree_at_one_stretch(catalogue: Catalogue, rows: list[Row], column: str) -> None:
    stretches = by_top(catalogue, rows, column)
    assert all(max(one) < min(next_one) for one, next_one in pairwise(stretches))


def test_names_and_prices_do_not_begin_in_the_same_subtree(catalogue: Catalogue, rows: list[Row]) -> None:
    tops = {row["id"]: row["path"].split("/")[1] for row in catalogue.categories}
    known = [row for row in rows if row["category_id"] and row["price"] is not None]
    cheapest, first = (min(known, key=lambda row: row[column]) for column in ("price", "name_key"))
    assert tops[cheapest["category_id"]] != tops[first["category_id"]]


def test_subtrees_are_large_and_small(catalogue: Catalogue, rows: list[Row]) -> None:
    filled = Counter(row["category_id"] for row in rows if row["category_id"])
    assert max(filled.values()) > 200
    assert sum(count == 1 for count in filled.values()) > 200


def test_words_are_spread_as_in_real_names(rows: list[Row]) -> None:
    names = Counter(word for row in rows for word in set(row["name_key"].split()))
    assert 0.03 < names[COMMON[0]] / len(rows) < 0.05
    known = {*VOCABULARY_WORDS, *(word for top in range(10) for word in leading_words(top))}
    rare = [count for word, count in names.items() if word not in known and len(word) == 8 and word.isalpha()]
    assert len(rare) > 400
    assert sum(count <= 5 for count in rare) / len(rare) > 0.9


@pytest.mark.parametrize(
    ("gap", "share"),
    [("price", 0.04), ("brand_id", 0.06), ("category_id", 0.01), ("gtin", 0.2), ("description", 0.08)],
)
def test_some_fields_are_empty(rows: list[Row], gap: str, share: float) -> None:
    assert sum(row[gap] is None for row in rows) / len(rows) == pytest.approx(share, abs=0.015)


def test_shares_of_trash_and_statuses(rows: list[Row]) -> None:
    assert sum(row["trashed_at"] is not None for row in rows) / len(rows) == pytest.approx(0.05, abs=0.01)
    statuses = {status: count / len(rows) for status, count in Counter(row["status"] for row in rows).items()}
    assert statuses == pytest.approx({"published": 0.7, "draft": 0.25, "archived": 0.05}, abs=0.02)


@pytest.mark.parametrize("column", ["id", "sku", "slug", "gtin"])
def test_keys_are_unique(rows: list[Row], column: str) -> None:
    values = [row[column] for row in rows if row[column] is not None]
    assert len(set(values)) == len(values)


def test_rows_keep_the_rules_of_products(rows: list[Row]) -> None:
    for row in rows:
        assert not row["gtin"] or gtin_problem(row["gtin"]) is None
        assert digits_problem(row["price"], row["currency"], "Price") is None
        assert digits_problem(row["cost"], row["currency"], "Cost") is None
        assert row["price"] is None or Decimal(0) < row["cost"] < row["price"]
        assert row["created_at"] <= row["updated_at"] <= TODAY
        assert row["trashed_at"] is None or row["created_at"] <= row["updated_at"] >= row["trashed_at"]
