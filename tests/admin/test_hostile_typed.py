"""What people type into forms, cells, files and commands: prices in five languages, names that break or deceive."""

from __future__ import annotations

import csv
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from backoffice import writes
from backoffice.extensions import db
from backoffice.models.category import MAX_DEPTH, Category
from backoffice.models.product import Product
from backoffice.operations import records
from backoffice.policy import Actor

from .conftest import Browser, World, digest, form_of, product
from .test_hostile import speak

# Prices.

ASKS, REFUSED = "can be read in two ways", "is not an amount"

#: What is typed -> what it means in each language: an amount, or what is said.
PRICES: dict[str, dict[str, str]] = {
    "1,299.00": {"en": "1299", "ar": "1299", "de": REFUSED, "es": REFUSED, "fr": REFUSED},
    "1.299,00": {"en": REFUSED, "ar": REFUSED, "de": "1299", "es": "1299", "fr": REFUSED},
    "1 299,00": {"en": REFUSED, "ar": REFUSED, "de": "1299", "es": "1299", "fr": "1299"},
    "1\u202f299,00": {"en": REFUSED, "ar": REFUSED, "de": "1299", "es": "1299", "fr": "1299"},
    "1\u00a0299": dict.fromkeys(("en", "ar", "de", "es", "fr"), "1299"),
    "1,299": {"en": "1299", "ar": "1299", "de": ASKS, "es": ASKS, "fr": ASKS},
    "1.299": {"en": ASKS, "ar": ASKS, "de": "1299", "es": "1299", "fr": REFUSED},
    "١٬٢٩٩٫٠٠": dict.fromkeys(("en", "ar", "de", "es", "fr"), "1299"),
    "١٢٩٩": dict.fromkeys(("en", "ar", "de", "es", "fr"), "1299"),
    "１２９９": dict.fromkeys(("en", "ar", "de", "es", "fr"), "1299"),
    "-5": dict.fromkeys(("en", "ar", "de", "es", "fr"), "cannot be negative"),
    "\u22125": dict.fromkeys(("en", "ar", "de", "es", "fr"), "cannot be negative"),
    "NaN": dict.fromkeys(("en", "ar", "de", "es", "fr"), REFUSED),
    "1e400": dict.fromkeys(("en", "ar", "de", "es", "fr"), REFUSED),
    "9" * 40: dict.fromkeys(("en", "ar", "de", "es", "fr"), "the amount is too large"),
    "9" * 10_000: dict.fromkeys(("en", "ar", "de", "es", "fr"), REFUSED),
    "12 €": dict.fromkeys(("en", "ar", "de", "es", "fr"), REFUSED),
    "<script>alert(1)</script>": dict.fromkeys(("en", "ar", "de", "es", "fr"), REFUSED),
}


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "ar"])
def test_a_price_is_read_as_its_reader_writes_it_or_refused_in_words(
    admin: Browser, world: World, house: Actor, language: str
) -> None:
    speak(house, world, language)
    edit, cell = f"/admin/product/edit/?id={world.mug}", "/admin/product/ajax/update/"
    for typed, expected in ((typed, meanings[language]) for typed, meanings in PRICES.items()):
        for address, data in ((edit, {}), (cell, {"id": world.mug})):
            # Without a price and a cost before, no new price looks doubtful.
            none = {"price": None, "cost": None}
            writes.run(house, "Price", lambda unit, new=none: records.update(unit, unit.get(Product, world.mug), new))
            version = product(world.mug).version
            response = admin.post(address, data | {"version": version, "price": typed})
            stored = product(world.mug).price
            if expected[0].isdigit():
                assert (response.status_code, stored) == (303, Decimal(expected)), (typed, address)
                continue
            assert stored is None
            page = response if address == edit else admin.get(response.location)
            assert response.status_code == (400 if address == edit else 303)
            assert expected in page.text and "<script>alert" not in page.text, (typed, address)
            assert address == cell or form_of(page.text)["price"] == typed


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "ar"])
def test_a_price_that_a_form_shows_is_one_that_it_reads(
    admin: Browser, world: World, house: Actor, language: str
) -> None:
    speak(house, world, language)
    for amount in ("0.1", "1299", "1234567.89", "0.05"):
        writes.run(
            house,
            "Price",
            lambda unit, a=amount: records.update(unit, unit.get(Product, world.mug), {"price": Decimal(a)}),
        )
        before = product(world.mug).version
        assert admin.submit(f"/admin/product/edit/?id={world.mug}").status_code == 303
        assert (product(world.mug).price, product(world.mug).version) == (Decimal(amount), before)


FILE_PRICES = {
    "1299.00": None,
    "١٢٩٩": None,
    "1,299.00": REFUSED,
    "1.299,00": REFUSED,
    "1 299.00": REFUSED,
    "1,299": REFUSED,
    "-5": "cannot be negative",
    "NaN": REFUSED,
    "1e400": REFUSED,
    "9" * 40: "too large",
    "9" * 10_000: REFUSED,
    "=1+1": REFUSED,
}


