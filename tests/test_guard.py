"""The database refuses what does not come through the door, by whatever trick it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text, update

from backoffice import guard, writes
from backoffice.errors import WriteRefused
from backoffice.extensions import Base, db
from backoffice.models.brand import Brand
from backoffice.models.history import Change, ChangeSet
from backoffice.models.throttle import SignInThrottle
from backoffice.policy import Actor
from backoffice.writes import Unit

READS = (
    "SELECT 1",
    "  (SELECT 1) UNION ALL SELECT 2;",
    "-- a note\nSELECT 1 /* DELETE */",
    "SELECT 'INSERT; DROP'",
    "SELECT \"delete\", replace(a, 'b', 'c') FROM \"update\"",
    "SELECT trashed_at, updated_at FROM product FOR UPDATE OF product",
    "SELECT 1 FROM role FOR NO KEY UPDATE",
    "WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t",
    "VALUES (1)",
    "EXPLAIN (FORMAT JSON) SELECT 1",
    "EXPLAIN QUERY PLAN SELECT 1",
    'PRAGMA main.table_xinfo("product")',
    "show transaction isolation level",
)
WRITES = (
    "",
    "UPDATE brand SET website = 'x'",
    "UPDATE/**/brand SET website = 'x'",
    "UPDATE ONLY brand AS b SET website = 'x'",
    "UPDATE OR REPLACE brand SET website = 'x'",
    "DELETE/**/FROM brand",
    "REPLACE INTO brand (id) VALUES (1)",
    "WITH x AS (SELECT 1) UPDATE brand SET website = 'x'",
    "WITH x AS (DELETE FROM brand RETURNING 1) SELECT * FROM x",
    "WITH x AS (SELECT 1 FOR UPDATE) UPDATE brand SET website = 'x'",
    "EXPLAIN (ANALYZE) UPDATE brand SET website = 'x'",
    "SELECT 1 INTO copied",
    "SELECT 1; DELETE FROM brand",
    "SELECT $$ ' $$; DELETE FROM brand -- '",
    r"SELECT E'a\'' , setval('brand_id_seq', 9), ''",
    "DO $$ BEGIN DELETE FROM brand; END $$",
    "COPY brand FROM STDIN",
    "CREATE TEMP TABLE x (a int)",
    "CALL anything()",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "COMMIT",
    "/* x */ END",
    "ROLLBACK",
    "ROLLBACK TO SAVEPOINT one",
    "/* x */ SET TRANSACTION READ WRITE",
    "-- x\nSET default_transaction_read_only = off",
    "RESET ALL",
    "DISCARD ALL",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT pg_catalog.\"set_config\" ('default_transaction_read_only', 'off', false)",
    "SELECT lo_create(0)",
    "SELECT dblink_exec('x', 'DELETE FROM brand')",
    "PRAGMA query_only = 0",
    'PRAGMA "query_only"(0)',
    "-- x\nPRAGMA [query_only] = OFF",
    "EXPLAIN PRAGMA query_only(0)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA user_version(7)",
    "ATTACH ':memory:' AS other",
    "VACUUM",
)


@pytest.mark.parametrize("statement", READS)
def test_what_reads_is_known(statement: str) -> None:
    assert guard.reads(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_what_may_write_is_not_taken_for_reading(statement: str) -> None:
    assert not guard.reads(statement)


@pytest.fixture
def brand(app: Flask, house: Actor) -> int:
    with writes.unit(house, "A brand") as unit:
        clay = unit.add(Brand(name="Clay"))
    return clay.id


def stored() -> dict[str, list[str]]:
    """Return the rows of every table as they are committed."""
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


WRITE = "UPDATE brand SET website = 'x'"

#: Statements that, one after the other, once let the last one write.
TRICKS = {
    "sqlite": (
        ("/* x */ PRAGMA query_only=OFF", WRITE),
        ('PRAGMA "query_only"=0', WRITE),
        ("EXPLAIN PRAGMA query_only(0)", WRITE),
    ),
    "postgresql": (
        ("/* x */ SET TRANSACTION READ WRITE", WRITE),
        ("/* x */ SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "COMMIT", WRITE),
        ("SELECT set_config('default_transaction_read_only', 'off', false)", "/**/COMMIT", "/**/BEGIN", WRITE),
        (f"SELECT 1; COMMIT; BEGIN READ WRITE; {WRITE}; COMMIT",),
        ("/**/RESET ALL", "/**/COMMIT", "/**/BEGIN", WRITE),
        ("SELECT lo_create(0)",),
    ),
}


def run_all(statements: Sequence[str], **options: Any) -> None:
    """Run `statements` on one connection, without parameters, as the driver gets them, and commit."""
    with db.engine.connect() as connection:
        connection = connection.execution_options(**options)
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def test_settings_do_not_open_the_database(brand: int) -> None:
    before = stored()
    for statements in TRICKS[db.engine.dialect.name]:
        with pytest.raises(WriteRefused):
            run_all(statements)
        assert stored() == before, statements


OPTIONS: tuple[dict[str, Any], ...] = (
    {"isolation_level": "AUTOCOMMIT"},
    {"isolation_level": "SERIALIZABLE"},
    {"postgresql_readonly": False},
)


def test_options_of_a_connection_do_not_open_the_database(brand: int) -> None:
    before = stored()
    for options in OPTIONS:
        with pytest.raises(WriteRefused):
            run_all([WRITE], **options)
        with pytest.raises(WriteRefused), db.engine.execution_options(**options).begin() as connection:
            connection.execute(text(WRITE))
        assert stored() == before, options


def test_the_database_itself_refuses(brand: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored()
    # As if a way past the list of what reads were found.
    monkeypatch.setattr(guard, "reads", lambda _statement: True)
    setting = "PRAGMA foreign_keys" if db.engine.dialect.name == "sqlite" else "SET default_transaction_read_only = off"
    with db.engine.connect() as connection:
        connection.execute(text(setting))
        with pytest.raises(WriteRefused):
            connection.execute(text(WRITE))
    with db.engine.connect() as connection, pytest.raises(WriteRefused):
        connection.execute(text(WRITE))
    assert stored() == before


def commit_connection(unit: Unit, brand: int) -> None:
    _flushed(unit, brand)
    unit.session.connection().commit()


def commit_transaction(unit: Unit, brand: int) -> None:
    _flushed(unit, brand)
    transaction = unit.session.connection().get_transaction()
    assert transaction is not None
    transaction.commit()


def commit_in_words(unit: Unit, brand: int) -> None:
    _flushed(unit, brand)
    unit.session.execute(text("/**/COMMIT"))


def _flushed(unit: Unit, brand: int) -> None:
    unit.get(Brand, brand).website = "https://clay.example"
    unit.session.flush()


def close_session(unit: Unit, brand: int) -> None:
    _flushed(unit, brand)
    unit.session.close()


def roll_back_connection(unit: Unit, brand: int) -> None:
    unit.session.connection().rollback()
    unit.add(Brand(name="Tin"))


def roll_back_savepoint(unit: Unit, brand: int) -> None:
    savepoint = unit.session.begin_nested()
    unit.add(Brand(name="Tin"))
    unit.session.flush()
    savepoint.rollback()


def raw_words(statement: str) -> Callable[[Unit, int], None]:
    return lambda unit, _brand: unit.session.execute(text(statement)) and None


def writing_cte(unit: Unit, brand: int) -> None:
    written = update(Brand).values(website="x").returning(Brand.id).cte()
    unit.session.execute(select(written.c.id))


def forge_history(unit: Unit, brand: int) -> None:
    unit.session.scalars(select(Change)).one().label = "Somebody else's"


def delete_history(unit: Unit, brand: int) -> None:
    unit.session.delete(unit.session.scalars(select(Change)).one())


def add_history(unit: Unit, brand: int) -> None:
    unit.session.add(ChangeSet(actor_label="Somebody", source="form", title="Never happened"))


INSIDE = {
    "a change forged": forge_history,
    "a change deleted": delete_history,
    "a change set made up": add_history,
    "a field taken for derived": lambda unit, brand: unit.derive(Brand, Brand.id == brand, {"website": "x"}),
    "connection commits": commit_connection,
    "transaction commits": commit_transaction,
    "words commit": commit_in_words,
    "session closes": close_session,
    "connection rolls back": roll_back_connection,
    "savepoint of one's own": roll_back_savepoint,
    "words with a comment": raw_words("UPDATE/**/brand SET website = 'x'"),
    "words that delete": raw_words("DELETE/**/FROM product_tag"),
    "a setting": raw_words("PRAGMA foreign_keys = OFF"),
    "a block": raw_words("DO $$ BEGIN EXECUTE 'DEL' || 'ETE FROM product_tag'; END $$"),
    "writing CTE": writing_cte,
    "bulk insert": lambda unit, _brand: unit.session.bulk_insert_mappings(Brand, [{"name": "X"}]),
    "bulk statement": lambda unit, _brand: unit.session.execute(insert(Brand), [{"name": "X"}]) and None,
}


@pytest.mark.parametrize("way", INSIDE)
def test_a_unit_neither_writes_unseen_nor_ends_early(brand: int, house: Actor, way: str) -> None:
    before = stored()
    with pytest.raises(Exception, match=r"no trace|when its block ends|attempt|inactive"):
        writes.run(house, "Sneak", lambda unit: INSIDE[way](unit, brand))
    assert stored() == before


def test_bookkeeping_writes_its_own_tables_only(brand: int) -> None:
    before = stored()
    stolen = update(Brand).values(website="x").returning(Brand.id).cte()
    sneaking = update(SignInThrottle).values(failures=select(func.count()).select_from(stolen).scalar_subquery())
    for statement in (text(WRITE), update(Brand).values(website="x"), sneaking):
        with pytest.raises(WriteRefused), writes.bookkeeping() as session:
            session.execute(statement, execution_options={"synchronize_session": False})
    assert stored() == before
