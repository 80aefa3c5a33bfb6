"""Forms, made from what a resource declares and what the person may see and set."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Form

from backoffice import history, policy
from backoffice.extensions import db
from backoffice.html import text_of
from backoffice.i18n import _, language_label, language_name
from backoffice.models.base import Resource, field_of, fields_of
from backoffice.models.fields import Field, Kind
from backoffice.policy import Actor
from backoffice.web.people import house

from . import formats
from .fields import OF_KIND, Entry, HouseField, ReadOnlyField
from .lookups import ReferenceField, ReferencesField, keys_of
from .names import names_of, other_languages
from .richtext import RichTextField

#: Marks of a form beside its fields: the state it shows, one sending of it, whom it was opened by, choices in a
#: conflict, and the questions that were answered.
VERSION, REQUEST, PERSON, CHOICE, CONFIRM = "version", "_request", "_person", "_choice.", "_confirm"

FIELD_OF_KIND: dict[Kind, type[HouseField]] = OF_KIND | {Kind.HTML: RichTextField}

#: Fields that are each record's own, though nothing keeps two from having the same: a copy begins without them.
OWN = frozenset({"gtin"})

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

    #: Documents of translations as they are stored, by name.
    documents: dict[str, dict[str, Any]]

    def values(self) -> dict[str, Any]:
        """Return attribute values of what the form held and could be read."""
        found: dict[str, Any] = {}
        for field in self.editable:
            if not field.given or field.is_still_empty:
                continue
            if field.entry is None:
                found[field.name] = field.value
                continue
            # Languages that the form did not show stay.
            texts = found.setdefault(field.entry.document, dict(self.documents[field.entry.document]))
            texts[field.entry.language] = field.value
        return found

    def refuse(self, message: str, name: str | None) -> None:
        """Show a refusal at its field, or on top where it has none in this form."""
        field = self.named(name)
        if field is not None and not field.read_only:
            field.refuse(message)
        elif name and name in self.besides:
            self.beside.setdefault(name, []).append(message)
        else:
            self.problems.append(message)

    def named(self, name: str | None) -> HouseField | None:
        """Return the field `name`, of a document of translations the first of its languages; None for no field."""
        if not name or name in self:
            return self[name] if name else None
        return next((field for field in self if field.entry and field.entry.document == name), None)

    @property
    def all_problems(self) -> list[tuple[str | None, str]]:
        """Return every problem with the name of its field, in the order of the form."""
        return [
            *((None, message) for message in self.problems),
            *((field.name, message) for field in self for message in field.errors),
            *((name, message) for name, messages in self.beside.items() for message in messages),
        ]

    @property
    def language_tabs(self) -> list[HouseField]:
        """Return one field for each language that texts are written in, the source first; none where there is one."""
        found = {field.language: field for field in self if field.language}
        return list(found.values()) if len(found) > 1 else []


def build(
    view: Any, record: Resource | None, data: MultiDict[str, str] | None, copied: Resource | None = None
) -> RecordForm:
    """Return the form of `view` for its person: over `record`, or for a new one; filled from `data` when given.

    A new one begins with what the person may see of `copied`, besides what is each record's own.
    """
    model, actor = view.model, view.actor
    verb = "update" if record is not None else "create"
    settable = policy.fields_for(actor, verb, model, record)
    readable = policy.fields_for(actor, "read", model, record)
    declared = fields_of(model)
    members: dict[str, Any] = {}
    for name in _ordered(view, declared):
        field = declared[name]
        if field.secret or (field.system and name != "trashed_at"):
            continue
        free = name in settable and (
            field.verb is None or policy.allows(actor, field.verb, model.resource.name, record)
        )
        source = formats.translated(model, field)
        if free and source is not None:
            members |= _translations(view, field, source, actor)
        elif free:
            members[name] = unbound(view, field, actor)
        elif record is not None and not field.system and name in readable:
            members[name] = (ReadOnlyField, {"declared": field})
    source = record if record is not None else _begun(model, members, copied, actor)
    form = _bound(members, source, data)
    form.besides = view.besides
    _name_what_is_referred_to(form, actor, getattr(record, "currency", None))
    return form


def _ordered(view: Any, declared: Mapping[str, Field]) -> list[str]:
    """Return the names of all fields in the order of the form, each followed by the document that translates it."""
    following: dict[str, list[str]] = {}
    for name, field in declared.items():
        if source := formats.translated(view.model, field):
            following.setdefault(source.name, []).append(name)
    after = {name for names in following.values() for name in names}
    chosen = [name for name in dict.fromkeys((*view.main, *view.side, *declared)) if name in declared]
    return [one for name in chosen if name not in after for one in (name, *following.get(name, ()))]


def _translations(view: Any, document: Field, source: Field, actor: Actor) -> dict[str, Any]:
    """Return a field for each content language besides the source one."""
    made = {}
    for language in other_languages():
        label = _("%(field)s in %(language)s", field=source.label, language=language_name(language))
        name = f"{document.name}.{language}"
        entry = Entry(document.name, source.name, language)
        cls, options = unbound(view, replace(document.text_of_entry(), name=name, label=label, help=None), actor)
        made[name] = cls, options | {"language": language, "entry": entry, "title": str(source.label)}
    return made


def unbound(view: Any, field: Any, actor: Actor) -> tuple[type[HouseField], dict[str, Any]]:
    """Return the class of the form field for `field` and what it is made with."""
    options = {"declared": field, "actor": actor}
    if field.name in view.widgets:
        return view.widgets[field.name], options
    if field.kind in (Kind.REFERENCE, Kind.REFERENCES):
        return ReferenceField if field.kind is Kind.REFERENCE else ReferencesField, options
    return FIELD_OF_KIND[field.kind], options


def _begun(model: type[Resource], members: Mapping[str, Any], copied: Resource | None, actor: Actor) -> Resource:
    """Return what a new record begins with."""
    begun = model()
    if copied is None:
        return begun
    readable = policy.fields_for(actor, "read", model, copied)
    names = {options["entry"].document if "entry" in options else name for name, (_cls, options) in members.items()}
    for name in names & readable:
        field = fields_of(model)[name]
        value = getattr(copied, name)
        if value is not None and not field.unique and field.verb is None and name not in OWN:
            setattr(begun, name, value)
    return begun


def _bound(members: Mapping[str, Any], source: Resource, data: Any) -> RecordForm:
    cls = type("RecordForm", (RecordForm,), {name: kind(**options) for name, (kind, options) in members.items()})
    entries = {name: options["entry"] for name, (_kind, options) in members.items() if "entry" in options}
    documents = {entry.document: getattr(source, entry.document) or {} for entry in entries.values()}
    values = {
        name: documents[entries[name].document].get(entries[name].language)
        if name in entries
        else getattr(source, name)
        for name in members
    }
    form: RecordForm = cls(formdata=None, data=values)
    form.problems, form.beside, form.documents = [], {}, documents
    translated = {entry.source for entry in entries.values()}
    for field in form:
        # Before a validation there are no errors; templates ask for them all the same.
        field.errors = []
        if field.name in translated:
            field.language = source_language()
    if data is not None:
        for field in form:
            field.process(data, field.stored)
            field.errors = []
    for field in form:
        if field.entry and field.entry.source in form:
            field.hint = _hint(form[field.entry.source])
    return form


def _hint(source: HouseField) -> str:
    """Return what stands in an empty translation: what readers get instead."""
    text = text_of(source.text) if source.declared.kind is Kind.HTML else source.text
    if not text.strip():
        return ""
    language = language_label(source.language)
    return _("From %(language)s: %(text)s", language=language, text=formats.clip(text, 120))


def source_language() -> str:
    """Return the language in which texts are written first."""
    found = house()
    return found.source_language if found else "en"


def _name_what_is_referred_to(form: RecordForm, actor: Actor, currency: str | None) -> None:
    """Ask for the names of all records that the form mentions at once."""
    wanted: dict[str, set[int]] = {}
    for field in form:
        if field.declared.target:
            wanted.setdefault(str(field.declared.target), set()).update(keys_of(field.value) | keys_of(field.stored))
    names = names_of(db.session, actor, wanted)
    for field in form:
        if field.read_only:
            value = sorted(keys_of(field.value)) if field.declared.kind is Kind.REFERENCES else field.value
            field.shown = formats.of_kind(field.declared, value, names, currency)
        elif field.declared.target:
            field.known = names


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
        if field.entry is not None:
            texts = values.get(field.entry.document, getattr(record, field.entry.document)) or {}
            field.show(texts.get(field.entry.language))
        elif field.name in values:
            field.show(values[field.name])
        else:
            field.show(getattr(record, field.name))
