"""The real thing, as a process of its own: it starts, or says in words why not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from backoffice.app import create_app
from config import ConfigurationError
from tests.conftest import settings_for

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "aB3-dE6_gH9jK2mN5pQ8sT1vW4yZ7bC0fR",
    "BASE_URL": "https://shop.example.org",
}


def call(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the settings `environ` and nothing else of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=kept | {"INSTANCE_PATH": str(folder)} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def flask(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the documents write it."""
    return call(folder, "-m", "flask", "--app", "run", *command, **environ)


def test_a_fresh_installation(tmp_path: Path) -> None:
    """From nothing to a restored copy, each step as an operator types it."""
    house, copy, file = tmp_path / "house", tmp_path / "copy", tmp_path / "house.zip"
    steps = (
        (house, ("db", "upgrade"), ""),
        (house, ("users", "ensure-first"), "Sign in as: admin@example.org"),
        (house, ("backup", str(file)), "user: 1"),
        (copy, ("db", "upgrade"), ""),
        (copy, ("restore", str(file)), "user: 1"),
    )
    for folder, command, words in steps:
        done = flask(folder, *command)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert words in done.stdout, command
    assert zipfile.is_zipfile(file)
    for private in (house, copy):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700, "the database holds password hashes"


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(ConfigurationError, match="INSTANCE_PATH /proc/house cannot be used"):
        create_app(settings_for("sqlite://", Path("/proc/house")))


def test_production_does_not_start_without_its_tables(tmp_path: Path) -> None:
    house = tmp_path / "house"
    for environ, words in (
        ({}, "- The database has no tables yet. Run: flask --app run db upgrade\n"),
        ({"DATABASE_URL": "postgresql://postgres@127.0.0.1:1/x"}, "Connection refused. Check DATABASE_URL.\n"),
    ):
        done = call(house, "-c", "import run", **PRODUCTION, **environ)
        assert done.returncode == 1
        assert done.stderr.startswith("Backoffice cannot start") and words in done.stderr
        assert done.stderr.count("\n") == 2
    assert flask(house, "db", "upgrade", **PRODUCTION).returncode == 0
    assert call(house, "-c", "import run", **PRODUCTION).returncode == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [("postgresql://postgres@127.0.0.1:1/x", "refused"), ("sqlite:///text.db", "file is not a database")],
)
def test_a_migration_says_why_it_cannot_be(tmp_path: Path, url: str, words: str) -> None:
    (tmp_path / "text.db").write_text("sku,name\n" * 200)
    done = flask(tmp_path, "db", "upgrade", DATABASE_URL=url)
    assert done.returncode == 1
    assert words in done.stderr and done.stderr.count("\n") == 1
