"""The list as a file: the rows and fields that it shows, streamed, and read back without a change."""

from __future__ import annotations

import contextvars
import csv
import io
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import bulk, writes
from backoffice.extensions import db
from backoffice.models.base import resources
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import Change
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.user import User
from backoffice.operations.imports import Options, import_file
from backoffice.policy import Actor

from .conftest import Browser, World, digest

Opened = Callable[..., Browser]

KINDS = ("csv", "jsonl")


def exported(browser: Browser, query: str = "", kind: str = "csv", resource: str = "product") -> list[dict[str, Any]]:
    """Return the rows of the file that the list with `query` gives."""
    response = browser.get(f"/admin/{resource}/export/{kind}/{query}")
    assert response.status_code == 200, response.text[:500]
    if kind == "jsonl":
        return [json.loads(line) for line in response.text.splitlines()]
    assert response.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"), newline="")))


def skus(browser: Browser, query: str = "", kind: str = "csv") -> list[str]:
    return [row["sku"] for row in exported(browser, query, kind)]


#: What an address asks for, and the articles in the file.
FOUND = {
    "": ["M-1", "C-1"],
    "?sort=name": ["M-1", "C-1"],
    "?sort=-name": ["C-1", "M-1"],
    "?trash=1": ["G-1"],
    "?q=mug": ["M-1"],
    "?q=zeppelin": [],
    "?category_id={phones}": ["C-1"],
    "?brand_id=none": ["C-1"],
    "?tags={tag}&price_min=6": ["M-1"],
    "?price_min=5&price_max=12.90&sort=price": ["C-1", "M-1"],
}


def test_a_file_holds_the_rows_of_the_list(admin: Browser, world: World) -> None:
    for query, found in FOUND.items():
        for kind in KINDS:
            assert skus(admin, query.format(**vars(world)), kind) == found, (query, kind)


def test_a_file_is_named_after_what_it_holds(admin: Browser, world: World) -> None:
    response = admin.get("/admin/product/export/csv/")
    assert response.content_type == "text/csv; charset=utf-8"
    assert re.fullmatch(r"attachment; filename=product-\d{4}-\d\d-\d\d\.csv", response.headers["Content-Disposition"])
    trash = admin.get("/admin/category/export/jsonl/?trash=1")
    assert trash.content_type == "application/x-ndjson; charset=utf-8"
    assert re.search(r"filename=category-trash-\d{4}-\d\d-\d\d\.jsonl$", trash.headers["Content-Disposition"])
    assert trash.headers["Cache-Control"] == "no-store" and trash.headers["X-Content-Type-Options"] == "nosniff"


#: What does not say which rows; the last is no address of ours, but one that a person could type.
UNUSABLE = (
    "?colour=blue", "?status=sold", "?price_min=cheap", "?price_min.text=6", "?category_id=Cups", "?sort=colour",
    "?trash=maybe", "?q=%00", "?price_min=5&price_min=6", "?status=draft&status_max=x", "?after=nowhere",
)  # fmt: skip


def test_what_cannot_be_used_makes_no_file(admin: Browser, world: World) -> None:
    for query in UNUSABLE:
        response = admin.get(f"/admin/product/export/csv/{query}")
        assert response.status_code == 400, query
        assert "Content-Disposition" not in response.headers and "M-1" not in response.text
        assert "No file was made" in response.text
        said = re.search(r'<p class="muted">(.+?)</p>', response.text)
        assert said and said[1].strip(), f"what could not be used is named: {query}"


def test_other_formats_are_not_there(admin: Browser, world: World) -> None:
    for kind in ("xlsx", "CSV", "csv%00", "..%2Fcsv", "pdf"):
        assert admin.get(f"/admin/product/export/{kind}/").status_code == 404, kind


def test_the_list_offers_what_it_shows_as_files(admin: Browser, sign_in: Opened, world: World) -> None:
    page = admin.get("/admin/product/?q=mug&price_min=6&sort=-price").text
    address = re.search(r'href="(/admin/product/export/csv/[^"]*)"', page)
    assert address
    query = address[1].replace("&amp;", "&").partition("?")[2]
    assert set(query.split("&")) == {"q=mug", "price_min=6.00", "sort=-price"}
    assert "/export/" not in sign_in("editor").get("/admin/product/").text
    assert sign_in("editor").get("/admin/product/export/csv/").status_code == 403
    assert admin.get("/admin/house/export/csv/").status_code in (403, 404)
    assert admin.get("/admin/user/export/csv/").status_code in (403, 404), "people are not handed out"


def test_a_file_holds_no_more_than_its_reader_may_see(admin: Browser, sign_in: Opened, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.case}", cost="3.21")
    limited = sign_in("phones-only")
    for kind in KINDS:
        (row,) = exported(limited, kind=kind)
        assert row["sku"] == "C-1" and "cost" not in row
        assert exported(limited, f"?category_id={world.cups}", kind) == []
    assert limited.get("/admin/product/export/csv/?sort=cost").status_code == 400
    assert limited.get("/admin/brand/export/csv/").status_code == 403