def test_a_price_in_a_file_is_plain_or_its_row_is_reported(app: Flask, world: World, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [["sku", "name", "price"], *([f"F-{n}", "File", p] for n, p in enumerate(FILE_PRICES))]
        )
    result = app.test_cli_runner().invoke(args=["catalog", "import", str(path)])
    assert result.exit_code == 1 and "created: 2\n" in result.output and "failed: 10\n" in result.output
    errors = Path(result.output.partition("errors: ")[2].strip())
    rows = list(csv.DictReader(errors.read_text(encoding="utf-8").splitlines()))
    for row, (typed, said) in zip(rows, [item for item in FILE_PRICES.items() if item[1]], strict=True):
        assert said in row["reason"] and row["value"].lstrip("'") == typed[:200]


def test_a_price_in_a_command_is_plain_or_refused(app: Flask, world: World, tmp_path: Path) -> None:
    run = app.test_cli_runner()
    for typed in ("1,299.00", "1.299,00", "-5", "NaN", "1e400", "9" * 40, "abc", "\udcff"):
        target = tmp_path / "out.csv"
        args = ["catalog", "export", "--filter", f"price_min={typed}", "--output", str(target)]
        result = run.invoke(args=args)
        assert result.exit_code == 1 and result.output.startswith("Error: "), typed
        assert not target.exists()


# Names.

OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

#: Texts that are stored, the second one as it is stored.
STORED = {
    "right-to-left mark": ("\u200fكوب C++\u200f", None),
    "override": ("photo\u202egpj.exe", "photogpj.exe"),
    "isolates": ("\u2067a\u2069 \u202ab\u202c", "a b"),
    "emoji": ("👩‍🚀 👨‍👩‍👧‍👦 ❤️", None),
    "combining": ("Z" + "\u0301" * 40, "Ź" + "\u0301" * 39),
    "decomposed": ("Cafe\u0301", "Café"),
    "controls": ("a\x07b\x1b\x9bc", "abc"),
    "beyond the basic plane": ("𞤀𞤁 𝕏 𠮷", None),
    "script": ("<script>alert(1)</script>", None),
    "attribute": ("\"><img src=x onerror=alert(1)> '", None),
    "SQL": ("'; DROP TABLE product; --", None),
    "template": ("{{7*7}} %(name)s %s {0}", None),
    "formula": ("=cmd|' /C calc'!A0", None),
    "byte order": ("\ufeffmug\ufeff", "mug"),
    "wide": ("ﷺ" * 60, None),
}

#: Texts that are refused, and what is said of each field.
UNSTORABLE = {
    "10,000": ("x" * 10_000, "10000 characters are too many. Shorten it to"),
    "10,000 of four bytes": ("𠮷" * 10_000, "10000 characters are too many. Shorten it to"),
    "NUL": ("a\x00b", "the text holds a character that cannot be stored. Remove it."),
}
BLANK = {"spaces": "  \t ", "no width": "\u200b\u200c\u200d\u2060", "fillers": "\u3164\u2800", "marks": "\u0301\u0301",
         "override alone": "\u202e\u202c"}  # fmt: skip

#: The fields of each resource that take any text, those that need one first.
FREE = {
    "product": (("name", "sku"), ("slug", "image_url", "description", "attributes")),
    "category": (("name",), ("slug", "name_i18n.fr")),
    "brand": (("name",), ("slug", "website")),
    "tag": (("name",), ("slug",)),
    "role": (("key", "name"), ("description",)),
    "user": ((), ("name",)),
}
number = count()


def filled(resource: str, text: str) -> dict[str, str]:
    """Return a form of `resource` with `text` in each of its free fields."""
    needed, others = FREE[resource]
    form = {"email": f"typed{next(number)}@example.org"} if resource == "user" else {}
    entries = {"attributes": f"colour = {text}", "name_i18n.fr": text}
    return form | {name: entries.get(name, text) for name in (*needed, *others)}


@pytest.mark.parametrize("resource", FREE)
def test_any_name_is_stored_as_it_shows_and_shown_as_it_is(
    admin: Browser, world: World, resource: str, subtests: pytest.Subtests
) -> None:
    model: Any = records.resources()[resource]
    for label, (text, stored) in STORED.items():
        with subtests.test(label):
            wanted = text if stored is None else stored
            response = admin.post(f"/admin/{resource}/new/", filled(resource, text))
            assert response.status_code == 303
            key = int(response.location.rpartition("=")[2])
            db.session.rollback()
            record = db.session.get_one(model, key)
            assert record.name == wanted
            if "sku" in FREE[resource][0]:
                assert record.sku == wanted.replace("\u200f", "").replace("\u200d", "").replace("\ufe0f", "")
            if resource == "product":
                assert record.attributes == {"colour": wanted}
            for page in ("", f"details/?id={key}", f"edit/?id={key}"):
                shown = admin.get(f"/admin/{resource}/{page}").text
                assert not set(shown) & set(OVERRIDES), page
                assert "<script>alert" not in shown and "<img src=x" not in shown, page
            # What the form shows it saves again without a difference.
            before = record.version
            assert admin.submit(f"/admin/{resource}/edit/?id={key}").status_code == 303
            db.session.rollback()
            assert db.session.get_one(model, key).version == before
    assert not set(admin.get("/admin/history/").text) & set(OVERRIDES)


