"""A large catalogue and a small one, for the questions to be put to both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.loading import open_engine
from tests.conftest import fresh_database

from .world import World, fill

#: Products of the large catalogue, and of the small one.
LARGE, SMALL = int(os.environ.get("SIZE_PRODUCTS", "30000")), 1_000

#: A migrated database for the large catalogue, filled if it is empty and kept.
KEPT = os.environ.get("SIZE_DATABASE_URL", "")


@contextmanager
def filled(request: pytest.FixtureRequest, folder: Path, products: int) -> Iterator[World]:
    """Give a world of `products` in a database of its own."""
    with fresh_database("postgresql", request, folder) as url:
        fill(url, folder, products)
        world = World(url, folder)
        yield world
        world.close()


@pytest.fixture(scope="session")
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the small catalogue."""
    with filled(request, tmp_path_factory.mktemp("small"), SMALL) as world:
        yield world


@pytest.fixture(scope="session")
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the large catalogue."""
    folder = tmp_path_factory.mktemp("large")
    if not KEPT:
        with filled(request, folder, LARGE) as world:
            yield world
        return
    engine = open_engine(KEPT)
    with engine.connect() as connection:
        empty = connection.scalar(text("SELECT NOT EXISTS (SELECT FROM product)"))
    engine.dispose()
    if empty:
        fill(KEPT, folder, LARGE)
    world = World(KEPT, folder)
    yield world
    world.close()
