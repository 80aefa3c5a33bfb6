"""The first page: what needs someone, what changed, how the catalogue stands; every mark links to what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask_admin import expose
from flask_babel import format_time
from sqlalchemy.exc import OperationalError

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _n, language_label, language_name, person_text
from backoffice.models.base import fields_of
from backoffice.models.product import Product
from backoffice.models.types import utcnow
from backoffice.operations import figures
from backoffice.policy import Actor
from backoffice.selection import Bounds, Count, Selection, changes, counts, fields_to_ask
from backoffice.selection.filters import LACKS
from backoffice.selection.rights import askable
from backoffice.web.errors import passes

from . import formats, timeline
from .access import GuardedView
from .history import NOBODY
from .names import names_of, other_languages, reader_language

#: Change sets and needs shown.
LATEST, MOST_NEEDS = 6, 6

#: Asks for the products without a name in a language.
LACKING = f"name_i18n_{LACKS}"

#: Stands for all products beside those that wait.
TOTAL = "all"


@dataclass(frozen=True)
class Need:
    """Something that waits for someone: an icon, a sentence with its number, and the list that holds it."""

    icon: str
    sentence: str
    args: dict[str, str]


@dataclass(frozen=True)
class Bar:
    """One mark of a figure: what it stands for, how many, its share of the longest or of the whole, and its list."""

    key: str
    label: str
    count: int
    share: float
    args: dict[str, Any] | None = None
    start: float = 0.0


@dataclass(frozen=True)
class Hour:
    """One hour of the last day: its label, changes by source, and the history of it."""

    label: str
    counts: list[int]
    since: str
    until: str


@dataclass(frozen=True)
class Busy:
    """Somebody who changed something in the last day: what they are called, how much, and the history of it."""

    label: str
    count: int
    args: dict[str, str]


@dataclass
class Board:
    """What the dashboard shows; what the person may not see is None or empty."""

    total: Count | None = None
    needs: list[Need] = field(default_factory=list)
    deeds: list[timeline.Deed] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)
    changes: int | None = None
    people: list[Busy] = field(default_factory=list)
    statuses: list[Bar] = field(default_factory=list)
    categories: list[Bar] = field(default_factory=list)
    languages: list[Bar] = field(default_factory=list)
    as_of: datetime | None = None
    stale: bool = False

    @property
    def quick(self) -> bool:
        """Return whether all products are so few that figures over them are counted at once."""
        return self.total is None or self.total.exact

    def take(self, found: figures.Counted) -> Any:
        """Return the value of `found`, and remember how old the oldest figure on the page is."""
        self.stale = self.stale or found.stale
        if found.at is not None:
            self.as_of = min(self.as_of, found.at) if self.as_of else found.at
        return found.value


class Dashboard(GuardedView):
    """Figures that link to the records they count."""

    VERB_OF = {"index": GuardedView.OPEN, "figures": GuardedView.OPEN}

    def is_accessible(self) -> bool:
        """Return whether the person may open the dashboard: everyone signed in may."""
        return self._may("index")

    @expose("/")
    def index(self) -> str:
        """Show the dashboard with the figures that are kept, or that are counted quickly."""
        return self.render("admin/dashboard.html", board=board(self.actor, again=False), sources=timeline.SOURCES)

    @expose("/figures/")
    def figures(self) -> str:
        """Show the dashboard with figures that are counted anew where they are not fresh."""
        return self.render("admin/dashboard.html", board=board(self.actor, again=True), sources=timeline.SOURCES)


def board(actor: Actor, again: bool) -> Board:
    """Return what `actor` may see of the whole; `again` counts anew what is not fresh."""
    found, session = Board(), db.session()
    kept = figures.kept(session, actor, again)
    if policy.allows(actor, "read", "product"):
        _catalogue(found, actor, kept)
    if policy.allows(actor, "read", "history"):
        _changes(found, actor, kept)
    try:
        kept.keep()
    except OperationalError as error:
        # All is counted: who waits in vain to write reads none the less, and the next one counts again.
        if not passes(error):
            raise
    return found


def _catalogue(found: Board, actor: Actor, kept: figures.Kept) -> None:
    session = db.session()
    known = kept.figure("needs", lambda: _counted(session, actor), quick=True).value
    waiting = {name: Count(*count) for name, count in known.items()}
    found.total = waiting[TOTAL]
    found.needs = _needs(actor, waiting)
    asked, _sorted = fields_to_ask(Product, actor)

    def figure(name: str, count: Any) -> Any:
        return found.take(kept.figure(name, count, found.quick))

    if "status" in asked:
        found.statuses = _statuses(figure("status", lambda: figures.by_status(session, actor)) or {})
    if "category_id" in asked:
        found.categories = _categories(actor, figure("category", lambda: figures.by_category(session, actor)) or [])
    languages = other_languages()
    if languages and "name_i18n" in askable(actor, Product):
        found.languages = _languages(
            languages, figure("language", lambda: figures.by_language(session, actor, languages)) or {}
        )


def _needs(actor: Actor, counted: dict[str, Count]) -> list[Need]:
    """Return what waits for someone, the person's own first; without zeros and what was not counted."""
    waiting = [
        Need(name.partition(":")[0], sentence(counted[name].value, formats.count(counted[name])), args)
        for name, (args, sentence) in _asked(actor).items()
        if name in counted and counted[name].value
    ]
    return waiting[:MOST_NEEDS]


