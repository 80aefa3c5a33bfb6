"""What became of the rows of one chunk, and of the whole file."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TextIO

from ...errors import Refused
from ...models.base import Resource, fields_of, find_field
from ...policy import Denied
from ..cells import as_text, guarded
from .columns import Plan
from .problems import Problem, denial
from .rows import Name, Row
from .source import REPORTS, Source, SourceRow


class Fate(Enum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass
class Outcome:
    """What became of the rows of one unit; kept when it was committed."""

    fates: dict[int, Fate] = field(default_factory=dict)
    problems: dict[int, list[Problem]] = field(default_factory=dict)
    made: list[tuple[type[Resource], Name]] = field(default_factory=list)

    def put(self, row: Row, fate: Fate) -> None:
        """Note the fate of a row."""
        self.fates[row.source.line] = fate

    def fail(self, row: Row, *problems: Problem) -> None:
        """Note that a row was not imported, and why."""
        self.fates[row.source.line] = Fate.FAILED
        self.problems.setdefault(row.source.line, []).extend(problems)


@dataclass
class Report:
    """What an import did, or would do: rows by fate, what else was created, and where the bad rows stand."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    repeated: int = 0
    blank: int = 0
    also_created: Counter[str] = field(default_factory=Counter)
    ignored: list[str] = field(default_factory=list)
    change_set_id: int | None = None
    errors: Path | None = None

    def add(self, outcome: Outcome) -> None:
        """Count the rows of one chunk."""
        for fate, number in Counter(outcome.fates.values()).items():
            setattr(self, fate.value, getattr(self, fate.value) + number)


class ErrorFile:
    """The rows that were not imported, as a file to correct and import again; made with the first of them.

    It has the format and the delimiter of `source`, so that the same options and mapping read it.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self._stream: TextIO | None = None

    def write(self, row: SourceRow, problems: Sequence[Problem]) -> None:
        """Add a row with all that is wrong with it, then its cells as they were."""
        parts = zip(*((one.column, one.value, one.reason) for one in problems), strict=True)
        said = [str(row.line), *("; ".join(dict.fromkeys(filter(None, part))) for part in parts)]
        if self.source.format == "csv":
            self._write_cells(said, row)
        else:
            self._write_object(said, row)

    def close(self) -> Path | None:
        """Close the file and return where it is, None when every row was good."""
        if self._stream is None:
            return None
        self._stream.close()
        return self.path

    def _write_cells(self, said: list[str], row: SourceRow) -> None:
        if self._stream is None:
            self._put_cells([*_report_columns(self.source.header), *self.source.header])
        self._put_cells([*said, *row.written])

    def _put_cells(self, found: Sequence[str]) -> None:
        line = [guarded(cell.replace("\x00", "\ufffd")) for cell in found]
        csv.writer(self._opened(), delimiter=self.source.delimiter).writerow(line)

    def _write_object(self, said: list[str], row: SourceRow) -> None:
        held = row.cells or {"row": row.written[0]}
        line = dict(zip(_report_columns(held), said, strict=True)) | held
        self._opened().write(json.dumps(line, ensure_ascii=False, default=_number) + "\n")

    def _opened(self) -> TextIO:
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The mark wins over the encoding that a mapping names. What is no text is written as JSON escapes it.
            encoding = "utf-8-sig" if self.source.format == "csv" else "utf-8"
            self._stream = self.path.open("w", encoding=encoding, errors="backslashreplace", newline="")
        return self._stream


def _report_columns(taken: Collection[str]) -> tuple[str, ...]:
    """Return the names under which the file says what is wrong, others where the row has columns of these names."""
    return next((names for names in REPORTS if not set(names) & set(taken)), REPORTS[-1])


def _number(value: Decimal) -> float | str:
    """Return a number of JSON as one that it can be written as, and as text where that would be another one."""
    return number if Decimal(repr(number := float(value))) == value else str(value)


def problem_of(plan: Plan, row: Row, error: Refused | Denied) -> Problem:
    """Return a refusal as the problem of the column that it is about."""
    declared = fields_of(plan.model).get(error.field or "") or _entry_field(plan.model, error.field)
    column = (declared.file_name or declared.name) if declared else ""
    if column not in row.given:
        column = next((one.column for one in row.targets if declared and one.field.name == declared.name), column)
    reason = denial(error) if isinstance(error, Denied) else str(error)
    return Problem(column, as_text(row.given.get(column)), reason)


def _entry_field(model: type[Resource], key: str | None):  # type: ignore[no-untyped-def]
    found = find_field(model, key) if key else None
    return found[0] if found else None
