"""Forms of the account pages. Their token is the one that every POST of the house carries."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

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
    zone = SelectField(_l("Time zone"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = sorted(available_timezones())
        self.zone.choices = [SelectChoice("", _l("That of the house")), *(SelectChoice(zone, zone) for zone in zones)]


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
