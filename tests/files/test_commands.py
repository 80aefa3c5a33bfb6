"""`catalog import` and `catalog export`: what they print, what they write, and how they end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from backoffice.commands import files as commands
from backoffice.models.product import Product
from backoffice.operations.imports import Report
from tests.admin.conftest import digest

from .conftest import Files, count, product

TABLE = """sku,name,price,brand,category,stock
A-1,Blue mug,5,Clay,Kitchen > Cups,3
A-2,Red mug,six,Clay,Kitchen > Cups,4
A-3,Spade,12,Tin,Garden,

A-1,Blue mug,5,Clay,Kitchen > Cups,3
"""


def run(app: Flask, *args: str) -> Result:
    """Run a command as on a terminal; whatever goes wrong is said in words."""
    result = app.test_cli_runner().invoke(args=["catalog", *args])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def test_import_prints_what_became_of_every_row(app: Flask, files: Files) -> None:
    path = files.write(TABLE, "supplier.csv")
    result = run(app, "import", str(path))
    assert result.exit_code == 1, "not all is good"
    lines = result.stdout.splitlines()
    assert lines[:8] == [
        "created: 2",
        "updated: 0",
        "unchanged: 1",
        "failed: 1",
        "of the unchanged, exact repetitions of an earlier row: 1",
        "brand records created on the way: 2",
        "category records created on the way: 3",
        "columns ignored: stock",
    ]
    assert re.search(r"^rows: 4 in [0-9.]+ s \([0-9]+ a second\)$", result.stdout, re.MULTILINE)
    assert re.search(r"^change set: \d+$", result.stdout, re.MULTILINE)
    errors = Path(lines[-1].removeprefix("errors: "))
    assert errors.parent == files.folder / "imports" and "A-2" in errors.read_text(encoding="utf-8")
    again = run(app, "import", str(path))
    assert "created: 0" in again.stdout and "unchanged: 3" in again.stdout and "change set" not in again.stdout


def test_a_good_file_ends_well_and_a_dry_run_writes_nothing(app: Flask, files: Files) -> None:
    path = files.write("name;sku\nMug;B-1\n", "good.txt")
    before = digest()
    dry = run(app, "import", str(path), "--dry-run")
    assert dry.exit_code == 0 and dry.stdout.startswith("Dry run: nothing was written.\ncreated: 1\n")
    assert digest() == before
    assert run(app, "import", str(path)).exit_code == 0
    assert product("B-1").name == "Mug"


def test_every_option_reaches_the_import(app: Flask, files: Files) -> None:
    path = files.write("slug^name^website\nclay^Töpferei^\n".encode("cp1252"), "brands.dat")
    options = ("--resource", "brand", "--format", "csv", "--delimiter", "^", "--encoding", "cp1252", "--key", "slug")
    assert "created: 1" in run(app, "import", str(path), *options).stdout
    path.write_bytes(b"slug^website\nclay^https://example.org\n")
    assert "updated: 1" in run(app, "import", str(path), *options).stdout
    path.write_bytes(b"slug^website\nclay^\n")
    assert "unchanged: 1" in run(app, "import", str(path), *options).stdout
    assert "updated: 1" in run(app, "import", str(path), *options, "--clear-empty").stdout
    mapping = files.write('{"sku": "Nr", "name": "Titel"}', "own.json")
    path = files.write("Nr,Titel\n1,Tasse\n", "mapped.csv")
    assert "created: 1" in run(app, "import", str(path), "--map", str(mapping)).stdout


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no file": (("import", "none.csv"), "There is no file none.csv. Check the path."),
    "no such resource": (("import", "x.csv", "--resource", "widget"), "There is no resource “widget”. There are: "),
    "people": (("import", "x.csv", "--resource", "user"), "Users are not imported from files."),
    "people out": (("export", "--resource", "user", "--output", "-"), "Users are not exported to files."),
    "no filter": (("export", "--filter", "draft", "--output", "-"), "“draft” is no filter. Write it like"),
    "an unknown filter": (("export", "--filter", "colour=blue", "--output", "-"), "There is no filter “colour” here"),
    "an unknown value": (("export", "--filter", "status=sold", "--output", "-"), "Status: “sold” is not one of"),
    "an unknown name": (("export", "--filter", "brand=Nobody", "--output", "-"), "there is no “Nobody”."),
    "an unknown path": (("export", "--filter", "category=A > B", "--output", "-"), "there is no “A > B”."),
    "no folder": (("export", "--output", "none/out.csv"), "There is no folder none. Create it first."),
}


def test_what_cannot_be_done_is_said_in_one_line(app: Flask, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files.folder)
    before = digest()
    for case, (args, said) in REFUSED.items():
        result = run(app, *args)
        assert result.exit_code == 1, case
        assert said in result.output and len(result.output.strip().splitlines()) == 1, (case, result.output)
    assert digest() == before
    assert not [path.name for path in files.folder.iterdir() if path.name.startswith(("none", "out"))]


def test_export_writes_what_the_filters_say(app: Flask, files: Files) -> None:
    files.load(TABLE)
    out = files.folder / "out.csv"
    cases: list[tuple[tuple[str, ...], list[str]]] = [
        ((), ["A-3", "A-1"]),
        (("--filter", "brand=clay"), ["A-1"]),
        (("--filter", "category=Kitchen"), ["A-1"]),
        (("--filter", "category=kitchen > cups", "--filter", "status=draft"), ["A-1"]),
        (("--filter", "price_min=6", "--filter", "sort=name"), ["A-3"]),
        (("--filter", "q=mug"), ["A-1"]),
        (("--filter", "status=published"), []),
    ]
    for args, found in cases:
        assert run(app, "export", "--format", "jsonl", *args, "--output", str(out)).exit_code == 0
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [row["sku"] for row in rows] == found, args
    assert run(app, "export", "--bom", "--output", str(out)).exit_code == 0
    written = out.read_bytes()
    assert written.startswith(b"\xef\xbb\xbfname,slug,sku,")
    assert run(app, "export", "--output", "-").stdout_bytes == written.removeprefix(b"\xef\xbb\xbf")
    assert "unchanged: 2" in run(app, "import", str(out)).stdout


def test_an_import_that_breaks_off_tells_how_far_it_came(
    app: Flask, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = commands.import_file

    def interrupted(actor: Any, path: Path, options: Any, tell: Any) -> Report:
        def stop(report: Report) -> None:
            tell(report)
            raise KeyboardInterrupt

        return real(actor, path, options, stop)

    path = files.write("sku,name\n" + "".join(f"S-{number},x\n" for number in range(700)))
    monkeypatch.setattr(commands, "import_file", interrupted)
    result = run(app, "import", str(path))
    assert result.exit_code == 1
    assert "created: 500" in result.stdout and "run the same command again to go on" in result.stdout
    monkeypatch.undo()
    assert count(Product) == 500
    assert "created: 200\nupdated: 0\nunchanged: 500\nfailed: 0\n" in run(app, "import", str(path)).stdout
