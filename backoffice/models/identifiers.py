"""Names that machines read: GTINs and slugs."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..i18n import _, _l
from .base import column
from .fields import Field, Kind
from .types import KeyText, among, fold, sort_key

SLUG_LENGTH = 200
TRIED_SUFFIXES = 30

_GTIN = re.compile(r"(\d{8}|\d{12,14})\Z", re.ASCII)
_NOT_WORD = re.compile(r"[\W_]+")


def gtin_check_digit(body: str) -> int:
    """Return the check digit for `body`, the digits of a GTIN before it.

    Source: GS1 General Specifications, section 7.9, the standard check digit calculation.
    """
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return -total % 10


def gtin_problem(gtin: str) -> str | None:
    """Return what is wrong with `gtin` in words, None when it is right."""
    if not _GTIN.match(gtin):
        return _("GTIN %(gtin)s: it needs 8, 12, 13 or 14 digits. Correct it or clear the field.", gtin=gtin[:40])
    digit = gtin_check_digit(gtin[:-1])
    if int(gtin[-1]) != digit:
        return _(
            "GTIN %(gtin)s: the check digit should be %(digit)s. Correct it or clear the field.",
            gtin=gtin,
            digit=digit,
        )
    return None


def slugify(text: str) -> str:
    """Return `text` as a part of an address: folded words joined by hyphens; letters of any script stay."""
    return _NOT_WORD.sub("-", fold(text)).strip("-")[:SLUG_LENGTH].rstrip("-")


def free_slug(taken: set[str], wanted: str) -> str:
    """Return `wanted`, or with the first suffix from `-2` on that is not `taken`.

    After a number of tries the suffix is random, so that a thousandth namesake costs no thousand look-ups.
    """
    if wanted not in taken:
        return wanted
    base = wanted[: SLUG_LENGTH - 8]
    numbered = (f"{base}-{number}" for number in range(2, TRIED_SUFFIXES))
    return next((slug for slug in numbered if slug not in taken), f"{base}-{secrets.token_hex(4)}")


class Named:
    """Mixin of resources with a name by which they sort, and a slug made from it when none is given.

    Renaming leaves the slug alone: addresses of pages stay what they were. Clearing it makes a new one.
    """

    name: Mapped[str] = column(String(300), Field(label=_l("Name"), kind=Kind.TEXT, required=True, sorted=True))
    name_key: Mapped[str] = mapped_column(KeyText)
    slug: Mapped[str] = column(
        String(SLUG_LENGTH + 8),
        Field(
            label=_l("Slug"),
            kind=Kind.CODE,
            help=_l("The last part of the page's address. Left empty, it is made from the name."),
            unique=True,
            max_length=SLUG_LENGTH,
            listed=False,
        ),
        unique=True,
        nullable=False,
    )

    @classmethod
    def derived(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the sort key, for set-based writes."""
        return {"name_key": sort_key(values["name"])} if "name" in values else {}

    def settle(self, session: Session) -> None:
        """Settle the name; a resource with more rules of its own calls `settle_name` and goes on."""
        self.settle_name(session)

    def settle_name(self, session: Session) -> None:
        """Compute the sort key, and the slug where it is empty."""
        self.name_key = sort_key(self.name)
        wanted = slugify(self.slug or self.name) or "item"
        if wanted != self.slug:
            self.slug = free_slug(taken_slugs(session, type(self), [wanted], self), wanted)


def taken_slugs(session: Session, model: Any, wanted: Iterable[str], besides: Any = None) -> set[str]:
    """Return the slugs of `model`, in the trash included, that equal one of `wanted` or follow it with a number."""
    wanted = list(wanted)
    taken = {row.slug for row in session.new if isinstance(row, model) and row is not besides and row.slug}
    candidates = [f"{base[: SLUG_LENGTH - 8]}-{number}" for base in wanted for number in range(2, TRIED_SUFFIXES)] + [
        *wanted
    ]
    with session.no_autoflush:
        found = session.execute(select(model.slug, model.id).where(among(session, model.slug, candidates)))
        return taken | {slug for slug, key in found if besides is None or key != besides.id}


class Slugs:
    """The taken slugs of a model, for many records at once: what it gives is taken from then on.

    It answers as `Named.settle_name` does for one record after another, in two look-ups instead of one for each.
    """

    def __init__(self, session: Session, model: Any, wanted: Collection[str]) -> None:
        self.session, self.model = session, model
        self.taken = set(session.scalars(select(model.slug).where(among(session, model.slug, set(wanted)))))
        repeated = {slug for slug, number in Counter(wanted).items() if number > 1}
        self.numbered = (self.taken & set(wanted)) | repeated
        if self.numbered:
            self.taken |= taken_slugs(session, model, self.numbered)

    def free(self, wanted: str, own: str | None = None) -> str:
        """Return `wanted`, or it with a suffix where it is taken by another record than the one with the slug `own`."""
        if wanted in self.taken and wanted not in self.numbered:
            self.numbered.add(wanted)
            self.taken |= taken_slugs(self.session, self.model, [wanted])
        slug = free_slug(self.taken - {own} if own in self.taken else self.taken, wanted)
        self.taken.add(slug)
        return slug

    def claim(self, slug: str, own: str | None = None) -> bool:
        """Take exactly `slug`, and return whether it was free."""
        if slug in self.taken and slug != own:
            return False
        self.taken.add(slug)
        return True
