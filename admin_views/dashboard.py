"""The first page: what needs someone, and what changed last."""

from __future__ import annotations

from flask_admin import expose

from .access import GuardedView


class Dashboard(GuardedView):
    """Numbers that link to the records they count."""

    VERB_OF = {"index": GuardedView.OPEN}

    def is_accessible(self) -> bool:
        """Return whether the person may open the dashboard: everyone signed in may."""
        return self._may("index")

    @expose("/")
    def index(self) -> str:
        """Show the dashboard."""
        return self.render("admin/dashboard.html")
