"""What the search field at the top of every page finds: pages, records and things to do, with the person's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import abort, jsonify, request, url_for
from flask_admin import expose
from sqlalchemy import select

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import LANGUAGES, _, _l, _n
from backoffice.models.base import Resource, fields_of
from backoffice.models.category import Category
from backoffice.models.fields import Kind
from backoffice.models.product import Product
from backoffice.models.search_entry import words
from backoffice.operations import personal
from backoffice.selection import Bounds, Selection, look_up, trails
from backoffice.web.pages import THEME_CHOICES

from .access import GuardedView
from .base import ResourceView
from .lookups import key_of
from .names import reader_language

#: Results of one answer at most, and of one resource.
LIMIT, EACH = 50, 8

#: Who sees a part of the records only gets the best of fewer: each has to be looked up before.
NEAR = Bounds(near=100)

#: Characters of a search that count.
LONGEST = 200

#: What was chosen last, and how much of it is remembered.
RECENT, REMEMBERED = "recent.palette", 8

#: Entries that are not remembered: searching for what was typed, and leaving.
SEARCH, SIGN_OUT = "search", "sign-out"

#: What adding a record is called; a resource that is not named here gets a plainer phrase.
ADD: dict[str, Any] = {
    "product": _l("Add product"),
    "category": _l("Add category"),
    "brand": _l("Add brand"),
    "tag": _l("Add tag"),
    "user": _l("Add user"),
    "role": _l("Add role"),
}

#: What its trash is called.
TRASH: dict[str, Any] = {
    "product": _l("Products in the trash"),
    "category": _l("Categories in the trash"),
    "brand": _l("Brands in the trash"),
    "tag": _l("Tags in the trash"),
    "user": _l("Users in the trash"),
    "role": _l("Roles in the trash"),
}

THEMES: dict[str, Any] = {
    "light": _l("Switch to the light theme"),
    "dark": _l("Switch to the dark theme"),
    "system": _l("Take light or dark from the system"),
}


@dataclass(frozen=True)
class Entry:
    """One result: an address to open, or something that a script of the page does (`do`).

    `also` holds more words that find it; an entry that is only `asked` for does not show before something is typed.
    """

    id: str
    label: str
    icon: str
    href: str = ""
    do: str = ""
    detail: str = ""
    lang: str = ""
    also: str = ""
    asked: bool = False
    exact: bool = False

    def answers(self, wanted: list[str]) -> bool:
        """Return whether each of the `wanted` words begins one of the entry's."""
        own = words(f"{self.label} {self.detail} {self.also}")
        return all(any(word.startswith(start) for word in own) for start in wanted)

    @property
    def kept(self) -> bool:
        """Return whether it is worth to come first the next time."""
        return self.id not in (SEARCH, SIGN_OUT)

    def shown(self) -> dict[str, Any]:
        """Return what the script needs to show it."""
        named = {name: getattr(self, name) for name in ("id", "label", "icon", "href", "do", "detail", "lang", "kept")}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Section:
    """Results of one kind under a heading."""

    label: str
    entries: list[Entry]


