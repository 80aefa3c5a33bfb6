"""Memory does not grow with the file, on its way in or out."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.operations.imports.source import open_source
from tests.conftest import fresh_database, settings_for

from .conftest import Files, fates

MEGABYTE = 1_000_000


@pytest.fixture
def sqlite_files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    """Return a folder of files beside a SQLite database: what the driver of a server holds is not counted anyway."""
    with fresh_database("sqlite", request, tmp_path) as url:
        app = create_app(settings_for(url, tmp_path))
        with app.app_context():
            yield Files(tmp_path)
            db.session.remove()
            db.engine.dispose()


def peak_of(work: Callable[[], object]) -> int:
    """Return the bytes that Python held at most during `work`, beyond what it held before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_fifty_thousand_rows_are_read_in_little_memory(words: Flask, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"large.{form}"
    text = "x" * 300
    with path.open("w", encoding="utf-8") as stream:
        stream.write("sku,name,description\n" if form == "csv" else "")
        for number in range(50_000):
            row = f"L-{number},Name,{text}\n" if form == "csv" else f'{{"sku":"L-{number}","description":"{text}"}}\n'
            stream.write(row)
    assert path.stat().st_size > 15 * MEGABYTE
    counted = 0

    def read() -> None:
        nonlocal counted
        for _row in open_source(path).rows():
            counted += 1

    assert peak_of(read) < 2 * MEGABYTE
    assert counted == 50_000


def test_an_import_holds_a_chunk_not_the_file(sqlite_files: Files) -> None:
    """Rows of 40 kB, every third of them bad: no more than 4 MB of them are held, a few times over."""
    text = "y" * 40_000
    rows = "".join(f"M-{number},{'' if number % 3 == 0 else 'Name'},{text}\n" for number in range(450))
    path = sqlite_files.write(f"sku,name,description\n{rows}", "large.csv")
    del rows
    sqlite_files.load("sku,name\nwarm,up\n")
    reports = []
    peak = peak_of(lambda: reports.append(sqlite_files.load(path)))
    assert fates(reports[0]) == (300, 0, 0, 150)
    assert path.stat().st_size > 17 * MEGABYTE
    assert peak < 24 * MEGABYTE
