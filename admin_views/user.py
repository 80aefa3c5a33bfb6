"""The pages of the people who sign in."""

from __future__ import annotations

from markupsafe import Markup

from backoffice import policy
from backoffice.i18n import _l
from backoffice.models.user import User

from .base import ResourceView
from .role import letter_list


class UserView(ResourceView):
    """People: who they are, what they may, and a new password when theirs is lost."""

    model = User
    place = (21, "user")
    columns = ("name", "roles", "letters", "active", "updated_at")
    main = ("email", "name", "roles")
    side = ("active", "locale", "zone")

    def column_letters(self, user: User) -> Markup:
        """Return what the person may do."""
        return letter_list(policy.actor_of(user))

    column_letters.label = _l("Rights")  # type: ignore[attr-defined]
