"""Keep the catalogues of translations in step with the texts of the code.

    python .ci/translations.py update    find every text, add what is new to each catalogue, drop what is gone, compile
    python .ci/translations.py check     fail where a catalogue is not complete and true

English is the source and has no catalogue. Nothing is guessed: a new text is empty until someone translates it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "translations"
LANGUAGES = ("fr", "de", "es", "ar")
SOURCES = ("backoffice", "admin_views", "templates")
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
KEYWORDS = {
    "_": None,
    "_l": None,
    "phrase": None,
    "gettext": None,
    "_n": (1, 2),
    "ngettext": (1, 2),
    "lazy_gettext": None,
}
OPTIONS = {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}}

ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
#: A wrong sign after the bracket, such as `%(count)` alone, breaks the page that shows it.
_BROKEN = re.compile(r"%\(\w*\)(?![sd])|%\((?!\w+\))")
#: A space that lets a line break before a French mark of punctuation, or is wider than the others.
_LOOSE = re.compile(r"[ \u00a0][:;?!»]|«[ \u00a0]")


def extracted() -> Catalog:
    """Return every text of the code, with the files that hold it."""
    found = Catalog(project="Backoffice", charset="utf-8")
    for source in SOURCES:
        texts = extract_from_dir(ROOT / source, METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",))
        for file, _line, ids, comments, context in texts:
            found.add(ids, None, [(f"{source}/{file}", 1)], auto_comments=comments, context=context)
    return found


def path_of(language: str, kind: str = "po") -> Path:
    """Return the catalogue of `language`, or its compiled form."""
    return FOLDER / language / "LC_MESSAGES" / f"messages.{kind}"


def catalogue(language: str) -> Catalog:
    """Return the catalogue of `language`, empty where there is none yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def written(found: Catalog) -> bytes:
    """Return a catalogue as it is stored: without line numbers and moments, which change for no one's good."""
    out = io.BytesIO()
    write_po(out, found, width=110, sort_by_file=True, include_lineno=False, omit_header=True, ignore_obsolete=True)
    head = "".join(
        f'"{line}\\n"\n'
        for line in (
            "Project-Id-Version: Backoffice",
            f"Language: {found.locale}",
            f"Plural-Forms: {found.plural_forms}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
        )
    )
    return f'msgid ""\nmsgstr ""\n{head}\n'.encode() + out.getvalue()


def compiled(found: Catalog) -> bytes:
    """Return the compiled form of a catalogue."""
    out = io.BytesIO()
    # The compiled form holds these moments; it must be the same whenever it is made.
    found.creation_date = found.revision_date = ALWAYS
    write_mo(out, found)
    return out.getvalue()


def update() -> None:
    """Bring every catalogue in step with the code."""
    template = extracted()
    for language in LANGUAGES:
        found = catalogue(language)
        found.update(template, no_fuzzy_matching=True)
        found.obsolete.clear()
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(found))
        path_of(language, "mo").write_bytes(compiled(catalogue(language)))
        empty = sum(1 for message in found if message.id and not all(strings_of(message)))
        print(f"{language}: {len(found)} texts, {empty} to translate")


def strings_of(message: Message) -> tuple[str, ...]:
    """Return the translations of a message, one for each plural form."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string or "",)


def problems(language: str) -> Iterator[str]:
    """Yield what is wrong with the catalogue of `language`, a sentence each."""
    template, found = extracted(), catalogue(language)
    wanted = {key(message): message for message in template if message.id}
    held = {key(message): message for message in found if message.id}
    for missing in wanted.keys() - held.keys():
        yield f"{language}: “{missing[0]}” is missing. Run `make messages` and translate it."
    for gone in held.keys() - wanted.keys():
        yield f"{language}: “{gone[0]}” is not used any more. Run `make messages`."
    for name in wanted.keys() & held.keys():
        yield from (f"{language}: “{name[0]}” {problem}" for problem in faults(held[name], found.num_plurals))
        if language == "fr" and loose(held[name]):
            yield f"fr: “{name[0]}” needs a narrow no-break space (U+202F) before : ; ? ! and within « »."
    if not path_of(language, "mo").exists() or path_of(language, "mo").read_bytes() != compiled(found):
        yield f"{language}: the compiled catalogue is not that of messages.po. Run `make messages`."


def key(message: Message) -> tuple[str, str | None]:
    """Return what tells one message from another."""
    first = message.id[0] if isinstance(message.id, list | tuple) else message.id
    return first, message.context


def loose(message: Message) -> bool:
    """Return whether a French mark of punctuation may be torn from its word."""
    return any(_LOOSE.search(text) for text in strings_of(message))


def faults(message: Message, forms: int) -> Iterator[str]:
    """Yield what is wrong with one translation."""
    strings = strings_of(message)
    plural = isinstance(message.id, list | tuple)
    ids = message.id if plural else (message.id,)
    names = set(_PLACEHOLDER.findall(ids[-1]))
    if message.fuzzy:
        yield "is marked as fuzzy: look at it and take the mark away."
    if len(strings) != (forms if plural else 1):
        yield f"needs {forms} plural forms and has {len(strings)}."
    for text in strings:
        own = set(_PLACEHOLDER.findall(text))
        # One, two and none may be said in words.
        if not text.strip():
            yield "is not translated."
        elif own - names or (names - own - ({"num", "count"} if plural else set())):
            yield f"has other placeholders in “{text}”."
        elif _BROKEN.search(text):
            yield f"has a broken placeholder in “{text}”."
        elif (text != text.strip()) != (ids[-1] != ids[-1].strip()):
            yield f"differs in the spaces around “{text}”."


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if arguments == ["update"]:
        update()
        return
    if arguments != ["check"]:
        sys.exit(__doc__)
    found = [problem for language in LANGUAGES for problem in problems(language)]
    print(*found[:200], sep="\n")
    print(
        f"{sum(1 for message in extracted() if message.id)} texts in {len(LANGUAGES)} languages, {len(found)} problems"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
