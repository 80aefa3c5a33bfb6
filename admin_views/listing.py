"""The list: the rows of a selection, the way from it to others, and what is offered for ticked rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, flash
from flask_babel import to_user_timezone
from werkzeug.datastructures import MultiDict

from backoffice import policy
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.i18n import _
from backoffice.models.base import fields_of
from backoffice.models.fields import Kind
from backoffice.models.types import utcnow
from backoffice.operations import exports
from backoffice.selection import Selection
from backoffice.web import errors

from . import columns, filters


@dataclass(frozen=True)
class Pager:
    """The ways to other pages of the same selection; None where there is none."""

    first: str | None
    previous: str | None
    next: str | None
    last: str | None


def context(view: Any, args: MultiDict[str, str]) -> dict[str, Any]:
    """Return what the list page shows for the parameters `args`."""
    model, actor = view.model, view.actor
    parsed = Selection.from_args(model, actor, args)
    selection = parsed.selection
    page = selection.page(db.session, parsed.cursor, parsed.size)
    view.prepare(page.rows)
    readable = policy.fields_for(actor, "read", model)
    shown = columns.chosen(view, readable)
    cells = columns.Cells(view, page.rows, [column.field for column in shown], readable)
    return {
        "selection": selection,
        "rows": page.rows,
        "columns": [columns.heading(view, selection, column) for column in shown],
        "title_column": columns.title_heading(view, selection, readable),
        "cells": cells,
        "count": page.count,
        "pager": pager(view, selection, page),
        "problems": list(parsed.problems) + ([page.note] if page.note else []),
        "filters": filters.offered(view, selection, readable),
        "chips": filters.chips(view, selection),
        "clear": view.address("index_view", **({"trash": 1} if selection.trash else {})),
        "actions": [
            action
            for action in view.actions.values()
            if action.on_trash == bool(selection.trash) and view.may(action.verb)
        ],
        "here": _here(view, parsed, args),
        "exports": export_addresses(view, selection),
    }


def _here(view: Any, parsed: Any, args: MultiDict[str, str]) -> str:
    """Return the address of this page with what counts of `args`: each row repeats it."""
    place = {name: args[name] for name in ("after", "before", "last") if parsed.cursor is not None and name in args}
    size = parsed.size if "size" in args else None
    return str(view.address("index_view", **parsed.selection.args(size=size, **place)))


def pager(view: Any, selection: Selection, page: Any) -> Pager:
    """Return the addresses of the pages around `page`."""

    def to(**where: Any) -> str:
        return str(view.address("index_view", **selection.args(**where)))

    return Pager(
        to() if page.previous else None,
        to(before=page.previous) if page.previous else None,
        to(after=page.next) if page.next else None,
        to(last=1) if page.next else None,
    )


def clean_address(view: Any, args: MultiDict[str, str]) -> str | None:
    """Return the address that a sent filter form means, None when `args` is clean already.

    A form sends empty fields, and names where a record was typed; addresses hold only what counts, and keys.
    """
    helper = (".text", ".label", ".was")
    typed = {key for key in args if key.endswith(helper)}
    empty = {key for key in args if not any(value.strip() for value in args.getlist(key))}
    if not typed and not empty:
        return None
    kept: dict[str, list[str]] = {
        key: [value for value in args.getlist(key) if value.strip()] for key in args if key not in typed | empty
    }
    for key in typed:
        name, _dot, part = key.rpartition(".")
        field = fields_of(view.model).get(name)
        if part == "text" and field is not None and field.target:
            kept.pop(name, None)
            kept |= filters.resolved(view, field, args)
        elif part == "text" and args[key].strip():
            kept[name] = _plain_number(view, name, args[key])
    return str(view.address("index_view", **kept))


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
