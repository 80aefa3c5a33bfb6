"""The settings of the house that people change while it runs."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, Session

from ..errors import Refused
from ..extensions import Base
from ..i18n import _, _l, is_language
from .base import Declaration, Resource, column
from .fields import Field, Kind
from .money import CURRENCIES
from .types import Document

#: The key of the one row.
HOUSE_ID = 1

ROUNDINGS = (
    ("none", _l("No rounding")),
    ("0.05", _l("To 0.05")),
    ("0.10", _l("To 0.10")),
    ("0.99", _l("To end in .99")),
    ("1.00", _l("To whole units")),
)


class House(Resource, Base):
    """One row: content languages, currencies, zone, rounding, retention.

    Fields hold the source language, `…_i18n` documents hold the other content languages, and whoever reads a language
    that is missing gets the source.
    """

    __tablename__ = "house"
    resource = Declaration(
        name="house",
        label=_l("House settings"),
        plural=_l("House settings"),
        group="people",
        icon="settings",
        key="id",
        search=(),
        verbs=(),
        singleton=True,
    )

    name: Mapped[str] = column(
        String(120), Field(label=_l("Name of the house"), kind=Kind.TEXT, required=True, max_length=120)
    )
    languages: Mapped[list[str]] = column(
        Document,
        Field(
            label=_l("Content languages"),
            kind=Kind.LIST,
            help=_l("Codes such as en, fr."),
        ),
        default=lambda: ["en"],
        nullable=False,
    )
    source_language: Mapped[str] = column(
        String(10), Field(label=_l("Source language"), kind=Kind.CODE, required=True, max_length=10), default="en"
    )
    currencies: Mapped[list[str]] = column(
        Document,
        Field(label=_l("Currencies"), kind=Kind.LIST, help=_l("ISO 4217 codes such as EUR, USD.")),
        default=lambda: ["EUR"],
        nullable=False,
    )
    default_currency: Mapped[str] = column(
        String(3),
        Field(label=_l("Default currency"), kind=Kind.CHOICE, required=True, choices=CURRENCIES),
        default="EUR",
    )
    zone: Mapped[str] = column(
        String(64), Field(label=_l("Default time zone"), kind=Kind.CODE, required=True), default="UTC"
    )
    price_rounding: Mapped[str] = column(
        String(10),
        Field(label=_l("Price rounding"), kind=Kind.CHOICE, required=True, choices=ROUNDINGS),
        default="none",
    )
    trash_days: Mapped[int] = column(
        Integer,
        Field(
            label=_l("Days in the trash"),
            kind=Kind.INTEGER,
            required=True,
            help=_l("After that, what is in the trash may be deleted for good."),
        ),
        default=90,
    )

    def settle(self, session: Session) -> None:
        for code in (*self.languages, self.source_language):
            if not is_language(code):
                raise Refused(
                    _("Content languages: “%(code)s” is not a language code. Write codes such as en, fr.", code=code),
                    "languages",
                )
        if self.source_language not in self.languages:
            self.languages = [*self.languages, self.source_language]
        for currency in self.currencies:
            if currency not in dict(CURRENCIES):
                raise Refused(
                    _("Currencies: “%(code)s” is not an ISO 4217 code. Write codes such as EUR.", code=currency),
                    "currencies",
                )
        if self.default_currency not in self.currencies:
            self.currencies = [*self.currencies, self.default_currency]
        if self.zone not in available_timezones():
            raise Refused(
                _("Default time zone: “%(value)s” is not known. Choose one such as Europe/Paris.", value=self.zone),
                "zone",
            )
        if not 1 <= self.trash_days <= 3650:
            raise Refused(_("Days in the trash: choose between 1 and 3650."), "trash_days")


def in_language(source: str, translations: dict[str, Any] | None, language: str) -> str:
    """Return the text in `language`, else in the language without its region, else the source text."""
    found = (translations or {}).get(language) or (translations or {}).get(language.partition("-")[0])
    return str(found) if found else source
