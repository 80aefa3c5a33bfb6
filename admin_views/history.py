"""What happened in the whole house, and Undo."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, request
from flask_admin import expose
from sqlalchemy import select

from backoffice import policy
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import _, _l
from backoffice.models.base import resources
from backoffice.models.history import Change, ChangeSet
from backoffice.models.user import User
from backoffice.operations import undo
from backoffice.selection import changes

from . import formats, timeline
from .access import GuardedView
from .lookups import key_of

#: People offered in the filter; more are found by their records.
OFFERED_PEOPLE = 100

#: Asks for what no person did, such as the command line.
NOBODY = "none"


class HistoryView(GuardedView):
    """Every change set that the person may see something of."""

    VERB_OF = dict.fromkeys(("index_view", "details_view", "undo_view"), ("history", "read"))
    group, icon, place = "history", "history", (90, "history")
    label = _l("History")

    def __init__(self) -> None:
        super().__init__(name="History", endpoint="history", url="/admin/history")

    @expose("/")
    def index_view(self) -> str:
        """Show what happened last."""
        args, problems = _filters()
        conditions = [Change.resource == args["resource"]] if "resource" in args else []
        statement = changes.visible_sets(self.actor, *conditions)
        if "person" in args:
            key = key_of(args["person"])
            statement = statement.where(ChangeSet.actor_id == key if key is not None else ChangeSet.actor_id.is_(None))
        if "source" in args:
            statement = statement.where(ChangeSet.source == args["source"])
        if "since" in args:
            statement = statement.where(ChangeSet.at >= datetime.fromisoformat(args["since"]))
        if "until" in args:
            statement = statement.where(ChangeSet.at < datetime.fromisoformat(args["until"]))
        before = key_of(request.args.get("before"))
        page = changes.page_of_sets(db.session, statement, before)
        return self.render(
            "admin/history.html",
            by_day=timeline.by_day,
            span=_span(args),
            without_span={name: value for name, value in args.items() if name not in ("since", "until")},
            deeds=timeline.deeds(db.session, self.actor, page.rows),
            older=self.get_url(".index_view", **args, before=page.older) if page.older else None,
            newest=self.get_url(".index_view", **args) if before else None,
            args=args,
            problems=problems,
            people=_people(self.actor, key_of(args.get("person"))),
            resources=[(name, str(model.resource.plural)) for name, model in resources().items()],
            sources=timeline.SOURCES,
        )

    @expose("/details/")
    def details_view(self) -> str:
        """Show one change set with every change of it that the person may see."""
        key = key_of(request.args.get("id"))
        found = key and db.session.scalar(changes.visible_sets(self.actor).where(ChangeSet.id == key))
        if not found:
            raise NotFound("change_set", request.args.get("id"))
        before = key_of(request.args.get("before"))
        page = changes.page_of_changes(db.session, self.actor, [Change.change_set_id == found.id], before)
        entries = timeline.entries(db.session, self.actor, page.rows, whole=True)
        return self.render(
            "admin/change_set.html",
            deed=timeline.deeds(db.session, self.actor, [found])[0],
            entries=entries,
            older=self.get_url(".details_view", id=found.id, before=page.older) if page.older else None,
        )

    @expose("/undo/", methods=("POST",))
    def undo_view(self) -> Any:
        """Take back a change set, one change of it, or one field of that."""
        change_set, change = key_of(request.form.get("change_set")), key_of(request.form.get("change"))
        keys = request.form.getlist("key")[:100] or None
        try:
            if change is not None:
                report = undo.undo_change(self.actor, change, keys)
            elif change_set is not None:
                report = undo.undo_change_set(self.actor, change_set)
            else:
                raise NotFound("change_set", None)
        except Refused as refused:
            flash(str(refused), "error")
            return redirect(_back(self), 303)
        flash(_note(report), "success" if report.change_set_id else "warning")
        return redirect(_back(self), 303)


def _note(report: undo.UndoReport) -> dict[str, Any]:
    reasons = [
        _("%(name)s: %(reason)s.", name=one.label, reason=one.reason)
        if one.key is None
        else _("%(name)s, %(field)s: %(reason)s.", name=one.label, field=one.key, reason=one.reason)
        for one in report.skipped[:10]
    ]
    if report.change_set_id is None:
        text = _("Nothing was taken back.")
    else:
        text = timeline.undo_sentence(report.count, len(report.skipped))
    return {"text": text, "more": reasons, "undo": report.change_set_id}


def _back(view: GuardedView) -> str:
    """Return the page of the admin that the undo was asked on."""
    host, came_from = request.host_url.rstrip("/"), request.referrer or ""
    ours = came_from.startswith(f"{host}/admin/")
    return came_from.removeprefix(host) if ours else view.get_url("history.index_view")


def _filters() -> tuple[dict[str, str], list[str]]:
    """Return the filters of the address that can be read, and a sentence for each that cannot."""
    known: dict[str, Any] = {
        "resource": lambda value: value in resources(),
        "source": lambda value: value in timeline.SOURCES,
        "person": lambda value: value == NOBODY or key_of(value) is not None,
        "since": _is_moment,
        "until": _is_moment,
    }
    args: dict[str, str] = {}
    problems = []
    for name, is_known in known.items():
        value = request.args.get(name, "").strip()
        if value and is_known(value):
            args[name] = value
        elif value:
            problems.append(_("“%(value)s” is not a filter that history knows; it was left out.", value=value[:60]))
    return args, problems


def _span(args: dict[str, str]) -> str:
    """Return the span of time that the page is held to in words, nothing when there is none."""
    since, until = (
        formats.plain_moment(datetime.fromisoformat(args[name])) if name in args else "" for name in ("since", "until")
    )
    if since and until:
        return _("From %(since)s to %(until)s", since=since, until=until)
    if since:
        return _("Since %(since)s", since=since)
    return _("Before %(until)s", until=until) if until else ""


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _people(actor: policy.Actor, chosen: int | None) -> list[tuple[str, str]]:
    """Return the people whose names the person may see, and the one who is `chosen`, by number where they may not."""
    statement = policy.referable(actor, select(User.id, User.name, User.email), User)
    found = list(db.session.execute(statement.order_by(User.email).limit(OFFERED_PEOPLE)))
    people = {key: name or email for key, name, email in found}
    if chosen is not None and chosen not in people:
        one = db.session.execute(statement.where(User.id == chosen)).first()
        people[chosen] = (one.name or one.email) if one else f"#{chosen}"
    return [*((str(key), label) for key, label in people.items()), (NOBODY, _("No person"))]
