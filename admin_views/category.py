"""The pages of categories."""

from __future__ import annotations

from backoffice.i18n import _l
from backoffice.models.category import Category

from .base import ResourceView, Words


class CategoryView(ResourceView):
    """The category tree."""

    model = Category
    place = (2, "category")
    words = Words(
        _l("No categories yet."),
        _l("No categories match %(held)s."),
        _l("Add category"),
        _l("Add the first one."),
        _l("Search categories"),
    )
    on_phone = {"parent_id": "under"}
    main = ("name", "name_i18n", "slug")
    side = ("parent_id", "position")
