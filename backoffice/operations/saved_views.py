"""Saved views: a list's filters, search and order under a name, one's own or shared with a role that one holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from .. import policy, writes
from ..errors import NotFound, Refused
from ..i18n import _, _l
from ..models.fields import Field, Kind
from ..models.personal import SavedView
from ..models.role import Role
from ..models.user import User
from ..policy import Actor

#: Views that one person keeps of one list.
MAX_VIEWS = 50

_NAME = Field(label=_l("Name of the view"), kind=Kind.TEXT, required=True, max_length=60, name="name")


def offered(session: Session, person: User, resource: str) -> list[SavedView]:
    """Return the views of a list that `person` made or that are shared with a role of theirs, the oldest first."""
    shared = SavedView.role_id.in_([role.id for role in person.roles if not role.trashed_at])
    statement = select(SavedView).where(SavedView.resource == resource, shared | (SavedView.user_id == person.id))
    return list(session.scalars(statement.order_by(SavedView.id).limit(2 * MAX_VIEWS)))


def may_change(actor: Actor, view: SavedView) -> bool:
    """Return whether `actor` made the view, or may change the role that it is shared with."""
    return view.user_id == actor.user_id or (view.role_id is not None and policy.allows(actor, "update", "role"))


def add(actor: Actor, person: User, resource: str, name: str, query: Mapping[str, Any], role: int | None = None) -> int:
    """Keep `query` under `name` and return the key of the view. Raises Refused."""
    name = str(_NAME.clean(name))
    _require_held(person, role)
    with writes.bookkeeping() as session:
        own = select(func.count()).where(SavedView.user_id == actor.user_id, SavedView.resource == resource)
        if (session.scalar(own) or 0) >= MAX_VIEWS:
            raise Refused(_("You keep %(max)s views of this list already. Delete one first.", max=MAX_VIEWS))
        view = SavedView(user_id=person.id, role_id=role, resource=resource, name=name, query=dict(query))
        session.add(view)
        _store(session, view)
        return view.id


def change(actor: Actor, person: User, resource: str, key: int, **values: Any) -> str:
    """Set `name`, `query` or `role_id` of a view and return its name. Raises NotFound, Denied and Refused."""
    if "name" in values:
        values["name"] = str(_NAME.clean(values["name"]))
    with writes.bookkeeping() as session:
        view = _changeable(session, actor, person, resource, key)
        if values.get("role_id") != view.role_id:
            # A view stays shared with a role that its owner has lost since; it is not shared anew.
            _require_held(person, values.get("role_id"))
        for name, value in values.items():
            setattr(view, name, value)
        _store(session, view)
        return view.name


def remove(actor: Actor, person: User, resource: str, key: int) -> SavedView:
    """Delete a view and return what it was. Raises NotFound and Denied."""
    with writes.bookkeeping() as session:
        view = _changeable(session, actor, person, resource, key)
        session.delete(view)
        return SavedView(name=view.name, query=view.query, role_id=view.role_id)


def roles_of(person: User) -> Sequence[Role]:
    """Return the roles that `person` may share a view with."""
    return [role for role in person.roles if not role.trashed_at]


def _changeable(session: Session, actor: Actor, person: User, resource: str, key: int) -> SavedView:
    view = next((found for found in offered(session, person, resource) if found.id == key), None)
    if view is None:
        raise NotFound("saved_view", key)
    if not may_change(actor, view):
        raise policy.Denied("update", "role")
    return view


def _require_held(person: User, role: int | None) -> None:
    if role is not None and role not in {held.id for held in roles_of(person)}:
        raise Refused(_("Share a view with a role that you hold yourself."), "role")


def _store(session: Session, view: SavedView) -> None:
    name = view.name
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise Refused(_("A view is called “%(name)s” already. Choose another name.", name=name), "name") from error
