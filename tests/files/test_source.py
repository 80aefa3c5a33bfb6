"""Reading files: what they may look like, and what is said of those that cannot be read."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from backoffice.operations.imports.problems import BadFile
from backoffice.operations.imports.source import DELIMITERS, MAX_BROKEN, MAX_LINE, open_source

ROWS = [{"sku": "A-1", "name": "Théière"}, {"sku": "A-2", "name": "Cup"}]
TABLE = "sku,name\nA-1,Théière\nA-2,Cup\n"

GOOD: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "plain": ("a.csv", TABLE.encode(), {}),
    "with a mark": ("a.csv", TABLE.encode("utf-8-sig"), {}),
    "without the last line end": ("a.csv", TABLE.rstrip().encode(), {}),
    "CRLF": ("a.csv", TABLE.replace("\n", "\r\n").encode(), {}),
    "CR alone": ("a.csv", TABLE.replace("\n", "\r").encode(), {}),
    "semicolons": ("a.csv", TABLE.replace(",", ";").encode(), {}),
    "tabs": ("a.tsv", TABLE.replace(",", "\t").encode(), {}),
    "bars": ("a.txt", TABLE.replace(",", "|").encode(), {}),
    "a delimiter that is given": ("a.csv", TABLE.replace(",", "^").encode(), {"delimiter": "^"}),
    "a tab by name": ("a.csv", TABLE.replace(",", "\t").encode(), {"delimiter": "tab"}),
    "a tab as people type it": ("a.csv", TABLE.replace(",", "\t").encode(), {"delimiter": "\\t"}),
    "cp1252": ("a.csv", TABLE.encode("cp1252"), {"encoding": "cp1252"}),
    "UTF-16": ("a.csv", TABLE.encode("utf-16"), {}),
    "UTF-8 whatever a mapping says": ("a.csv", TABLE.encode("utf-8-sig"), {"encoding": "cp1252"}),
    "quotes": ("a.csv", b'"sku","name"\n"A-1","Th\xc3\xa9i\xc3\xa8re"\n"A-2","Cup"\n', {}),
    "compressed": ("a.csv.gz", gzip.compress(TABLE.encode()), {}),
    "an ending that says nothing": ("a.dat", TABLE.encode(), {"form": "csv"}),
    "spaces around names": ("a.csv", TABLE.replace("sku,name", " sku , name").encode(), {}),
    "empty lines": ("a.csv", TABLE.replace("\n", "\n\n,\n").encode(), {}),
    "empty cells beyond the last column": ("a.csv", TABLE.replace("Cup", "Cup,,").encode(), {}),
    "JSON Lines": ("a.jsonl", '{"sku": "A-1", "name": "Théière"}\n\n{"sku": "A-2", "name": "Cup"}'.encode(), {}),
    "JSON Lines with a mark": (
        "a.json", b'\xef\xbb\xbf{"sku":"A-1","name":"Th\\u00e9i\\u00e8re"}\n{"sku":"A-2","name":"Cup"}\r\n', {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_files_of_every_kind_say_the_same(words: Flask, tmp_path: Path, case: str) -> None:
    name, content, options = GOOD[case]
    path = tmp_path / name
    path.write_bytes(content)
    source = open_source(path, **options)  # type: ignore[arg-type]
    rows = list(source.rows())
    assert [row.cells for row in rows] == ROWS
    assert not [row.problem for row in rows if row.problem]


BAD: dict[str, tuple[str, bytes, dict[str, str], str]] = {
    "empty": ("a.csv", b"", {}, "is empty"),
    "a mark and nothing else": ("a.csv", b"\xef\xbb\xbf", {}, "first line is empty"),
    "an empty first line": ("a.csv", b"\nA,b\n", {}, "first line is empty"),
    "a first line of delimiters": ("a.csv", b",,,\nA,b\n", {}, "first line is empty"),
    "a column twice": ("a.csv", b"sku,name,sku\n1,2,3\n", {}, "stand in the file twice: sku"),
    "a quote in the first line that is not closed": ("a.csv", b'sku,"name\n1,2\n', {}, "first line"),
    "another encoding": ("a.csv", TABLE.encode("cp1252"), {}, "Line 2 is not UTF-8 text"),
    "another encoding than named": ("a.csv", b"sku\n\x81\n", {"encoding": "cp1252"}, "Line 2 is not cp1252 text"),
    "half a character at the end": ("a.csv", TABLE.encode() + b"\xc3", {}, "Line 4 is not UTF-8"),
    "no such encoding": ("a.csv", TABLE.encode(), {"encoding": "klingon"}, "no encoding “klingon”"),
    "an encoding that is none of text": ("a.csv", TABLE.encode(), {"encoding": "rot13"}, "no encoding “rot13”"),
    "an unknown ending": ("a.xls", TABLE.encode(), {}, "--format csv"),
    "a delimiter of two": ("a.csv", TABLE.encode(), {"delimiter": ";;"}, "one character"),
    "a quote as delimiter": ("a.csv", TABLE.encode(), {"delimiter": '"'}, "one character"),
    "not compressed": ("a.csv.gz", TABLE.encode(), {}, "cannot be read"),
    "half of a compressed file": ("a.csv.gz", gzip.compress(TABLE.encode() * 100)[:-9], {}, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_read_is_refused_in_words(words: Flask, tmp_path: Path, case: str) -> None:
    name, content, options, said = BAD[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadFile) as refusal:
        open_source(path, **options)  # type: ignore[arg-type]
    assert said in str(refusal.value)


def test_a_missing_file_and_a_folder_are_no_files(words: Flask, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadFile, match="There is no file"):
            open_source(path)


def read(tmp_path: Path, content: str, name: str = "a.csv") -> list[tuple[int, list[str], str]]:
    """Return line, cells and problem of each row."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return [
        (row.line, list(row.written), row.problem.reason.split(".")[0] if row.problem else "")
        for row in open_source(path).rows()
    ]


