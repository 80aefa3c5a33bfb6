"""What holds for people and roles whatever way a change comes: form, import, command, undo, restore.

Nobody hands on or takes away what they do not hold, and somebody can always administer the house.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, exists, select

from .. import policy
from ..errors import Refused
from ..i18n import _
from ..models.base import fields_of, resources
from ..models.category import Category
from ..models.role import ADMINISTRATOR, EVERYTHING, Role
from ..models.user import User
from ..policy import Actor, RoleRights
from ..recording import Draft
from ..writes import Unit, rule

#: Fields of a role that narrow what it gives, and what of its rights each is.
LIMITS = {"hidden_fields": "hidden", "locked_fields": "locked", "categories": "scope"}

#: How many unknown or missing rights a refusal names.
NAMED = 5


def can_sign_in() -> Any:
    """Return the condition for people who can sign in: active, not in the trash, with a password."""
    return User.active & User.trashed_at.is_(None) & User.password_hash.is_not(None)


def administrators() -> Select[int]:
    """Return the statement of the keys of the administrators who can sign in."""
    return select(User.id).where(can_sign_in(), User.roles.any(Role.key == ADMINISTRATOR))


def has_administrator(unit: Unit) -> bool:
    """Return whether an administrator can sign in; until the unit ends, no other unit can answer that question."""
    # Not FOR UPDATE: giving the role to someone holds a share of its row, and two such units would wait for each other.
    unit.session.scalar(select(Role.id).where(Role.key == ADMINISTRATOR).with_for_update(key_share=True))
    return bool(unit.session.scalar(select(exists(administrators()))))


@rule("user")
def guard_user(unit: Unit, draft: Draft) -> None:
    """Refuse what gives or takes more than the actor holds, and what leaves the house without an administrator."""
    held, given = _roles_of(unit, draft)
    if draft.record_id != unit.actor.user_id:
        for role in held.values():
            _require_covered(unit, policy.rights_of(role), more_than_you(draft.label), None)
    for key in given.keys() - held.keys():
        role = given[key]
        _require_covered(unit, policy.rights_of(role), cannot_give(role.name), "roles")
    if _loses_administrator(unit, draft, held, given) and not has_administrator(unit):
        raise Refused(
            last_administrator(draft.label),
            next((name for name in ("roles", "active") if name in draft.diff), None),
        )


@rule("role")
def guard_role(unit: Unit, draft: Draft) -> None:
    """Refuse unknown rights, a role that gives or gave more than the actor holds, and a broken administrator role."""
    role = None if draft.verb == "purge" else unit.session.get(Role, draft.record_id)
    if role is not None:
        _refuse_unknown(draft)
    after = policy.rights_of(role) if role else None
    before = _rights_before(unit, draft, after)
    _guard_administrator(draft, role)
    if before:
        _require_covered(unit, before, more_than_you(draft.label), None)
    if after:
        _require_covered(unit, after, cannot_give(draft.label), _widened(draft))


def _roles_of(unit: Unit, draft: Draft) -> tuple[dict[int, Role], dict[int, Role]]:
    """Return the roles that the person held before and holds after the change, by key."""
    user = None if draft.verb == "purge" else unit.session.get(User, draft.record_id)
    now = {role.id for role in user.roles} if user else set()
    was = set(draft.diff["roles"][0] or ()) if "roles" in draft.diff else now
    if draft.verb == "create":
        was = set()
    statement = select(Role).where(Role.id.in_(was | now))
    found = {role.id: role for role in unit.session.scalars(statement)}
    return {key: found[key] for key in was & found.keys()}, {key: found[key] for key in now & found.keys()}


def _loses_administrator(unit: Unit, draft: Draft, held: dict[int, Role], given: dict[int, Role]) -> bool:
    """Return whether the change takes an administrator away who could sign in before it."""
    user = None if draft.verb == "purge" else unit.session.get(User, draft.record_id)
    if user is None or user.password_hash is None or ADMINISTRATOR not in {role.key for role in held.values()}:
        # Who is deleted for good was in the trash already.
        return False
    was_active, active = draft.diff.get("active", (user.active, user.active))
    was_trashed, trashed = draft.diff.get("trashed_at", (user.trashed_at, user.trashed_at))
    could = was_active and not was_trashed
    can = active and not trashed and ADMINISTRATOR in {role.key for role in given.values()}
    return bool(could and not can)


def _rights_before(unit: Unit, draft: Draft, after: RoleRights | None) -> RoleRights | None:
    """Return what the role gave before the change, None when it is new."""
    if draft.verb == "create":
        return None
    rights = after or RoleRights(draft.label, frozenset())
    was = {key: before for key, (before, _after) in draft.diff.items()}
    if "categories" in was:
        paths = unit.session.scalars(select(Category.path).where(Category.id.in_(was["categories"] or ())))
        rights = replace(rights, scope=tuple(sorted(paths)))
    return replace(
        rights,
        grants=frozenset(was.get("grants", rights.grants) or ()),
        hidden=frozenset(was.get("hidden_fields", rights.hidden) or ()),
        locked=frozenset(was.get("locked_fields", rights.locked) or ()),
    )


def _refuse_unknown(draft: Draft) -> None:
    """Refuse rights and fields that do not exist; those that the role had already, of a package now gone, may stay."""
    fields = {f"{name}.{key}" for name, model in resources().items() for key in fields_of(model)}
    known: dict[str, Collection[str]] = {
        "grants": policy.all_grants() | {EVERYTHING},
        "hidden_fields": fields,
        "locked_fields": fields,
    }
    for key, names in known.items():
        was, now = draft.diff.get(key, (None, None))
        unknown = sorted(set(now or ()) - set(was or ()) - set(names))
        if unknown:
            label = fields_of(Role)[key].label
            raise Refused(
                _("%(field)s: %(names)s does not exist. Correct or remove it.", field=label, names=_named(unknown)), key
            )


def _guard_administrator(draft: Draft, role: Role | None) -> None:
    was = draft.diff["key"][0] if "key" in draft.diff else role.key if role else None
    if was != ADMINISTRATOR or draft.verb == "create":
        return
    if role is None or role.trashed_at or role.key != ADMINISTRATOR:
        raise Refused(_("The administrator role keeps its key and cannot be deleted."), "key" if role else None)
    if narrowing := narrowing_field(policy.rights_of(role)):
        raise Refused(administrator_stays(), narrowing)


def administrator_stays() -> str:
    """Return why the administrator role is not narrowed."""
    return _("The administrator role gives every right without limits. Make another role for less.")


def narrowing_field(rights: RoleRights) -> str | None:
    """Return the field of a role that keeps `rights` from giving everything everywhere, as an administrator's must."""
    narrowing = (name for name, limit in LIMITS.items() if getattr(rights, limit))
    return next(narrowing, None if EVERYTHING in rights.grants else "grants")


