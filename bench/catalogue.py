"""The rows of a big catalogue, the same for the same seed, in which price and name go with the category.

Each of ten top categories has a price band and a stretch of the alphabet of its own, so a walk along either order
meets a subtree at one end only: the case that a plan must not be caught by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import accumulate
from random import Random
from typing import Any

from backoffice.models.base import Resource
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.identifiers import gtin_check_digit, slugify
from backoffice.models.product import ARCHIVED, DRAFT, PUBLISHED, Product
from backoffice.models.search_entry import searched_text
from backoffice.models.tag import Tag
from backoffice.models.types import sort_key

from .words import COMMON, NOUNS, RARE_SHARE, common_words, invented, leading_words, rare_word

Row = dict[str, Any]

TOPS, TAGS, CHUNK = 10, 60, 2_000
TRASHED, WITHOUT_PRICE, WITHOUT_BRAND, WITHOUT_CATEGORY, WITHOUT_TEXT = 0.05, 0.04, 0.06, 0.01, 0.08
STATUSES = ((PUBLISHED, DRAFT, ARCHIVED), (70, 25, 5))
CURRENCIES = (("EUR", "USD", "GBP", "JPY"), (88, 6, 4, 2))
DAYS = 1_000


@dataclass(frozen=True)
class Size:
    """How big a catalogue is wanted, and which one of that size."""

    products: int
    categories: int
    brands: int
    seed: int


@dataclass(frozen=True)
class Place:
    """A category as products need it: its top category, its middle one as a share of the top, how full it is."""

    key: int
    top: int
    slot: float
    width: float
    noun: str
    weight: float


@dataclass
class Catalogue:
    """The small tables of a catalogue, and its products chunk by chunk."""

    size: Size
    today: datetime
    categories: list[Row] = field(default_factory=list)
    brands: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._grow()
        makers = ("Works", "Atelier", "Living", "Studio", "Goods")
        names = [f"{invented(i, 3).title()} {makers[i % len(makers)]}" for i in range(self.size.brands)]
        self.brands = [named(key, name, self.today, website=None) for key, name in enumerate(names, 1)]
        self.tags = [named(key, f"{word} finds", self.today) for key, word in enumerate(COMMON[:TAGS], 1)]
        self.place_weights = list(accumulate(place.weight for place in self.places))
        self.brand_weights = list(accumulate(1 / rank**0.9 for rank in range(1, self.size.brands + 1)))
        self.tag_weights = list(accumulate(1 / rank for rank in range(1, TAGS + 1)))

    def small(self) -> list[tuple[type[Resource], list[Row]]]:
        """Return the rows of what products refer to, in the order in which they can be written."""
        return [(Category, self.categories), (Brand, self.brands), (Tag, self.tags)]

    def chunks(self) -> int:
        """Return how many chunks of products there are."""
        return -(-self.size.products // CHUNK)

    def products(self, chunk: int) -> Iterator[tuple[Row, list[int]]]:
        """Yield each product of `chunk` with the keys of its tags; any chunk can be made without the ones before."""
        random = Random(f"{self.size.seed}/{chunk}")
        for key in range(chunk * CHUNK + 1, min((chunk + 1) * CHUNK, self.size.products) + 1):
            yield self._product(random, key), self._tags(random)

    def _grow(self) -> None:
        """Grow the tree: tops, about the square root of the rest beneath each, and the remainder as leaves."""
        tops = min(TOPS, self.size.categories)
        across = round((self.size.categories / tops) ** 0.5)
        middles = min(tops * across, self.size.categories - tops)
        for top in range(tops):
            # Products stand at the top only where there is nothing beneath it.
            self._category(None, Place(top + 1, top, 0, 1, NOUNS[top], 0 if middles else 1))
        for number in range(middles):
            top, slot = number % tops, number // tops
            weight = 0.02 / (top + 1) ** 0.8 / (slot + 1)
            place = Place(tops + number + 1, top, slot / across, 1 / across, NOUNS[number % len(NOUNS)], weight)
            self._category(top, place)
        for number in range(self.size.categories - tops - middles):
            nth, middle = divmod(number, middles)
            above, noun = self.places[middle], NOUNS[(middle * 3 + nth) % len(NOUNS)]
            weight = above.weight * 50 / (nth + 1) ** 1.2
            place = Place(len(self.categories) + 1, above.top, above.slot, above.width, noun, weight)
            self._category(tops + middle, place)

    def _category(self, parent: int | None, place: Place) -> None:
        """Add a category beneath the one at index `parent`, and the place if it is to hold products."""
        above: Row = self.categories[parent] if parent is not None else {"id": None, "path": "/", "depth": -1}
        name = f"{invented(place.key, 3).title()} {place.noun}s"
        tree = {"parent_id": above["id"], "position": place.key, "path": f"{above['path']}{place.key}/"}
        self.categories.append(named(place.key, name, self.today, name_i18n=None, depth=above["depth"] + 1, **tree))
        if place.weight:
            self.places.append(place)

    def _product(self, random: Random, key: int) -> Row:
        place = random.choices(self.places, cum_weights=self.place_weights)[0]
        name = self._name(random, place)
        currency = random.choices(*CURRENCIES)[0]
        price = None if random.random() < WITHOUT_PRICE else price_in(random, place, currency)
        sku = f"{LETTERS[place.top]}{LETTERS[key % 26]}-{key:07}"
        gtin = f"2{key * 7_919 % 10**11:011}"
        created = self.today - timedelta(
            days=DAYS * (1 - key / (self.size.products + 1)), seconds=random.random() * 9_000
        )
        updated = created + (self.today - created) * min(1.0, random.expovariate(4))
        trashed = self.today - timedelta(hours=random.random() * 2_000) if random.random() < TRASHED else None
        return {
            "id": key,
            "sku": sku,
            "gtin": f"{gtin}{gtin_check_digit(gtin)}" if random.random() < 0.8 else None,
            "name": name,
            "name_key": sort_key(name),
            "name_i18n": {code: text for code, (text, lacking) in TRANSLATED.items() if (key - 77) % lacking} or None,
            "slug": f"{slugify(name)}-{key}",
            "description": None if random.random() < WITHOUT_TEXT else description(random, name),
            "price": price,
            "cost": price and cost_below(random, price),
            "currency": currency,
            "status": random.choices(*STATUSES)[0],
            "category_id": None if random.random() < WITHOUT_CATEGORY else place.key,
            "brand_id": None if random.random() < WITHOUT_BRAND else self._brand(random),
            "attributes": {
                "material": random.choice(COMMON),
                "width_cm": random.randrange(1, 200),
                "washable": key % 3 == 0,
            },
            "version": random.choice((1, 1, 1, 2, 3, 5)),
            "created_at": created,
            "updated_at": max(updated, trashed) if trashed else updated,
            "trashed_at": trashed,
        }

    def _name(self, random: Random, place: Place) -> str:
        words = [random.choice(leading_words(place.top)), *common_words(random, 3), place.noun]
        if random.random() < RARE_SHARE:
            words.append(rare_word(random, self.size.products))
        if random.random() < 0.3:
            words.append(f"{random.randrange(1, 40) * 5}cm")
        name = " ".join(words)
        return name[:1].upper() + name[1:]

    def _brand(self, random: Random) -> int:
        return random.choices(range(1, self.size.brands + 1), cum_weights=self.brand_weights)[0]

    def _tags(self, random: Random) -> list[int]:
        count = random.choice((0, 0, 0, 1, 1, 2))
        return sorted(set(random.choices(range(1, TAGS + 1), cum_weights=self.tag_weights, k=count)))


#: Languages of names, each with a text and the number of products of which one lacks it.
TRANSLATED = {"de": ("Bezeichnung", 3), "es": ("Nombre", 20_000), "fr": ("Nom", 500)}

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENDINGS = tuple(map(Decimal, ("0.00", "0.50", "0.90", "0.95", "0.99")))


def named(key: int, name: str, today: datetime, **values: Any) -> Row:
    """Return the row of a category, brand or tag."""
    moments = {"version": 1, "created_at": today - timedelta(days=DAYS), "updated_at": today, "trashed_at": None}
    return {"id": key, "name": name, "name_key": sort_key(name), "slug": f"{slugify(name)}-{key}", **values, **moments}


def band(top: int) -> tuple[int, int]:
    """Return the whole numbers between which prices of the top category lie; no two bands share a price."""
    # Another order than that of the names, so that the two walks do not meet the same subtree first.
    low: int = 4 << (top * 7 + 3) % TOPS
    return low, low * 2


def price_in(random: Random, place: Place, currency: str) -> Decimal:
    """Return a price in the band of the place's top category, mostly in the part that its middle category holds."""
    low, high = band(place.top)
    share = place.slot + place.width * random.random() if random.random() < 0.7 else random.random()
    whole = Decimal(low + int((high - low) * min(share, 0.999_999)))
    if currency == "JPY":
        return whole
    return whole + (random.choice(_ENDINGS) if low >= 32 else Decimal(random.randrange(100)) / 100)


def cost_below(random: Random, price: Decimal) -> Decimal:
    """Return a cost below `price` with as many decimals as it."""
    return (price * random.randrange(35, 70) / 100).quantize(price, ROUND_DOWN)


def description(random: Random, name: str) -> str:
    """Return a text of one or two paragraphs about `name`."""
    words = common_words(random, random.choice((12, 18, 26)))
    half = len(words) // 2 if random.random() < 0.4 else len(words)
    paragraphs = [f"{name}: {' '.join(words[:half])}.", " ".join(words[half:])]
    return "".join(f"<p>{text}</p>" for text in paragraphs if text)


def searched(model: type[Resource], row: Row) -> Row:
    """Return the search entry of `row`."""
    heading, body = searched_text(model, row)
    live = row["trashed_at"] is None
    return {"resource": model.resource.name, "record_id": row["id"], "heading": heading, "body": body, "live": live}


def midnight() -> datetime:
    """Return the beginning of this day in UTC; moments count back from it."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


#: The resources that a catalogue fills.
MODELS: tuple[type[Resource], ...] = (Category, Brand, Tag, Product)
