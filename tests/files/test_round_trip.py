"""What export writes, import reads: over the same house nothing changes, and an empty house becomes the same."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backoffice import guard, writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.models.base import Resource, fields_of
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.identifiers import gtin_check_digit
from backoffice.models.product import Product
from backoffice.models.tag import Tag
from backoffice.models.types import sort_key
from backoffice.operations import cells, records
from tests.admin.conftest import digest

from .conftest import HOUSE, Files, errors

#: In the order in which they can be imported into an empty house.
MODELS: tuple[type[Resource], ...] = (Category, Brand, Tag, Product)

#: What files treat in a way of their own.
NASTY = [
    "=1+1", "'=1", "''", "-", "+ 1", "@x", "a > b", ">", "\\>", "\\\\>", "> a", "a>b", "R&D", "R&amp;D", "&#65;",
    "&lt;b&gt;", "a, b", 'say "hi"', '"', '""quoted""', "'quoted'", "12", "007", "1.50", "1e5", "true", "False", "null",
    "none", "{", "[1]", "x = y", "ünï", "Ü", "ß", "İ", "茶", "مرحبا", "\u200f", "\u0301", "e\u0301", "🍵",
    "a\u00a0b", "\u2028", "ﬁ", "™", "a;b|c",
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=3).map(" ".join),
)
SCALAR = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(-1e14, 1e14),
    st.floats(-3, 3, width=16),
    st.sampled_from([0.1, 1e-7, 123456789012.12345, 1e14, -0.0]),
)
ENTRIES = st.dictionaries(TEXT, SCALAR, max_size=4)
LANGUAGES = st.dictionaries(st.sampled_from(["fr", "de", "pt-BR", "zh-Hant"]), TEXT, max_size=3)
#: With a tag in it: a text without one becomes paragraphs when it is read.
HTML = st.one_of(
    TEXT.map(lambda text: f"<p>{text}</p>"), TEXT.map(lambda text: f'<a title="{text}">x</a>\n <b>&</b> {text}')
)
GTIN = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012}{gtin_check_digit(f'{number:012}')}")
OPTIONAL = {
    "slug": TEXT,
    "gtin": GTIN,
    "description": HTML,
    "price": st.decimals(0, 9999999999, places=2),
    "cost": st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("1234.5")]),
    "currency": st.sampled_from(["EUR", "USD"]),
    "status": st.sampled_from(["draft", "published", "archived"]),
    "image_url": TEXT,
    "attributes": ENTRIES,
    "name_i18n": LANGUAGES,
    "description_i18n": st.dictionaries(st.sampled_from(["fr", "de"]), HTML, max_size=2),
    "category_id": st.integers(0, 5),
    "brand_id": st.integers(0, 3),
    "tags": st.lists(st.integers(0, 3), unique=True, max_size=3),
}
PRODUCT = st.fixed_dictionaries({"name": TEXT, "sku": TEXT}, optional=OPTIONAL)
NAMES = st.lists(TEXT, max_size=4, unique_by=sort_key)
TREE = st.lists(st.tuples(TEXT, st.integers(-1, 4), LANGUAGES, st.integers(-9, 9)), max_size=6)
CATALOGUE = st.fixed_dictionaries(
    {"brands": NAMES, "tags": NAMES, "tree": TREE, "products": st.lists(PRODUCT, max_size=8)}
)


def made(unit: writes.Unit, model: type[Resource], values: dict[str, Any]) -> Resource | None:
    """Create a record, unless a rule refuses it: then there is none."""
    try:
        with unit.attempt():
            record = records.create(unit, model, values)
            unit.settle()
    except Refused:
        return None
    return record


def stock(unit: writes.Unit, drawn: dict[str, Any]) -> None:
    """Fill an empty house with what was drawn."""
    keys: dict[str, list[int]] = {}
    for part, model in (("brands", Brand), ("tags", Tag)):
        keys[part] = [record.id for name in drawn[part] if (record := made(unit, model, {"name": name}))]
    nodes: list[int] = []
    for name, parent, languages, position in drawn["tree"]:
        above = nodes[parent] if 0 <= parent < len(nodes) else None
        values = {"name": name, "parent_id": above, "name_i18n": languages, "position": position}
        if (node := made(unit, Category, values)) is not None:
            nodes.append(node.id)
    for product in drawn["products"]:
        values = dict(product)
        for field, held in (("category_id", nodes), ("brand_id", keys["brands"])):
            if field in values:
                values[field] = held[values[field] % len(held)] if held else None
        if "tags" in values:
            values["tags"] = sorted(
                {keys["tags"][place % len(keys["tags"])] for place in values["tags"]} if keys["tags"] else ()
            )
        made(unit, Product, values)


def clear() -> None:
    """Take the whole catalogue and its history away."""
    held = guard.Pass(open=1)
    with db.engine.execution_options(**{guard.OPTION: held}).begin() as connection:
        connection.exec_driver_sql("UPDATE category SET parent_id = NULL")
        for name in ("outbox_message", "change", "change_set", "product_tag", "product", "brand", "tag", "category"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM search_entry WHERE resource <> 'role'")
    db.session.rollback()


def plainly(value: Any) -> str:
    """Return a value with its type; the entries of a document stand in no order."""
    return repr(sorted(value.items()) if isinstance(value, dict) else value)


def contents() -> dict[str, Any]:
    """Return the catalogue as people mean it: values by what names a record, without keys of the database."""
    found: dict[str, Any] = {}
    for model in MODELS:
        rows = db.session.scalars(select(model)).all()
        plain = [field for field in fields_of(model).values() if not field.system and not field.target]
        found[model.resource.name] = {
            row.slug: {field.name: plainly(field.get(row)) for field in plain}  # type: ignore[attr-defined]
            for row in rows
        }
    for row in db.session.scalars(select(Product)):
        names = [
            row.category and row.category.slug,
            row.brand and row.brand.slug,
            *sorted(tag.slug for tag in row.tags),
        ]
        found["product"][row.slug]["names"] = names
    for node in db.session.scalars(select(Category)):
        found["category"][node.slug]["parent"] = node.parent and node.parent.slug
    db.session.rollback()
    return found


def differing(found: dict[str, Any], meant: dict[str, Any]) -> list[Any]:
    """Return where two catalogues differ: resource, record, field, and both values."""
    return [
        (resource, slug, name, found[resource].get(slug, {}).get(name), value)
        for resource, rows in meant.items()
        for slug, row in rows.items()
        for name, value in row.items()
        if found[resource].get(slug, {}).get(name) != value
    ] + [
        (resource, "rows", len(found[resource]), len(meant[resource]))
        for resource in meant
        if len(found[resource]) != len(meant[resource])
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_export_writes_import_reads(
    shared_app: Flask, tmp_path_factory: pytest.TempPathFactory, form: str
) -> None:
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(CATALOGUE)
    @example(
        {
            "brands": [],
            "tags": [],
            "tree": [],
            "products": [
                {"name": "12", "sku": "A"},
                {"name": "B", "sku": "A"},
                {"name": "C", "sku": "C", "slug": "12"},
            ],
        }
    )
    def holds(drawn: dict[str, Any]) -> None:
        files = Files(tmp_path_factory.mktemp("trip"))
        clear()
        writes.run(HOUSE, "Stock", lambda unit: stock(unit, drawn))
        before, meant = digest(), contents()
        written: dict[type[Resource], Path] = {}
        for model in MODELS:
            path = files.out(model, form)
            if not path.stat().st_size:
                # No rows are no line of JSON, and an empty file is refused.
                continue
            written[model] = path
            report = files.load(path, model=model)
            assert (report.unchanged, report.failed, report.change_set_id) == (report.rows, 0, None), errors(report)
        assert digest() == before
        clear()
        for model, path in written.items():
            report = files.load(path, model=model)
            assert (report.created, report.failed, report.also_created) == (report.rows, 0, {}), errors(report)
        assert differing(contents(), meant) == []

    holds()


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | TEXT


@settings(max_examples=300, deadline=None)
@given(CELL)
def test_cells_are_guarded_and_nothing_else_is_taken_away(text: str) -> None:
    assert cells.unguarded(cells.guarded(text)) == text
    assert not re.match(r"[=+\-@\t\r]", cells.guarded(text))
    if cells.guarded(text) == text:
        assert cells.unguarded(text) == text or text.startswith("'")


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT.map(lambda text: " ".join(text.split())).filter(bool), max_size=5))
def test_lists_and_paths_are_read_as_they_are_written(names: list[str]) -> None:
    assert cells.split_names(cells.joined_names(names)) == names
    if names:
        assert cells.split_path(cells.joined_path(names)) == tuple(names)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_prose_is_read_as_it_is_written(text: str) -> None:
    assert cells.decoded(cells.encoded(text)) == text
