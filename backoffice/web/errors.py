"""What people see when something is refused, missing or broken: what happened and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from ..errors import NotFound, Refused
from ..extensions import db
from ..i18n import _, _l
from ..models.base import resources
from ..models.role import ADMINISTRATOR, Role
from ..models.types import utcnow
from ..models.user import User
from ..policy import Denied, allows, holders
from .pages import here
from .people import current_actor, is_signed_in

#: Status -> heading, what happened and what to do next, icon.
WORDS: dict[int, tuple[Any, Any, str]] = {
    400: (
        _l("This could not be done"),
        _l("Nothing was saved. Go back, check what you entered and try again."),
        "alert-triangle",
    ),
    401: (_l("Sign in first"), _l("You are not signed in, or your session has ended. Sign in and try again."), "lock"),
    403: (_l("You may not do this"), _l("It needs a right that you do not hold. Ask an administrator for it."), "lock"),
    404: (
        _l("Nothing is here"),
        _l("It was deleted or moved, or you may not see it. Search for it above, or go back."),
        "search",
    ),
    405: (
        _l("This address works in another way"),
        _l("It cannot be opened or sent like this. Open the page again and use its buttons."),
        "alert-triangle",
    ),
    409: (_l("Someone was faster"), _l("Nothing was saved. Open the page again and look at what changed."), "refresh"),
    413: (
        _l("This is too large"),
        _l("Nothing was saved. Go back, where what you typed still is, and send less at once or a smaller file."),
        "alert-triangle",
    ),
    415: (
        _l("This cannot be read"),
        _l("Nothing was saved. Open the page again and use its form."),
        "alert-triangle",
    ),
    429: (_l("Too many tries"), _l("Wait a little and try again."), "clock"),
    500: (
        _l("Something broke here"),
        _l("Nothing was saved. Try again; if it happens again, tell your administrator what you did and when."),
        "alert-triangle",
    ),
    503: (
        _l("Back in a moment"),
        _l("Too much is going on, or the database does not answer. Nothing was saved. Try again in a minute."),
        "clock",
    ),
}

#: The verbs as words, for the matrix of a role.
VERBS: dict[str, Any] = {
    "create": _l("create"),
    "read": _l("see"),
    "update": _l("change"),
    "delete": _l("delete"),
    "publish": _l("publish"),
    "import": _l("import"),
    "export": _l("export"),
}

#: Verb -> what somebody cannot do who sees the records, and who does not.
CANNOT: dict[str, tuple[Any, Any]] = {
    "create": (_l("You can see “%(what)s” but not add to it."), _l("You may not add to “%(what)s”.")),
    "read": (_l("You may not see “%(what)s”."), _l("You may not see “%(what)s”.")),
    "update": (_l("You can see “%(what)s” but not change it."), _l("You may not change “%(what)s”.")),
    "delete": (_l("You can see “%(what)s” but not delete from it."), _l("You may not delete from “%(what)s”.")),
    "publish": (_l("You can see “%(what)s” but not publish in it."), _l("You may not publish in “%(what)s”.")),
    "import": (_l("You can see “%(what)s” but not import into it."), _l("You may not import into “%(what)s”.")),
    "export": (_l("You can see “%(what)s” but not export it."), _l("You may not export “%(what)s”.")),
}

#: Verb -> the name of the right, as somebody who can grant it looks for it.
GRANTS: dict[str, Any] = {
    "create": _l("Add: %(what)s"),
    "read": _l("See: %(what)s"),
    "update": _l("Change: %(what)s"),
    "delete": _l("Delete: %(what)s"),
    "publish": _l("Publish: %(what)s"),
    "import": _l("Import: %(what)s"),
    "export": _l("Export: %(what)s"),
}

AREA_LABELS: dict[str, Any] = {"history": _l("History")}

#: SQLSTATE classes that pass by themselves: connection, resources, locks, shutting down.
_PASSING = frozenset({"08", "40", "53", "55", "57"})

#: Seconds after which it is worth trying again.
RETRY_AFTER = "30"


@dataclass(frozen=True)
class Way:
    """One way on from a refusal."""

    label: str
    href: str
    symbol: str = ""


def register(app: Flask) -> None:
    """Answer every refusal and fault with a page, or with JSON where a script asks."""
    app.register_error_handler(Denied, denied)
    app.register_error_handler(NotFound, lambda _error: answer(404))
    app.register_error_handler(Refused, lambda error: answer(400, str(error)))
    app.register_error_handler(CSRFError, token_failed)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, database_failed)
    app.register_error_handler(500, lambda _error: answer(500))


def wants_json() -> bool:
    """Return whether a script asks, not a person's browser for a page."""
    return request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"


