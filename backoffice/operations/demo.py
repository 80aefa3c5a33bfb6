"""The demo catalogue: in by the same import as any file, out again where nobody worked on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from .. import writes
from ..errors import Refused
from ..extensions import db
from ..models.base import Resource
from ..models.brand import Brand
from ..models.category import Category
from ..models.product import Product
from ..models.types import sort_key
from ..policy import Actor
from ..writes import Unit
from . import records
from .imports import Options, import_file

DATA = Path(__file__).resolve().parent.parent / "demo"
SEPARATOR = " > "

Path_ = tuple[str, ...]


@dataclass
class Cleared:
    """What `clear` removed, by resource, and the names of what it kept because someone worked on it."""

    removed: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def is_empty() -> bool:
    """Return whether the catalogue holds no product, the trash included."""
    return db.session.scalar(select(Product.id).limit(1)) is None


def load(actor: Actor, folder: Path) -> dict[str, int]:
    """Load the demo catalogue and return how many records of each resource it has.

    `folder` is that of the installation. Loading it again changes nothing. Raises Refused where a row does not fit.
    """
    writes.run(actor, "Demo categories", _make_categories, source="import")
    report = import_file(actor, DATA / "products.jsonl", Options(model=Product, folder=folder))
    if report.failed:
        raise Refused(f"{report.failed} products of the demo could not be loaded; see {report.errors}.")
    return {name: len(list(_lines(f"{name}.jsonl"))) for name in ("products", "categories", "brands")}


def clear(actor: Actor) -> Cleared:
    """Delete the demo catalogue for good, but for what was changed since; what something else uses stays."""
    cleared, _receipt = writes.run(actor, "Clear the demo catalogue", _clear, source="command")
    return cleared


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _make_categories(unit: Unit) -> None:
    known = _by_path(unit)
    for line in _lines("categories.jsonl"):
        path = tuple(line["path"].split(SEPARATOR))
        keys = tuple(map(sort_key, path))
        if keys not in known:
            parent = known.get(keys[:-1])
            values = {"name": path[-1], "name_i18n": line["name"], "parent_id": parent.id if parent else None}
            known[keys] = records.create(unit, Category, values)


def _by_path(unit: Unit) -> dict[Path_, Category]:
    """Return the categories that are not in the trash by the folded names from the root down."""
    live = unit.session.scalars(select(Category).where(Category.trashed_at.is_(None)).order_by(Category.depth))
    found: dict[int, tuple[Path_, Category]] = {}
    for category in live:
        above = found[category.parent_id][0] if category.parent_id in found else ()
        found[category.id] = ((*above, category.name_key), category)
    return dict(found.values())


def _clear(unit: Unit) -> Cleared:
    cleared = Cleared()
    skus = [line["sku"] for line in _lines("products.jsonl")]
    products = unit.session.scalars(select(Product).where(Product.sku.in_(skus)).order_by(Product.id)).all()
    tags = {tag for product in products for tag in product.tags}
    for product in products:
        _remove(unit, product, cleared)
    paths = _by_path(unit)
    wanted = [tuple(map(sort_key, line["path"].split(SEPARATOR))) for line in _lines("categories.jsonl")]
    # From the leaves up: what still holds something stays.
    for path in sorted(wanted, key=len, reverse=True):
        if path in paths:
            _remove(unit, paths[path], cleared)
    brands = [sort_key(line["name"]) for line in _lines("brands.jsonl")]
    for record in [*unit.session.scalars(select(Brand).where(Brand.name_key.in_(brands))), *tags]:
        _remove(unit, record, cleared)
    return cleared


def _remove(unit: Unit, record: Resource, cleared: Cleared) -> None:
    name = record.resource.name
    if record.version != 1 or record.trashed_at is not None:
        cleared.kept.append(str(record))
        return
    try:
        with unit.attempt():
            records.trash(unit, record)
            records.purge(unit, record)
    except Refused:
        cleared.kept.append(str(record))
    else:
        cleared.removed[name] = cleared.removed.get(name, 0) + 1
