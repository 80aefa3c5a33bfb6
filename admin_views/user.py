"""The pages of the people who sign in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask import request
from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _l, within_sentence
from backoffice.models.base import Resource
from backoffice.models.role import ADMINISTRATOR, Role
from backoffice.models.user import User
from backoffice.operations import accounts, guards
from backoffice.operations.rights_change import compare, is_last_administrator
from backoffice.policy import ANONYMOUS, Actor
from backoffice.writes import Unit

from . import formats
from .base import ResourceView, Words
from .columns import Drawn
from .effects import Effects, EffectsPages, own_warnings
from .forms import RecordForm
from .lookups import keys_of
from .matrix import Held, columns, held
from .pickers import ZoneField
from .role import letter_line, sees_rights
from .saving import Extra
from .told_rights import of_a_person

#: The fields of the section "Reset password".
PASSWORD, CONFIRMATION = "password", "password_confirm"


class UserView(EffectsPages, ResourceView):
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
    told = ("roles", "active")
    form_template = "admin/user.html"
    details_page = "admin/user_details.html"

    def column_letters(self, user: User) -> Drawn:
        """Return what the person may do."""
        return letter_line(policy.actor_of(user))

    column_letters.label = _l("Rights")  # type: ignore[attr-defined]

    def tells(self, column: str) -> bool:
        """Return whether the person may see a column: the letters tell what the roles give that somebody holds."""
        return column != "letters" or self._sees_rights()

    def _sees_rights(self) -> bool:
        return "roles" in policy.fields_for(self.actor, "read", User) and sees_rights(self.actor)

    def rights_of(self, user: User) -> list[Held] | None:
        """Return what the person may do, resource by resource; None where the reader may not know."""
        return held(policy.actor_of(user), self.actor) if self._sees_rights() else None

    def verbs(self) -> list[str]:
        """Return the headings of the table of rights."""
        return [label for _verb, label in columns()]

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
        return super().extra_context(form, record) | {
            "password_open": self.may_set_password(record),
            "typed_password": request.form.get(PASSWORD, ""),
            "typed_confirmation": request.form.get(CONFIRMATION, ""),
            "said": within_sentence,
        }

    def effects(self, form: RecordForm, record: Resource | None) -> Effects:
        """Return what saving the form of a person would do: what they gain and lose, and their letters afterwards."""
        user, values = record if isinstance(record, User) else None, form.values()
        held = keys_of(user.roles) if user else set()
        was_active = user is None or user.active
        wanted, active = keys_of(values.get("roles", held)), bool(values.get("active", was_active))
        if (wanted, active) == (held, was_active):
            return Effects()
        roles = self._roles(wanted, held)
        name = self.name_of(user) if user else values.get("name") or values.get("email")
        who = formats.isolated(name) if name else _("The new user")
        before = policy.actor_of(user) if user else ANONYMOUS
        after = Actor(getattr(user, "id", None), who, tuple(map(policy.rights_of, roles))) if active else ANONYMOUS
        told = self._sees_rights()
        said = of_a_person(who, compare(before, after)) if told else []
        effects = Effects(said, letters=letter_line(after) if told and active else None)
        if active != was_active:
            sign = _("%(who)s may sign in again.", who=who) if active else _("%(who)s can no longer sign in.", who=who)
            effects.said.insert(0, sign)
        elif told and not effects.said:
            effects.said = [_("%(who)s may do the same as before.", who=who)]
        effects.warnings = [*self._refusals(user, roles, held, active)]
        if user is not None and user.id == self.actor.user_id:
            effects.warnings += own_warnings(before, after)
        return effects

    def _roles(self, keys: set[int], held: set[int]) -> list[Role]:
        """Return the live roles `keys`, as they are stored; of others than are `held` those that can be given."""
        live = select(Role).where(Role.id.in_(sorted(keys)), Role.trashed_at.is_(None)).order_by(Role.id)
        within_reach = or_(Role.id.in_(sorted(held)), policy.condition(self.actor, Role))
        return list(db.session.scalars(live.where(within_reach)))

    def _refusals(self, user: User | None, roles: list[Role], held: set[int], active: bool) -> Iterator[str]:
        """Yield why the form could not be saved as it stands."""
        own = user is not None and user.id == self.actor.user_id
        for role in user.roles if user is not None and not own else ():
            if guards.missing_grants(self.actor, policy.rights_of(role)):
                yield guards.more_than_you(formats.isolated(self.name_of(user)))
                return
        for role in roles:
            if role.id not in held and guards.missing_grants(self.actor, policy.rights_of(role)):
                yield guards.cannot_give(formats.isolated(role.name))
        stays = active and ADMINISTRATOR in {role.key for role in roles}
        if user is not None and not stays and is_last_administrator(db.session(), user):
            yield guards.last_administrator(formats.isolated(self.name_of(user)))
