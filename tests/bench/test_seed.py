"""Filling a database: the rows are what the models would have made of them, all of them or none."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from backoffice import policy, writes
from backoffice.backends import search
from backoffice.extensions import Base, db
from backoffice.models.base import Resource, fields_of
from backoffice.models.brand import Brand
from backoffice.models.identifiers import slugify
from backoffice.models.product import Product
from backoffice.models.search_entry import SearchEntry, searched_text, words
from backoffice.models.types import sort_key
from bench.catalogue import CHUNK, MODELS, Catalogue, Size, midnight
from bench.loading import open_engine, packed, send
from bench.seed import Unfit, chunks, main, seed

SIZE = Size(products=300, categories=40, brands=10, seed=7)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


SHAPE = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2",
    "postgresql": """
        SELECT indexdef FROM pg_indexes
         UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
         ORDER BY 1""",
}


def shape(engine: Engine) -> list[object]:
    """Return how the database itself describes its indexes and constraints."""
    with engine.connect() as connection:
        return list(connection.execute(text(SHAPE[engine.dialect.name])))


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_every_row_arrives_and_the_tables_keep_their_shape(engine: Engine) -> None:
    before, first = shape(engine), counts(engine)
    seed(engine, SIZE)
    catalogue = Catalogue(SIZE, midnight())
    links = sum(len(tags) for _row, tags in catalogue.products(0))
    filled = {"product": 300, "category": 40, "brand": 10, "tag": 60, "product_tag": links}
    # Roles can be found from the start.
    filled["search_entry"] = first["search_entry"] + 410
    assert counts(engine) == first | filled
    assert shape(engine) == before
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_rows_come_back_as_they_were_made(app: Flask, engine: Engine) -> None:
    seed(engine, SIZE)
    made = {row["id"]: (row, tags) for row, tags in Catalogue(SIZE, midnight()).products(0)}
    for product in db.session.scalars(select(Product)):
        row, tags = made[product.id]
        assert {name: getattr(product, name) for name in row} == row
        assert [tag.id for tag in product.tags] == tags


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.resource.name)
def test_derived_values_are_those_of_the_models(app: Flask, engine: Engine, model: type[Resource]) -> None:
    seed(engine, SIZE)
    entries = {
        entry.record_id: (entry.heading, entry.body, entry.live)
        for entry in db.session.scalars(select(SearchEntry).where(SearchEntry.resource == model.resource.name))
    }
    records = db.session.scalars(select(model)).all()
    assert len(records) == len(entries) > 0
    for record in records:
        values = {name: getattr(record, name) for name in fields_of(model)}
        assert entries[record.id] == (*searched_text(model, values), record.trashed_at is None)
        assert record.name_key == sort_key(record.name)
        assert slugify(record.slug) == record.slug
        for name, field in fields_of(model).items():
            if not field.system and field.target is None:
                assert field.clean(values[name]) == values[name], name


def test_search_finds_what_was_seeded(app: Flask, engine: Engine) -> None:
    seed(engine, SIZE)
    for word in ("black", "lamp", "ara"):
        query = search.matches(db.engine.dialect.name, "product", word)
        assert query is not None
        found = set(db.session.scalars(query))
        expected = {
            row["id"]
            for row, _tags in Catalogue(SIZE, midnight()).products(0)
            if row["trashed_at"] is None
            and any(one.startswith(word) for one in words(f"{row['name']} {row['description'] or ''}"))
        }
        assert found == expected != set()


def test_the_door_goes_on_after_the_last_key(app: Flask, engine: Engine, house: policy.Actor) -> None:
    seed(engine, SIZE)
    with writes.unit(house, "form", "Add a brand") as session:
        session.add(Brand(name="One more"))
    assert db.session.scalar(select(func.max(Brand.id))) == SIZE.brands + 1


def test_a_failure_at_the_end_leaves_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        stray = {"resource": "product", "record_id": 1, "heading": "stray", "body": ""}
        connection.execute(SearchEntry.__table__.insert(), stray)
    before, first = shape(engine), counts(engine)
    with pytest.raises(IntegrityError):
        seed(engine, SIZE)
    assert (shape(engine), counts(engine)) == (before, first)


def test_a_database_that_holds_a_catalogue_is_refused(engine: Engine) -> None:
    seed(engine, SIZE)
    before = counts(engine)
    with pytest.raises(Unfit, match="holds a catalogue already"):
        seed(engine, Size(10, 10, 1, 1))
    assert counts(engine) == before


def test_a_database_without_tables_is_refused(tmp_path: object) -> None:
    address = f"sqlite:///{tmp_path}/empty.db"
    with pytest.raises(SystemExit, match="db upgrade"):
        main(["--url", address])
    assert inspect(create_engine(address)).get_table_names() == []


@pytest.mark.parametrize("argument", [["--products", "0"], ["--brands", "-1"], ["--seed", "x"], ["--url", "nowhere"]])
def test_a_wrong_argument_is_named(argument: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--url", "sqlite://", *argument])
    assert refused.value.code == 2
    assert argument[0] in capsys.readouterr().err


def test_processes_make_the_same_chunks_in_the_same_order() -> None:
    catalogue = Catalogue(Size(CHUNK + 300, 40, 10, 7), midnight())
    one, two = (list(chunks(catalogue, "sqlite", workers)) for workers in (1, 2))
    assert [len(chunk["product"][1]) for chunk in one] == [CHUNK, 300]
    assert one == two


def test_text_of_any_kind_goes_through_copy_unharmed(engine: Engine) -> None:
    names = ["back\\slash \\N \\.", "tab\tand\nline\r\n", "quotes \" and '", "سجادة ™ 🧶", "", "\\"]
    rows = [{"resource": "test", "record_id": key, "heading": name, "body": ""} for key, name in enumerate(names)]
    with engine.begin() as connection:
        send(connection, "search_entry", *packed(engine.dialect.name, rows))
    with engine.connect() as connection:
        query = select(SearchEntry.heading).where(SearchEntry.resource == "test").order_by(SearchEntry.record_id)
        assert connection.scalars(query).all() == names