def test_what_one_role_shows_another_does_not_let_out(
    admin: Browser, sign_in: Opened, world: World, house: Actor
) -> None:
    """Seeing everything by one role and exporting Phones without costs by another makes a file of Phones only."""
    admin.submit(f"/admin/product/edit/?id={world.case}", cost="3.21")
    with writes.unit(house, "Both roles") as unit:
        person = unit.get(User, world.users["viewer"])
        person.roles = [unit.get(Role, world.roles[key]) for key in ("viewer", "phones-only")]
    both = sign_in("viewer")
    assert (
        "Blue mug" in both.get("/admin/product/").text
        and "3.21" in both.get(f"/admin/product/details/?id={world.case}").text
    )
    for kind in KINDS:
        (row,) = exported(both, kind=kind)
        assert row["sku"] == "C-1" and "cost" not in row
        assert "attributes.colour" not in row, "nor the names of what only other rows hold"


def test_names_out_of_reach_stay_out_of_the_file(sign_in: Opened, world: World, house: Actor) -> None:
    with writes.unit(house, "Deeper") as unit:
        role = unit.get(Role, world.roles["phones-only"])
        role.categories = [unit.get(Category, world.cases)]
        role.grants = [grant for grant in role.grants if grant != "brand:read"]
        case = unit.get(Product, world.case)
        case.brand_id, case.tags = world.brand, [unit.get(Tag, world.tag)]
    limited = sign_in("phones-only")
    for kind in KINDS:
        (row,) = exported(limited, kind=kind)
        assert row["category"] == "Cases", "what lies above it is not theirs to know"
        assert not row["brand"] and not row["tags"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_read_back_changes_nothing(
    admin: Browser, world: World, house: Actor, tmp_path: Path, kind: str
) -> None:
    for name, model in resources().items():
        if "export" not in model.resource.verbs:
            continue
        file = tmp_path / f"{name}.{kind}"
        file.write_bytes(admin.get(f"/admin/{name}/export/{kind}/").data)
        before = digest()
        report = import_file(house, file, Options(model=model, folder=tmp_path))
        assert (report.unchanged, report.failed, report.change_set_id) == (report.rows, 0, None)
        assert report.rows and digest() == before, name


@pytest.fixture
def crowd(world: World, house: Actor) -> int:
    """Add many products and return how many there are in the list."""
    text = f"<p>{'x' * 2000}</p>"
    rows = [{"sku": f"N-{number}", "name": f"Number {number}", "description": text} for number in range(1500)]
    with writes.unit(house, "Crowd", source="system") as unit:
        bulk.insert_rows(unit, Product, rows)
    return 1502


def stream(browser: Browser, path: str) -> tuple[Iterator[bytes], Callable[[], None]]:
    """Ask as a server does, whose context is gone while the answer is read: its pieces, and what ends it."""
    response = browser.get(path, buffered=False)
    assert response.status_code == 200
    pieces, alone = response.iter_encoded(), contextvars.Context()
    return iter(lambda: alone.run(next, pieces, b""), b""), response.close


def test_a_file_is_streamed_and_ends_its_snapshot(app: Flask, admin: Browser, crowd: int) -> None:
    admin.get("/admin/")
    db.session.rollback()
    held = db.engine.pool.checkedout()
    pieces, close = stream(admin, "/admin/product/export/csv/")
    first = next(pieces)
    assert first.startswith("\ufeffname,slug,sku,".encode())
    tracemalloc.start()
    rows, size = first.count(b"N-"), len(first)
    for piece in pieces:
        size += len(piece)
        rows += piece.count(b"N-")
        assert len(piece) < 400_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == crowd - 2 and size > 3_000_000
    # What 500 rows hold at once, not the file.
    assert peak < 8_000_000
    assert db.engine.pool.checkedout() > held
    close()
    assert db.engine.pool.checkedout() == held


def test_who_hangs_up_leaves_no_connection_behind(app: Flask, admin: Browser, crowd: int) -> None:
    admin.get("/admin/")
    db.session.rollback()
    held = db.engine.pool.checkedout()
    pieces, close = stream(admin, "/admin/product/export/jsonl/")
    next(pieces)
    close()
    assert db.engine.pool.checkedout() == held


def test_a_file_is_of_one_moment(app: Flask, admin: Browser, crowd: int, house: Actor) -> None:
    pieces, close = stream(admin, "/admin/product/export/csv/?sort=id")
    text = next(pieces)
    with writes.unit(house, "Meanwhile", source="system") as unit:
        unit.add(Product(sku="LATER", name="Later"))
        unit.session.scalars(select(Product).where(Product.sku == "C-1")).one().name = "Renamed meanwhile"
    text += b"".join(pieces)
    close()
    assert b"LATER" not in text and b"Renamed meanwhile" not in text and b"Case one" in text
    db.session.rollback()
    assert db.session.scalar(select(Change.id).where(Change.label == "Renamed meanwhile")), "and nobody had to wait"


def test_reading_brands_costs_no_statement_a_row(
    admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    def fill(first: int, last: int) -> None:
        with writes.unit(house, "Fill", source="system") as unit:
            brands = [unit.add(Brand(name=f"Brand {number}")) for number in range(first, last)]
            unit.session.flush()
            for brand in brands:
                unit.add(Product(sku=f"B-{brand.id}", name="Branded", brand_id=brand.id, category_id=world.cases))

    fill(0, 5)
    exported(admin)
    statements.clear()
    exported(admin)
    few = len(statements)
    fill(5, 205)
    statements.clear()
    exported(admin)
    assert len(statements) == few
