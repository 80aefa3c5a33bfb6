"""The pages of roles: a matrix of resources and verbs, and what a change of it does before it is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import request
from markupsafe import Markup
from sqlalchemy import or_, select

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _l
from backoffice.models.base import CRUD, Resource, resources
from backoffice.models.category import Category
from backoffice.models.role import ADMINISTRATOR, Role
from backoffice.models.user import User
from backoffice.operations import guards
from backoffice.operations.presets import PRESETS
from backoffice.operations.rights_change import compare, concerned, rights_by_key
from backoffice.policy import Actor, RoleRights
from backoffice.web.people import current_user_record

from . import formats, told_rights
from .base import ResourceView, Words
from .columns import Drawn, nothing
from .effects import Effects, EffectsPages, own_warnings, people_sentences
from .form_page import Section
from .forms import RecordForm
from .lookups import ChipsField, keys_of
from .matrix import FieldNamesField, GrantsField, is_free
from .names import names_of


def letters(actor: Actor, resource: str, verbs: tuple[str, ...]) -> str:
    """Return the letters C, R, U, D of those `verbs` that the actor holds, a dash for each other."""
    held = (verb in verbs and policy.allows(actor, verb, resource) for verb in CRUD)
    return "".join(verb[0].upper() if holds else "–" for verb, holds in zip(CRUD, held, strict=True))


def letter_line(actor: Actor) -> Drawn:
    """Return the letters that an actor holds, each set of them once with what it is held on."""
    held: dict[str, list[str]] = {}
    for name, model in resources().items():
        found = letters(actor, name, model.resource.all_verbs)
        if found.strip("–"):
            held.setdefault(found, []).append(str(model.resource.plural))
    if not held:
        return nothing()
    told = {found: formats.listed(labels) for found, labels in sorted(held.items(), key=lambda one: one[0].count("–"))}
    parts = (Markup('<b class="letters">%s</b> %s') % pair for pair in told.items())
    line = Markup('<span class="clamped">%s</span>') % Markup(" · ").join(parts)
    return Drawn(line, " · ".join(f"{found} {labels}" for found, labels in told.items()))


def sees_rights(actor: Actor) -> bool:
    """Return whether `actor` may know what roles give."""
    return {"grants", *guards.LIMITS} <= policy.fields_for(actor, "read", Role)


class RoleView(EffectsPages, ResourceView):
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
    on_phone = {"letters": "under"}
    sections = (
        Section("role", "", ("name", "key", "description")),
        Section("grants", "", ("grants",)),
        Section("limits", "", ("categories", "hidden_fields", "locked_fields"), side=True),
    )
    widgets = {
        "grants": GrantsField,
        "categories": ChipsField,
        "hidden_fields": FieldNamesField,
        "locked_fields": FieldNamesField,
    }
    form_template = "admin/role.html"
    told = ("grants", *guards.LIMITS)

    def column_letters(self, role: Role) -> Drawn:
        """Return what the role gives."""
        return letter_line(Actor(None, "", (policy.rights_of(role),)))

    column_letters.label = _l("Rights")  # type: ignore[attr-defined]

    def tells(self, column: str) -> bool:
        """Return whether the person may see a column: the letters tell what the role gives."""
        return column != "letters" or sees_rights(self.actor)

    def takes(self, record: Resource, name: str) -> bool:
        """Return whether the field `name` of `record` may hold anything: an administrator's role has no limits."""
        return not (isinstance(record, Role) and record.key == ADMINISTRATOR and name in guards.LIMITS)

    def begun_from(self) -> Resource | None:
        """Return the role that a new one starts from: a preset, or another role."""
        kind, _colon, key = _start()
        if kind == "preset" and key in PRESETS:
            return Role(grants=sorted(PRESETS[key].grants))
        return self.get_one(key) if kind == "copy" else None

    def extra_context(self, form: RecordForm, record: Resource | None) -> dict[str, Any]:
        """Return what a new role can start from, and what of that the person cannot give."""
        left_out = self._hold_to_own(form) if record is None and request.method == "GET" else []
        return super().extra_context(form, record) | {
            "starts": self._starts() if record is None else [],
            "started": "".join(_start()),
            "left_out": formats.listed(left_out),
        }

    def _hold_to_own(self, form: RecordForm) -> list[str]:
        """Take from a new form what the person cannot give; return its names."""
        if "grants" not in form:
            return []
        field = form["grants"]
        grants = sorted(field.value or ())
        field.show([one for one in grants if is_free(self.actor, one)])
        return [told_rights.grant(one) for one in grants if not is_free(self.actor, one)]

    def _starts(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return what a new role can start from, in groups: value and label."""
        groups = [(_("As shipped"), [(f"preset:{key}", str(one.label)) for key, one in PRESETS.items()])]
        if self.may("read") and policy.names(self.actor, Role):
            live = select(Role.id, Role.name).where(Role.trashed_at.is_(None)).order_by(Role.name)
            named = [(f"copy:{one.id}", one.name) for one in db.session.execute(live)]
            groups.append((_("A copy of"), named))
        return groups

    def effects(self, form: RecordForm, record: Resource | None) -> Effects:
        """Return what saving the form of a role would do."""
        if record is not None and not sees_rights(self.actor):
            return Effects()
        before = policy.rights_of(record) if isinstance(record, Role) else RoleRights("", frozenset())
        values = form.values()
        added, removed = self._categories(values, record)
        after = RoleRights(
            str(values.get("name") or before.name),
            frozenset(values.get("grants", before.grants) or ()),
            tuple(sorted({*before.scope, *added} - removed.keys())),
            frozenset(values.get("hidden_fields", before.hidden) or ()),
            frozenset(values.get("locked_fields", before.locked) or ()),
        )
        if replace(after, name=before.name) == before:
            return Effects()
        who = told_rights.quoted(formats.isolated(after.name)) if after.name else _("The new role")
        found = compare(Actor(None, "", (before,)), Actor(None, "", (after,)))
        effects = Effects(told_rights.of_a_role(who, before, after, found))
        effects.said += told_rights.of_places(
            who,
            sorted(removed.values()),
            sorted(added.values()),
            limited_before=bool(before.scope),
            limited_after=bool(after.scope),
        )
        effects.warnings = self._refusals(record, before, after)
        if record is not None:
            self._tell_people(effects, record, before, after)
        return effects

    def _categories(self, values: dict[str, Any], record: Resource | None) -> tuple[dict[str, str], dict[str, str]]:
        """Return the categories that a form adds to the limits and takes from them: path -> name."""
        was = keys_of(record.categories) if isinstance(record, Role) else set()
        now = keys_of(values.get("categories", was))
        names = names_of(db.session, self.actor, {"category": was ^ now})
        found = select(Category.id, Category.path).where(Category.id.in_(sorted(was ^ now)))
        # What is out of reach cannot be added, and is not told apart from what is nowhere.
        held = or_(Category.id.in_(sorted(was)), policy.condition(self.actor, Category))
        paths = {row.id: row.path for row in db.session.execute(found.where(held))}
        added, removed = (
            {paths[key]: formats.isolated(names.get(("category", key), f"#{key}")) for key in keys if key in paths}
            for keys in (now - was, was - now)
        )
        return added, removed

    def _refusals(self, record: Resource | None, before: RoleRights, after: RoleRights) -> list[str]:
        """Return why the form could not be saved as it stands."""
        if isinstance(record, Role) and record.key == ADMINISTRATOR and guards.narrowing_field(after):
            return [guards.administrator_stays()]
        if guards.missing_grants(self.actor, before):
            return [guards.more_than_you(formats.isolated(before.name))]
        if guards.missing_grants(self.actor, after):
            return [guards.cannot_give(formats.isolated(after.name))]
        return []

    def _tell_people(self, effects: Effects, record: Resource, before: RoleRights, after: RoleRights) -> None:
        """Add for whom the change of a role changes something, the person themselves first."""
        me = current_user_record()
        mine = {role.id for role in me.roles} if me else set()
        if record.id in mine:
            others = tuple(rights_by_key(db.session(), mine - {record.id}).values())
            effects.warnings += own_warnings(self.actor, replace(self.actor, roles=(*others, after)))
        if {"roles", "active"} <= policy.fields_for(self.actor, "read", User):
            whom = concerned(db.session(), record.id, before, after)
            effects.people = people_sentences(self.actor, whom.holders, whom.gaining, whom.losing)
            effects.href = self.get_url("user.index_view", roles=record.id) if whom.holders else ""


def _start() -> tuple[str, str, str]:
    """Return what the address says that a new role starts from: its kind, a colon, and its key."""
    start = request.args.get("start") or (f"copy:{request.args['copy']}" if "copy" in request.args else "")
    return start.partition(":")
