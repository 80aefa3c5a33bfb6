"""Random rows, rights and questions: a plain model of the data says what every way of asking must find."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text, update
from sqlalchemy.orm import Session

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.policy import Actor, RoleRights, system
from backoffice.selection import Bounds, Selection

TREE = {"A": None, "B": "A", "C": "B", "D": "A", "E": None, "F": "E"}
BRANDS, TAGS = ("Acme", "Bolt"), ("new", "sale", "eco")
LANGUAGES = ("fr", "de", "pt-BR", "ar")
WORDS = ("red", "redwood", "mug", "lamp", "pro", "mini")
HOUSE = system("tests")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SORTS = ("", "name", "-name", "price", "-price", "sku", "-sku", "updated_at", "-updated_at", "id", "-id")


@dataclass
class Row:
    """A product as the model holds it; references by name."""

    name: str
    price: Decimal | None
    cost: Decimal | None
    status: str
    currency: str
    category: str | None
    brand: str | None
    tags: frozenset[str]
    description: str | None
    trashed: bool
    changed: int
    named_in: frozenset[str] = frozenset()
    sku: str = ""
    id: int = 0

    def found_words(self, long: bool) -> set[str]:
        """Return the words by which the row is found; `long` includes the description."""
        texts = [self.name, self.sku, self.sku.replace("-", ""), self.description or "" if long else ""]
        return set(re.findall(r"[a-z0-9]+", " ".join(texts).lower()))


MONEY = st.none() | st.sampled_from([Decimal(1), Decimal("1.5"), Decimal(2), Decimal(10), Decimal("9999999999.99")])
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
ROWS = st.lists(
    st.builds(
        Row,
        name=NAMES,
        price=MONEY,
        cost=MONEY.map(lambda amount: amount and min(amount, Decimal(10))),
        status=st.sampled_from(["draft", "published", "archived"]),
        currency=st.just("EUR"),
        category=st.none() | st.sampled_from(sorted(TREE)),
        brand=st.none() | st.sampled_from(BRANDS),
        tags=st.frozensets(st.sampled_from(TAGS), max_size=2),
        description=st.none() | NAMES,
        trashed=st.integers(0, 4).map(lambda number: number == 0),
        changed=st.integers(0, 5),
        named_in=st.frozensets(st.sampled_from(LANGUAGES), max_size=3),
    ),
    max_size=30,
)
ROLES = st.lists(
    st.builds(
        lambda scope, hidden, reads: (scope, hidden, reads),
        scope=st.frozensets(st.sampled_from(sorted(TREE)), max_size=2),
        hidden=st.frozensets(st.sampled_from(["price", "description", "name", "brand_id", "name_i18n"]), max_size=2),
        reads=st.integers(0, 5).map(bool),
    ),
    min_size=1,
    max_size=2,
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.lists(st.sampled_from(["draft", "published"]), min_size=1, max_size=2),
        "category_id": st.lists(st.sampled_from([*sorted(TREE), "none", "any"]), min_size=1, max_size=2),
        "brand_id": st.lists(st.sampled_from([*BRANDS, "none", "any"]), min_size=1, max_size=2),
        "tags": st.lists(st.sampled_from([*TAGS, "none", "any"]), min_size=1, max_size=2),
        "price_min": st.sampled_from([["1"], ["1.5"], ["9"]]),
        "price_max": st.sampled_from([["1.5"], ["9"]]),
        "name_i18n_lacks": st.lists(st.sampled_from([*LANGUAGES, "es"]), min_size=1, max_size=3, unique=True),
        "price": st.lists(st.sampled_from(["1", "2.00", "none", "any"]), min_size=1, max_size=2),
    },
)


@dataclass
class Asked:
    """A question as a person puts it."""

    filters: dict[str, list[str]]
    search: str
    sort: str
    trash: bool
    size: int
    bounds: Bounds


QUESTIONS = st.lists(
    st.builds(
        Asked,
        filters=FILTERS,
        search=st.sampled_from(["", "", "", "red", "mug lamp", "red mug", "mu", "S-3", "s3", "-", "absent"]),
        sort=st.sampled_from(SORTS),
        trash=st.integers(0, 4).map(lambda number: number == 0),
        size=st.integers(1, 7),
        bounds=st.builds(
            Bounds,
            few=st.sampled_from([0, 3, 1_000]),
            short_walk=st.sampled_from([3, 8, 2_000]),
            long_walk=st.sampled_from([9, 30_000]),
            looks=st.sampled_from([3, 500]),
            hits=st.sampled_from([1, 4]),
            some=st.sampled_from([0, 4, 6_000]),
            many_places=st.sampled_from([0, 2, 300]),
            candidates=st.sampled_from([2, 1_000]),
            near=st.sampled_from([1, 3, 300]),
        ),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Shop:
    """The database with its fixed records, and a way past the door to empty it again."""

    keys: dict[str, dict[str, int]]
    paths: dict[str, str]

    def fill(self, rows: list[Row]) -> None:
        """Replace all products by `rows`."""
        self.clear()
        with writes.unit(HOUSE, "Fill") as unit:
            records = [self._record(number, row) for number, row in enumerate(rows)]
            tags = {tag.name: tag for tag in unit.session.query(Tag)}
            for row, record in zip(rows, records, strict=True):
                record.tags = [tags[name] for name in sorted(row.tags)]
                unit.add(record)
            unit.session.flush()
            for row, record in zip(rows, records, strict=True):
                row.id = record.id
        # Moments of the house's own: past the door, as nobody else may.
        engine = create_engine(db.engine.url)
        with engine.begin() as connection:
            for row in rows:
                at = BEGAN + timedelta(days=row.changed)
                connection.execute(update(Product).where(Product.id == row.id).values(updated_at=at))
        engine.dispose()

    def _record(self, number: int, row: Row) -> Product:
        row.sku = f"S-{number}"
        return Product(
            sku=row.sku,
            name=row.name,
            price=row.price,
            cost=row.cost,
            status=row.status,
            currency=row.currency,
            category_id=self.keys["category"].get(row.category or ""),
            brand_id=self.keys["brand"].get(row.brand or ""),
            description=row.description,
            name_i18n=dict.fromkeys(sorted(row.named_in), "something else") or None,
            trashed_at=BEGAN + timedelta(days=row.changed) if row.trashed else None,
        )

    def clear(self) -> None:
        """Remove all products with all that hangs on them."""
        db.session.rollback()
        engine = create_engine(db.engine.url)
        with engine.begin() as connection:
            for table in ("product_tag", "product"):
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text("DELETE FROM search_entry WHERE resource = 'product'"))
        engine.dispose()


@pytest.fixture(scope="module")
def shop(shared_app: Flask) -> Shop:
    """Return a shop with a tree of categories, brands and tags, and no products."""
    keys: dict[str, dict[str, int]] = {"category": {}, "brand": {}, "tags": {}}
    paths = {}
    with writes.unit(HOUSE, "Set up") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "es", *LANGUAGES]
        for name, parent in TREE.items():
            category = unit.add(Category(name=name, parent_id=keys["category"].get(parent or "")))
            unit.session.flush()
            keys["category"][name] = category.id
        for model, names, kind in ((Brand, BRANDS, "brand"), (Tag, TAGS, "tags")):
            for name in names:
                record = unit.add(model(name=name))
                unit.session.flush()
                keys[kind][name] = record.id
    for name, key in keys["category"].items():
        paths[name] = db.session.get_one(Category, key).path
    return Shop(keys, paths)


class Model:
    """What the answers must be, worked out from the rows in plain Python."""

    def __init__(self, shop: Shop, rows: list[Row], roles: list[Any]) -> None:
        self.shop, self.rows, self.roles = shop, rows, [role for role in roles if role[2]]
        self.actor = Actor(1, "tester", tuple(self._rights(number, *role) for number, role in enumerate(roles)))

    def _rights(self, number: int, scope: frozenset[str], hidden: frozenset[str], reads: bool) -> RoleRights:
        return RoleRights(
            f"role {number}",
            frozenset({"product:read" if reads else "product:update"}),
            tuple(sorted(self.shop.paths[name] for name in scope)),
            frozenset(f"product.{field}" for field in hidden),
        )

    def above(self, category: str | None) -> set[str]:
        """Return a category with all above it."""
        found = set()
        while category:
            found.add(category)
            category = TREE[category]
        return found

    def reached(self, category: str | None) -> list[Any]:
        """Return the roles that show rows of `category`."""
        return [role for role in self.roles if not role[0] or role[0] & self.above(category)]

    def may_ask(self, field: str) -> bool:
        """Return whether the field is shown wherever rows are."""
        places = [place for place in [None, *TREE] if self.reached(place)]
        return bool(places) and all(any(field not in role[1] for role in self.reached(place)) for place in places)

    def expected(self, asked: Asked) -> list[Row]:
        """Return the rows that a question finds, in their order; a search without sort in the usual order."""
        filters = {name: values for name, values in asked.filters.items() if self.may_ask(_field(name))}
        rows = [row for row in self.rows if row.trashed == asked.trash and self.reached(row.category)]
        rows = [row for row in rows if all(self.fits(row, name, values) for name, values in filters.items())]
        rows = [row for row in rows if not asked.search or self.answers(row, asked.search)]
        sort = asked.sort if asked.sort and self.may_ask_sort(asked.sort) else "-trashed_at" if asked.trash else "-id"
        return _sorted(rows, sort)

    def may_ask_sort(self, sort: str) -> bool:
        """Return whether rows may be sorted so."""
        return sort.removeprefix("-") == "id" or self.may_ask(sort.removeprefix("-"))

    def fits(self, row: Row, name: str, values: list[str]) -> bool:
        """Return whether `row` passes one filter."""
        if name in ("price_min", "price_max"):
            bound = Decimal(values[0])
            return row.price is not None and (row.price >= bound if name == "price_min" else row.price <= bound)
        if name == "name_i18n_lacks":
            return not set(values) <= row.named_in
        own: set[Any]
        if name == "tags":
            own = set(row.tags)
        elif name == "category_id":
            own = self.above(row.category)
        else:
            value = getattr(row, _ATTRIBUTES.get(name, name))
            own = set() if value is None else {value}
        wanted = {Decimal(value) if name == "price" and value not in ("none", "any") else value for value in values}
        return bool(own & wanted) or ("none" in wanted and not own) or ("any" in wanted and bool(own))

    def answers(self, row: Row, search: str) -> bool:
        """Return whether `row` answers a search."""
        words = re.findall(r"[a-z0-9]+", search.lower())
        exact = row.sku in (search, search.upper())
        if not words:
            return exact
        if not self.may_ask("name"):
            return exact
        # Long texts and translations are searched together: who misses one of them searches neither.
        own = row.found_words(long=self.may_ask("description") and self.may_ask("name_i18n"))
        *whole, last = words
        return all(word in own for word in whole) and any(word.startswith(last) for word in own)


_ATTRIBUTES = {"brand_id": "brand"}


def _field(name: str) -> str:
    return re.sub("_(min|max|lacks)$", "", name)


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    keys = {"updated_at": "changed", "trashed_at": "changed"}

    def compare(one: Row, other: Row) -> int:
        left, right = (getattr(row, keys.get(name, name)) for row in (one, other))
        if (left is None) != (right is None):
            return 1 if left is None else -1
        if left != right:
            return (1 if left > right else -1) * (-1 if down else 1)
        return (1 if one.id > other.id else -1) * (-1 if down else 1)

    return sorted(rows, key=cmp_to_key(compare))


def _args(shop: Shop, asked: Asked) -> dict[str, Any]:
    kinds = {"category_id": "category", "brand_id": "brand", "tags": "tags"}
    filters = {
        name: [str(shop.keys[kinds[name]].get(value, value)) if name in kinds else value for value in values]
        for name, values in asked.filters.items()
    }
    return filters | {"q": asked.search, "sort": asked.sort, "trash": "1" if asked.trash else ""}


def _walk(session: Session, selection: Selection, size: int, start: dict[str, Any], step: str) -> list[list[int]]:
    """Return the keys of every page from `start` on, in the order in which they were visited."""
    pages: list[list[int]] = []
    args = start
    while True:
        parsed = Selection.from_args(selection.model, selection.actor, selection.args(**args))
        assert replace(parsed.selection, bounds=selection.bounds) == selection
        assert not parsed.problems
        page = selection.page(session, parsed.cursor, size)
        pages.append([row.id for row in page.rows])
        assert len(pages) < 60
        leads = page.next if step == "after" else page.previous
        assert (page.last if step == "after" else page.first) == (leads is None)
        if leads is None:
            return pages
        args = {step: leads}


def _check(session: Session, model: Model, asked: Asked) -> None:
    parsed = Selection.from_args(Product, model.actor, _args(model.shop, asked))
    selection = replace(parsed.selection, bounds=asked.bounds)
    refused = {_field(name) for name in asked.filters if not model.may_ask(_field(name))}
    refused |= {asked.sort} if asked.sort and not model.may_ask_sort(asked.sort) else set()
    assert bool(parsed.problems) == bool(refused)
    expected = [row.id for row in model.expected(asked)]
    forward = [key for page in _walk(session, selection, asked.size, {}, "after") for key in page]
    backward = [key for page in reversed(_walk(session, selection, asked.size, {"last": 1}, "before")) for key in page]
    page = selection.page(session, None, asked.size)
    if selection.order.name == "relevance":
        event("relevance")
        _check_ranked(session, model, asked, selection, expected, forward)
    else:
        event(selection.order.name)
        assert forward == expected
        assert page.count.value == min(len(expected), asked.bounds.few)
        assert page.count.exact == (len(expected) <= asked.bounds.few)
    assert backward == forward
    assert list(selection.ids(session)) == sorted(expected)
    assert [row.id for row in selection.rows(session, chunk=4)] == expected
    assert sorted(session.scalars(selection.keys(session))) == sorted(expected)
    assert selection.count(session).value == selection.estimate(session).value == len(expected)
    for row in model.rows:
        found = selection.get(session, row.id)
        assert (found is not None) == bool(model.reached(row.category))
        assert (selection.get(session, row.id, trash=asked.trash) is not None) == (
            bool(model.reached(row.category)) and row.trashed == asked.trash
        )


def _check_ranked(
    session: Session, model: Model, asked: Asked, selection: Selection, expected: list[int], shown: list[int]
) -> None:
    """Check a list by relevance: the exact code first, each row once, and a note where rows are left out."""
    page = selection.page(session, None, asked.size)
    narrowed = any(model.may_ask(_field(name)) for name in asked.filters) or all(role[0] for role in model.roles)
    most = asked.bounds.near if narrowed else asked.bounds.candidates
    assert len(shown) == len(set(shown)) == min(len(expected), most)
    assert set(shown) <= set(expected)
    assert page.count.exact == (len(expected) <= most)
    assert (f"Only the best {most} matches" in (page.note or "")) == (len(expected) > most)
    exact = [row.id for row in model.rows if row.id in expected and row.sku == asked.search.upper()]
    assert shown[: len(exact)] == exact[: len(shown)]


@settings(
    max_examples=60,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=ROWS, roles=ROLES, questions=QUESTIONS)
def test_every_way_of_asking_finds_the_same_rows(
    shop: Shop, rows: list[Row], roles: list[Any], questions: list[Asked]
) -> None:
    shop.fill(rows)
    model = Model(shop, rows, roles)
    with Session(db.engine) as session:
        for asked in questions:
            _check(session, model, asked)
            _check(session, Model(shop, rows, [(frozenset(), frozenset(), True)]), asked)
