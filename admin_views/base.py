"""The view of a resource: Flask-Admin's addresses; every decision, read and write is ours.

A subclass names its model and, where the declaration does not say enough, which fields stand where.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from flask import Response, abort, flash, jsonify, make_response, redirect, request
from flask_admin import expose

from backoffice import policy, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import _, _l, _n
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Kind
from backoffice.operations import records
from backoffice.selection import Selection
from backoffice.web.errors import wants_json
from backoffice.writes import Unit

from . import actions, forms, inline, listing, lookups
from .access import GuardedView
from .actions import MassAction, mass_action
from .disarmed import DisarmedModelView
from .fields import HouseField
from .form_page import Section
from .form_pages import FormPages
from .lookups import key_of
from .personal import PersonalPages
from .record_pages import RecordPages

#: Endpoint -> verb that it asks of the view's own resource.
VERBS = {
    "index_view": "read",
    "details_view": "read",
    "compare_view": "read",
    "bring_back_view": "update",
    "ajax_lookup": "read",
    "create_view": "create",
    "edit_view": "update",
    "presence_view": "update",
    "ajax_update": "update",
    "list_count": "read",
    "list_like": "read",
    "view_keep": "read",
    "view_drop": "read",
    "delete_view": "delete",
    "restore_view": "delete",
    "purge_view": "delete",
    "export": "export",
}


#: What only a list has.
OF_LISTS = frozenset({"list_count", "list_like", "view_keep", "view_drop"})


class Words(NamedTuple):
    """What the list of a resource says about itself, in whole sentences; %(held)s is what it is held to."""

    empty: Any
    unmatched: Any
    add: Any
    first: Any
    search: Any


#: What a resource says that has no words of its own.
PLAIN = Words(
    _l("Nothing here yet."),
    _l("Nothing matches %(held)s."),
    _l("Add"),
    _l("Add the first one."),
    _l("Search"),
)


class ResourceView(PersonalPages, FormPages, RecordPages, GuardedView, DisarmedModelView):
    """One resource under Flask-Admin's addresses."""

    model: ClassVar[type[Resource]]

    #: Fields of the form in the main and in the side column; the rest of them follows in the main one.
    main: ClassVar[tuple[str, ...]] = ()
    side: ClassVar[tuple[str, ...]] = ()

    #: The same under headings, for a form with much in it; then it says what `main` and `side` are.
    sections: ClassVar[tuple[Section, ...]] = ()

    #: Columns of the list after the title; empty: the listed fields.
    columns: ClassVar[tuple[str, ...]] = ()

    #: Columns that a phone shows: under the title, or at the end of the row.
    on_phone: ClassVar[dict[str, str]] = {}

    #: Form fields of its own instead of the one that the kind has.
    widgets: ClassVar[dict[str, type[HouseField]]] = {}

    #: Names of what the form holds beside the fields.
    besides: ClassVar[frozenset[str]] = frozenset()

    #: Whether rows start with a picture.
    pictured: ClassVar[bool] = False

    #: What the addresses of its list hold where something else is the first page of the resource.
    list_view: ClassVar[str | None] = None

    #: What its list says.
    words: ClassVar[Words] = PLAIN

    #: The list, where a resource has more to show.
    list_template: ClassVar[str] = "admin/list.html"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "sections" in vars(cls):
            cls.main = tuple(name for one in cls.sections if not one.side for name in one.fields)
            cls.side = tuple(name for one in cls.sections if one.side for name in one.fields)

    def __init__(self) -> None:
        declared = self.model.resource
        self.group, self.icon, self.label = declared.group, declared.icon, declared.plural
        self.actions: dict[str, MassAction] = actions.actions_of(type(self))
        super().__init__(self.model, db, name=str(self.model.__name__), endpoint=declared.name)

    @classmethod
    def is_complete(cls) -> bool:
        """Return whether the class names its model."""
        return "model" in vars(cls)

    def right_of(self, endpoint: str) -> tuple[str, str] | None:
        """Return what `endpoint` asks; the action endpoint asks what the chosen action does."""
        if endpoint == "action_view":
            chosen = self.actions.get(request.form.get("action", ""))
            return self._right(chosen.verb if chosen else "read")
        if endpoint == "ajax_update" and not any(field.inline for field in fields_of(self.model).values()):
            # No cell of this list is edited in place.
            return None
        if endpoint in OF_LISTS and self.model.resource.singleton:
            return None
        return self._right(VERBS.get(endpoint))

    def _right(self, verb: str | None) -> tuple[str, str] | None:
        """Return the right to do `verb` to this resource, None for a verb that the resource does not have."""
        return (self.model.resource.name, verb) if verb in self.model.resource.all_verbs else None

    def get_one(self, id: Any) -> Resource:  # noqa: A002 (Flask-Admin's name)
        """Return the record with the key `id` that the person may see, in the trash or not. Raises NotFound."""
        key = key_of(str(id))
        record = Selection(model=self.model, actor=self.actor).get(db.session, key) if key is not None else None
        if record is None:
            raise NotFound(self.model.resource.name, id)
        return record

    def tells(self, column: str) -> bool:
        """Return whether the person may see a column of this list that is made of what other fields hold."""
        return True

    def prepare(self, rows: Sequence[Resource]) -> None:
        """Load what the columns of this list need besides, for all rows at once."""

    def takes(self, record: Resource, name: str) -> bool:
        """Return whether the field `name` of `record` may hold anything at all."""
        return True

    # What templates ask.

    def may(self, verb: str, record: Resource | None = None) -> bool:
        """Return whether the person may do `verb`, to some record or to this one."""
        known = verb in self.model.resource.all_verbs
        return known and policy.allows(self.actor, verb, self.model.resource.name, record)

    def name_of(self, record: Resource) -> str:
        """Return what the record is called, its key where the person may not see its name."""
        return policy.name_of(self.actor, record)

    def address(self, endpoint: str, **values: Any) -> str:
        """Return the address of one of this view's pages."""
        return self.get_url(f"{self.endpoint}.{endpoint}", **values)

    def list_address(self, **values: Any) -> str:
        """Return the address of the list with `values`, never that of another first page."""
        return self.address("index_view", **values or {listing.VIEW: self.list_view})

    def page(self, template: str, **context: Any) -> str:
        """Render one of this view's pages."""
        return self.render(
            template, view=self, declaration=self.model.resource, return_url=self.return_url(), **context
        )

    def return_url(self) -> str:
        """Return where the person came from, when it is a page of the admin; else the list."""
        return self._given_return_url() or self._list_before() or self.address("index_view")

    def _list_before(self) -> str | None:
        """Return the page of this list that the person came from: its links need not repeat its long address."""
        host, came_from, base = request.host_url.rstrip("/"), request.referrer or "", self.address("index_view")
        ours = came_from.startswith(f"{host}{base}") and came_from[len(host) + len(base) :][:1] in ("", "?")
        return came_from.removeprefix(host) if ours else None

    @staticmethod
    def _given_return_url() -> str | None:
        wanted = request.values.get("url", "")
        ours = wanted.startswith("/admin/") and not any(sign in wanted for sign in ("\\", "\n", "\r"))
        return wanted if ours else None

    # Pages.

    @expose("/")
    def index_view(self) -> Any:
        """Show the rows that the address asks for."""
        record = listing.opened(self, request.args)
        if record is not None:
            # A script follows a redirect by itself and would take the list out of the record's page.
            return Response(status=204, headers={"HX-Redirect": record}) if listing.is_part() else redirect(record)
        clean = listing.clean_address(self, request.args)
        if clean is not None:
            return redirect(clean)
        if (part := listing.part(self, request.args)) is not None:
            return self.page(part[0], **part[1])
        context = listing.context(self, request.args)
        response = make_response(self.page(self.list_template, request_mark=forms.new_request(), **context))
        if listing.is_part():
            # The address without what a form sent besides; none where it is that of the page already.
            same = request.headers.get("HX-Current-URL", "").endswith(context["here"])
            response.headers["HX-Push-Url"] = "false" if same else context["here"]
        return response

    @expose("/action/", methods=("POST",))
    def action_view(self) -> Any:
        """Do one deed to every ticked row."""
        chosen = self.actions.get(request.form.get("action", ""))
        if chosen is None:
            raise Refused(_("This action is not known here. Reload the page and choose one of the buttons."))
        try:
            keys = actions.ticked(request.form.getlist("rowid"))
            report = actions.carry_out(self, chosen, self.actor, keys, forms.request_mark(request.form))
        except writes.AlreadyDone as done:
            flash({"text": _("This was done already; it was not done twice."), "undo": done.change_set_id}, "info")
            return redirect(self.return_url(), 303)
        except Refused as refused:
            flash(str(refused), "error")
            return redirect(self.return_url(), 303)
        note = {"text": actions.sentence(chosen, report), "more": report.reasons, "undo": report.change_set_id}
        flash(note, "success" if report.done else "warning")
        return redirect(self.return_url(), 303)

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Any:
        """Answer a look-up field: the records that it may point to and that the text finds."""
        field = fields_of(self.model).get(request.args.get("name", ""))
        settable = policy.fields_for(self.actor, "read", self.model)
        if field is None or field.name not in settable or field.kind not in (Kind.REFERENCE, Kind.REFERENCES):
            abort(404)
        wanted = key_of(request.args.get("limit")) or lookups.LIMIT
        return jsonify(lookups.answer(self.actor, field, request.args.get("query", ""), wanted))

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> Any:
        """Set one field of one row of the list."""
        result = inline.update(self, request.form)
        if wants_json():
            return jsonify(result.payload(self, request.form)), result.status
        flash(result.note, "success" if result.status == 200 else "error")
        return redirect(self.return_url(), 303)

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Any:
        """Stream the rows of the selection that the address asks for."""
        return listing.export(self, export_type, request.args)

    # Deeds over ticked rows that every resource has.

    @mass_action(
        _l("Move to the trash"),
        verb="delete",
        icon="trash",
        danger=True,
        done=lambda n: _n("%(num)s moved to the trash.", "%(num)s moved to the trash.", n),
    )
    def trash(self, unit: Unit, record: Resource) -> None:
        """Move a record to the trash."""
        records.trash(unit, record)

    @mass_action(
        _l("Restore"),
        verb="delete",
        icon="restore",
        on_trash=True,
        done=lambda n: _n("%(num)s restored.", "%(num)s restored.", n),
    )
    def restore(self, unit: Unit, record: Resource) -> None:
        """Bring a record back from the trash."""
        records.restore(unit, record)
