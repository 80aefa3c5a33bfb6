"""The matrix of a role: a line for each resource and area, a box for each verb."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _l, capitalised
from backoffice.models.base import CRUD, fields_of, resources
from backoffice.models.fields import Field
from backoffice.models.role import EVERYTHING
from backoffice.policy import Actor, RoleRights
from backoffice.selection.rights import askable
from backoffice.web.errors import VERBS

from . import fields as form_fields
from . import formats, told_rights
from .groups import GROUPS
from .names import names_of
from .pickers import CodesField

#: What most resources offer besides: first, so that it stands in columns.
_COMMON = ("import", "export")

#: Verbs of which each brings *read*: what is not seen can be neither made nor mended.
NEEDS_READ = ("create", "update", "delete")


@dataclass(frozen=True)
class Box:
    """One grant in the matrix; `free` where the person may give and take it."""

    grant: str
    verb: str
    label: str
    checked: bool
    free: bool

    @property
    def needs_read(self) -> bool:
        """Return whether it brings *read* with it; `matrix.js` asks too."""
        return self.verb in NEEDS_READ


@dataclass(frozen=True)
class Line:
    """A resource or area with a box for each of its verbs; None where it has no such verb."""

    name: str
    label: str
    letters: list[Box | None]
    extra: list[Box]

    @property
    def boxes(self) -> list[Box]:
        """Return all boxes."""
        return [*(box for box in self.letters if box), *self.extra]

    @property
    def reason(self) -> str:
        """Return why some boxes, or all, cannot be changed; empty where all can."""
        closed = [box for box in self.boxes if not box.free]
        if not closed:
            return ""
        if len(closed) == len(self.boxes):
            return _("You hold none of these rights yourself.")
        verbs = formats.listed(str(VERBS.get(box.verb, box.verb)) for box in closed)
        return _("You do not hold yourself: %(verbs)s.", verbs=verbs)


@dataclass(frozen=True)
class Group:
    """The lines under one heading of the navigation."""

    label: str
    lines: list[Line]


class GrantsField(form_fields.HouseField):
    """Grants as boxes. A grant that the person does not hold stays as it is, whatever the form says."""

    template = "grants"

    def __init__(self, declared: Field, *, actor: Actor, **options: Any) -> None:
        super().__init__(declared, **options)
        self.actor = actor

    def is_in(self, formdata: Any) -> bool:
        return self.name in formdata or f"{self.name}.shown" in formdata

    def take(self, formdata: Any) -> None:
        stored, sent = set(self.value or ()), set(formdata.getlist(self.name))
        free = {grant for grant in (*policy.all_grants(), EVERYTHING) if is_free(self.actor, grant)}
        unknown = sent - policy.all_grants() - {EVERYTHING}
        if unknown:
            self.process_errors.append(
                _(
                    "%(field)s: “%(grant)s” is no right. Choose from the list.",
                    field=self.declared.label,
                    grant=min(unknown)[:60],
                )
            )
        taken = (stored - free) | (sent & free)
        self.value = sorted(taken | self._read_with(taken, stored, free))

    def _read_with(self, taken: set[str], stored: set[str], free: set[str]) -> set[str]:
        """Return the rights to read that come with what was newly ticked; note where one was taken from under others.

        What was stored without it, by a program, stays as it is.
        """
        found = set()
        for name in policy.matrix_lines():
            read = f"{name}:read"
            needing = {f"{name}:{verb}" for verb in NEEDS_READ} & taken
            if not needing or read in taken:
                continue
            if read in stored:
                self.process_errors.append(
                    _(
                        "To take %(read)s away, take %(others)s away too: what is not seen cannot be changed.",
                        read=told_rights.grant(read),
                        others=formats.listed(told_rights.grant(one) for one in sorted(needing)),
                    )
                )
            elif needing - stored and read in free:
                found.add(read)
        return found

    @property
    def everything(self) -> Box:
        """Return the box of the grant that covers all."""
        held = EVERYTHING in (self.value or ())
        label = _("Everything, also what comes later")
        return Box(EVERYTHING, EVERYTHING, label, held, is_free(self.actor, EVERYTHING))

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Return the verbs that most resources have, and their headings."""
        return columns()

    @cached_property
    def groups(self) -> list[Group]:
        """Return the matrix, in the groups and in the order of the navigation."""
        grouped: dict[str, list[Line]] = {name: [] for name in GROUPS}
        for name, verbs in _lines():
            model = resources().get(name)
            grouped.setdefault(model.resource.group if model else name, []).append(self._line(name, verbs))
        return [Group(str(GROUPS.get(name, name.capitalize())), found) for name, found in grouped.items() if found]

    def _line(self, name: str, verbs: Iterable[str]) -> Line:
        boxes = {verb: self._box(name, verb) for verb in verbs}
        extra = sorted((boxes[verb] for verb in verbs if verb not in CRUD), key=lambda box: box.verb not in _COMMON)
        return Line(name, told_rights.what(name), [boxes.get(verb) for verb in CRUD], extra)

    def _box(self, name: str, verb: str) -> Box:
        grant = f"{name}:{verb}"
        label = capitalised(str(VERBS.get(verb, verb)))
        return Box(grant, verb, label, grant in (self.value or ()), is_free(self.actor, grant))


