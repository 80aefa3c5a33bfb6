"""What a request must be before any page looks at it: for a host that is served here, with a form of bearable size."""

from __future__ import annotations

from flask import Flask, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import BadHost, SecurityError

from ..i18n import _

FORM = "application/x-www-form-urlencoded"
FORMS = (FORM, "multipart/form-data")

_BARE = Markup("<!doctype html>\n<html lang='en'><title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n")


def register(app: Flask) -> None:
    """Look at every request before the check of its token, which reads the form."""
    app.before_request(_hold_to_forms)
    app.register_error_handler(SecurityError, unknown_host)
    app.register_error_handler(BadHost, unknown_host)


def unknown_host(_error: SecurityError | BadHost) -> ResponseReturnValue:
    """Answer a request for a host that is not ours with a bare page: no address can be made for such a host."""
    page = _BARE.format(
        title=_("This address is not served here"), text=_("Open the address that you were given for this site.")
    )
    return Response(page, 400, content_type="text/html; charset=utf-8")


def _hold_to_forms() -> None:
    """Refuse a body that is no form, and a form that is too large; the parser limits only forms with files."""
    if request.mimetype == FORM:
        _hold_to_size(current_app.config["MAX_FORM_MEMORY_SIZE"], current_app.config["MAX_FORM_PARTS"])
    elif request.mimetype not in FORMS and request.content_length and not request.path.startswith("/api/"):
        abort(415)


def _hold_to_size(most_bytes: int, most_fields: int) -> None:
    request.max_content_length = most_bytes
    # What comes in chunks is cut there without a word: a form that fills it may have been longer.
    body = request.get_data(cache=True)
    if len(body) >= most_bytes or body.count(b"&") >= most_fields:
        abort(413)