RAGGED = "The row has 1 cells, the first line has 2"
NOT_CLOSED = "A quote is not closed, or one within quotes is not written twice"


def test_rows_know_the_line_where_they_begin(words: Flask, tmp_path: Path) -> None:
    assert read(tmp_path, 'sku,name\n1,"a\nb"\n\n2,c\n3,"d ""e"" f"\n') == [
        (2, ["1", "a\nb"], ""),
        (5, ["2", "c"], ""),
        (6, ["3", 'd "e" f'], ""),
    ]


def test_a_ragged_row_is_left_out_alone(words: Flask, tmp_path: Path) -> None:
    assert read(tmp_path, "sku,name,price\n1,a\n2,b,3\n3,c,4,5\n4\n") == [
        (2, ["1", "a"], "The row has 2 cells, the first line has 3"),
        (3, ["2", "b", "3"], ""),
        (4, ["3", "c", "4", "5"], "The row has 4 cells, the first line has 3"),
        (5, ["4"], "The row has 1 cells, the first line has 3"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('sku,name\n1,"a"b\n2,c\n', [(2, ["1", "ab"], NOT_CLOSED), (3, ["2", "c"], "")]),
        ('sku,name\n1,"a\n2,b\n3,c\n', [(2, ["1", "a\n"], NOT_CLOSED), (3, ["2", "b"], ""), (4, ["3", "c"], "")]),
        (
            'sku,name\n1,"a\n2,"b"\n3,"c"\n',
            [(2, ["1", "a\n"], NOT_CLOSED), (3, ["2", "b"], ""), (4, ["3", "c"], "")],
        ),
        # Lines of one text are no rows, and nothing must be made of them.
        (
            'sku,name\n1,"12" tall\nand wide"\n2,b\n',
            [(2, ["1", "12 tall"], NOT_CLOSED), (3, ['and wide"'], RAGGED), (4, ["2", "b"], "")],
        ),
        ('sku,name\n1,12" tall\n2,"b"\n', [(2, ["1", '12" tall'], ""), (3, ["2", "b"], "")]),
    ],
)  # fmt: skip
def test_a_stray_quote_costs_its_own_row_only(
    words: Flask, tmp_path: Path, content: str, expected: list[tuple[int, list[str], str]]
) -> None:
    assert read(tmp_path, content) == expected


def test_an_open_quote_does_not_swallow_a_long_file(words: Flask, tmp_path: Path) -> None:
    rows = "".join(f"{number},name {number}\n" for number in range(5_000))
    found = read(tmp_path, f'sku,name\nX,"open\n{rows}')
    assert len(found) == 5_001
    assert [row for row in found if row[2]] == [(2, ["X", "open\n"], NOT_CLOSED)]


