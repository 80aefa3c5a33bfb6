"""Forms of the account pages. Their token is the one that every POST of the house carries."""

from __future__ import annotations

import pytz
from wtforms import BooleanField, Form, PasswordField, SelectChoice, SelectField, StringField

from ..errors import Refused
from ..i18n import LANGUAGES, _, _l


class SignInForm(Form):  # type: ignore[misc]
    """Address and password."""

    email = StringField(_l("E-mail address"))
    password = PasswordField(_l("Password"))
    remember = BooleanField(_l("Keep me signed in on this device"))


class ProfileForm(Form):  # type: ignore[misc]
    """What everybody may change about themselves."""

    name = StringField(_l("Name"))
    locale = SelectField(
        _l("Language"),
        choices=[SelectChoice("", _l("As the browser asks")), *(SelectChoice(*item) for item in LANGUAGES.items())],
    )
    zone = StringField(_l("Time zone"))


def zones(own: str | None) -> dict[str, list[tuple[str, str]]]:
    """Return the time zones to choose from by part of the world, each with its place, `own` among them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted({*pytz.common_timezones, *([own] if own else [])}):
        part, _slash, place = zone.partition("/")
        found.setdefault(part if place else zone, []).append((zone, (place or zone).replace("_", " ")))
    return found


class PasswordForm(Form):  # type: ignore[misc]
    """One's own password, typed twice."""

    current = PasswordField(_l("Current password"))
    password = PasswordField(_l("New password"))
    confirmation = PasswordField(_l("New password once more"))

    def refuse_mismatch(self) -> None:
        """Raise Refused unless both new passwords are the same."""
        if self.password.data != self.confirmation.data:
            raise Refused(
                _("New password once more: it differs from the first. Type the same one twice."), "confirmation"
            )
