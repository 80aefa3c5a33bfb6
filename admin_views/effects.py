"""What a form of rights would do, said before it is saved: sentences, who gains and loses, what will be refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import jsonify, render_template, request
from flask_admin import expose
from sqlalchemy import select

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _n
from backoffice.models.base import Resource
from backoffice.models.user import User
from backoffice.operations.rights_change import Difference, compare
from backoffice.policy import Actor
from backoffice.web.errors import wants_json

from . import formats, forms, saving, told_rights
from .columns import Drawn

#: Endpoint -> verb that it asks.
EFFECT_VERBS = {"effects_view": "update", "effects_new_view": "create"}

#: How many people, and how many rights, a sentence names.
NAMED = 5

#: How many sentences are shown at once.
SHOWN = 4


@dataclass
class Effects:
    """What a form would do: `said` what changes, `people` whom it concerns, `warnings` what to think of first."""

    said: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    #: Where all people concerned are listed.
    href: str = ""
    #: The letters that are held afterwards.
    letters: Drawn | None = None

    shown = staticmethod(formats.with_names)

    @property
    def first(self) -> list[str]:
        """Return the sentences that are shown at once; one more would take as much room as saying that it is there."""
        return self.said if len(self.said) <= SHOWN + 1 else self.said[:SHOWN]

    @property
    def rest(self) -> list[str]:
        """Return the sentences that are folded."""
        return self.said[len(self.first) :]

    @property
    def more(self) -> str:
        """Return how many sentences are folded, in words."""
        return _n("and %(num)s more", "and %(num)s more", len(self.rest))


class EffectsPages:
    """The endpoints that say what a form would do; they take it as it stands and change nothing."""

    #: Fields whose changes are told.
    told: tuple[str, ...] = ()

    def right_of(self, endpoint: str) -> tuple[str, str] | None:
        """Return what `endpoint` asks."""
        verb = EFFECT_VERBS.get(endpoint)
        return self._right(verb) if verb else super().right_of(endpoint)

    @expose("/effects/", methods=("POST",))
    def effects_view(self) -> Any:
        """Say what saving the form of a record would do."""
        record = self.get_one(request.values.get("id", ""))
        policy.require(self.actor, "update", self.model.resource.name, record)
        return self._answer(record)

    @expose("/effects/new/", methods=("POST",))
    def effects_new_view(self) -> Any:
        """Say what saving the form of a new record would do."""
        return self._answer(None)

    def _answer(self, record: Resource | None) -> Any:
        form = forms.build(self, record, request.form)
        form.validate()
        if not wants_json():
            return self._show_form(form, record, saving.Outcome())
        readable = not any(form[name].errors for name in self.told if name in form)
        effects = self.effects(form, record) if readable else Effects()
        return jsonify(effects=render_template("admin/effects.html", effects=effects, readable=readable))

    def extra_context(self, form: forms.RecordForm, record: Resource | None) -> dict[str, Any]:
        """Return what the form would do, where it came as it stands, and where to ask for it."""
        endpoint, arguments = ("effects_view", {"id": record.id}) if record else ("effects_new_view", {})
        back, keep = ("edit_view", {"id": record.id}) if record else ("create_view", {})
        return super().extra_context(form, record) | {
            "effects": self.effects(form, record) if request.method == "POST" else Effects(),
            "effects_address": self.address(endpoint, **arguments, url=self._given_return_url()),
            "effects_of": ",".join(self.told),
            "form_address": self.address(back, **keep, url=self._given_return_url()),
        }

    def effects(self, form: forms.RecordForm, record: Resource | None) -> Effects:
        """Return what saving `form` would do."""
        raise NotImplementedError


def people_sentences(actor: Actor, holders: int, gaining: tuple[int, ...], losing: tuple[int, ...]) -> list[str]:
    """Return for whom something changes, the first of them by name."""
    if not holders:
        return [_("Nobody holds this role yet.")]
    if not gaining and not losing:
        return [
            _n(
                "Nothing changes for the %(num)s person who holds this role: another one gives the same.",
                "Nothing changes for the %(num)s people who hold this role: others give the same.",
                holders,
            )
        ]
    names = _names(actor, [*gaining[:NAMED], *losing[:NAMED]])

    def called(keys: tuple[int, ...]) -> str:
        return _named([names[key] for key in keys[:NAMED] if key in names], len(keys))

    said = []
    if gaining:
        said.append(
            _n(
                "Gains for %(num)s person: %(names)s.",
                "Gains for %(num)s people: %(names)s.",
                len(gaining),
                names=called(gaining),
            )
        )
    if losing:
        said.append(
            _n(
                "Losses for %(num)s person: %(names)s.",
                "Losses for %(num)s people: %(names)s.",
                len(losing),
                names=called(losing),
            )
        )
    return said


def _names(actor: Actor, keys: list[int]) -> dict[int, str]:
    found = db.session.execute(select(User.id, User.name, User.email).where(User.id.in_(sorted(set(keys)))))
    known = policy.names(actor, User)
    return {row.id: formats.isolated((row.name or row.email) if known else f"#{row.id}") for row in found}


def _named(parts: list[str], count: int) -> str:
    """Return `parts` as one enumeration, with how many there are besides."""
    rest = count - len(parts)
    return formats.listed([*parts, _n("%(num)s more", "%(num)s more", rest)] if rest else parts)


def own_warnings(before: Actor, after: Actor) -> list[str]:
    """Return what somebody would lose by a change that they make themselves."""
    found = compare(before, after)
    if not found.loses:
        return []
    if policy.allows(before, "update", "role") and not policy.allows(after, "update", "role"):
        return [_("You would lose this yourself, and could change no role any more.")]
    return [_("You would lose this yourself: %(rights)s.", rights=_lost(found))]


def _lost(found: Difference) -> str:
    lines = dict.fromkeys((*found.lost, *found.narrower, *((name, verb) for name, verb, _key in found.fields_lost)))
    return _named([told_rights.right(line) for line in list(lines)[:NAMED]], len(lines))
