"""The sanitiser: nothing that runs, loads or reaches out of its place gets through; what the editor writes does."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backoffice.html import ATTRIBUTES, SCHEMES, TAGS, sanitise, text_of

#: (what is sent, what is kept); None: whatever is left, it must be harmless.
HOSTILE = [
    ("<script>alert(1)</script>", ""),
    ("<SCRIPT SRC=//e.org/x.js></SCRIPT>x", "x"),
    ("<scr<script>ipt>alert(1)</scr</script>ipt>", None),
    ("<p>a<script>alert(1)</p><p>b</script></p>", None),
    ('<svg onload="alert(1)"><circle></circle></svg>', None),
    ("<svg><script>alert(1)</script></svg>", ""),
    ("<svg><style><img src=x onerror=alert(1)></style></svg>", None),
    ("<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>", None),
    ("<svg><animate attributeName=href values=javascript:alert(1) /></svg>", None),
    ("<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>", None),
    ("<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>", None),
    ("<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", None),
    ("<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>", None),
    ("<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", None),
    ("<template><script>alert(1)</script><p>x</p></template>", ""),
    ("<iframe src='javascript:alert(1)'></iframe>", ""),
    ("<iframe srcdoc='<script>alert(1)</script>'></iframe>", ""),
    ("<object data='javascript:alert(1)'></object><embed src='//e.org/x.swf'>", ""),
    ("<applet code=x></applet><frameset><frame src=//e.org></frameset>", None),
    ("<meta http-equiv=refresh content='0;url=//e.org'>", ""),
    ("<base href='//e.org/'><a href='x'>y</a>", '<a href="x" rel="noopener nofollow">y</a>'),
    ("<link rel=stylesheet href=//e.org/x.css>", ""),
    ("<style>p{background:url(//e.org)}</style><p>a</p>", "<p>a</p>"),
    ('<p style="background:url(javascript:alert(1))">a</p>', "<p>a</p>"),
    ('<p style="position:fixed;inset:0" class="modal" id="csrf_token">a</p>', "<p>a</p>"),
    ("<form action='//e.org'><input name=password><button formaction='//e.org'>go</button></form>", None),
    ("<textarea><script>alert(1)</script></textarea>", None),
    ("<select><option><style></option></select><img src=x onerror=alert(1)>", None),
    ("<title><a title='</title><img src=x onerror=alert(1)>'>", None),
    ("<xmp><img src=x onerror=alert(1)></xmp>", None),
    ("<plaintext><img src=x onerror=alert(1)>", None),
    ("<!--<img src=x onerror=alert(1)>-->", ""),
    ("<![CDATA[<img src=x onerror=alert(1)>]]>", None),
    ("<?xml version='1.0'?><p>a</p>", "<p>a</p>"),
    ('<p onclick="x()" ONMOUSEOVER=x() on\x0bload=x>a</p>', "<p>a</p>"),
    ("<img src=x onerror=alert(1)>", '<img src="x">'),
    ("<img src=x:x onerror=alert(1)//>", None),
    ("<img/src=x/onerror=alert(1)>", None),
    ("<img src='javascript:alert(1)'>", "<img>"),
    ("<img src='data:image/svg+xml,<svg onload=alert(1)>'>", "<img>"),
    ("<img srcset='//e.org/x 2x' src=a>", '<img src="a">'),
    ("<a href='javascript:alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='JaVaScRiPt:alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href=' javascript:alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='java\tscript:alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='java&#10;script:alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='&#106;avascript&colon;alert(1)'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='\x01javascript:alert(1)'>a</a>", None),
    ("<a href='vbscript:x'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='data:text/html,<script>alert(1)</script>'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='file:///etc/passwd'>a</a>", '<a rel="noopener nofollow">a</a>'),
    ("<a href='https://e.org' target=_blank rel=opener>a</a>", '<a href="https://e.org" rel="noopener nofollow">a</a>'),
    ("<a href='https://e.org' ping='//e.org' download>a</a>", '<a href="https://e.org" rel="noopener nofollow">a</a>'),
    ("<td onclick=x colspan=2 background='//e.org'>a</td>", "a"),
    ("<video src=x onerror=alert(1)><source onerror=alert(1)></video><audio src onerror=alert(1)>", ""),
    ("<marquee onstart=alert(1)>a</marquee><details ontoggle=alert(1) open>b</details>", None),
    ("<b><i><u>a</b></i></u>", None),
    ("<p>unclosed <strong>and <em>open", "<p>unclosed <strong>and <em>open</em></strong></p>"),
    ("</p></div></script>a", None),
    ("<<script>>alert(1)<</script>>", None),
    ("<a href='x' title='\"><script>alert(1)</script>'>a</a>", None),
    ("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("&#x3c;img src=x onerror=alert(1)&#x3e;", "&lt;img src=x onerror=alert(1)&gt;"),
    ("\ufeff<script>alert(1)</script>\u2028", None),
    ("<p lang='\"><img src=x onerror=alert(1)>'>a</p>", None),
    ("<custom-element><slot name=x></slot></custom-element>", None),
    ("<p><select><p>", "<p></p><p></p><p></p>"),
    ("<table><select><table><select><table>" * 50, None),
    ("<ul><li>" * 12_000 + "a &lt; b", "<p>a &lt; b</p>"),
    ("<ul><li></x></x>" * 6_000 + "a", "<p>a</p>"),
    ("<blockquote/>" * 8_000 + "a", "<p>a</p>"),
    ("<ul>" + "<li>a" * 3_000, "<ul>" + "<li>a</li>" * 3_000 + "</ul>"),
    ("<p>a<br>" * 2_000, "<p>a<br></p>" * 2_000),
    ("<" * 5_000, None),
    ("<p>" * 3_000 + "a", None),
    ("<b>" * 3_000 + "a", None),
    ("<table><tr><td>" * 400, None),
    ("<!--" * 2_000, ""),
    ("&" * 10_000, None),
]


class Reader(HTMLParser):
    """Notes every element and attribute, as a browser would meet them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:40]}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl[:40]}")


