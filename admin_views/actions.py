"""Deeds over ticked rows: one unit, whatever a person may not touch skipped and counted, and Undo for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backoffice import policy, writes
from backoffice.errors import Refused
from backoffice.i18n import _, phrase
from backoffice.models.base import Resource
from backoffice.policy import Actor, Denied
from backoffice.writes import Unit

from .lookups import key_of

#: Rows that one action takes; more is the work of a job.
MAX_ROWS = 200

#: Reasons that a toast lists.
SHOWN_REASONS = 10

Deed = Callable[[Any, Unit, Resource], None]


@dataclass(frozen=True)
class MassAction:
    """A deed over ticked rows: the right it asks, its words, and whether it is for rows in the trash."""

    name: str
    label: Any
    verb: str
    icon: str
    done: Callable[[int], str]
    deed: Deed
    on_trash: bool = False
    danger: bool = False


@dataclass
class Report:
    """What an action did: rows changed, and why others were left."""

    done: int = 0
    change_set_id: int | None = None
    reasons: list[str] = field(default_factory=list)
    skipped: int = 0

    def skip(self, reason: str) -> None:
        """Count a row that was left."""
        self.skipped += 1
        if len(self.reasons) < SHOWN_REASONS:
            self.reasons.append(reason)


def mass_action(
    label: Any, *, verb: str, icon: str, done: Callable[[int], str], on_trash: bool = False, danger: bool = False
) -> Callable[[Deed], Deed]:
    """Offer a method of a view, which does one deed to one record, as an action over ticked rows.

    `done` says in a sentence what happened to how many.
    """

    def mark(deed: Deed) -> Deed:
        name = deed.__name__
        deed.mass_action = MassAction(name, label, verb, icon, done, deed, on_trash, danger)  # type: ignore[attr-defined]
        return deed

    return mark


def actions_of(cls: type) -> dict[str, MassAction]:
    """Return the actions that a view declares, by name, those that take away last."""
    found: dict[str, MassAction] = {}
    for base in reversed(cls.__mro__):
        for member in vars(base).values():
            action = getattr(member, "mass_action", None)
            if isinstance(action, MassAction):
                found[action.name] = action
    return dict(sorted(found.items(), key=lambda pair: pair[1].danger))


def ticked(raw: list[str]) -> list[int]:
    """Return the keys of the ticked rows, each once and ascending. Raises Refused for none, too many, or no keys."""
    if not raw:
        raise Refused(_("Nothing is ticked. Tick the rows first."))
    if len(raw) > MAX_ROWS:
        raise Refused(_("%(count)s rows are too many at once. Tick at most %(max)s.", count=len(raw), max=MAX_ROWS))
    keys = {key_of(item) for item in raw}
    if None in keys:
        raise Refused(_("The ticked rows cannot be read. Reload the page and tick them again."))
    return sorted(key for key in keys if key is not None)


def carry_out(view: Any, action: MassAction, actor: Actor, keys: list[int], request_id: str | None) -> Report:
    """Do `action` to the records `keys` in one unit; what is out of reach or against a rule is skipped and counted.

    Raises AlreadyDone where this very request was carried out before.
    """
    model: type[Resource] = view.model

    def work(unit: Unit) -> Report:
        report = Report()
        found = [
            record for record in unit.locked(model, keys) if policy.allows(actor, "read", model.resource.name, record)
        ]
        for _missing in range(len(keys) - len(found)):
            report.skip(_("One is gone, or you may not see it."))
        changed = [record for record in found if _one(view, action, unit, record, report)]
        if len(changed) == 1:
            unit.entitle(phrase("%(action)s: %(name)s", action=action.label, name=str(changed[0])))
        return report

    title = phrase("%(action)s: %(resource)s", action=action.label, resource=model.resource.plural)
    report, receipt = writes.run(actor, title, work, source="action", request_id=request_id)
    report.change_set_id = receipt.change_set_id
    # What the rows were already is no change.
    report.done = len(receipt.changes)
    report.skipped = len(keys) - report.done
    return report


def _one(view: Any, action: MassAction, unit: Unit, record: Resource, report: Report) -> bool:
    """Do `action` to `record`, and return whether that changed it; why not is noted in `report`."""
    if record.trashed_at and not action.on_trash:
        report.skip(_("“%(name)s” is in the trash.", name=view.name_of(record)))
        return False
    before = record.version
    try:
        with unit.attempt():
            action.deed(view, unit, record)
    except Refused as refused:
        report.skip(str(refused))
        return False
    except Denied:
        report.skip(_("“%(name)s”: you may not do this to it.", name=view.name_of(record)))
        return False
    if record.version == before:
        report.skip(_("“%(name)s” was so already.", name=view.name_of(record)))
        return False
    return True


def sentence(action: MassAction, report: Report) -> str:
    """Return what happened to how many, as one line."""
    if not report.skipped:
        return action.done(report.done)
    return _("%(done)s Skipped: %(skipped)s.", done=action.done(report.done), skipped=report.skipped)
