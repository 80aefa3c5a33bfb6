"""The commands, a module of `commands` for each group."""

from __future__ import annotations

from flask import Flask

from .commands import accounts, demo, files, upkeep

GROUPS = (*accounts.GROUPS, *files.GROUPS, *demo.GROUPS, *upkeep.GROUPS)


def register(app: Flask) -> None:
    """Add every group of commands to `flask --app run`."""
    for group in GROUPS:
        app.cli.add_command(group)
