"""The view of a resource: Flask-Admin's addresses; every decision, read and write is ours.

A subclass names its model and, where the declaration does not say enough, which fields stand where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from flask import Response, abort, flash, g, jsonify, make_response, redirect, request
from flask_admin import expose

from backoffice import policy, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import Phrase, _, _l, _n, phrase
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Kind
from backoffice.operations import doubts, records
from backoffice.selection import Selection
from backoffice.web.errors import RETRY_AFTER, wants_json
from backoffice.writes import Unit

from . import actions, compare, conflicts, details, form_page, forms, inline, listing, lookups, saving
from .access import GuardedView
from .actions import MassAction, mass_action
from .disarmed import DisarmedModelView
from .fields import HouseField
from .form_page import Section
from .lookups import key_of
from .personal import PersonalPages

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


class ResourceView(PersonalPages, GuardedView, DisarmedModelView):
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

    #: The list and the pages of one record, where a resource has more to show.
    list_template: ClassVar[str] = "admin/list.html"
    form_template: ClassVar[str] = "admin/edit.html"
    details_page: ClassVar[str] = "admin/details.html"

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

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Show an empty form, or one that begins with what another record has, or create a record from it."""
        data = request.form if request.method == "POST" else None
        form = forms.build(self, None, data, self.begun_from() if data is None else None)
        outcome = saving.Outcome()
        if data is not None and self._is_sendable(form, records.problems_of(self.model, None, form.values())):
            accepted = doubts.accepted(data.get(forms.CONFIRM))
            outcome = saving.create(form, self.model, self.actor, forms.request_mark(data), self.also(None), accepted)
            if outcome.key is not None:
                return self._after_save(form, outcome)
        return self._show_form(form, None, outcome)

    def begun_from(self) -> Resource | None:
        """Return the record that a new form begins with, None where it begins empty."""
        return self.get_one(request.args["copy"]) if "copy" in request.args else None

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Show the form of a record, or save it."""
        record = self.get_one(request.args.get("id", ""))
        policy.require(self.actor, "update", self.model.resource.name, record)
        if request.method == "GET" and record.trashed_at:
            return redirect(self.address("details_view", id=record.id))
        data = request.form if request.method == "POST" else None
        form = forms.build(self, record, data)
        outcome = saving.Outcome()
        if data is not None:
            values = form.values()
            forms.take_theirs(self.model, record, values, data)
            opened = key_of(data.get(forms.VERSION))
            # Over a newer version the unit merges first: what this person did not change may not go with it.
            problems = records.problems_of(self.model, record, values) if opened == record.version else []
            if self._is_sendable(form, problems):
                accepted = doubts.accepted(data.get(forms.CONFIRM))
                outcome = saving.update(
                    form, record, self.actor, opened, values, forms.request_mark(data), self.also(record), accepted
                )
                if outcome.key is not None:
                    return self._after_save(form, outcome)
                record = self.get_one(record.id)
        return self._show_form(form, record, outcome)

    def also(self, record: Resource | None) -> saving.Extra:
        """Return what is done besides setting the fields, in the same unit."""
        return lambda _unit, _record: None

    def check_extra(self, form: forms.RecordForm) -> None:
        """Refuse, at `form`, what was typed beside the fields."""

    def extra_context(self, form: forms.RecordForm, record: Resource | None) -> dict[str, Any]:
        """Return what the form's template needs besides."""
        return {}

    def _is_sendable(self, form: forms.RecordForm, problems: Iterable[Refused]) -> bool:
        readable = form.validate()
        self.check_extra(form)
        # All at once: what the unit would refuse one after the other.
        for refused in problems:
            if refused.field in form and not form[refused.field].read_only and not form[refused.field].errors:
                form.refuse(str(refused), refused.field)
        # A form whose token had expired is shown again with all that was typed, and saved by the next sending.
        if "token_failed" in g:
            form.refuse(_("The page was open too long. What you typed is still here: save it again."), None)
        if problem := form_page.of_another_person(self.actor, request.form):
            form.refuse(problem, None)
        return readable and not form.all_problems

    def _after_save(self, form: forms.RecordForm, outcome: saving.Outcome) -> Any:
        lookups.remember(self.actor, form)
        record = self.get_one(outcome.key) if self.may("read") else None
        if outcome.repeated:
            note, kind = {"text": _("This was saved already; it was not done twice.")}, "info"
        else:
            name = self.name_of(record) if record is not None else str(self.model.resource.label)
            note, kind = details.saved_note(self.model, name, outcome), "success"
        stays = "_add_another" not in request.form and "_leave" not in request.form
        if wants_json() and stays and request.endpoint == f"{self.endpoint}.edit_view" and record is not None:
            return self._saved_answer(record, note)
        flash(note, kind)
        if "_add_another" in request.form and self.may("create"):
            address = self.address("create_view")
        else:
            where = "edit_view" if self.may("update") else "details_view"
            address = self.address(where, id=outcome.key, url=self._given_return_url())
        return jsonify(saved=True, go=address) if wants_json() else redirect(address, 303)

    def _saved_answer(self, record: Resource, note: dict[str, Any]) -> Any:
        """Return, to a script, the form over the record as it is now, and the toast."""
        if not self.may("update", record) or record.trashed_at:
            flash(note, "success")
            return jsonify(saved=True, go=self.address("details_view", id=record.id))
        form = forms.build(self, record, None)
        page = self._form_page(form, record, saving.Outcome(), record.version, bare=True)
        return jsonify(saved=True, message=note["text"], undo=note.get("undo"), page=page)

    def _show_form(self, form: forms.RecordForm, record: Resource | None, outcome: saving.Outcome) -> Any:
        held = outcome.conflicts or outcome.doubts
        status = 503 if outcome.busy else 409 if held else 400 if form.all_problems else 200
        # A form that was held up keeps the version it was opened with: only what was seen may be overwritten.
        seen = outcome.version or key_of(request.form.get(forms.VERSION)) or getattr(record, "version", None)
        if wants_json() and request.method == "POST":
            page = self._form_page(form, record, outcome, seen, bare=True)
            return jsonify(saved=False, page=page, token_failed="token_failed" in g), status
        page = self._form_page(form, record, outcome, seen)
        return (page, status, {"Retry-After": RETRY_AFTER}) if outcome.busy else (page, status)

    def _form_page(
        self,
        form: forms.RecordForm,
        record: Resource | None,
        outcome: saving.Outcome,
        version: int | None,
        bare: bool = False,
    ) -> str:
        """Return the page of `form`, or `bare` its content alone."""
        opened = key_of(request.form.get(forms.VERSION))
        return self.page(
            self.form_template,
            bare=bare,
            form=form,
            record=record,
            outcome=outcome,
            conflicts=conflicts.shown(self.actor, record, opened, outcome.conflicts),
            version=version,
            request_mark=forms.new_request(),
            **form_page.context(self, form, record),
            **self.extra_context(form, record),
        )

    @expose("/presence/", methods=("POST",))
    def presence_view(self) -> Any:
        """Note that the person has a record open in a form, or closed it, and say who else has."""
        record = self.get_one(request.form.get("id", ""))
        policy.require(self.actor, "update", self.model.resource.name, record)
        return jsonify(form_page.presence(self.actor, record, closed="left" in request.form))

    @expose("/details/")
    def details_view(self) -> Any:
        """Show all fields of a record that the person may see, and its history."""
        record = self.get_one(request.args.get("id", ""))
        return self.page(self.details_page, **details.context(self, record, key_of(request.args.get("before"))))

    @expose("/compare/")
    def compare_view(self) -> Any:
        """Show two states of a record side by side."""
        record = self.get_one(request.args.get("id", ""))
        policy.require(self.actor, "read", "history")
        old, new = (key_of(request.args.get(name)) for name in ("from", "to"))
        return self.page("admin/compare.html", **compare.context(self, record, old, new))

    @expose("/bring-back/", methods=("POST",))
    def bring_back_view(self) -> Any:
        """Set fields of a record to what they were at a version."""
        record = self.get_one(request.form.get("id", ""))
        policy.require(self.actor, "read", "history")
        policy.require(self.actor, "update", self.model.resource.name, record)
        version, keys = key_of(request.form.get("version")), request.form.getlist("key")[:200]

        def deed(unit: Unit, found: Resource) -> None:
            compare.bring_back(unit, found, version or 0, keys)

        return self._one_deed(deed, phrase("Bring back: %(name)s"), _l("“%(name)s” has the chosen fields back."))

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Any:
        """Move a record to the trash."""
        return self._one_deed(records.trash, phrase("Delete: %(name)s"), _l("“%(name)s” is in the trash."))

    @expose("/restore/", methods=("POST",))
    def restore_view(self) -> Any:
        """Bring a record back from the trash."""
        return self._one_deed(records.restore, phrase("Restore: %(name)s"), _l("“%(name)s” is back."))

    @expose("/purge/", methods=("POST",))
    def purge_view(self) -> Any:
        """Delete a record of the trash for good, after it was asked whether that is meant."""
        if "confirm" not in request.form:
            record = self.get_one(request.form.get("id", ""))
            return self.page("admin/purge.html", record=record, shown=details.shown_fields(self.actor, record))
        return self._one_deed(
            records.purge, phrase("Delete for good: %(name)s"), _l("“%(name)s” was deleted for good.")
        )

    def _one_deed(self, deed: Callable[[Unit, Resource], None], title: Phrase, said: Any) -> Any:
        record = self.get_one(request.form.get("id", ""))
        key, name, shown = record.id, str(record), self.name_of(record)

        def work(unit: Unit) -> None:
            deed(unit, unit.get(self.model, key))

        try:
            _nothing, receipt = writes.run(self.actor, title.of(name=name), work, source="form")
        except Refused as refused:
            flash(str(refused), "error")
            return redirect(self.return_url(), 303)
        undo = receipt.change_set_id if deed is not records.purge else None
        flash({"text": str(said) % {"name": shown}, "undo": undo}, "success")
        return redirect(self.return_url(), 303)

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
