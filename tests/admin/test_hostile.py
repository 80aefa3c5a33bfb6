"""Addresses that nobody's browser makes: every parameter of every page with values that break what trusts them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from backoffice import writes
from backoffice.models.base import Resource, fields_of, resources
from backoffice.models.product import Product
from backoffice.models.user import User
from backoffice.policy import Actor

from .conftest import Browser, World, digest

#: Values as an address holds them.
VALUES = {
    "negative": "-1",
    "nought": "0",
    "twenty nines": "99999999999999999999",
    "one more than 64 bits hold": "9223372036854775808",
    "one more than 32 bits hold": "2147483648",
    "letters": "abc",
    "NUL": "%00",
    "NUL within": "a%00b",
    "10 kB": "x" * 10_000,
    "4300 digits": "9" * 4301,
    "SQL": "%27%20OR%201%3D1%3B%20DROP%20TABLE%20product%3B--",
    "script": "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "attribute": "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "broken UTF-8": "%ff%fe",
    "lone surrogate": "%ed%a0%80",
    "overlong": "%c0%80",
    "right-to-left": "%e2%80%8f%d9%83%d9%88%d8%a8",
    "override": "%e2%80%aegpj.exe",
    "emoji": "%f0%9f%91%a9%e2%80%8d%f0%9f%9a%80",
    "line ends": "%0d%0aSet-Cookie:%20planted=1",
    "line separator": "a%e2%80%a8b",
    "template": "%7B%7B7*7%7D%7D%25s%25(name)s",
    "path": "..%2f..%2fetc%2fpasswd",
    "other site": "%2F%2Fevil.example%2F",
    "javascript": "javascript:alert(1)",
    "not a number": "NaN",
    "exponent": "1e400",
    "other digits": "%d9%a1%ef%bc%91",
    "cursor of nothing": "W10",
    "cursor of numbers": "WyJwcm9kdWN0IiwiaWQiLDksOV0",
    "year 9999": "9999-12-31T23:59:59-14:00",
    "wildcard": "%25_%5c",
    "white": "%20%09%e2%80%8b",
}

#: Those that reach the database, and those that reach the page.
WORST = [
    VALUES[name] for name in ("negative", "one more than 64 bits hold", "NUL", "lone surrogate", "10 kB", "attribute")
]
SHORT = [value for value in VALUES.values() if len(value) < 1000]

OWN = ("q", "sort", "size", "after", "before", "last", "trash", "url", "id", "page", "nothing", "name[]", "__class__")
PARTS = ("", "_min", "_max", ".text", ".was", ".label", "_min.text")


def parameters(model: type[Resource]) -> list[str]:
    """Return what an address of the list of `model` may hold, and what it may not."""
    return [*OWN, *("".join(pair) for pair in itertools.product(fields_of(model), PARTS))]


def opened(browser: Browser, path: str, query: str) -> str:
    """Open an address, follow it to its page, and return the page, which must be one."""
    response = browser.get(path, query_string=query)
    while response.status_code == 302:
        assert response.location.startswith("/"), response.location
        assert "Set-Cookie: planted" not in str(response.headers)
        response = browser.get(response.location)
    assert response.status_code in (200, 400, 404), (path, query[:80], response.status_code)
    assert "<script>alert" not in response.text and "<img src=x" not in response.text, (path, query[:80])
    return response.text


def asked(names: Iterable[str], value: str) -> str:
    return "&".join(f"{name}={value}" for name in names)


def test_no_value_of_any_parameter_breaks_a_list(admin: Browser, world: World) -> None:
    before = digest()
    for name, model in resources().items():
        for value in VALUES.values() if name == "product" else WORST:
            opened(admin, f"/admin/{name}/", asked(parameters(model), value))
    assert digest() == before


def test_no_parameter_of_products_breaks_with_all_values_at_once(admin: Browser, world: World) -> None:
    groups = [[name] for name in OWN] + [[f"{name}{part}" for name in fields_of(Product)] for part in PARTS]
    for names in groups:
        opened(admin, "/admin/product/", "&".join(asked(names, value) for value in SHORT))


OTHER_PAGES = (
    ("/admin/history/", ("resource", "person", "source", "before", "after", "id", "q", "nothing")),
    ("/admin/history/details/", ("id", "before", "url")),
    ("/admin/product/ajax/lookup/", ("name", "query", "limit")),
    ("/admin/product/new/", ("url", "id", "name", "version")),
    ("/login", ("next", "email")),
    ("/profile", ("next", "locale")),
)


def test_no_parameter_of_other_pages_breaks_them(admin: Browser, world: World) -> None:
    for path, names in OTHER_PAGES:
        for value in VALUES.values():
            opened(admin, path, asked(names, value))
        for name in names:
            opened(admin, path, asked([name], f"&{name}=".join(SHORT)))


def test_no_parameter_of_a_record_breaks_its_pages(admin: Browser, world: World) -> None:
    for value in VALUES.values():
        for path in ("product/details", "product/edit"):
            assert "Nothing is here" in opened(admin, f"/admin/{path}/", f"id={value}")
        assert "Blue mug" in opened(admin, "/admin/product/details/", f"id={world.mug}&before={value}&url={value}")
        lookup = opened(admin, "/admin/product/ajax/lookup/", f"name=category_id&query={value}&limit={value}")
        assert lookup.startswith("[")
    for value in WORST:
        for path in ("user/details", "role/edit", "category/edit", "brand/details", "tag/edit", "house/details"):
            assert "Nothing is here" in opened(admin, f"/admin/{path}/", f"id={value}")


def test_thousands_of_parameters_are_borne(admin: Browser, world: World) -> None:
    text = opened(admin, "/admin/product/", "&".join(f"p{number}=x" for number in range(5000)))
    assert "There is no filter “p0” here" in text and "Blue mug" in text
    assert text.count('class="notice notice-warning" role="status"') == 10
    text = opened(admin, "/admin/product/", "&".join(f"brand_id={number}" for number in range(1, 5000)))
    assert "only the first 50 values are used" in text


def test_rows_do_not_repeat_what_means_nothing(admin: Browser, world: World) -> None:
    usual = opened(admin, "/admin/product/", "size=2&sort=name")
    long = opened(admin, "/admin/product/", "size=2&sort=name&nothing=" + "y" * 10_000)
    assert "y" * 100 not in long
    assert re.search(r'name="url" value="/admin/product/\?[^"]*"', usual)[0] in long  # type: ignore[index]


SAID = (
    ("size=-1", "“-1” is not a number from 1 to 200"),
    ("size=99999999999999999999", "A page shows at most 200 rows."),
    ("sort=price;drop", "The list cannot be sorted by “price;drop”. Choose another column."),
    ("trash=abc", "“abc” is neither yes nor no"),
    ("after=abc", "That page is not one of this list"),
    ("last=abc", "“abc” is no page; this is the first page."),
    ("nothing=1", "There is no filter “nothing” here"),
    ("price_min=abc", "“abc” is not an amount. Write it like 1234.50. Until then this filter is left out."),
    ("price_max=1e400", "is not an amount"),
    ("price_min.text=1.299", "can be read in two ways. Write 1299 or 1.2990. Until then this filter is left out."),
    ("price_min.text=NaN", "“NaN” is not an amount"),
    ("price_min.text=-5", "Remove the minus sign"),
    ("category_id=99999999999999999999", "is not the key of a record"),
    ("status=sold", "“sold” is not one of the choices"),
    ("brand_id=%00", "cannot be looked for"),
    ("q=" + "x" * 10_000, "The search was cut to its first 200 characters."),
    ("q=a%00b", "Characters that cannot be searched were left out"),
)


def test_what_cannot_be_used_is_said(admin: Browser, world: World, subtests: pytest.Subtests) -> None:
    for query, said in SAID:
        with subtests.test(query[:80]):
            text = opened(admin, "/admin/product/", query)
            assert said in text
            # What is said comes with the list, not instead of it.
            assert "Blue mug" in text or query.startswith("q=")


FILTERED_PRICES = (
    ("en", "1,299.00", "1299.00"),
    ("de", "1.299,00", "1299.00"),
    ("fr", "1 299,5", "1299.50"),
    ("es", "12,5", "12.50"),
    ("ar", "١٬٢٩٩٫٥٠", "1299.50"),
)


def test_a_price_to_filter_by_is_typed_as_its_reader_writes(
    admin: Browser, world: World, house: Actor, subtests: pytest.Subtests
) -> None:
    for language, typed, plain in FILTERED_PRICES:
        with subtests.test(language):
            speak(house, world, language)
            response = admin.get("/admin/product/", query_string={"price_min.text": typed, "price_max.text": ""})
            assert response.location == f"/admin/product/?price_min={plain}"


def speak(house: Actor, world: World, language: str) -> None:
    """Let the administrator read another language."""
    with writes.unit(house, "Language") as unit:
        unit.get(User, world.users["administrator"]).locale = language


def test_history_says_what_it_cannot_use(admin: Browser, world: World) -> None:
    for name, value in itertools.product(
        ("resource", "person", "source"), ("abc", "-1", "%00", "99999999999999999999")
    ):
        text = opened(admin, "/admin/history/", f"{name}={value}")
        assert "is not a filter that history knows; it was left out." in text and "data-change-set" in text


def test_nobody_sees_more_by_a_hostile_address(sign_in: Callable[..., Browser], world: World) -> None:
    limited = sign_in("phones-only")
    for value, name in itertools.product(("none", "any", "0", "-1", "%25"), ("cost", "cost_min", "category_id", "q")):
        text = opened(limited, "/admin/product/", f"{name}={value}")
        assert "Blue mug" not in text and str(Decimal("12.90")) not in text
