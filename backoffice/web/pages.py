"""What templates can call."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import Flask, current_app, request, url_for
from flask_babel import get_locale
from markupsafe import Markup, escape

from ..policy import allows
from .people import current_actor, house, is_signed_in

THEMES = ("light", "dark")

#: How long a browser may keep one of our files: a year.
KEPT_SECONDS = 31_536_000


def register(app: Flask) -> None:
    """Give templates their helpers."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    # Addresses of our files change with their content.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = KEPT_SECONDS
    app.jinja_env.globals.update(
        allowed=lambda verb, resource: allows(current_actor(), verb, resource),
        asset=asset,
        get_locale=get_locale,
        house=house,
        icon=icon,
        is_signed_in=is_signed_in,
        navigation=list,
        chosen_theme=chosen_theme,
        vendor=vendor,
    )


def icon(name: str) -> Markup:
    """Return an icon of the set; it says nothing to a screen reader, the word beside it does."""
    sprite = vendor("@tabler/icons", "sprite.svg")
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
        sprite, name
    )


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
