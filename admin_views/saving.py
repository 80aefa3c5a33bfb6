"""What happens when a form is sent: saved, refused, or held up: someone changed the same field, or it looks wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from backoffice import policy, writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.history import Conflict, State
from backoffice.i18n import Phrase, _, phrase
from backoffice.models.base import Resource
from backoffice.models.history import Change
from backoffice.operations import doubts, records
from backoffice.operations.doubts import Doubt
from backoffice.policy import Actor
from backoffice.web.errors import passes, wants_json
from backoffice.writes import Unit

from .forms import RecordForm, rebase

#: What a view does besides setting the fields, within the same unit; such as setting a password.
Extra = Callable[[Unit, Resource], None]


@dataclass
class Outcome:
    """What became of a form. `key` is set when it was saved, now or by an earlier sending of it."""

    key: int | None = None
    change_set_id: int | None = None
    merged: State = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    version: int | None = None
    repeated: bool = False
    remedy: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    doubts_mark: str = ""
    busy: bool = False


def create(
    form: RecordForm,
    model: type[Resource],
    actor: Actor,
    request_id: str | None,
    extra: Extra,
    accepted: Collection[str] = (),
) -> Outcome:
    """Create a record from `form`; a refusal is noted at its field. `accepted` marks questions that were answered."""

    def work(unit: Unit) -> tuple[Resource, State]:
        record = records.create(unit, model, form.values())
        extra(unit, record)
        doubts.ask(actor, record, {}, accepted)
        unit.entitle(phrase("Create: %(name)s", name=str(record)))
        return record, {}

    return _run(form, model, actor, f"Create: {model.resource.name}", work, request_id)


def update(
    form: RecordForm,
    record: Resource,
    actor: Actor,
    opened: int | None,
    values: dict[str, Any],
    request_id: str | None,
    extra: Extra,
    accepted: Collection[str] = (),
) -> Outcome:
    """Save `values` of `form` over `record` as it was when the form was opened."""
    model, key = type(record), record.id

    def work(unit: Unit) -> tuple[Resource, State]:
        if opened is None:
            raise Refused(_("This form does not say which state of the record it shows. Look at it and save again."))
        current = unit.get(model, key)
        if current.trashed_at:
            raise Refused(_("This record is in the trash. Restore it first, then save again."))
        was = doubts.before(current)
        saved = records.save_form(unit, model, key, opened, values)
        extra(unit, saved.record)
        doubts.ask(actor, saved.record, was, accepted)
        return saved.record, saved.merged

    return _run(form, model, actor, phrase("Edit: %(name)s", name=str(record)), work, request_id)


def _run(
    form: RecordForm,
    model: type[Resource],
    actor: Actor,
    title: str | Phrase,
    work: Callable[[Unit], tuple[Resource, State]],
    request_id: str | None,
) -> Outcome:
    try:
        (record, merged), receipt = writes.run(actor, title, work, source="form", request_id=request_id)
    except records.Conflicted as conflicted:
        # What was read before the colleague's commit may be old.
        db.session.rollback()
        current = db.session.get_one(model, conflicted.record.id)
        rebase(form, current, conflicted.write, conflicted.conflicts)
        return Outcome(conflicts=conflicted.conflicts, version=conflicted.version, merged=conflicted.merged)
    except Refused as refused:
        form.refuse(str(refused), refused.field)
        return Outcome(remedy=refused.remedy)
    except doubts.Doubtful as doubtful:
        return Outcome(doubts=doubtful.questions, doubts_mark=doubtful.mark)
    except writes.AlreadyDone as done:
        return Outcome(key=_key_of(done.change_set_id, model), repeated=True, change_set_id=done.change_set_id)
    except OperationalError as error:
        # A script keeps what it sent and tries again by itself; a page keeps it in the form.
        if wants_json() or not passes(error):
            raise
        form.refuse(
            _("The database is busy with other work. Nothing was saved; what you typed is still here. Save it again."),
            None,
        )
        return Outcome(busy=True)
    except policy.Denied as denied:
        if denied.field is None or denied.field not in form:
            raise
        form.refuse(_("You may not set this. Leave it as it is."), denied.field)
        return Outcome()
    return Outcome(key=record.id, change_set_id=receipt.change_set_id, merged=merged)


def _key_of(change_set_id: int, model: type[Resource]) -> int | None:
    """Return the record that an earlier sending of the same form saved."""
    statement = select(Change.record_id).where(
        Change.change_set_id == change_set_id, Change.resource == model.resource.name
    )
    return db.session.scalar(statement.order_by(Change.id).limit(1))
