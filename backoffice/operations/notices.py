"""What the outside world is told, left in the outbox by the transaction that caused it."""

from __future__ import annotations

from ..recording import Draft
from ..writes import Unit, rule


@rule("category")
def announce_category(unit: Unit, draft: Draft) -> None:
    """Tell who follows categories that one appeared."""
    if draft.verb == "create":
        unit.emit("category.created", {"id": draft.record_id, "name": draft.label, "by": unit.actor.label})
