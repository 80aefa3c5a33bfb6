"""What templates can call."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for
from flask_babel import get_locale
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException

from ..i18n import LANGUAGES, _l
from ..policy import allows
from .people import current_actor, house, is_signed_in, preference

THEMES = ("light", "dark")

#: What can be chosen: cookie, words, icon. The system's own needs no cookie.
THEME_CHOICES = (
    ("light", _l("Light"), "sun"),
    ("dark", _l("Dark"), "moon"),
    ("system", _l("As the system"), "device-desktop"),
)

#: Keys of every page, in the order in which the dialog lists them. Those of one page stand at its elements, as
#: `data-key` and `data-key-label`.
KEYS = (
    ("Ctrl+K", _l("Search anything, or do something by name")),
    ("/", _l("Search anything")),
    ("?", _l("List the keys")),
    ("Esc", _l("Close what is open")),
)

#: After the key `g`: what the keys of the navigation lead to.
GO = {"admin": "d", "product": "p", "category": "c", "history": "h"}

#: The package of the icons.
ICONS = "@tabler/icons"

#: An address that is longer is not carried from page to page.
LONGEST_ADDRESS = 2_000

#: How long a browser may keep one of our files: a year.
KEPT_SECONDS = 31_536_000


def register(app: Flask) -> None:
    """Give templates their helpers."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    # Addresses of our files change with their content.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = KEPT_SECONDS
    app.add_url_rule(f"/i-{_versions(str(app.static_folder))[ICONS]}.svg", "static_icons", _icons)
    app.jinja_env.globals.update(
        allowed=lambda verb, resource: allows(current_actor(), verb, resource),
        asset=asset,
        get_locale=get_locale,
        go_keys=GO,
        this_address=here,
        house=house,
        icon=icon,
        initials=initials,
        is_signed_in=is_signed_in,
        ui_keys=KEYS,
        ui_languages=LANGUAGES,
        navigation=list,
        preference=preference,
        chosen_theme=chosen_theme,
        ui_themes=THEME_CHOICES,
        vendor=vendor,
    )


def icon(name: str) -> Markup:
    """Return an icon of the set; it says nothing to a screen reader, the word beside it does."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        url_for("static_icons"), name
    )


def _icons() -> Response:
    """Answer with the icons, at an address short enough to stand a hundred times in a page."""
    file = f"vendor/{ICONS}/{_versions(str(current_app.static_folder))[ICONS]}/sprite.svg"
    return current_app.send_static_file(file)


def initials(name: object) -> str:
    """Return at most two letters that stand for a person."""
    parts = str(name).partition("@")[0].replace(".", " ").replace("-", " ").split()
    return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()


def here() -> str:
    """Return the address of this page, to come back to; where it only takes posts, the page that led to it."""
    if request.method not in ("GET", "HEAD"):
        try:
            current_app.create_url_adapter(request).match(request.path, method="GET")  # type: ignore[union-attr]
        except HTTPException:
            origin, came_from = request.host_url.rstrip("/"), request.referrer or ""
            return came_from.removeprefix(origin) if came_from.startswith(f"{origin}/") else "/admin/"
    whole = bool(request.query_string) and len(request.full_path) <= LONGEST_ADDRESS
    return request.full_path if whole else request.path


def chosen_theme() -> str | None:
    """Return the theme that the person chose, None for the one of their system."""
    chosen = request.cookies.get("theme")
    return chosen if chosen in THEMES else None


def asset(name: str) -> str:
    """Return the address of one of our own files; it changes with the file, so browsers may keep it."""
    return url_for("static", filename=name, v=_fingerprint(str(current_app.static_folder), name))


def vendor(package: str, file: str) -> str:
    """Return the address of a third-party file, in the version that the manifest names."""
    version = _versions(str(current_app.static_folder))[package]
    return str(escape(url_for("static", filename=f"vendor/{package}/{version}/{file}")))


@cache
def _fingerprint(folder: str, name: str) -> str:
    return hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest()[:12]


@cache
def _versions(folder: str) -> dict[str, str]:
    manifest = json.loads((Path(folder) / "vendor" / "manifest.json").read_text(encoding="utf-8"))
    return {item["package"]: item["version"] for item in manifest["packages"]}