def _counted(session: Any, actor: Actor) -> dict[str, tuple[int, bool]]:
    """Return the number of all products and of those that wait, by name, each with whether it is exact.

    What `actor` may not ask by is left out.
    """
    parsed = {name: Selection.from_args(Product, actor, args) for name, (args, _sentence) in _asked(actor).items()}
    chosen = {name: found.selection for name, found in parsed.items() if not found.problems}
    asked = [(Selection(Product, actor), figures.QUICK), *((one, Bounds.few) for one in chosen.values())]
    found = [(count.value, count.exact) for count in counts(session, asked)]
    return dict(zip([TOTAL, *chosen], found, strict=True))


def _asked(actor: Actor) -> dict[str, tuple[dict[str, str], Any]]:
    """Return what may wait for `actor`, by a name that begins with its icon: the list of it, and its sentence."""
    asked: dict[str, tuple[dict[str, str], Any]] = {
        "clock": ({"status": "draft"}, _drafts),
        "coin": ({"price": "none"}, _unpriced),
        "category": ({"category_id": "none"}, _unfiled),
        "building-store": ({"brand_id": "none"}, _unbranded),
    }
    if code := reader_language():
        # Who reads another language later finds it counted for that one.
        asked[f"language:{code}"] = ({LACKING: code}, partial(_unnamed, language_name(code)))
    if policy.scopes(actor, "read", "product") is not None:
        # Whose reach ends at categories sees no product without one.
        del asked["category"]
    if actor.user_id is None:
        return asked
    return {"user": ({"status": "draft", "responsible_id": str(actor.user_id)}, _own_drafts)} | asked


def _own_drafts(number: int, count: str) -> str:
    return _n(
        "%(count)s draft of yours is not published.",
        "%(count)s drafts of yours are not published.",
        number,
        count=count,
    )


def _drafts(number: int, count: str) -> str:
    return _n("%(count)s draft is not published.", "%(count)s drafts are not published.", number, count=count)


def _unpriced(number: int, count: str) -> str:
    return _n("%(count)s product has no price.", "%(count)s products have no price.", number, count=count)


def _unfiled(number: int, count: str) -> str:
    return _n("%(count)s product has no category.", "%(count)s products have no category.", number, count=count)


def _unbranded(number: int, count: str) -> str:
    return _n("%(count)s product has no brand.", "%(count)s products have no brand.", number, count=count)


def _unnamed(language: str, number: int, count: str) -> str:
    return _n(
        "%(count)s product has no name in %(language)s.",
        "%(count)s products have no name in %(language)s.",
        number,
        count=count,
        language=language,
    )


def _statuses(counts: dict[str, int]) -> list[Bar]:
    total = sum(counts.values()) or 1
    bars: list[Bar] = []
    start = 0.0
    for key, label in fields_of(Product)["status"].choices:
        if count := counts.get(key, 0):
            share = 100 * count / total
            bars.append(Bar(key, str(label), count, share, {"status": key}, start))
            start += share
    return bars


def _categories(actor: Actor, counts: list[list[int]]) -> list[Bar]:
    names = names_of(db.session, actor, {"category": {key for key, _count in counts}})
    longest = max((count for _key, count in counts), default=1)
    return [
        Bar(str(key), names.get(("category", key), f"#{key}"), count, 100 * count / longest, {"category_id": str(key)})
        for key, count in counts
    ]


def _languages(codes: list[str], counts: dict[str, int]) -> list[Bar]:
    total = counts.get("", 0)
    return [
        Bar(code, language_label(code), count, 100 * count / (total or 1), {LACKING: code} if count < total else None)
        for code, count in ((code, counts.get(code, 0)) for code in codes)
    ]


def _changes(found: Board, actor: Actor, kept: figures.Kept) -> None:
    page = changes.page_of_sets(db.session, changes.visible_sets(actor), None, LATEST)
    found.deeds = timeline.deeds(db.session, actor, page.rows)
    now = utcnow()
    figure = kept.figure("day", lambda: figures.by_hour(db.session(), actor, now), found.quick)
    if (counted := found.take(figure)) is None:
        return
    rows = counted["hours"]
    since = figures.first_hour(now).isoformat(timespec="seconds")
    found.people = [
        Busy(
            person_text(key, label) if label else _("No person"),
            count,
            {"person": str(key) if key else NOBODY, "since": since},
        )
        for key, label, count in counted["people"]
    ]
    found.changes = sum(count for _hour, _source, count in rows)
    found.sources = [name for name in timeline.SOURCES if any(source == name for _hour, source, _count in rows)]
    by_place = {(datetime.fromisoformat(hour), source): count for hour, source, count in rows}
    start = figures.first_hour(now)
    found.hours = [_hour(start + timedelta(hours=past), found.sources, by_place) for past in range(figures.HOURS)]


def _hour(since: datetime, sources: list[str], counts: dict[tuple[datetime, str], int]) -> Hour:
    until = since + timedelta(hours=1)
    return Hour(
        format_time(since, "short"),
        [counts.get((since, source), 0) for source in sources],
        since.isoformat(timespec="seconds"),
        until.isoformat(timespec="seconds"),
    )
