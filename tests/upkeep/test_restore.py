"""What a backup holds comes back on either database, all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select, text

from backoffice import guard, writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.base import resources
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.operations import records
from backoffice.operations import restore as restores
from backoffice.operations.backup import backup
from backoffice.operations.doctor import examine
from backoffice.operations.restore import restore
from backoffice.operations.upkeep import newest_revision
from backoffice.policy import Actor, system
from backoffice.selection import Selection
from tests.account.conftest import Browser
from tests.admin.conftest import digest
from tests.conftest import DATABASES, hearing, settings_for

from .conftest import PASSWORD, PERSON, another, fill, run, wear

ROOT = Path(__file__).resolve().parents[2]
HOUSE = system("tests")

Members = dict[str, bytes]


def members_of(file: Path) -> Members:
    """Return what a backup holds."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def content_of(file: Path) -> dict[str, Any]:
    """Return what a backup holds but for the moment at which it was written."""
    members: dict[str, Any] = dict(members_of(file))
    members["manifest.json"] = json.loads(members["manifest.json"]) | {"at": None}
    return members


@pytest.fixture(scope="module")
def used(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a backup of a house in use on each database."""
    files = {}
    for kind in DATABASES:
        folder = tmp_path_factory.mktemp("used")
        with another(kind, request, folder):
            writes.run(HOUSE, "Fill", fill)
            wear(HOUSE)
            files[kind] = folder / "house.zip"
            backup(files[kind])
    return files


@pytest.fixture
def file(used: dict[str, Path], tmp_path: Path) -> Path:
    """Return a backup of a house in use, to break."""
    return Path(shutil.copy(used["sqlite"], tmp_path / "house.zip"))


@pytest.mark.parametrize("source", DATABASES)
def test_a_backup_comes_back_the_same_on_either_database(
    app: Flask, used: dict[str, Path], source: str, tmp_path: Path
) -> None:
    counts = restore(used[source])
    again = tmp_path / "again.zip"
    assert backup(again) == counts
    assert content_of(again) == content_of(used[source])


@pytest.mark.parametrize("source", DATABASES)
def test_the_house_works_after_a_restore(app: Flask, used: dict[str, Path], source: str, house: Actor) -> None:
    restore(used[source])
    assert [found for found in examine() if found.problem] == []
    app.test_client_class = Browser
    client = app.test_client()
    assert client.sign_in(PERSON, PASSWORD).status_code == 303, "who could sign in before can"
    page = client.get("/admin/product/?q=mug").text
    assert "Blue mug" in page and "Old mug" not in page
    assert "Old mug" in client.get("/admin/product/?q=mug&trash=1").text
    assert found_by("TASSE") == ["M-1"]
    writes.run(house, "Rename", lambda unit: records.update(unit, product_of(unit, "M-1"), {"name": "Green jug"}))
    assert (found_by("jug"), found_by("blue")) == (["M-1"], []), "the index follows"


def found_by(words: str) -> list[str]:
    """Return the SKUs that a search finds."""
    selection = Selection.from_args(Product, HOUSE, {"q": words}).selection
    return [row.sku for row in selection.page(db.session).rows]


def product_of(unit: writes.Unit, sku: str) -> Product:
    """Return a product, locked."""
    return unit.get(Product, unit.session.scalars(select(Product.id).where(Product.sku == sku)).one())


@pytest.mark.parametrize("source", DATABASES)
def test_no_number_is_given_again(app: Flask, used: dict[str, Path], source: str, house: Actor) -> None:
    restore(used[source])
    given = {name: numbers_of(name) for name in ("product", "brand", "tag")}
    assert max(given["product"]) > (db.session.scalar(select(func.max(Product.id))) or 0), "one was deleted for good"
    values = {"product": {"sku": "N-1", "name": "New"}, "brand": {"name": "New"}, "tag": {"name": "new"}}
    for name, model in resources().items():
        if name in values:
            made, receipt = writes.run(house, "New", lambda unit: records.create(unit, model, values[name]))  # noqa: B023
            assert made.id > max(given[name])
            assert db.session.scalar(select(func.max(ChangeSet.id))) == receipt.change_set_id


def numbers_of(resource: str) -> set[int]:
    """Return every number that a record of `resource` ever had."""
    return set(db.session.scalars(select(Change.record_id).where(Change.resource == resource)))


def test_what_the_database_held_is_gone(filled: Flask, used: dict[str, Path], house: Actor, tmp_path: Path) -> None:
    writes.run(house, "More", lambda unit: records.create(unit, Product, {"sku": "MORE-1", "name": "One more"}))
    assert run(filled, "restore", str(used["sqlite"]), "--replace").exit_code == 0
    backup(tmp_path / "again.zip")
    assert content_of(tmp_path / "again.zip") == content_of(used["sqlite"])
    assert found_by("more") == []


def test_rows_come_back_however_they_are_cut(
    app: Flask, used: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restores, "CHUNK", 2)
    restore(used["sqlite"])
    backup(tmp_path / "again.zip")
    assert content_of(tmp_path / "again.zip") == content_of(used["sqlite"])


# What a product can hold, of every kind that the databases keep in ways of their own.
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
scalars = st.one_of(
    plain.filter(str.strip), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e14, 1e14)
)
amounts = st.none() | st.decimals(0, "9999999999.99", places=2)
product_values = st.fixed_dictionaries(
    {
        "name": plain.map(lambda text: f"n{text}"),
        "description": st.none() | plain,
        "price": amounts,
        "cost": amounts,
        "attributes": st.dictionaries(st.from_regex(r"[a-zé\"\\]{1,6}", fullmatch=True), scalars, max_size=4),
    }
)


def test_any_product_comes_back(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Backup, restore on the other database, backup, and back again: three times the same."""
    with another("sqlite", request, tmp_path) as one, another("postgresql", request, tmp_path) as other:

        @settings(
            max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
        )
        @given(st.lists(product_values, min_size=5, max_size=20))
        def comes_back(products: list[dict[str, Any]]) -> None:
            files = [tmp_path / f"{number}.zip" for number in range(3)]
            with one.app_context():
                writes.run(HOUSE, "Products", lambda unit: replace_products(unit, products))
                backup(files[0])
            with other.app_context():
                restore(files[0], replace=True)
                backup(files[1])
            with one.app_context():
                restore(files[1], replace=True)
                backup(files[2])
            first, second, third = map(content_of, files)
            assert first == second == third

        comes_back()


def replace_products(unit: writes.Unit, products: list[dict[str, Any]]) -> None:
    """Delete the products that there are for good, and create others."""
    for product in unit.session.scalars(select(Product)).all():
        records.trash(unit, product)
        records.purge(unit, product)
    for number, values in enumerate(products):
        records.create(unit, Product, {"sku": f"S-{number}", **values})


def write(file: Path, members: Members, *, sign: bool = True) -> None:
    """Write a backup of `members`, with checksums that fit them unless they are not to be signed."""
    if sign and "manifest.json" in members:
        manifest = json.loads(members["manifest.json"])
        for name, entry in manifest["tables"].items():
            entry["sha256"] = hashlib.sha256(members.get(f"{name}.jsonl", b"")).hexdigest()
        members = members | {"manifest.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def refused(app: Flask, file: Path, *words: str) -> None:
    """Assert that `file` is refused in one line that says why, and that nothing changed."""
    before = digest()
    result = run(app, "restore", str(file), "--replace")
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ") and result.output.count("\n") == 1, result.output
    for word in words:
        assert word in result.output
    assert digest() == before


def row_change(table: str, **values: Any) -> Callable[[Members], None]:
    """Return what changes the last row of `table`; a value of ... removes the column."""

    def change(members: Members) -> None:
        *lines, last = members[f"{table}.jsonl"].splitlines()
        row = {key: value for key, value in (json.loads(last) | values).items() if value is not ...}
        members[f"{table}.jsonl"] = b"\n".join([*lines, json.dumps(row).encode(), b""])

    return change


def manifest_change(**values: Any) -> Callable[[Members], None]:
    """Return what changes the manifest."""

    def change(members: Members) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | values).encode()

    return change


def line_change(line: bytes) -> Callable[[Members], None]:
    """Return what puts `line` in the place of the last tag."""

    def change(members: Members) -> None:
        members["tag.jsonl"] = b"\n".join([*members["tag.jsonl"].splitlines()[:-1], line, b""])

    return change


def doubled(members: Members) -> None:
    """Let the last tag stand twice."""
    members["tag.jsonl"] += members["tag.jsonl"].splitlines()[-1] + b"\n"


#: Contents that no backup has though their checksums fit: what changes, and a word of the refusal.
FORGED: dict[str, tuple[Callable[[Members], None], str]] = {
    "later format": (manifest_change(format=2), "newer release"),
    "unknown revision": (manifest_change(revision="f00d", version="9.9"), "newer release, 9.9"),
    "revision of a wrong type": (manifest_change(revision=["0001"]), "newer release"),
    "another table": (
        lambda members: manifest_change(
            tables=json.loads(members["manifest.json"])["tables"] | {"supplier": {"rows": 0, "sha256": ""}}
        )(members),
        "supplier",
    ),
    "no tables": (manifest_change(tables={}), "tag"),
    "a column too many": (row_change("tag", colour="red"), "tag"),
    "a column too few": (row_change("tag", slug=...), "tag"),
    "no date": (row_change("tag", created_at="yesterday"), "tag"),
    "no amount": (row_change("product", price="12,90"), "product"),
    "an amount of no number": (row_change("product", price="NaN"), "product"),
    "a list": (line_change(b"[1]"), "tag"),
    "nothing": (line_change(b"null"), "tag"),
    "no JSON": (line_change(b"{"), "tag"),
    "no UTF-8": (line_change(b'{"id": "\xff"}'), "tag"),
    "very deep": (line_change(b"[" * 100_000), "tag"),
    "a row too few": (lambda members: members.update({"product_tag.jsonl": b""}), "product_tag"),
}

#: What the database itself refuses.
UNFIT: dict[str, tuple[Callable[[Members], None], str]] = {
    "a date without a zone": (row_change("tag", created_at="2026-01-31T12:00:00"), "tag"),
    "an amount too large": (row_change("product", price="1e30"), "product"),
    "a name of nothing": (row_change("product", name=None), "product"),
    "a category that is not there": (row_change("product", category_id=99_999), "product"),
    "a key too large": (row_change("product", category_id=10**30), "product"),
    "twice the same": (doubled, "tag"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_forged_content_is_refused(filled: Flask, used: dict[str, Path], file: Path, subtests: pytest.Subtests) -> None:
    for name, (change, word) in FORGED.items():
        with subtests.test(name):
            members = members_of(used["sqlite"])
            change(members)
            write(file, members)
            refused(filled, file, word)


def test_what_does_not_fit_is_refused(
    filled: Flask, used: dict[str, Path], file: Path, subtests: pytest.Subtests
) -> None:
    for name, (change, word) in UNFIT.items():
        with subtests.test(name):
            members = members_of(used["postgresql"])
            change(members)
            write(file, members)
            refused(filled, file, word)


#: What is not signed anew, or is no backup at all.
UNSIGNED: dict[str, Members] = {
    "another zip": {"letter.txt": b"Dear all"},
    "no manifest": {"manifest.json": b""},
    "a manifest of no JSON": {"manifest.json": b"\xff{"},
    "a manifest of nothing": {"manifest.json": b"null"},
    "a manifest of a list": {"manifest.json": b"[]"},
    "a manifest of no tables": {"manifest.json": b'{"format": 1, "version": "0.1.0", "revision": "0001"}'},
    "a manifest of odd tables": {"manifest.json": b'{"format": 1, "version": "1", "revision": "0001", "tables": []}'},
    "a manifest that goes deep": {"manifest.json": b"[" * 100_000},
    "a manifest without end": {"manifest.json": b" " * 2**21},
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_foreign_files_are_refused(filled: Flask, tmp_path: Path, subtests: pytest.Subtests) -> None:
    for name, members in UNSIGNED.items():
        with subtests.test(name):
            write(tmp_path / "foreign.zip", members, sign=False)
            refused(filled, tmp_path / "foreign.zip", "backup")
    for name, content in {"empty": b"", "text": b"sku,name\n", "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 90}.items():
        with subtests.test(name):
            (tmp_path / "foreign.zip").write_bytes(content)
            refused(filled, tmp_path / "foreign.zip", "no backup")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_damaged_files_are_refused(filled: Flask, file: Path, subtests: pytest.Subtests) -> None:
    whole, members = file.read_bytes(), members_of(file)
    for size in (1, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        with subtests.test(f"{size} of {len(whole)} bytes"):
            file.write_bytes(whole[:size])
            refused(filled, file, "no backup, or it is damaged")
    with subtests.test("a row that was changed"):
        changed = members | {"tag.jsonl": members["tag.jsonl"].replace(b'"blue"', b'"grey"')}
        write(file, changed, sign=False)
        refused(filled, file, "the rows of tag are not those that were written")
    with subtests.test("a table that is missing"):
        write(file, {name: content for name, content in members.items() if name != "tag.jsonl"}, sign=False)
        refused(filled, file, "tag")
    with subtests.test("encrypted"):
        # The bit that marks each member, in the directory at the end of the file.
        file.write_bytes(whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"))
        assert file.read_bytes() != whole
        refused(filled, file, "encrypted")


def test_a_flipped_bit_is_refused_or_means_nothing(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Where the bit lies in what a zip says twice, such as a time, all comes back; anywhere else nothing does."""
    file, flipped = tmp_path / "house.zip", tmp_path / "flipped.zip"
    outcomes = set()
    with another("sqlite", request, tmp_path) as app:
        backup(file)
        whole, restored = file.read_bytes(), digest()
        work_on()
        before = digest()
        drawn = random.Random(4711)
        for number in range(100):
            place = drawn.randrange(len(whole))
            flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << number % 8]) + whole[place + 1 :])
            outcome = run(app, "restore", str(flipped), "--replace").exit_code
            assert digest() == (restored if outcome == 0 else before), f"byte {place}, bit {number % 8}"
            outcomes.add(outcome)
            if outcome == 0:
                work_on()
                before = digest()
    assert outcomes == {0, 1}


def work_on() -> None:
    """Let somebody work in the database."""
    writes.run(HOUSE, "Work", lambda unit: records.create(unit, Product, {"sku": "W-1", "name": "Work"}))


def test_a_database_in_use_is_not_replaced_by_mistake(app: Flask, file: Path, broken: Callable[..., None]) -> None:
    work_on()
    # Work without its history is work as well.
    broken("DELETE FROM change", "DELETE FROM outbox_message", "DELETE FROM change_set")
    before = digest()
    result = run(app, "restore", str(file))
    assert (result.exit_code, digest() == before) == (1, True)
    assert "--replace" in result.output
    assert run(app, "restore", str(file), "--replace").exit_code == 0


def test_a_new_database_needs_no_word(app: Flask, file: Path) -> None:
    result = run(app, "restore", str(file))
    assert (result.exit_code, "product: 3\n" in result.output) == (0, True)


def test_a_missing_file_is_named(app: Flask, tmp_path: Path) -> None:
    for name in ("absent.zip", "."):
        result = run(app, "restore", str(tmp_path / name))
        assert result.exit_code == 2
        assert str(tmp_path) in result.output


def test_a_database_without_tables_is_told(file: Path, tmp_path: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{tmp_path}/new.db", tmp_path))
    with app.app_context():
        for command in ("restore", "backup"):
            result = run(app, command, str(file))
            assert result.exit_code == 1
            assert "no tables yet. Run: flask --app run db upgrade" in result.output
        db.engine.dispose()


LATER = """
revision = "later"
down_revision = "{newest}"


def upgrade() -> None:
    pass
"""


def test_other_releases_are_told_apart(
    filled: Flask, file: Path, tmp_path: Path, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = newest_revision()
    (folder / "versions" / "later.py").write_text(LATER.format(newest=newest))
    monkeypatch.setattr(filled.extensions["migrate"], "directory", str(folder))
    refused(filled, file, f"The database is at migration {newest}, this release at later", "db upgrade")
    broken("UPDATE alembic_version SET version_num = 'later'")
    refused(filled, file, "older release")


def test_others_who_work_are_not_overrun(
    filled: Flask, file: Path, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LOCK_TIMEOUT_MS", 200)
    monkeypatch.setattr(guard, "BUSY_TIMEOUT_MS", 200)
    db.session.remove()
    db.engine.dispose()
    engine = create_engine(settings_for(database_url, tmp_path).database_url)
    with engine.connect() as other:
        if other.dialect.name == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
        other.execute(text("SELECT count(*) FROM product"))
        before = digest()
        result = run(filled, "restore", str(file), "--replace")
        assert (result.exit_code, digest() == before) == (1, True)
        assert "busy" in result.output
    engine.dispose()


def test_what_others_write_meanwhile_is_not_lost(app: Flask, file: Path) -> None:
    """Who writes after the look whether anybody works here waits, and then writes into what was restored."""
    others: list[threading.Thread] = []

    def write_other() -> None:
        with app.app_context():
            work_on()
            db.session.remove()

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("TRUNCATE", "DELETE")) and not others:
            others.append(threading.Thread(target=write_other))
            others[0].start()
            others[0].join(timeout=0.5)

    with hearing(db.engine, "before_cursor_execute", meanwhile):
        restore(file)
    others[0].join(timeout=20)
    assert found_by("work") == ["W-1"]
    assert "M-1" in found_by("mug")


def test_killed_half_way_all_is_as_it_was(filled: Flask, file: Path, database_url: str, tmp_path: Path) -> None:
    before = digest()
    taken = statements_of(lambda: restore(file, replace=True))
    assert digest() != before
    work_on()
    before = digest()
    db.session.remove()
    numbers = ["3", str(taken // 2), str(taken - 1), str(taken)]
    command = [sys.executable, "-m", "tests.upkeep.killed", database_url, str(tmp_path), str(file), *numbers]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["killed"] * 4
    assert digest() == before
    db.session.rollback()
    assert restore(file, replace=True)["product"] == 3


def statements_of(work: Callable[[], object]) -> int:
    """Return how many statements `work` sends, its commit included."""
    seen: list[object] = []
    count = lambda *args: seen.append(args[0])  # noqa: E731
    with hearing(db.engine, "before_cursor_execute", count), hearing(db.engine, "commit", count):
        work()
    return len(seen)
