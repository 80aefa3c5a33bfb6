"""`history`, `search`, `backup`, `restore`, `doctor`: looking after an installation."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext

from ..operations import doctor, upkeep
from ..operations.backup import backup
from ..operations.restore import restore
from ..operations.undo import undo_change_set
from .outcome import OPERATOR, told

history = AppGroup("history", help="What happened, and taking it back.")
search = AppGroup("search", help="The searched text.")

#: How many of the skipped an undo names.
NAMED = 50


@history.command("undo")
@click.argument("change_set", type=click.IntRange(min=1, max=2**63 - 1))
@told
def undo_command(change_set: int) -> None:
    """Take back CHANGE_SET, a number that the history page and the import print.

    What was changed since stays as it is and is listed; the exit code is 0 only when nothing was left.
    """
    report = undo_change_set(OPERATOR, change_set)
    click.echo(f"undone: {report.count}")
    click.echo(f"skipped: {len(report.skipped)}")
    for item in report.skipped[:NAMED]:
        click.echo(f"  {item.label}{f', {item.key}' if item.key else ''}: {item.reason}")
    if len(report.skipped) > NAMED:
        click.echo(f"  and {len(report.skipped) - NAMED} more")
    if report.change_set_id:
        click.echo(f"change set: {report.change_set_id}")
    sys.exit(1 if report.skipped or not report.change_set_id else 0)


@search.command("reindex")
@told
def reindex_command() -> None:
    """Write the searched text of every record anew."""
    click.echo(f"{upkeep.reindex()} records can be found.")


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
@told
def backup_command(file: Path) -> None:
    """Write the whole database to FILE, which restores on SQLite and on PostgreSQL. Keep it secret."""
    _print(backup(file))


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Lose what the database holds now.")
@with_appcontext
@told
def restore_command(file: Path, replace: bool) -> None:
    """Read the whole database from FILE, all or nothing."""
    _print(restore(file, replace=replace))


@click.command("doctor")
@with_appcontext
@told
def doctor_command() -> None:
    """Look at everything and say what is not well and what to do; exit code 1 when something is not."""
    ill = False
    for found in doctor.examine():
        click.echo(f"{'PROBLEM' if found.problem else 'well':8}{found.subject}")
        if found.problem:
            ill = True
            click.echo(f"        {found.problem}. {found.remedy}")
    sys.exit(1 if ill else 0)


def _print(counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if count:
            click.echo(f"{name}: {count}")


GROUPS = (history, search, backup_command, restore_command, doctor_command)
