"""What people and files may write into each kind of field, and what they are told otherwise."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import assume, given
from hypothesis import strategies as st

from backoffice.app import create_app
from backoffice.errors import Refused
from backoffice.i18n import LANGUAGES, parse_decimal, written_decimal
from backoffice.models.base import fields_of
from backoffice.models.category import Category
from backoffice.models.fields import Field, Kind, scalar, written
from backoffice.models.product import Product
from backoffice.models.text import has_dropped, is_blank, is_storable, tidy
from backoffice.models.types import sort_key
from tests.conftest import settings_for


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Push an application, for the translations of the messages; no database is asked."""
    folder = tmp_path_factory.mktemp("words")
    with create_app(settings_for(f"sqlite:///{folder}/none.db", folder)).app_context():
        yield


PRICES = [
    ("12", None, "12"),
    ("12.9", None, "12.9"),
    ("1299.00", None, "1299.00"),
    ("1,299.00", None, "refused"),
    ("1.299,00", None, "refused"),
    ("1,299.00", "en", "1299.00"),
    ("1,299", "en", "1299"),
    ("1.299", "en", "refused"),
    ("1.299,00", "en", "refused"),
    ("1.299,00", "de", "1299.00"),
    ("1.299", "de", "1299"),
    ("1,299", "de", "refused"),
    ("1,299.00", "de", "refused"),
    ("1 299,00", "fr", "1299.00"),
    ("1\u202f299,5", "fr", "1299.5"),
    ("1 299,00", "de", "1299.00"),
    ("1\u00a0299.00", "en", "1299.00"),
    ("1 2 9", "fr", "refused"),
    ("1,299", "fr", "refused"),
    ("1,299", "es", "refused"),
    ("0,99", "en", "refused"),
    ("0,125", "en", "refused"),
    ("1299,5", "es", "1299.5"),
    ("١٢٩٩٫٥٠", "ar_EG", "1299.50"),
    ("١٬٢٩٩٫٥٠", "de", "1299.50"),
    ("\u200f١٢٩٩\u200f", "ar", "1299"),
    ("１，２９９．００", "en", "1299.00"),
    ("१२", "en", "12"),
    ("12,34,567", "en", "refused"),
    ("-5", "en", "refused"),
    ("\u22125", "en", "refused"),
    ("+5", "en", "5"),
    ("+-5", "en", "refused"),
    ("--5", "en", "refused"),
    ("++5", "en", "refused"),
    ("NaN", "en", "refused"),
    ("Infinity", "en", "refused"),
    ("1e400", "en", "refused"),
    ("1e3", "en", "refused"),
    ("0x10", "en", "refused"),
    ("9" * 40, "en", "refused"),
    ("9" * 41, "en", "refused"),
    ("9" * 10_000, "en", "refused"),
    ("12.34567", "en", "refused"),
    ("9999999999.9999", "en", "9999999999.9999"),
    ("10000000000", "en", "refused"),
    ("½", "en", "refused"),
    ("²", "en", "refused"),
    ("1..2", "en", "refused"),
    (".", "en", "refused"),
    (".5", "en", "0.5"),
    ("5.", "en", "5"),
    ("12 €", "en", "refused"),
    ("'; DROP TABLE product", "en", "refused"),
    ("\x00", "en", "refused"),
    ("\ud800", "en", "refused"),
    ("", "en", None),
    ("   ", "en", None),
]


@pytest.mark.parametrize(("text", "locale", "expected"), PRICES)
def test_prices_are_read_by_locale_or_refused_in_words(words: None, text: str, locale: str, expected: str) -> None:
    price = fields_of(Product)["price"]
    if expected == "refused":
        with pytest.raises(Refused) as caught:
            price.parse(text, locale)
        assert caught.value.field == "price"
        assert str(caught.value).startswith("Price: ")
    else:
        found = price.parse(text, locale)
        assert found == (None if expected is None else Decimal(expected))


POSITIONS = [
    ("0", 0),
    ("-3", -3),
    ("2147483647", 2147483647),
    ("2147483648", None),
    ("-2147483648", None),
    ("1.5", None),
]


@pytest.mark.parametrize(("text", "expected"), POSITIONS)
def test_whole_numbers_fit_every_database(words: None, text: str, expected: int | None) -> None:
    position = fields_of(Category)["position"]
    if expected is None:
        with pytest.raises(Refused, match="Position: "):
            position.parse(text)
    else:
        assert position.parse(text) == Category(position=expected).position == expected


