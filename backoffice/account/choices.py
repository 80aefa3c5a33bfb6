"""How people like their screens: language, light or dark, the navigation. Each is a form that works without script."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import refresh

from .. import writes
from ..errors import Refused
from ..i18n import LANGUAGES, _, phrase
from ..models.user import User
from ..operations import accounts, personal
from ..web.errors import ask_to_sign_in, wants_json
from ..web.pages import THEMES
from ..writes import Unit
from . import session
from .addresses import own_path

blueprint = Blueprint("choices", __name__)

#: How long a browser keeps what was chosen: a year.
SECONDS = 31_536_000


@blueprint.post("/language")
def language_post() -> ResponseReturnValue:
    """Take the chosen language: for this browser, and in the profile of who is signed in."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        raise Refused(_("This language is not known here. Choose one of the list."), "language")
    person = session.current_user_record()
    if person is not None and person.locale != chosen:

        def work(unit: Unit) -> None:
            accounts.update_profile(unit, unit.get(User, person.id), {"locale": chosen})

        writes.run(session.current_actor(), phrase("Change one’s own language"), work)
        refresh()
    response = _back()
    _keep(response, "language", chosen, httponly=True)
    return response


@blueprint.post("/theme")
def theme_post() -> ResponseReturnValue:
    """Take light or dark for this browser, or whatever its system shows."""
    chosen = request.form.get("theme", "")
    response = _back()
    if chosen in THEMES:
        # A script reads it before the page is painted.
        _keep(response, "theme", chosen, httponly=False)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


@blueprint.post("/profile/navigation")
def navigation_post() -> ResponseReturnValue:
    """Keep the navigation narrow, or wide."""
    person = session.current_user_record()
    if person is None:
        return ask_to_sign_in()
    personal.prefer(person.id, "navigation", request.form.get("collapsed") == "1")
    return _back()


def _back() -> Response:
    """Return to the page that the form stood on; a script gets an empty answer."""
    if wants_json():
        return make_response("", 204)
    return make_response(redirect(own_path(request.form.get("next")) or f"{request.script_root}/admin/", 303))


def _keep(response: Response, name: str, value: str, httponly: bool) -> None:
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(name, value, max_age=SECONDS, samesite="Lax", secure=secure, httponly=httponly)
