"""The addresses of the category tree besides its page: rows and counts for scripts, moving, renaming, emptying."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import abort, flash, jsonify, redirect, request
from flask_admin import expose
from wtforms import Form

from backoffice import policy, writes
from backoffice.errors import NotFound, Refused
from backoffice.extensions import db
from backoffice.i18n import _, phrase
from backoffice.models.base import fields_of
from backoffice.models.category import Category
from backoffice.operations import records, rehoming
from backoffice.operations import tree as moving
from backoffice.policy import Actor
from backoffice.selection import tree as reading
from backoffice.web.errors import wants_json
from backoffice.writes import Receipt, Unit

from . import formats, tree
from .lookups import ReferenceField, key_of

#: What each of these addresses asks of categories.
VERBS = {
    "branch_view": "read",
    "counts_view": "read",
    "move_view": "update",
    "rename_view": "update",
    "rehome_view": "delete",
}


def _seen_version() -> int:
    """Return the version of the category that the form shows. Raises Refused where it does not say."""
    version = key_of(request.form.get("version"))
    if version is None:
        raise Refused(_("This page does not say which state it shows. Reload it."))
    return version


class TreePages:
    """The endpoints of the tree; `CategoryView` shows the page itself."""

    actor: Actor

    @expose("/branch/")
    def branch_view(self) -> Any:
        """Answer a script with rows: the next under a category, or those that a search or an address opens."""
        self._require_tree()
        asked = tree.Asked.read(request.args)
        parent = key_of(request.args.get("parent"))
        if parent is None:
            return self.render("admin/tree_branch.html", view=self, **tree.context(self, request.args))
        after = min(key_of(request.args.get("after")) or 0, 10**6)
        found = reading.stretch(db.session(), self.actor, parent, after)
        drawer = tree.Drawer(self, asked)
        branch = drawer.branch(found, parent, after)
        return self.render("admin/tree_branch.html", view=self, branch=branch, tongue=drawer.tongue, matches=0)

    @expose("/counts/")
    def counts_view(self) -> Any:
        """Answer a script with the products of each category that it names."""
        self._require_tree()
        keys = request.args.get("ids", "")[:4000].split(",")
        return jsonify(counts=tree.counts(self, keys[: reading.MOST_COUNTED]))

    @expose("/move/", methods=("GET", "POST"))
    def move_view(self) -> Any:
        """Move a category: to the place, or the step, that the form names; without one, ask where to."""
        record = self.get_one(request.values.get("id", ""))
        policy.require(self.actor, "update", "category", record)
        field = self._picker(record.parent_id, request.form if request.method == "POST" else None)
        if request.method == "GET":
            return self._ask_where(record, field)
        try:
            version = _seen_version()
            if not field.validate(None):
                raise Refused(" ".join(field.errors), "parent_id")
            receipt = self._moved(record, version, field.value)
        except Refused as refused:
            return self._not_moved(record, field, refused)
        return self._answer_move(record.id, receipt)

    def _moved(self, record: Category, version: int, parent: int | None) -> Receipt:
        direction = request.form.get("step", "")
        before, after = (key_of(request.form.get(name)) for name in ("before", "after"))
        if direction and direction not in moving.STEPS:
            abort(400)

        def work(unit: Unit) -> None:
            place = moving.step(unit, record.id, direction) if direction else moving.Place(parent, before, after)
            moving.move(unit, record.id, version, place)

        title = phrase("Move: %(name)s", name=str(record))
        _nothing, receipt = writes.run(self.actor, title, work, source="form")
        return receipt

    def _not_moved(self, record: Category, field: ReferenceField, refused: Refused) -> Any:
        db.session.rollback()
        overtaken = isinstance(refused, moving.Overtaken)
        status = 409 if overtaken else 400
        if wants_json():
            return jsonify(message=str(refused), field=refused.field), status
        if "step" in request.form:
            flash(str(refused), "error")
            return redirect(self.return_url(), 303)
        if not field.errors:
            field.refuse(str(refused))
        # What was overtaken is shown as it is now, so that sending it again is a choice.
        seen = None if overtaken else key_of(request.form.get("version"))
        return self._ask_where(self.get_one(record.id), field, seen), status

    def _answer_move(self, key: int, receipt: Receipt) -> Any:
        record: Category = self.get_one(key)
        above = self._above(record)
        text = self._move_sentence(record, above, receipt)
        if wants_json():
            versions = {str(draft.record_id): draft.version for draft in receipt.changes}
            return jsonify(
                message=text,
                undo=receipt.change_set_id,
                parent=record.parent_id,
                after=above.id if above else None,
                versions=versions | {str(record.id): record.version},
            )
        flash({"text": text, "undo": receipt.change_set_id}, "success" if receipt.changes else "info")
        return redirect(self.return_url(), 303)

    @staticmethod
    def _above(record: Category) -> Category | None:
        """Return the neighbour that `record` comes after, None where it is the first, or gone by now."""
        above = None
        for one in moving.siblings_of(db.session(), record.parent_id):
            if one.id == record.id:
                return above
            above = one
        return None

    def _move_sentence(self, record: Category, above: Category | None, receipt: Receipt) -> str:
        name = self._called(record)
        if not receipt.changes:
            return _("“%(name)s” stands there already.", name=name)
        # Its own number may be the same as before, when only its neighbours moved aside.
        if not any("parent_id" in draft.diff for draft in receipt.changes):
            if above is None:
                return _("“%(name)s” comes first now.", name=name)
            return _("“%(name)s” comes after “%(other)s” now.", name=name, other=self._called(above))
        if record.parent_id is None:
            return _("“%(name)s” moved to the top.", name=name)
        parent = db.session.get_one(Category, record.parent_id)
        return _("“%(name)s” moved under “%(parent)s”.", name=name, parent=self._called(parent))

    def _called(self, record: Category) -> str:
        """Return what the reader calls a category, its number where the person does not see it."""
        found = reading.one(db.session(), self.actor, record.id)
        return tree.Drawer(self, tree.Asked()).name(found) if found else f"#{record.id}"

    def _ask_where(self, record: Category, field: ReferenceField, version: int | None = None) -> str:
        return self.page(
            "admin/move.html", record=record, name=self._called(record), field=field, version=version or record.version
        )

    def _picker(self, value: int | None, data: Any, title: str = "") -> ReferenceField:
        """Return the field that asks for a category; empty means the top."""
        declared = replace(fields_of(Category)["parent_id"], help=_("Leave it empty for the top of the tree."))
        asked = ReferenceField(declared, actor=self.actor, title=title or _("Move under"))
        field: ReferenceField = type("PlaceForm", (Form,), {"parent_id": asked})().parent_id
        field.process(data, value)
        field.errors = []
        return field

    @expose("/rename/", methods=("POST",))
    def rename_view(self) -> Any:
        """Change one name of a category, in the source language or in the one that the form names."""
        record = self.get_one(request.form.get("id", ""))
        language = request.form.get("language", "")
        name = "name_i18n" if language else "name"
        if language and language not in tree.other_languages():
            abort(404)
        policy.require(self.actor, "update", "category", record, name)
        try:
            receipt = self._renamed(record, _seen_version(), language, request.form.get("name", ""))
        except records.Conflicted:
            db.session.rollback()
            text = _("A colleague renamed this meanwhile. You see the name as it is now; change it again if need be.")
            return self._answer_rename(record.id, 409, text)
        except Refused as refused:
            return self._answer_rename(record.id, 400, str(refused))
        now = self._called(self.get_one(record.id))
        return self._answer_rename(record.id, 200, _("Renamed to “%(name)s”.", name=now), receipt)

    def _renamed(self, record: Category, version: int, language: str, typed: str) -> Receipt:
        # A language may be without a name: then that of the source is shown.
        text = fields_of(Category)["name"].parse(typed, None) if typed.strip() or not language else ""

        def work(unit: Unit) -> None:
            current = unit.get(Category, record.id)
            if current.trashed_at:
                raise Refused(_("“%(name)s” is in the trash. Restore it first.", name=unit.shown_name(current)))
            names = {code: one for code, one in (current.name_i18n or {}).items() if code != language}
            values = {"name_i18n": names | ({language: text} if text else {})} if language else {"name": text}
            records.save_form(unit, Category, record.id, version, values)

        title = phrase("%(field)s of %(name)s", field=fields_of(Category)["name"].label, name=str(record))
        _nothing, receipt = writes.run(self.actor, title, work, source="inline")
        return receipt

    def _answer_rename(self, key: int, status: int, text: str, receipt: Receipt | None = None) -> Any:
        undo = receipt.change_set_id if receipt else None
        if not wants_json():
            flash({"text": text, "undo": undo}, "success" if status == 200 else "error")
            return redirect(self.return_url(), 303)
        db.session.rollback()
        node = reading.one(db.session(), self.actor, key)
        answer: dict[str, Any] = {"message": text, "undo": undo}
        if node is not None:
            drawer = tree.Drawer(self, tree.Asked())
            line = drawer.line(node)
            answer |= {
                "version": node.version,
                "name": drawer.name(node),
                "own": line.own,
                "source": "".join(piece for piece, _met in line.beside),
                "missing": line.missing,
            }
        return jsonify(answer), status

    @expose("/rehome/", methods=("GET", "POST"))
    def rehome_view(self) -> Any:
        """Say what a category holds, and move it elsewhere before the category goes to the trash."""
        record = self.get_one(request.values.get("id", ""))
        policy.require(self.actor, "delete", "category", record)
        if record.trashed_at:
            raise NotFound("category", record.id)
        held = record.held(db.session(), self.name_of)
        if held is None and request.method == "GET":
            return redirect(self.return_url())
        if request.method == "GET" or not rehoming.may_empty(self.actor, record):
            field = self._picker(record.parent_id, None, _("Move them to"))
            return self._ask_home(record, field, held), 200 if request.method == "GET" else 403
        field = self._picker(record.parent_id, request.form, _("Move them to"))
        try:
            if not field.validate(None):
                raise Refused(" ".join(field.errors), "parent_id")
            receipt = self._rehomed(record, field.value)
        except Refused as refused:
            db.session.rollback()
            if not field.errors:
                field.refuse(str(refused))
            status = 409 if isinstance(refused, moving.Overtaken) else 400
            return self._ask_home(self.get_one(record.id), field, held), status
        text = _("“%(name)s” is in the trash, and what it held has moved.", name=self.name_of(record))
        flash({"text": text, "undo": receipt.change_set_id}, "success")
        return redirect(self.return_url(), 303)

    def _rehomed(self, record: Category, target: int | None) -> Receipt:
        seen = request.form.get("seen", "")

        def work(unit: Unit) -> None:
            rehoming.empty_into(unit, record.id, target, seen)

        title = phrase("Empty and delete: %(name)s", name=str(record))
        _nothing, receipt = writes.run(self.actor, title, work, source="form")
        return receipt

    def _ask_home(self, record: Category, field: ReferenceField, held: Refused | None) -> str:
        known = rehoming.may_empty(self.actor, record)
        found = rehoming.contents(db.session(), record.id) if known else None
        below = tree.counts(self, [str(record.id)]).get(str(record.id)) if known else None
        capped = found.products > rehoming.MOST_PRODUCTS if found else False
        shown = rehoming.MOST_PRODUCTS if capped else found.products if found else 0
        return self.page(
            "admin/rehome.html",
            record=record,
            name=self._called(record),
            field=field,
            held=held,
            contents=found,
            products=formats.whole(shown) + ("+" if capped else ""),
            below=below,
            too_many=rehoming.too_many(self.name_of(record)) if found and found.too_many else None,
        )

    def _require_tree(self) -> None:
        if not reading.is_shown_to(self.actor):
            raise policy.Denied("read", "category", "parent_id")
