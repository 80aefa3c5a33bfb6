"""A backup holds everything of one moment, for the eyes of its owner, in a file that is there only when it is whole."""

from __future__ import annotations

import json
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from backoffice import __version__, writes
from backoffice.errors import Refused
from backoffice.extensions import Base, db
from backoffice.models.brand import Brand
from backoffice.operations import backup as backups
from backoffice.operations import records
from backoffice.operations.backup import backup, tables
from backoffice.operations.restore import reader_of
from backoffice.operations.upkeep import newest_revision
from backoffice.operations.whole_file import whole_file
from backoffice.policy import Actor
from tests.conftest import hearing

from .conftest import run

#: Columns that nothing fills: the settings of the house are never in the trash.
EMPTY = {"house.trashed_at"}


def rows_of(file: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of `table` that a backup holds."""
    with zipfile.ZipFile(file) as archive:
        return [json.loads(line) for line in archive.read(f"{table}.jsonl").splitlines()]


def test_it_holds_every_row_and_column(filled: Flask, tmp_path: Path) -> None:
    file = tmp_path / "house.zip"
    counts = backup(file)
    held = {table.name for table in Base.metadata.sorted_tables} - backups.LEFT_OUT
    assert counts.keys() == held
    empty = set()
    for table in tables():
        rows = rows_of(file, table.name)
        stored = db.session.scalar(text(f'SELECT count(*) FROM "{table.name}"'))
        assert len(rows) == counts[table.name] == stored
        names = [column.name for column in table.columns]
        empty |= {f"{table.name}.{name}" for name in names if all(row[name] is None for row in rows)}
    assert empty == EMPTY, "the tests below prove nothing for a column without a value: fill it in conftest"


def test_the_manifest_says_what_wrote_it(filled: Flask, tmp_path: Path) -> None:
    backup(tmp_path / "house.zip")
    with zipfile.ZipFile(tmp_path / "house.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["format"], manifest["version"], manifest["revision"]) == (1, __version__, newest_revision())
    assert manifest["at"].endswith("+00:00")


def test_the_command_prints_counts_and_no_secret(filled: Flask, tmp_path: Path) -> None:
    file = tmp_path / "house.zip"
    result = run(filled, "backup", str(file))
    assert result.exit_code == 0
    assert "product: 3\n" in result.output and "user: 2\n" in result.output
    assert "argon2" not in result.output
    assert "argon2" in str(rows_of(file, "user")), "without the passwords nobody could sign in after a restore"


def test_only_its_owner_may_read_it(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "house.zip"
    for _time in ("new", "over an older one that everybody could read"):
        backup(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o666)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".zip", ".part")] == ["house.zip"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/house.zip", "There is no folder"),
        ("/dev/null", "is no ordinary file"),
        ("", "directory"),
        ("x" * 300, "too long"),
    ],
)
def test_where_it_cannot_be_written_is_said(app: Flask, tmp_path: Path, name: str, words: str) -> None:
    result = run(app, "backup", str(tmp_path / name))
    assert result.exit_code != 0
    assert words in result.output
    assert Path("/dev/null").is_char_device()


def test_a_file_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "house.zip"
    file.write_text("before")

    def write(error: Exception) -> None:
        with whole_file(file) as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(KeyError):
        write(KeyError())
    with pytest.raises(Refused, match="No space left"):
        write(OSError(28, "No space left on device"))
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_it_holds_one_moment(filled: Flask, house: Actor, tmp_path: Path) -> None:
    """What is written while a backup runs is in none of its tables."""

    def write() -> None:
        with filled.app_context():
            writes.run(house, "Meanwhile", lambda unit: records.create(unit, Brand, {"name": "Meanwhile"}))
            db.session.remove()

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM brand" in statement and not done:
            done.append(statement)
            thread = threading.Thread(target=write)
            thread.start()
            thread.join(timeout=20)
            assert not thread.is_alive(), "people can work while a backup runs"

    done: list[str] = []
    file = tmp_path / "house.zip"
    with hearing(db.engine, "before_cursor_execute", meanwhile):
        backup(file)
    assert done
    held = [row["title"] for row in rows_of(file, "change_set")]
    assert "Meanwhile" not in held and "Fill" in held
    backup(file)
    assert "Meanwhile" in [row["title"] for row in rows_of(file, "change_set")]


def test_a_database_of_another_release_is_refused(app: Flask, tmp_path: Path, broken: Callable[..., None]) -> None:
    file = tmp_path / "house.zip"
    for statement, words in (
        (
            "UPDATE alembic_version SET version_num = 'f00d'",
            f"migration f00d, this release at {newest_revision()}. Run the newer release",
        ),
        ("DELETE FROM alembic_version", "no tables yet. Run: flask --app run db upgrade"),
    ):
        broken(statement)
        result = run(app, "backup", str(file))
        assert (result.exit_code, file.exists()) == (1, False)
        assert words in result.output


def test_every_type_of_column_can_be_restored() -> None:
    for table in tables():
        for column in table.columns:
            assert reader_of(column.type), f"teach operations/restore.py the type of {column}"


def test_a_row_that_no_restore_could_read_is_refused(
    filled: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "LONGEST_LINE", 500)
    with pytest.raises(Refused, match="too long"):
        backup(tmp_path / "house.zip")
    assert not (tmp_path / "house.zip").exists()


def test_it_is_read_in_pieces(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows: every one once, however they are cut."""
    monkeypatch.setattr(backups, "CHUNK", 2)
    backup(tmp_path / "house.zip")
    assert [row["key"] for row in rows_of(tmp_path / "house.zip", "role")] == [
        *("administrator", "catalogue-manager", "editor", "viewer")
    ]
