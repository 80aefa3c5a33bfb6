"""How complete the description of a product is: the share of what a buyer wants to know that is filled in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g

from backoffice.i18n import _
from backoffice.models.base import fields_of
from backoffice.models.product import Product
from backoffice.policy import Actor
from backoffice.selection.rights import askable

from .names import other_languages

#: What counts, in the order in which it is named as missing. Each is worth the same.
PARTS = ("name", "description", "category_id", "brand_id", "price", "image_url", "gtin", "attributes")

#: What a language besides the source counts by.
TRANSLATED = "name_i18n"


@dataclass(frozen=True)
class Completeness:
    """How many of how many parts are filled, and what the missing ones are called."""

    filled: int
    parts: int
    missing: tuple[str, ...]

    @property
    def percent(self) -> int:
        """Return the share in percent; 100 only where nothing is missing."""
        return self.filled * 100 // self.parts if self.parts else 100


def of(product: Product, actor: Actor) -> Completeness:
    """Return how complete `product` is, by what `actor` sees on every product: a share would tell of hidden fields."""
    parts, languages, labels = _measure(actor)
    missing = [labels[name] for name in parts if getattr(product, name) in (None, "", {})]
    if languages:
        held = product.name_i18n or {}
        missing += [_("name in %(language)s", language=code) for code in languages if not held.get(code)]
    count = len(parts) + len(languages)
    return Completeness(count - len(missing), count, tuple(missing))


def _measure(actor: Actor) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the parts and languages that count and what the parts are called, worked out once per request."""
    if "completeness" not in g:
        seen = askable(actor, Product)
        languages = other_languages() if TRANSLATED in seen else []
        labels = {name: str(fields_of(Product)[name].label) for name in PARTS}
        g.completeness = [name for name in PARTS if name in seen], languages, labels
    measure: tuple[list[str], list[str], dict[str, str]] = g.completeness
    return measure
