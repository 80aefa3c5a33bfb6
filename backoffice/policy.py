"""The decision: who may do what, to which rows, with which fields. Unknown means no.

An actor holds roles. A role grants verbs on resources, may be limited to category subtrees, and may hide or lock
fields. A right holds where one single role gives all of it: what one role grants in one subtree and another role in
another is never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_, select, true

from .errors import Refused
from .i18n import _
from .models.base import CRUD, Declaration, Resource, fields_of, find_field, resources
from .models.category import Category, within
from .models.history import Change
from .models.role import EVERYTHING, Role
from .models.user import User

S = TypeVar("S", bound=Select[Any])

#: What can be granted besides the resources themselves: area -> verbs.
AREAS: dict[str, tuple[str, ...]] = {"history": ("read",)}

#: The verbs that show a record and change nothing.
SHOWING = frozenset({"read", "export"})

_WHOLE: tuple[str, ...] = ()

#: Where a change tells that its record was filed, and the verb of which it tells nothing: there was no record then.
_FILED = (("create", "scope_before"), ("purge", "scope_after"))


@dataclass(frozen=True)
class RoleRights:
    """What one role gives: `grants` as `product:read`, `scope` as category paths (none: everywhere)."""

    name: str
    grants: frozenset[str]
    scope: tuple[str, ...] = _WHOLE
    hidden: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()

    def grants_verb(self, resource: str, verb: str) -> bool:
        """Return whether the role grants `verb` on some record of `resource`."""
        return EVERYTHING in self.grants or f"{resource}:{verb}" in self.grants

    def reaches(self, path: str | None) -> bool:
        """Return whether a record filed under the category `path` lies within the role's limits."""
        return not self.scope or (path is not None and any(path.startswith(root) for root in self.scope))

    def holds(self, resource: str, field: str, verb: str) -> bool:
        """Return whether the role shows `field` (read, export) or lets it be changed (any other verb)."""
        name = f"{resource}.{field}"
        return name not in self.hidden and (verb in SHOWING or name not in self.locked)


class Filed(Protocol):
    """What is filed under a category, or not: a record, or a `Place`."""

    @property
    def resource(self) -> Declaration: ...

    def scope_path(self) -> str | None: ...


@dataclass(frozen=True)
class Place:
    """Stands for a row that is not loaded, filed under the category `path`."""

    resource: Declaration
    path: str | None

    def scope_path(self) -> str | None:
        return self.path


@dataclass(frozen=True)
class Actor:
    """Who acts: a person with roles, or the house itself (`user_id` None, a label such as "command line")."""

    user_id: int | None
    label: str
    roles: tuple[RoleRights, ...] = ()


#: Nobody: holds no right at all.
ANONYMOUS = Actor(None, "")


class Denied(Exception):
    """The policy said no; names the grant that is missing."""

    def __init__(self, verb: str, resource: str, field: str | None = None) -> None:
        super().__init__(f"{verb} {resource}{'.' + field if field else ''}")
        self.verb = verb
        self.resource = resource
        self.field = field


def system(label: str) -> Actor:
    """Return the house itself as actor, as for a command typed on the server by `label`."""
    return Actor(None, label, (RoleRights(label, frozenset({EVERYTHING})),))


def rights_of(role: Role) -> RoleRights:
    """Return what `role` gives. Limits to categories in the trash still limit."""
    return RoleRights(
        role.name,
        frozenset(role.grants),
        tuple(sorted(category.path for category in role.categories)),
        frozenset(role.hidden_fields),
        frozenset(role.locked_fields),
    )


def actor_of(user: User) -> Actor:
    """Return `user` as actor; who is not active or in the trash holds nothing."""
    if not user.active or user.trashed_at:
        return ANONYMOUS
    return Actor(user.id, str(user), tuple(rights_of(role) for role in user.roles if not role.trashed_at))


def allows(actor: Actor, verb: str, resource: str, record: Filed | None = None, field: str | None = None) -> bool:
    """Return whether `actor` may do `verb` to `resource`: to some record of it, or to `record`, or to its `field`.

    A field that is not seen is not changed either: forms, conflicts and refusals would show what it holds.
    """
    if verb == "update" and field is not None and not allows(actor, "read", resource, record, field):
        return False
    return any(
        role.grants_verb(resource, verb)
        and (record is None or _reaches_record(role, record))
        and (field is None or role.holds(resource, field, verb))
        for role in actor.roles
    )


