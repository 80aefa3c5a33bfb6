"""`demo`: the demo catalogue in and out."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from ..operations import demo as operations
from .outcome import OPERATOR, told

demo = AppGroup("demo", help="Load the demo catalogue, and remove it again.")

GROUPS = (demo,)

#: How many of those that stay are named.
NAMED = 10


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing when there are products already.")
@told
def load_command(if_empty: bool) -> None:
    """Load about 200 products with their categories, brands and tags; what is there stays as it is."""
    if if_empty and not operations.is_empty():
        return
    counts = operations.load(OPERATOR, Path(current_app.instance_path))
    click.echo(f"Loaded the demo catalogue: {_counted(counts)}.")


@demo.command("clear")
@told
def clear_command() -> None:
    """Delete the demo catalogue for good, but for what was changed since."""
    cleared = operations.clear(OPERATOR)
    click.echo(f"Deleted for good: {_counted(cleared.removed)}.")
    if cleared.kept:
        shown = ", ".join(cleared.kept[:NAMED]) + (" and others" if len(cleared.kept) > NAMED else "")
        click.echo(f"Kept {len(cleared.kept)} because they were changed, are in the trash or are used: {shown}.")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"
