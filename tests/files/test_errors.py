"""The file of errors: where, what, why, and that it is corrected and imported again as often as it takes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from flask import Flask

from backoffice.models.product import Product
from backoffice.operations.imports import Report

from .conftest import Files, count, errors, fates, product

TABLE = """sku,name,price,brand
E-1,Good,5,Clay
E-2,Bad price,5 €,Clay
E-3,,6,Clay
E-4,Two wrong,-1,\x00
E-5,"Quoted, ""well""
on two lines",abc,Tin
E-6,Short
E-7,=1+1,x,Tin
"""

#: Line, column, value, and the beginning of the reason.
EXPECTED = [
    ("3", "price", "5 €", "Price: “5 €” is not an amount."),
    ("4", "name", "", "Name: fill this in."),
    ("5", "price; brand", "-1; \ufffd", "Price: an amount cannot be negative. Remove the minus sign.; Brand: "),
    ("6", "price", "abc", "Price: “abc” is not an amount."),
    ("8", "", "", "The row has 2 cells, the first line has 4."),
    ("9", "price", "x", "Price: “x” is not an amount."),
]


def test_each_bad_row_is_there_with_line_column_value_and_reason(files: Files) -> None:
    report = files.load(TABLE)
    assert fates(report) == (1, 0, 0, 6)
    assert report.errors is not None and report.errors.parent == files.folder / "imports"
    found = errors(report)
    for row, (line, column, value, reason) in zip(found, EXPECTED, strict=True):
        assert (row["line"], row["column"], row["value"].lstrip("'")) == (line, column, value)
        assert row["reason"].startswith(reason), row
    assert found[3]["name"] == 'Quoted, "well"\non two lines', "the row as it was"
    assert found[5]["name"] == "'=1+1", "and no formula for the spreadsheet in which it is corrected"


def mend(report: Report, **by_name: str) -> Path:
    """Do in the file of errors what a person does in a spreadsheet: correct cells, and save."""
    assert report.errors is not None
    delimiter = "|" if "|" in report.errors.read_text(encoding="utf-8-sig").splitlines()[0] else ","
    with report.errors.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=delimiter)
    fixed = report.errors.with_name("mended.csv")
    with fixed.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(header)
        for row in rows:
            row += [""] * (len(header) - len(row))
            writer.writerow([by_name.get(name, cell) for name, cell in zip(header, row, strict=True)])
    return fixed


def test_a_corrected_file_of_errors_is_imported_as_often_as_it_takes(files: Files) -> None:
    report = files.load(TABLE)
    again = files.load(mend(report, price="7"))
    assert fates(again) == (5, 0, 0, 1)
    assert product("E-7").name == "=1+1" and product("E-5").name == 'Quoted, "well" on two lines'
    assert not again.ignored, "what was said of the rows is no column of theirs"
    assert again.errors is not None
    header = again.errors.read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == "line,column,value,reason,sku,name,price,brand"
    last = files.load(mend(again, name="Named"))
    assert fates(last) == (1, 0, 0, 0) and last.errors is None
    assert count(Product) == 7


def test_the_same_mapping_reads_the_file_of_errors(files: Files) -> None:
    (files.folder / "mappings").mkdir()
    files.write(
        '{"$options": {"delimiter": "|", "encoding": "cp1252"}, "sku": "no", "name": "titre", "price": "prix"}',
        "mappings/supplier.json",
    )
    report = files.load("no|titre|prix\n1|Théière|5\n2|Café|six\n".encode("cp1252"), mapping="supplier")
    assert fates(report) == (1, 0, 0, 1)
    assert errors(report)[0]["column"] == "price" and errors(report)[0]["titre"] == "Café"
    assert fates(files.load(mend(report, prix="6"), mapping="supplier")) == (1, 0, 0, 0)
    assert product("2").name == "Café"


def test_columns_of_the_same_names_are_told_apart(files: Files) -> None:
    mapping = files.write('{"sku": "line", "name": "reason", "price": "value"}', "own.json")
    report = files.load("line,reason,value\nL-1,Good,1\nL-2,Bad,x\n", mapping=str(mapping))
    (row,) = errors(report)
    assert (row["error_line"], row["error_column"], row["error_value"], row["line"]) == ("3", "price", "x", "L-2")
    assert fates(files.load(mend(report, value="2"), mapping=str(mapping))) == (1, 0, 0, 0)
    assert product("L-2").name == "Bad"


def test_bad_lines_of_json_come_back_as_lines_of_json(files: Files) -> None:
    report = files.load(
        '{"sku": "J-1", "name": "Good", "attributes": {"size": 1.5}}\n'
        '{"sku": "J-2", "name": "Café", "price": "x", "attributes": {"size": 2.50, "code": "1.5"}}\n'
        '{"sku": "J-3", "name": "\\ud800"}\n'
        "{'sku': 'J-4'}\n",
        "in.jsonl",
    )
    assert fates(report) == (1, 0, 0, 3)
    price, surrogate, broken = errors(report)
    assert (price["line"], price["column"], price["value"]) == ("2", "price", "x")
    assert surrogate["column"] == "name" and surrogate["name"] == "\ud800"
    assert broken["row"] == "{'sku': 'J-4'}" and broken["reason"].startswith("This line is not a JSON object")
    assert report.errors is not None and report.errors.suffix == ".jsonl"
    text = report.errors.read_text(encoding="utf-8").replace('"price": "x"', '"price": 2').replace("\\ud800", "Three")
    again = files.load(text.replace("\"row\": \"{'sku': 'J-4'}\"", '"sku": "J-4", "name": "Four"'), "again.jsonl")
    assert fates(again) == (3, 0, 0, 0) and again.errors is None
    assert product("J-2").attributes == {"size": 2.5, "code": "1.5"}


def test_no_bad_row_no_file(files: Files) -> None:
    report = files.load("sku,name\nN-1,x\n")
    assert report.errors is None and not (files.folder / "imports").exists()


def test_two_imports_have_two_files(files: Files) -> None:
    names = [files.load("sku,name\n,x\n", "a b/../ü.csv".replace("/", "_")).errors for _ in range(3)]
    assert len(set(names)) == 3 and all(name and name.exists() for name in names)


@pytest.mark.parametrize("size", [1, 300])
def test_rows_keep_their_lines_however_they_are_grouped(files: Files, size: int) -> None:
    rows = "".join(f"G-{number},{'x' if number % 3 else ''}\n" for number in range(size))
    report = files.load(f"sku,name\n{rows}")
    assert [int(row["line"]) for row in errors(report)] == [number + 2 for number in range(0, size, 3)]
    assert report.created == size - len(errors(report))


def test_what_was_bad_is_told_when_an_import_breaks_off(
    files: Files, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_report: Report) -> None:
        raise KeyboardInterrupt

    path = files.write("sku,name\nK-1,\nK-2,x\n")
    with pytest.raises(KeyboardInterrupt):
        files.load(path, tell=interrupted)
    (file,) = (files.folder / "imports").iterdir()
    assert "K-1" in file.read_text(encoding="utf-8")
