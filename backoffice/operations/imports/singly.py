"""Write rows record by record: for resources that settle so, and for what comes back from the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ... import history, policy
from ...errors import NotFound, Refused
from ...i18n import _
from ...models.base import Resource, fields_of, file_fields
from ...models.fields import Kind
from ...policy import Denied
from ...refusals import explain
from ...writes import Unit
from .. import cells, records
from .columns import Plan, parent_field, referred_model
from .names import Found, Names
from .outcome import Fate, Outcome, problem_of
from .problems import Problem
from .rights import Rights
from .rows import Row, folds


def write(unit: Unit, plan: Plan, rows: Sequence[Row], outcome: Outcome, names: Names) -> None:
    """Create or change the record of one row after the other; what fails is told to the outcome."""
    for row in rows:
        try:
            with names.attempt():
                fate = _write(unit, plan, row, names)
                unit.settle()
            outcome.put(row, fate)
        except (Refused, Denied) as error:
            outcome.fail(row, problem_of(plan, row, error))
        except NotFound:
            outcome.fail(row, Problem(plan.key, cells.as_text(row.key), _("The record is gone meanwhile.")))
        except IntegrityError as error:
            refused = explain(error)
            if not isinstance(refused, Refused):
                raise
            outcome.fail(row, problem_of(plan, row, refused))


def _write(unit: Unit, plan: Plan, row: Row, names: Names) -> Fate:
    record = _find(unit, plan, row, names)
    rights = Rights(unit.actor, plan.model)
    values = _values(unit, plan, row, names, record)
    if record is None:
        made = records.create(unit, plan.model, values)
        unit.settle()
        rights.require_reach("create", made.scope_path())
        if plan.tree:
            names.add(plan.model, row.key, Found(made.id, row.key[-1], made.scope_path()))
        return Fate.CREATED
    rights.require_sight({target.field.name for target in row.targets}, record.scope_path())
    changed = {name: value for name, value in values.items() if _differs(record, name, value)}
    restored = record.trashed_at is not None
    if restored or changed:
        rights.require_change(changed, record.scope_path())
    if restored:
        records.restore(unit, record)
    if changed:
        records.update(unit, record, changed)
        unit.settle()
        rights.require_reach("update", record.scope_path())
    return Fate.UPDATED if restored or changed else Fate.UNCHANGED


def _find(unit: Unit, plan: Plan, row: Row, names: Names) -> Resource | None:
    """Return the record that a row is about, locked; None for a new one."""
    if plan.tree:
        names.prefetch(plan.model, [row.key])
        keys = [one.id for one in names.candidates(plan.model, row.key)]
    else:
        name = "name_key" if folds(plan) else file_fields(plan.model)[plan.key].name
        keys = list(unit.session.scalars(select(plan.model.id).where(getattr(plan.model, name) == row.key)))
    found = unit.locked(plan.model, keys)
    seen = [one for one in found if policy.allows(unit.actor, "read", plan.model.resource.name, one)]
    live = [one for one in seen if one.trashed_at is None]
    if found and not seen:
        raise Refused(
            _("“%(value)s” is taken by a record that you do not see. Choose another.", value=_shown(plan, row))
        )
    if len(live) > 1:
        raise Refused(_("Several records are called “%(value)s”. Use another --key.", value=_shown(plan, row)))
    if seen and not live and not names.restore:
        raise Refused(
            _("“%(value)s” is in the trash. Restore it there, or import with --restore.", value=_shown(plan, row))
        )
    return next(iter([*live, *seen]), None)


def _shown(plan: Plan, row: Row) -> str:
    return cells.joined_path(row.key) if plan.tree else cells.as_text(row.key)


def _values(unit: Unit, plan: Plan, row: Row, names: Names, record: Resource | None) -> dict[str, Any]:
    """Return what the row says of its record, over what is stored."""
    declared = fields_of(plan.model)
    values = dict(row.values)
    above = parent_field(plan.model)
    named = dict(row.names)
    if plan.tree and above and record is not None:
        # It was found by its path: how that is written there, and from where on, is left alone.
        values.pop(plan.model.resource.title, None)
        named.pop(above.name, None)
    for name, entries in row.entries.items():
        document = dict((record and declared[name].get(record)) or {}) | entries
        values[name] = declared[name].clean({key: value for key, value in document.items() if value is not None})
    for name, wanted in named.items():
        target = referred_model(declared[name])
        names.prefetch(target, wanted)
        names.create_missing(target, wanted)
        many = declared[name].kind is Kind.REFERENCES
        stored = declared[name].get(record) if record is not None else None
        current = [one.id for one in stored or ()] if many else [stored]
        keys = [names.choose(declared[name], target, one, current) for one in wanted]
        values[name] = keys if many else next(iter(keys), None)
    return values


def _differs(record: Resource, name: str, value: Any) -> bool:
    declared = fields_of(type(record))[name]
    before, after = history.flatten(declared, declared.get(record)), history.flatten(declared, declared.clean(value))
    return bool(history.difference(before, after))