def harmless(markup: str) -> bool:
    """Return whether `markup` holds nothing but what the allow-list names."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    for tag, attributes in reader.seen:
        allowed = ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set())
        if tag not in TAGS or set(attributes) - allowed:
            return False
        for name in {"href", "src"} & set(attributes):
            scheme = re.match(r"[\x00-\x20]*([a-z][a-z0-9+.\-\s]*):", attributes[name] or "", re.IGNORECASE)
            if scheme and scheme[1].lower() not in SCHEMES:
                return False
    return True


@pytest.mark.parametrize(("markup", "expected"), HOSTILE, ids=lambda value: repr(value)[:40])
def test_hostile_markup_is_made_harmless(markup: str, expected: str | None) -> None:
    kept = sanitise(markup)
    assert harmless(kept), kept
    assert sanitise(kept) == kept, "twice is once"
    if expected is not None:
        assert kept == expected


PIECES = (
    "<script> </script> <svg> </svg> <math> <mtext> <mglyph> <style> </style> <p> </p> <b> </b> <i> <h1> </h1> <h5> "
    "<table> <tr> <td> </td> </table> <a href='x'> </a> <img src=x onerror=a> <ul> <li> </ul> <template> </template> "
    "<form> </form> <noscript> </noscript> <title> </title> <select> <option> <del> </del> <strike> <pre> <code> <br> "
    '<!-- --> ]]> & < > " \' = &lt; &#60; title=" javascript: onerror= text'
).split(" ")


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=60))
@example("<p><select><p>")
def test_whatever_comes_is_harmless_and_settled(markup: str) -> None:
    kept = sanitise(markup)
    assert harmless(kept)
    assert sanitise(kept) == kept


TEXT = st.text("ab é&<>\"'\u00a0ك", min_size=1, max_size=8).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\u00a0", "&nbsp;")
)
LINK = st.sampled_from(["https://example.org/?a=1&amp;b=2", "mailto:a@example.org", "/admin/"])
INLINE = st.recursive(
    TEXT,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["strong", "em", "u", "s", "sub", "sup", "code"]), inner).map(
            lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0]}>"
        ),
        st.tuples(inner, inner).map("<br>".join),
    ),
    max_leaves=4,
) | st.tuples(LINK, TEXT).map(lambda pair: f'<a href="{pair[0]}" rel="noopener nofollow">{pair[1]}</a>')


def wrapped(tag: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return inner.map(lambda text: f"<{tag}>{text}</{tag}>")


def listed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(wrapped("li", inner), min_size=1, max_size=3).map("".join)
    return st.one_of(wrapped("ul", items), wrapped("ol", items))


CELLS = st.lists(wrapped("td", INLINE), min_size=2, max_size=2).map("".join)
HEADS = st.lists(wrapped("th", INLINE), min_size=2, max_size=2).map("".join)
TABLE = st.tuples(HEADS, st.lists(wrapped("tr", CELLS), min_size=1, max_size=2).map("".join)).map(
    lambda pair: f"<table><thead><tr>{pair[0]}</tr></thead><tbody>{pair[1]}</tbody></table>"
)
BLOCK = st.one_of(
    *(wrapped(tag, INLINE) for tag in ("p", "h2", "h3", "h4")),
    listed(INLINE),
    listed(st.tuples(INLINE, listed(INLINE)).map("".join)),
    wrapped("blockquote", wrapped("p", INLINE)),
    TABLE,
    st.just("<hr>"),
)


@given(st.lists(BLOCK, min_size=1, max_size=4).map("".join))
def test_what_the_editor_writes_is_kept_to_the_letter(markup: str) -> None:
    assert sanitise(markup) == markup


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Blue <strong>mug</strong></p><p>For tea</p>", "Blue mug For tea"),
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("a<br>b &amp; c", "a b & c"),
        ("<script>x</script>y", "y"),
    ],
)
def test_the_words_of_a_text(markup: str, text: str) -> None:
    assert text_of(markup) == text
