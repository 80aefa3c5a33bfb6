"""Databases to measure on: made where they are missing, and kept."""

from __future__ import annotations

import tempfile

import psycopg
from flask_migrate import upgrade
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

import config
from backoffice.app import create_app
from backoffice.extensions import db


def ensure_database(url: str) -> None:
    """Make the database `url` if it is missing, and bring it to the newest migration."""
    address = make_url(url).set(drivername="postgresql")
    server = address.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [address.database]).rowcount:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(str(address.database))))
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(config.current({"APP_ENV": "testing", "DATABASE_URL": url, "INSTANCE_PATH": folder}))
        with app.app_context():
            upgrade()
            db.engine.dispose()
