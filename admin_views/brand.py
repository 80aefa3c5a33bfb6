"""The pages of brands."""

from __future__ import annotations

from backoffice.i18n import _l
from backoffice.models.brand import Brand

from .base import ResourceView, Words


class BrandView(ResourceView):
    """Who makes or markets products."""

    model = Brand
    place = (3, "brand")
    words = Words(
        _l("No brands yet."),
        _l("No brands match %(held)s."),
        _l("Add brand"),
        _l("Add the first one."),
        _l("Search brands"),
    )
