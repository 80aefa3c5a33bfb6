"""What people see when something is refused, missing or broken: what happened and what to do next."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from ..errors import NotFound, Refused
from ..extensions import db
from ..i18n import _, _l
from ..models.base import resources
from ..models.role import ADMINISTRATOR, Role
from ..models.user import User
from ..policy import Denied, holders
from .people import is_signed_in

#: Status -> heading, sentence, icon.
WORDS: dict[int, tuple[Any, Any, str]] = {
    400: (_l("This could not be done"), _l("Go back, check what you entered and try again."), "alert-triangle"),
    401: (_l("Sign in first"), _l("You are not signed in, or your session has ended."), "lock"),
    403: (_l("You may not do this"), _l("You do not hold the right that this needs."), "lock"),
    404: (_l("Nothing is here"), _l("It was deleted or moved, or you may not see it."), "search"),
    405: (_l("This address works in another way"), _l("Open the page again and use its buttons."), "alert-triangle"),
    409: (_l("Someone was faster"), _l("Reload the page and look at what changed."), "alert-triangle"),
    413: (
        _l("This is too large"),
        _l("Nothing was saved. Go back, where what you typed still is, and send less at once or a smaller file."),
        "alert-triangle",
    ),
    415: (_l("This cannot be read"), _l("Open the page again and use its form."), "alert-triangle"),
    429: (_l("Too many tries"), _l("Wait a little and try again."), "clock"),
    500: (
        _l("Something broke here"),
        _l("Nothing was saved. Try again; if it happens again, tell us."),
        "alert-triangle",
    ),
}

VERBS: dict[str, Any] = {
    "create": _l("create"),
    "read": _l("see"),
    "update": _l("change"),
    "delete": _l("delete"),
    "publish": _l("publish"),
    "import": _l("import"),
    "export": _l("export"),
}


def register(app: Flask) -> None:
    """Answer every refusal and fault with a page, or with JSON where a script asks."""
    app.register_error_handler(Denied, denied)
    app.register_error_handler(NotFound, lambda _error: answer(404))
    app.register_error_handler(Refused, lambda error: answer(400, str(error)))
    app.register_error_handler(CSRFError, token_failed)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(500, lambda _error: answer(500))


def wants_json() -> bool:
    """Return whether a script asks, not a person's browser for a page."""
    return request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"


def answer(status: int, message: str | None = None, more: tuple[str, ...] = ()) -> ResponseReturnValue:
    """Return the page of `status`, or the same in JSON."""
    heading, sentence, symbol = WORDS.get(status, WORDS[400 if status < 500 else 500])
    message = message or str(sentence)
    if wants_json():
        return jsonify(message=message, more=list(more)), status
    page = render_template(
        "errors/error.html",
        heading=heading,
        message=message,
        more=more,
        symbol=symbol,
        framed=status != 500 and is_signed_in(),
        back=_back(),
    )
    return page, status


def ask_to_sign_in() -> ResponseReturnValue:
    """Lead a person to the sign-in page and back; answer 401 where no page was asked for."""
    if request.method in ("GET", "HEAD") and not wants_json():
        where = request.full_path if request.query_string else request.path
        return redirect("/login?" + urlencode({"next": where}))
    return answer(401)


def denied(error: Denied) -> ResponseReturnValue:
    """Name the missing right in words, and who can give it."""
    if not is_signed_in():
        return ask_to_sign_in()
    return answer(403, missing(error), who_can_give(error))


def missing(error: Denied) -> str:
    """Return the sentence that names the missing right."""
    verb = str(VERBS.get(error.verb, error.verb))
    model = resources().get(error.resource)
    what = str(model.resource.plural) if model else str(AREA_LABELS.get(error.resource, error.resource))
    if error.field:
        return _(
            "You may not %(verb)s the field “%(field)s” of %(what)s.",
            verb=verb,
            field=_field_label(error),
            what=what,
        )
    return _("You may not %(verb)s: %(what)s.", verb=verb, what=what)


AREA_LABELS: dict[str, Any] = {"history": _l("History")}


def who_can_give(error: Denied) -> tuple[str, ...]:
    """Return sentences that name the roles with the missing right and the people who hand out roles."""
    live = db.session.scalars(select(Role).where(Role.trashed_at.is_(None)).order_by(Role.id))
    names = holders(live, error.verb, error.resource)
    administrators = db.session.scalars(
        select(User)
        .where(User.roles.any(Role.key == ADMINISTRATOR), User.active, User.trashed_at.is_(None))
        .order_by(User.id)
        .limit(3)
    )
    people = [str(user) for user in administrators]
    lines = []
    grant = f"{error.resource}:{error.verb}"
    if names:
        lines.append(_("The right “%(grant)s” is part of these roles: %(roles)s.", grant=grant, roles=", ".join(names)))
    else:
        lines.append(_("No role has the right “%(grant)s” yet.", grant=grant))
    if people:
        lines.append(_("An administrator can give it to you: %(people)s.", people=", ".join(people)))
    return tuple(lines)


def token_failed(_error: CSRFError) -> ResponseReturnValue:
    """Say why a form without a valid token was not saved; a view that can keeps what was typed instead."""
    if not is_signed_in() and not wants_json() and request.method == "GET":
        return ask_to_sign_in()
    return answer(
        400,
        _("The page was open too long, or it was opened in another session. Nothing was saved."),
        (_("Go back, reload the page and send it again."),),
    )


def _field_label(error: Denied) -> str:
    model = resources().get(error.resource)
    attribute = getattr(model, error.field or "", None) if model else None
    declared = getattr(attribute, "info", {}).get("field") if attribute is not None else None
    return str(declared.label) if declared else str(error.field)


def _http(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error.response, Response) or (error.code or 500) < 400:
        return error
    result = answer(error.code or 500)
    response = Response(*result) if isinstance(result, tuple) and isinstance(result[0], str) else result
    if isinstance(response, Response) and error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _back() -> str | None:
    """Return the page that led here, when it is one of ours."""
    came_from = request.referrer or ""
    return came_from if came_from.startswith(request.host_url) and came_from != request.url else None
