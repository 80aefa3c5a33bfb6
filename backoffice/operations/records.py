"""Create, update, trash, restore and purge any resource, with the rights that each needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import inspect, select

from .. import history, policy
from ..errors import NotFound, Refused
from ..i18n import _
from ..models.base import Resource, fields_of, references_to, resources
from ..models.fields import Field, Kind
from ..models.history import Change
from ..models.types import utcnow
from ..refusals import taken
from ..writes import Unit

M = TypeVar("M", bound=Resource)


@dataclass(frozen=True)
class Saved:
    """A form that was saved: the record, and what others had changed meanwhile and was kept."""

    record: Resource
    merged: history.State


class Conflicted(Exception):
    """Fields were changed by someone else to something else meanwhile; nothing was written.

    `values` is what this person typed, `conflicts` what needs a decision, `merged` what does not.
    """

    def __init__(self, record: Resource, merge: history.Merge) -> None:
        super().__init__(record.resource.name, record.id)
        self.record = record
        self.version = record.version
        self.conflicts = merge.conflicts
        self.merged = merge.merged
        self.write = merge.write


def create(unit: Unit, model: type[M], values: Mapping[str, Any]) -> M:
    """Create a record of `model` from attribute values, references as keys. Raises Denied and Refused."""
    name = model.resource.name
    policy.require(unit.actor, "create", name)
    _require_fields(unit, "create", model, None, values)
    record = model()
    _refuse_taken(unit, record, values)
    _assign(unit, record, values)
    unit.add(record)
    unit.session.flush()
    _require_reach(unit, "create", record)
    return record


def update(unit: Unit, record: Resource, values: Mapping[str, Any]) -> None:
    """Set attribute values on `record`; what equals the stored value does not count.

    Raises Denied and Refused; the record's own rules are asked when the unit flushes.
    """
    changed = {name: value for name, value in values.items() if _differs(record, name, value)}
    if not changed:
        return
    policy.require(unit.actor, "update", record.resource.name, record)
    _require_fields(unit, "update", type(record), record, changed)
    _refuse_taken(unit, record, changed)
    _assign(unit, record, changed)
    _require_reach(unit, "update", record)


def problems_of(model: type[Resource], record: Resource | None, values: Mapping[str, Any]) -> list[Refused]:
    """Return every refusal that `values` over `record`, None for a new one, would meet by themselves, not the first."""
    source = record if record is not None else model()
    plain = (field for field in fields_of(model).values() if field.kind is not Kind.REFERENCES)
    return list(model.problems_of({field.name: field.get(source) for field in plain} | dict(values)))


def trash(unit: Unit, record: Resource) -> None:
    """Move `record` to the trash; it keeps all it has. Does nothing to a record that is there."""
    policy.require(unit.actor, "delete", record.resource.name, record)
    if record.trashed_at is None:
        record.trashed_at = utcnow()


def restore(unit: Unit, record: Resource) -> None:
    """Bring `record` back from the trash with all it had."""
    policy.require(unit.actor, "delete", record.resource.name, record)
    if record.trashed_at is not None:
        record.trashed_at = None


def purge(unit: Unit, record: Resource) -> None:
    """Delete `record` for good; only from the trash, and only when nothing points to it. History keeps what it was."""
    policy.require(unit.actor, "delete", record.resource.name, record)
    if record.trashed_at is None:
        raise Refused(
            _("“%(name)s” is not in the trash. Move it there first.", name=policy.name_of(unit.actor, record))
        )
    for other, field in references_to(type(record)):
        if _points_to(unit, other, field, record):
            raise Refused(
                _(
                    "“%(name)s” is still used by %(others)s, perhaps in the trash. Change those first.",
                    name=policy.name_of(unit.actor, record),
                    others=other.resource.plural,
                )
            )
    unit.session.delete(record)
    unit.session.flush()


def save_form(unit: Unit, model: type[M], key: int, opened_version: int, values: Mapping[str, Any]) -> Saved:
    """Save what a person typed into a form that they opened at `opened_version`.

    Over a newer version it merges field by field against what the record was then. Raises Conflicted where both sides
    changed a field, NotFound for a record out of reach, Denied and Refused.
    """
    record = unit.get(model, key)
    if not policy.allows(unit.actor, "read", model.resource.name, record):
        raise NotFound(model.resource.name, key)
    policy.require(unit.actor, "update", model.resource.name, record)
    if record.version == opened_version:
        update(unit, record, values)
        return Saved(record, {})
    merge = merge_form(unit, record, opened_version, values)
    if merge.conflicts:
        raise Conflicted(record, merge)
    update(unit, record, history.unflatten(model, merge.write, record))
    return Saved(record, merge.merged)


def merge_form(unit: Unit, record: Resource, opened_version: int, values: Mapping[str, Any]) -> history.Merge:
    """Merge typed `values` over the record as it is now, from the record as it was at `opened_version`.

    Raises Refused where history cannot tell how it was then: what somebody did meanwhile would be lost unseen.
    """
    model = type(record)
    other = Refused(_("This form belongs to another state of the record. Reload the page; copy what you typed."))
    if not 0 < opened_version < record.version:
        raise other
    statement = (
        select(Change.version, Change.diff)
        .where(Change.resource == model.resource.name, Change.record_id == record.id)
        .where(Change.version > opened_version)
        .order_by(Change.version, Change.id)
    )
    later = unit.session.execute(statement).all()
    told = {row.version for row in later}
    if told != set(range(opened_version + 1, record.version + 1)):
        raise other
    theirs = history.state_of(record)
    base = history.as_of(theirs, (row.diff for row in later))
    yours: history.State = {}
    for name, value in values.items():
        field = fields_of(model)[name]
        mine = history.flatten(field, field.clean(value))
        if field.kind is Kind.MAP:
            prefix = f"{field.entry_prefix}."
            mine = {key: None for key in (*base, *theirs) if key.startswith(prefix)} | mine
        yours |= mine
    return history.merge(base, theirs, yours)


def _require_fields(
    unit: Unit, verb: str, model: type[Resource], record: Resource | None, values: Mapping[str, Any]
) -> None:
    """Raise Denied for the first field that the actor may not set."""
    allowed = policy.fields_for(unit.actor, verb, model, record)
    fields = fields_of(model)
    for name, value in values.items():
        if name not in allowed:
            if verb == "create" and value in (None, "", [], {}):
                continue
            raise policy.Denied(verb, model.resource.name, name)
        extra = fields[name].verb
        if extra and not (record is None and value == _default_of(model, name)):
            policy.require(unit.actor, extra, model.resource.name, record)


def _default_of(model: type[Resource], name: str) -> Any:
    return getattr(model(), name)


def _require_reach(unit: Unit, verb: str, record: Resource) -> None:
    """Raise Refused where the record ended up outside of the categories that the actor may work in."""
    if not policy.allows(unit.actor, verb, record.resource.name, record):
        raise Refused(
            _("You can work in some categories only, and this would leave them. Choose one of yours."),
            record.resource.scope if record.resource.scope != "id" else "parent_id",
        )


def _differs(record: Resource, name: str, value: Any) -> bool:
    field = fields_of(type(record)).get(name)
    if field is None:
        raise KeyError(name)
    if field.kind is Kind.REFERENCES:
        return sorted(value or ()) != [item.id for item in sorted(field.get(record), key=lambda item: item.id)]
    return bool(field.clean(value) != field.get(record))


def _assign(unit: Unit, record: Resource, values: Mapping[str, Any]) -> None:
    fields = fields_of(type(record))
    ready = {name: _stored(unit, fields[name], value, record) for name, value in values.items()}
    # All at once: a look-up in between would flush, and the record be judged by half of what was asked for.
    with unit.session.no_autoflush:
        for name, value in ready.items():
            setattr(record, name, value)


def _stored(unit: Unit, field: Field, value: Any, record: Resource) -> Any:
    """Return `value` as the record holds it: of references the records, or the key of one that may be referred to."""
    if field.kind is Kind.REFERENCES:
        # What it holds already it may keep, though it went to the trash meanwhile or the actor does not see it.
        kept = [one for one in field.get(record) if one.id in (value or ())]
        return [*kept, *referred(unit, field, set(value or ()) - {one.id for one in kept})]
    if field.kind is Kind.REFERENCE and value is not None:
        return referred(unit, field, [value])[0].id
    return value


def referred(unit: Unit, field: Field, keys: Iterable[int]) -> list[Resource]:
    """Return the records that `field` is to point to, by ascending key.

    Raises Refused for one that is gone, in the trash or out of the actor's reach, in the same words.
    """
    wanted = set(keys)
    target = resources()[str(field.target)]
    known: dict[tuple[str, int], Resource] = unit.session.info.setdefault("referred", {})
    missing = {key for key in wanted if not _is_referred(unit, known.get((target.resource.name, key)))}
    if missing:
        live = select(target).where(target.id.in_(missing), target.trashed_at.is_(None)).order_by(target.id)
        # Held until the unit ends: who moves one of them to the trash meanwhile waits, and then sees what points to it.
        held = policy.referable(unit.actor, live, target).with_for_update(read=True, key_share=True, of=target)
        fresh = {record.id: record for record in unit.session.scalars(held)}
        known |= {(target.resource.name, key): record for key, record in fresh.items()}
        missing -= fresh.keys()
    if missing:
        raise Refused(
            _(
                "%(field)s: what you chose is not there any more, or you may not use it. Choose another.",
                field=field.label,
            ),
            field.name,
        )
    return [known[target.resource.name, key] for key in sorted(wanted)]


def _is_referred(unit: Unit, record: Resource | None) -> bool:
    """Return whether `record` is held by the unit already and can be referred to still."""
    if record is None or not inspect(record).persistent or record.trashed_at is not None:
        return False
    name = record.resource.name
    return record.resource.referable or policy.allows(unit.actor, "read", name, record)


def _refuse_taken(unit: Unit, record: Resource, values: Mapping[str, Any]) -> None:
    """Raise Refused where a unique value belongs to another record; the remedy offers that one."""
    model = type(record)
    for name, raw in values.items():
        field = fields_of(model)[name]
        value = field.clean(raw) if field.unique else None
        if value is None:
            continue
        with unit.session.no_autoflush:
            other = unit.session.scalars(
                select(model).where(getattr(model, name) == value, model.id != (record.id or 0))
            ).first()
        if other is not None:
            # A slug is told as the database and set-based writes tell it.
            raise taken(field) if name == "slug" else _taken(unit, field, value, other)


def _taken(unit: Unit, field: Field, value: Any, other: Resource) -> Refused:
    name = other.resource.name
    words: dict[str, Any] = {"field": field.label, "value": value, "name": policy.name_of(unit.actor, other)}
    if not policy.allows(unit.actor, "read", name, other):
        return Refused(_("%(field)s: “%(value)s” is taken. Choose another.", **words), field.name)
    if other.trashed_at is None:
        return Refused(
            _("%(field)s: “%(value)s” belongs to “%(name)s”. Choose another, or edit that one.", **words),
            field.name,
            {"open": other.id},
        )
    return Refused(
        _("%(field)s: “%(value)s” belongs to “%(name)s” in the trash. Restore that one, or choose another.", **words),
        field.name,
        {"restore": other.id},
    )


def _points_to(unit: Unit, other: type[Resource], field: Field, record: Resource) -> bool:
    attribute = getattr(other, field.name)
    many = field.kind is Kind.REFERENCES
    condition = attribute.any(type(record).id == record.id) if many else attribute == record.id
    return unit.session.scalar(select(other.id).where(condition).limit(1)) is not None
