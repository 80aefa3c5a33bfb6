"""The pages of brands."""

from __future__ import annotations

from backoffice.models.brand import Brand

from .base import ResourceView


class BrandView(ResourceView):
    """Who makes or markets products."""

    model = Brand
    place = (3, "brand")