def require(actor: Actor, verb: str, resource: str, record: Filed | None = None, field: str | None = None) -> None:
    """Raise Denied unless `allows`."""
    if not allows(actor, verb, resource, record, field):
        raise Denied(verb, resource, field)


def fields_for(actor: Actor, verb: str, model: type[Resource], record: Filed | None = None) -> frozenset[str]:
    """Return the names of the fields that `actor` may see (read, export) or set (create, update), no secret one."""
    name = model.resource.name
    roles = [
        role
        for role in actor.roles
        if role.grants_verb(name, verb) and (record is None or _reaches_record(role, record))
    ]
    seen = fields_for(actor, "read", model, record) if verb == "update" else fields_of(model).keys()
    return frozenset(
        field
        for field, declared in fields_of(model).items()
        if field in seen
        and not declared.secret
        and (verb in SHOWING or not declared.system)
        and any(role.holds(name, field, verb) for role in roles)
    )


def scopes(actor: Actor, verb: str, resource: str) -> tuple[str, ...] | None:
    """Return the category paths within which `actor` may do `verb`: None everywhere, an empty tuple nowhere."""
    roles = [role for role in actor.roles if role.grants_verb(resource, verb)]
    model = resources().get(resource)
    if roles and (model is None or model.resource.scope is None or any(not role.scope for role in roles)):
        return None
    return tuple(sorted({path for role in roles for path in role.scope}))


def condition(actor: Actor, model: type[Resource], verb: str = "read") -> ColumnElement[bool]:
    """Return the condition that holds for the rows of `model` to which `actor` may do `verb`."""
    paths = scopes(actor, verb, model.resource.name)
    if paths is None:
        return true()
    if not paths:
        return false()
    ranges = or_(*(within(Category.path, path) for path in paths))
    if model is Category:
        return ranges
    column = getattr(model, str(model.resource.scope))
    return column.in_(select(Category.id).where(ranges))  # type: ignore[no-any-return]


def visible(actor: Actor, statement: S, model: type[Resource], verb: str = "read") -> S:
    """Return `statement` over `model` held to the rows to which `actor` may do `verb`."""
    return statement.where(condition(actor, model, verb))


def referable(actor: Actor, statement: S, model: type[Resource]) -> S:
    """Return `statement` over `model` held to the rows that `actor` may point a reference to."""
    return statement if model.resource.referable else visible(actor, statement, model)


def shown_diff(actor: Actor, change: Change) -> dict[str, list[Any]]:
    """Return the difference of `change` without the fields that `actor` may not see today where it was filed.

    In the fields' order: PostgreSQL keeps the entries of a document in an order of its own.
    """
    model = resources().get(change.resource)
    if model is None:
        return {}
    shown = _shown_in(actor, model, change)
    known = {key: found[0] for key in change.diff if (found := find_field(model, key))}
    order = sorted(known, key=lambda key: (known[key].order, key))
    return {key: change.diff[key] for key in order if known[key].name in shown}


def names(actor: Actor, model: type[Resource], record: Filed | None = None) -> bool:
    """Return whether `actor` may know what records of `model` are called, or `record`."""
    return _naming(model) <= fields_for(actor, "read", model, record)


def name_of(actor: Actor, record: Resource) -> str:
    """Return what `record` is called, its number where `actor` may not know its name."""
    return str(record) if names(actor, type(record), record) else f"#{record.id}"


def label_of(actor: Actor, change: Change) -> str:
    """Return what the record of `change` was called, its number where `actor` may not know its name."""
    return change.label if tells_label(actor, change) else f"#{change.record_id}"


def tells_label(actor: Actor, change: Change | Row[Any]) -> bool:
    """Return whether `actor` may know what the record of `change` was called where it was filed."""
    model = resources().get(change.resource)
    return model is None or _naming(model) <= _shown_in(actor, model, change)


def discreet(
    actor: Actor, refused: Refused, model: type[Resource], record: Filed | None = None, *, new: bool = False
) -> Refused:
    """Return `refused`, without its words where they are about a field that `actor` does not see.

    Of a `new` record they know what they set themselves.
    """
    known = fields_for(actor, "create" if new else "read", model, record) | fields_for(actor, "read", model, record)
    if refused.field not in fields_of(model) or refused.field in known:
        return refused
    return Refused(
        _("It does not go with a field that you do not see. Ask somebody who sees all fields to make this change.")
    )


