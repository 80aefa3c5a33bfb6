"""The pages of categories."""

from __future__ import annotations

from backoffice.models.category import Category

from .base import ResourceView


class CategoryView(ResourceView):
    """The category tree."""

    model = Category
    place = (2, "category")
    main = ("name", "name_i18n", "slug")
    side = ("parent_id", "position")
