"""The pages of categories: the tree, and the list behind it."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_admin import expose

from backoffice.extensions import db
from backoffice.i18n import _l
from backoffice.models.base import Resource
from backoffice.models.category import Category
from backoffice.selection import tree as reading

from . import tree, tree_pages
from .base import ResourceView, Words
from .lookups import key_of


class CategoryView(tree_pages.TreePages, ResourceView):
    """The category tree, and the same categories as a list."""

    model = Category
    place = (2, "category")
    words = Words(
        _l("No categories yet."),
        _l("No categories match %(held)s."),
        _l("Add category"),
        _l("Add the first one."),
        _l("Search categories"),
    )
    on_phone = {"parent_id": "under"}
    main = ("name", "name_i18n", "slug")
    side = ("parent_id", "position")
    list_view = "list"
    list_template = "admin/category_list.html"

    def right_of(self, endpoint: str) -> tuple[str, str] | None:
        """Return what `endpoint` asks, those of the tree included."""
        if endpoint in tree_pages.VERBS:
            return self._right(tree_pages.VERBS[endpoint])
        return super().right_of(endpoint)

    @property
    def has_tree(self) -> bool:
        """Return whether the person may see what stands under what."""
        return reading.is_shown_to(self.actor)

    @expose("/")
    def index_view(self) -> Any:
        """Show the tree, or the list where the address asks for it."""
        if tree.is_tree(request.args) and self.has_tree:
            return self.page("admin/tree.html", **tree.context(self, request.args))
        return super().index_view()

    def begun_from(self) -> Resource | None:
        """Return what a new category begins with: another one, or the one that it goes under."""
        key = key_of(request.args.get("parent_id"))
        if key is None:
            return super().begun_from()
        parent = self.get_one(key)
        return None if parent.trashed_at else Category(parent_id=parent.id, path=parent.path)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Any:
        """Move a category to the trash; one that holds something leads to where that can go."""
        record = self.get_one(request.form.get("id", ""))
        if self.may("delete", record) and not record.trashed_at and record.held(db.session(), self.name_of):
            return redirect(self.address("rehome_view", id=record.id, url=self.return_url()), 303)
        return super().delete_view()
