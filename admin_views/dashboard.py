"""The first page: what needs someone, and what changed last; every number links to the records it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_admin import expose

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _l
from backoffice.models.product import Product
from backoffice.policy import Actor
from backoffice.selection import Count, Selection

from . import timeline
from .access import GuardedView

#: Change sets shown.
LATEST = 8

#: What may need someone: a sentence, and the parameters of the list that holds it.
NEEDS: tuple[tuple[Any, dict[str, str]], ...] = (
    (_l("Drafts"), {"status": "draft"}),
    (_l("Without a price"), {"price": "none"}),
    (_l("Without a category"), {"category_id": "none"}),
    (_l("In the trash"), {"trash": "1"}),
)


@dataclass(frozen=True)
class Number:
    """A number of products and the list that shows them."""

    label: str
    count: Count
    args: dict[str, Any]


class Dashboard(GuardedView):
    """Numbers that link to the records they count."""

    VERB_OF = {"index": GuardedView.OPEN}

    def is_accessible(self) -> bool:
        """Return whether the person may open the dashboard: everyone signed in may."""
        return self._may("index")

    @expose("/")
    def index(self) -> str:
        """Show the dashboard."""
        deeds: list[timeline.Deed] = []
        if policy.allows(self.actor, "read", "history"):
            page = timeline.page_of_sets(db.session, timeline.visible_sets(self.actor), None)
            deeds = timeline.deeds(db.session, self.actor, page.rows[:LATEST])
        return self.render("admin/dashboard.html", numbers=numbers(self.actor), deeds=deeds)


def numbers(actor: Actor) -> list[Number]:
    """Return how many products need someone; what `actor` may not ask by is left out, and so are zeros."""
    if not policy.allows(actor, "read", "product"):
        return []
    found = [Number(_("Products"), Selection(Product, actor).count(db.session), {})]
    for label, args in NEEDS:
        parsed = Selection.from_args(Product, actor, args)
        if parsed.problems:
            continue
        counted = parsed.selection.count(db.session)
        if counted.value:
            found.append(Number(str(label), counted, args))
    return found