def test_a_file_of_stray_quotes_is_given_up(words: Flask, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="too many rows with broken quotes"):
        read(tmp_path, "sku,name\n" + '1,"a"b\n' * (MAX_BROKEN + 1))


def test_huge_cells_and_rows_are_left_out_alone(words: Flask, tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    for size, said in ((limit, ""), (limit + 1, f"A cell is longer than {limit} characters"), (2 * MAX_LINE, "")):
        found = read(tmp_path, f"sku,name\n1,{'x' * size}\n2,b\n")
        assert [row[0] for row in found] == [2, 3] and found[1] == (3, ["2", "b"], "")
        assert found[0][2].startswith(said or ("A cell is longer" if size > limit else ""))
        assert sum(map(len, found[0][1])) <= limit + 1
    wide = read(tmp_path, f"sku,name\n1,b{',x' * MAX_LINE}\n2,b\n")
    assert [row[2] for row in wide] == [f"The row is longer than {MAX_LINE} characters", ""]


NO_OBJECTS = (
    "[1]", "1", '"a"', "{", "{'sku': 1}", '{"sku": NaN}', '{"sku": 1e9999999999999999999}', "null", "[" * 100_000, "x",
)  # fmt: skip


@pytest.mark.parametrize("line", NO_OBJECTS, ids=lambda line: line[:20])
def test_a_line_that_is_no_object_is_left_out_alone(words: Flask, tmp_path: Path, line: str) -> None:
    found = read(tmp_path, f'{{"sku":"1"}}\n{line}\n{{"sku":"2"}}\n', "a.jsonl")
    assert [(row[0], row[2]) for row in found] == [(1, ""), (2, "This line is not a JSON object"), (3, "")]
    assert found[1][1] == [line]


def test_an_object_with_a_name_twice_is_left_out(words: Flask, tmp_path: Path) -> None:
    found = read(tmp_path, '{"sku":"1","sku":"2"}\n{"sku":"3","attributes":{"a":1,"a":2}}\n', "a.jsonl")
    assert [row[2] for row in found] == ["The row names this column twice"] * 2


def test_a_long_line_of_json_is_left_out_alone(words: Flask, tmp_path: Path) -> None:
    found = read(tmp_path, f'{{"sku":"{"x" * MAX_LINE}"}}\n{{"sku":"2"}}\n', "a.jsonl")
    assert [(row[0], row[2]) for row in found] == [(1, f"The row is longer than {MAX_LINE} characters"), (2, "")]


ENTRY = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="."), min_size=1, max_size=9).filter(
    str.strip
) | st.sampled_from(["R&amp;D", "a;b|c", "x\ty,z"])
COLUMNS = st.lists(
    st.sampled_from(["name", "slug", "price", "tags"]) | ENTRY.map("attributes.{}".format), min_size=1, max_size=5
)
CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from([";", "a;b|c", "1,5", '"', ""])


@given(st.data(), COLUMNS, st.sampled_from(DELIMITERS))
def test_the_names_of_the_columns_tell_the_delimiter(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, columns: list[str], delimiter: str
) -> None:
    header = list(dict.fromkeys(["sku", *columns]))
    rows = data.draw(st.lists(st.lists(CELL, min_size=len(header), max_size=len(header)), max_size=4))
    path = tmp_path_factory.getbasetemp() / "delimiters.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    known = frozenset(header)
    assert open_source(path, known=known.__contains__).delimiter == delimiter


def test_a_mapping_s_columns_tell_the_delimiter(words: Flask, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id|a,b,c,d\n1|2,3,4,5\n", encoding="utf-8")
    assert open_source(path).delimiter == ","
    assert open_source(path, known={"id", "a,b,c,d"}.__contains__).delimiter == "|"


def test_a_cell_that_is_too_long_leaves_the_delimiter_and_the_other_rows(words: Flask, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"sku;name\nA-1;Cup\nA-2;{'x' * 200_000}\nA-3;Pot\n", encoding="utf-8")
    for known in ({"sku", "name"}, set[str]()):
        source = open_source(path, known=known.__contains__)
        assert (source.delimiter, source.header) == (";", ["sku", "name"])
        told = [(row.cells.get("sku"), bool(row.problem)) for row in source.rows()]
        assert told == [("A-1", False), (None, True), ("A-3", False)]
