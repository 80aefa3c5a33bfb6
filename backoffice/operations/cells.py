"""How values stand in files: what export writes, import reads back as the same value."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from ..models.base import Resource, fields_of
from ..models.fields import Field, Kind, scalar, written

#: Digits before or after the point with which a number is written out; no field holds more.
MAX_DIGITS = 50

#: Between the names of a category path.
STEP = " > "

#: What a spreadsheet would run as a formula, and what export already put before it.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r]")

#: With its semicolon only: `?a=1&copy=2` and `R&D` are no entities.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"<[A-Za-z/!][^<>]*>")
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")
_STEP_WORD = re.compile(r"\\+>")

#: Kinds whose text may come with HTML entities, as shops hand it out; codes are taken byte by byte.
_PROSE = frozenset({Kind.TEXT, Kind.LONG_TEXT})


def is_empty(value: Any) -> bool:
    """Return whether a cell says nothing."""
    return value is None or value == "" or (isinstance(value, str) and value.isspace()) or value in ([], {})


def as_text(value: Any) -> str:
    """Return a cell as text, JSON's numbers and truth values as people write them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # 1e999999999 is a number of JSON, and a gigabyte when written out.
        return f"{value:f}" if abs(value.adjusted()) <= MAX_DIGITS else str(value)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def guarded(cell: str) -> str:
    """Return `cell` so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Take away what `guarded` put before a cell, and nothing else."""
    return cell[1:] if cell[:1] == "'" and _ESCAPED_FORMULA.match(cell) else cell


def decoded(text: str) -> str:
    """Return prose without HTML entities."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def encoded(text: str) -> str:
    """Return prose so that `decoded` gives it back: what looks like an entity is none."""
    return text.replace("&", "&amp;") if _ENTITY.search(text) else text


def marked_up(text: str) -> str:
    """Return `text` as rich text: what has no tag is plain, and becomes paragraphs."""
    if _TAG.search(text):
        return text
    plain = html.escape(html.unescape(text).strip(), quote=False)
    paragraphs = (part.strip().replace("\n", "<br>") for part in _PARAGRAPHS.split(plain.replace("\r\n", "\n")))
    return "".join(f"<p>{part}</p>" for part in paragraphs if part)


def split_names(text: str) -> list[str]:
    """Return the names of a list cell: separated by commas or lines, in double quotes where they hold either."""
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    return [name for row in rows for part in row if (name := part.strip())]


def joined_names(names: Iterable[str]) -> str:
    """Return the list cell that `split_names` reads as `names`."""
    quoted = (
        f'"{name.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",\n\r]|^\s|\s$', name) else name for name in names
    )
    return ", ".join(quoted)


def split_path(text: str) -> tuple[str, ...]:
    """Return the names on a path such as `Kitchen > Pans`; a name's own lone `>` is written with a backslash."""
    steps: list[list[str]] = [[]]
    for word in text.split():
        if word == ">":
            steps.append([])
        else:
            steps[-1].append(word[1:] if _STEP_WORD.fullmatch(word) else word)
    return tuple(" ".join(step) for step in steps)


def joined_path(names: Sequence[str]) -> str:
    """Return the path that `split_path` reads as `names`."""
    return STEP.join(" ".join(_step_word(word) for word in name.split()) for name in names)


def _step_word(word: str) -> str:
    return f"\\{word}" if word == ">" or _STEP_WORD.fullmatch(word) else word


def prose_of(model: type[Resource], field: Field) -> Field:
    """Return the field that says how the texts of `field` are meant: of a translation, the field it translates."""
    if field.by_language:
        return fields_of(model).get(str(field.entry_prefix), field)
    return field


def read_text(field: Field, text: str) -> str:
    """Return the text of a cell as `field` means it."""
    if field.kind is Kind.HTML:
        return marked_up(text)
    return decoded(text) if field.kind in _PROSE or field.kind is Kind.MAP else text


def read_entry(model: type[Resource], field: Field, value: Any) -> Any:
    """Return the value of one entry of a document; texts of a file become numbers where they look like one."""
    meant = prose_of(model, field)
    if meant is not field:
        return meant.clean(read_text(meant, as_text(value)))
    if isinstance(value, Decimal):
        return float(value)
    return decoded(value) if isinstance(value, str) else value


def read_entry_cell(model: type[Resource], field: Field, text: str) -> Any:
    """Return the value of one entry from a cell of text: `12` is a number, `"12"` a text."""
    if prose_of(model, field) is not field:
        return read_entry(model, field, text)
    return read_entry(model, field, scalar(text.strip()))


def read_document(text: str) -> dict[str, Any]:
    """Return the entries of a whole document in one cell, a JSON object or `name = value` lines. Raises ValueError."""
    if text.lstrip().startswith("{"):
        return dict(json.loads(text))
    entries = {}
    for line in filter(str.strip, text.splitlines()):
        key, separator, value = line.partition("=")
        if not separator:
            raise ValueError(line)
        entries[key.strip()] = scalar(value.strip())
    return entries


def write_text(field: Field, text: str) -> str:
    """Return the cell that `read_text` reads as `text`."""
    return encoded(text) if field.kind in _PROSE or field.kind is Kind.MAP else text


def write_value(field: Field, value: Any) -> str:
    """Return the cell of a value that is neither a reference nor a document."""
    if value is None:
        return ""
    if isinstance(value, str):
        return write_text(field, value)
    if field.kind is Kind.LIST:
        return joined_names(value)
    return as_text(field.encode(value))


def write_entry(model: type[Resource], field: Field, value: Any) -> str:
    """Return the cell of one entry of a document."""
    meant = prose_of(model, field)
    if meant is not field:
        return write_text(meant, as_text(value))
    return written(encoded(value) if isinstance(value, str) else value)


def write_json(field: Field, value: Any) -> Any:
    """Return what JSON Lines hold of a value that is no reference."""
    if isinstance(value, str):
        return write_text(field, value)
    if field.kind is Kind.MAP:
        return {key: encoded(item) if isinstance(item, str) else item for key, item in (value or {}).items()}
    return field.encode(value)
