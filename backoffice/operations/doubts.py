"""Questions before a save: what is allowed but looks like a slip is asked once, of the person who did it.

Bulk actions and imports show a preview instead; undo takes back what was asked about already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .. import policy
from ..i18n import _, money_text, percent_text
from ..models.base import Resource
from ..models.product import PUBLISHED
from ..policy import Actor

#: A price that changes by more than this share of itself is asked about.
JUMP = Decimal("0.5")

Before = Mapping[str, Any]


@dataclass(frozen=True)
class Doubt:
    """One question about a field; `mark` names this very question, so that another one is asked again."""

    field: str
    text: str
    mark: str


class Doubtful(Exception):
    """Something looks wrong and nobody said that it is meant; nothing was written."""

    def __init__(self, questions: tuple[Doubt, ...]) -> None:
        super().__init__(" ".join(one.text for one in questions))
        self.questions = questions

    @property
    def mark(self) -> str:
        """Return the marks of all questions, to be sent with the same form when it is meant."""
        return ".".join(one.mark for one in self.questions)


def before(record: Resource) -> Before:
    """Return what the questions about `record` compare with, to be taken before it is changed."""
    watched, _ask = _QUESTIONS.get(record.resource.name, ((), None))
    return {name: getattr(record, name) for name in watched}


def ask(actor: Actor, record: Resource, was: Before, accepted: Collection[str]) -> None:
    """Raise Doubtful for what looks wrong in `record` since `was`, besides the marks in `accepted`."""
    _watched, questions = _QUESTIONS.get(record.resource.name, ((), None))
    if questions is None:
        return
    found = (
        Doubt(field, text, _mark(record, bool(was), field, facts))
        for field, text, facts in questions(actor, record, was)
    )
    open_ = tuple(one for one in found if one.mark not in accepted)
    if open_:
        raise Doubtful(open_)


def accepted(text: str | None) -> frozenset[str]:
    """Return the marks that a form sent."""
    return frozenset((text or "")[:400].split("."))


def _mark(record: Resource, known: bool, field: str, facts: Iterable[object]) -> str:
    # A new record has another key at each try.
    told = "|".join(str(fact) for fact in (record.resource.name, record.id if known else "new", field, *facts))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


Question = tuple[str, str, tuple[object, ...]]


def _of_product(actor: Actor, product: Any, was: Before) -> Iterable[Question]:
    price, cost, currency = product.price, product.cost, product.currency
    changed = {name for name in _WATCHED if not was or getattr(product, name) != was[name]}
    if price == 0 and product.status == PUBLISHED and changed & {"price", "status"}:
        yield "price", _("The price is zero and the product is published. Is that right?"), ("zero",)
    elif price is not None and "price" in changed and was.get("price") and "currency" not in changed:
        share = (price - was["price"]) / was["price"]
        if abs(share) > JUMP:
            text = _(
                "The price changes from %(before)s to %(after)s (%(percent)s). Is that right?",
                before=money_text(was["price"], currency),
                after=money_text(price, currency),
                percent=percent_text(share),
            )
            yield "price", text, ("jump", was["price"], price)
    # Who may not see the cost must not find it by asking.
    sees_cost = "cost" in policy.fields_for(actor, "read", type(product), product)
    if price and cost is not None and price < cost and changed & {"price", "cost"} and sees_cost:
        text = _(
            "The price %(price)s is below the cost %(cost)s. Is that right?",
            price=money_text(price, currency),
            cost=money_text(cost, currency),
        )
        yield "price", text, ("below", price, cost)


_WATCHED = ("price", "cost", "currency", "status")

#: Resource -> the fields that its questions compare, and the questions.
_QUESTIONS: dict[str, tuple[tuple[str, ...], Callable[[Actor, Any, Before], Iterable[Question]]]] = {
    "product": (_WATCHED, _of_product),
}
