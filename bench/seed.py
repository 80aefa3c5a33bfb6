"""Fill an empty, migrated database with a big catalogue.

    python -m bench.seed --url postgresql://localhost/big --products 1000000

The same seed gives the same rows; moments count back from today. Rows are written past the door, without history.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain
from typing import Any

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import ArgumentError

from backoffice.models.base import Resource
from backoffice.models.product import Product

from .catalogue import MODELS, Catalogue, Row, Size, midnight, searched
from .loading import open_engine, packed, send, settle, without_indexes

#: Chunks per process that wait, so that none stands still while the database takes one.
AHEAD = 3

Packed = dict[str, tuple[list[str], Any]]

#: What a process that makes rows knows: the catalogue, and the database to pack for.
_made: dict[str, Any] = {}


class Unfit(Exception):
    """The database cannot take a catalogue; the message says what to do."""


def seed(engine: Engine, size: Size, workers: int = 1) -> None:
    """Write a catalogue of `size`, all of it or nothing; raise Unfit when the database cannot take it."""
    refuse_unfit(engine)
    catalogue = Catalogue(size, midnight())
    with engine.begin() as connection, without_indexes(connection):
        small = [pack(engine.dialect.name, model, rows) for model, rows in catalogue.small()]
        for chunk in chain(small, chunks(catalogue, engine.dialect.name, workers)):
            for table, data in chunk.items():
                send(connection, table, *data)
    settle(engine, [model.resource.name for model in MODELS])


def seed_once(engine: Engine, products: int) -> None:
    """Write a catalogue of `products`, with as many categories and brands as go with them, unless there is one."""
    with engine.connect() as connection:
        if connection.scalar(text("SELECT EXISTS (SELECT 1 FROM product)")):
            return
    seed(engine, Size(products, min(2_000, products // 10), max(10, min(500, products // 20)), 1), workers=2)


def refuse_unfit(engine: Engine) -> None:
    """Raise Unfit unless the tables are there and hold no catalogue."""
    tables = inspect(engine).get_table_names()
    if "search_entry" not in tables:
        raise Unfit("This database has no tables yet. Run `flask --app run db upgrade` with DATABASE_URL set to it.")
    with engine.connect() as connection:
        for model in MODELS:
            if connection.scalar(text(f"SELECT 1 FROM {model.resource.name} LIMIT 1")):
                raise Unfit("This database holds a catalogue already. Give the address of an empty one.")


def pack(dialect: str, model: type[Resource], rows: list[Row]) -> Packed:
    """Return `rows` of `model` and their searched texts, ready to send."""
    entries = [searched(model, row) for row in rows]
    return {model.resource.name: packed(dialect, rows), "search_entry": packed(dialect, entries)}


def chunks(catalogue: Catalogue, dialect: str, workers: int) -> Iterator[Packed]:
    """Yield the products chunk by chunk, made by `workers` processes a little ahead of the database."""
    if workers == 1:
        prepare(catalogue, dialect)
        yield from map(make, range(catalogue.chunks()))
        return
    # Spawned, not forked: a child must not inherit the open connection.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, prepare, (catalogue, dialect)) as pool:
        waiting: deque[Future[Packed]] = deque()
        for number in range(catalogue.chunks()):
            waiting.append(pool.submit(make, number))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def prepare(catalogue: Catalogue, dialect: str) -> None:
    """Keep in this process what `make` needs."""
    _made.update(catalogue=catalogue, dialect=dialect)


def make(number: int) -> Packed:
    """Return the chunk `number` of products with their searched texts and tags, ready to send."""
    catalogue, dialect = _made["catalogue"], _made["dialect"]
    found = list(catalogue.products(number))
    rows = [row for row, _tags in found]
    links = [{"product_id": row["id"], "tag_id": tag} for row, tags in found for tag in tags]
    return pack(dialect, Product, rows) | {"product_tag": packed(dialect, links)}


def at_least_one(value: str) -> int:
    """Return the whole number `value`, which argparse refuses below 1."""
    if int(value) < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return int(value)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and fill the database."""
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description="Fill an empty, migrated database.")
    parser.add_argument("--url", required=True, help="postgresql://… or sqlite:///…")
    parser.add_argument("--products", type=at_least_one, default=1_000_000)
    parser.add_argument("--categories", type=at_least_one, default=2_000)
    parser.add_argument("--brands", type=at_least_one, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--workers", type=at_least_one, default=min(4, os.cpu_count() or 1), help="processes that make rows"
    )
    given = parser.parse_args(arguments)
    try:
        engine = open_engine(given.url)
    except ArgumentError as error:
        parser.error(f"--url: {error}")
    begun = time.monotonic()
    try:
        seed(engine, Size(given.products, given.categories, given.brands, given.seed), given.workers)
    except Unfit as error:
        raise SystemExit(str(error)) from error
    finally:
        engine.dispose()
    seconds = time.monotonic() - begun
    print(f"{given.products:,} products in {seconds:.0f} s, {given.products / seconds:,.0f} a second")


if __name__ == "__main__":
    main()
