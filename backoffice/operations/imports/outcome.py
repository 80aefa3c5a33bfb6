"""What became of the rows of one chunk, and of the whole file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TextIO

from ...errors import Refused
from ...models.base import Resource, fields_of, find_field
from ...policy import Denied
from ..cells import guarded
from .columns import Plan
from .problems import Problem, denial
from .rows import Row


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
    """The rows that were not imported, as a file to correct and import again; made with the first of them."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = columns
        self._stream: TextIO | None = None

    def write(self, line: int, problems: Iterable[Problem], written: Sequence[str]) -> None:
        """Add a row with all that is wrong with it, then its cells as they were."""
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8", newline="")
            self._put(["line", "column", "value", "reason", *self.columns])
        found = list(problems)
        said = ["; ".join(dict.fromkeys(filter(None, part))) for part in zip(*map(_parts, found), strict=True)]
        self._put([str(line), *said, *written])

    def close(self) -> Path | None:
        """Close the file and return where it is, None when every row was good."""
        if self._stream is None:
            return None
        self._stream.close()
        return self.path

    def _put(self, cells: Sequence[str]) -> None:
        if self._stream is not None:
            csv.writer(self._stream).writerow([guarded(cell.replace("\x00", "�")) for cell in cells])


def problem_of(plan: Plan, row: Row, error: Refused | Denied) -> Problem:
    """Return a refusal as the problem of the column that it is about."""
    declared = fields_of(plan.model).get(error.field or "") or _entry_field(plan.model, error.field)
    column = (declared.file_name or declared.name) if declared else ""
    if column not in row.given:
        column = next((one.column for one in row.targets if declared and one.field.name == declared.name), column)
    value = row.given.get(column)
    return Problem(
        column, "" if value is None else str(value), denial(error) if isinstance(error, Denied) else str(error)
    )


def _entry_field(model: type[Resource], key: str | None):  # type: ignore[no-untyped-def]
    found = find_field(model, key) if key else None
    return found[0] if found else None


def _parts(problem: Problem) -> tuple[str, str, str]:
    return problem.column, problem.value, problem.reason
