"""Databases and applications that tests take in turn: made once, and put back as they were instead of made anew."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from psycopg import sql

from backoffice.app import create_app, register_log
from backoffice.extensions import Base
from config import Settings

#: What tells that tables, indexes, triggers or functions are no longer those of the template.
_FORM = """
    SELECT md5(string_agg(form, ',' ORDER BY form)) FROM (
        SELECT concat_ws(' ', c.oid, c.xmin, a.attnum, a.xmin) AS form
          FROM pg_class c LEFT JOIN pg_attribute a ON attrelid = c.oid WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', t.oid, t.xmin) FROM pg_trigger t
        UNION ALL SELECT concat_ws(' ', p.oid, p.xmin) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
    ) AS forms"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_SEQUENCES = "SELECT sequencename, coalesce(last_value, 1), last_value IS NOT NULL FROM pg_sequences"
_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


class Pool:
    """The databases of one process of tests by kind, and an application over each."""

    def __init__(self) -> None:
        self.databases: dict[str, Database] = {}
        self.apps: dict[str, Flask] = {}
        self.open = ExitStack()

    def application(self, settings: Settings) -> Flask:
        """Return the application over the database of `settings` as if it had been made with them."""
        app = self.apps.get(settings.database_url)
        if app is None:
            app = self.apps[settings.database_url] = create_app(settings)
            app.extensions["tests"] = dict(app.config)
            return app
        app.config.clear()
        app.config.update(app.extensions["tests"], **settings.flask())
        app.extensions["settings"] = settings
        # Words of scripts in the languages that the test before spoke.
        app.extensions.pop("words", None)
        app.instance_path = str(settings.instance_path)
        register_log(app)
        return app


class Database:
    """A database that is put back before each test."""

    url: str

    def is_intact(self) -> bool:
        """Return whether it has the tables, indexes, triggers and functions that it was made with, or will be."""
        return True

    def restore(self) -> None:
        """Put back what a fresh one holds; nobody of this process is connected."""
        raise NotImplementedError


class SqliteFile(Database):
    """A file that is overwritten with the template."""

    def __init__(self, template: Path, path: Path) -> None:
        self.template, self.path, self.url = template, path, f"sqlite:///{path}"

    def restore(self) -> None:
        for found in self.path.parent.glob(f"{self.path.name}*"):
            found.unlink()
        shutil.copy(self.template, self.path)


class PostgresDatabase(Database):
    """A copy of the template whose rows and sequences are put back; `url` must be a copy that nobody has touched."""

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url) as server:
            self.form = self._form(server)
            order = [table.name for table in Base.metadata.sorted_tables]
            names = sorted(
                (name for (name,) in server.execute(_TABLES)), key=lambda name: name in order and order.index(name)
            )
            self.tables = [sql.Identifier(name) for name in names]
            self.rows = [(name, data) for name in self.tables if (data := self._copied(server, name))]
            self.sequences = server.execute(_SEQUENCES).fetchall()

    def is_intact(self) -> bool:
        with psycopg.connect(self.url) as server:
            return self._form(server) == self.form

    def restore(self) -> None:
        with psycopg.connect(self.url) as server:
            server.execute(_OTHERS)
            filled = sql.SQL(" UNION ALL ").join(
                sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(place, name)
                for place, name in enumerate(self.tables)
            )
            # Who refers to others goes first, and comes last.
            for (place,) in sorted(server.execute(filled).fetchall(), reverse=True):
                server.execute(sql.SQL("DELETE FROM {}").format(self.tables[place]))
            for name, data in self.rows:
                with server.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
                    copy.write(data)
            server.cursor().executemany("SELECT setval(quote_ident(%s)::regclass, %s, %s)", self.sequences)

    @staticmethod
    def _form(server: psycopg.Connection[Any]) -> Any:
        return server.execute(_FORM).fetchone()

    @staticmethod
    def _copied(server: psycopg.Connection[Any], table: sql.Identifier) -> bytes:
        with server.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as copy:
            return b"".join(bytes(part) for part in copy)