def answer(
    status: int, message: str | None = None, more: tuple[str, ...] = (), way: Way | None = None
) -> ResponseReturnValue:
    """Return the page of `status`, or the same in JSON; `way` is what to do next before what the status says."""
    heading, sentence, symbol = WORDS.get(status, WORDS[400 if status < 500 else 500])
    message = message or str(sentence)
    if wants_json():
        return jsonify(message=message, more=list(more)), status
    page = render_template(
        "errors/error.html",
        status=status,
        heading=heading,
        message=message,
        more=more,
        symbol=symbol,
        framed=status < 500 and is_signed_in(),
        # Whoever looks into the log asks for it; the person's own zone would ask a database that may be away.
        when=utcnow().strftime("%Y-%m-%d %H:%M:%S UTC") if status >= 500 else None,
        ways=_ways(status, way),
    )
    return page, status


def _ways(status: int, way: Way | None) -> list[Way]:
    """Return the ways on from here, the best one first."""
    back, dashboard = _back(), Way(_("To the dashboard"), "/admin/")
    is_page = request.method in ("GET", "HEAD")
    if status == 401:
        return [Way(_("Sign in"), "/login?" + urlencode({"next": here()}), "login")]
    found = [way] if way else []
    if status in (429, 500, 503) and (is_page or back):
        found.append(Way(_("Try again"), here() if is_page else str(back), "refresh"))
    elif status in (405, 409) and (back or not is_page):
        found.append(Way(_("Open the page again"), back or here(), "refresh"))
    elif back:
        found.append(Way(_("Go back"), back, "arrow-left"))
    return [*found, dashboard]


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
    grant, people = grant_name(error), administrators()
    return answer(403, missing(error), who_can_give(error, grant, people), _ask_for(grant, people))


def missing(error: Denied) -> str:
    """Return the sentence that says what the person cannot do."""
    what = _what(error.resource)
    if error.field:
        if error.verb == "read":
            return _("You may not see the field “%(field)s” of “%(what)s”.", field=_field_label(error), what=what)
        return _("You may not change the field “%(field)s” of “%(what)s”.", field=_field_label(error), what=what)
    seen, unseen = CANNOT.get(error.verb, CANNOT["update"])
    return str(seen if allows(current_actor(), "read", error.resource) else unseen) % {"what": what}


def grant_name(error: Denied) -> str:
    """Return the name of the missing right."""
    what = _field_label(error) if error.field else _what(error.resource)
    return str(GRANTS.get(error.verb, GRANTS["update"])) % {"what": what}


def administrators() -> list[User]:
    """Return at most three people who can hand out roles."""
    held = User.roles.any(Role.key == ADMINISTRATOR), User.active, User.trashed_at.is_(None)
    return list(db.session.scalars(select(User).where(*held).order_by(User.id).limit(3)))


def who_can_give(error: Denied, grant: str, people: list[User]) -> tuple[str, ...]:
    """Return sentences that name who can give the missing right, and the roles that it is part of."""
    live = db.session.scalars(select(Role).where(Role.trashed_at.is_(None)).order_by(Role.id))
    names = holders(live, error.verb, error.resource, error.field)
    if people:
        line = _("An administrator can grant “%(grant)s”: %(people)s.", grant=grant, people=", ".join(map(str, people)))
    else:
        line = _("An administrator can grant “%(grant)s”.", grant=grant)
    if not names:
        return line, _("No role holds this right yet.")
    return line, _("It is part of these roles: %(roles)s.", roles=", ".join(names))


def _ask_for(grant: str, people: list[User]) -> Way | None:
    """Return a mail to those who can give the right, ready to be sent."""
    if not people:
        return None
    subject = _("Please grant me “%(grant)s” in Backoffice", grant=grant)
    to = ",".join(quote(user.email, safe="@") for user in people)
    return Way(_("Ask for it"), f"mailto:{to}?subject={quote(subject)}", "mail")


def _what(resource: str) -> str:
    model = resources().get(resource)
    return str(model.resource.plural) if model else str(AREA_LABELS.get(resource, resource))


def database_failed(error: OperationalError) -> ResponseReturnValue:
    """Tell a database that is busy or away, which passes, from a fault of the program."""
    if not passes(error):
        return answer(500)
    response = current_app.make_response(answer(503))
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def passes(error: OperationalError) -> bool:
    """Log what the database said, and return whether it passes by itself, as a lock or a lost connection."""
    current_app.logger.error("The database failed.", exc_info=error)
    state = getattr(error.orig, "sqlstate", None)
    text = str(error.orig)
    return state[:2] in _PASSING if state else "locked" in text or "unable to open" in text or "connect" in text


def token_failed(_error: CSRFError) -> ResponseReturnValue:
    """Say why a form without a valid token was not saved; a view that can keeps what was typed instead."""
    if not is_signed_in() and (wants_json() or request.method == "GET"):
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
