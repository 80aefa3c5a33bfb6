"""The questions whose cost must not grow with the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.product import Product
from backoffice.policy import Actor, system
from backoffice.selection import LAST, Position, Selection, look_up

from .world import World

#: Buffers that a page may read, one that puts two conditions which no index holds together, and one that reads all of a
#: range of prices because no product among the first of its order fits.
PAGE, PAIR, RANGE = 3_000, 18_000, 24_000

Ask = Callable[[World, Session], Any]


@dataclass(frozen=True)
class Question:
    """A question, and the buffers that it may read.

    `steady`: it finds something and takes the same statements at any size. `often`: it is asked in every run of the
    suite, the others when a size is named.
    """

    name: str
    ask: Ask
    most: int = PAGE
    steady: bool = True
    often: bool = True

    def ask_once(self, world: World) -> None:
        """Ask, so that what is worked out once for all is not measured."""
        with Session(world.engine) as session:
            self.ask(world, session)


SORTS = ("id", "name", "price", "updated_at", "sku")
BOTH = [*SORTS, *(f"-{name}" for name in SORTS)]
OFTEN = ("id", "-price")

#: Who asks, and by what; each a function of the world, for what is large or rare differs.
Args = Callable[[World], dict[str, Any]]


def listed(args: Args, actor: Callable[[World], Actor] = attrgetter("house"), place: Position | None = None) -> Ask:
    """Return the question for a page of products."""

    def ask(world: World, session: Session) -> list[Any]:
        return page_of(world, session, args(world), actor(world), place)

    return ask


def page_of(world: World, session: Session, args: dict[str, Any], actor: Actor, place: Position | None) -> list[Any]:
    """Return the rows of the page at `place`, as the list shows them."""
    parsed = Selection.from_args(Product, actor, args)
    assert not parsed.problems, parsed.problems
    return parsed.selection.page(session, place).rows


def halfway(sort: str, category: Callable[[World], int] | None = None) -> Ask:
    """Return the question for the page in the middle of the list sorted by `sort`, whole or of a category."""
    column = {"name": "product.name_key", "id": "product.id"}.get(
        sort.removeprefix("-"), f"product.{sort.removeprefix('-')}"
    )

    def ask(world: World, session: Session) -> list[Any]:
        chosen = category(world) if category else None
        args = {"sort": sort} | ({"category_id": str(chosen)} if chosen else {})
        return page_of(world, session, args, world.house, world.middle(column, chosen))

    return ask


def looked_up(model: Any, text: str) -> Ask:
    """Return the question of a look-up field."""
    return lambda world, session: look_up(session, model, world.house, text)


def opened(address: Callable[[World], str], person: str = "administrator") -> Ask:
    """Return the question that a whole page asks."""
    return lambda world, _session: world.get(address(world), person)


def lists() -> Iterator[Question]:
    """Yield the pages of all products, of the subtrees and of the trash, in every order."""
    for sort in BOTH:
        by: Args = lambda world, sort=sort: {"sort": sort}  # noqa: E731 - several questions share it
        often = sort in OFTEN
        yield Question(f"all by {sort}, first", listed(by), often=often)
        yield Question(f"all by {sort}, last", listed(by, place=LAST), often=often)
        yield Question(f"all by {sort}, middle", halfway(sort), often=often)
        for name in ("large", "small"):
            category = attrgetter(name)
            args = _with(by, category_id=category)
            yield Question(f"{name} subtree by {sort}, first", listed(args), often=often)
            yield Question(f"{name} subtree by {sort}, last", listed(args, place=LAST), often=often)
            yield Question(f"{name} subtree by {sort}, middle", halfway(sort, category), often=often)
        yield Question(f"scoped by {sort}", listed(by, attrgetter("scoped")), often=often)
        yield Question(f"trash by {sort}", listed(_with(by, trash="1")), often=often)
    for sort in ("id", "name", "-updated_at", "sku"):
        ask = listed(lambda world, sort=sort: {"sort": sort}, attrgetter("blinkered"))
        yield Question(f"blinkered by {sort}", ask, often=sort in OFTEN)
    for sort in ("trashed_at", "-trashed_at"):
        yield Question(f"trash by {sort}", listed(lambda world, sort=sort: {"sort": sort, "trash": "1"}))
    yield Question("trash, scoped", listed(lambda world: {"trash": "1"}, attrgetter("scoped")), PAIR)


#: One filter, by its name; all of them are asked in the usual order.
FILTERS: dict[str, Args] = {
    "large brand": lambda world: {"brand_id": str(world.brands[0])},
    "small brand": lambda world: {"brand_id": str(world.brands[1])},
    "two brands": lambda world: {"brand_id": [str(key) for key in world.brands]},
    "no brand": lambda world: {"brand_id": "none"},
    "no category": lambda world: {"category_id": "none"},
    "no price": lambda world: {"price": "none"},
    "price range": lambda world: {"price_min": world.prices[0], "price_max": world.prices[1]},
    "wide price range": lambda world: {"price_min": world.wide[0], "price_max": world.wide[1]},
    "one price": lambda world: {"price": world.prices[0]},
    "frequent tag": lambda world: {"tags": str(world.tags[0])},
    "rare tag": lambda world: {"tags": str(world.tags[1])},
    "no tag": lambda world: {"tags": "none"},
    "some tag": lambda world: {"tags": "any"},
    "rare status": lambda world: {"status": "archived"},
    "frequent status": lambda world: {"status": "published"},
    "rare currency": lambda world: {"currency": "JPY"},
    "no French name": lambda world: {"name_i18n_lacks": "fr"},
    "no German name": lambda world: {"name_i18n_lacks": "de"},
    "no Spanish name": lambda world: {"name_i18n_lacks": "es"},
    "no Arabic name": lambda world: {"name_i18n_lacks": "ar"},
    "responsible": lambda world: {"responsible_id": "none"},
    "all tops": lambda world: {"category_id": world.tops},
}

#: Those that hold a stretch of the order by price.
PRICES = ("no price", "one price", "price range", "wide price range")

WORDS: dict[str, Args] = {
    "frequent word": lambda world: {"q": "black"},
    "rare word": lambda world: {"q": world.rare},
    "beginning": lambda world: {"q": "b"},
    "two words": lambda world: {"q": "black la"},
    "sku": lambda world: {"q": world.sku},
}


def filtered() -> Iterator[Question]:
    """Yield one filter or one search, in the usual order, and by price where the filter is by price."""
    for name, args in (FILTERS | WORDS).items():
        yield Question(f"{name}, first", listed(args))
        yield Question(f"{name}, last", listed(args, place=LAST))
    for name in PRICES:
        for sort in ("price", "-price"):
            yield Question(f"{name} by {sort}", listed(_with(FILTERS[name], sort=sort)))
    for name, args in WORDS.items():
        yield Question(f"{name}, blinkered", listed(args, attrgetter("blinkered")))
        if name != "frequent word":
            most = PAIR if name in ("beginning", "two words") else PAGE
            yield Question(
                f"{name}, scoped", listed(args, attrgetter("scoped")), most, steady=name not in ("rare word", "sku")
            )
    for name in ("frequent word", "beginning"):
        yield Question(f"{name} in the trash", listed(_with(WORDS[name], trash="1")))
    for sort in BOTH:
        yield Question(f"rare word by {sort}", listed(_with(WORDS["rare word"], sort=sort)), often=sort in OFTEN)


def pairs() -> Iterator[Question]:
    """Yield two conditions that no index holds together; of few products nothing may meet both."""
    for name, args in FILTERS.items():
        for sort in ("-updated_at", "name", "-sku", *([] if name in PRICES else ["price"])):
            most = RANGE if name == "wide price range" else PAIR
            yield Question(f"{name} by {sort}", listed(_with(args, sort=sort)), most, often=False)
        yield Question(f"frequent word, {name}", listed(_with(args, q="black")), PAIR, steady=False)
        if "categor" not in name and "tops" not in name:
            yield Question(f"scoped, {name}", listed(args, attrgetter("scoped")), PAIR, steady=False)
    for sort in ("name", "-sku"):
        cheap: Args = lambda world, sort=sort: {"price_max": world.cheap, "sort": sort}  # noqa: E731
        yield Question(f"cheapest tenth by {sort}", listed(cheap), RANGE, often=False)
    word = WORDS["frequent word"]
    for name in ("large", "small"):
        args = _with(word, category_id=attrgetter(name))
        yield Question(f"frequent word, {name} subtree", listed(args), PAIR, steady=False)
    yield Question("frequent word, scoped", listed(word, attrgetter("scoped")), PAIR)
    for sort in BOTH:
        yield Question(f"frequent word by {sort}", listed(_with(word, sort=sort)), PAIR, often=sort in OFTEN)


def _with(args: Args, **more: Any) -> Args:
    """Return `args` with `more`; what is a function says it of the world."""
    return lambda world: (
        args(world) | {name: str(value(world) if callable(value) else value) for name, value in more.items()}
    )


def others() -> Iterator[Question]:
    """Yield look-ups, counts and whole pages."""
    for model in (Category, Brand):
        for text in ("", "b", "ba"):
            yield Question(f"look up a {model.resource.name} by “{text}”", looked_up(model, text))
    yield Question("look up a category by its path", looked_up(Category, "a b"))
    everything = Selection(Product, system("size"))
    yield Question("count", lambda _world, session: everything.count(session))
    yield Question("estimate", lambda _world, session: everything.estimate(session), steady=False)
    pages: dict[str, Callable[[World], str]] = {
        "figures": lambda world: "/admin/figures/",
        "dashboard": lambda world: "/admin/",
        "palette": lambda world: "/admin/palette/",
        "palette, frequent word": lambda world: "/admin/palette/?q=black",
        "palette, rare word": lambda world: f"/admin/palette/?q={world.rare}",
        "palette, beginning": lambda world: "/admin/palette/?q=b",
        "palette, two words": lambda world: "/admin/palette/?q=black+la",
        "palette, sku": lambda world: f"/admin/palette/?q={world.sku}",
        "list": lambda world: "/admin/product/",
        "list, last": lambda world: "/admin/product/?last=1",
        "list by price": lambda world: "/admin/product/?sort=-price",
        "list of a subtree": lambda world: f"/admin/product/?category_id={world.large}",
        "list of a brand": lambda world: f"/admin/product/?brand_id={world.brands[0]}",
        "list of a word": lambda world: "/admin/product/?q=black",
        "trash": lambda world: "/admin/product/?trash=1",
        "form": lambda world: f"/admin/product/edit/?id={world.edited}",
        "details": lambda world: f"/admin/product/details/?id={world.edited}",
        "history": lambda world: "/admin/history/",
        "history of products": lambda world: "/admin/history/?resource=product",
        "history of actions": lambda world: "/admin/history/?source=action",
        "history of roles": lambda world: "/admin/history/?resource=role",
        "older history": lambda world: f"/admin/history/?before={world.deed - world.products // 50}",
        "older details": lambda world: f"/admin/product/details/?id={world.edited}&before={world.change}",
        "large change set": lambda world: f"/admin/history/details/?id={world.deed}",
        "categories": lambda world: "/admin/category/?view=list",
        "tree": lambda world: "/admin/category/",
        "tree, opened": lambda world: f"/admin/category/?expanded={world.large}",
        "tree, counts": lambda world: f"/admin/category/counts/?ids={','.join(map(str, world.rows))}",
        "brands": lambda world: "/admin/brand/",
    }
    for name, address in pages.items():
        # Not everyone finds something by every text, which saves reading it.
        steady = name not in ("palette, rare word", "palette, sku")
        # Beyond what is counted at once figures are kept first; then one statement fetches them at any size.
        often = name not in ("dashboard", "figures")
        # Each row that is shown is counted to a thousand, category by category of its subtree.
        counted = PAIR if name == "tree, counts" else PAGE
        yield Question(f"page: {name}", opened(address), counted, steady, often)
        if name not in ("brands", "form"):
            most = PAIR if name == "list of a word" else counted
            yield Question(f"page: {name}, scoped", opened(address, "scoped"), most, steady, often)


QUESTIONS = [*lists(), *filtered(), *pairs(), *others()]
