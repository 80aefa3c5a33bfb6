"""Stored mappings: which of a supplier's columns makes which of ours. docs/files.md has the format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...i18n import _
from ..cells import as_text, is_empty
from .problems import BadFile

#: The key of a mapping that holds no column but how the file is read.
OPTIONS = "$options"
_KNOWN_OPTIONS = frozenset({"delimiter", "encoding", "format", "key", "resource"})

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
_NAME = re.compile(r"[\w-]{1,100}")

Cells = Mapping[str, Any]
Reader = Callable[[Cells], Any]


@dataclass
class FileMapping:
    """How one of our columns after the other is made of the cells of a row."""

    readers: dict[str, Reader]
    sources: set[str]
    options: dict[str, str] = field(default_factory=dict)

    def apply(self, cells: Cells) -> dict[str, Any]:
        """Return our cells made of the cells of a row."""
        return {column: read(cells) for column, read in self.readers.items()}


def load_mapping(name: str, folder: Path) -> FileMapping:
    """Read the mapping `name` from `folder`, or from the path that `name` is. Raises BadFile."""
    path = folder / f"{name}.json" if _NAME.fullmatch(name) else Path(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(found.stem for found in folder.glob("*.json"))) or "–"
        raise BadFile(
            _("There is no mapping %(path)s that can be read. Stored ones: %(known)s.", path=path, known=known)
        ) from error
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadFile(_("The mapping %(path)s is not JSON: %(reason)s.", path=path, reason=error)) from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise BadFile(_("The mapping %(path)s must be an object of our columns.", path=path))
    return parse_mapping(found)


def parse_mapping(found: Mapping[str, Any]) -> FileMapping:
    """Make a mapping of its stored form. Raises BadFile, naming the column that is not right."""
    options = found.get(OPTIONS, {})
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise BadFile(_("“%(name)s” of the mapping must be an object of texts.", name=OPTIONS))
    unknown = sorted(options.keys() - _KNOWN_OPTIONS)
    if unknown:
        raise BadFile(
            _(
                "The mapping has unknown options: %(names)s. Known are: %(known)s.",
                names=", ".join(unknown),
                known=", ".join(sorted(_KNOWN_OPTIONS)),
            )
        )
    sources: set[str] = set()
    readers = {column: _reader(column, spec, sources) for column, spec in found.items() if column != OPTIONS}
    return FileMapping(readers, sources, dict(options))


def _reader(column: str, spec: Any, sources: set[str]) -> Reader:
    if isinstance(spec, str) and spec.strip():
        names = [name.strip() for name in spec.split("|")]
        return _first([_cell(name, sources) for name in names if name])
    if isinstance(spec, list) and spec:
        return _first([_reader(column, part, sources) for part in spec])
    if isinstance(spec, dict) and len(spec) == 1:
        ((kind, value),) = spec.items()
        if kind == "constant" and isinstance(value, str | int | float | bool):
            return lambda _cells: value
        if kind == "column" and isinstance(value, str):
            return _cell(value, sources)
        if kind == "template" and isinstance(value, str):
            return _template(value, sources)
    raise BadFile(
        _(
            'The mapping of “%(column)s” is not understood. Write "their column", "one|other", {"column": …}, '
            '{"constant": …}, {"template": "… {column} …"} or a list of these.',
            column=column,
        )
    )


def _cell(name: str, sources: set[str]) -> Reader:
    sources.add(name)
    return lambda cells: cells.get(name)


def _first(readers: list[Reader]) -> Reader:
    if len(readers) == 1:
        return readers[0]
    return lambda cells: next((value for read in readers if not is_empty(value := read(cells))), None)


def _template(text: str, sources: set[str]) -> Reader:
    """Return the reader of a template; it is empty where each of its columns is."""
    names = {name for name in _PLACEHOLDER.findall(text) if name}
    sources |= names

    def read(cells: Cells) -> str | None:
        if names and all(is_empty(cells.get(name)) for name in names):
            return None
        return _PLACEHOLDER.sub(lambda found: as_text(cells.get(found[1])) if found[1] else found[0][0], text)

    return read
