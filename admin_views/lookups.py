"""Fields that point to other records: the server searches, and without a script a typed name does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import Resource, resources
from backoffice.models.fields import Field
from backoffice.operations import personal
from backoffice.policy import Actor
from backoffice.selection import look_up

from .fields import HouseField
from .names import names_of, reader_language

#: Rows that a look-up returns at most; also what a typed name is searched among.
LIMIT = 50

#: Records that a form chooses for one field at most, and how many of them by typing their names.
MOST_CHOSEN, MOST_ADDED = 1000, 50

#: A target with no more records than this is offered whole.
OFFERED_WHOLE = 30

#: How many records that were chosen last are offered first.
RECENT = 5

_KEY_DIGITS = 18


@dataclass(frozen=True)
class Option:
    """A record that can be chosen."""

    key: int
    label: str
    detail: str = ""
    chosen: bool = False
    recent: bool = False


def key_of(text: str | None) -> int | None:
    """Return the key that `text` holds; None for anything that cannot be one."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _KEY_DIGITS else None


def keys_of(value: Any) -> set[int]:
    """Return the keys that a reference or several mean; a record's value comes as records."""
    items = value if isinstance(value, (list, tuple, set)) else [value]
    return {item if isinstance(item, int) else item.id for item in items if item is not None}


def find(session: Session, actor: Actor, declared: Field, text: str, language: str | None = None) -> list[Option]:
    """Return the records that `text` finds for a reference field, at most LIMIT, named in the reader's language."""
    language = reader_language() if language is None else language
    rows = look_up(session, resources()[str(declared.target)], actor, text[:200], LIMIT, language)
    return [Option(one.id, one.label, one.detail) for one in rows]


def answer(actor: Actor, declared: Field, text: str, limit: int) -> list[dict[str, Any]]:
    """Return what a look-up answers to a script; before anything is typed, what the person chose last comes first."""
    found = find(db.session(), actor, declared, text)
    if not text.strip():
        last = _recent(actor, declared)
        found = [*last, *(one for one in found if one.key not in {first.key for first in last})]
    return [
        {"id": one.key, "text": one.label, "detail": one.detail, "recent": one.recent}
        for one in found[: max(1, min(limit, LIMIT))]
    ]


def _recent(actor: Actor, declared: Field) -> list[Option]:
    """Return the records that the person chose last and may still choose."""
    target = str(declared.target)
    if actor.user_id is None:
        return []
    kept = personal.preferences(db.session(), actor.user_id, [f"recent.{target}"]).get(f"recent.{target}") or []
    model = resources()[target]
    live = set(db.session.scalars(select(model.id).where(model.id.in_(kept), model.trashed_at.is_(None))))
    names = names_of(db.session(), actor, {target: live})
    return [Option(key, names[target, key], recent=True) for key in kept if (target, key) in names]


def remember(actor: Actor, form: Any) -> None:
    """Keep the records that the person pointed to by this save, newest first, for the next choice."""
    chosen: dict[str, int] = {
        str(field.declared.target): field.value
        for field in form.editable
        if isinstance(field, ReferenceField) and field.given and field.value and field.value != field.stored
    }
    if actor.user_id is None or not chosen:
        return
    kept = personal.preferences(db.session(), actor.user_id, [f"recent.{target}" for target in chosen])
    for target, key in chosen.items():
        before = [one for one in kept.get(f"recent.{target}") or [] if one != key]
        personal.prefer(actor.user_id, f"recent.{target}", [key, *before][:RECENT])


def _called(options: list[Option], text: str) -> list[Option]:
    return [option for option in options if option.label.casefold() == text.strip().casefold()]


class LookupField(HouseField):
    """Base of the fields that search on the server."""

    def __init__(self, declared: Field, *, actor: Actor, **options: Any) -> None:
        super().__init__(declared, actor=actor, **options)
        self.session = db.session()
        #: Names that were asked for with those of the other fields.
        self.known: Mapping[tuple[str, int], str] = {}
        self.found: list[Option] = []

    @property
    def target(self) -> type[Resource]:
        """Return what the field points to."""
        return resources()[str(self.declared.target)]

    def search(self, text: str) -> list[Option]:
        """Return the records that `text` finds, at most LIMIT."""
        return find(self.session, self.actor, self.declared, text)

    def names(self, keys: set[int]) -> dict[int, str]:
        """Return the names of the records `keys` that may be referred to."""
        target = str(self.declared.target)
        unknown = {key for key in keys if (target, key) not in self.known}
        found = {**self.known, **names_of(self.session, self.actor, {target: unknown})}
        return {key: found[target, key] for key in keys if (target, key) in found}

    def one(self, text: str) -> int | None:
        """Return the key of the one record that `text` means; else keep what it found and note the problem."""
        options = self.search(text)
        exact = _called(options, text)
        if len(options) > 1 and not exact:
            # Typed as it is called in the source language, while the others are shown in the reader's.
            exact = _called(find(self.session, self.actor, self.declared, text, language=""), text)
        if len(exact) == 1 or len(options) == 1:
            return (exact or options)[0].key
        if options:
            self.found = options
            self.process_errors.append(
                _("%(field)s: “%(text)s” fits several. Choose one below.", field=self.declared.label, text=text[:80])
            )
        else:
            self.process_errors.append(
                _(
                    "%(field)s: nothing is called “%(text)s”. Write another name or clear the field.",
                    field=self.declared.label,
                    text=text[:80],
                )
            )
        return None


