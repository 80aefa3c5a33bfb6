"""The pages of roles: a matrix of resources and verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from backoffice import policy
from backoffice.i18n import _, _l
from backoffice.models.base import CRUD, resources
from backoffice.models.fields import Field
from backoffice.models.role import EVERYTHING, Role
from backoffice.policy import Actor, RoleRights
from backoffice.web.errors import AREA_LABELS, VERBS

from . import fields as form_fields
from . import formats
from .base import ResourceView, Words
from .columns import Drawn, nothing


@dataclass(frozen=True)
class Box:
    """One grant in the matrix."""

    grant: str
    label: str
    checked: bool
    free: bool


@dataclass(frozen=True)
class MatrixLine:
    """A resource or area with a box for each of its verbs; None where it has no such verb."""

    label: str
    letters: list[Box | None]
    extra: list[Box]


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
        free = {grant for grant in (*policy.all_grants(), EVERYTHING) if self.is_free(grant)}
        unknown = sent - policy.all_grants() - {EVERYTHING}
        if unknown:
            self.process_errors.append(
                _(
                    "%(field)s: “%(grant)s” is no right. Choose from the list.",
                    field=self.declared.label,
                    grant=min(unknown)[:60],
                )
            )
        self.value = sorted((stored - free) | (sent & free))

    def is_free(self, grant: str) -> bool:
        """Return whether the person holds `grant` themselves, so that they may give or take it."""
        return policy.covers(self.actor, RoleRights("", frozenset({grant})))

    @property
    def everything(self) -> Box:
        """Return the box of the grant that covers all."""
        held = EVERYTHING in (self.value or ())
        return Box(EVERYTHING, _("Everything, also what comes later"), held, self.is_free(EVERYTHING))

    @property
    def lines(self) -> list[MatrixLine]:
        """Return the matrix."""
        lines = []
        for name, verbs in policy.matrix_lines().items():
            model = resources().get(name)
            label = str(model.resource.plural if model else AREA_LABELS.get(name, name))
            boxes = {verb: self._box(name, verb, label) for verb in verbs}
            lines.append(
                MatrixLine(
                    label, [boxes.get(verb) for verb in CRUD], [box for verb, box in boxes.items() if verb not in CRUD]
                )
            )
        return lines

    def _box(self, name: str, verb: str, label: str) -> Box:
        grant = f"{name}:{verb}"
        return Box(grant, str(VERBS.get(verb, verb)), grant in (self.value or ()), self.is_free(grant))


def letters(actor: Actor, resource: str, verbs: tuple[str, ...]) -> str:
    """Return the letters C, R, U, D of those `verbs` that the actor holds, a dash for each other."""
    held = (verb in verbs and policy.allows(actor, verb, resource) for verb in CRUD)
    return "".join(verb[0].upper() if holds else "–" for verb, holds in zip(CRUD, held, strict=True))


def letter_line(actor: Actor) -> Drawn:
    """Return the letters that an actor holds, each set of them once with what it is held on, in one line."""
    held: dict[str, list[str]] = {}
    for name, model in resources().items():
        found = letters(actor, name, model.resource.all_verbs)
        if found.strip("–"):
            held.setdefault(found, []).append(str(model.resource.plural))
    if not held:
        return nothing()
    told = {found: formats.listed(labels) for found, labels in sorted(held.items(), key=lambda one: one[0].count("–"))}
    parts = (Markup('<b class="letters">%s</b> %s') % pair for pair in told.items())
    return Drawn(Markup(" · ").join(parts), " · ".join(f"{found} {labels}" for found, labels in told.items()))


def letter_list(actor: Actor) -> Markup:
    """Return the letters that an actor holds on each resource, those with none left out."""
    rows = [
        (model.resource.plural, letters(actor, name, model.resource.all_verbs)) for name, model in resources().items()
    ]
    held = [(label, found) for label, found in rows if found.strip("–")]
    items = (Markup('<li>{} <span class="letters">{}</span></li>').format(label, found) for label, found in held)
    return Markup('<ul class="letter-list">{}</ul>').format(Markup("").join(items)) if held else Markup("–")


class RoleView(ResourceView):
    """Roles."""

    model = Role
    place = (22, "role")
    words = Words(
        _l("No roles yet."),
        _l("No roles match %(held)s."),
        _l("Add role"),
        _l("Add the first one."),
        _l("Search roles"),
    )
    columns = ("letters",)
    main = ("name", "description", "grants")
    side = ("key", "categories", "hidden_fields", "locked_fields")
    widgets = {"grants": GrantsField}

    def column_letters(self, role: Role) -> Drawn:
        """Return what the role gives."""
        return letter_line(Actor(None, "", (policy.rights_of(role),)))

    column_letters.label = _l("Rights")  # type: ignore[attr-defined]
