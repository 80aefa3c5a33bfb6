"""What stands around the fields of a form: sections, the last change, colleagues who have the same record open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, separators
from backoffice.models.base import Resource
from backoffice.operations import presence as presences
from backoffice.policy import Actor
from backoffice.selection import changes

from . import timeline
from .fields import HouseField
from .forms import PERSON, RecordForm


@dataclass(frozen=True)
class Section:
    """A part of a form under a heading. `note` says how much of it is open to whom."""

    name: str
    label: Any
    fields: tuple[str, ...]
    side: bool = False
    first: bool = False  # stands before everything else where there is one column
    note: Any = None


T = TypeVar("T")
#: Sections, each with what it holds.
Placed = list[tuple[Section, list[T]]]


@dataclass(frozen=True)
class ShownSection:
    """A section with the fields of it that this form has."""

    name: str
    label: str
    fields: list[HouseField]
    first: bool = False
    note: str = ""


def context(view: Any, form: RecordForm, record: Resource | None) -> dict[str, Any]:
    """Return what the template of a form needs besides the form."""
    main, side = sections(view, form)
    return {
        "main_sections": main,
        "side_sections": side,
        "last_change": _last_change(view.actor, record),
        "colleagues": _colleagues(view.actor, record),
        "separators": separators(),
    }


def sections(view: Any, form: RecordForm) -> tuple[list[ShownSection], list[ShownSection]]:
    """Return the sections of the main and of the side column that have something to show."""

    def place(field: HouseField) -> str:
        return field.entry.source if field.entry else field.name

    main, side = (
        [ShownSection(one.name, str(one.label), fields, one.first, str(one.note or "")) for one, fields in column]
        for column in arranged(view, list(form), place)
    )
    return main, side


def arranged(view: Any, fields: Sequence[T], place: Callable[[T], str]) -> tuple[Placed[T], Placed[T]]:
    """Return `fields` by the sections of the main and of the side column; `place` names the field that each goes with.

    What no section names, such as what a package added to the resource, stands at the end of the main column.
    """
    declared = view.sections or (
        Section("main", "", view.main),
        Section("side", "", view.side, side=True),
    )
    placed = {name for one in declared for name in one.fields}
    last = [one for one in declared if not one.side][-1]
    columns: tuple[Placed[T], Placed[T]] = ([], [])
    for one in declared:
        found = [field for name in one.fields for field in fields if place(field) == name]
        found += [field for field in fields if place(field) not in placed] if one is last else []
        if found:
            columns[one.side].append((one, found))
    return columns


def of_another_person(actor: Actor, data: Mapping[str, str]) -> str | None:
    """Return why a form that somebody else opened is not saved as it stands, None for one's own."""
    opened_by = data.get(PERSON, "")
    if not opened_by or opened_by == str(actor.user_id):
        return None
    return _(
        "Somebody else typed this; you are signed in as %(name)s. Look it over, then save it again as yours.",
        name=actor.label,
    )


def presence(actor: Actor, record: Resource, *, closed: bool) -> dict[str, Any]:
    """Note that `actor` has `record` open, or closed it; return who else has and the version it is at now."""
    name = record.resource.name
    if actor.user_id is not None:
        (presences.left if closed else presences.seen)(actor.user_id, name, record.id)
    people = [] if closed else presences.others(db.session(), actor.user_id, name, record.id)
    return {"people": people, "said": colleagues_sentence(people), "version": record.version}


def colleagues_sentence(people: list[str]) -> str:
    """Return who else has the record open, as a sentence; empty for nobody."""
    if not people:
        return ""
    if len(people) == 1:
        return _("%(name)s has this open too", name=people[0])
    return _("%(names)s have this open too", names=_(", ").join(people))


def _colleagues(actor: Actor, record: Resource | None) -> str:
    if record is None:
        return ""
    return colleagues_sentence(presences.others(db.session(), actor.user_id, record.resource.name, record.id))


def _last_change(actor: Actor, record: Resource | None) -> timeline.Entry | None:
    """Return the last change of `record` that `actor` may see."""
    if record is None or not policy.allows(actor, "read", "history"):
        return None
    page = changes.page_of_record(db.session, actor, record, None, size=1)
    found = timeline.entries(db.session, actor, page.rows)
    return found[0] if found else None
