"""What a person keeps of a list: saved views, columns, height of the rows. Each is a form that works without script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from flask import flash, jsonify, redirect, request
from flask_admin import expose
from werkzeug.datastructures import MultiDict

from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import Resource
from backoffice.operations import personal, saved_views
from backoffice.policy import fields_for
from backoffice.selection import Selection
from backoffice.web.people import current_user_record

from . import columns, formats, listing
from .lookups import key_of

#: Characters of a question that is kept; no list that a person can ask for is longer.
LONGEST = 4000


class PersonalPages:
    """The endpoints of a list that keep what one person likes; each asks the right to read the resource."""

    model: type[Resource]

    @expose("/count/")
    def list_count(self) -> Any:
        """Count the rows of the selection: exactly to 10,000, beyond that about."""
        found = Selection.from_args(self.model, self.actor, request.args, listing.BESIDES)
        counted = found.selection.estimate(db.session)
        return jsonify(value=counted.value, exact=counted.exact, shown=formats.count(counted))

    @expose("/like/", methods=("POST",))
    def list_like(self) -> Any:
        """Keep which columns the person wants in which order, and how high the rows are."""
        name = listing.preference_name(self)
        if "reset" in request.form:
            kept: dict[str, Any] = {}
        else:
            known = [one.name for one in columns.available(self, fields_for(self.actor, "read", self.model))]
            kept = {"columns": _ordered(request.form, known), "density": request.form.get("density", "")}
        personal.prefer(self.actor.user_id, name, kept)
        return redirect(self.return_url(), 303)

    @expose("/views/", methods=("POST",))
    def view_keep(self) -> Any:
        """Save the list as it is under a name, or change a saved view: its name, what it asks, who shares it."""
        person, resource = current_user_record(), self.model.resource.name
        key = key_of(request.form.get("view"))
        values: dict[str, Any] = {}
        if "name" in request.form:
            values["name"] = request.form["name"]
        if "query" in request.form:
            values["query"] = self._question(request.form["query"])
        if "role" in request.form:
            values["role_id"] = key_of(request.form["role"])
        try:
            if key is None:
                values = {"name": "", "query": {}, "role_id": None} | values
                key = saved_views.add(self.actor, person, resource, values["name"], values["query"], values["role_id"])
                name = values["name"]
            else:
                name = saved_views.change(self.actor, person, resource, key, **values)
        except Refused as refused:
            flash(str(refused), "error")
            return redirect(self.return_url(), 303)
        flash(_("View “%(name)s” saved.", name=name))
        query = values.get("query") or self._question(request.form.get("back", ""))
        return redirect(self.address("index_view", **query, view=key), 303)

    @expose("/views/delete/", methods=("POST",))
    def view_drop(self) -> Any:
        """Delete a saved view; the answer offers to make it again."""
        key = key_of(request.form.get("view"))
        if key is None:
            raise NotFound("saved_view", request.form.get("view"))
        gone = saved_views.remove(self.actor, current_user_record(), self.model.resource.name, key)
        again = {"name": gone.name, "query": _written(gone.query), "role": gone.role_id or ""}
        flash(
            {
                "text": _("View “%(name)s” deleted.", name=gone.name),
                "again": {"address": self.address("view_keep"), "fields": again},
            }
        )
        return redirect(self.list_address(), 303)

    def _question(self, text: str) -> dict[str, Any]:
        """Return the arguments that `text` asks with, as far as a selection of this list understands them."""
        args = MultiDict((name, value) for name, values in parse_qs(text[:LONGEST]).items() for value in values)
        return Selection.from_args(self.model, self.actor, args, listing.BESIDES).selection.args()


def _written(query: dict[str, Any]) -> str:
    return listing.urlencode(query, doseq=True)


def _ordered(form: MultiDict[str, str], known: list[str]) -> list[str]:
    """Return the ticked columns in the order of the form, after the one that is moved was moved."""
    order = [name for name in dict.fromkeys(form.getlist("columns")) if name in known]
    for button, step in (("up", -1), ("down", 1)):
        moved = form.get(button)
        if moved in order:
            at = order.index(moved)
            order.insert(max(0, at + step), order.pop(at))
    return order
