"""What two people changed at once, side by side: before, theirs, yours, and who theirs is."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from backoffice import policy
from backoffice.extensions import db
from backoffice.history import Conflict
from backoffice.html import text_of
from backoffice.models.base import Resource, find_field
from backoffice.models.fields import Kind
from backoffice.models.history import Change
from backoffice.policy import Actor

from . import formats
from .names import names_of, wanted_by_diffs

#: From this length on a text is compared word by word instead of shown whole.
LONG = 80

#: Words of a longer text are not compared: it takes time that grows with their square.
MOST_WORDS = 2_000

#: Unchanged words shown on each side of a changed one.
AROUND = 12

_WORD = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class ShownConflict:
    """A field that two people changed, side by side; `who` changed it and when, where the reader may know."""

    key: str
    label: str
    base: Markup
    theirs: Markup
    yours: Markup
    compared: bool
    who: str | None = None
    at: Any = None


def shown(actor: Actor, record: Resource, opened: int | None, found: tuple[Conflict, ...]) -> list[ShownConflict]:
    """Return the fields that two people changed since the version `opened`, as people read them."""
    if not found:
        return []
    model = type(record)
    diffs = {one.key: [one.base, one.theirs, one.yours] for one in found}
    names = names_of(db.session, actor, wanted_by_diffs([(model, diffs)]))
    authors = _authors(actor, record, opened or 0)
    return [_shown(model, one, names, authors.get(one.key)) for one in found]


def _shown(model: type[Resource], one: Conflict, names: formats.Names, author: Change | None) -> ShownConflict:
    compared = _is_long(model, one)
    if compared:
        base, theirs, yours = (_text(model, one.key, value) for value in (one.base, one.theirs, one.yours))
        sides = (Markup("<bdi>{}</bdi>").format(formats.clip(base)), _compared(base, theirs), _compared(base, yours))
    else:
        sides = tuple(formats.encoded(model, one.key, value, names) for value in (one.base, one.theirs, one.yours))
    return ShownConflict(
        one.key,
        formats.key_label(model, one.key),
        *sides,
        compared=compared,
        who=author.change_set.who if author else None,
        at=author.change_set.at if author else None,
    )


def _authors(actor: Actor, record: Resource, opened: int) -> dict[str, Change]:
    """Return the last change of each key since the version `opened`, as far as the actor may see the history."""
    conditions = (Change.resource == record.resource.name, Change.record_id == record.id, Change.version > opened)
    statement = policy.visible_changes(actor, select(Change).where(*conditions)).options(joinedload(Change.change_set))
    changes = db.session.scalars(statement.order_by(Change.id.desc()).limit(50))
    return {key: change for change in reversed(list(changes)) for key in change.diff}


def _is_long(model: type[Resource], one: Conflict) -> bool:
    field = find_field(model, one.key)
    prose = field is not None and field[0].kind in (Kind.HTML, Kind.LONG_TEXT, Kind.TEXT, Kind.MAP)
    return prose and any(isinstance(value, str) and len(value) > LONG for value in (one.base, one.theirs, one.yours))


def _text(model: type[Resource], key: str, value: Any) -> str:
    field, _entry = find_field(model, key) or (None, None)
    kind = Kind.TEXT if field is None else field.entry_kind if field.kind is Kind.MAP else field.kind
    text = "" if value is None else str(value)
    return text_of(text) if kind is Kind.HTML else text


def _compared(before: str, after: str) -> Markup:
    """Return `after` with what it adds to `before` marked, and what it leaves out struck; far words left out."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return Markup("<bdi>{}</bdi>").format(after)
    parts: list[Markup] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    steps = matcher.get_opcodes()
    for at, (kind, i1, i2, j1, j2) in enumerate(steps):
        if kind == "equal":
            parts.append(_kept(new[j1:j2], first=at == 0, last=at == len(steps) - 1))
            continue
        if i1 < i2:
            parts.append(Markup("<del>{}</del>").format("".join(old[i1:i2])))
        if j1 < j2:
            parts.append(Markup("<ins>{}</ins>").format("".join(new[j1:j2])))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))


def _kept(words: list[str], *, first: bool, last: bool) -> Markup:
    if len(words) <= 2 * AROUND:
        return Markup("{}").format("".join(words))
    start = "" if first else "".join(words[:AROUND])
    end = "" if last else "".join(words[-AROUND:])
    return Markup("{} … {}").format(start, end)
