"""Cells of every kind of field, good and bad: each file is one table, imported at once on each database."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.base import fields_of
from backoffice.models.category import Category
from backoffice.models.product import Product
from backoffice.models.user import User

from .conftest import HOUSE, Files, errors, fates, product


@pytest.fixture(scope="module", autouse=True)
def people(shared_app: Flask) -> None:
    """Let there be somebody who can be responsible."""
    with writes.unit(HOUSE, "People") as unit:
        unit.add(User(email="ann@example.org", name="Ann"))


def named(record: Any) -> Any:
    """Return what a value is called: of records their names, of a category its path."""
    if isinstance(record, list):
        return sorted(named(item) for item in record)
    if isinstance(record, Category):
        return f"{named(record.parent)} > {record.name}" if record.parent else record.name
    return str(record.email if isinstance(record, User) else getattr(record, "name", record))


#: Column, what stands in the cell, and what is stored.
GOOD: list[tuple[str, str, Any]] = [
    ("name", "  Blue \t mug  ", "Blue mug"),
    ("name", "Cafe\u0301", "Café"),
    ("name", "AT&amp;T &quot;Mug&quot; &#8482; &#xAE;", 'AT&T "Mug" ™ ®'),
    ("name", "R&D ?a=1&copy=2 &nosuch;", "R&D ?a=1&copy=2 &nosuch;"),
    ("name", "'=1+1", "=1+1"),
    ("name", "'", "'"),
    ("name", "'quoted'", "'quoted'"),
    ("name", "מ\u200fאג \U0001f375 茶", "מ\u200fאג \U0001f375 茶"),
    ("name", "bell\x07 and\x1b escape", "bell and escape"),
    ("name", "x" * 300, "x" * 300),
    ("description", "Plain & simple\nsecond line", "<p>Plain &amp; simple<br>second line</p>"),
    ("description", "One\n\n \nTwo", "<p>One</p><p>Two</p>"),
    ("description", "<p>Rich</p><script>alert(1)</script>", "<p>Rich</p>"),
    ("notes", "<p>Ask <b>first</b></p>", "<p>Ask <strong>first</strong></p>"),
    ("description", "5 < 6 and 7 > 6", "<p>5 &lt; 6 and 7 &gt; 6</p>"),
    ("price", "49.99", Decimal("49.99")),
    ("price", "24", Decimal(24)),
    ("price", " 7.5 ", Decimal("7.5")),
    ("price", "0", Decimal(0)),
    ("price", "+3", Decimal(3)),
    ("price", ".5", Decimal("0.5")),
    ("price", "9999999999.99", Decimal("9999999999.99")),
    ("cost", "1.10", Decimal("1.1")),
    ("cost", "", None),
    ("cost", "   ", None),
    ("currency", "USD", "USD"),
    ("currency", "usd", "USD"),
    ("currency", "", "EUR"),
    ("status", "published", "published"),
    ("status", "Archived", "archived"),
    ("status", "", "draft"),
    ("gtin", "4006381333931", "4006381333931"),
    ("gtin", "96385074", "96385074"),
    ("gtin", "", None),
    ("slug", "Über Mug!", "uber-mug"),
    ("image_url", "https://example.org/a b.jpg?x=1&y=2", "https://example.org/a b.jpg?x=1&y=2"),
    ("category", "Kitchen > Cups", "Kitchen > Cups"),
    ("category", " kitchen  >  CUPS ", "Kitchen > Cups"),
    ("category", "Kitchen", "Kitchen"),
    ("category", "Home &amp; Garden > A>B > a \\> b", "Home & Garden > A>B > a > b"),
    ("category", "", None),
    ("brand", "Clay & Co", "Clay & Co"),
    ("brand", "CLAY &amp; co", "Clay & Co"),
    ("brand", "  Clay   &  Co ", "Clay & Co"),
    ("brand", "", None),
    ("responsible", "ann@example.org", "ann@example.org"),
    ("responsible", " Ann@Example.org ", "ann@example.org"),
    ("tags", "red, blue,red", ["blue", "red"]),
    ("tags", '"salt, pepper" , "12"" wide"', ['12" wide', "salt, pepper"]),
    ("tags", "one\ntwo", ["one", "two"]),
    ("tags", " , ", []),
    ("attributes.colour", "blue", {"colour": "blue"}),
    ("attributes.size", "12", {"size": 12}),
    ("attributes.size", '"12"', {"size": "12"}),
    ("attributes.size", "1.50", {"size": "1.50"}),
    ("attributes.size", "1.5", {"size": 1.5}),
    ("attributes.size", "007", {"size": "007"}),
    ("attributes.size", "1e5", {"size": "1e5"}),
    ("attributes.size", "-3", {"size": -3}),
    ("attributes.new", "true", {"new": True}),
    ("attributes.new", "True", {"new": "True"}),
    ("attributes.with space", "x", {"with space": "x"}),
    ("attributes", '{"a": 1, "b": "x"}', {"a": 1, "b": "x"}),
    ("attributes", "a = 1\nb = x = y", {"a": 1, "b": "x = y"}),
    ("attributes", "", None),
    ("name.fr", "Tasse", {"fr": "Tasse"}),
    ("description.pt-BR", "Uma *xícara*", {"pt-BR": "<p>Uma *xícara*</p>"}),
]  # fmt: skip

#: Column, what stands in the cell, and the beginning of what is said of it.
DEEP = " > ".join("abcdefghijklm")
BAD: list[tuple[str, str, str]] = [
    ("name", "", "Name: fill this in."),
    ("name", " \t ", "Name: fill this in."),
    ("name", "a\x00b", "Name: the text holds a character that cannot be stored."),
    ("name", "x" * 301, "Name: 301 characters are too many. Shorten it to 300."),
    ("sku", "x" * 65, "SKU: 65 characters are too many. Shorten it to 64."),
    ("sku", "a\x00", "SKU: the text holds a character that cannot be stored."),
    ("slug", "x" * 201, "Slug: 201 characters are too many."),
    ("slug", "taken", "Slug: this value is taken"),
    ("notes", "x" * 20_001, "Notes: 20008 characters are too many."),
    ("description", "x" * 100_001, "Description: 100008 characters are too many."),
    *(
        ("price", text, f"Price: “{text}” is not an amount. Write it like 1234.50.")
        for text in ("abc", "1,299.00", "1.299,00", "12,5", "NaN", "Infinity", "1e3", "5 €", "$5", "--5", "1 299", "5-")
    ),
    ("price", "1" * 40, "Price: the amount is too large."),
    ("price", "1" * 41, "Price: “1111111111111111111111111111111111111111” is not an amount."),
    ("price", "-5", "Price: an amount cannot be negative. Remove the minus sign."),
    ("price", "1.23456", "Price: use at most 4 decimals."),
    ("price", "1.234", "Price: EUR has 2 decimals. Write 1.23."),
    ("cost", "0.001", "Cost: EUR has 2 decimals. Write 0.00."),
    ("currency", "XYZ", "Currency: “XYZ” is not one of the choices: "),
    ("currency", "€", "Currency: “€” is not one of the choices: "),
    ("status", "sold", "Status: “sold” is not one of the choices: draft, published, archived."),
    ("gtin", "4006381333932", "GTIN 4006381333932: the check digit should be 1."),
    ("gtin", "40063813339", "GTIN 40063813339: it needs 8, 12, 13 or 14 digits."),
    ("gtin", "4.00638E+12", "GTIN 4.00638E+12: it needs 8, 12, 13 or 14 digits."),
    ("gtin", "400638133393112345", "GTIN: 18 characters are too many."),
    ("image_url", "x" * 1001, "Image address: 1001 characters are too many."),
    ("category", "Kitchen > > Cups", "A name on this path is empty."),
    ("category", " > Cups", "A name on this path is empty."),
    ("category", ">", "A name on this path is empty."),
    ("category", DEEP, f"Category “{DEEP}” is not there and cannot be created: "),
    ("category", f"Kitchen > {'x' * 301}", f"Category: “{'x' * 80}” is no name. Name: 301 characters are too many."),
    ("category", "a > \x00", "Category: “\ufffd” is no name."),
    ("brand", "x" * 301, f"Brand: “{'x' * 80}” is no name."),
    ("brand", "a\x00b", "Brand: “a\ufffdb” is no name."),
    ("responsible", "nobody@example.org", "Responsible person: there is no “nobody@example.org”, or you may not"),
    ("responsible", "Ann", "Responsible person: there is no “Ann”"),
    ("tags", f"fine,{'x' * 301}", "Tags: “xxx"),
    ("attributes.size", "x" * 1001, "Attributes: 1001 characters are too many."),
    ("attributes", "{", "Write a JSON object, or one “name = value” a line."),
    ("attributes", "no equals sign", "Write a JSON object, or one “name = value” a line."),
    ("attributes", "[1]", "Write a JSON object, or one “name = value” a line."),
    ("attributes", '{"a": [1]}', "Attributes: a value must be a text, a number, or true or false."),
    ("attributes", '{"a.b": 1}', "Attributes: the name “a.b” cannot be used."),
    ("attributes", json.dumps({str(number): 1 for number in range(101)}), "Attributes: give at most 100 names"),
    ("name.fr", "x" * 301, "Name: 301 characters are too many."),
]  # fmt: skip


def table(prefix: str, cases: list[tuple[str, str, Any]]) -> str:
    """Return a file with one row for each case, which fills its column and what a product needs."""
    columns = list(dict.fromkeys(["sku", "name", *(column for column, _cell, _expected in cases)]))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    for number, (column, cell, _expected) in enumerate(cases):
        writer.writerow({"sku": f"{prefix}-{number}", "name": f"Case {number}", column: cell})
    return stream.getvalue()


def stored(record: Product, column: str) -> Any:
    """Return what the product holds where `column` leads."""
    name = column.partition(".")[0]
    if column.partition(".")[2] and name != "attributes":
        return getattr(record, f"{name}_i18n")
    if name in ("category", "brand", "responsible", "tags"):
        value = getattr(record, name)
        return None if value is None else named(value)
    return getattr(record, name)


def test_good_cells_are_stored_as_they_mean(shared_files: Files) -> None:
    content = table("good", GOOD)
    report = shared_files.load(content)
    assert errors(report) == []
    assert fates(report) == (len(GOOD), 0, 0, 0)
    for number, (column, cell, expected) in enumerate(GOOD):
        found = stored(product(f"good-{number}"), column)
        assert found == expected and type(found) is type(expected), (column, cell)
    again = shared_files.load(content)
    assert (fates(again), again.change_set_id) == ((0, 0, len(GOOD), 0), None)


def test_bad_cells_are_refused_in_words(shared_files: Files) -> None:
    shared_files.load("sku,name,slug\nbad-taken,Taken,taken\n")
    report = shared_files.load(table("bad", BAD))
    assert fates(report) == (0, 0, 0, len(BAD))
    for (column, cell, said), row in zip(BAD, errors(report), strict=True):
        # The column, or the whole where the file had one entry of it.
        assert row["column"] == column, (column, cell, row)
        value = cell.replace("\x00", "\ufffd")[:200]
        assert row["value"].removeprefix("'") == (value if value.strip() else row["value"]), (column, cell)
        assert row["reason"].startswith(said), (column, cell, row["reason"])


def test_every_field_that_files_hold_has_its_cases() -> None:
    wanted = {field.entry_prefix or field.file_name for field in fields_of(Product).values() if not field.system}
    for cases in (GOOD, BAD):
        tried = {column.partition(".")[0] for column, _cell, _expected in cases} | {"sku"}
        assert wanted <= tried


#: One object of JSON each, and what is stored; JSON's values say themselves what they are.
TYPED: list[tuple[dict[str, Any], str, Any]] = [
    ({"price": 12.5}, "price", Decimal("12.5")),
    ({"price": 12}, "price", Decimal(12)),
    ({"price": "12.50"}, "price", Decimal("12.5")),
    ({"price": None}, "price", None),
    ({"tags": ["red", "salt, pepper"]}, "tags", ["red", "salt, pepper"]),
    ({"tags": "red, blue"}, "tags", ["blue", "red"]),
    ({"tags": []}, "tags", []),
    ({"name": 12}, "name", "12"),
    ({"category": "Kitchen > Cups"}, "category", "Kitchen > Cups"),
    ({"attributes": {"a": "12", "b": 12, "c": 1.5, "d": None}}, "attributes", {"a": "12", "b": 12, "c": 1.5}),
    ({"attributes": {"a": True, "b": "true"}}, "attributes", {"a": True, "b": "true"}),
    ({"attributes.a": "12"}, "attributes", {"a": "12"}),
    ({"attributes.a": "true"}, "attributes", {"a": "true"}),
    ({"attributes": {}}, "attributes", None),
    ({"name": {"fr": "Tasse", "de": "Tasse"}}, "name.fr", {"fr": "Tasse", "de": "Tasse"}),
    ({"name.fr": "Tasse"}, "name.fr", {"fr": "Tasse"}),
]  # fmt: skip


def test_values_of_json_keep_their_type(shared_files: Files) -> None:
    rows = []
    for number, (given, _column, _expected) in enumerate(TYPED):
        name = {} if "name" in given and not isinstance(given["name"], dict) else {"name": f"Typed {number}"}
        rows.append({"sku": f"typed-{number}"} | name | given)
    # An object of languages says nothing of the name itself, which a new product needs.
    shared_files.load("sku,name\n" + "".join(f"typed-{number},Before\n" for number in range(len(TYPED))))
    content = "".join(f"{json.dumps(row)}\n" for row in rows)
    report = shared_files.load(content, "typed.jsonl")
    assert (report.failed, report.created) == (0, 0), errors(report)
    for number, (given, column, expected) in enumerate(TYPED):
        found = stored(product(f"typed-{number}"), column)
        assert found == expected and type(found) is type(expected), given
    again = shared_files.load(content, "typed.jsonl")
    assert fates(again) == (0, 0, len(TYPED), 0)


BAD_TYPES: list[tuple[str, str]] = [
    ('"price": [1]', "This column takes one value"),
    ('"price": {"a": 1}', "This column takes one value, not an object."),
    ('"price": true', "Price: “true” is not an amount."),
    ('"price": 1e400', "Price: “1E+400” is not an amount."),
    ('"price": 1e999999999', "Price: “1E+999999999” is not an amount."),
    ('"tags": {"a": 1}', "This column takes one value"),
    ('"tags": [["a"]]', "This column takes names"),
    ('"tags": ["a\\u0000"]', "Tags: “"),
    ('"category": ["Kitchen", "Cups"]', "This column takes one value"),
    ('"attributes": [1]', "Write a JSON object"),
    ('"attributes": {"a": 1e400}', "Attributes: a value must be"),
    ('"attributes": {"a": 1e999999999}', "Attributes: a value must be"),
    ('"attributes": {"a": 9007199254740993}', "Attributes: a value must be"),
    ('"attributes": {"\\ud800": 1}', "Attributes: the name “"),
    ('"attributes": {"a": "\\ud800"}', "Attributes: the text holds a character"),
    ('"brand": "\\ud800"', "Brand: “"),
    ('"name.fr": "\\ud800"', "Name: the text holds a character"),
    ('"gtin": "\\ud800"', "GTIN: the text holds a character"),
    ('"responsible": "\\u0000@x"', "Responsible person: “"),
]


def test_values_of_json_of_the_wrong_type_are_refused(shared_files: Files) -> None:
    rows = "".join(
        f'{{"sku": "type-{number}", "name": "x", {given}}}\n' for number, (given, _said) in enumerate(BAD_TYPES)
    )
    report = shared_files.load(rows, "types.jsonl")
    assert fates(report) == (0, 0, 0, len(BAD_TYPES))
    for (given, said), row in zip(BAD_TYPES, errors(report), strict=True):
        assert row["reason"].startswith(said), (given, row["reason"])


def test_an_empty_cell_says_nothing_unless_it_is_to_clear(shared_files: Files) -> None:
    full = "sku,name,price,cost,gtin,brand,category,tags,description,attributes.a,attributes.b,name.fr,status\n"
    shared_files.load(f"{full}clear,Mug,5,2,96385074,Clay,Kitchen,red,Text,1,2,Tasse,published\n")
    empty = f"{full}clear,,,,,,,,,,2,,\n"
    assert fates(shared_files.load(empty)) == (0, 0, 1, 0)
    report = shared_files.load(empty, clear_empty=True)
    assert fates(report) == (0, 1, 0, 0), errors(report)
    record = product("clear")
    assert (record.price, record.cost, record.gtin, record.brand, record.category, record.tags) == (None,) * 5 + ([],)
    assert (record.description, record.attributes, record.name_i18n) == (None, {"b": 2}, None)
    assert (record.name, record.status) == ("Mug", "published"), "what cannot be empty stays"
    assert fates(shared_files.load(empty, clear_empty=True)) == (0, 0, 1, 0)
    db.session.rollback()


def test_numbers_of_a_tree(shared_files: Files) -> None:
    content = (
        "path,position\nTree > One,1\nTree > Two,-2\nTree > Three,three\nTree > Four,1.5\nTree > Five,999999999999\n"
    )
    report = shared_files.load(content, model=Category)
    assert fates(report) == (2, 0, 0, 3)
    assert [row["reason"].split(" ")[0] for row in errors(report)] == ["Position:"] * 3
