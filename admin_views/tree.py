"""The category tree as a page: its rows, the addresses between its states, and what it answers to scripts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from backoffice import policy
from backoffice.extensions import db
from backoffice.i18n import _, _n, language_label
from backoffice.models.category import Category
from backoffice.models.house import in_language
from backoffice.models.search_entry import words
from backoffice.models.types import fold
from backoffice.selection import Count, tree
from backoffice.selection.rights import seen_at

from . import formats
from .fields import direction_of
from .forms import source_language
from .lookups import key_of
from .names import other_languages, reader_language

#: Arguments of the tree: what is open, how much of it, what is searched.
EXPANDED, MORE, FIND = "expanded", "more", "find"
ARGS = frozenset({EXPANDED, MORE, FIND})

#: Categories that an address opens, and stretches that it asks for.
MOST_OPEN, MOST_MORE = 200, 50

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Asked:
    """What an address asks the tree for."""

    opened: tuple[int, ...] = ()
    more: Mapping[int, int] = field(default_factory=dict)
    find: str = ""

    @classmethod
    def read(cls, args: Any) -> Asked:
        """Read it from the arguments of an address; what cannot be read is left out."""
        keys = [key for part in args.get(EXPANDED, "").split(",")[: MOST_OPEN * 2] if (key := key_of(part))]
        more = Counter(key for part in args.getlist(MORE)[:MOST_MORE] if (key := key_of(part)) is not None)
        find = " ".join("".join(char for char in args.get(FIND, "")[:200] if char.isprintable()).split())
        return cls(tuple(dict.fromkeys(keys))[:MOST_OPEN], more, find)

    def address(self, base: str) -> str:
        """Return the address that asks for this."""
        args: list[tuple[str, str]] = [(FIND, self.find)] if self.find else []
        if self.opened and not self.find:
            args.append((EXPANDED, ",".join(map(str, self.opened))))
        args += [(MORE, str(key)) for key, times in self.more.items() for _time in range(times)]
        return f"{base}?{urlencode(args, safe=',')}" if args else base

    def toggled(self, key: int) -> Asked:
        """Return the same with the category `key` closed, or opened."""
        rest = tuple(one for one in self.opened if one != key)
        return Asked(rest if key in self.opened else (*self.opened, key), self.more, "")

    def further(self, key: int) -> Asked:
        """Return the same with another stretch of the category `key`."""
        return Asked(self.opened, {**self.more, key: self.more.get(key, 0) + 1}, self.find)


@dataclass(frozen=True)
class Tongue:
    """The language in which a person sees and changes names: `code` is empty for the source language."""

    code: str
    label: str
    mark: str
    direction: str

    @classmethod
    def of_reader(cls, readable: frozenset[str]) -> Tongue:
        """Return the reader's language where the house has content in it and the person sees it, else the source."""
        code = reader_language() if "name_i18n" in readable else ""
        shown = code or source_language()
        return cls(code, language_label(shown), shown.upper(), direction_of(shown))


@dataclass
class Line:
    """One row of the tree as it is drawn."""

    node: tree.Node
    name: str
    pieces: list[tuple[str, bool]]
    beside: list[tuple[str, bool]]
    own: str
    missing: list[str]
    expanded: bool
    toggle: str
    products: str
    branch: Branch | None = None


@dataclass
class Branch:
    """The rows under one category: those shown, how many there are, and the address that shows more of them."""

    parent: int
    lines: list[Line]
    total: int
    more: str | None

    @property
    def left(self) -> int:
        """Return how many are not shown yet."""
        return self.total - len(self.lines)


