"""Pages: sign in, sign out, profile."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import refresh
from flask_wtf.csrf import CSRFError, generate_csrf

from .. import writes
from ..errors import Refused
from ..extensions import db
from ..i18n import _, phrase
from ..models.user import User
from ..operations import accounts, passwords, personal, sign_in
from ..web.errors import ask_to_sign_in, wants_json
from ..writes import Unit
from . import browsers, session
from .addresses import safe_path
from .forms import PasswordForm, ProfileForm, SignInForm, zones

blueprint = Blueprint("account", __name__)


@blueprint.errorhandler(CSRFError)
def token_failed(_error: CSRFError) -> ResponseReturnValue:
    """Keep what was typed where a form comes without the token of this session."""
    message = _("This page was open for too long, or in another session. Nothing was done; send it again.")
    if session.current_user_record() is None:
        return _sign_in_page(SignInForm(request.form), message), 400
    return _profile_page(errors={"": message}), 400


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    """Ask for address and password; tell a script who is signed in, and the token of this session."""
    if wants_json():
        return _who()
    return redirect(_destination()) if session.is_signed_in() else _sign_in_page(SignInForm())


@blueprint.post("/login")
def login_post() -> ResponseReturnValue:
    """Sign in, or say what to do."""
    form = SignInForm(request.form)
    email = accounts.address_of(form.email.data or "") or form.email.data or ""
    mark = browsers.mark_for(email)
    try:
        user = sign_in.authenticate(db.session(), email, form.password.data or "", request.remote_addr, mark)
    except sign_in.TooManyTries as error:
        return _slowed(_sign_in_page(form, str(error)), error)
    except Refused as error:
        return _sign_in_page(form, str(error)), 400
    session.sign_in(user, remember=form.remember.data)
    response = make_response(_who() if wants_json() else redirect(_destination(), 303))
    browsers.keep(response, email)
    return response


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session and “remember me”."""
    session.sign_out()
    flash(_("You are signed out."), "info")
    return redirect(url_for("account.login"), 303)


@blueprint.get("/profile")
def profile() -> ResponseReturnValue:
    """Show what everybody may change about themselves."""
    return _profile_page() if session.is_signed_in() else ask_to_sign_in()


@blueprint.post("/profile")
def profile_post() -> ResponseReturnValue:
    """Keep one's own name, language and zone."""
    person = session.current_user_record()
    if person is None:
        return ask_to_sign_in()
    values = {key: request.form[key] for key in sorted(accounts.OWN_FIELDS) if key in request.form}

    def work(unit: Unit) -> None:
        accounts.update_profile(unit, unit.get(User, person.id), values)

    try:
        writes.run(session.current_actor(), phrase("Change one’s own profile"), work)
    except Refused as error:
        return _profile_page(errors={error.field or "": str(error)}), 400
    if "keys" in request.form:
        personal.prefer(person.id, "keys", "y" in request.form.getlist("keys"))
    refresh()
    flash(_("Your profile is saved."))
    return redirect(url_for("account.profile"), 303)


@blueprint.post("/profile/password")
def password_post() -> ResponseReturnValue:
    """Set one's own password, which takes the current one; this session stays, all others end."""
    person = session.current_user_record()
    if person is None:
        return ask_to_sign_in()
    form = PasswordForm(request.form)

    def work(unit: Unit) -> None:
        accounts.change_own_password(unit, unit.get(User, person.id), form.password.data or "")

    try:
        form.refuse_mismatch()
        sign_in.check_own(person, form.current.data or "", request.remote_addr)
        writes.run(session.current_actor(), phrase("Change one’s own password"), work)
    except sign_in.TooManyTries as error:
        return _slowed(_profile_page(errors={"current": str(error)}), error)
    except Refused as error:
        return _profile_page(errors={error.field or "": str(error)}), 400
    session.sign_in(person, remember=session.is_remembered())
    flash(_("Your password is changed. Everywhere else you are signed out."))
    return redirect(url_for("account.profile"), 303)


def _who() -> Response:
    """Return who is signed in, to a page that is open already; its forms need the token of the session that is now."""
    person = session.current_user_record()
    return jsonify(user=person.id if person else None, name=str(person or ""), csrf_token=generate_csrf())


def _sign_in_page(form: SignInForm, message: str | None = None) -> str | Response:
    if wants_json():
        return jsonify(message=message)
    return render_template("account/login.html", form=form, message=message, next=safe_path(request.values.get("next")))


def _profile_page(errors: Mapping[str, str] | None = None) -> str:
    """Show the profile; after a refusal with what was typed, passwords apart."""
    person = session.current_user_record()
    typed = request.form if request.endpoint == "account.profile_post" else None
    return render_template(
        "account/profile.html",
        person=person,
        form=ProfileForm(typed, obj=person),
        zones=zones(person.zone if person else None),
        password_form=PasswordForm(),
        errors=errors or {},
        shortest=passwords.SHORTEST,
    )


def _slowed(page: str | Response, error: sign_in.TooManyTries) -> ResponseReturnValue:
    return page, 429, {"Retry-After": str(error.seconds)}


def _destination() -> str:
    return safe_path(request.values.get("next")) or f"{request.script_root}/admin/"
