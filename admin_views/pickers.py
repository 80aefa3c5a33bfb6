"""Fields for codes that people know by name: languages, currencies, time zones."""

from __future__ import annotations

from typing import ClassVar
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_name
from flask_babel import get_locale

from backoffice.i18n import language_label
from backoffice.models.money import CURRENCIES

from .fields import ChoiceField, HouseField, ListField

#: Languages that are offered by name; any other can be written as its code.
OFFERED = (
    "ar bg bn ca cs da de el en es et eu fa fi fr ga gl he hi hr hu hy id is it ja ka kk ko lt lv mk ms mt nb nl pl pt "
    "pt-BR ro ru sk sl sq sr sv sw th tr uk ur vi zh zh-Hant"
).split()


class CodesField(ListField):
    """A list of codes, chosen by name where a script runs; lines of codes where none does."""

    template = "codes"
    #: One of them, as an example.
    example: ClassVar[str]

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return the codes that can be chosen, with what the reader calls each."""
        return []

    @property
    def names(self) -> dict[str, str]:
        """Return what the reader calls each code."""
        return dict(self.options)


class LanguagesField(CodesField):
    """Languages."""

    example = "fr"

    @property
    def options(self) -> list[tuple[str, str]]:
        return named_languages(dict.fromkeys([*OFFERED, *(self.value or ())]))


class CurrenciesField(CodesField):
    """Currencies."""

    example = "EUR"

    @property
    def options(self) -> list[tuple[str, str]]:
        return [(code, get_currency_name(code, locale=get_locale())) for code, _label in CURRENCIES]


class SourceLanguageField(ChoiceField):
    """One of the languages that the house writes in."""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return every language that could be one, by name."""
        return named_languages(dict.fromkeys([*OFFERED, *([self.value] if self.value else [])]))


class ZoneField(HouseField):
    """A time zone by its name in the zone files."""

    template = "suggested"

    @property
    def suggestions(self) -> list[str]:
        """Return the zones that are named after a place."""
        return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def named_languages(codes: dict[str, None]) -> list[tuple[str, str]]:
    """Return the languages `codes` with what the reader calls them, in the order of those names."""
    found = [(code, language_label(code)) for code in codes if _is_known(code)]
    return sorted(found, key=lambda item: item[1].casefold())


def _is_known(code: str) -> bool:
    try:
        return Locale.parse(code, sep="-") is not None
    except (ValueError, UnknownLocaleError):
        return False
