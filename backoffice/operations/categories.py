"""Rules of the category tree that need to know who acts."""

from __future__ import annotations

from .. import policy
from ..errors import Refused
from ..i18n import _
from ..recording import Draft
from ..writes import Unit, rule


@rule("category")
def stay_in_reach(unit: Unit, draft: Draft) -> None:
    """A category does not leave the subtrees of whoever moves it, nor come into being outside of them."""
    if draft.scope_after is None or draft.scope_after == draft.scope_before:
        return
    verb = "create" if draft.verb == "create" else "update"
    roots = policy.scopes(unit.actor, verb, "category")
    if roots is not None and not any(draft.scope_after.startswith(root) for root in roots):
        raise Refused(
            _("You can work in some categories only, and this would leave them. Choose one of yours."), "parent_id"
        )
