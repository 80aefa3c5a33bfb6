"""The endpoints of a form: create and edit a record, shown again with all that was typed until it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from flask import flash, g, jsonify, redirect, request
from flask_admin import expose

from backoffice import policy
from backoffice.errors import Refused
from backoffice.i18n import _
from backoffice.models.base import Resource
from backoffice.operations import doubts, records
from backoffice.web.errors import RETRY_AFTER, wants_json

from . import conflicts, details, form_page, forms, lookups, saving
from .lookups import key_of


class FormPages:
    """The endpoints that show and take a form; a view says what it holds beside the fields."""

    model: type[Resource]
    form_template: ClassVar[str] = "admin/edit.html"

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
            outcome = self._saved(form, record)
            if outcome.key is not None:
                return self._after_save(form, outcome)
            record = self.get_one(record.id)
        return self._show_form(form, record, outcome)

    def _saved(self, form: forms.RecordForm, record: Resource) -> saving.Outcome:
        """Save a form that was sent over `record`, and return what became of it."""
        data, values = request.form, form.values()
        forms.take_theirs(self.model, record, values, data)
        opened = key_of(data.get(forms.VERSION))
        # Over a newer version the unit merges first: what this person did not change may not go with it.
        problems = records.problems_of(self.model, record, values) if opened == record.version else []
        if not self._is_sendable(form, problems):
            return saving.Outcome()
        accepted = doubts.accepted(data.get(forms.CONFIRM))
        return saving.update(
            form, record, self.actor, opened, values, forms.request_mark(data), self.also(record), accepted
        )

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
