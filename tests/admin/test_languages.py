"""The interface speaks the language of who reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask_babel import get_domain

from backoffice import writes
from backoffice.models.user import User
from backoffice.policy import Actor

from .conftest import Browser, World

TRANSLATIONS = Path(__file__).resolve().parents[2] / "translations"

#: Language -> the headings of the list, the trash and the history, and the direction of the page.
SPOKEN = {
    "fr": ("Produits", "Historique", "ltr"),
    "de": ("Produkte", "Verlauf", "ltr"),
    "es": ("Productos", "Historial", "ltr"),
    "ar": ("المنتجات", "سجل التغييرات", "rtl"),
}


@pytest.mark.parametrize("language", SPOKEN)
def test_pages_speak_the_language_of_the_person(
    app: Flask, admin: Browser, world: World, house: Actor, language: str, request: pytest.FixtureRequest
) -> None:
    app.extensions["babel"].translation_directories.append(str(TRANSLATIONS))
    # What other tests read of a language, nothing, is kept for the whole process.
    get_domain().cache.clear()
    request.addfinalizer(get_domain().cache.clear)
    with writes.unit(house, "Language") as unit:
        unit.get(User, world.users["administrator"]).locale = language
    products, history, direction = SPOKEN[language]
    page = admin.get("/admin/product/").text
    assert f'lang="{language}" dir="{direction}"' in page
    assert f"<h1>{products}</h1>" in page and history in page
    for path in ("/admin/", "/admin/history/", f"/admin/product/edit/?id={world.mug}", "/admin/user/", "/profile"):
        assert admin.get(path).status_code == 200, path
