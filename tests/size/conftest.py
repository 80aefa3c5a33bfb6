"""A large catalogue and a small one, for the questions to be put to both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.databases import ensure_database
from bench.loading import open_engine
from tests.conftest import fresh_database, named

from .world import World, fill

#: Products of the large catalogue, and of the small one.
LARGE, SMALL = int(os.environ.get("SIZE_PRODUCTS", "30000")), 1_000

#: The database of the large catalogue that is kept, made and filled where it is missing; empty for one that is not.
KEPT = os.environ.get("SIZE_DATABASE_URL") or (named(f"backoffice_size_{LARGE}") if os.environ.get("SIZE_KEEP") else "")


@contextmanager
def filled(request: pytest.FixtureRequest, folder: Path, products: int) -> Iterator[World]:
    """Give a world of `products` in a database of its own."""
    with fresh_database("postgresql", request, folder) as url:
        fill(url, folder, products)
        world = World(url, folder)
        yield world
        world.close()


def ensure_filled(url: str, folder: Path) -> None:
    """Bring the database `url` to the newest migration, made if it is missing; fill in what it does not hold yet."""
    ensure_database(url)
    engine = open_engine(url)
    with engine.connect() as connected:
        full = connected.scalar(text("SELECT EXISTS (SELECT FROM change_set WHERE title = 'Raise prices')"))
    engine.dispose()
    if not full:
        fill(url, folder, LARGE)


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
    ensure_filled(KEPT, folder)
    world = World(KEPT, folder)
    yield world
    world.close()
