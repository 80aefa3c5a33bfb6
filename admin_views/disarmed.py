"""Flask-Admin's view of a model without what it would read, write or scaffold by itself."""

from __future__ import annotations

from typing import Any, NoReturn

from flask_admin.contrib.sqla import ModelView
from wtforms import Form


class DisarmedModelView(ModelView):
    """Routing and rendering only: whoever calls the rest has taken a way past the walls."""

    form_base_class = Form
    action_disallowed_list = ["delete"]

    def scaffold_form(self) -> type[Form]:
        """Return an empty form: ours are made for each request."""
        return Form

    def scaffold_list_columns(self) -> list[str]:
        """Return no column."""
        return []

    def scaffold_sortable_columns(self) -> dict[str, str]:
        """Return no column."""
        return {}

    def scaffold_auto_joins(self) -> list[Any]:
        """Return no join."""
        return []

    def init_search(self) -> bool:
        """Return that Flask-Admin does not search."""
        return False

    def get_query(self) -> NoReturn:
        """Refuse: rows come from a Selection."""
        raise NotImplementedError("Rows come from a Selection.")

    def get_count_query(self) -> NoReturn:
        """Refuse: counts come from a Selection."""
        raise NotImplementedError("Counts come from a Selection.")

    def get_list(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: rows come from a Selection."""
        raise NotImplementedError("Rows come from a Selection.")

    def create_model(self, form: Any) -> NoReturn:
        """Refuse: the door writes."""
        raise NotImplementedError("Writes go through the door.")

    def update_model(self, form: Any, model: Any) -> NoReturn:
        """Refuse: the door writes."""
        raise NotImplementedError("Writes go through the door.")

    def delete_model(self, model: Any) -> NoReturn:
        """Refuse: the door writes."""
        raise NotImplementedError("Writes go through the door.")

    def action_delete(self, ids: Any) -> NoReturn:
        """Refuse: the door writes."""
        raise NotImplementedError("Writes go through the door.")
