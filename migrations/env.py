"""Run the migrations, over an engine of their own: the house's engines are read-only outside of a unit."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import JSON, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from backoffice.extensions import Base
from backoffice.models.types import MONEY_SCALE, Money, UtcDateTime

#: Types of our own, and how a migration writes them; that of documents is written with a name that it does not import.
RENDERED: dict[type, str] = {
    JSON: "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')",
    UtcDateTime: "sa.DateTime(timezone=True)",
    Money: f"sa.Numeric(14, {MONEY_SCALE}).with_variant(sa.BigInteger(), 'sqlite')",
}

#: Kept by hand in the migrations, because only one of the databases knows them.
UNMAPPED = ("search_fts",)
DERIVED, DERIVED_INDEXES = (
    ("vector", "named_in"),
    ("ix_search_entry_vector", "ix_product_live_named_in", "ix_product_trashed_named_in"),
)


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the tables of SQLite's full-text index, which no model maps."""
    return not (kind == "table" and name and name.startswith(UNMAPPED))


def include_object(item: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Leave out the columns that PostgreSQL derives, and their indexes, which SQLite does not have."""
    return not (reflected and name and (name in DERIVED or name.startswith(DERIVED_INDEXES)))


def render_item(kind: str, item: object, written: AutogenContext) -> str | Literal[False]:
    """Write a type of our own as what it is in the database: a migration must not change with our code."""
    found = RENDERED.get(type(item)) if kind == "type" else None
    if found and "postgresql." in found:
        written.imports.add("from sqlalchemy.dialects import postgresql")
    return found or False


def run(connection: Connection) -> None:
    """Run what was asked for over `connection`."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        include_object=include_object,
        compare_type=True,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


engine = create_engine(current_app.config["SQLALCHEMY_DATABASE_URI"], hide_parameters=True)
if engine.dialect.name == "sqlite":

    @event.listens_for(engine, "connect")
    def prepare(connection, _record) -> None:  # type: ignore[no-untyped-def]
        """Let the driver leave transactions alone, so that a failed migration leaves nothing behind."""
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Begin for the driver that was told not to."""
        connection.exec_driver_sql("BEGIN")


def opened() -> Connection:
    """Connect, or say in one line why not."""
    try:
        connection = engine.connect()
        if engine.dialect.name == "sqlite":
            # Only reading it tells whether the file is a database.
            connection.exec_driver_sql("PRAGMA schema_version")
            connection.rollback()
        return connection
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
        raise CommandError(f"The database does not answer: {reason}. Check DATABASE_URL.") from error


with opened() as connected:
    run(connected)
engine.dispose()
