"""`catalog`: files in and out."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from ..errors import Refused
from ..models.base import Resource, resources
from ..operations import exports
from ..operations.imports import Options, Report, import_file
from ..operations.whole_file import whole_file
from .outcome import OPERATOR, told

catalog = AppGroup("catalog", help="Import files into the catalogue, and export it.")

GROUPS = (catalog,)

resource_option = click.option("--resource", default="product", show_default=True, help="What the rows are.")


@catalog.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@resource_option
@click.option("--map", "mapping", help="Stored mapping of foreign columns, or the path of one.")
@click.option("--key", help="Column that finds a record; a product's is sku.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Format, where the ending does not tell.")
@click.option("--delimiter", help="Between the cells of CSV; detected when not given.")
@click.option("--encoding", help="Such as cp1252; UTF-8 when not given.")
@click.option("--dry-run", is_flag=True, help="Work everything out and write nothing.")
@click.option("--clear-empty", is_flag=True, help="Let an empty cell clear its field.")
@click.option("--restore", is_flag=True, help="Bring back from the trash what the file names.")
@told
def import_command(
    file: Path,
    resource: str,
    mapping: str | None,
    key: str | None,
    form: str | None,
    delimiter: str | None,
    encoding: str | None,
    dry_run: bool,
    clear_empty: bool,
    restore: bool,
) -> None:
    """Create and update records from FILE, CSV or JSON Lines; a row that is not good is reported and left out."""
    options = Options(
        model=model_named(resource),
        folder=Path(current_app.instance_path),
        mapping=mapping,
        key=key,
        form=form,
        delimiter=delimiter,
        encoding=encoding,
        dry_run=dry_run,
        clear_empty=clear_empty,
        restore=restore,
    )
    started = time.monotonic()
    seen: list[Report] = []

    def progress(report: Report) -> None:
        seen[:] = [report]
        _progress(report)

    try:
        report = import_file(OPERATOR, file, options, progress)
    except BaseException:
        if seen:
            _print(seen[0], time.monotonic() - started, dry_run=dry_run)
            click.echo("Broken off. What is counted above stands; run the same command again to go on.")
        raise
    _print(report, time.monotonic() - started, dry_run=dry_run)
    sys.exit(1 if report.failed else 0)


@catalog.command("export")
@resource_option
@click.option("--format", "form", type=click.Choice(exports.FORMATS), default="csv", show_default=True)
@click.option(
    "--filter", "filters", multiple=True, help="K=V as in a list's address, such as category='Kitchen > Pans'."
)
@click.option("--bom", is_flag=True, help="Mark CSV as UTF-8, for spreadsheets that would take it for something else.")
@click.option("--output", required=True, help="File to write, or - for the standard output.")
@told
def export_command(resource: str, form: str, filters: tuple[str, ...], bom: bool, output: str) -> None:
    """Write records to a file that `catalog import` reads."""
    model = model_named(resource)
    with exports.snapshot() as session:
        selection = exports.selection_of(model, OPERATOR, session, [_pair(text) for text in filters])
        pieces = exports.export_rows(selection, session, form, bom=bom)
        if output == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece.encode())
            sys.stdout.buffer.flush()
        else:
            with whole_file(Path(output)) as stream:
                stream.writelines(piece.encode() for piece in pieces)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Refused(f"“{text}” is no filter. Write it like status=published.")
    return name.strip(), value


def model_named(name: str) -> type[Resource]:
    """Return the resource called `name`. Raises Refused, naming those that there are."""
    found = resources().get(name)
    if found is None:
        raise Refused(f"There is no resource “{name}”. There are: {', '.join(resources())}.")
    return found


def _progress(report: Report) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{report.rows} rows", nl=False, err=True)


def _print(report: Report, seconds: float, *, dry_run: bool) -> None:
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    if dry_run:
        click.echo("Dry run: nothing was written.")
    for name in ("created", "updated", "unchanged", "failed"):
        click.echo(f"{name}: {getattr(report, name)}")
    if report.repeated:
        click.echo(f"of the unchanged, exact repetitions of an earlier row: {report.repeated}")
    if report.blank:
        click.echo(f"empty rows skipped: {report.blank}")
    for name, number in sorted(report.also_created.items()):
        click.echo(f"{name} records created on the way: {number}")
    if report.ignored:
        click.echo(f"columns ignored: {', '.join(name or '(no name)' for name in report.ignored[:50])}")
    click.echo(f"rows: {report.rows} in {seconds:.1f} s ({report.rows / max(seconds, 0.001):.0f} a second)")
    if report.change_set_id:
        click.echo(f"change set: {report.change_set_id}")
    if report.errors:
        click.echo(f"errors: {report.errors}")