class ReferenceField(LookupField):
    """One record: a hidden key, and a text that a script completes or the server resolves.

    A key that was changed wins; else a text that was changed; else the key stays.
    """

    template = "reference"

    def is_in(self, formdata: Any) -> bool:
        return any(name in formdata for name in (self.name, f"{self.name}.text", f"{self.name}.pick"))

    def take(self, formdata: Any) -> None:
        raw = formdata.get(self.name, "").strip()
        text = formdata.get(f"{self.name}.text")
        picked = formdata.get(f"{self.name}.pick", "").strip()
        if picked:
            raw, text = picked, None
        unchanged = text is None or text.strip() == formdata.get(f"{self.name}.label", "").strip()
        if unchanged or raw != formdata.get(f"{self.name}.was", "").strip():
            self.value = self._keyed(raw)
            return
        self.typed = text
        self.value = self.one(text) if text.strip() else self._keyed("")
        if self.value is not None:
            self.typed = None

    def _keyed(self, raw: str) -> int | None:
        key = key_of(raw)
        if raw and key is None:
            self.process_errors.append(
                _("%(field)s: choose one from the list or clear the field.", field=self.declared.label)
            )
        elif not raw and self.declared.required:
            self.process_errors.append(_("%(field)s: fill this in.", field=self.declared.label))
        return key

    @property
    def label_text(self) -> str:
        """Return the name of the chosen record."""
        return self.names({self.value}).get(self.value, f"#{self.value}") if self.value else ""

    @property
    def text(self) -> str:
        return self.typed if self.typed is not None else self.label_text


class ReferencesField(LookupField):
    """Several records: a box for each, and a text that adds more by name, separated by commas."""

    template = "references"
    grouped = True

    def is_in(self, formdata: Any) -> bool:
        return any(name in formdata for name in (self.name, f"{self.name}.shown", f"{self.name}.add"))

    def take(self, formdata: Any) -> None:
        raw = [part for part in formdata.getlist(self.name) + formdata.getlist(f"{self.name}.pick") if part.strip()]
        keys = {key_of(part) for part in raw}
        if None in keys:
            self.process_errors.append(_("%(field)s: choose from the list.", field=self.declared.label))
        chosen = sorted(key for key in keys if key is not None)
        if len(chosen) > MOST_CHOSEN:
            self._refuse_many(MOST_CHOSEN)
        self.typed = formdata.get(f"{self.name}.add", "")
        self.value = sorted({*chosen[:MOST_CHOSEN], *self._named(self.typed)})

    def _named(self, text: str) -> set[int]:
        """Return the keys of what the names in `text` mean; those that mean nothing or several stay to be corrected."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if len(parts) > MOST_ADDED:
            self._refuse_many(MOST_ADDED)
            return set()
        found = {part: self.one(part) for part in parts}
        self.typed = ", ".join(part for part in parts if not found[part])
        return {key for key in found.values() if key}

    def _refuse_many(self, most: int) -> None:
        self.process_errors.append(
            _("%(field)s: more than %(max)s at once are too many. Leave some out.", field=self.declared.label, max=most)
        )

    @property
    def keys(self) -> set[int]:
        """Return the chosen keys."""
        return keys_of(self.value)

    @property
    def text(self) -> str:
        return self.typed or ""

    #: Whether all of a small target is offered, as boxes.
    offers_all = True

    @cached_property
    def is_whole(self) -> bool:
        """Return whether the target is small enough to offer all of it."""
        if not self.offers_all:
            return False
        target = self.target
        counted = select(target.id).where(target.trashed_at.is_(None)).limit(OFFERED_WHOLE + 1)
        return (self.session.scalar(select(func.count()).select_from(counted.subquery())) or 0) <= OFFERED_WHOLE

    @property
    def options(self) -> list[Option]:
        """Return the boxes: all records of a small target, else the chosen ones."""
        keys = self.keys
        if self.is_whole:
            target = self.target
            statement = policy.referable(self.actor, select(target.id).where(target.trashed_at.is_(None)), target)
            offered = set(self.session.scalars(statement.order_by(target.id).limit(OFFERED_WHOLE)))
        else:
            offered = set()
        names = self.names(keys | offered)
        boxes = [Option(key, names.get(key, f"#{key}"), chosen=key in keys) for key in sorted(keys | offered)]
        return sorted(boxes, key=lambda option: option.label.casefold())


class ChipsField(ReferencesField):
    """Several records as chips: each is taken away by itself, more are found by name."""

    template = "chips"
    offers_all = False
