"""Addresses of this site that a request may ask to be led to."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

#: Longest address that is followed.
LONGEST = 2000

#: Pages that lead nowhere after signing in.
_NOT_AGAIN = re.compile(r"/(?:login|logout)(?:[/?#]|$)")


def safe_path(value: str | None) -> str | None:
    """Return `value` when it is a path on this site to be led to after signing in."""
    return None if value and _NOT_AGAIN.match(value) else own_path(value)


def own_path(value: str | None) -> str | None:
    """Return `value` when it is a path on this site and nothing that a browser or a proxy may read otherwise.

    Browsers take `\\` for `/`, drop tabs and line ends, and read `//host` as another site; proxies may decode `%2f`
    and normalise letters that only look like a slash.
    """
    if not value or len(value) > LONGEST or not value.startswith("/"):
        return None
    path = re.split(r"[?#]", value, maxsplit=1)[0]
    once = unquote(path)
    forms = (path, once, unquote(once))
    if any(not _is_plain(unicodedata.normalize("NFKC", form)) for form in forms):
        return None
    return value if value.isprintable() and " " not in value else None


def _is_plain(path: str) -> bool:
    return "//" not in path and "\\" not in path and path.isprintable() and not _LOOKALIKES.search(path)


#: Fraction slash, division slash, big solidus, set minus, reverse solidus operator, box drawing diagonals.
_LOOKALIKES = re.compile("[\u2044\u2215\u2216\u29f5\u29f8\u29f9\u2571\u2572\ufe68]")
