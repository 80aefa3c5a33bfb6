"""What a change of rights does, before it is done: to a role, and to the people who hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from .. import policy
from ..models.base import resources
from ..models.role import ADMINISTRATOR, EVERYTHING, Role
from ..models.user import User, user_role
from ..policy import Actor, Place, RoleRights
from . import guards

#: A resource or area, and a verb.
Line = tuple[str, str]

#: A verb, and the field of a resource that it is about.
FieldLine = tuple[str, str, str]

#: Where a verb is held -> the fields that it is held for there; None: a record that is filed nowhere.
_Held = dict[str | None, frozenset[str]]


@dataclass(frozen=True)
class Difference:
    """What somebody gains and loses: verbs altogether, verbs in more or fewer places, fields."""

    gained: tuple[Line, ...] = ()
    lost: tuple[Line, ...] = ()
    wider: tuple[Line, ...] = ()
    narrower: tuple[Line, ...] = ()
    fields_gained: tuple[FieldLine, ...] = ()
    fields_lost: tuple[FieldLine, ...] = ()

    @property
    def gains(self) -> bool:
        """Return whether anything is possible that was not."""
        return bool(self.gained or self.wider or self.fields_gained)

    @property
    def loses(self) -> bool:
        """Return whether anything is possible no more."""
        return bool(self.lost or self.narrower or self.fields_lost)


@dataclass(frozen=True)
class Concerned:
    """The people who hold a role, by key: who gains and who loses by its change, and how many there are."""

    holders: int
    gaining: tuple[int, ...]
    losing: tuple[int, ...]


def compare(before: Actor, after: Actor, lines: Iterable[str] | None = None) -> Difference:
    """Return how what `after` may do differs from what `before` may, on all resources and areas or on `lines`."""
    places = sorted({path for actor in (before, after) for role in actor.roles for path in role.scope})
    whole: dict[str, list[Line]] = {kind: [] for kind in ("gained", "lost", "wider", "narrower")}
    gained: list[FieldLine] = []
    lost: list[FieldLine] = []
    for name, verbs in policy.matrix_lines().items():
        for verb in verbs if lines is None or name in lines else ():
            was, now = (_held(actor, name, verb, places) for actor in (before, after))
            for kind in _kinds(was, now):
                whole[kind].append((name, verb))
            gained += [(name, verb, field) for field in sorted(_more(now, was))]
            lost += [(name, verb, field) for field in sorted(_more(was, now))]
    found = {kind: tuple(entries) for kind, entries in whole.items()}
    return Difference(**found, fields_gained=tuple(gained), fields_lost=tuple(lost))


def _held(actor: Actor, name: str, verb: str, paths: Iterable[str]) -> _Held:
    """Return where `actor` holds `verb`, and for which fields."""
    model = resources().get(name)
    if model is None:
        return {None: frozenset()} if policy.allows(actor, verb, name) else {}
    limited = model.resource.scope is not None
    places = [Place(model.resource, path) for path in (None, *(paths if limited else ()))]
    return {
        place.path: policy.fields_for(actor, verb, model, place)
        for place in places
        if policy.allows(actor, verb, name, place)
    }


def _kinds(was: _Held, now: _Held) -> list[str]:
    """Return in which ways a verb is held otherwise: not at all before or after, or in other places."""
    if bool(was) != bool(now):
        return ["gained" if now else "lost"]
    return [kind for kind, more in (("wider", now.keys() - was.keys()), ("narrower", was.keys() - now.keys())) if more]


def _more(one: _Held, other: _Held) -> frozenset[str]:
    """Return the fields that `one` holds in some place where `other` holds the verb without them."""
    return frozenset().union(*(one[place] - other[place] for place in one.keys() & other.keys()))


def touched(before: RoleRights, after: RoleRights) -> frozenset[str]:
    """Return the resources and areas on which a role may give something else than it did."""
    lines = policy.matrix_lines()
    if (EVERYTHING in before.grants) != (EVERYTHING in after.grants) or before.scope != after.scope:
        return frozenset(lines)
    names = {
        name.partition(sign)[0]
        for sign, one, other in (
            (":", before.grants, after.grants),
            (".", before.hidden, after.hidden),
            (".", before.locked, after.locked),
        )
        for name in one ^ other
    }
    return frozenset(names & lines.keys())


def concerned(session: Session, role_id: int, before: RoleRights, after: RoleRights) -> Concerned:
    """Return for whom the change of a role truly changes something; another role may give them the same.

    People who may act at all, active and not in the trash; each set of other roles is compared once.
    """
    held: dict[int, set[int]] = {}
    mine = select(user_role.c.user_id).where(user_role.c.role_id == role_id)
    pairs = (
        select(user_role.c.user_id, user_role.c.role_id)
        .join(User, User.id == user_role.c.user_id)
        .where(User.id.in_(mine), User.active, User.trashed_at.is_(None))
    )
    for user_id, held_id in session.execute(pairs):
        held.setdefault(user_id, set()).add(held_id)
    others = rights_by_key(session, {key for keys in held.values() for key in keys} - {role_id})
    groups: dict[frozenset[int], list[int]] = {}
    for user_id, keys in held.items():
        groups.setdefault(frozenset(keys & others.keys()), []).append(user_id)
    gaining, losing = [], []
    lines = touched(before, after)
    for besides, people in groups.items():
        rest = tuple(others[key] for key in sorted(besides))
        found = compare(Actor(None, "", (*rest, before)), Actor(None, "", (*rest, after)), lines)
        gaining += people if found.gains else []
        losing += people if found.loses else []
    return Concerned(len(held), tuple(sorted(gaining)), tuple(sorted(losing)))


def rights_by_key(session: Session, keys: Iterable[int]) -> dict[int, RoleRights]:
    """Return what the roles `keys` give, those in the trash left out."""
    statement = select(Role).where(Role.id.in_(sorted(keys)), Role.trashed_at.is_(None))
    return {role.id: policy.rights_of(role) for role in session.scalars(statement)}


def is_last_administrator(session: Session, user: User) -> bool:
    """Return whether `user` can sign in as administrator and nobody else can."""
    able = user.active and not user.trashed_at and user.password_hash
    if not able or ADMINISTRATOR not in {role.key for role in user.roles}:
        return False
    return not session.scalar(select(exists(guards.administrators().where(User.id != user.id))))
