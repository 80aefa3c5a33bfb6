"""The pages of the people who sign in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _l, within_sentence
from backoffice.models.base import Resource
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts
from backoffice.writes import Unit

from .base import ResourceView, Words
from .columns import Drawn
from .forms import RecordForm
from .pickers import ZoneField
from .role import letter_line, letter_list
from .saving import Extra

#: The fields of the section "Reset password".
PASSWORD, CONFIRMATION = "password", "password_confirm"


class UserView(ResourceView):
    """People: who they are, what they may, and a new password when theirs is lost."""

    model = User
    place = (21, "user")
    words = Words(
        _l("No users yet."),
        _l("No users match %(held)s."),
        _l("Add user"),
        _l("Add the first one."),
        _l("Search users"),
    )
    columns = ("name", "roles", "letters", "active", "updated_at")
    on_phone = {"roles": "under", "active": "end"}
    main = ("email", "name", "roles")
    side = ("active", "locale", "zone")
    widgets = {"zone": ZoneField}
    besides = frozenset({PASSWORD, CONFIRMATION})
    form_template = "admin/user.html"
    details_page = "admin/user_details.html"

    def column_letters(self, user: User) -> Drawn:
        """Return what the person may do."""
        return letter_line(policy.actor_of(user))

    column_letters.label = _l("Rights")  # type: ignore[attr-defined]

    def all_letters(self, user: User) -> Markup:
        """Return what the person may do, resource by resource."""
        return letter_list(policy.actor_of(user))

    def prepare(self, rows: Sequence[Resource]) -> None:
        """Load the limits of all roles on the page in one statement."""
        keys = {role.id for user in rows for role in user.roles}
        wanted = select(Role).where(Role.id.in_(keys)).options(selectinload(Role.categories))
        db.session.scalars(wanted, execution_options={"populate_existing": True}).all()

    def may_set_password(self, record: Resource | None) -> bool:
        """Return whether the person may set the password of this one."""
        return policy.allows(self.actor, "update", "user", record, "password_hash")

    def also(self, record: Resource | None) -> Extra:
        """Set the password that was typed, in the unit that saves the form."""
        password = request.form.get(PASSWORD, "")

        def work(unit: Unit, user: Resource) -> None:
            if password:
                accounts.set_password(unit, user, password)

        return work

    def check_extra(self, form: RecordForm) -> None:
        """Refuse two passwords that differ; what was typed stays."""
        if request.form.get(PASSWORD, "") != request.form.get(CONFIRMATION, ""):
            form.refuse(_("The two passwords differ. Type the same one twice."), PASSWORD)

    def extra_context(self, form: RecordForm, record: Resource | None) -> dict[str, Any]:
        """Return what the password section shows."""
        return {
            "password_open": self.may_set_password(record),
            "typed_password": request.form.get(PASSWORD, ""),
            "typed_confirmation": request.form.get(CONFIRMATION, ""),
            "said": within_sentence,
        }
