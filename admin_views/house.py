"""The settings of the house: one record, so no list."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect
from flask_admin import expose

from backoffice.models.house import HOUSE_ID, House

from .base import VERBS, ResourceView


class HouseView(ResourceView):
    """The one record of house settings."""

    model = House
    place = (40, "house")
    main = ("name", "languages", "source_language", "zone")
    side = ("currencies", "default_currency", "price_rounding", "trash_days")

    def right_of(self, endpoint: str) -> tuple[str, str] | None:
        """Return what `endpoint` asks; nothing is created, deleted or exported here."""
        open_here = endpoint in ("index_view", "details_view", "edit_view", "ajax_lookup")
        return (self.model.resource.name, VERBS[endpoint]) if open_here else None

    @expose("/")
    def index_view(self) -> Any:
        """Open the one record."""
        return redirect(self.address("edit_view" if self.may("update") else "details_view", id=HOUSE_ID))

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Any:
        """Refuse: settings are no rows."""
        abort(404)
