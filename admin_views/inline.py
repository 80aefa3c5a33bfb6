"""One cell of the list, edited in place: the same rights, checks and history as the form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from flask_babel import get_locale
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from backoffice import policy, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import AmbiguousNumber, _, parse_decimal, phrase
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Field
from backoffice.operations import doubts, records
from backoffice.policy import Actor
from backoffice.selection import Selection
from backoffice.writes import Unit

from . import columns, formats
from .lookups import key_of

#: What a script sends besides the cell: the question of its list, and which columns it shows.
WHERE, SHOWN = "where", "shown"


@dataclass
class Result:
    """What became of a cell: a sentence, and the record as it is now.

    `readings` holds what a number that reads in two ways may be: as it can be typed without doubt, and as it is shown.
    """

    status: int
    text: str
    field: Field | None = None
    record: Resource | None = None
    change_set_id: int | None = None
    readings: tuple[tuple[str, str], ...] = ()
    #: The mark of the questions that `text` asks; the cell is saved when it comes again with it.
    confirm: str | None = None

    @property
    def note(self) -> dict[str, Any]:
        """Return the toast."""
        return {"text": self.text, "undo": self.change_set_id}

    def payload(self, view: Any, data: MultiDict[str, str]) -> dict[str, Any]:
        """Return the answer to a script: the sentence, the cells of the row as they are now and their version.

        `fits` says whether the record is still one of the list's.
        """
        answer: dict[str, Any] = {"message": self.text, "undo": self.change_set_id}
        if self.readings:
            answer["readings"] = [{"typed": typed, "shown": shown} for typed, shown in self.readings]
        if self.confirm:
            # Without version and value: what was typed stays in the cell until it is answered.
            return answer | {"question": self.text, "confirm": self.confirm}
        if self.record is not None and self.field is not None:
            answer |= {
                "version": self.record.version,
                "value": columns.written(self.field, self.field.get(self.record)),
                "cells": _cells(view, self.record, {self.field.name, *data.getlist(SHOWN)}),
                "fits": _fits(view, self.record, data.get(WHERE, "")),
            }
        return answer


def _cells(view: Any, record: Resource, names: set[str]) -> dict[str, dict[str, str]]:
    offered = columns.available(view, policy.fields_for(view.actor, "read", view.model, record))
    shown = [column for column in offered if column.name in names]
    cells = columns.Cells(view, [record], shown, policy.fields_for(view.actor, "read", view.model))
    drawn = {column.name: cells.drawn(column, record) for column in shown}
    return {name: {"html": str(one.html), "title": one.title} for name, one in drawn.items()}


def _fits(view: Any, record: Resource, where: str) -> bool:
    args = MultiDict((name, value) for name, values in parse_qs(where[:4000]).items() for value in values)
    return Selection.from_args(view.model, view.actor, args).selection.holds(db.session, record.id)


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
        return Result(400, str(refused), field, record, readings=_readings(refused))
    current = view.get_one(record.id)
    shown = formats.of_kind(field, field.get(current), {}, getattr(current, "currency", None)).striptags()
    text = _(
        "%(field)s of “%(name)s” changed to %(value)s.", field=field.label, name=view.name_of(current), value=shown
    )
    return Result(200, text, field, current, receipt.change_set_id)


def _readings(refused: Refused) -> tuple[tuple[str, str], ...]:
    """Return both numbers that a refused text may mean, each as it can be typed and as it is shown."""
    if not isinstance(refused.__cause__, AmbiguousNumber):
        return ()
    whole, broken = refused.__cause__.readings
    # With four decimals nobody takes the sign before them for one between thousands.
    return tuple((typed, formats.plain_number(parse_decimal(typed, get_locale()))) for typed in (whole, f"{broken}0"))


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

    title = phrase("%(field)s of %(name)s", field=field.label, name=str(record))
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
