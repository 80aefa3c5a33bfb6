"""The one question: which rows, in which order, from where on, for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from .. import policy
from ..i18n import _
from ..models.base import Resource, fields_of
from ..models.category import Category
from ..policy import Actor
from . import plans, searching
from .apart import Apart
from .asked import Asked
from .filters import (
    IN,
    LACKS,
    Filter,
    association,
    condition,
    is_association,
    is_stretch,
    is_subtree,
    key_of,
    named_categories,
)
from .loading import load, with_references
from .orders import RELEVANCE, Order, Position
from .reading import SIZE, read, read_position
from .results import Bounds, Count, Page
from .rights import askable
from .translated import lacking

CHUNK, ROWS_CHUNK = 5_000, 500


@dataclass(frozen=True)
class Parsed:
    """A selection read from an address, the place in it, and sentences about what could not be used.

    Who writes to what a selection finds must refuse while there are problems: a filter left out means more rows.
    """

    selection: Selection
    cursor: Position | None
    size: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Rows of `model` for `actor`: filtered, searched, sorted, in the trash or out of it.

    `sort` empty means the best match first while searching, otherwise the order that the resource declares.
    """

    model: type[Resource]
    actor: Actor
    filters: tuple[Filter, ...] = ()
    search: str = ""
    sort: str = ""
    descending: bool = False
    trash: bool = False
    bounds: Bounds = field(default=Bounds(), repr=False, compare=False)
    _askable: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_askable", askable(self.actor, self.model))
        for name in [found.field for found in self.filters] + [self.sort] * (self.sort not in ("", "id")):
            if name not in self._askable:
                raise policy.Denied("read", self.model.resource.name, name)

    @classmethod
    def from_args(
        cls, model: type[Resource], actor: Actor, args: Mapping[str, Any], besides: Collection[str] = ()
    ) -> Parsed:
        """Read a selection from the arguments of an address; never raises on what people and robots write there.

        `besides` are names of the page's own, which say nothing about the list.
        """
        found = read(model, askable(actor, model), args, besides)
        selection = cls(model, actor, tuple(found.filters), found.search, found.sort, found.descending, found.trash)
        cursor = read_position(found, args, selection.order)
        return Parsed(selection, cursor, found.size, tuple(found.problems))

    def args(self, **changes: Any) -> dict[str, Any]:
        """Return the arguments of an address that `from_args` reads as this selection; None in `changes` removes."""
        found: dict[str, Any] = {"q": self.search or None, "sort": self.order.token if self.sort else None}
        found["trash"] = "1" if self.trash else None
        for one in self.filters:
            values = list(one.values)
            found[one.field if one.op == IN else f"{one.field}_{one.op}"] = values if len(values) > 1 else values[0]
        return {name: value for name, value in (found | changes).items() if value not in (None, [], "")}

    @property
    def order(self) -> Order:
        """Return the order of the list."""
        if self.sort:
            return Order(self.model, self.sort, self.descending)
        return Order(self.model, RELEVANCE) if self.search else self._standing_order()

    def page(self, session: Session, cursor: Position | None = None, size: int = SIZE) -> Page:
        """Return the page of `size` rows at `cursor`, counted to 1,000."""
        if self._is_empty():
            return Page([], Count(0, exact=True))
        if self.order.name == RELEVANCE:
            return self._ranked_page(session, cursor or Position(), size)
        asked = self._asked(session)
        (counted,) = _counted(session, [(asked, self.bounds.few)])
        if counted == Count(0, exact=True):
            return Page([], counted, note=self._note())
        return self._walked_page(session, asked, counted, cursor or Position(), size)

    def count(self, session: Session, up_to: int = Bounds.few) -> Count:
        """Return the number of rows, exactly up to `up_to`."""
        return counts(session, [(self, up_to)])[0]

    def estimate(self, session: Session) -> Count:
        """Return the number of rows: exact to 10,000, beyond that what the database's statistics say."""
        counted = self.count(session, 10_000)
        if counted.exact:
            return counted
        asked = self._asked(session)
        return Count(max(counted.value, plans.estimated(session, asked)), exact=False, estimated=True)

    def ids(self, session: Session) -> Iterator[int]:
        """Yield the key of every row by ascending key, in constant memory; the order in which rows are locked."""
        for found in self._chunks(session, Order(self.model, "id"), CHUNK):
            yield from found

    def rows(self, session: Session, chunk: int = ROWS_CHUNK) -> Iterator[Any]:
        """Yield every record in the order of the list, in constant memory.

        A search without a sort comes in the usual order of the resource: only the best matches have a rank.
        """
        order = self._standing_order() if self.order.name == RELEVANCE else self.order
        for found in self._chunks(session, order, chunk):
            yield from load(session, self.model, found)

    def keys(self, session: Session) -> Select[int]:
        """Return the statement of every key, in no order, for set-based work."""
        if self._is_empty():
            return select(self.model.id).where(false())
        return select(self.model.id).where(*self._asked(session).all())

    def holds(self, session: Session, key: int) -> bool:
        """Return whether the record `key` is one of the rows."""
        return session.scalar(self.keys(session).where(self.model.id == key)) is not None

    def by_code(self, session: Session) -> int | None:
        """Return the key of the one live record within reach whose code, such as its SKU or GTIN, is the search."""
        if not self.search:
            return None
        mark: Any = self.model.trashed_at
        statement = select(self.model.id).where(
            searching.exact(self.model, self.search, self._askable),
            mark.is_(None),
            policy.condition(self.actor, self.model),
        )
        found = session.scalars(statement.limit(2)).all()
        return found[0] if len(found) == 1 else None

    def get(self, session: Session, key: object, trash: bool | None = None) -> Any:
        """Return the record if it lies within the actor's reach, else None; filters and search do not matter.

        `trash` says where it must be: in the trash, out of it, or (None) either.
        """
        number = key if type(key) is int else key_of(str(key))
        if number is None or key_of(str(number)) is None:
            return None
        mark: Any = self.model.trashed_at
        statement = select(self.model).where(self.model.id == number, policy.condition(self.actor, self.model))
        if trash is not None:
            statement = statement.where(mark.is_not(None) if trash else mark.is_(None))
        return session.scalars(statement.options(*with_references(self.model))).unique().one_or_none()

    def _standing_order(self) -> Order:
        declared = "-trashed_at" if self.trash else self.model.resource.default_sort
        name = declared.removeprefix("-")
        if name != "id" and name not in self._askable:
            return Order(self.model, "id", descending=True)
        return Order(self.model, name, declared.startswith("-"))

    def _is_empty(self) -> bool:
        return policy.scopes(self.actor, "read", self.model.resource.name) == ()

    def _asked(self, session: Session, order: Order | None = None) -> Asked:
        """Return the question for the database, filters and rights told apart by what they limit."""
        order = order or (self._standing_order() if self.order.name == RELEVANCE else self.order)
        dialect = session.get_bind().dialect.name
        paths = self._paths(session)
        places: dict[str, list[tuple[str, ...]]] = {}
        ranged, filtered, apart = [], [], []
        for one in self.filters:
            if is_subtree(self.model, one):
                places.setdefault(one.field, []).append(
                    tuple(paths[int(key)] for key in one.values if int(key) in paths)
                )
            elif is_association(self.model, one):
                apart.append(association(self.model, one, paths, dialect, self.trash))
            elif one.op == LACKS:
                lacked = lacking(session, self.model, fields_of(self.model)[one.field], one.values, self.trash)
                if isinstance(lacked, Apart):
                    apart.append(lacked)
                else:
                    filtered.append(lacked)
            elif one.field == order.name and is_stretch(one):
                ranged.append(condition(self.model, one, paths))
            else:
                filtered.append(condition(self.model, one, paths))
        scope = policy.scopes(self.actor, "read", self.model.resource.name)
        column = self.model.resource.scope
        if scope is not None and column == "id":
            filtered.append(policy.condition(self.actor, self.model))
        elif scope is not None and column:
            places.setdefault(column, []).append(scope)
        if self.search:
            apart.append(searching.condition(dialect, self.model, self.search, self._askable, self.trash))
        groups = {name: tuple(found) for name, found in places.items()}
        return Asked(self.model, order, self.trash, groups, tuple(ranged), tuple(filtered), tuple(apart))

    def _paths(self, session: Session) -> dict[int, str]:
        named = named_categories(self.model, self.filters)
        if not named:
            return {}
        rows = session.execute(select(Category.id, Category.path).where(Category.id.in_(named)))
        return {row.id: row.path for row in rows}

    def _walked_page(self, session: Session, asked: Asked, counted: Count, place: Position, size: int) -> Page:
        found = plans.find(session, asked, place, size + 1, counted.exact, self.bounds)
        more = len(found) > size
        if place.key is not None and not found:
            # The rows that the cursor led to are gone: the page at that end of the list instead.
            return self._walked_page(session, asked, counted, Position(backward=not place.backward), size)
        found = found[-size:] if place.backward else found[:size]
        before = more if place.backward else place.key is not None
        after = place.key is not None if place.backward else more
        rows = load(session, self.model, [key for key, _value in found], asked.live)
        return Page(
            rows,
            counted,
            next=self.order.encode(found[-1][1], found[-1][0]) if after and found else None,
            previous=self.order.encode(found[0][1], found[0][0]) if before and found else None,
            note=self._note(),
        )

    def _ranked_page(self, session: Session, place: Position, size: int) -> Page:
        asked = self._asked(session)
        most = self.bounds.candidates if asked.only_searched else self.bounds.near
        keys, more = searching.ranked(session, asked, self.search, self._askable, most)
        start, end = _stretch(keys, place, size)
        shown = keys[start:end]
        return Page(
            load(session, self.model, shown, asked.live),
            Count(len(keys), exact=not more),
            next=self.order.encode(end - 1, shown[-1]) if end < len(keys) else None,
            previous=self.order.encode(start, shown[0]) if start and shown else None,
            note=self._note(most if more else None),
        )

    def _note(self, most: int | None = None) -> str | None:
        sentences = []
        if most is not None:
            sentences.append(
                _(
                    "Only the best %(max)s matches are shown. Add a word or choose a sort order.",
                    max=most,
                )
            )
        if self.search and searching.part_of(self.model, self._askable) is not None:
            sentences.append(_("Fields that you do not see are left out of the search."))
        return " ".join(sentences) or None

    def _chunks(self, session: Session, order: Order, size: int) -> Iterator[list[int]]:
        if self._is_empty():
            return
        asked = self._asked(session, order)
        place = Position()
        while found := plans.next_rows(session, asked, place, size):
            yield [key for key, _value in found]
            if len(found) < size:
                return
            place = Position(found[-1][1], found[-1][0])