class Drawer:
    """Draws the rows of one page for one person."""

    def __init__(self, view: Any, asked: Asked) -> None:
        self.view, self.asked = view, asked
        readable = policy.fields_for(view.actor, "read", Category)
        self.seen = seen_at(view.actor, Category)
        self.tongue = Tongue.of_reader(readable)
        self.languages = other_languages() if "name_i18n" in readable else []
        self.base = view.address("index_view")
        self.products = url_for("product.index_view") if tree.counts_products(view.actor) else ""
        self.wanted = words(asked.find)

    def whole(self, found: tree.Tree) -> Branch:
        """Return the rows from the top on, each with those under it."""
        return self.branch(found, tree.TOP)

    def branch(self, found: tree.Tree, parent: int, before: int = 0) -> Branch:
        """Return the rows under `parent`; `before` are shown already."""
        lines = [self.line(node, found) for node in found.under(parent)]
        total = found.totals.get(parent, 0)
        further = total > before + len(lines) and not self.asked.find
        more = self.asked.further(parent).address(self.base) if further else None
        return Branch(parent, lines, total, more)

    def line(self, node: tree.Node, found: tree.Tree | None = None) -> Line:
        """Return one row."""
        name, source, own = self._names(node)
        languages = self._languages(node)
        pieces, beside = self._marked(name, node.found), self._marked(source if source != name else "", node.found)
        if node.found and not any(met for _text, met in pieces + beside):
            pieces, beside = self._met_otherwise(node, name)
        below = found.under(node.id) if found else []
        return Line(
            node,
            name,
            pieces,
            beside,
            own,
            [code for code in languages if not node.translations.get(code)],
            bool(below),
            self.asked.toggled(node.id).address(self.base),
            f"{self.products}?category_id={node.id}" if self.products else "",
            self.branch(found, node.id) if found and below else None,
        )

    def name(self, node: tree.Node) -> str:
        """Return what the reader calls a category."""
        return self._names(node)[0]

    def _names(self, node: tree.Node) -> tuple[str, str, str]:
        """Return the name that is shown, that of the source, and the one that is changed in place."""
        seen = self.seen(node.path)
        if "name" not in seen:
            return f"#{node.id}", f"#{node.id}", ""
        if not self.tongue.code:
            return node.name, node.name, node.name
        if "name_i18n" not in seen:
            return node.name, node.name, ""
        own = str(node.translations.get(self.tongue.code) or "")
        return in_language(node.name, dict(node.translations), self.tongue.code), node.name, own

    def _languages(self, node: tree.Node) -> list[str]:
        """Return the other content languages in which the name of a category may be known."""
        return self.languages if "name_i18n" in self.seen(node.path) else []

    def _met_otherwise(self, node: tree.Node, name: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
        """Return the name and, beside it, the one in another language that the search met; else all of the name."""
        others = [str(node.translations.get(code) or "") for code in self._languages(node)]
        marked = [self._marked(one, True) for one in others if one]
        met = next((pieces for pieces in marked if any(met for _text, met in pieces)), None)
        return ([(name, False)], met) if met else ([(name, True)], [])

    def _marked(self, name: str, found: bool) -> list[tuple[str, bool]]:
        """Return `name` in pieces, each with whether the search met it."""
        if not found or not name:
            return [(name, False)] if name else []
        pieces, at = [], 0
        for word in _WORD.finditer(name):
            if any(fold(word[0]).startswith(wanted) for wanted in self.wanted):
                pieces += [(name[at : word.start()], False), (word[0], True)]
                at = word.end()
        return [piece for piece in [*pieces, (name[at:], False)] if piece[0]]


def context(view: Any, args: Any) -> dict[str, Any]:
    """Return what the page of the tree shows for `args`."""
    asked = Asked.read(args)
    if asked.find:
        found = tree.search(db.session(), view.actor, asked.find)
    else:
        shown = {key: tree.STRETCH * (times + 1) for key, times in asked.more.items()}
        found = tree.branches(db.session(), view.actor, asked.opened, shown)
    drawer = Drawer(view, asked)
    matches = sum(node.found for rows in found.rows.values() for node in rows)
    return {
        "asked": asked,
        "branch": drawer.whole(found),
        "tongue": drawer.tongue,
        "languages": drawer.languages,
        "matches": matches,
        "notice": _notice(asked, found),
        "said": found_sentence(matches) if asked.find else "",
        "counted": tree.counts_products(view.actor),
        "stretch": tree.STRETCH,
        "limited": policy.scopes(view.actor, "read", "category") is not None,
    }


def found_sentence(matches: int) -> str:
    """Return what a search found, for who does not see it."""
    return _("%(count)s found", count=formats.whole(matches))


def _notice(asked: Asked, found: tree.Tree) -> str:
    if not found.cut:
        return ""
    if asked.find:
        return _("Only the first %(max)s matches are shown. Add a word to find fewer.", max=tree.MOST_FOUND)
    return _("Only the first %(max)s rows are shown. Close some categories to see the others.", max=tree.MOST_ROWS)


def counts(view: Any, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the products of each category by its key: the number, how it is written, and as a sentence."""
    wanted = [key for text in keys if (key := key_of(text))]
    found = tree.counts(db.session(), view.actor, wanted)
    return {str(key): _counted(number) for key, number in found.items()}


def _counted(number: int) -> dict[str, Any]:
    count = Count(min(number, tree.FEW), exact=number <= tree.FEW)
    shown = formats.count(count)
    said = _n("%(count)s product", "%(count)s products", number, count=shown)
    return {"value": count.value, "exact": count.exact, "shown": shown, "said": said}


def is_tree(args: Any) -> bool:
    """Return whether an address asks for the tree: it names nothing that only a list has."""
    return set(args) <= ARGS
