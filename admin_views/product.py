"""The pages of products."""

from __future__ import annotations

from backoffice.i18n import _l, _n
from backoffice.models.product import ARCHIVED, PUBLISHED, Product
from backoffice.operations import records
from backoffice.writes import Unit

from .actions import mass_action
from .base import ResourceView


class ProductView(ResourceView):
    """Products: the list to find and correct them in, the form to describe them with."""

    model = Product
    place = (1, "product")
    columns = ("status", "price", "category_id", "updated_at")
    pictured = True
    main = (
        "name",
        "description",
        "attributes",
        "name_i18n",
        "description_i18n",
        "sku",
        "gtin",
        "slug",
        "image_url",
        "notes",
    )
    side = ("status", "category_id", "brand_id", "tags", "responsible_id", "price", "currency", "cost")

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