TEXTS = [
    ("  Blue   mug \n", "Blue mug"),
    ("Cafe\u0301", "Café"),
    ("\u202bكوب\u202c", "كوب"),
    ("invoice\u202egpj.exe", "invoicegpj.exe"),
    ("\u2067mug\u2069", "mug"),
    ("C++ \u200fكوب", "C++ \u200fكوب"),
    ("👩‍🚀 mug", "👩‍🚀 mug"),
    ("❤️", "❤️"),
    ("می‌خواهم", "می‌خواهم"),
    ("Z" + "\u0301" * 200, "Ź" + "\u0301" * 199),
    ("bell\x07", "bell"),
    ("es\u009bcape", "escape"),
    ("line\u2028end", "line end"),
    ("\u200b mug\ufeff", "mug"),
    ("\u200b\u200b", "refused"),
    ("\u200d", "refused"),
    ("\u3164", "refused"),
    ("\u2800 \u2800", "refused"),
    ("\u0301\u0301", "refused"),
    ("\u202e\u202c", "refused"),
    ("x" * 300, "x" * 300),
    ("x" * 301, "refused"),
    ("x" * 10_000, "refused"),
    ("nul\x00", "refused"),
    ("lone \ud800", "refused"),
    ("\ufeff", "refused"),
    ("", "refused"),
    (" \t ", "refused"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_names_are_stored_clean_or_refused_in_words(words: None, text: str, expected: str) -> None:
    name = fields_of(Product)["name"]
    if expected == "refused":
        with pytest.raises(Refused) as caught:
            name.parse(text)
        assert caught.value.field == "name"
    else:
        assert name.parse(text) == expected
        assert Product(name=text).name == expected


@given(st.text())
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    assume(is_storable(text))
    once = tidy(text)
    assert tidy(once) == once
    assert not has_dropped(once)
    assert is_blank(once) or not is_blank(text)


CODES = [("A\u200b-1", "A-1"), ("\u202eA-1", "A-1"), ("A\u00ad1", "A1"), ("A\u034f1", "A1"), ("\u200b", "refused")]


@pytest.mark.parametrize(("text", "expected"), CODES)
def test_codes_hold_nothing_invisible(words: None, text: str, expected: str) -> None:
    if expected == "refused":
        with pytest.raises(Refused):
            Product(sku=text)
    else:
        assert Product(sku=text).sku == expected


def test_what_looks_the_same_sorts_and_is_found_as_the_same(words: None) -> None:
    assert sort_key("Son\u200by") == sort_key("Sony") == sort_key("So\u00adny")


LISTS = [
    ("en, fr\nde", ["de", "en", "fr"]),
    ("en,\u202een\u202c", ["en"]),
    ("\u200b, ,", []),
    ("en,nul\x00", "refused"),
    ("en,\ud800", "refused"),
    ("x" * 301, "refused"),
    (",".join(map(str, range(1001))), "refused"),
]


@pytest.mark.parametrize(("text", "expected"), LISTS)
def test_the_texts_of_a_list_are_cleaned_too(words: None, text: str, expected: Any) -> None:
    field = Field(label="Codes", kind=Kind.LIST, name="codes")
    if expected == "refused":
        with pytest.raises(Refused):
            field.parse(text)
    else:
        assert field.parse(text) == expected


HOSTILE_HTML = [
    ("<p>Fine <strong>bold</strong></p>", "<p>Fine <strong>bold</strong></p>"),
    ("<script>alert(1)</script>x", "x"),
    ("<style>*{}</style>x", "x"),
    ('<p onclick="x()">a</p>', "<p>a</p>"),
    ('<a href="javascript:x()">a</a>', '<a rel="noopener nofollow">a</a>'),
    ('<a href="JaVaScRiPt&#58;x()">a</a>', '<a rel="noopener nofollow">a</a>'),
    ('<img src="data:text/html,x">', "<img>"),
    ("<svg><script>x</script></svg>", ""),
    ("<iframe src=//x></iframe>", ""),
    ('<p style="position:fixed">a</p>', "<p>a</p>"),
    ("<b>a</b><i>b</i>", "<strong>a</strong><em>b</em>"),
    ("<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>", None),
    ("<form action=//x><input></form>", ""),
    ("a < b & c", "a &lt; b &amp; c"),
    ("<p>&#x1b;a&#8238;b&#x202e;</p>", "<p>ab</p>"),
    ('<a href="java&#x202e;script:x()">a</a>', '<a rel="noopener nofollow">a</a>'),
    ('<a href="java\u202escript:x()">a</a>', '<a rel="noopener nofollow">a</a>'),
    ('<a href="&#1;javascript:x()">a</a>', '<a rel="noopener nofollow">a</a>'),
    ("<p>a</p> <script>x</script>", "<p>a</p>"),
    ("<p><select><p>", "<p></p><p></p><p></p>"),
]


def test_rich_text_is_as_long_as_it_is_stored(words: None) -> None:
    longest = fields_of(Product)["description"].max_length
    assert len(Product(description="x" * longest).description or "") == longest
    for text in ("x" * (longest + 1), "<" * longest):
        with pytest.raises(Refused, match="characters are too many"):
            Product(description=text)


@pytest.mark.parametrize(("markup", "expected"), HOSTILE_HTML)
def test_rich_text_is_sanitised_when_it_is_set(words: None, markup: str, expected: str | None) -> None:
    stored = Product(description=markup).description or ""
    assert "onerror=" not in stored.replace("&", "") or "<img" not in stored
    assert "script" not in stored.lower()
    if expected is not None:
        assert stored == expected
    assert (Product(description=stored).description or "") == stored, "sanitising is idempotent"


DOCUMENTS = [
    ("colour = blue\nheight=9\nsafe = true", {"colour": "blue", "height": 9, "safe": True}),
    ('size = "9"', {"size": "9"}),
    ("empty =", None),
    ("no sign", "refused"),
    ("a.b = 1", "refused"),
    ("x" * 61 + " = 1", "refused"),
    ("a = " + "x" * 1001, "refused"),
    ("\n".join(f"a{number} = 1" for number in range(101)), "refused"),
    ("a = \x00", "refused"),
    ("\x00 = a", "refused"),
    ("\u200b = a", "refused"),
    ("a = \u200b", None),
    ("\u202ea = \u202eb", {"a": "b"}),
    ("a = 1\na = 2", "refused"),
    ("a = 1\na\u200b = 2", "refused"),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_documents_are_written_one_entry_a_line(words: None, text: str, expected: Any) -> None:
    attributes = fields_of(Product)["attributes"]
    if expected == "refused":
        with pytest.raises(Refused):
            attributes.parse(text)
    else:
        assert attributes.parse(text) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, ["x"], {"a": 1}, b"x"])
def test_documents_hold_plain_scalars_only(words: None, value: Any) -> None:
    with pytest.raises(Refused):
        fields_of(Product)["attributes"].clean({"a": value})


FLOATS = st.floats(-1e15, 1e15, exclude_min=True, exclude_max=True) | st.floats(-1, 1) | st.floats(-9, 9, width=16)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    FLOATS.filter(lambda number: not number.is_integer()),
    st.text(max_size=40),
    st.text('-0123456789.e"', max_size=12),
    st.text('\\nr"\n1', max_size=8),
    st.sampled_from(["1.5", "1.50", "1e-07", "-0", "-0.0", "0.1", "9007199254740991", "9007199254740993", "007", '"']),
)


