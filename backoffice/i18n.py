"""Names for gettext, the languages of the interface, and numbers as people write them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale
from babel.numbers import get_currency_precision, get_decimal_symbol, get_group_symbol
from flask_babel import gettext, lazy_gettext, ngettext

_: Callable[..., str] = gettext
_l: Callable[..., Any] = lazy_gettext
_n: Callable[..., str] = ngettext

#: Languages of the interface, each in its own words.
LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch", "es": "Español", "ar": "العربية"}

#: No number that a person types needs more; longer input is refused before it is parsed.
MAX_NUMBER_LENGTH = 40

_SPACES = str.maketrans(dict.fromkeys(" \u00a0\u202f\u2009", None))
_ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789.,")


class AmbiguousNumber(ValueError):
    """The text reads as two different numbers; `readings` holds both."""

    def __init__(self, text: str, readings: tuple[str, str]) -> None:
        super().__init__(text)
        self.readings = readings


def parse_decimal(text: str, locale: Locale | str | None = None) -> Decimal:
    """Read a number written in the separators of `locale`; None reads the plain form of files, `1299.00`.

    A group separator must stand before exactly three digits. Raises ValueError for anything else, NaN and exponents
    included, and AmbiguousNumber where a lone separator of the other convention stands before three digits.
    """
    text = text.strip().translate(_ARABIC_DIGITS)
    if not text or len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(text)
    decimal, group = ".", ""
    if locale is not None:
        decimal = get_decimal_symbol(locale).translate(_ARABIC_DIGITS)
        group = get_group_symbol(locale).translate(_ARABIC_DIGITS)
    plain = text.translate(_SPACES) if group and not group.strip() else text
    whole, _sep, fraction = plain.partition(decimal)
    sign = "-" if whole.startswith(("-", "\u2212")) else ""
    whole = whole.lstrip("+-\u2212") if whole[:1] in "+-\u2212" else whole
    other = {",": ".", ".": ","}.get(decimal)
    if locale is not None and group == other and len(fraction) == 3 and group not in whole and whole.isdecimal():
        raise AmbiguousNumber(text, (f"{whole}{fraction}", f"{whole}{decimal}{fraction}"))
    if group and group in whole:
        head, *rest = whole.split(group)
        if not 1 <= len(head) <= 3 or any(len(part) != 3 for part in rest):
            raise ValueError(text)
        whole = "".join([head, *rest])
    if not (whole + fraction).isascii() or not (whole or "0").isdigit() or not (fraction or "0").isdigit():
        raise ValueError(text)
    if not whole and not fraction:
        raise ValueError(text)
    try:
        return Decimal(f"{sign}{whole or '0'}.{fraction or '0'}")
    except InvalidOperation as error:  # pragma: no cover - the checks above leave digits only
        raise ValueError(text) from error


def currency_digits(currency: str) -> int:
    """Return how many decimals ISO 4217 gives to `currency`, such as 2 for EUR and 0 for JPY."""
    return int(get_currency_precision(currency))
