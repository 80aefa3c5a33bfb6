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


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing when there are products already.")
@told
def load_command(if_empty: bool) -> None:
    """Load about 200 products with their categories, brands and tags."""
    if if_empty and not operations.is_empty():
        return
    counts = operations.load(OPERATOR, Path(current_app.instance_path))
    click.echo("Demo catalogue: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")


@demo.command("clear")
@told
def clear_command() -> None:
    """Delete the demo catalogue for good, but for what was changed since."""
    cleared = operations.clear(OPERATOR)
    removed = ", ".join(f"{name}: {count}" for name, count in cleared.removed.items())
    click.echo(f"Deleted {removed or 'nothing'}.")
    if cleared.kept:
        shown = ", ".join(cleared.kept[:10])
        click.echo(f"Kept {len(cleared.kept)} because they were changed, are in the trash or are used: {shown}.")
