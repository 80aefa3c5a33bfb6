"""One cell of the list, edited in place: the same rights, checks and history as the form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import get_locale
from werkzeug.exceptions import BadRequest

from backoffice import policy, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Field
from backoffice.operations import doubts, records
from backoffice.policy import Actor
from backoffice.writes import Unit

from . import formats
from .fields import OF_KIND
from .lookups import key_of


@dataclass
class Result:
    """What became of a cell: a sentence, and the record as it is now."""

    status: int
    text: str
    field: Field | None = None
    record: Resource | None = None
    change_set_id: int | None = None
    #: The mark of the questions that `text` asks; the cell is saved when it comes again with it.
    confirm: str | None = None

    @property
    def note(self) -> dict[str, Any]:
        """Return the toast."""
        return {"text": self.text, "undo": self.change_set_id}

    def payload(self) -> dict[str, Any]:
        """Return the answer to a script: the sentence, the current value and the version it belongs to."""
        answer: dict[str, Any] = {"message": self.text, "undo": self.change_set_id}
        if self.confirm:
            # Without version and value: what was typed stays in the cell until it is answered.
            return answer | {"question": self.text, "confirm": self.confirm}
        if self.record is not None and self.field is not None:
            value = self.field.get(self.record)
            answer |= {
                "version": self.record.version,
                "value": written(self.field, value),
                "shown": str(formats.of_kind(self.field, value, {}, getattr(self.record, "currency", None))),
            }
        return answer


def written(field: Field, value: Any) -> str:
    """Return `value` as it stands in an input."""
    return OF_KIND[field.kind].write(value)


def update(view: Any, data: Mapping[str, str]) -> Result:
    """Set the one inline field that `data` holds on the record that it names, if it is still as it was shown.

    `data` holds `id` (or Flask-Admin's `list_form_pk`), `version`, the field under its own name, and `confirm` where a
    question about just this value was answered with yes.
    """
    field = _field(view.model, data)
    record = view.get_one(data.get("id") or data.get("list_form_pk") or "")
    policy.require(view.actor, "update", record.resource.name, record, field.name)
    version = key_of(data.get("version"))
    if version is None:
        return Result(400, _("This cell does not say which state it shows. Reload the page."), field, record)
    try:
        value = field.parse(data[field.name], get_locale())
        receipt = _save(view.actor, record, field, value, version, doubts.accepted(data.get("confirm")))
    except records.Conflicted as conflicted:
        return _conflict(view, field, record.id, conflicted)
    except doubts.Doubtful as doubtful:
        return Result(409, str(doubtful), field, record, confirm=doubtful.mark)
    except Refused as refused:
        return Result(400, str(refused), field, record)
    current = view.get_one(record.id)
    shown = formats.of_kind(field, field.get(current), {}, getattr(current, "currency", None)).striptags()
    text = _(
        "%(field)s of “%(name)s” changed to %(value)s.", field=field.label, name=view.name_of(current), value=shown
    )
    return Result(200, text, field, current, receipt.change_set_id)


def _field(model: type[Resource], data: Mapping[str, str]) -> Field:
    named = [field for field in fields_of(model).values() if field.name in data]
    if len(named) != 1:
        raise BadRequest
    if not named[0].inline:
        raise NotFound(model.resource.name, named[0].name)
    return named[0]


def _save(
    actor: Actor, record: Resource, field: Field, value: Any, version: int, accepted: Collection[str]
) -> writes.Receipt:
    model, key = type(record), record.id

    def work(unit: Unit) -> None:
        current = unit.get(model, key)
        if current.trashed_at:
            raise Refused(_("“%(name)s” is in the trash. Restore it first.", name=str(record)))
        was = doubts.before(current)
        saved = records.save_form(unit, model, key, version, {field.name: value})
        doubts.ask(actor, saved.record, was, accepted)

    title = _("%(field)s of %(name)s", field=field.label, name=str(record))
    _nothing, receipt = writes.run(actor, title, work, source="inline")
    return receipt


def _conflict(view: Any, field: Field, key: int, conflicted: records.Conflicted) -> Result:
    db.session.rollback()
    found = conflicted.conflicts[0]
    theirs, yours = (
        formats.encoded(view.model, found.key, value, {}).striptags() for value in (found.theirs, found.yours)
    )
    text = _(
        "A colleague changed %(field)s to %(theirs)s while you typed %(yours)s. It was left as it is now.",
        field=field.label,
        theirs=theirs,
        yours=yours,
    )
    return Result(409, text, field, view.get_one(key))
