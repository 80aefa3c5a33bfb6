"""The settings of the house: one record, so no list."""

from __future__ import annotations

from typing import Any

from flask import redirect
from flask_admin import expose

from backoffice.i18n import _l
from backoffice.models.house import HOUSE_ID, House

from .base import ResourceView
from .fields import CurrencyField
from .form_page import Section
from .pickers import CurrenciesField, LanguagesField, SourceLanguageField, ZoneField


class HouseView(ResourceView):
    """The one record of house settings."""

    model = House
    place = (40, "house")
    sections = (
        Section("house", "", ("name", "zone")),
        Section("languages", _l("Languages"), ("languages", "source_language")),
        Section("trash", _l("Trash"), ("trash_days",)),
        Section("currencies", _l("Currencies and prices"), ("currencies", "default_currency", "price_rounding"), True),
    )
    widgets = {
        "languages": LanguagesField,
        "source_language": SourceLanguageField,
        "currencies": CurrenciesField,
        "default_currency": CurrencyField,
        "zone": ZoneField,
    }

    @expose("/")
    def index_view(self) -> Any:
        """Open the one record."""
        return redirect(self.address("edit_view" if self.may("update") else "details_view", id=HOUSE_ID))
