"""The one HTML sanitiser: what an editor may have written, and the plain text of it."""

from __future__ import annotations

import html
import re

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

_ALIASES = (("b", "strong"), ("i", "em"), ("strike", "s"), ("del", "s"), ("h1", "h2"), ("h5", "h4"), ("h6", "h4"))
_RENAMED = tuple((re.compile(rf"<(/?){old}(?=[\s>/])", re.IGNORECASE), rf"<\1{new}") for old, new in _ALIASES)
_BLOCK_END = re.compile(r"</(?:p|li|h[2-4]|tr|blockquote|figcaption|td|th)>|<br\s*/?>", re.IGNORECASE)


def sanitise(markup: str) -> str:
    """Keep what the allow-list names and drop the rest, scripts and styles with their content.

    Idempotent: sanitising twice equals sanitising once. What does not settle becomes a paragraph of its words.
    """
    for pattern, replacement in _RENAMED:
        markup = pattern.sub(replacement, markup)
    for _round in range(MAX_ROUNDS):
        # Where an element was dropped the rest may be read in another way: `<p><select><p>` leaves a `<p>` in a `<p>`.
        cleaned = nh3.clean(markup, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener nofollow")
        if cleaned == markup:
            return cleaned
        markup = cleaned
    return f"<p>{html.escape(text_of(markup), quote=False)}</p>"


def text_of(markup: str) -> str:
    """Return the words of `markup` without any tag, blocks separated by a space."""
    stripped = _BLOCK_END.sub(" ", markup).replace("<p>", "")
    if "<" in stripped:
        # Tags with attributes are for a parser: `<a title="a>b">`.
        stripped = nh3.clean(stripped, tags=set(), attributes={})
    return " ".join(html.unescape(stripped).split())