class PaletteView(GuardedView):
    """Answers the search of the frame."""

    VERB_OF = {"index_view": GuardedView.OPEN, "recent_view": GuardedView.OPEN}
    # A part of every page, no page of the navigation.
    group = ""

    def __init__(self) -> None:
        super().__init__(name="Palette", endpoint="palette", url="/admin/palette")

    @expose("/")
    def index_view(self) -> Any:
        """Find what the person may open or do; without a text, what they chose last and all pages and actions."""
        text = " ".join("".join(char for char in request.args.get("q", "")[:LONGEST] if char.isprintable()).split())
        standing = [Section(_("Pages"), list(self._pages())), Section(_("Actions"), list(self._actions()))]
        sections = self._found(text, standing) if text else self._offered(standing)
        sections = _capped(sections)
        entries = [entry for section in sections for entry in section.entries]
        exact = [entry for entry in entries if entry.exact]
        count = sum(entry.id != SEARCH for entry in entries)
        return jsonify(
            q=request.args.get("q", ""),
            sections=[
                {"label": section.label, "entries": [entry.shown() for entry in section.entries]}
                for section in sections
            ],
            exact=exact[0].href if len(exact) == 1 else None,
            found=count,
            status=_n("%(num)s result", "%(num)s results", count) if count else _("Nothing was found for this text."),
        )

    @expose("/recent/", methods=("POST",))
    def recent_view(self) -> Any:
        """Remember what was chosen, so that it comes first the next time."""
        chosen = request.form.get("chosen", "")
        standing = {entry.id for entry in (*self._pages(), *self._actions()) if entry.kept}
        if chosen not in standing and not self._resolved([chosen]):
            abort(400)
        kept = [one for one in self._remembered() if one != chosen]
        personal.prefer(self.actor.user_id, RECENT, [chosen, *kept][:REMEMBERED])
        return jsonify(kept=True)

    # What there is.

    def _views(self) -> list[ResourceView]:
        """Return the views of the resources that the person may see, in the order of the navigation."""
        found = (view for view in self.admin._views if isinstance(view, ResourceView))
        return [view for view in found if view.may("read")]

    def _pages(self) -> Iterator[Entry]:
        yield Entry("page.admin", _("Dashboard"), "layout-dashboard", url_for("admin.index"))
        for view in self.admin._views:
            if view is not self.admin.index_view and view.group and view.is_accessible():
                yield Entry(f"page.{view.endpoint}", str(view.label), view.icon, url_for(f"{view.endpoint}.index_view"))
        yield Entry("page.profile", _("Profile"), "user-circle", url_for("account.profile"), also=_("Password"))

    def _actions(self) -> Iterator[Entry]:
        views = [view for view in self._views() if not view.model.resource.singleton]
        for view in views:
            name = view.endpoint
            if view.may("create"):
                label = str(ADD.get(name) or _("Add: %(what)s", what=view.model.resource.label))
                yield Entry(f"add.{name}", label, "plus", view.address("create_view"), also=_("New"))
        for view in views:
            name = view.endpoint
            if view.may("delete"):
                label = str(TRASH.get(name) or _("%(resources)s in the trash", resources=view.label))
                address = view.address("index_view", trash=1)
                yield Entry(f"trash.{name}", label, "trash", address, asked=name != "product")
        for value, _words, icon in THEME_CHOICES:
            yield Entry(f"theme.{value}", str(THEMES[value]), icon, do=f"theme.{value}", asked=True)
        for code, name in LANGUAGES.items():
            yield Entry(
                f"language.{code}", name, "language", do=f"language.{code}", lang=code, also=_("Language"), asked=True
            )
        yield Entry("keys", _("List the keys"), "keyboard", do="keys", also=_("Keyboard help"))
        yield Entry(SIGN_OUT, _("Sign out"), "logout", do="sign-out")

    # What is shown of it.

    def _offered(self, standing: list[Section]) -> list[Section]:
        chosen = self._remembered()
        known = {entry.id: entry for section in standing for entry in section.entries} | self._resolved(chosen)
        recent = [known[one] for one in chosen if one in known]
        rest = [
            Section(section.label, [one for one in section.entries if not one.asked and one not in recent])
            for section in standing
        ]
        return [Section(_("Recent"), recent), *rest]

    def _found(self, text: str, standing: list[Section]) -> list[Section]:
        wanted = words(text)
        pages, actions = (
            Section(section.label, [one for one in section.entries if wanted and one.answers(wanted)])
            for section in standing
        )
        records = [
            Section(str(view.label), list(self._records(view, text)))
            for view in self._views()
            if not view.model.resource.singleton
        ]
        if any(view.model is Product for view in self._views()):
            label = _("Search products for “%(text)s”", text=text)
            actions.entries.append(Entry(SEARCH, label, "search", url_for("product.index_view", q=text)))
        # A code that was scanned or pasted comes before all else.
        records.sort(key=lambda section: not any(entry.exact for entry in section.entries))
        exact = [section for section in records if any(entry.exact for entry in section.entries)]
        return [*exact, pages, *(section for section in records if section not in exact), actions]

    def _records(self, view: ResourceView, text: str) -> Iterator[Entry]:
        model = view.model
        if model is Category:
            # Words may name parents too: “pho cas” finds Phones › Cases.
            keys = [one.id for one in look_up(db.session, model, self.actor, text, EACH)]
            yield from self._named(view, keys, text)
            return
        for record in Selection(model, self.actor, search=text, bounds=NEAR).page(db.session, size=EACH).rows:
            yield self._entry(view, record, text)

    def _entry(self, view: ResourceView, record: Resource, text: str = "", path: str = "") -> Entry:
        declared, readable = view.model.resource, policy.fields_for(self.actor, "read", view.model, record)
        beside = declared.key if declared.key != declared.title else "name"
        detail = str(getattr(record, beside) or "") if beside in readable and beside != declared.title else ""
        fields = fields_of(view.model)
        codes = {
            getattr(record, name)
            for name in (declared.key, *declared.search)
            if name in readable and fields[name].kind is Kind.CODE
        }
        return Entry(
            f"{view.endpoint}.{record.id}",
            path or view.name_of(record),
            view.icon,
            view.address("edit_view" if view.may("update", record) else "details_view", id=record.id),
            detail="" if path else detail,
            exact=not codes.isdisjoint({text, text.upper(), text.casefold()} - {""}),
        )

    # What was chosen last.

    def _remembered(self) -> list[str]:
        found = personal.preferences(db.session(), self.actor.user_id, [RECENT]).get(RECENT)
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def _resolved(self, chosen: Iterable[str]) -> dict[str, Entry]:
        """Return the entries of records among `chosen` that are there and that the person may see today."""
        wanted: dict[str, list[int]] = {}
        for one in chosen:
            name, _dot, key = one.partition(".")
            if (number := key_of(key)) is not None:
                wanted.setdefault(name, []).append(number)
        found: dict[str, Entry] = {}
        for view in self._views():
            found |= {entry.id: entry for entry in self._named(view, wanted.get(view.endpoint, []))}
        return found

    def _named(self, view: ResourceView, keys: list[int], text: str = "") -> Iterator[Entry]:
        """Yield the entries of the records `keys` that are within reach and not in the trash, in this order."""
        if not keys:
            return
        model = view.model
        statement = select(model).where(model.id.in_(keys), model.trashed_at.is_(None))
        records = {one.id: one for one in db.session.scalars(policy.visible(self.actor, statement, model)).unique()}
        placed = {one.id: one.path for one in records.values() if isinstance(one, Category)}
        paths = trails(db.session(), self.actor, placed, reader_language()) if placed else {}
        for key in keys:
            if key in records:
                yield self._entry(view, records[key], text, paths.get(key, ""))


def _capped(sections: list[Section]) -> list[Section]:
    """Return `sections` with LIMIT entries at most, and none that is empty."""
    left, kept = LIMIT, []
    for section in sections:
        shown = section.entries[:left]
        left -= len(shown)
        if shown:
            kept.append(Section(section.label, shown))
    return kept
