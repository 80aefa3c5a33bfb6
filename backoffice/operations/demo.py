"""The demo catalogue: in by the same import as any file, out again where nobody worked on it."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from .. import writes
from ..errors import Refused
from ..extensions import db
from ..i18n import phrase
from ..models.base import Resource
from ..models.brand import Brand
from ..models.category import Category
from ..models.history import Change, ChangeSet
from ..models.product import Product
from ..models.tag import Tag
from ..models.types import sort_key
from ..policy import Actor
from ..writes import Unit
from . import records
from .imports import Options, import_file

DATA = Path(__file__).resolve().parent.parent / "demo"
SEPARATOR = " > "

#: The title by which history knows what the demo brought; no other change set can have it.
TITLE = phrase("Load the demo catalogue")

NamePath = tuple[str, ...]


@dataclass
class Cleared:
    """What `clear` removed, by resource, and the names of what it kept because someone worked on it."""

    removed: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def is_empty() -> bool:
    """Return whether the catalogue holds no product, the trash included."""
    return db.session.scalar(select(Product.id).limit(1)) is None


def load(actor: Actor, folder: Path) -> dict[str, int]:
    """Load what is missing of the demo catalogue and return how many records of each resource that made.

    A product that is there, in the trash included, stays as it is. `folder` is that of the installation. Raises
    Refused, with nothing loaded, where a row does not fit, as when its brand is in the trash.
    """
    lines = list(_lines("products.jsonl"))
    known = set(db.session.scalars(select(Product.sku).where(Product.sku.in_([line["sku"] for line in lines]))))
    missing = [line for line in lines if line["sku"] not in known]
    if not missing:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "demo.jsonl")
        file.write_text("".join(json.dumps(line) + "\n" for line in missing), encoding="utf-8")
        options = Options(model=Product, folder=folder, title=TITLE)
        tried = import_file(actor, file, replace(options, dry_run=True))
        if tried.failed:
            raise Refused(f"{tried.failed} products of the demo do not fit; nothing was loaded. See {tried.errors}.")
        made, _receipt = writes.run(actor, TITLE, lambda unit: _make_categories(unit, missing), source="import")
        report = import_file(actor, file, options)
    counts = Counter({"product": report.created, "category": made}) + Counter(report.also_created)
    return {name: counts[name] for name in ("product", "category", "brand", "tag") if counts[name]}


def clear(actor: Actor) -> Cleared:
    """Delete what the demo brought for good, but for what was changed since; what something else uses stays."""
    cleared, _receipt = writes.run(actor, phrase("Clear the demo catalogue"), _clear, source="command")
    return cleared


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _make_categories(unit: Unit, products: Iterable[dict[str, Any]]) -> int:
    """Make the categories of `products` that are missing, in every language, and return how many."""
    known = _by_path(unit)
    wanted = {_keys(line["category"])[:depth] for line in products for depth in range(1, 13)}
    count = 0
    for line in _lines("categories.jsonl"):
        keys = _keys(line["path"])
        if keys in wanted and keys not in known:
            parent = known.get(keys[:-1])
            name = line["path"].split(SEPARATOR)[-1]
            values = {"name": name, "name_i18n": line["name"], "parent_id": parent.id if parent else None}
            known[keys] = records.create(unit, Category, values)
            count += 1
    return count


def _keys(path: str) -> NamePath:
    return tuple(map(sort_key, path.split(SEPARATOR)))


def _by_path(unit: Unit) -> dict[NamePath, Category]:
    """Return the categories that are not in the trash by the folded names from the root down."""
    live = unit.session.scalars(select(Category).where(Category.trashed_at.is_(None)).order_by(Category.depth))
    found: dict[int, tuple[NamePath, Category]] = {}
    for category in live:
        above = found[category.parent_id][0] if category.parent_id in found else ()
        found[category.id] = ((*above, category.name_key), category)
    return dict(found.values())


def _clear(unit: Unit) -> Cleared:
    cleared = Cleared()
    # Products first, then categories from the leaves up: what still holds something stays.
    parts: list[tuple[type[Resource], Any]] = [
        (Product, Product.id),
        (Category, Category.depth.desc()),
        (Brand, Brand.id),
        (Tag, Tag.id),
    ]
    for model, order in parts:
        brought = (
            select(Change.record_id)
            .join(ChangeSet, ChangeSet.id == Change.change_set_id)
            .where(ChangeSet.title == TITLE.text, ChangeSet.actor_id.is_(None))
            .where(Change.resource == model.resource.name, Change.verb == "create")
        )
        for record in unit.session.scalars(select(model).where(model.id.in_(brought)).order_by(order, model.id)).all():
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
