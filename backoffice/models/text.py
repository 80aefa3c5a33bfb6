"""What a text may hold: what cannot be stored, what is dropped because nobody sees it, and what shows nothing."""

from __future__ import annotations

import re
import unicodedata

#: NUL, which PostgreSQL refuses, and lone surrogates, which are no text.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

#: Controls but for tab and line ends, and code points that never are characters.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff"

#: Embeddings, overrides and isolates turn the letters after them around: `gpj.exe` shows as `exe.jpg`. The marks LRM,
#: RLM and ALM stay: Arabic and Hebrew need them, and they move no letter. Source: Unicode UAX #9, 2; UTR #36, 2.5.
_TURNING = r"\u202a-\u202e\u2066-\u2069"

_DROPPED = re.compile(f"[{_CONTROLS}{_TURNING}]")

#: Source: Unicode, DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
_IGNORABLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

#: White space of no width is trimmed like any other; within a text it says where a line may break.
_EDGES = re.compile(r"\A[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+\Z")

#: A pattern of dots without a dot.
_BRAILLE_BLANK = "\u2800"

#: Categories of what shows nothing by itself: controls, formats, spaces, and marks without a letter to stand on.
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})


def is_storable(text: str) -> bool:
    """Return whether both databases can keep `text`."""
    return not _UNSTORABLE.search(text)


def has_dropped(text: str) -> bool:
    """Return whether `tidy` drops characters of `text`."""
    return bool(_DROPPED.search(text))


def tidy(text: str) -> str:
    """Return `text` in NFC and trimmed, without controls and without what turns letters around. Idempotent."""
    return _EDGES.sub("", unicodedata.normalize("NFC", _DROPPED.sub("", text)))


def bare(text: str) -> str:
    """Return `text` without the characters that show nothing, so that what looks the same is the same."""
    return text if text.isascii() else _IGNORABLE.sub("", text)


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen."""
    if text.isascii():
        return not text or text.isspace()
    return all(char == _BRAILLE_BLANK or unicodedata.category(char) in _INVISIBLE for char in bare(text))
