"""What only scripts say: one file for each part of the pages and language, which browsers keep as they keep scripts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from flask import Flask, Response, abort, current_app, render_template, url_for
from flask_babel import force_locale, get_locale

from ..i18n import LANGUAGES
from .pages import KEPT_SECONDS

#: The templates, by the name of the part: where in the page their elements go, which scripts find there.
PARTS = {"frame": ("main", "frame/keys.html"), "list": ("list-page", "admin/list_words.html")}


def register(app: Flask) -> None:
    """Answer for the files and give templates their addresses."""
    app.add_url_rule("/words/<language>/<part>.js", "static_words", _answer)
    app.jinja_env.globals.update(script_words=address)


def address(part: str) -> str:
    """Return the address of a part in the reader's language; it changes with the words, so browsers may keep them."""
    language = str(get_locale())
    return url_for("static_words", language=language, part=part, v=_script(language, part).version)


def _answer(language: str, part: str) -> Response:
    if language not in LANGUAGES or part not in PARTS:
        abort(404)
    response = Response(_script(language, part).text, content_type="text/javascript; charset=utf-8")
    response.cache_control.public = True
    response.cache_control.max_age = KEPT_SECONDS
    return response


@dataclass(frozen=True)
class Script:
    """A part in a language, and what its content is known by."""

    text: str
    version: str


def _script(language: str, part: str) -> Script:
    """Return a part in a language, drawn once for each application."""
    drawn: dict[tuple[str, str], Script] = current_app.extensions.setdefault("words", {})
    if (language, part) not in drawn:
        drawn[language, part] = _drawn(language, part)
    return drawn[language, part]


def _drawn(language: str, part: str) -> Script:
    place, template = PARTS[part]
    with force_locale(language):
        words = render_template(template)
    text = f"document.getElementById({json.dumps(place)})?.insertAdjacentHTML('beforeend', {json.dumps(words)});\n"
    return Script(text, hashlib.sha256(text.encode()).hexdigest()[:12])
