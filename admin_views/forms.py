"""Forms, made from what a resource declares and what the person may see and set."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Form

from backoffice import history, policy
from backoffice.extensions import db
from backoffice.models.base import Resource, field_of, fields_of
from backoffice.models.fields import Kind
from backoffice.policy import Actor

from . import formats
from .fields import OF_KIND, HouseField, ReadOnlyField
from .lookups import ReferenceField, ReferencesField
from .names import names_of

#: Marks of a form beside its fields.
VERSION, REQUEST, CHOICE = "version", "_request", "_choice."

#: Longest idempotency mark that is taken from a form.
_REQUEST_LENGTH = 64


class RecordForm(Form):
    """A form over one record; each of its fields is a HouseField."""

    problems: list[str]
    #: Refusals of what stands in the form beside the fields, by its name.
    beside: dict[str, list[str]]

    @property
    def editable(self) -> list[HouseField]:
        """Return the fields that the person may set."""
        return [field for field in self if not field.read_only]

    #: Names of what stands in the form beside the fields.
    besides: frozenset[str] = frozenset()

    def values(self) -> dict[str, Any]:
        """Return attribute values of what the form held and could be read."""
        return {field.name: field.value for field in self.editable if field.given and not field.is_still_empty}

    def refuse(self, message: str, name: str | None) -> None:
        """Show a refusal at its field, or on top where it has none in this form."""
        if name and name in self and not self[name].read_only:
            self[name].refuse(message)
        elif name and name in self.besides:
            self.beside.setdefault(name, []).append(message)
        else:
            self.problems.append(message)

    @property
    def all_problems(self) -> list[tuple[str | None, str]]:
        """Return every problem with the name of its field, in the order of the form."""
        return [
            *((None, message) for message in self.problems),
            *((field.name, message) for field in self for message in field.errors),
            *((name, message) for name, messages in self.beside.items() for message in messages),
        ]


def build(view: Any, record: Resource | None, data: MultiDict[str, str] | None) -> RecordForm:
    """Return the form of `view` for its person: over `record`, or for a new one; filled from `data` when given."""
    model, actor = view.model, view.actor
    order = (*view.main, *view.side)
    verb = "update" if record is not None else "create"
    settable = policy.fields_for(actor, verb, model, record)
    readable = policy.fields_for(actor, "read", model, record)
    declared = fields_of(model)
    names = [name for name in (*order, *declared) if name in settable or name in readable]
    members: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        field = declared[name]
        if field.secret or (field.system and name != "trashed_at"):
            continue
        free = name in settable and (
            field.verb is None or policy.allows(actor, field.verb, model.resource.name, record)
        )
        if free:
            members[name] = unbound(view, field, actor)
        elif record is not None and not field.system and name in readable:
            members[name] = (ReadOnlyField, {"declared": field, "shown": _shown(field, record, actor)})
    form = _bound(members, record, model, data)
    form.besides = view.besides
    return form


def unbound(view: Any, field: Any, actor: Actor) -> tuple[type[HouseField], dict[str, Any]]:
    """Return the class of the form field for `field` and what it is made with."""
    if field.name in view.widgets:
        return view.widgets[field.name], {"declared": field, "actor": actor}
    if field.kind in (Kind.REFERENCE, Kind.REFERENCES):
        cls = ReferenceField if field.kind is Kind.REFERENCE else ReferencesField
        return cls, {"declared": field, "session": db.session, "actor": actor}
    return OF_KIND[field.kind], {"declared": field}


def _bound(members: Mapping[str, Any], record: Resource | None, model: type[Resource], data: Any) -> RecordForm:
    cls = type("RecordForm", (RecordForm,), {name: kind(**options) for name, (kind, options) in members.items()})
    source = record if record is not None else model()
    form: RecordForm = cls(formdata=None, data={name: getattr(source, name) for name in members})
    form.problems, form.beside = [], {}
    if data is not None:
        for field in form:
            field.process(data, field.stored)
    # Before a validation there are no errors; templates ask for them all the same.
    for field in form:
        field.errors = []
    return form


def _shown(field: Any, record: Resource, actor: Actor) -> Any:
    value = field.get(record)
    if field.kind is Kind.REFERENCES:
        value = [item.id for item in value]
    keys = value if isinstance(value, list) else [value]
    wanted = {str(field.target): {key for key in keys if isinstance(key, int)}} if field.target else {}
    return formats.of_kind(field, value, names_of(db.session, actor, wanted), getattr(record, "currency", None))


def new_request() -> str:
    """Return a mark by which a form that is sent twice is known."""
    return uuid.uuid4().hex


def request_mark(data: MultiDict[str, str]) -> str | None:
    """Return the mark of the form that was sent with just this content, None when it has none that can be kept.

    Gone back to in the browser, a form has its old mark and perhaps new text: that was not saved yet.
    """
    mark = data.get(REQUEST, "")
    if not (mark.isascii() and mark.isalnum() and 0 < len(mark) <= _REQUEST_LENGTH):
        return None
    content = sorted(item for item in data.items(multi=True) if item[0] != "csrf_token")
    return sha256(repr((mark, content)).encode("utf-8", "surrogatepass")).hexdigest()


def take_theirs(model: type[Resource], record: Resource, values: dict[str, Any], data: Mapping[str, str]) -> None:
    """Drop from `values` what the person gave up for a colleague's change on the page of conflicts."""
    for mark, choice in data.items():
        if not mark.startswith(CHOICE) or choice != "theirs":
            continue
        try:
            declared, entry = field_of(model, mark.removeprefix(CHOICE))
        except KeyError:
            continue
        if entry is None:
            values.pop(declared.name, None)
        elif declared.name in values:
            document = dict(values[declared.name] or {})
            stored = declared.get(record) or {}
            document.pop(entry, None)
            if entry in stored:
                document[entry] = stored[entry]
            values[declared.name] = document


def rebase(form: RecordForm, record: Resource, write: history.State, conflicts: tuple[history.Conflict, ...]) -> None:
    """Bring the form over the record as it is now: theirs where this person changed nothing, theirs aside yours."""
    model = type(record)
    state = {**write, **{conflict.key: conflict.yours for conflict in conflicts}}
    values = history.unflatten(model, state, record)
    for field in form.editable:
        if field.name in values:
            field.show(values[field.name])
        else:
            field.show(getattr(record, field.name))
