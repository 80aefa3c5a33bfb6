"""The endpoints of one record: what it holds and was, and the deeds that move it to the trash, back and away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask import flash, redirect, request
from flask_admin import expose

from backoffice import policy, writes
from backoffice.errors import Refused
from backoffice.i18n import Phrase, _l, phrase
from backoffice.models.base import Resource
from backoffice.operations import records
from backoffice.writes import Unit

from . import compare, details
from .lookups import key_of


class RecordPages:
    """The endpoints that show one record and do one deed to it."""

    model: type[Resource]
    details_page: ClassVar[str] = "admin/details.html"

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
