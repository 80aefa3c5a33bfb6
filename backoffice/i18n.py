"""Names for gettext, the languages of the interface, and numbers as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from unicodedata import decimal as decimal_digit

from babel import Locale, UnknownLocaleError
from babel.numbers import (
    format_currency,
    format_percent,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
)
from flask_babel import LazyString, force_locale, get_locale, gettext, lazy_gettext, ngettext

_: Callable[..., str] = gettext
_l: Callable[..., Any] = lazy_gettext
_n: Callable[..., str] = ngettext


@dataclass(frozen=True)
class Phrase:
    """A sentence that is kept and that each of its readers reads in their own language.

    `text` is as the code has it, with named places; a part may be a name, which nobody translates, a label or a phrase.
    """

    text: str
    parts: Mapping[str, Any] = field(default_factory=dict)

    def of(self, **parts: Any) -> Phrase:
        """Return the sentence with `parts` in its places."""
        return Phrase(self.text, dict(self.parts) | parts)

    def __str__(self) -> str:
        told: str = gettext(self.text) % {name: str(part) for name, part in self.parts.items()}
        return told

    @property
    def in_english(self) -> str:
        """Return the sentence in the language of the code."""
        with force_locale("en"):
            return str(self)

    @property
    def names(self) -> frozenset[str]:
        """Return the names of records that the sentence tells: its parts `name`, and those of the phrases within."""
        inner = (part.names for part in self.parts.values() if isinstance(part, Phrase))
        own = {str(part) for key, part in self.parts.items() if key == "name"}
        return frozenset(own).union(*inner)

    def encoded(self) -> dict[str, Any]:
        """Return the sentence as a document; `decoded` reads it."""
        return {"text": self.text, "parts": {name: _encoded(part) for name, part in self.parts.items()}}

    @classmethod
    def decoded(cls, document: Mapping[str, Any]) -> Phrase:
        """Return the sentence of a document."""
        parts = {
            name: cls.decoded(part) if isinstance(part, dict) else str(part)
            for name, part in document.get("parts", {}).items()
        }
        return cls(str(document["text"]), parts)


def _encoded(part: Any) -> Any:
    if isinstance(part, Phrase):
        return part.encoded()
    if isinstance(part, LazyString):
        with force_locale("en"):
            # A label is a text of the code: English has no catalogue.
            return Phrase(str(part)).encoded()
    return str(part)


def phrase(text: str, **parts: Any) -> Phrase:
    """Return a sentence to keep; this name is how the tools find its text."""
    return Phrase(text, parts)


#: Languages of the interface, each in its own words.
LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch", "es": "Español", "ar": "العربية"}

#: No number that a person types needs more; longer input is refused before it is parsed.
MAX_NUMBER_LENGTH = 40

#: What people put between groups of digits besides their locale's sign, signs of other scripts, and what has no width
#: or only tells the direction.
_SIGNS = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f", " ")
    | {"．": ".", "，": ",", "－": "-", "\u2212": "-", "＋": "+"}
    | dict.fromkeys("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff")
)

#: They mean in every locale what their names say.
_ARABIC_DECIMAL, _ARABIC_GROUP = "٫", "٬"


class AmbiguousNumber(ValueError):
    """The text reads as two different numbers; `readings` holds both."""

    def __init__(self, text: str, readings: tuple[str, str]) -> None:
        super().__init__(text)
        self.readings = readings


def parse_decimal(text: str, locale: Locale | str | None = None) -> Decimal:
    """Read a number written in the separators of `locale`; None reads the plain form of files, `1299.00`.

    Digits of every script count, and spaces part groups in every locale. Each group holds exactly three digits. Raises
    ValueError for anything else, NaN and exponents included, and AmbiguousNumber where a lone decimal sign stands
    before three digits and could part groups for somebody else: `1,299` in German, `1.299` in English.
    """
    number = _in_ascii(text).strip()
    if not number or len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(text)
    decimal, group = (".", ",") if locale is None else (get_decimal_symbol(locale), get_group_symbol(locale))
    sign = "-" if number.startswith("-") else ""
    number = number[1:] if number[0] in "+-" else number
    explicit = _ARABIC_DECIMAL in number
    number = number.replace(_ARABIC_DECIMAL, decimal).replace(_ARABIC_GROUP, group.strip() or " ")
    whole, _sep, fraction = number.partition(decimal)
    if locale is not None:
        if _could_be_grouped(whole, fraction) and not explicit:
            raise AmbiguousNumber(text, (f"{whole}{fraction}", f"{whole}{decimal}{fraction}"))
        whole = _without_groups(whole, " " if " " in whole or not group.strip() else group)
    if not _is_digits(whole or "0") or not _is_digits(fraction or "0") or not whole + fraction:
        raise ValueError(text)
    return Decimal(f"{sign}{whole or '0'}.{fraction or '0'}")


def written_decimal(number: Decimal, locale: Locale | str | None) -> str:
    """Return `number` as `parse_decimal` reads it in `locale`, without groups."""
    return f"{number:f}".replace(".", "." if locale is None else get_decimal_symbol(locale))


def as_reader_writes(number: Decimal) -> str:
    """Return `number` as the reader of this message may type it."""
    return written_decimal(number, get_locale())


def _in_ascii(text: str) -> str:
    """Return `text` with the digits and signs of other scripts as those that everybody reads."""
    if text.isascii():
        return text
    return "".join(str(decimal_digit(char, char)) for char in text.translate(_SIGNS))


def _could_be_grouped(whole: str, fraction: str) -> bool:
    """Return whether the sign between both might part groups of digits."""
    return len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and _is_digits(whole + fraction)


def _without_groups(whole: str, group: str) -> str:
    head, *rest = whole.split(group)
    if not rest:
        return whole
    if not 1 <= len(head) <= 3 or head[0] == "0" or any(len(part) != 3 for part in rest):
        raise ValueError(whole)
    return "".join([head, *rest])


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def currency_digits(currency: str) -> int:
    """Return how many decimals ISO 4217 gives to `currency`, such as 2 for EUR and 0 for JPY."""
    return int(get_currency_precision(currency))


def money_text(amount: Decimal, currency: str) -> str:
    """Return `amount` with its currency as the reader writes it."""
    return str(format_currency(amount, currency, locale=get_locale() or "en"))


def percent_text(share: Decimal) -> str:
    """Return `share`, such as 0.5, as a signed percentage as the reader writes it."""
    shown = str(format_percent(share, locale=get_locale() or "en"))
    return shown if share < 0 else f"+{shown}"


#: Language, script and region as BCP 47 writes them. Babel reads much more, and not what is meant by it.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)


def is_language(code: str) -> bool:
    """Return whether `code` names a language that is known, such as `fr`, `pt-BR` or `zh-Hant`."""
    if not _LANGUAGE.fullmatch(code):
        return False
    try:
        Locale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError):
        return False
    return True


def language_name(code: str) -> str:
    """Return what the reader calls the language `code` within a sentence, the code itself where nobody knows it."""
    try:
        found = Locale.parse(code, sep="-").get_display_name(get_locale() or "en")
    except (ValueError, UnknownLocaleError):
        found = None
    return str(found or code)


def person_text(key: int | None, label: str) -> str:
    """Return what somebody is called; what is no person, and so has no key, in the reader's language."""
    return label if key is not None else str(gettext(label))


def language_label(code: str) -> str:
    """Return what the reader calls the language `code`, as it stands alone."""
    return capitalised(language_name(code))


def capitalised(text: str) -> str:
    """Return `text` with its first letter as at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def within_sentence(label: str) -> str:
    """Return a label as it stands within a sentence; nouns of German and abbreviations keep their capitals."""
    german = str(get_locale() or "en").startswith("de")
    return label if german or label[1:2].isupper() else label[:1].lower() + label[1:]


def separators() -> tuple[str, str]:
    """Return the decimal and the group separator of the reader."""
    locale = get_locale() or "en"
    return get_decimal_symbol(locale), get_group_symbol(locale)
