"""Read the rows of a file as a stream: CSV of any delimiter, or JSON Lines; memory does not grow with the file."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from ...i18n import _
from ..cells import unguarded
from .problems import BadFile, Problem

#: Characters of one line, and of one row over all its lines; what is longer is reported, not held.
MAX_LINE = 1_000_000
MAX_ROW_LINES = 2_000

#: Rows with broken quotes after which the file is given up.
MAX_BROKEN = 1_000

#: The columns with which a file of errors begins, and those it has where the file has one of these names itself.
REPORT = ("line", "column", "value", "reason")
REPORTS = (REPORT, tuple(f"error_{name}" for name in REPORT))

_REPORT_NAMES = frozenset(name for report in REPORTS for name in report)

BLOCK = 1 << 16
DELIMITERS = ",;\t|"
#: What people type for the character that their shell does not let them type.
_TABS = {"tab": "\t", "\\t": "\t"}
FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class SourceRow:
    """One row as it stands in the file: the line where it begins, its cells by column, and as they were written.

    With a `problem` there are no cells to use.
    """

    line: int
    cells: dict[str, Any]
    written: Sequence[str]
    problem: Problem | None = None

    @property
    def weight(self) -> int:
        """Return the number of characters of the row."""
        return sum(map(len, self.written))


@dataclass
class Source:
    """An open file: its format and header, and its rows one after another.

    The first `skipped` cells of a row are what a file of errors says of it, which is no part of the row.
    """

    path: Path
    format: str
    encoding: str
    delimiter: str = ","
    header: list[str] = field(default_factory=list)
    skipped: int = 0
    blank: int = 0

    def rows(self) -> Iterator[SourceRow]:
        """Yield every row that is not blank."""
        return _csv_rows(self) if self.format == "csv" else _json_rows(self)


def open_source(
    path: Path,
    form: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    *,
    known: Callable[[str], object] = lambda _name: False,
) -> Source:
    """Look at a file and return what it is; `form`, `encoding` and `delimiter` override what is detected.

    `known` says whether a name is one of a column that is looked for: it tells the delimiter before all else. The whole
    file is decoded once, so that a wrong encoding is found before anything is written. Raises BadFile.
    """
    if not path.is_file():
        raise BadFile(_("There is no file %(path)s. Check the path.", path=path))
    form = form or _format_of(path)
    encoding = _checked_encoding(path, encoding)
    source = Source(path, form, encoding)
    if form == "csv":
        _read_header(source, delimiter, known)
    return source


def _format_of(path: Path) -> str:
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() not in FORMATS:
        raise BadFile(
            _(
                "%(path)s: the ending does not tell the format. Give --format csv or --format jsonl.",
                path=path.name,
            )
        )
    return FORMATS[suffix.lower()]


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


def _checked_encoding(path: Path, encoding: str | None) -> str:
    try:
        with _opened(path) as stream:
            start = stream.read(4096)
        # Of the encodings that there are, some are none of text.
        "".encode(encoding or "utf-8")
        named = codecs.lookup(encoding or "utf-8").name
        # A mark says more than a mapping that was made for other files, such as the one whose errors these are.
        found = next((name for bom, name in _BOMS if start.startswith(bom)), named)
        for _block in _decoded(path, found):
            pass
    except LookupError as error:
        raise BadFile(
            _("There is no encoding “%(name)s”. Write one such as utf-8 or cp1252.", name=encoding)
        ) from error
    except (OSError, EOFError) as error:
        raise BadFile(_("%(path)s cannot be read: %(reason)s.", path=path, reason=error)) from error
    if not start:
        raise BadFile(_("%(path)s is empty. Nothing was imported.", path=path.name))
    return found


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    with _opened(path) as stream:
        while True:
            block = stream.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                _refuse_encoding(error, line, encoding)
            yield text
            line += text.count("\n")
            if not block:
                return


def _refuse_encoding(error: UnicodeError, line: int, encoding: str) -> NoReturn:
    if isinstance(error, UnicodeDecodeError):
        line += error.object[: error.start].count(b"\n")
    raise BadFile(
        _(
            "Line %(line)s is not %(encoding)s text. Save the file as UTF-8, or name its encoding, such as "
            "--encoding cp1252.",
            line=line,
            encoding="UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding,
        )
    ) from error


def _lines(source: Source) -> Iterator[tuple[str, bool]]:
    """Yield each line with its end, and whether it was cut because it is longer than MAX_LINE."""
    rest, cut, only_returns = "", False, None
    for block in _decoded(source.path, source.encoding):
        if only_returns is None:
            # An old Macintosh file has no other line end; a line feed in a cell of it would be one by now.
            only_returns = "\r" in block and "\n" not in block
        if only_returns:
            block = block.replace("\r", "\n")
        *whole, rest_of_block = block.split("\n")
        for part in whole:
            text = rest + part
            yield (text[:MAX_LINE] + "\n", cut or len(text) > MAX_LINE)
            rest, cut = "", False
        rest += rest_of_block
        if len(rest) > MAX_LINE:
            rest, cut = rest[:MAX_LINE], True
    if rest:
        yield rest, cut


class _Lines:
    """The lines of a file as the csv reader takes them, with the way back to the first line of a row."""

    def __init__(self, source: Source) -> None:
        self._lines = _lines(source)
        self._again: deque[tuple[str, bool]] = deque()
        self.held: list[tuple[str, bool]] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.held) >= MAX_ROW_LINES:
            raise csv.Error("too many lines")
        line = self._again.popleft() if self._again else next(self._lines)
        self.held.append(line)
        self.number += 1
        return line[0]

    def give_back(self, kept: int) -> None:
        """Hand the held lines out again, but for the first `kept`."""
        returned = self.held[kept:]
        self._again.extendleft(reversed(returned))
        self.number -= len(returned)
        self.held = self.held[:kept]


def _read_header(source: Source, delimiter: str | None, known: Callable[[str], object]) -> None:
    delimiter = _TABS.get(delimiter, delimiter) if delimiter else None
    if delimiter and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise BadFile(_("The delimiter is one character, such as ; or |, or the word tab."))
    sample = [text for text, _cut in islice(_lines(source), 50)]
    source.delimiter = delimiter or _delimiter_of(sample, known)
    rows = csv.reader(sample, delimiter=source.delimiter, strict=True)
    try:
        header = [unguarded(name.strip()) for name in next(rows, [])]
    except csv.Error as error:
        raise BadFile(_("The first line does not name the columns: %(reason)s.", reason=error)) from error
    source.skipped = len(REPORT) if tuple(header[: len(REPORT)]) in REPORTS else 0
    source.header = header[source.skipped :]
    if not any(source.header):
        raise BadFile(_("The first line is empty. It must hold the names of the columns."))
    twice = sorted({name for name in source.header if name and source.header.count(name) > 1})
    if twice:
        raise BadFile(
            _("These columns stand in the file twice: %(names)s. Rename or remove one of each.", names=", ".join(twice))
        )


def _delimiter_of(sample: list[str], known: Callable[[str], object]) -> str:
    """Return the delimiter that makes the most known names of the first line, or else the most columns of all lines."""

    def score(delimiter: str) -> tuple[float, int, int]:
        rows: list[list[str]] = []
        # Where a row cannot be read, the names and the rows before it tell all the same.
        with suppress(csv.Error):
            rows.extend(row for row in csv.reader(sample, delimiter=delimiter) if row)
        header = [unguarded(name.strip()) for name in rows[0]] if rows else []
        if len(header) < 2:
            return 0, 0, len(header)
        share = sum(bool(name in _REPORT_NAMES or known(name)) for name in header) / len(header)
        return share, sum(len(row) == len(header) for row in rows), len(header)

    return max(DELIMITERS, key=score)


def _csv_rows(source: Source) -> Iterator[SourceRow]:
    lines = _Lines(source)
    reader = csv.reader(lines, delimiter=source.delimiter, strict=True)
    broken = 0
    next(reader, None)
    while True:
        lines.held = []
        start = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            broken += 1
            if broken > MAX_BROKEN:
                raise BadFile(
                    _("Line %(line)s: too many rows with broken quotes. Check the delimiter.", line=start)
                ) from error
            yield _broken_row(source, lines, start, error)
            reader = csv.reader(lines, delimiter=source.delimiter, strict=True)
            continue
        if cells is None:
            return
        if not any(cells):
            source.blank += bool(cells)
        else:
            yield _row_of(source, start, cells[source.skipped :], any(cut for _text, cut in lines.held))


def _row_of(source: Source, line: int, cells: list[str], cut: bool) -> SourceRow:
    cells = [unguarded(cell) if cell[:1] == "'" else cell for cell in cells]
    width = len(source.header)
    if cut:
        reason = _("The row is longer than %(max)s characters. Shorten it.", max=MAX_LINE)
        return SourceRow(line, {}, cells, Problem("", "", reason))
    if len(cells) > width and not any(cells[width:]):
        cells = cells[:width]
    if len(cells) != width:
        reason = _(
            "The row has %(found)s cells, the first line has %(expected)s. Check its delimiters and quotes.",
            found=len(cells),
            expected=width,
        )
        return SourceRow(line, {}, cells, Problem("", "", reason))
    return SourceRow(line, dict(zip(source.header, cells, strict=True)), cells)


def _broken_row(source: Source, lines: _Lines, start: int, error: csv.Error) -> SourceRow:
    """Return the row that the reader choked on, and let it go on after it."""
    if "field larger than" in str(error) and len(lines.held) == 1:
        reason = _("A cell is longer than %(max)s characters. Shorten it.", max=csv.field_size_limit())
        return SourceRow(start, {}, [lines.held[0][0][:1000]], Problem("", "", reason))
    reason = _("A quote is not closed, or one within quotes is not written twice. Correct the quotes of this row.")
    whole = None if _holds_rows(source, lines) else _read_leniently(source, lines)
    if whole is None:
        # The quote swallowed the rows that follow: only its own line is lost.
        lines.give_back(1)
        whole = _read_leniently(source, lines) or [lines.held[0][0].rstrip("\r\n")[:1000]]
    return SourceRow(start, {}, whole, Problem("", "", reason))


def _holds_rows(source: Source, lines: _Lines) -> bool:
    """Return whether one of the held lines after the first is a row by itself."""
    width = len(source.header) + source.skipped
    texts = (text for text, _cut in lines.held[1:])
    return width > 1 and any(_is_row(text, source.delimiter, width) for text in texts)


def _is_row(text: str, delimiter: str, width: int) -> bool:
    try:
        return [len(row) for row in csv.reader([text], delimiter=delimiter, strict=True)] == [width]
    except csv.Error:
        return False


def _read_leniently(source: Source, lines: _Lines) -> list[str] | None:
    """Return the cells of the held lines where they are one row of the right width but for a stray quote."""
    try:
        rows = list(csv.reader([text for text, _cut in lines.held], delimiter=source.delimiter))
    except csv.Error:
        return None
    if len(rows) != 1 or len(rows[0]) != len(source.header) + source.skipped:
        return None
    return rows[0][source.skipped :]


def _json_rows(source: Source) -> Iterator[SourceRow]:
    for number, (text, cut) in enumerate(_lines(source), 1):
        if not text.strip():
            continue
        problem, cells = None, {}
        if cut:
            problem = Problem("", "", _("The row is longer than %(max)s characters. Shorten it.", max=MAX_LINE))
        else:
            try:
                cells = _without_report(_object_of(text))
            except (ValueError, ArithmeticError, RecursionError):
                problem = Problem("", text, _("This line is not a JSON object. Write one object a line."))
            except _NamedTwice as error:
                problem = Problem(str(error), "", _("The row names this column twice. Remove one."))
        yield SourceRow(number, cells, [text.rstrip("\r\n")], problem)


class _NamedTwice(Exception):
    """An object of JSON has a name twice: which of the two values is meant?"""


def _object_of(text: str) -> dict[str, Any]:
    found = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise json.JSONDecodeError("not an object", text[:80], 0)
    return found


def _without_report(cells: dict[str, Any]) -> dict[str, Any]:
    """Return the cells without what a file of errors says of them."""
    return dict(islice(cells.items(), len(REPORT), None)) if tuple(islice(cells, len(REPORT))) in REPORTS else cells


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NamedTwice(next(name for name, number in Counter(name for name, _value in pairs).items() if number > 1))
    return found
