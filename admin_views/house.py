"""The settings of the house: one record, so no list."""

from __future__ import annotations

from typing import Any

from flask import redirect
from flask_admin import expose

from backoffice.models.house import HOUSE_ID, House

from .base import ResourceView


class HouseView(ResourceView):
    """The one record of house settings."""

    model = House
    place = (40, "house")
    main = ("name", "languages", "source_language", "zone")
    side = ("currencies", "default_currency", "price_rounding", "trash_days")

    @expose("/")
    def index_view(self) -> Any:
        """Open the one record."""
        return redirect(self.address("edit_view" if self.may("update") else "details_view", id=HOUSE_ID))
