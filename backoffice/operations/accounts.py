"""People who sign in: made, given roles and passwords, deactivated. What nobody may do stands in `guards`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from .. import policy, writes
from ..errors import Refused
from ..i18n import _, phrase
from ..models.base import fields_of
from ..models.role import ADMINISTRATOR, Role
from ..models.user import User, new_session_key
from ..policy import Actor
from ..writes import Unit
from . import guards, passwords, records

FIRST_ADDRESS = "admin@example.org"

#: What everybody may change about themselves.
OWN_FIELDS = frozenset({"name", "locale", "zone"})


def create_user(
    unit: Unit, email: str, roles: Sequence[Role], name: str | None = None, password: str | None = None
) -> User:
    """Create a person with `roles`; without a password they cannot sign in until one is set.

    Raises Denied and Refused.
    """
    values = {"email": address_of(email) or email, "name": name, "roles": [role.id for role in roles]}
    user = records.create(unit, User, values)
    if password is not None:
        policy.require(unit.actor, "create", "user", user, "password_hash")
        _keep(user, password)
        unit.session.flush()
    return user


def set_password(unit: Unit, user: User, password: str) -> None:
    """Set the password of somebody else; all their sessions end. Raises Denied and Refused."""
    policy.require(unit.actor, "update", "user", user, "password_hash")
    _keep(user, password)
    unit.session.flush()


def change_own_password(unit: Unit, user: User, password: str) -> None:
    """Set one's own password, the current one having been checked; all sessions end. Raises Denied and Refused."""
    _require_self(unit, user)
    _keep(user, password)
    unit.session.flush()


def update_profile(unit: Unit, user: User, values: Mapping[str, str | None]) -> None:
    """Change what everybody may change about themselves. Raises Denied and Refused."""
    _require_self(unit, user)
    for key, value in values.items():
        if key not in OWN_FIELDS:
            raise policy.Denied("update", "user", key)
        setattr(user, key, value)
    unit.session.flush()


def deactivate(unit: Unit, user: User) -> None:
    """Keep `user` from signing in; open sessions end. Raises Denied and Refused."""
    records.update(unit, user, {"active": False})


def activate(unit: Unit, user: User) -> None:
    """Let `user` sign in again. Raises Denied and Refused."""
    records.update(unit, user, {"active": True})


def assign_roles(unit: Unit, user: User, roles: Iterable[Role]) -> None:
    """Give `user` exactly `roles`. Raises Denied and Refused."""
    records.update(unit, user, {"roles": [role.id for role in roles]})


def roles_of_keys(unit: Unit, keys: Sequence[str]) -> list[Role]:
    """Return the roles with `keys`. Raises Refused, naming those that there are, for a key that is none."""
    live = unit.session.scalars(select(Role).where(Role.trashed_at.is_(None)).order_by(Role.id))
    found = {role.key: role for role in live}
    for key in keys:
        if key not in found:
            raise Refused(
                _("There is no role “%(key)s”. Choose one of: %(keys)s.", key=key[:80], keys=", ".join(found)), "roles"
            )
    return [found[key] for key in dict.fromkeys(keys)]


def user_of(unit: Unit, email: str) -> User:
    """Return the person with the address `email`, locked. Raises Refused."""
    user = _find(unit, email)
    if user is None:
        raise Refused(_("Nobody has the address “%(email)s”. Check its spelling.", email=email[:254]), "email")
    return user


def ensure_first_administrator(actor: Actor, email: str = FIRST_ADDRESS) -> tuple[str, str] | None:
    """Make sure that an administrator can sign in; return address and password when there was none, else None.

    Whoever has that address already becomes administrator with a new password. Raises Denied and Refused.
    """
    password = passwords.generate()

    def work(unit: Unit) -> str | None:
        return None if guards.has_administrator(unit) else _make_administrator(unit, email, password).email

    made, _receipt = writes.run(actor, phrase("Create the first administrator"), work, source="command")
    return (made, password) if made else None


def _make_administrator(unit: Unit, email: str, password: str) -> User:
    (role,) = roles_of_keys(unit, [ADMINISTRATOR])
    user = _find(unit, email)
    if user is None:
        return create_user(unit, email, [role], password=password)
    if user.trashed_at:
        records.restore(unit, user)
    records.update(unit, user, {"active": True, "roles": sorted({role.id, *(held.id for held in user.roles)})})
    set_password(unit, user, password)
    return user


def _find(unit: Unit, email: str) -> User | None:
    address = address_of(email)
    if address is None:
        return None
    found = unit.session.scalar(select(User.id).where(User.email == address))
    return unit.get(User, found) if found else None


def address_of(text: str) -> str | None:
    """Return an address in the form in which people's addresses are stored, None for a text that can be none."""
    try:
        return str(fields_of(User)["email"].clean(text)).casefold()
    except Refused:
        return None


def _keep(user: User, password: str) -> None:
    user.password_hash = passwords.hash_of(password, user.email)
    user.session_key = new_session_key()


def _require_self(unit: Unit, user: User) -> None:
    if unit.actor.user_id != user.id:
        raise policy.Denied("update", "user")