def missing_grants(actor: Actor, rights: RoleRights) -> list[str]:
    """Return the grants of `rights` that `actor` does not hold as far as they reach, and so cannot hand on."""
    single = {grant: replace(rights, grants=frozenset({grant})) for grant in sorted(rights.grants)}
    return [grant for grant, one in single.items() if not policy.covers(actor, one)]


def _require_covered(unit: Unit, rights: RoleRights, message: str, field: str | None) -> None:
    missing = missing_grants(unit.actor, rights)
    if missing and "grants" in policy.fields_for(unit.actor, "read", Role):
        raise Refused(f"{message} {_('Missing: %(grants)s.', grants=_named(missing))}", field)
    if missing:
        raise Refused(message, field)


def last_administrator(label: str) -> str:
    """Return why somebody stays administrator."""
    return _(
        "“%(person)s” is the last administrator who can sign in. Make somebody else administrator first.", person=label
    )


def more_than_you(label: str) -> str:
    """Return why somebody, or a role, is not changed."""
    return _("“%(name)s” holds rights that you do not hold; somebody who does can make this change.", name=label)


def cannot_give(label: str) -> str:
    """Return why a role is not handed on."""
    return _(
        "“%(name)s” gives rights that you do not hold yourself; leave them out, or ask who holds them.", name=label
    )


def _widened(draft: Draft) -> str | None:
    return next((key for key in ("grants", "categories", "hidden_fields", "locked_fields") if key in draft.diff), None)


def _named(names: Iterable[str]) -> str:
    names = [_("every right") if name == EVERYTHING else name for name in names]
    shown = ", ".join(f"“{name[:80]}”" for name in names[:NAMED])
    return f"{shown} …" if len(names) > NAMED else shown
