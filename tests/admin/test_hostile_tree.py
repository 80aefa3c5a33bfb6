"""Somebody who means ill, at the category tree: what lies outside of their reach is neither moved nor told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import policy, writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import ChangeSet
from backoffice.models.product import Product
from backoffice.operations import records, rehoming, undo
from backoffice.policy import Actor
from backoffice.writes import Unit

from .conftest import Browser, World, digest
from .races import at_once, history_of, within

TREE = "/admin/category/"
JSON = {"Accept": "application/json"}
CATALOGUE = tuple(
    f"{name}:{verb}" for name in ("category", "product") for verb in ("read", "create", "update", "delete")
)

#: Names under names; none of them is a word of the pages.
PLANTED: dict[str, Any] = {"Qa": {"Qa1": {"Qa1x": {}}, "Qa2": {}, "Qa3": {}}, "Qb": {"Qb1": {}}, "Qc": {}}


@pytest.fixture
def keys(world: World, house: Actor) -> dict[str, int]:
    """Plant categories and return their keys by name."""
    made: dict[str, int] = {}

    def plant(unit: writes.Unit, names: dict[str, Any], parent: int | None) -> None:
        for name, below in names.items():
            category = unit.add(Category(name=name, parent_id=parent))
            unit.session.flush()
            made[name] = category.id
            plant(unit, below, category.id)

    with writes.unit(house, "Planted", source="system") as unit:
        plant(unit, PLANTED, None)
    return made


@pytest.fixture
def somebody(keys: dict[str, int], newcomer: Callable[..., Browser]) -> Callable[..., Browser]:
    """Return what opens a browser for somebody with `grants` within the subtrees `roots`."""

    def opened(roots: tuple[str, ...] = (), grants: tuple[str, ...] = CATALOGUE, **more: Any) -> Browser:
        return newcomer(grants, [keys[name] for name in roots], **more)

    return opened


def version(key: int) -> int:
    db.session.rollback()
    return db.session.get_one(Category, key).version


def move(browser: Browser, key: int, parent: int | None = None, **more: Any) -> Any:
    data = {"id": key, "version": version(key), "parent_id": parent or ""}
    return browser.post(f"{TREE}move/", data | more, headers=JSON)


# What is told of what lies outside.


@pytest.mark.parametrize("step", ["up", "down", "out", "in"])
@pytest.mark.parametrize("root", ["Qa1", "Qa2", "Qa3", "Qb", "Qb1"])
def test_a_step_does_not_tell_what_stands_beside_ones_reach(
    somebody: Callable[..., Browser], keys: dict[str, int], root: str, step: str
) -> None:
    browser = somebody((root,))
    before = digest()
    answer = move(browser, keys[root], step=step)
    assert answer.status_code == 400
    assert "would leave them" in answer.json["message"], "the same words wherever it stands"
    assert digest() == before


def test_a_refused_move_does_not_tell_a_name_that_is_hidden(
    somebody: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browser = somebody(hidden_fields=["category.name", "category.slug"])
    for key, parent in (("Qa", "Qa1"), ("Qa", "Qa"), ("Qa", "Qa1x")):
        answer = move(browser, keys[key], keys[parent])
        assert answer.status_code == 400 and "lies within" in answer.json["message"]
        assert "Qa" not in answer.json["message"], answer.json
    with writes.unit(policy.system("t"), "Trash") as unit:
        unit.get(Category, keys["Qc"]).trashed_at = unit.get(Category, keys["Qa"]).updated_at
    for data in ({"parent_id": keys["Qb"]}, {"step": "up"}):
        answer = move(browser, keys["Qc"], **data)
        assert answer.status_code == 409 and "Qc" not in answer.text
    rename = {"id": keys["Qc"], "version": version(keys["Qc"]), "name": "Z", "language": "de"}
    answer = browser.post(f"{TREE}rename/", rename, headers=JSON)
    assert answer.status_code == 400 and "Qc" not in answer.text


def test_history_does_not_tell_the_name_of_what_moved_beside_ones_reach(
    admin: Browser, somebody: Callable[..., Browser], keys: dict[str, int], house: Actor
) -> None:
    browser = somebody(("Qa1", "Qa1x"), (*CATALOGUE, "history:read"))
    assert move(admin, keys["Qa3"], keys["Qa"], before=keys["Qa2"]).status_code == 200
    db.session.rollback()
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert last is not None and last.change_count > 1, "others moved aside"
    undo.undo_change_set(house, last.id)
    for address in (
        "/admin/history/",
        f"/admin/category/details/?id={keys['Qa1']}",
        f"/admin/history/details/?id={last.id}",
    ):
        page = browser.get(address)
        assert "Qa3" not in page.text, address
    own = browser.get("/admin/history/").text
    assert f'data-change-set="{last.id}"' in own, "what happened to their own they see"


def test_history_does_not_tell_the_name_of_what_was_emptied(
    admin: Browser, somebody: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browser = somebody(("Qa1x",), (*CATALOGUE, "history:read"))
    answer = admin.post(f"{TREE}rehome/", {"id": keys["Qa1"], "parent_id": keys["Qb"], "seen": "1-0"})
    assert answer.status_code == 303
    page = browser.get("/admin/history/").text
    assert "Qa1x" in page and not any(f"{before}Qa1{after}" in page for before in " >“" for after in "<”&")


def test_what_is_outside_is_not_told_apart_from_what_is_nowhere(
    somebody: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browser = somebody(("Qa1",))
    outside, nowhere = keys["Qb1"], 99999

    def answers(key: int) -> list[tuple[int, str]]:
        own, at = keys["Qa1x"], version(keys["Qa1x"])
        found = [
            browser.get(f"{TREE}branch/?parent={key}"),
            browser.get(f"{TREE}branch/?parent={key}&after=1"),
            browser.get(f"{TREE}branch/?expanded={key}"),
            browser.get(f"{TREE}counts/?ids={key}"),
            browser.get(f"{TREE}move/?id={key}", headers=JSON),
            browser.get(f"{TREE}rehome/?id={key}", headers=JSON),
            browser.get(f"{TREE}new/?parent_id={key}", headers=JSON),
            browser.post(f"{TREE}move/", {"id": key, "version": 1, "parent_id": own}, headers=JSON),
            browser.post(f"{TREE}rename/", {"id": key, "version": 1, "name": "Z"}, headers=JSON),
            browser.post(f"{TREE}rehome/", {"id": key, "seen": "0-0"}, headers=JSON),
            browser.post(f"{TREE}delete/", {"id": key}, headers=JSON),
            browser.post(f"{TREE}move/", {"id": own, "version": at, "parent_id": key}, headers=JSON),
            browser.post(
                f"{TREE}move/", {"id": own, "version": at, "parent_id": keys["Qa1"], "before": key}, headers=JSON
            ),
            browser.post(f"{TREE}rehome/", {"id": own, "seen": "0-0", "parent_id": key}, headers=JSON),
        ]
        said = [(one.status_code, one.text.replace(str(key), "KEY")) for one in found]
        return [(status, text if len(text) < 2000 else "") for status, text in said]

    before = digest()
    assert answers(outside) == answers(nowhere)
    assert digest() == before


# Odd keys.

ODD = ["abc", "-1", "0", "9" * 18, "9" * 20, "%00", "\x00", "x" * 10_000, "1e3", "१", "", " ", "1,2"]


@pytest.mark.parametrize("odd", ODD, ids=[repr(one[:8]) for one in ODD])
def test_odd_keys_are_answered_and_change_nothing(admin: Browser, keys: dict[str, int], odd: str) -> None:
    a, at = keys["Qa1"], version(keys["Qa1"])
    before = digest()
    answers = [
        admin.post(f"{TREE}{address}/", {"csrf_token": admin.token} | data, headers=headers)
        for headers in ({}, JSON)
        for address, data in (
            ("move", {"id": odd, "version": at, "parent_id": a}),
            ("move", {"id": a, "version": odd, "parent_id": keys["Qb"]}),
            ("move", {"id": a, "version": at, "parent_id": odd.strip() or "x"}),
            ("move", {"id": a, "version": at, "step": odd or "x"}),
            ("rename", {"id": odd, "version": at, "name": "Z"}),
            ("rename", {"id": a, "version": odd, "name": "Z"}),
            ("rename", {"id": a, "version": at, "name": "Z", "language": odd or "x"}),
            ("rehome", {"id": odd, "seen": "0-0"}),
            ("rehome", {"id": a, "seen": odd, "parent_id": keys["Qb"]}),
            ("rehome", {"id": a, "seen": "1-0", "parent_id": odd.strip() or "x"}),
        )
    ]
    assert all(answer.status_code in (303, 400, 404, 409) for answer in answers), [one.status_code for one in answers]
    assert digest() == before
    for name in ("id", "parent", "after", "ids", "expanded", "more", "find"):
        for address in ("", "branch/", "counts/", "move/", "rehome/", "new/"):
            answer = admin.client.get(f"{TREE}{address}", query_string={name: odd, "parent_id": odd})
            assert answer.status_code < 500, (address, name)
    assert digest() == before


def test_very_many_keys_are_answered(admin: Browser, keys: dict[str, int]) -> None:
    many = ",".join(map(str, range(100_000)))
    for address in (f"counts/?ids={many}", f"?expanded={many}", f"branch/?expanded={many}", f"branch/?ids={many}"):
        assert admin.get(f"{TREE}{address}").status_code in (200, 414), address
    same = ",".join([str(keys["Qa"])] * 10_000)
    assert set(admin.get(f"{TREE}counts/?ids={same}").json["counts"]) == {str(keys["Qa"])}


# At once.


def test_two_that_move_each_under_the_other_make_no_circle(
    app: Flask, sign_in: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browsers = [sign_in("administrator"), sign_in("catalogue-manager")]
    versions = {name: version(keys[name]) for name in ("Qa", "Qb")}
    assert all(browser.token for browser in browsers)

    def deed(browser: Browser, one: str, other: str) -> Callable[[], Any]:
        data = {"id": keys[one], "version": versions[one], "parent_id": keys[other]}
        return within(app, lambda: browser.post(f"{TREE}move/", data, headers=JSON))

    answers = at_once(app, deed(browsers[0], "Qa", "Qb"), deed(browsers[1], "Qb", "Qa"))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    for row in db.session.scalars(select(Category)):
        parent = db.session.get(Category, row.parent_id) if row.parent_id else None
        assert row.path == f"{parent.path if parent else '/'}{row.id}/"
    history_of("category", keys["Qa"])


def test_a_move_that_is_sent_twice_is_done_once(
    app: Flask, sign_in: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browser = sign_in("administrator")
    data = {"id": keys["Qa1"], "version": version(keys["Qa1"]), "parent_id": keys["Qb"]}
    assert browser.token
    send = within(app, lambda: browser.post(f"{TREE}move/", data, headers=JSON))
    answers = at_once(app, send, send)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(history_of("category", keys["Qa1"])) == 2


def test_emptying_that_is_sent_twice_is_done_once(
    app: Flask, sign_in: Callable[..., Browser], keys: dict[str, int]
) -> None:
    browser = sign_in("administrator")
    data = {"id": keys["Qa1"], "seen": "1-0", "parent_id": keys["Qb"]}
    assert browser.token
    send = within(app, lambda: browser.post(f"{TREE}rehome/", data, headers=JSON))
    answers = at_once(app, send, send)
    assert sorted(answer.status_code for answer in answers) == [303, 404]
    assert len(history_of("category", keys["Qa1x"])) == 2


# Who may nothing.


@pytest.mark.parametrize("who", ["viewer", None])
def test_who_may_only_look_changes_nothing(
    sign_in: Callable[..., Browser], keys: dict[str, int], who: str | None
) -> None:
    browser = sign_in(who)
    token = browser.token if who else "x"
    data = {"csrf_token": token, "id": keys["Qa1"], "version": 1, "parent_id": keys["Qb"], "seen": "1-0", "name": "Z"}
    before = digest()
    for address in ("move", "rename", "rehome", "delete"):
        for headers in ({}, JSON):
            status = browser.raw_post(f"{TREE}{address}/", data, headers=headers).status_code
            assert status in ((403,) if who else (302, 303, 400, 401)), (address, status)
    for address in ("move", "rehome"):
        assert browser.get(f"{TREE}{address}/?id={keys['Qa1']}", headers=JSON).status_code in (
            (403,) if who else (302, 401)
        )
    assert digest() == before


def test_without_a_token_nothing_is_done(admin: Browser, keys: dict[str, int]) -> None:
    data = {"id": keys["Qa1"], "version": 1, "parent_id": keys["Qb"], "seen": "1-0", "name": "Z"}
    before = digest()
    for address in ("move", "rename", "rehome", "delete"):
        for more in ({}, {"csrf_token": "x"}):
            for headers in ({}, JSON):
                assert admin.raw_post(f"{TREE}{address}/", data | more, headers=headers).status_code in (400, 403)
    assert digest() == before


# Names that mean something to machines.

NAMES = [
    "%(resource)s",
    "100%",
    "%s %d %(name)s",
    "<script>alert(1)</script>",
    "</li></ul>\"'><img src=x onerror=alert(1)>",
    "a\u202eb\u2069c\u2068d",
    "{{ 7*191919 }}",
    "%n $& $1",
    "${x}",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_mean_something_to_machines(
    admin: Browser, keys: dict[str, int], house: Actor, world: World, name: str
) -> None:
    with writes.unit(house, "Names") as unit:
        unit.get(Category, keys["Qa1"]).name = name
        unit.get(Category, keys["Qb"]).name_i18n = {"de": name}
    db.session.rollback()
    stored = db.session.get_one(Category, keys["Qa1"]).name
    moved = move(admin, keys["Qa1"], keys["Qb"])
    assert moved.status_code == 200 and stored in moved.json["message"]
    renamed = admin.post(f"{TREE}rename/", {"id": keys["Qc"], "version": 1, "name": f"{name}2"}, headers=JSON)
    assert renamed.status_code == 200
    assert admin.post(f"{TREE}rehome/", {"id": keys["Qa1"], "seen": "1-0", "parent_id": keys["Qc"]}).status_code == 303
    db.session.rollback()
    last = db.session.scalars(select(ChangeSet).order_by(ChangeSet.id.desc())).first()
    assert last is not None
    undone = admin.post("/admin/history/undo/", {"change_set": last.id}, follow_redirects=True)
    assert undone.status_code == 200
    product = admin.submit("/admin/product/new/", name=name, sku="H-1")
    assert product.status_code == 303, product.text[:300]
    for language in ("en", "de", "ar"):
        for address in (
            TREE,
            f"{TREE}?expanded={keys['Qb']},{keys['Qc']}",
            f"{TREE}?find=a",
            f"{TREE}branch/?parent={keys['Qb']}",
            f"{TREE}move/?id={keys['Qa1']}",
            f"{TREE}rehome/?id={keys['Qa1']}",
            "/admin/history/",
            "/admin/",
            f"/admin/history/details/?id={last.id}",
            f"{TREE}details/?id={keys['Qa1']}",
        ):
            page = admin.get(address, headers={"Accept-Language": language})
            assert page.status_code == 200, address
            assert "<script>alert" not in page.text and "<img src=x" not in page.text, address
            assert "1343433" not in page.text, address


def test_what_is_undone_and_undone_again_stays_readable(admin: Browser, keys: dict[str, int], house: Actor) -> None:
    """Each undo is a sentence about the one before it: their number has no end."""
    with writes.unit(house, writes.Phrase("Edit: %(name)s", {"name": "Qa"})) as unit:
        unit.get(Category, keys["Qa"]).name = "Qz"
    last = unit.receipt.change_set_id
    for _turn in range(60):
        assert last is not None
        last = undo.undo_change_set(house, last).change_set_id
    db.session.rollback()
    found = db.session.get_one(ChangeSet, last)
    assert len(str(found.told)) < 60 and len(found.title) < 60, found.title
    assert str(found.told).count("Undo") == 2, "an even number of times: as at first"


def test_taking_back_what_was_emptied_does_not_ask_for_the_category_of_each_product(
    keys: dict[str, int], house: Actor, statements: list[str]
) -> None:
    def asked(number: int) -> int:
        with writes.unit(house, "Filed", source="system") as unit:
            home = unit.add(Category(name=f"Home {number}"))
            unit.session.flush()
            unit.session.add_all([Product(sku=f"{number}-{at}", name="F", category_id=home.id) for at in range(number)])
        with writes.unit(house, "Emptied") as unit:
            rehoming.empty_into(unit, home.id, keys["Qb"], f"0-{number}")
        statements.clear()
        report = undo.undo_change_set(house, unit.receipt.change_set_id or 0)
        assert (report.count, report.skipped) == (number + 1, [])
        return sum(one.startswith("SELECT category") for one in statements)

    assert asked(60) == asked(6)


def test_what_a_unit_moved_to_the_trash_takes_in_nothing_that_it_referred_to_before(
    keys: dict[str, int], world: World, house: Actor
) -> None:
    before = digest()

    def work(unit: Unit) -> None:
        product = unit.get(Product, world.mug)
        records.update(unit, product, {"category_id": keys["Qc"]})
        records.update(unit, product, {"category_id": keys["Qb"]})
        unit.settle()
        records.trash(unit, unit.get(Category, keys["Qc"]))
        unit.settle()
        records.update(unit, product, {"category_id": keys["Qc"]})

    with pytest.raises(Refused, match="not there any more"):
        writes.run(house, "Both", work)
    assert digest() == before
