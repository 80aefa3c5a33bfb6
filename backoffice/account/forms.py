"""Forms of the account pages. Their token is the one that every POST of the house carries."""

from __future__ import annotations

import pytz
from babel import Locale
from babel.dates import get_timezone_location
from flask_babel import get_locale
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


#: Parts of the world as zone files name them, with what people call them.
PARTS = {
    "Africa": _l("Africa"),
    "America": _l("America"),
    "Antarctica": _l("Antarctica"),
    "Arctic": _l("Arctic"),
    "Asia": _l("Asia"),
    "Atlantic": _l("Atlantic Ocean"),
    "Australia": _l("Australia"),
    "Europe": _l("Europe"),
    "Indian": _l("Indian Ocean"),
    "Pacific": _l("Pacific Ocean"),
}


def zones(own: str | None) -> dict[str, list[tuple[str, str]]]:
    """Return the time zones to choose from by part of the world, each with its place as the reader calls it.

    `own` is among them. Source of the names: the Unicode CLDR, by Babel.
    """
    locale = get_locale() or "en"
    found: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted({*pytz.common_timezones, *([own] if own else [])}):
        part, _slash, place = zone.partition("/")
        label = str(PARTS.get(part, part)) if place else zone
        found.setdefault(label, []).append((zone, _place(zone, locale)))
    return found


def _place(zone: str, locale: Locale | str) -> str:
    """Return what people call the place of `zone`, its name in the zone files where nobody knows it."""
    try:
        place = get_timezone_location(zone, locale=locale, return_city=True)
    except LookupError:
        place = zone.partition("/")[2].replace("_", " ")
    return place.rpartition("/")[2] or zone


class PasswordForm(Form):  # type: ignore[misc]
    """One's own password, typed twice."""

    current = PasswordField(_l("Current password"))
    password = PasswordField(_l("New password"))
    confirmation = PasswordField(_l("New password again"))

    def refuse_mismatch(self) -> None:
        """Raise Refused unless both new passwords are the same."""
        if self.password.data != self.confirmation.data:
            raise Refused(_("New password again: it differs from the first. Type the same one twice."), "confirmation")
