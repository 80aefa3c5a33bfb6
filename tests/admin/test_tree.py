"""The category tree: what it shows, how categories move in it, and what is refused, with nothing changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import MAX_DEPTH, Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import records, rehoming, undo
from backoffice.operations.arranging import GAP
from backoffice.policy import Actor
from backoffice.selection import tree as reading

from .conftest import Browser, World, digest

TREE = "/admin/category/"
JSON = {"Accept": "application/json"}

#: The forest of these tests: name -> names under it.
FOREST: dict[str, Any] = {"A": {"A1": {"A1x": {}, "A1y": {}}, "A2": {}, "A3": {}}, "B": {"B1": {}}, "C": {}}


@dataclass
class Forest:
    """Keys by name."""

    keys: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.keys[name]

    def version(self, name: str) -> int:
        db.session.rollback()
        return db.session.get_one(Category, self[name]).version

    def under(self, name: str | None) -> list[str]:
        """Return the names under `name` in their order."""
        db.session.rollback()
        parent = Category.parent_id.is_(None) if name is None else Category.parent_id == self[name]
        rows = select(Category.name).where(parent, Category.trashed_at.is_(None), Category.id.in_(self.keys.values()))
        return list(db.session.scalars(rows.order_by(Category.position, Category.name_key, Category.id)))

    def shape(self) -> dict[str, Any]:
        """Return what moving may change, of every category."""
        db.session.rollback()
        rows = select(Category.name, Category.parent_id, Category.position, Category.path, Category.depth)
        return {row.name: tuple(row)[1:] for row in db.session.execute(rows.where(Category.trashed_at.is_(None)))}


@pytest.fixture
def forest(world: World, house: Actor) -> Forest:
    made = Forest()

    def plant(unit: writes.Unit, names: dict[str, Any], parent: int | None) -> None:
        for name, below in names.items():
            category = unit.add(Category(name=name, parent_id=parent))
            unit.session.flush()
            made.keys[name] = category.id
            plant(unit, below, category.id)

    with writes.unit(house, "Forest", source="system") as unit:
        plant(unit, FOREST, None)
    return made


def move(browser: Browser, forest: Forest, name: str, parent: str | None, **more: Any) -> Any:
    """Move as the script does; `before` and `after` are names."""
    data = {"id": forest[name], "version": forest.version(name), "parent_id": forest[parent] if parent else ""}
    beside = {key: forest[more.pop(key)] for key in ("before", "after") if key in more}
    return browser.post(f"{TREE}move/", data | beside | more, headers=JSON)


def names(page: str) -> list[str]:
    """Return the names of the rows in their order, pieces that a search met put together again."""
    rows = re.findall(r'<a class="tree-name"[^>]*><bdi>(.*?)</bdi></a>', page)
    return [re.sub(r"</?mark>", "", row) for row in rows]


# What is shown.


def test_the_tree_is_the_first_page_and_the_list_is_one_click_away(admin: Browser, forest: Forest) -> None:
    page = admin.get(TREE).text
    assert names(page) == ["A", "B", "C", "Cups", "Phones"]
    assert 'href="/admin/category/?view=list"' in page
    for query in ("view=list", "size=20", "q=A", "sort=-name", f"parent_id={forest['A']}"):
        text = admin.get(f"{TREE}?{query}").text
        assert 'id="list-page"' in text and "data-id=" in text, query
        # Nothing of the list leads to the tree by accident.
        assert set(re.findall(r'<a [^>]*href="/admin/category/"[^>]*>', text)) == set(
            re.findall(r'<a (?:class="look" )?href="/admin/category/"(?: data-go="c" aria-current="page")?>', text)
        ), query
    assert 'name="view" value="list"' in admin.get(f"{TREE}?view=list").text
    assert admin.get(f"{TREE}?q=&open=1").location == "/admin/category/?view=list"


def test_branches_open_by_their_address_and_by_the_script(admin: Browser, forest: Forest) -> None:
    assert admin.get(f"{TREE}?expanded={forest['A']},99999,x,").status_code == 200
    page = admin.get(f"{TREE}?expanded={forest['A']},{forest['A1']}").text
    assert names(page) == ["A", "A1", "A1x", "A1y", "A2", "A3", "B", "C", "Cups", "Phones"]
    assert f'href="/admin/category/?expanded={forest["A"]}"' in page, "the link of A1 closes it alone"
    # What stands under something closed waits until that is opened.
    assert names(admin.get(f"{TREE}?expanded={forest['A1']}").text) == ["A", "B", "C", "Cups", "Phones"]
    branch = admin.get(f"{TREE}branch/?parent={forest['A']}").text
    assert names(branch) == ["A1", "A2", "A3"] and 'data-total="3"' in branch
    assert names(admin.get(f"{TREE}branch/?parent={forest['A']}&after=2").text) == ["A3"]
    assert names(admin.get(f"{TREE}branch/?expanded={forest['B']}").text)[:3] == ["A", "B", "B1"]


def test_a_wide_branch_comes_a_stretch_at_a_time(admin: Browser, forest: Forest, house: Actor) -> None:
    with writes.unit(house, "Wide", source="system") as unit:
        unit.session.add_all([Category(name=f"W{number:03}", parent_id=forest["C"]) for number in range(250)])
    opened = f"{TREE}?expanded={forest['C']}"
    first = admin.get(opened).text
    assert len(names(first)) == 5 + reading.STRETCH and 'data-total="250"' in first
    (more,) = re.findall(r'data-more="\d+"><a class="btn btn-sm" href="([^"]+)"', first)
    assert more.replace("&amp;", "&") == f"{opened}&more={forest['C']}"
    assert len(names(admin.get(f"{opened}&more={forest['C']}&more={forest['C']}").text)) == 255
    assert names(admin.get(f"{TREE}branch/?parent={forest['C']}&after=200").text)[0] == "W200"


def test_statements_do_not_grow_with_the_tree(
    admin: Browser, forest: Forest, house: Actor, statements: list[str]
) -> None:
    def counted() -> dict[str, int]:
        db.session.rollback()
        keys = ",".join(str(key) for key in db.session.scalars(select(Category.id).order_by(Category.id)))
        found = {}
        for address in (TREE, f"{TREE}?expanded={keys}", f"{TREE}?find=a", f"{TREE}counts/?ids={keys}"):
            admin.get(address)
            statements.clear()
            assert admin.get(address).status_code == 200
            found[address.partition("=")[0]] = len(statements)
        return found

    few = counted()
    with writes.unit(house, "More", source="system") as unit:
        for parent in ("A", "A1", "B", "C"):
            unit.session.add_all(
                [Category(name=f"{parent} a{number}", parent_id=forest[parent]) for number in range(9)]
            )
    assert counted() == few
    assert max(few.values()) <= 12, few


def test_the_page_is_bounded_whatever_is_opened(
    admin: Browser, forest: Forest, house: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 6)
    page = admin.get(f"{TREE}?expanded={forest['A']},{forest['A1']}").text
    assert len(names(page)) <= 6 and "Only the first 6 rows are shown." in page


def test_a_search_shows_the_matches_with_those_above_them(admin: Browser, forest: Forest, house: Actor) -> None:
    page = admin.get(f"{TREE}?find=a1X").text
    assert names(page) == ["A", "A1", "A1x"] and page.count("<mark>") == 1 and "<mark>A1x</mark>" in page
    assert "1 found" in page
    with writes.unit(house, "Names") as unit:
        unit.get(Category, forest["B1"]).name_i18n = {"fr": "Théière bleue"}
    page = admin.get(f"{TREE}?find=theiere").text
    assert names(page) == ["B", "B1"] and "<mark>Théière</mark> bleue" in page, "the name that was met stands beside"
    assert "No category is called like that." in admin.get(f"{TREE}?find=zzz").text
    with writes.unit(house, "Many") as unit:
        unit.session.add_all([Category(name=f"Same {number}", parent_id=forest["C"]) for number in range(60)])
    page = admin.get(f"{TREE}?find=same").text
    assert "Only the first 50 matches are shown." in page and len(names(page)) == 51


def test_names_are_shown_in_the_readers_language(admin: Browser, forest: Forest, house: Actor) -> None:
    with writes.unit(house, "Names") as unit:
        unit.get(Category, forest["A"]).name_i18n = {"de": "Apfel"}
    page = admin.get(TREE, headers={"Accept-Language": "de-AT"}).text
    assert names(page)[0] == "Apfel" and '<bdi class="tree-source">A</bdi>' in page
    assert 'data-own="Apfel"' in page and 'data-language="de"' in page
    english = admin.get(TREE).text
    assert names(english)[0] == "A" and ">fr es ar</abbr>" in english, "what is missing is named"


def test_products_are_counted_with_those_below(admin: Browser, forest: Forest, world: World, house: Actor) -> None:
    with writes.unit(house, "Products") as unit:
        unit.session.add_all(
            [
                Product(sku=f"F-{number}", name="F", category_id=forest[name])
                for number, name in enumerate("A A1x A1x".split())
            ]
        )
        unit.session.add(Product(sku="F-9", name="Gone", category_id=forest["A2"], trashed_at=utcnow()))
    ids = ",".join(str(forest[name]) for name in ("A", "A1", "A2", "B"))
    found = admin.get(f"{TREE}counts/?ids={ids},99999,x").json["counts"]
    assert {key: one["value"] for key, one in found.items()} == {
        str(forest["A"]): 3, str(forest["A1"]): 2, str(forest["A2"]): 0, str(forest["B"]): 0,
    }  # fmt: skip
    assert found[str(forest["A"])]["said"] == "3 products"


def test_a_count_ends_where_it_is_called_many(
    admin: Browser, forest: Forest, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEW", 1)
    with writes.unit(Actor(None, "t", ()), "Products", source="system") as unit:
        unit.session.add_all([Product(sku=f"F-{number}", name="F", category_id=world.cups) for number in range(3)])
    found = admin.get(f"{TREE}counts/?ids={world.cups}").json["counts"][str(world.cups)]
    assert (found["shown"], found["exact"]) == ("1+", False)


# Moving.

#: Who moves, under whom, beside whom -> what then stands there, in order.
MOVES: list[tuple[str, str | None, dict[str, str], list[str]]] = [
    ("A3", "A", {"before": "A1"}, ["A3", "A1", "A2"]),
    ("A3", "A", {"before": "A2"}, ["A1", "A3", "A2"]),
    ("A1", "A", {"after": "A2"}, ["A2", "A1", "A3"]),
    ("A1", "A", {"after": "A3"}, ["A2", "A3", "A1"]),
    ("A1", "A", {"before": "A2"}, ["A1", "A2", "A3"]),
    ("A1", "A", {}, ["A1", "A2", "A3"]),
    ("A2", "B", {}, ["A2", "B1"]),
    ("C", "A", {}, ["A1", "A2", "A3", "C"]),
    ("A1", "B", {"after": "B1"}, ["B1", "A1"]),
    ("A1", "C", {}, ["A1"]),
    ("A1x", None, {"before": "B"}, ["A", "A1x", "B", "C"]),
    ("A1", None, {"after": "C"}, ["A", "B", "C", "A1"]),
    ("A1", None, {}, ["A", "A1", "B", "C"]),
    ("C", None, {"before": "A"}, ["C", "A", "B"]),
]


@pytest.mark.parametrize(("name", "parent", "beside", "order"), MOVES)
def test_a_move_and_its_undo(
    admin: Browser,
    forest: Forest,
    house: Actor,
    name: str,
    parent: str | None,
    beside: dict[str, str],
    order: list[str],
) -> None:
    before = forest.shape()
    answer = move(admin, forest, name, parent, **beside)
    assert answer.status_code == 200, answer.text
    assert forest.under(parent) == order
    moved = forest.shape()
    for one, (above, _position, path, depth) in moved.items():
        base = (
            moved[next(n for n, k in forest.keys.items() if k == above)][2] if above in forest.keys.values() else None
        )
        if base is not None:
            assert path == f"{base}{forest[one]}/" and depth == base.count("/") - 1, one
    assert answer.json["versions"][str(forest[name])] == forest.version(name)
    if answer.json["undo"] is None:
        assert moved == before and "stands there already" in answer.json["message"]
        return
    undo.undo_change_set(house, answer.json["undo"])
    assert forest.shape() == before


def test_many_moves_undone_backwards_are_as_if_nothing_was_done(admin: Browser, forest: Forest, house: Actor) -> None:
    """Pseudo-random walks: each order is the one asked for, and undone one by one the tree is what it was."""
    state, done = 7, []

    def draw(number: int) -> int:
        nonlocal state
        state = (state * 1_103_515_245 + 12_345) % 2**31
        return (state >> 8) % number

    shapes = []
    everyone = sorted(forest.keys)
    for _turn in range(40):
        name = everyone[draw(len(everyone))]
        parent = [None, *everyone][draw(len(everyone) + 1)]
        there = [one for one in forest.under(parent) if one != name]
        beside = {("before", "after")[draw(2)]: there[draw(len(there))]} if there and draw(4) else {}
        shape = forest.shape()
        answer = move(admin, forest, name, parent, **beside)
        if answer.status_code != 200:
            assert answer.status_code == 400 and forest.shape() == shape
            continue
        for way, one in beside.items():
            order = forest.under(parent)
            assert order.index(name) == order.index(one) + (1 if way == "after" else -1)
        if answer.json["undo"]:
            shapes.append(shape)
            done.append(answer.json["undo"])
    assert len(done) > 10
    while done:
        report = undo.undo_change_set(house, done.pop())
        assert report.skipped == [] and forest.shape() == shapes.pop()


def test_only_those_move_aside_that_stand_in_the_way(admin: Browser, forest: Forest, house: Actor) -> None:
    with writes.unit(house, "Wide", source="system") as unit:
        made = [unit.add(Category(name=f"W{number:03}", parent_id=forest["C"])) for number in range(300)]
        unit.session.flush()
        forest.keys |= {one.name: one.id for one in made}
    answer = move(admin, forest, "A2", "C", before="W003")
    assert len(answer.json["versions"]) == 4, "three before it move aside, not three hundred"
    assert forest.under("C")[:5] == ["W000", "W001", "W002", "A2", "W003"]
    answer = move(admin, forest, "A3", "C", before="A2")
    assert len(answer.json["versions"]) == 1, "there is room between two that are arranged"
    answer = move(admin, forest, "W299", "C", after="W298")
    assert answer.json["undo"] is None
    answer = move(admin, forest, "B1", "C", after="W299")
    assert len(answer.json["versions"]) == 1 and forest.under("C")[-1] == "B1"
    # Somebody wrote the highest number there is into a form.
    with writes.unit(house, "High") as unit:
        unit.get(Category, forest["B1"]).position = 2**31 - 1
    assert move(admin, forest, "A1", "C", after="B1").status_code == 200
    assert forest.under("C")[-2:] == ["B1", "A1"]


def test_a_move_is_told_though_its_own_number_stays(admin: Browser, forest: Forest) -> None:
    assert move(admin, forest, "A3", "A", before="A1").json["message"] == "“A3” comes first now."
    answer = move(admin, forest, "A3", "A", after="A1")
    assert answer.json["message"] == "“A3” comes after “A1” now." and answer.json["undo"]
    assert forest.under("A") == ["A1", "A3", "A2"]


def test_a_move_of_thousands_is_a_few_statements(
    admin: Browser, forest: Forest, house: Actor, statements: list[str]
) -> None:
    def asked(name: str, parent: str) -> int:
        version = forest.version(name)
        statements.clear()
        answer = admin.post(
            f"{TREE}move/", {"id": forest[name], "version": version, "parent_id": forest[parent]}, headers=JSON
        )
        assert answer.status_code == 200
        return len(statements)

    assert admin.token
    few = asked("A1", "B")
    with writes.unit(house, "Deep", source="system") as unit:
        unit.session.add_all([Category(name=f"D{number}", parent_id=forest["A1x"]) for number in range(400)])
    assert asked("A1", "C") == few
    db.session.rollback()
    below = db.session.scalars(select(Category.path).where(Category.parent_id == forest["A1x"])).all()
    assert len(below) == 400 and all(
        path.startswith(f"/{forest['C']}/{forest['A1']}/{forest['A1x']}/") for path in below
    )
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert last is not None and last.change_count == 1


REFUSED: list[tuple[str, str | None, dict[str, str], str]] = [
    ("A", "A", {}, "lies within this category"),
    ("A", "A1", {}, "lies within this category"),
    ("A", "A1x", {}, "lies within this category"),
    ("A1", "A1y", {}, "lies within this category"),
]


@pytest.mark.parametrize(("name", "parent", "beside", "said"), REFUSED)
def test_a_circle_is_refused_in_words(
    admin: Browser, forest: Forest, name: str, parent: str | None, beside: dict[str, str], said: str
) -> None:
    before = digest()
    answer = move(admin, forest, name, parent, **beside)
    assert answer.status_code == 400 and said in answer.json["message"]
    assert digest() == before


def test_a_namesake_and_a_tree_too_deep_are_refused(admin: Browser, forest: Forest, house: Actor) -> None:
    with writes.unit(house, "Deep") as unit:
        unit.add(Category(name="A2", parent_id=forest["B"]))
        deepest = forest["C"]
        for _level in range(MAX_DEPTH - 1):
            below = unit.add(Category(name="Down", parent_id=deepest))
            unit.session.flush()
            deepest = below.id
        forest.keys["deepest"] = deepest
    before = digest()
    assert "stands here already" in move(admin, forest, "A2", "B").json["message"]
    assert "at most 12 levels" in move(admin, forest, "A1", "deepest").json["message"]
    assert digest() == before


def test_a_colleague_was_faster(admin: Browser, forest: Forest, house: Actor) -> None:
    seen = {name: forest.version(name) for name in forest.keys}
    with writes.unit(house, "Rename") as unit:
        unit.get(Category, forest["A1"]).name = "A1 renamed"
    # Another name is no other place.
    assert move(admin, forest, "A1", "B", version=seen["A1"]).status_code == 200
    before = digest()
    late = move(admin, forest, "A1", "C", version=seen["A1"])
    assert late.status_code == 409 and "moved “A1 renamed” meanwhile" in late.json["message"]
    gone = move(admin, forest, "B1", "A", before="A1")
    assert gone.status_code == 409 and "not there any more" in gone.json["message"]
    assert digest() == before
    # A neighbour that moved aside is still where it was.
    assert move(admin, forest, "A3", "A", before="A2").status_code == 200
    assert move(admin, forest, "A2", "B", version=seen["A2"]).status_code == 200
    page = admin.post(f"{TREE}move/", {"id": forest["A1"], "version": seen["A1"], "parent_id": forest["C"]})
    assert page.status_code == 409 and f'name="version" value="{forest.version("A1")}"' in page.text
    with writes.unit(house, "Trash") as unit:
        records.trash(unit, unit.get(Category, forest["B1"]))
    for more in ({}, {"step": "up"}):
        trashed = move(admin, forest, "B1", "C", **more)
        assert trashed.status_code == 409 and "“B1” is in the trash" in trashed.json["message"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, (404,)),
        ({"id": "x"}, (404,)),
        ({"id": "9" * 400}, (404,)),
        ({"id": "{A1}"}, (400,)),
        ({"id": "{A1}", "version": "0"}, (400, 409)),
        ({"id": "{A1}", "version": "9" * 18}, (400, 409)),
        ({"id": "{A1}", "version": "1", "parent_id": "99999"}, (400,)),
        ({"id": "{A1}", "version": "1", "parent_id": "x"}, (400,)),
        ({"id": "{A1}", "version": "1", "parent_id": "{B}", "before": "99999"}, (409,)),
        ({"id": "{A1}", "version": "1", "parent_id": "{B}", "after": "{A2}"}, (409,)),
        ({"id": "{A1}", "version": "1", "parent_id": "{A}", "after": "{A1}"}, (409,)),
        ({"id": "{A1}", "version": "1", "step": "sideways"}, (400,)),
        ({"id": "{A1}", "version": "1", "step": "up"}, (400,)),
        ({"id": "{A}", "version": "1", "step": "out"}, (400,)),
        ({"id": "{C}", "version": "1", "parent_id.text": "No such name", "parent_id.was": ""}, (400,)),
    ],
)
def test_bad_moves_change_nothing(
    admin: Browser, forest: Forest, data: dict[str, str], status: tuple[int, ...]
) -> None:
    filled = {name: value.format(**forest.keys) for name, value in data.items()}
    before = digest()
    for headers in ({}, JSON):
        answer = admin.post(f"{TREE}move/", filled, headers=headers)
        # Without a script a step that is none leads back and says why.
        wanted = (*status, 303) if not headers and data.get("step") in ("up", "out") else status
        assert answer.status_code in wanted, answer.text[:300]
    assert digest() == before


@pytest.mark.parametrize(
    "query",
    [
        "expanded=" + ",".join(str(number) for number in range(3000)), "expanded=%00&find=%F0%9F", "find=" + "x" * 5000,
        "more=0&more=x&more=99999999999999999999", "&".join(["more=1"] * 3000), "expanded=-1,1e9, ,", "find=%25%27%22",
    ],
)  # fmt: skip
def test_hostile_addresses_of_the_tree(admin: Browser, forest: Forest, query: str) -> None:
    assert admin.get(f"{TREE}?{query}").status_code == 200
    assert admin.get(f"{TREE}branch/?{query}").status_code == 200
    for address in (
        "branch/?parent=9999999999999999",
        f"branch/?parent={forest['A']}&after=99999999999999",
        "counts/?ids=",
    ):
        assert admin.get(f"{TREE}{address}").status_code == 200, address


STEPS = [
    ("A2", "up", "A", ["A2", "A1", "A3"]),
    ("A2", "down", "A", ["A1", "A3", "A2"]),
    ("A2", "out", None, ["A", "A2", "B", "C"]),
    ("A2", "in", "A1", ["A1x", "A1y", "A2"]),
]


@pytest.mark.parametrize(("name", "way", "parent", "order"), STEPS)
def test_steps_work_without_a_script(
    admin: Browser, forest: Forest, name: str, way: str, parent: str | None, order: list[str]
) -> None:
    form = admin.get(f"{TREE}move/?id={forest[name]}").text
    assert f"Move “{name}”" in form
    data = {"id": forest[name], "version": forest.version(name), "step": way}
    answer = admin.post(f"{TREE}move/", data, follow_redirects=True)
    assert answer.status_code == 200 and "Undo" in answer.text
    assert forest.under(parent) == order


def test_the_form_finds_a_category_by_its_name(admin: Browser, forest: Forest) -> None:
    data = {
        "id": forest["A2"], "version": forest.version("A2"), "parent_id": forest["A"], "parent_id.was": forest["A"],
        "parent_id.label": "A", "parent_id.text": "B1",
    }  # fmt: skip
    answer = admin.post(f"{TREE}move/", data, follow_redirects=True)
    assert "“A2” moved under “B1”." in answer.text and forest.under("B1") == ["A2"]


# Rights.


@pytest.fixture
def limited(forest: Forest, newcomer: Callable[..., Browser]) -> Callable[..., Browser]:
    """Return what opens a browser for somebody whose role ends at the subtrees `roots`."""

    def opened(roots: Iterable[str], *grants: str, **more: Any) -> Browser:
        return newcomer(grants, [forest[name] for name in roots], **more)

    return opened


ALL = tuple(f"{name}:{verb}" for name in ("category", "product") for verb in ("read", "create", "update", "delete"))


def test_a_limited_person_sees_the_tree_from_their_roots_on(limited: Callable[..., Browser], forest: Forest) -> None:
    browser = limited(["A1", "A1x", "B"], "category:read", "product:read")
    assert names(browser.get(TREE).text) == ["A1", "B"]
    assert names(browser.get(f"{TREE}?expanded={forest['A1']},{forest['A']},{forest['C']}").text) == [
        "A1",
        "A1x",
        "A1y",
        "B",
    ]
    assert names(browser.get(f"{TREE}?find=a1").text) == ["A1", "A1x", "A1y"]
    assert names(browser.get(f"{TREE}branch/?parent={forest['A']}").text) == ["A1"]
    assert names(browser.get(f"{TREE}branch/?parent=0&after=1").text) == ["B"]
    counted = browser.get(f"{TREE}counts/?ids={forest['A']},{forest['A1']},{forest['C']}").json["counts"]
    assert set(counted) == {str(forest["A1"])}


#: Moves by somebody limited to A1 and B, and the status that each gets.
LIMITED: list[tuple[str, str | None, dict[str, str], int]] = [
    ("A1x", "B", {}, 200),
    ("A1x", "A1", {"after": "A1y"}, 200),
    ("A1x", "A", {}, 400),
    ("A1x", "C", {}, 400),
    ("A1x", None, {}, 400),
    ("A1", "B", {}, 400),
    ("A1", "A", {"after": "A2"}, 400),
    ("B", None, {"before": "A"}, 400),
    ("A2", "B", {}, 404),
    ("C", "B", {}, 404),
]


@pytest.mark.parametrize(("name", "parent", "beside", "status"), LIMITED)
def test_both_places_must_be_in_reach(
    limited: Callable[..., Browser], forest: Forest, name: str, parent: str | None, beside: dict[str, str], status: int
) -> None:
    browser = limited(["A1", "B"], *ALL)
    before = digest()
    answer = move(browser, forest, name, parent, **beside)
    assert answer.status_code == status, answer.text
    assert (digest() == before) is (status != 200)


@pytest.mark.parametrize(
    ("grants", "more"),
    [
        (("category:read",), {}),
        (("category:read", "category:create", "category:delete"), {}),
        (("category:read", "category:update"), {"locked_fields": ["category.parent_id"]}),
        (("category:read", "category:update"), {"hidden_fields": ["category.parent_id"]}),
    ],
)
def test_without_the_right_nothing_moves(
    limited: Callable[..., Browser], forest: Forest, grants: tuple[str, ...], more: dict[str, Any]
) -> None:
    browser = limited([], *grants, **more)
    before = digest()
    assert move(browser, forest, "A2", "B").status_code == 403
    rename = {"id": forest["A2"], "version": 1, "name": "Z"}
    if "category:update" not in grants:
        assert browser.post(f"{TREE}rename/", rename, headers=JSON).status_code == 403
    assert digest() == before


def test_who_does_not_see_what_stands_where_has_the_list(limited: Callable[..., Browser]) -> None:
    browser = limited([], "category:read", hidden_fields=["category.parent_id"])
    page = browser.get(TREE).text
    assert 'id="list-page"' in page and "look" not in re.findall(r'class="(look)"', page)
    for address in ("branch/", "counts/?ids=1"):
        assert browser.get(f"{TREE}{address}").status_code == 403


def test_hidden_names_and_products_are_not_told(limited: Callable[..., Browser], forest: Forest, world: World) -> None:
    browser = limited([], "category:read", "category:update", hidden_fields=["category.name", "category.slug"])
    page = browser.get(f"{TREE}?expanded={forest['A']}").text
    assert f"#{forest['A1']}" in names(page) and "A1" not in names(page)
    assert browser.get(f"{TREE}counts/?ids={world.phones}").json == {"counts": {}}
    assert "tree-count" not in page
    assert f"#{forest['A2']}" in move(browser, forest, "A2", "B").json["message"]


# Names.


def rename(browser: Browser, forest: Forest, name: str, text: str, language: str = "", **more: Any) -> Any:
    data = {"id": forest[name], "version": forest.version(name), "name": text, "language": language}
    return browser.post(f"{TREE}rename/", data | more, headers=JSON)


def test_a_name_is_changed_in_the_language_that_is_meant(admin: Browser, forest: Forest, house: Actor) -> None:
    answer = rename(admin, forest, "A", "Apples")
    assert answer.status_code == 200 and answer.json["name"] == "Apples"
    assert rename(admin, forest, "A", "Äpfel", "de").status_code == 200
    assert rename(admin, forest, "A", "Pommes", "fr").json["missing"] == ["es", "ar"]
    db.session.rollback()
    stored = db.session.get_one(Category, forest["A"])
    assert (stored.name, stored.name_i18n) == ("Apples", {"de": "Äpfel", "fr": "Pommes"})
    assert rename(admin, forest, "A", "", "fr").status_code == 200
    undo.undo_change_set(house, answer.json["undo"])
    db.session.rollback()
    stored = db.session.get_one(Category, forest["A"])
    assert (stored.name, stored.name_i18n) == ("A", {"de": "Äpfel"})


def test_bad_names_change_nothing(admin: Browser, forest: Forest, house: Actor) -> None:
    with writes.unit(house, "Rename") as unit:
        unit.get(Category, forest["A"]).name = "Apricots"
    before = digest()
    for more, status in (
        ({"text": ""}, 400),
        ({"text": "x" * 400}, 400),
        ({"text": "B"}, 400),
        ({"text": "Avocados", "version": 1}, 409),
        ({"text": "Avocados", "version": "x"}, 400),
        ({"text": "Avocados", "language": "xx"}, 404),
    ):
        answer = rename(admin, forest, "A", **more)
        assert answer.status_code == status, (more, answer.text)
    assert digest() == before
    # The other fields of a form that was opened before are no conflict.
    assert rename(admin, forest, "A", "Äpfel", "de", version=1).status_code == 200


# Emptying before deleting.


@pytest.fixture
def full(forest: Forest, house: Actor) -> Forest:
    """File products under A1, one of them in the trash."""
    with writes.unit(house, "Products", source="system") as unit:
        for number in range(3):
            unit.session.add(Product(sku=f"F-{number}", name=f"F {number}", category_id=forest["A1"]))
        unit.session.add(Product(sku="F-gone", name="Gone", category_id=forest["A1"], trashed_at=utcnow()))
        unit.session.add(Product(sku="F-x", name="Below", category_id=forest["A1x"]))
    return forest


def filed() -> dict[str, int | None]:
    db.session.rollback()
    return {row.sku: row.category_id for row in db.session.execute(select(Product.sku, Product.category_id))}


def rehome(browser: Browser, forest: Forest, name: str, target: str | None, **more: Any) -> Any:
    page = browser.get(f"{TREE}rehome/?id={forest[name]}").text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    data = {"id": forest[name], "seen": seen[1] if seen else "", "parent_id": forest[target] if target else ""}
    return browser.post(f"{TREE}rehome/", data | more)


def test_a_full_category_says_what_it_holds_and_moves_it_elsewhere(admin: Browser, full: Forest, house: Actor) -> None:
    shape, places = full.shape(), filed()
    page = admin.post(f"{TREE}delete/", {"id": full["A1"]}, follow_redirects=True).text
    for said in (
        "holds other categories, such as “A1x”",
        "2 subcategories",
        "3 products filed right here",
        "4 products",
    ):
        assert said in page, said
    assert f'name="parent_id" value="{full["A"]}"' in page, "the parent is offered first"
    assert full.shape() == shape
    answer = rehome(admin, full, "A1", "B")
    assert answer.status_code == 303
    assert full.under("B") == ["A1x", "A1y", "B1"] and full.under("A") == ["A2", "A3"]
    assert filed() == places | {f"F-{number}": full["B"] for number in range(3)}
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert last is not None and last.change_count == 6
    verbs = sorted(
        (row.resource, row.verb) for row in db.session.scalars(select(Change).where(Change.change_set_id == last.id))
    )
    assert verbs == [("category", "trash"), *[("category", "update")] * 2, *[("product", "update")] * 3]
    report = undo.undo_change_set(house, last.id)
    assert report.skipped == [] and full.shape() == shape and filed() == places


def test_what_was_arranged_stays_in_its_order(admin: Browser, full: Forest) -> None:
    move(admin, full, "A1y", "A1", before="A1x")
    assert rehome(admin, full, "A1", "A").status_code == 303
    assert full.under("A") == ["A2", "A3", "A1y", "A1x"]


@pytest.mark.parametrize(
    ("name", "target", "more", "status", "said"),
    [
        ("A1", None, {}, 400, "Choose the category that the products go to."),
        ("A1", "A1", {}, 400, "lies within this category"),
        ("A1", "A1x", {}, 400, "lies within this category"),
        ("A1", "A", {"parent_id": "99999"}, 400, "not there any more"),
        ("A1", "A", {"seen": "1-1"}, 409, "does not hold the same any more"),
        ("A1", "A", {"seen": ""}, 409, "does not hold the same any more"),
    ],
)
def test_a_category_that_is_not_emptied_stays(
    admin: Browser, full: Forest, name: str, target: str | None, more: dict[str, str], status: int, said: str
) -> None:
    before = digest()
    answer = rehome(admin, full, name, target, **more)
    assert answer.status_code == status and said in answer.text
    assert digest() == before


def test_a_namesake_at_the_other_place_keeps_all_of_it(admin: Browser, full: Forest, house: Actor) -> None:
    with writes.unit(house, "Twin") as unit:
        unit.add(Category(name="A1x", parent_id=full["B"]))
    before = digest()
    answer = rehome(admin, full, "A1", "B")
    assert answer.status_code == 400 and "stands here already" in answer.text
    assert digest() == before


def test_more_than_is_moved_at_once_is_refused(admin: Browser, full: Forest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehoming, "MOST_PRODUCTS", 2)
    before = digest()
    page = admin.get(f"{TREE}rehome/?id={full['A1']}").text
    assert "holds more than is moved at once" in page and "Move them and delete" not in page
    assert rehome(admin, full, "A1", "B", seen="2-3").status_code == 400
    assert digest() == before


#: What somebody holds, limited to A1 and B or to A1 alone -> the status of emptying A1 into B.
REHOMERS = [
    (["A1", "B"], ALL, {}, 303),
    (["A1"], ALL, {}, 400),
    (["A1", "B"], tuple(one for one in ALL if one != "category:delete"), {}, 403),
    (["A1", "B"], tuple(one for one in ALL if one != "category:update"), {}, 403),
    (["A1", "B"], tuple(one for one in ALL if one != "product:update"), {}, 403),
    (["A1", "B"], ALL, {"locked_fields": ["product.category_id"]}, 403),
    (["A1", "B"], ALL, {"locked_fields": ["category.parent_id"]}, 403),
    (["B"], ALL, {}, 404),
]


@pytest.mark.parametrize(("roots", "grants", "more", "status"), REHOMERS)
def test_emptying_asks_every_right_in_both_places(
    limited: Callable[..., Browser], full: Forest, roots: list[str], grants: tuple[str, ...], more: Any, status: int
) -> None:
    browser = limited(roots, *grants, **more)
    before = digest()
    answer = rehome(browser, full, "A1", "B", seen="2-3")
    assert answer.status_code == status, answer.text[:500]
    assert (digest() == before) is (status != 303)


def test_a_place_that_is_seen_and_not_changed_is_refused_in_the_form(
    limited: Callable[..., Browser], full: Forest, house: Actor
) -> None:
    browser = limited(["A1"], *ALL)
    with writes.unit(house, "Reader", source="system") as unit:
        reader = unit.add(Role(key="reader", name="Reader", grants=["category:read", "product:read"]))
        somebody = unit.session.scalars(select(User).where(User.email == "somebody@example.org")).one()
        somebody.roles = [*somebody.roles, reader]
    before = digest()
    # A1x holds no category: its products alone would leave what the person may change.
    for name, seen in (("A1", "2-3"), ("A1x", "0-1")):
        answer = rehome(browser, full, name, "B", seen=seen)
        assert answer.status_code == 400 and "this would leave them" in answer.text
    assert digest() == before


def test_a_subcategory_begins_under_its_parent(admin: Browser, forest: Forest, app: Flask) -> None:
    form = admin.form(f"{TREE}new/?parent_id={forest['A']}")
    assert form["parent_id"] == str(forest["A"])
    answer = admin.post(f"{TREE}new/", form | {"name": "A9"})
    assert answer.status_code == 303
    db.session.rollback()
    assert db.session.scalars(select(Category.path).where(Category.name == "A9")).one().startswith(f"/{forest['A']}/")
    assert admin.get(f"{TREE}new/?parent_id=99999").status_code == 404


def test_gaps_are_wide_enough_to_be_worth_it() -> None:
    assert GAP > 100
