"""Import a file: chunk after chunk through the door, in one change set."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from ... import policy, writes
from ...errors import Refused
from ...extensions import db
from ...i18n import Phrase, _, phrase
from ...models.base import Resource
from ...models.types import utcnow
from ...models.user import User
from ...policy import Actor, Denied
from ...writes import Receipt, Unit
from . import singly
from .columns import Plan, add_columns, check_key, default_key, find_target, require_key
from .mapping import FileMapping, load_mapping
from .names import Names, folded
from .outcome import ErrorFile, Fate, Outcome, Report, problem_of
from .problems import BadFile
from .rows import Name, Row, read_row
from .source import Source, SourceRow, open_source
from .upsert import Upsert

#: Rows of a chunk: what fits in about TARGET seconds, so that nobody waits long for its locks, and no more characters
#: than WEIGHT, so that memory holds them several times over.
FIRST, FEWEST, MOST, WHOLE = 500, 200, 2_000, 50_000
TARGET = 0.15
WEIGHT = 4_000_000

#: How often a chunk is tried again after another writer was faster.
ATTEMPTS = 4

#: Key of the lock that lets one chunk of an import in at a time: two would create the same brand twice.
_LOCK = 7_243_002


@dataclass(frozen=True)
class Options:
    """How a file is imported; docs/files.md tells what each means.

    `folder` is that of the installation, `title` that of the change set where the file's name does not tell.
    """

    model: type[Resource]
    folder: Path
    mapping: str | None = None
    key: str | None = None
    form: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    dry_run: bool = False
    clear_empty: bool = False
    restore: bool = False
    title: str | Phrase | None = None


@dataclass
class Import:
    """One import under way."""

    actor: Actor
    source: Source
    plan: Plan
    options: Options
    title: str | Phrase
    mapping: FileMapping | None
    errors: ErrorFile
    tell: Callable[[Report], None]
    report: Report = field(default_factory=Report)
    _made: set[tuple[type[Resource], Name]] = field(default_factory=set)

    def run(self) -> Report:
        """Import every row and return what became of them."""
        size = self._first_size()
        chunk: list[Row] = []
        weight = 0
        try:
            with _Seen(self.plan) as seen:
                for row in self._rows(seen):
                    chunk.append(row)
                    weight += row.source.weight
                    if len(chunk) >= size or weight > WEIGHT:
                        size = self._flush(chunk, size)
                        chunk, weight = [], 0
                self._flush(chunk, size)
        finally:
            self.report.errors = self.errors.close()
        self.report.ignored = self.plan.ignored
        self.report.blank = self.source.blank
        return self.report

    def _first_size(self) -> int:
        # What one chunk of a tree creates, the next builds on: a dry run works it out in one.
        return WHOLE if self.options.dry_run and not self.plan.model.resource.set_based else FIRST

    def _rows(self, seen: _Seen) -> Iterator[Row]:
        """Yield the rows that can be tried; the others are reported."""
        for source in self.source.rows():
            self.report.rows += 1
            row = self._read(source)
            if not row.problems:
                self._refuse_repeated(row, seen)
            if row.problems:
                self._note([row], _failed(row))
            elif row.key is not None:
                yield row

    def _read(self, source: SourceRow) -> Row:
        if source.problem:
            return Row(source, problems=[source.problem])
        given = self.mapping.apply(source.cells) if self.mapping else source.cells
        return read_row(self.plan, source, given)

    def _refuse_repeated(self, row: Row, seen: _Seen) -> None:
        first = seen.first(row)
        if first is None:
            return
        line, same = first
        if same:
            self.report.repeated += 1
            self.report.unchanged += 1
            row.key = None
            return
        row.fail(
            self.plan.key,
            row.given.get(self.plan.key, ""),
            _(
                "It stands in line %(line)s already, with other content. Keep one of the two rows.",
                line=line,
            ),
        )

    def _flush(self, rows: Sequence[Row], size: int) -> int:
        """Write a chunk and return how many rows the next one should hold."""
        if not rows:
            return size
        started = time.monotonic()
        self._write(rows)
        self.tell(self.report)
        spent = max(time.monotonic() - started, 0.001)
        return round(min(MOST, max(FEWEST, size / 2, min(size * 2, len(rows) * TARGET / spent))))

    def _write(self, rows: Sequence[Row], attempt: int = 1) -> None:
        """Write rows in one unit; where a rule refuses it as a whole, half by half until the row is found."""
        actor = current(self.actor)
        if not policy.allows(actor, "import", self.plan.model.resource.name):
            self._refuse(rows, Denied("import", self.plan.model.resource.name))
            return
        try:
            outcome, receipt = self._write_once(actor, rows)
        except (Refused, Denied) as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                self._write(rows[:middle])
                self._write(rows[middle:])
            else:
                self._refuse(rows, error)
        except OperationalError:
            if attempt >= ATTEMPTS:
                raise
            time.sleep(0.2 * attempt)
            self._write(rows, attempt + 1)
        else:
            if not self.options.dry_run:
                self.report.change_set_id = self.report.change_set_id or receipt.change_set_id
            # A dry run creates the same record again in each chunk: by name it counts once.
            self._made.update(outcome.made)
            self.report.also_created = Counter(model.resource.name for model, _name in self._made)
            self._note(rows, outcome)

    def _refuse(self, rows: Sequence[Row], error: Refused | Denied) -> None:
        outcome = Outcome()
        for row in rows:
            outcome.fail(row, problem_of(self.plan, row, error))
        self._note(rows, outcome)

    def _write_once(self, actor: Actor, rows: Sequence[Row]) -> tuple[Outcome, Receipt]:
        def work(unit: Unit) -> Outcome:
            names = Names(unit, restore=self.options.restore)
            outcome = Outcome(made=names.made)
            _take_turn(unit)
            if self.plan.model.resource.set_based:
                Upsert(unit, self.plan, outcome, names).write(rows)
            else:
                singly.write(unit, self.plan, rows, outcome, names)
            return outcome

        return writes.run(
            actor,
            self.title,
            work,
            source="import",
            continues=self.report.change_set_id,
            preview=self.options.dry_run,
        )

    def _note(self, rows: Iterable[Row], outcome: Outcome) -> None:
        self.report.add(outcome)
        for row in rows:
            problems = outcome.problems.get(row.source.line)
            if problems:
                self.errors.write(row.source, problems)


def import_file(
    actor: Actor, path: Path, options: Options, tell: Callable[[Report], None] = lambda report: None
) -> Report:
    """Import the file at `path` and return what became of its rows; `tell` hears of each chunk.

    Each chunk is one transaction of one change set. Killed at any moment, another run goes on: what is there already is
    unchanged. Raises BadFile, with nothing written, for a file that cannot be read, and Denied.
    """
    model = options.model
    if "import" not in model.resource.verbs:
        raise BadFile(_("%(resource)s are not imported from files.", resource=model.resource.plural))
    policy.require(actor, "import", model.resource.name)
    mapping = load_mapping(options.mapping, options.folder / "mappings") if options.mapping else None
    chosen = mapping.options if mapping else {}
    if chosen.get("resource", model.resource.name) != model.resource.name:
        raise BadFile(
            _("The mapping is one of %(resource)s. Give --resource %(resource)s.", resource=chosen["resource"])
        )
    source = open_source(
        path,
        options.form or chosen.get("format"),
        options.encoding or chosen.get("encoding"),
        options.delimiter or chosen.get("delimiter"),
        known=lambda name: name in mapping.sources if mapping else find_target(model, name),
    )
    plan = _plan(model, source, options, mapping)
    stamp = f"{utcnow():%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9_-]+', '-', path.stem)[:60]}"
    errors = ErrorFile(_free(options.folder / "imports", stamp, source.format), source)
    title = options.title or phrase("Import of %(file)s", file=path.name)
    return Import(actor, source, plan, options, title, mapping, errors, tell).run()


def _plan(model: type[Resource], source: Source, options: Options, mapping: FileMapping | None) -> Plan:
    key = options.key or (mapping.options.get("key") if mapping else None) or default_key(model)
    plan = Plan(model, key, typed=source.format == "jsonl", clear_empty=options.clear_empty)
    check_key(plan)
    if mapping is None:
        add_columns(plan, source.header)
    else:
        _check_mapping(plan, source, mapping)
    if mapping or source.format == "csv":
        require_key(plan)
    return plan


def _check_mapping(plan: Plan, source: Source, mapping: FileMapping) -> None:
    add_columns(plan, mapping.readers)
    unknown = sorted(plan.ignored)
    if unknown:
        raise BadFile(
            _("The mapping names columns that we do not have: %(names)s. Correct them.", names=", ".join(unknown))
        )
    if source.format == "csv":
        missing = sorted(mapping.sources - set(source.header))
        if missing:
            raise BadFile(
                _(
                    "The mapping reads columns that the file does not have: %(names)s. Its columns are: %(known)s.",
                    names=", ".join(missing),
                    known=", ".join(source.header),
                )
            )
        plan.targets |= {name: None for name in source.header if name not in mapping.sources}


def _free(folder: Path, stamp: str, form: str) -> Path:
    """Return a name for the error file that no other import has."""
    names = (f"{stamp}{suffix}-errors.{form}" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
    return next(folder / name for name in names if not (folder / name).exists())


def _failed(row: Row) -> Outcome:
    return Outcome({row.source.line: Fate.FAILED}, {row.source.line: row.problems})


def current(actor: Actor) -> Actor:
    """Return `actor` with the rights that they hold now: a long import must not outlive them."""
    if actor.user_id is None:
        return actor
    db.session.rollback()
    user = db.session.get(User, actor.user_id, populate_existing=True)
    return policy.actor_of(user) if user else policy.ANONYMOUS


def _take_turn(unit: Unit) -> None:
    if unit.session.get_bind().dialect.name == "postgresql":
        unit.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


class _Seen:
    """The keys of a file with their first line, on disk as soon as they are many."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __enter__(self) -> _Seen:
        # An empty name is a private file of SQLite's, which is gone when it is closed.
        self._known = sqlite3.connect("", isolation_level=None)
        self._known.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER, content INTEGER) WITHOUT ROWID")
        return self

    def __exit__(self, *_error: object) -> None:
        self._known.close()

    def first(self, row: Row) -> tuple[int, bool] | None:
        """Return the line in which the key of `row` stood first, and whether its content was the same; then note it."""
        key = repr(folded(self._plan.model, row.key) if self._plan.tree else row.key)
        # A table has its columns in one order, objects need not.
        said = sorted(row.given.items(), key=_column) if self._plan.typed else list(row.given.values())
        content = hash(repr(said))
        line = row.source.line
        added = self._known.execute("INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key, line, content))
        if added.rowcount:
            return None
        first = self._known.execute("SELECT line, content FROM seen WHERE key = ?", (key,)).fetchone()
        return int(first[0]), first[1] == content


def _column(item: tuple[str, Any]) -> str:
    return item[0]
