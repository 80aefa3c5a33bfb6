"""Saved views as the tabs of a list: all of it, one's own, and those shared with a role of one's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.personal import SavedView
from backoffice.models.role import Role
from backoffice.operations import saved_views
from backoffice.selection import Selection
from backoffice.web.people import current_user_record

#: Tabs beside "All"; the others stand in a menu.
SHOWN = 5


@dataclass(frozen=True)
class Tab:
    """One saved view, or the whole list (without an id)."""

    label: str
    address: str
    id: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    role: str | None = None
    role_id: int | None = None
    changeable: bool = False


@dataclass(frozen=True)
class Tabs:
    """The tabs of a list: those shown and those in the menu, which of them is open, and whether the list differs."""

    shown: tuple[Tab, ...] = ()
    more: tuple[Tab, ...] = ()
    current: Tab | None = None
    changed: bool = False
    roles: tuple[Role, ...] = ()

    @property
    def current_id(self) -> str | None:
        """Return what addresses hold of the view that is open."""
        return self.current.id if self.current else None


def tabs(view: Any, selection: Selection, wanted: str) -> Tabs:
    """Return the tabs of the list; `wanted` is the view that the address names."""
    person = current_user_record()
    if person is None or selection.trash:
        return Tabs()
    base = view.address("index_view")
    whole = Tab(_("All"), view.list_address())
    names = {role.id: role.name for role in saved_views.roles_of(person)}
    found = saved_views.offered(db.session(), person, view.model.resource.name)
    made = [_tab(base, one, names, saved_views.may_change(view.actor, one)) for one in found]
    args = _plain(selection.args())
    named = next((tab for tab in made if tab.id == wanted), None)
    alike = next((tab for tab in made if _plain(tab.query) == args), None) if args else None
    current = named or alike or whole
    # The one that is open is always seen.
    first = sorted(made, key=lambda tab: tab is not current)[:SHOWN] if current in made[SHOWN:] else made[:SHOWN]
    return Tabs(
        (whole, *(tab for tab in made if tab in first)),
        tuple(tab for tab in made if tab not in first),
        current,
        _plain(current.query) != args,
        tuple(saved_views.roles_of(person)),
    )


def _tab(base: str, view: SavedView, roles: Mapping[int, str], changeable: bool) -> Tab:
    address = f"{base}?{urlencode({**view.query, 'view': view.id}, doseq=True)}"
    shared = roles.get(view.role_id) if view.role_id else None
    return Tab(view.name, address, str(view.id), view.query, shared, view.role_id, changeable)


def _plain(query: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return a question so that two that ask the same are equal."""
    return {name: sorted(value) if isinstance(value, list) else [str(value)] for name, value in query.items()}
