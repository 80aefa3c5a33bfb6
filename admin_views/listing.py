"""The list: the rows of a selection, the way from it to others, and what is offered for ticked rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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

#: Arguments of the page that say nothing about its rows: the saved view it shows, the filter that is being added, and
#: that the search was sent by Enter.
VIEW, ADD, OPEN = "view", "add", "open"
BESIDES = frozenset({VIEW, ADD, OPEN})

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


def context(view: Any, args: MultiDict[str, str]) -> dict[str, Any]:
    """Return what the list page shows for the parameters `args`."""
    model, actor = view.model, view.actor
    parsed = Selection.from_args(model, actor, args, BESIDES)
    selection = parsed.selection
    page = selection.page(db.session, parsed.cursor, parsed.size)
    view.prepare(page.rows)
    readable = policy.fields_for(actor, "read", model)
    saved = tabs.tabs(view, selection, args.get(VIEW, ""))
    to = Addresses(view, selection, saved.current_id)
    liked = liking(view)
    offered = columns.available(view, readable)
    shown = [
        columns.heading(view, selection, column, to)
        for column in columns.chosen(view, offered, liked.columns, selection.trash)
    ]
    askable = filters.askable(view, readable)
    chips = filters.chips(view, selection, askable, args.get(ADD, ""), to)
    actions = [one for one in view.actions.values() if one.on_trash == selection.trash and view.may(one.verb)]
    return {
        "selection": selection,
        "rows": page.rows,
        "columns": shown,
        "title_column": columns.title_heading(view, selection, readable, to),
        "cells": columns.Cells(view, page.rows, shown, readable),
        "count": page.count,
        "said": _("%(count)s found", count=formats.count(page.count)),
        "pager": pager(to, page),
        "problems": [*parsed.problems, *([page.note] if page.note else [])],
        "chips": chips,
        "held": filters.sentence(selection, chips),
        "offers": filters.offers(askable, chips, to),
        "clear": to.of({"trash": 1} if selection.trash else {}),
        "last": chips[-1].remove if chips else to(q=None),
        "actions": actions,
        "editable": view.may("update"),
        # Nothing there and nothing within reach are not the same.
        "limited": policy.scopes(actor, "read", model.resource.name) is not None,
        "here": here(to, parsed, args),
        "question": urlencode(selection.args(), doseq=True),
        "exports": export_addresses(view, selection),
        "tabs": saved,
        "liked": liked,
        "chooser": chooser(offered, shown),
    }


def here(to: Addresses, parsed: Parsed, args: MultiDict[str, str]) -> str:
    """Return the address of the page as it can be opened again, with what counts of `args`."""
    place = {name: args[name] for name in ("after", "before", "last") if parsed.cursor is not None and name in args}
    return to(size=parsed.size if "size" in args else None, **place)


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