@given(SCALARS)
def test_a_written_scalar_reads_back_as_itself(value: Any) -> None:
    found = scalar(written(value))
    assert found == value
    assert type(found) is type(value)


TRICKY = ["1.5", '"', '"12"', "two\nlines", "C:\\new", '"C:\\new"', "a\r\nb", "\\", '\\"', "true", "-0"]


@pytest.mark.parametrize("value", TRICKY)
def test_a_written_scalar_stands_on_one_line(value: str) -> None:
    assert scalar(written(value)) == value
    assert len(f"{written(value)}.".splitlines()) == 1


def test_entries_of_documents_have_the_kind_that_they_translate(words: None) -> None:
    product = Product(
        attributes={"a": 2.0, "b": "<b>x</b>"},
        name_i18n={"fr": 12, "de": " Tasse \n blau "},
        description_i18n={"fr": "<p>Tasse</p><script>x</script>", "de": "x" * 5_000},
    )
    assert product.attributes == {"a": 2, "b": "<b>x</b>"} and type(product.attributes["a"]) is int
    assert product.name_i18n == {"fr": "12", "de": "Tasse blau"}
    assert product.description_i18n == {"fr": "<p>Tasse</p>", "de": "x" * 5_000}
    with pytest.raises(Refused, match="301 characters are too many"):
        product.name_i18n = {"fr": "x" * 301}


MOMENTS = [
    ("2026-01-31 14:30", datetime(2026, 1, 31, 14, 30, tzinfo=UTC)),
    ("2026-01-31T14:30:00+02:00", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
    ("0001-01-01T00:00:00+14:00", "refused"),
    ("31.01.2026", "refused"),
    ("9" * 500, "refused"),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
def test_moments_are_read_in_utc(words: None, text: str, expected: Any) -> None:
    field = Field(label="When", kind=Kind.MOMENT, name="when")
    if expected == "refused":
        with pytest.raises(Refused):
            field.parse(text)
    else:
        assert field.parse(text) == expected


@given(st.decimals(0, 10**9, places=2))
def test_a_plain_number_reads_back(number: Decimal) -> None:
    assert parse_decimal(f"{number:f}") == number
    for language in LANGUAGES:
        assert parse_decimal(written_decimal(number, language), language) == number


@pytest.mark.parametrize(
    ("text", "locale", "advice"),
    [
        ("1,299", "de", "Write 1299 or 1,2990."),
        ("1,299", "fr", "Write 1299 or 1,2990."),
        ("1.299", "en", "Write 1299 or 1.2990."),
        ("1,299.00", "de", "Write it like 1234,50."),
        ("NaN", None, "Write it like 1234.50."),
        ("9" * 30, "es", "The highest is 9999999999"),
    ],
)
def test_what_a_refusal_advises_is_taken(words: None, text: str, locale: str, advice: str) -> None:
    price = fields_of(Product)["price"]
    with pytest.raises(Refused, match=re.escape(advice)):
        price.parse(text, locale)
    for number in re.findall(r"[0-9][0-9.,]*[0-9]", advice):
        price.parse(number, locale)


def test_history_encodes_and_decodes_each_kind(app: Flask) -> None:
    values = {"price": Decimal("12.9"), "status": "draft", "updated_at": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)}
    for name, value in values.items():
        field = fields_of(Product)[name]
        assert field.decode(field.encode(value)) == value
