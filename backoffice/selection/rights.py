"""Which fields a person may ask by: asking by a field that is not seen would tell its values."""

from __future__ import annotations

from collections.abc import Callable

from .. import policy
from ..models.base import Resource, fields_of
from ..policy import Actor, Place, RoleRights


def askable(actor: Actor, model: type[Resource]) -> frozenset[str]:
    """Return the fields that `actor` sees on every row within reach, so that rows may be chosen and ordered by them.

    A field that one role shows in one subtree, while another role shows rows elsewhere without it, is not among them.
    """
    name = model.resource.name
    readers = [role for role in actor.roles if role.grants_verb(name, "read")]
    if not readers:
        return frozenset()
    limited = model.resource.scope is not None
    return frozenset(
        field
        for field, declared in fields_of(model).items()
        if not declared.secret and _seen_everywhere(readers, name, field, limited)
    )


def seen_at(actor: Actor, model: type[Resource]) -> Callable[[str | None], frozenset[str]]:
    """Return what gives the fields that `actor` sees of a record of `model` filed under a path."""
    everywhere = askable(actor, model)
    if everywhere == policy.fields_for(actor, "read", model):
        return lambda _path: everywhere
    return lambda path: policy.fields_for(actor, "read", model, Place(model.resource, path))


def _seen_everywhere(readers: list[RoleRights], resource: str, field: str, limited: bool) -> bool:
    showing = [role for role in readers if role.holds(resource, field, "read")]
    if not limited:
        return bool(showing)
    return all(_covered(reader, showing) for reader in readers)


def _covered(reader: RoleRights, showing: list[RoleRights]) -> bool:
    if reader in showing or any(not role.scope for role in showing):
        return True
    return bool(reader.scope) and all(any(role.reaches(path) for role in showing) for path in reader.scope)