@dataclass(frozen=True)
class Held:
    """What somebody may do with a resource or in an area: for each column whether they may, what besides, what not."""

    label: str
    letters: list[bool]
    besides: list[str]
    limits: list[str]


def columns() -> list[tuple[str, str]]:
    """Return the verbs that most resources have, and their headings."""
    return list(zip(CRUD, (_("Create"), _("Read"), _("Update"), _("Delete")), strict=True))


def held(actor: Actor, reader: Actor) -> list[Held]:
    """Return what `actor` may do, in the order of the navigation; what they may do nothing with is left out.

    Places are named as `reader` knows them.
    """
    may = {name: [verb for verb in verbs if policy.allows(actor, verb, name)] for name, verbs in _lines()}
    scopes = {(name, verb): policy.scopes(actor, verb, name) for name, verbs in may.items() for verb in verbs}
    keys = {_key_of(path) for paths in scopes.values() for path in paths or ()}
    places = names_of(db.session, reader, {"category": keys})
    return [
        Held(
            told_rights.what(name),
            [verb in verbs for verb in CRUD],
            [_verb(verb) for verb in verbs if verb not in CRUD],
            [*_reach({verb: scopes[name, verb] for verb in verbs}, places), *_unseen(actor, name)],
        )
        for name, verbs in may.items()
        if verbs
    ]


def _reach(scopes: Mapping[str, tuple[str, ...] | None], places: Mapping[tuple[str, int], str]) -> Iterator[str]:
    """Yield where verbs end at categories: at once where that is the same for all, else for each place which do."""
    by_scope: dict[tuple[str, ...] | None, list[str]] = {}
    for verb, paths in scopes.items():
        by_scope.setdefault(paths, []).append(_verb(verb))
    for paths, verbs in by_scope.items():
        if paths is None:
            continue
        keys = map(_key_of, paths)
        where = formats.listed((places.get(("category", key), f"#{key}") for key in keys), "or")
        if len(by_scope) == 1:
            yield _("Only in %(places)s", places=where)
        else:
            yield _("%(verbs)s: only in %(places)s", verbs=formats.listed(verbs), places=where)


def _unseen(actor: Actor, name: str) -> Iterator[str]:
    """Yield what of the records on the line `name` is not seen, not everywhere, or not to be changed."""
    model = resources().get(name)
    if model is None or not policy.allows(actor, "read", name):
        return
    declared = {key: field for key, field in fields_of(model).items() if not field.secret}
    seen, everywhere = policy.fields_for(actor, "read", model), askable(actor, model)
    free = policy.fields_for(actor, "update", model)
    changes = policy.allows(actor, "update", name)
    locked = {key for key in seen - free if changes and not declared[key].system}
    for sentence, keys in (
        (_l("Does not see: %(fields)s"), declared.keys() - seen),
        (_l("Sees in some places only: %(fields)s"), seen - everywhere),
        (_l("Cannot change: %(fields)s"), locked),
    ):
        if keys:
            labels = (str(field.label) for key, field in declared.items() if key in keys)
            yield str(sentence) % {"fields": formats.listed(labels)}


def _verb(verb: str) -> str:
    labels = dict(columns())
    return labels.get(verb) or capitalised(str(VERBS.get(verb, verb)))


def _key_of(path: str) -> int:
    return int(path.split("/")[-2])


def _lines() -> list[tuple[str, Iterable[str]]]:
    """Return each resource and area with its verbs, in the order of the navigation."""
    lines = policy.matrix_lines()
    places = {view.endpoint: at for at, view in enumerate(current_app.extensions["admin"][0]._views)}
    return sorted(lines.items(), key=lambda one: places.get(one[0], len(places)))


def is_free(actor: Actor, grant: str) -> bool:
    """Return whether the person holds `grant` themselves, so that they may give or take it."""
    return policy.covers(actor, RoleRights("", frozenset({grant})))


class FieldNamesField(CodesField):
    """Fields of all resources, chosen by name where a script runs; lines such as `product.cost` where none does."""

    example = "product.cost"

    @property
    def options(self) -> list[tuple[str, str]]:
        return [
            (f"{name}.{key}", _("%(what)s: %(field)s", what=told_rights.what(name), field=declared.label))
            for name, model in resources().items()
            for key, declared in fields_of(model).items()
            if not declared.secret
        ]
