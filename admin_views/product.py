"""The pages of products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babel.numbers import format_percent
from flask_babel import get_locale

from backoffice import policy
from backoffice.i18n import _l, _n
from backoffice.models.base import Resource, fields_of
from backoffice.models.product import ARCHIVED, PUBLISHED, Product
from backoffice.operations import records
from backoffice.policy import Actor
from backoffice.selection.rights import askable
from backoffice.writes import Unit

from . import columns, completeness, formats
from .actions import mass_action
from .base import ResourceView, Words
from .completeness import Completeness
from .fields import CurrencyField, ImageField
from .form_page import Section
from .forms import RecordForm
from .lookups import ChipsField
from .names import other_languages

#: What is missing, where it is called otherwise than its field.
CALLED = {"image_url": _l("image")}


@dataclass(frozen=True)
class Gap:
    """Something that a product lacks: what it is called within a sentence, and the field of the form that holds it."""

    said: str
    field: str


def gaps(form: RecordForm, product: Product, actor: Actor) -> list[Gap]:
    """Return what `product` lacks and this form can fill, counted as `completeness` does."""
    seen = askable(actor, Product)
    empty = [name for name in completeness.PARTS if name in seen and getattr(product, name) in (None, "", {})]
    texts = getattr(product, completeness.TRANSLATED) or {}
    if completeness.TRANSLATED in seen:
        empty += [f"{completeness.TRANSLATED}.{code}" for code in other_languages() if not texts.get(code)]
    open_ = [form[name] for name in empty if name in form and not form[name].read_only]
    return [Gap(str(CALLED.get(field.name, field.said)), field.name) for field in open_]


class ProductView(ResourceView):
    """Products: the list to find and correct them in, the form to describe them with."""

    model = Product
    place = (1, "product")
    words = Words(
        _l("No products yet."),
        _l("No products match %(held)s."),
        _l("Add product"),
        _l("Import a file or add the first one."),
        _l("Search by name, SKU or GTIN"),
    )
    columns = ("status", "price", "category_id", "completeness", "updated_at")
    on_phone = {"category_id": "under", "price": "end", "status": "end"}
    pictured = True
    form_template = "admin/product.html"
    details_page = "admin/product_details.html"
    sections = (
        Section("basics", _l("Basics"), ("name", "slug")),
        Section("description", _l("Description"), ("description",)),
        Section("attributes", _l("Attributes"), ("attributes",)),
        Section("identifiers", _l("Identifiers"), ("sku", "gtin")),
        Section("images", _l("Images"), ("image_url",)),
        Section("status", _l("Status"), ("status",), side=True, first=True),
        Section("organisation", _l("Organisation"), ("category_id", "brand_id", "tags", "responsible_id"), side=True),
        Section("price", _l("Price"), ("price", "currency", "cost"), side=True),
        Section("notes", _l("Notes"), ("notes",), side=True),
    )
    widgets = {"currency": CurrencyField, "tags": ChipsField, "image_url": ImageField}

    def extra_context(self, form: RecordForm, record: Resource | None) -> dict[str, Any]:
        """Return how complete the product is, and where each gap is filled."""
        if record is None:
            return {"completeness": None}
        found = completeness.of(record, self.actor)
        return {
            "completeness": found,
            "share": format_percent(found.percent / 100, locale=get_locale()),
            "gaps": gaps(form, record, self.actor),
        }

    def identity(self, product: Product) -> dict[str, Any]:
        """Return what tells at once which product it is, as far as the person may know."""
        seen = policy.fields_for(self.actor, "read", Product, product)
        return {
            "picture": formats.picture(product.image_url) if "image_url" in seen else None,
            "status": product.status if "status" in seen else None,
            "status_label": formats.choice(fields_of(Product)["status"], product.status),
            "sku": product.sku if "sku" in seen else None,
        }

    def column_completeness(self, product: Product) -> Completeness:
        """Return the share of what a buyer wants to know that is filled in."""
        return completeness.of(product, self.actor)

    column_completeness.label = _l("Complete")  # type: ignore[attr-defined]
    column_completeness.draw = lambda found: columns.ring(found.percent, found.missing)  # type: ignore[attr-defined]

    @mass_action(
        _l("Publish"),
        verb="publish",
        icon="world",
        done=lambda n: _n("%(num)s product published.", "%(num)s products published.", n),
    )
    def publish(self, unit: Unit, product: Product) -> None:
        """Show a product to everyone."""
        records.update(unit, product, {"status": PUBLISHED})

    @mass_action(
        _l("Archive"),
        verb="publish",
        icon="archive",
        done=lambda n: _n("%(num)s product archived.", "%(num)s products archived.", n),
    )
    def archive(self, unit: Unit, product: Product) -> None:
        """Take a product off the shelves for good."""
        records.update(unit, product, {"status": ARCHIVED})
