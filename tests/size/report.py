"""Print what each question costs, the dearest first: `python -m tests.size.report postgresql://… [part of a name]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .measure import measure, milliseconds
from .questions import QUESTIONS
from .world import World


def main(url: str, part: str = "") -> None:
    """Put the questions whose names hold `part` to the filled database `url`."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(url, Path(folder))
        found = []
        for question in QUESTIONS:
            if part not in question.name:
                continue
            question.ask_once(world)
            cost = measure(world.engine, lambda session, ask=question.ask: ask(world, session))  # type: ignore[misc]
            taken = milliseconds(world.engine, lambda session, ask=question.ask: ask(world, session), 3)  # type: ignore[misc]
            found.append((cost.total, len(cost.statements), taken, question))
        world.close()
    print(f"{'buffers':>9}{'most':>8}{'statements':>12}{'ms':>8}  question")
    for total, statements, taken, question in sorted(found, key=lambda one: -one[0]):
        print(f"{total:9,}{question.most:8,}{statements:12}{taken:8.1f}  {question.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
