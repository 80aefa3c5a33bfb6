"""The list: the rows of a selection, the way from it to others, and what is offered for ticked rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, flash, request
from flask_babel import to_user_timezone
from werkzeug.datastructures import MultiDict

from backoffice import policy
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import fields_of
from backoffice.models.fields import Kind
from backoffice.models.types import utcnow
from backoffice.operations import exports, personal
from backoffice.selection import Parsed, Selection
from backoffice.selection.results import Page
from backoffice.web import errors

from . import columns, filters, formats, tabs

#: Arguments of the page that say nothing about its rows: the saved view it shows, the filter that is being added or
#: changed, that the search was sent by Enter, and that the form of its look is open.
VIEW, ADD, OPEN, DISPLAY = "view", "add", "open", "display"
BESIDES = frozenset({VIEW, ADD, OPEN, DISPLAY})

DENSITIES = ("comfortable", "compact")


@dataclass(frozen=True)
class Pager:
    """The ways to other pages of the same selection; None where there is none."""

    first: str | None
    previous: str | None
    next: str | None
    last: str | None


@dataclass(frozen=True)
class Liking:
    """How a person likes a list: which columns in which order (None: the standard ones), and how high its rows are."""

    columns: tuple[str, ...] | None = None
    density: str = DENSITIES[0]

    @classmethod
    def read(cls, kept: Any) -> Liking:
        """Return what is kept of a person, as far as it can still be used."""
        found = kept if isinstance(kept, dict) else {}
        names, density = found.get("columns"), found.get("density")
        return cls(
            tuple(str(name) for name in names) if isinstance(names, list) else None,
            density if density in DENSITIES else DENSITIES[0],
        )


def preference_name(view: Any) -> str:
    """Return the name under which is kept how a person likes this list."""
    return f"list.{view.model.resource.name}"


def liking(view: Any) -> Liking:
    """Return how the person of this request likes this list."""
    name = preference_name(view)
    return Liking.read(personal.preferences(db.session(), view.actor.user_id, (name,)).get(name))


class Addresses:
    """Addresses of one list that keep its selection and saved view; the way to the list is worked out once."""

    def __init__(self, view: Any, selection: Selection, saved: str | None) -> None:
        self.base = view.address("index_view")
        self.standing = view.list_address()
        self.selection = selection
        self.kept = {VIEW: name} if (name := saved or view.list_view) else {}

    def __call__(self, **changes: Any) -> str:
        """Return the address with `changes` of its arguments; None removes one."""
        return self.of(self.selection.args(**(self.kept | changes)))

    def of(self, args: Mapping[str, Any]) -> str:
        """Return the address with just `args`."""
        return f"{self.base}?{urlencode(args, doseq=True)}" if args else self.standing


@dataclass(frozen=True)
class Looked:
    """A list and what of its page needs no rows, so that a script can ask for one part alone."""

    view: Any
    args: MultiDict[str, str]

    @cached_property
    def parsed(self) -> Parsed:
        """Return what the address asks for."""
        return Selection.from_args(self.view.model, self.view.actor, self.args, BESIDES)

    @cached_property
    def tabs(self) -> tabs.Tabs:
        """Return the saved views."""
        return tabs.tabs(self.view, self.parsed.selection, self.args.get(VIEW, ""))

    @cached_property
    def to(self) -> Addresses:
        """Return the addresses of the list."""
        return Addresses(self.view, self.parsed.selection, self.tabs.current_id)

    @cached_property
    def readable(self) -> frozenset[str]:
        """Return the fields that the person may see."""
        return policy.fields_for(self.view.actor, "read", self.view.model)

    @cached_property
    def offered(self) -> list[columns.Column]:
        """Return the columns that can be had."""
        return columns.available(self.view, self.readable)

    @cached_property
    def liked(self) -> Liking:
        """Return how the person likes the list."""
        return liking(self.view)

    @cached_property
    def shown(self) -> list[columns.Column]:
        """Return the columns that are shown."""
        selection = self.parsed.selection
        chosen = columns.chosen(self.view, self.offered, self.liked.columns, selection.trash)
        return [columns.heading(self.view, selection, column, self.to) for column in chosen]

    def chips(self) -> dict[str, Any]:
        """Return what the chips show."""
        selection = self.parsed.selection
        askable = filters.askable(self.view, self.readable)
        chips = filters.chips(self.view, selection, askable, self.args.get(ADD, ""), self.to)
        return {
            "selection": selection,
            "tabs": self.tabs,
            "chips": chips,
            "offers": filters.offers(self.view.model, askable, chips, self.to),
            "clear": self.to.of({"trash": 1} if selection.trash else {}),
        }

    def display(self) -> dict[str, Any]:
        """Return what the forms of the look and of the view show; the former only where the address opens it."""
        return {
            "tabs": self.tabs,
            "liked": self.liked,
            "chooser": chooser(self.offered, self.shown) if DISPLAY in self.args else None,
            "here": here(self.to, self.parsed, self.args),
            "display": here(self.to, self.parsed, self.args, **{DISPLAY: 1}),
            "question": urlencode(self.parsed.selection.args(), doseq=True),
        }


#: The parts of the page that a script may ask for alone: the argument that opens a form in it, and its template.
PARTS = {"list-chips": (ADD, "admin/list_chips.html"), "list-display": (DISPLAY, "admin/list_display.html")}


def part(view: Any, args: MultiDict[str, str]) -> tuple[str, dict[str, Any]] | None:
    """Return template and content of the part that a script asks for alone, None where it asks for the page."""
    wanted = request.headers.get("HX-Target", "") if is_part() else ""
    if wanted not in PARTS or PARTS[wanted][0] not in args:
        return None
    looked = Looked(view, args)
    return PARTS[wanted][1], looked.chips() if wanted == "list-chips" else looked.display()


def context(view: Any, args: MultiDict[str, str]) -> dict[str, Any]:
    """Return what the list page shows for the parameters `args`."""
    looked = Looked(view, args)
    parsed, selection, to, readable, shown = (
        looked.parsed, looked.parsed.selection, looked.to, looked.readable, looked.shown,
    )  # fmt: skip
    page = selection.page(db.session, parsed.cursor, parsed.size)
    view.prepare(page.rows)
    chips = looked.chips()
    actions = [one for one in view.actions.values() if one.on_trash == selection.trash and view.may(one.verb)]
    return {
        **chips,
        **looked.display(),
        "rows": page.rows,
        "columns": shown,
        "title_column": columns.title_heading(view, selection, readable, to),
        "cells": columns.Cells(view, page.rows, shown, readable),
        "count": page.count,
        "said": _("%(count)s found", count=formats.count(page.count)),
        "pager": pager(to, page),
        "problems": [*parsed.problems, *([page.note] if page.note else [])],
        "held": filters.sentence(selection, chips["chips"]),
        "last": chips["chips"][-1].remove if chips["chips"] else to(q=None),
        "actions": actions,
        "editable": view.may("update"),
        # Nothing there and nothing within reach are not the same.
        "limited": policy.scopes(view.actor, "read", view.model.resource.name) is not None,
        "exports": export_addresses(view, selection),
    }


def here(to: Addresses, parsed: Parsed, args: MultiDict[str, str], **more: Any) -> str:
    """Return the address of the page as it can be opened again, with what counts of `args`."""
    place = {name: args[name] for name in ("after", "before", "last") if parsed.cursor is not None and name in args}
    return to(size=parsed.size if "size" in args else None, **place, **more)


def chooser(offered: Sequence[columns.Column], shown: Sequence[columns.Column]) -> list[tuple[columns.Column, bool]]:
    """Return every column that can be had and whether it is shown, the shown ones first in their order."""
    names = [column.name for column in shown]
    known = {column.name: column for column in offered}
    first = [known[name] for name in names if name in known]
    return [(one, True) for one in first] + [(one, False) for one in offered if one.name not in names]


def pager(to: Addresses, page: Page) -> Pager:
    """Return the addresses of the pages around `page`."""
    return Pager(
        to() if page.previous else None,
        to(before=page.previous) if page.previous else None,
        to(after=page.next) if page.next else None,
        to(last=1) if page.next else None,
    )


def is_part() -> bool:
    """Return whether a script asks for the page to take its list out of it."""
    return request.headers.get("HX-Request") == "true"


def opened(view: Any, args: MultiDict[str, str]) -> str | None:
    """Return the address of the one record whose code is the search that was sent by Enter, as scanners do."""
    if OPEN not in args:
        return None
    selection = Selection.from_args(view.model, view.actor, args, BESIDES).selection
    key = None if selection.trash else selection.by_code(db.session)
    if key is None:
        return None
    endpoint = "edit_view" if view.may("update", view.get_one(key)) else "details_view"
    return str(view.address(endpoint, id=key))


def clean_address(view: Any, args: MultiDict[str, str]) -> str | None:
    """Return the address that a sent filter form means, None when `args` is clean already.

    A form sends empty fields, and names where a record was typed; addresses hold only what counts, and keys.
    """
    typed = {key for key in args if key.endswith(filters.HELPERS)}
    empty = {key for key in args if not any(value.strip() for value in args.getlist(key))}
    gone = typed | empty | ({OPEN} & set(args))
    if not gone:
        return None
    kept = {key: [value for value in args.getlist(key) if value.strip()] for key in args if key not in gone}
    for key in sorted(typed - empty):
        name = key.removesuffix(filters.TYPED)
        field = fields_of(view.model).get(name)
        if name == key:
            continue
        if field is not None and field.target:
            kept.setdefault(name, []).append(filters.resolved(view, field, args))
        else:
            kept[name] = _plain_number(view, name, args[key])
    return str(view.list_address(**kept))


def _plain_number(view: Any, name: str, typed: str) -> list[str]:
    """Return what `typed` into one end of a range means; what cannot be read is said and left out."""
    field = fields_of(view.model).get(name.rpartition("_")[0])
    if field is None or field.kind is not Kind.MONEY:
        return [typed]
    try:
        return [filters.plain_number(field, typed)]
    except Refused as refused:
        flash(_("%(reason)s Until then this filter is left out.", reason=refused), "warning")
        return []


_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}


def export_addresses(view: Any, selection: Selection) -> Mapping[str, str]:
    """Return the address of each kind of file of the selection, none without the right."""
    if not view.may("export") or view.model.resource.singleton:
        return {}
    return {kind: view.address("export", export_type=kind, **selection.args()) for kind in _TYPES}


def export(view: Any, kind: str, args: MultiDict[str, str]) -> Any:
    """Return the rows of the selection as a file that is streamed, or why the address does not say which rows."""
    if kind not in _TYPES:
        abort(404)
    parsed = Selection.from_args(view.model, view.actor, args)
    if parsed.problems:
        said = _("No file was made: it would hold more rows than you asked for. Go back to the list and choose again.")
        return errors.answer(400, said, parsed.problems)
    with ExitStack() as opened:
        session = opened.enter_context(exports.snapshot())
        # Spreadsheets take CSV for UTF-8 only with the mark; import reads it with and without.
        pieces = exports.export_rows(parsed.selection, session, kind, bom=True)
        response = Response(pieces, content_type=_TYPES[kind])
        # The snapshot lives as long as the answer, which is read after this function.
        response.call_on_close(opened.pop_all().close)
    response.headers.set("Content-Disposition", "attachment", filename=_file_name(parsed.selection, kind))
    return response


def _file_name(selection: Selection, kind: str) -> str:
    part = "-trash" if selection.trash else ""
    return f"{selection.model.resource.name}{part}-{to_user_timezone(utcnow()):%Y-%m-%d}.{kind}"