def counts(session: Session, questions: Sequence[tuple[Selection, int]]) -> list[Count]:
    """Return the number of rows of each selection, exactly up to the number beside it.

    They come in one statement; the paths of categories that a filter names are asked before, each by itself.
    """
    found = iter(_counted(session, [(one._asked(session), up_to) for one, up_to in questions if not one._is_empty()]))
    return [Count(0, exact=True) if one._is_empty() else next(found) for one, _up_to in questions]


def _counted(session: Session, questions: Sequence[tuple[Asked, int]]) -> list[Count]:
    found = plans.counts(session, questions) if questions else []
    return [
        Count(min(number, up_to), exact=number <= up_to)
        for number, (_asked, up_to) in zip(found, questions, strict=True)
    ]


def _stretch(keys: list[int], place: Position, size: int) -> tuple[int, int]:
    """Return where in `keys` the page at `place` begins and ends; a key that is gone counts by where it stood."""
    first, last = (0, min(size, len(keys))), (max(0, len(keys) - size), len(keys))
    if place.key is None:
        return last if place.backward else first
    stood = min(max(place.value, 0), len(keys))
    if place.backward:
        end = keys.index(place.key) if place.key in keys else stood
        return (max(0, end - size), end) if end else first
    start = keys.index(place.key) + 1 if place.key in keys else stood
    return (start, min(start + size, len(keys))) if start < len(keys) else last


def fields_to_ask(model: type[Resource], actor: Actor) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields that a list of `model` can offer `actor` as filters, and as sort orders."""
    allowed = askable(actor, model)
    declared = {name: found for name, found in fields_of(model).items() if name in allowed}
    return (
        frozenset(name for name, found in declared.items() if found.filtered),
        frozenset(name for name, found in declared.items() if found.sorted),
    )
