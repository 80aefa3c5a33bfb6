"""A migration that is generated can be run: what a developer gets is work, not a riddle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask_migrate import revision, upgrade
from sqlalchemy import create_engine, inspect

from backoffice.app import create_app
from backoffice.extensions import Base, db
from tests.conftest import DATABASES, another_database, settings_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", DATABASES)
def test_what_is_generated_runs(kind: str, tmp_path: Path) -> None:
    """From nothing to every table, by a migration that nobody touched."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("versions", "__pycache__"))
    (folder / "versions").mkdir()
    with another_database(kind, tmp_path) as url:
        app = create_app(settings_for(url, tmp_path))
        with app.app_context():
            revision(directory=str(folder), autogenerate=True, message="All of it", rev_id="0001")
            (written,) = (folder / "versions").glob("0001_*.py")
            assert "backoffice" not in written.read_text(encoding="utf-8"), "a migration must not change with our code"
            upgrade(directory=str(folder))
            db.engine.dispose()
        engine = create_engine(settings_for(url, tmp_path).database_url)
        assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
        engine.dispose()
