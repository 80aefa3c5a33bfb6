"""What the pages of one record show: its fields, its history, and what a save or a conflict has to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import Resource, fields_of
from backoffice.models.fields import Kind
from backoffice.policy import Actor
from backoffice.selection import ARROW, changes

from . import form_page, formats, timeline
from .names import names_of, wanted_by_diffs
from .saving import Outcome

#: Changes of one record on a page.
HISTORY_PAGE = 20


@dataclass(frozen=True)
class Shown:
    """A field of a record as it is shown. `place` names the field that it stands with."""

    name: str
    label: str
    value: Markup
    long: bool
    empty: bool
    place: str


@dataclass(frozen=True)
class Part:
    """Fields of a record under one heading."""

    name: str
    label: str
    facts: list[Shown]
    first: bool = False

    @property
    def alone(self) -> bool:
        """Return whether its heading says already what its one field is called."""
        return len(self.facts) == 1 and self.facts[0].label == self.label


def context(view: Any, record: Resource, before: int | None) -> dict[str, Any]:
    """Return what the page of `record` shows: fields, and a page of its history that ends before the key `before`."""
    view.prepare([record])
    slice_ = changes.Slice([], None)
    if policy.allows(view.actor, "read", "history"):
        slice_ = changes.page_of_record(db.session, view.actor, record, before, HISTORY_PAGE)
    shown = shown_fields(view.actor, record)
    main, side = parts(view, shown)
    return {
        "record": record,
        "main_parts": main,
        "side_parts": side,
        "unfilled": [one for one in shown if one.empty and view.takes(record, one.name)],
        "entries": timeline.entries(db.session, view.actor, slice_.rows),
        "older": slice_.older,
        "sources": timeline.SOURCES,
        "paged": before is not None,
    }


def parts(view: Any, shown: Sequence[Shown]) -> tuple[list[Part], list[Part]]:
    """Return what is filled of `shown` in the columns of the form, main and side; what the house keeps stands last."""
    kept = {name for name, field in fields_of(view.model).items() if field.system}
    filled = [one for one in shown if not one.empty]
    placed = form_page.arranged(view, [one for one in filled if one.name not in kept], lambda one: one.place)
    main, side = ([Part(one.name, str(one.label), facts, one.first) for one, facts in column] for column in placed)
    own = [one for one in filled if one.name in kept]
    if own and side and not side[-1].label and len(side[-1].facts) == 1:
        # One fact without a heading would be a panel of its own.
        own = [*side.pop().facts, *own]
    return main, [*side, Part("record", _("Record"), own)] if own else side


def shown_fields(actor: Actor, record: Resource) -> list[Shown]:
    """Return every field of `record` that `actor` may see."""
    model = type(record)
    readable = policy.fields_for(actor, "read", model, record)
    chosen = [field for name, field in fields_of(model).items() if name in readable]
    values = {field.name: _keys(field.get(record)) for field in chosen}
    pairs = {name: [value] for name, value in values.items()}
    names = names_of(db.session, actor, wanted_by_diffs([(model, pairs)]))
    currency = getattr(record, "currency", None)
    shown = []
    for field in chosen:
        if field.name == "trashed_at" and not record.trashed_at:
            continue
        value = formats.of_field(model, field, values[field.name], names, currency)
        if field.kind is Kind.LONG_TEXT and values[field.name]:
            value = Markup('<div class="long-text">{}</div>').format(values[field.name])
        elif field.kind is Kind.HTML and values[field.name]:
            value = formats.rich(values[field.name])
        long = field.kind in (Kind.HTML, Kind.LONG_TEXT, Kind.MAP)
        source = formats.translated(model, field)
        empty = values[field.name] in (None, "", [], {})
        shown.append(Shown(field.name, str(field.label), value, long, empty, source.name if source else field.name))
    return shown


def _keys(value: Any) -> Any:
    return (
        [item.id for item in value] if isinstance(value, list) and value and isinstance(value[0], Resource) else value
    )


def saved_note(model: type[Resource], name: str, outcome: Outcome) -> dict[str, Any]:
    """Return the toast after a save: what was saved, what of a colleague's was kept, and Undo."""
    if outcome.change_set_id is None:
        text = _("“%(name)s” was like this already.", name=name)
    else:
        text = _("“%(name)s” saved.", name=name)
    if outcome.merged:
        fields = _(", ").join(_labels(model, outcome.merged))
        text += " " + _("A colleague changed %(fields)s meanwhile; that was kept.", fields=fields)
    return {"text": text, "undo": outcome.change_set_id}


def _labels(model: type[Resource], keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(formats.key_label(model, key) for key in keys))


def ancestors(label: str) -> tuple[str, str]:
    """Return the last level of a category's path and what stands before it."""
    above, sign, leaf = label.rpartition(ARROW)
    return (leaf, above) if sign else (label, "")
