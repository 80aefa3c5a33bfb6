"""The history of one record, page by page: each entry once, and none that tells its reader nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from admin_views import details, timeline
from backoffice import writes
from backoffice.extensions import db
from backoffice.i18n import phrase
from backoffice.models.history import Change
from backoffice.models.product import Product
from backoffice.operations import records
from backoffice.policy import Actor
from backoffice.selection import changes
from tests.conftest import role_rights

from .conftest import Browser, World

READING = ("product:read", "history:read")
EDITS = 47


def edit(house: Actor, key: int, **values: Any) -> int:
    """Edit a product and return the key of the change set."""
    _nothing, receipt = writes.run(house, "Edit", lambda unit: records.update(unit, unit.get(Product, key), values))
    return receipt.change_set_id or 0


@pytest.fixture
def edited(world: World, house: Actor) -> World:
    """Return the catalogue with a product of many changes: two of three touch nothing but its cost or attributes."""
    for number in range(EDITS):
        values = [{"cost": Decimal(number + 10)}, {"price": Decimal(number + 20)}, {"attributes": {"n": number}}]
        edit(house, world.mug, **values[number % 3])
    return world


READERS = {
    "who sees all": (Actor(1, "tester", role_rights(*READING).roles), ("cost", "price", "attributes.n")),
    "without cost": (role_rights(*READING, hidden=frozenset({"product.cost"})), ("price", "attributes.n")),
    "without attributes": (role_rights(*READING, hidden=frozenset({"product.attributes"})), ("cost", "price")),
    "without both": (role_rights(*READING, hidden=frozenset({"product.cost", "product.attributes"})), ("price",)),
}


@pytest.mark.parametrize("size", [1, 4, 20, 100])
@pytest.mark.parametrize("reader", READERS)
def test_pages_of_one_record_hold_each_entry_once(edited: World, reader: str, size: int) -> None:
    actor, shown = READERS[reader]
    mug = db.session.get_one(Product, edited.mug)
    wanted = [
        change.id
        for change in db.session.scalars(
            select(Change).where(Change.resource == "product", Change.record_id == mug.id).order_by(Change.id.desc())
        )
        if change.verb == "create" or any(key.startswith(shown) for key in change.diff)
    ]
    pages: list[list[int]] = []
    before = None
    while not pages or before is not None:
        page = changes.page_of_record(db.session, actor, mug, before, size)
        pages.append([change.id for change in page.rows])
        assert all(entry.lines or entry.hidden for entry in timeline.entries(db.session, actor, page.rows))
        before = page.older
    assert [key for page in pages for key in page] == wanted
    assert all(len(page) == size for page in pages[:-1]) and pages[-1], "no page is short, none empty"


def test_the_pages_of_the_screen_lead_to_the_end_and_back(admin: Browser, edited: World) -> None:
    first = f"/admin/product/details/?id={edited.mug}"
    address, seen, visited = first, [], []
    while True:
        page = admin.get(address).text
        visited.append(address)
        seen += re.findall(r'data-change="(\d+)"', page)
        newest = re.search(rf'href="({re.escape(first)}[^"]*)"[^>]*>Back to the newest', page)
        assert (newest is not None) == (address != first), "back to the newest from each page but the first"
        older = re.search(r'href="([^"]*before=\d+[^"]*)"', page)
        if not older:
            break
        address = older[1].replace("&amp;", "&")
    assert len(visited) == -(-(EDITS + 1) // details.HISTORY_PAGE)
    assert len(set(seen)) == len(seen) == EDITS + 1


def test_what_was_created_is_named(admin: Browser, world: World, app: Flask) -> None:
    admin.submit("/admin/tag/new/", name="M")
    admin.submit("/admin/product/new/", name="Red mug", sku="M-9")
    admin.post("/admin/tag/action/", {"action": "trash", "rowid": [str(world.tag)]})
    command = ["users", "create", "New@Example.org", "--role", "viewer", "--name", "Ann Lee"]
    assert app.test_cli_runner().invoke(args=command).exit_code == 0
    assert app.test_cli_runner().invoke(args=["users", "reset", "new@example.org"]).exit_code == 0
    page = admin.get("/admin/history/").text
    titles = re.findall(r'deed-title"><a[^>]*><bdi>(.*?)</bdi>', page)
    told = ["Reset the password: Ann Lee", "Create: Ann Lee", "Move to the trash: blue", "Create: Red mug", "Create: M"]
    assert titles[: len(told)] == told


@pytest.mark.parametrize(
    ("title", "said"),
    [
        (phrase("Edit: %(name)s", name="Blue mug"), True),
        (phrase("Undo: %(title)s", title=phrase("Edit: %(name)s", name="Blue mug")), True),
        (phrase("Edit: %(name)s", name="Blue mug with lid"), False),
        (phrase("Import of %(file)s", file="Blue mug.csv"), False),
        ("Blue mug", False),
    ],
    ids=str,
)
def test_a_name_is_said_once_where_the_title_says_it(
    admin: Browser, world: World, house: Actor, title: Any, said: bool
) -> None:
    with writes.unit(house, title) as unit:
        unit.get(Product, world.mug).price = Decimal("13.50")
    item = re.search(r"<li data-change-set=.*?</li>", admin.get("/admin/history/").text, re.DOTALL)
    assert item
    assert ('visually-hidden"> <bdi>Blue mug</bdi>' in item[0]) == said
    assert f'href="/admin/product/details/?id={world.mug}"' in item[0]


def test_a_deed_that_tells_the_reader_nothing_is_left_out(
    sign_in: Callable[..., Browser], world: World, house: Actor
) -> None:
    hidden = edit(house, world.case, cost=Decimal(9))
    mixed = edit(house, world.case, cost=Decimal(8), price=Decimal(9))
    admin, limited = sign_in("administrator"), sign_in("phones-only")
    for browser, shown in ((admin, (True, True)), (limited, (False, True))):
        page = browser.get("/admin/history/").text
        assert tuple(f'data-change-set="{key}"' in page for key in (hidden, mixed)) == shown
    assert limited.get(f"/admin/history/details/?id={hidden}").status_code == 404
    assert limited.get(f"/admin/history/details/?id={mixed}").status_code == 200
