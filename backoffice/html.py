"""The one HTML sanitiser: what an editor may have written, and the plain text of it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import nh3

TAGS = {
    *("p", "br", "strong", "em", "u", "s", "sub", "sup", "code", "pre", "blockquote", "hr"),
    *("h2", "h3", "h4", "ul", "ol", "li", "a", "img", "figure", "figcaption"),
    *("table", "thead", "tbody", "tr", "th", "td", "caption"),
}
ATTRIBUTES = {
    "a": {"href", "title", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
    "p": {"dir", "lang"},
    "ol": {"start"},
}
SCHEMES = {"http", "https", "mailto", "tel"}

#: How often markup is cleaned until it stays as it is; what browsers and editors write needs one or two.
MAX_ROUNDS = 8

#: How deep elements may be nested.
MAX_DEPTH = 250

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
#: What ends by itself: before another of its name, and with what it stands in.
_IMPLIED = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead"})

_ALIASES = (("b", "strong"), ("i", "em"), ("strike", "s"), ("del", "s"), ("h1", "h2"), ("h5", "h4"), ("h6", "h4"))
_RENAMED = tuple((re.compile(rf"<(/?){old}(?=[\s>/])", re.IGNORECASE), rf"<\1{new}") for old, new in _ALIASES)
_BLOCK_END = re.compile(r"</(?:p|li|h[2-4]|tr|blockquote|figcaption|td|th)>|<br\s*/?>", re.IGNORECASE)


def sanitise(markup: str) -> str:
    """Keep what the allow-list names and drop the rest, scripts and styles with their content.

    Idempotent: sanitising twice equals sanitising once. What does not settle, or is nested deeper than MAX_DEPTH,
    becomes a paragraph of its words.
    """
    if markup.count("<") > MAX_DEPTH and (shape := _Shape.of(markup)).is_deep:
        # What nobody writes by hand takes the parser of browsers a time that grows with the square of its depth.
        return f"<p>{html.escape(shape.words, quote=False)}</p>"
    for pattern, replacement in _RENAMED:
        markup = pattern.sub(replacement, markup)
    for _round in range(MAX_ROUNDS):
        # Where an element was dropped the rest may be read in another way: `<p><select><p>` leaves a `<p>` in a `<p>`.
        cleaned = nh3.clean(markup, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener nofollow")
        if cleaned == markup:
            return cleaned
        markup = cleaned
    return f"<p>{html.escape(text_of(markup), quote=False)}</p>"


class _Shape(HTMLParser):
    """Whether the elements of some markup are nested deeper than MAX_DEPTH, and its words.

    Never less deep than browsers make of it: an element that another one's end leaves open counts on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.is_deep = False

    @classmethod
    def of(cls, markup: str) -> _Shape:
        """Return the shape of `markup`."""
        shape = cls()
        shape.feed(markup)
        shape.close()
        return shape

    @property
    def words(self) -> str:
        """Return the words, apart from scripts and styles."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID or self.is_deep:
            return
        if tag in _IMPLIED and self.open and self.open[-1] == tag:
            self.open.pop()
        self.open.append(tag)
        self.is_deep = len(self.open) > MAX_DEPTH

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # To browsers `<b/>` is `<b>`.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.is_deep or tag not in self.open:
            return
        last = len(self.open) - 1 - self.open[::-1].index(tag)
        # What ends by itself goes with it; anything else may stay open.
        self.open[last:] = [one for one in self.open[last + 1 :] if one not in _IMPLIED]

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)


def text_of(markup: str) -> str:
    """Return the words of `markup` without any tag, blocks separated by a space."""
    stripped = _BLOCK_END.sub(" ", markup).replace("<p>", "")
    if "<" in stripped:
        # Tags with attributes are for a parser: `<a title="a>b">`.
        stripped = nh3.clean(stripped, tags=set(), attributes={})
    return " ".join(html.unescape(stripped).split())