@pytest.mark.parametrize("resource", FREE)
def test_a_name_that_cannot_be_stored_is_refused_at_its_field_and_kept(
    admin: Browser, world: World, resource: str
) -> None:
    before = digest()
    for text, said in UNSTORABLE.values():
        typed = filled(resource, text)
        if len(text) == 10_000:
            # What has room for it.
            typed.pop("description", None)
        response = admin.post(f"/admin/{resource}/new/", typed)
        assert response.status_code == 400
        for name in typed.keys() - {"email"}:
            assert said in response.text.partition(f'id="f-{name}-error"')[2].partition("</div>")[0], name
        if "\x00" not in text:
            assert typed.items() <= form_of(response.text).items()
    for text in BLANK.values():
        needed = FREE[resource][0]
        response = admin.post(f"/admin/{resource}/new/", filled(resource, text))
        for name in needed:
            assert "fill this in" in response.text.partition(f'id="f-{name}-error"')[2].partition("</div>")[0], name
        assert response.status_code == (400 if needed else 303)
    if FREE[resource][0]:
        assert digest() == before


def test_two_names_that_look_the_same_are_the_same(admin: Browser, world: World, house: Actor) -> None:
    for text in ("M-1\u200b", "\u202eM-1\u202c", "M\u00ad-1", " M-1 "):
        response = admin.post("/admin/product/new/", {"name": "Twin", "sku": text})
        assert response.status_code == 400 and "“M-1” belongs to “Blue mug”" in response.text
    response = admin.post("/admin/category/new/", {"name": "Pho\u200bnes"})
    assert response.status_code == 400 and "stands here already" in response.text


def test_broken_bytes_in_a_form_are_no_fault(admin: Browser, world: World) -> None:
    address = f"/admin/product/edit/?id={world.mug}"
    for raw in (b"%ff%fe", b"%ed%a0%80", b"%c0%80", b"\xff\xfe", b"%", b"%zz", b"%u0041"):
        version = product(world.mug).version
        body = urlencode({"csrf_token": admin.token, "version": version}).encode() + b"&name=name" + raw
        response = admin.raw_post(address, body, content_type="application/x-www-form-urlencoded")  # type: ignore[arg-type]
        assert response.status_code in (303, 400)
        assert admin.get(address).status_code == 200


# The tree.


def test_a_category_that_cannot_move_there_says_why(admin: Browser, world: World, house: Actor) -> None:
    phones = f"/admin/category/edit/?id={world.phones}"

    def dig(unit: writes.Unit) -> int:
        key: int | None = None
        for level in range(MAX_DEPTH):
            key = records.create(unit, Category, {"name": f"Level {level}", "parent_id": key}).id
            unit.settle()
        return int(key or 0)

    deepest = writes.run(house, "Dig", dig)[0]
    gone = writes.run(house, "Gone", lambda unit: records.create(unit, Category, {"name": "Gone"}).id)[0]
    writes.run(house, "Trash", lambda unit: records.trash(unit, unit.get(Category, gone)))
    before = digest()
    for parent, said in (
        (world.phones, "“Renamed” lies within this category. Choose one outside of it."),
        (world.cases, "“Cases” lies within this category. Choose one outside of it."),
        (gone, "what you chose is not there any more"),
        (deepest, f"the tree is at most {MAX_DEPTH} levels deep. Choose a higher one."),
        (999_999, "what you chose is not there any more"),
        ("abc", "choose one from the list or clear the field"),
        ("-1", "choose one from the list or clear the field"),
        ("9" * 30, "choose one from the list or clear the field"),
    ):
        response = admin.submit(phones, name="Renamed", parent_id=str(parent))
        assert response.status_code == 400, parent
        assert said in response.text.partition('id="f-parent_id-error"')[2].partition("</div>")[0], parent
        assert form_of(response.text)["name"] == "Renamed"
    response = admin.post("/admin/category/new/", {"name": "Too deep", "parent_id": str(deepest)})
    assert response.status_code == 400 and "levels deep" in response.text
    assert digest() == before
    response = admin.post("/admin/category/delete/", {"id": world.phones}, follow_redirects=True)
    assert "holds other categories, such as “Cases”" in response.text
    assert digest() == before
