"""Reading a selection from an address: what cannot be used is left out, and a sentence says so."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from ..i18n import _, _n
from ..models.base import Resource, fields_of
from ..models.fields import Field
from .filters import ASKED, IN, LACKS, MAX, MIN, RANGED, Filter, canonical
from .orders import LAST, RELEVANCE, Order, Position

SIZE, MAX_SIZE = 50, 200
MAX_FILTERS, MAX_VALUES, MAX_NAMES = 20, 50, 60
MAX_TEXT, MAX_SEARCH, MAX_PROBLEMS = 300, 200, 10

_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


@dataclass
class Read:
    """What an address says, and what is wrong with it."""

    filters: list[Filter] = field(default_factory=list)
    search: str = ""
    sort: str = ""
    descending: bool = False
    trash: bool = False
    size: int = SIZE
    problems: list[str] = field(default_factory=list)

    def complain(self, problem: object) -> None:
        """Keep a sentence, once, and no more than a person would read."""
        sentence = str(problem)
        if sentence not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(sentence)


def values_of(args: Mapping[str, Any], name: str) -> list[str]:
    """Return the values that `args`, a plain or a multiple dictionary, holds under `name`."""
    found = args.getlist(name) if hasattr(args, "getlist") else args.get(name, ())
    if found is None or isinstance(found, str | int):
        found = () if found is None else (found,)
    return [str(value) for value in found]


def shown(text: str) -> str:
    """Return the beginning of `text` as it can stand in a message."""
    kept = "".join(char if _is_plain(char) else "\ufffd" for char in text[:41])
    return kept if len(text) <= 40 else f"{kept[:40]}…"


def _is_plain(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs")


def _storable(text: str) -> bool:
    return len(text) <= MAX_TEXT and all(map(_is_plain, text))


def read(
    model: type[Resource], askable: frozenset[str], args: Mapping[str, Any], besides: Collection[str] = ()
) -> Read:
    """Read what `args` says of a list of `model` for who may ask by the fields `askable`.

    `besides` are names of the page's own that say nothing about the list.
    """
    found = Read()
    _read_search(found, args)
    _read_trash(found, args)
    _read_sort(found, args, model, askable)
    _read_size(found, args)
    _read_filters(found, args, model, askable, besides)
    return found


def read_position(found: Read, args: Mapping[str, Any], order: Order) -> Position | None:
    """Return the place in `order` that `args` names."""
    if _last(args, "last") in _TRUE:
        return LAST
    for name in ("after", "before"):
        cursor = _last(args, name)
        if not cursor:
            continue
        place = order.decode(cursor, backward=name == "before")
        if place is None:
            found.complain(_("That page is not one of this list as it is now, so this is the first page."))
        return place
    if _last(args, "last") not in _FALSE:
        found.complain(_("“%(value)s” is no page; this is the first page.", value=shown(_last(args, "last"))))
    return None


def _last(args: Mapping[str, Any], name: str) -> str:
    return [*values_of(args, name), ""][-1 if not values_of(args, name) else -2].strip()


def _read_search(found: Read, args: Mapping[str, Any]) -> None:
    text = " ".join("".join(char if _is_plain(char) else " " for char in _last(args, "q")[: 2 * MAX_SEARCH]).split())
    text = unicodedata.normalize("NFC", text)
    if any(not _is_plain(char) for char in _last(args, "q")[: 2 * MAX_SEARCH]):
        found.complain(_("Characters that cannot be searched were left out of the search."))
    if len(text) > MAX_SEARCH or len(_last(args, "q")) > 2 * MAX_SEARCH:
        found.complain(_("The search was cut to its first %(max)s characters.", max=MAX_SEARCH))
    found.search = text[:MAX_SEARCH].strip()


def _read_trash(found: Read, args: Mapping[str, Any]) -> None:
    value = _last(args, "trash").casefold()
    found.trash = value in _TRUE
    if value not in _TRUE | _FALSE:
        found.complain(_("Trash: “%(value)s” is neither yes nor no, so the trash is not shown.", value=shown(value)))


def _read_sort(found: Read, args: Mapping[str, Any], model: type[Resource], askable: frozenset[str]) -> None:
    value = _last(args, "sort")
    name = value.removeprefix("-")
    if not value or (value == RELEVANCE and found.search):
        return
    declared = fields_of(model).get(name)
    if declared and declared.name not in askable:
        found.complain(
            _("You do not see the field %(field)s everywhere, so the list is not sorted by it.", field=declared.label)
        )
    elif name != "id" and not (declared and (declared.sorted or (name == "trashed_at" and found.trash))):
        found.complain(_("The list cannot be sorted by “%(value)s”. Choose another column.", value=shown(value)))
    else:
        found.sort, found.descending = name, value.startswith("-")


def _read_size(found: Read, args: Mapping[str, Any]) -> None:
    value = _last(args, "size")
    if not value:
        return
    if not (value.isascii() and value.isdigit()) or not value.strip("0"):
        found.complain(
            _("Rows on a page: “%(value)s” is not a number from 1 to %(max)s.", value=shown(value), max=MAX_SIZE)
        )
        return
    found.size = min(int(value[:20]) if len(value) <= 20 else MAX_SIZE, MAX_SIZE)
    if found.size != int(value[:20]) or len(value) > 20:
        found.complain(_("A page shows at most %(max)s rows.", max=MAX_SIZE))


def _read_filters(
    found: Read, args: Mapping[str, Any], model: type[Resource], askable: frozenset[str], besides: Collection[str]
) -> None:
    own = {"q", "trash", "sort", "size", "last", "after", "before", *besides}
    names = [name for name in args if name not in own]
    for name in names[:MAX_NAMES]:
        for values, declared, op in _wanted(found, model, askable, name, values_of(args, name)):
            if len(found.filters) == MAX_FILTERS:
                break
            found.filters.append(Filter(declared.name, op, values))
    if len(names) > MAX_NAMES or len(found.filters) == MAX_FILTERS:
        found.complain(_("Only the first %(max)s filters are used.", max=MAX_FILTERS))


def _wanted(
    found: Read, model: type[Resource], askable: frozenset[str], name: str, raw: list[str]
) -> Iterator[tuple[tuple[str, ...], Field, str]]:
    """Yield values, field and operation of the filter that `name` asks for, if it can be used."""
    raw = [value for value in raw if value.strip()]
    if not raw:
        return
    declared, op = _field_and_op(model, name)
    if declared is None or not declared.filtered or declared.secret:
        found.complain(_("There is no filter “%(name)s” here; it was left out.", name=shown(name)))
    elif declared.name not in askable:
        found.complain(
            _("You do not see the field %(field)s everywhere, so the list is not filtered by it.", field=declared.label)
        )
    elif values := _usable(found, declared, op, raw):
        yield values, declared, op


def _field_and_op(model: type[Resource], name: str) -> tuple[Field | None, str]:
    declared = fields_of(model)
    if name in declared and declared[name].kind in ASKED:
        return declared[name], IN
    stem, _sep, op = name.rpartition("_")
    if op in (MIN, MAX) and stem in declared and declared[stem].kind in RANGED:
        return declared[stem], op
    if op == LACKS and stem in declared and declared[stem].by_language:
        return declared[stem], op
    return None, IN


def _usable(found: Read, declared: Field, op: str, raw: list[str]) -> tuple[str, ...]:
    """Return the values of `raw` that can be used, in their plain form."""
    limit = MAX_VALUES if op in (IN, LACKS) else 1
    if len(raw) > limit:
        found.complain(
            _n(
                "%(field)s: only one value is used.",
                "%(field)s: only the first %(num)s values are used.",
                limit,
                field=declared.label,
            )
        )
    values = dict.fromkeys(value for text in raw[:limit] if (value := _value(found, declared, op, text)) is not None)
    return tuple(values)


def _value(found: Read, declared: Field, op: str, text: str) -> str | None:
    if not _storable(text):
        found.complain(
            _(
                "%(field)s: “%(value)s” cannot be looked for, so this filter is left out.",
                field=declared.label,
                value=shown(text),
            )
        )
        return None
    try:
        return canonical(declared, op, text)
    except Refused as refusal:
        found.complain(_("%(reason)s Until then this filter is left out.", reason=refusal.message))
        return None