def visible_changes(actor: Actor, statement: S) -> S:
    """Return `statement` over Change held to records within reach, as they were filed then and as they are now."""
    if not allows(actor, "read", "history"):
        return statement.where(false())
    clauses = [_visible_changes_of(actor, model) for model in resources().values()]
    return statement.where(or_(false(), *clauses))


def _visible_changes_of(actor: Actor, model: type[Resource]) -> ColumnElement[bool]:
    name = model.resource.name
    paths = scopes(actor, "read", name)
    if paths is None:
        return Change.resource == name
    if not paths:
        return false()
    # Of one record at a time: to collect all that lie within reach takes longer than any page may.
    now = (
        visible(actor, select(model.id).where(model.id == Change.record_id), model).correlate(Change).scalar_subquery()
    )
    return and_(Change.resource == name, filed_in_reach(actor, model), now.is_not(None))


def filed_in_reach(actor: Actor, model: type[Resource]) -> ColumnElement[bool]:
    """Return the condition that a Change of a record within reach found and left it within reach too."""
    paths = scopes(actor, "read", model.resource.name)
    if paths is None:
        return true()
    return and_(*(or_(Change.verb == verb, _filed_within(getattr(Change, column), paths)) for verb, column in _FILED))


def _filed_within(column: Any, paths: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a path of old in `column` leads through one of the categories that `paths` end in.

    Not by its beginning: the category may have been moved since, with all that is in it.
    """
    return or_(false(), *(column.contains(_last_step(path)) for path in paths))


def _naming(model: type[Resource]) -> set[str]:
    return {model.resource.title, "name"} & fields_of(model).keys()


def _shown_in(actor: Actor, model: type[Resource], change: Change | Row[Any]) -> frozenset[str]:
    """Return the fields of `model` that `actor` sees wherever a record was filed before and after `change`."""
    places = {getattr(change, column) for verb, column in _FILED if change.verb != verb}
    return frozenset.intersection(*(_shown_at(actor, model, path) for path in places))


def _shown_at(actor: Actor, model: type[Resource], path: str | None) -> frozenset[str]:
    """Return the fields of `model` that `actor` sees where a record was filed under `path`, maybe one of old."""
    limited = model.resource.scope is not None
    roles = [role for role in actor.roles if not (limited and role.scope) or _leads_through(role.scope, path)]
    return fields_for(replace(actor, roles=tuple(roles)), "read", model)


def _leads_through(roots: Iterable[str], path: str | None) -> bool:
    return path is not None and any(_last_step(root) in path for root in roots)


def _last_step(path: str) -> str:
    return f"/{path.split('/')[-2]}/"


def covers(actor: Actor, rights: RoleRights) -> bool:
    """Return whether `actor` holds all that `rights` gives, so that they may hand it on or act on its holder."""
    return all(any(_covers_grant(own, rights, grant) for own in actor.roles) for grant in rights.grants)


def _covers_grant(own: RoleRights, rights: RoleRights, grant: str) -> bool:
    holds = EVERYTHING in own.grants or grant in own.grants
    within_scope = not own.scope or (bool(rights.scope) and all(own.reaches(path) for path in rights.scope))
    return holds and within_scope and own.hidden <= rights.hidden and own.locked <= rights.locked | rights.hidden


def matrix_lines() -> dict[str, tuple[str, ...]]:
    """Return every line of the permission matrix with its verbs: each resource, then each area."""
    return {name: model.resource.all_verbs for name, model in resources().items()} | AREAS


def all_grants() -> frozenset[str]:
    """Return every grant there is, such as `product:update`."""
    return frozenset(f"{line}:{verb}" for line, verbs in matrix_lines().items() for verb in verbs)


def letters(actor: Actor, resource: str) -> str:
    """Return the letters C, R, U, D that `actor` holds on `resource`, a dash for each other."""
    known = matrix_lines().get(resource, ())
    return "".join(verb[0].upper() if verb in known and allows(actor, verb, resource) else "–" for verb in CRUD)


def holders(roles: Iterable[Role], verb: str, resource: str, field: str | None = None) -> list[str]:
    """Return the names of the `roles` that grant `verb` on `resource`, for a refusal to say who can give it."""
    return [
        role.name
        for role in roles
        if (rights := rights_of(role)).grants_verb(resource, verb)
        and (field is None or rights.holds(resource, field, verb))
    ]


def _reaches_record(role: RoleRights, record: Filed) -> bool:
    return not role.scope or record.resource.scope is None or role.reaches(record.scope_path())
