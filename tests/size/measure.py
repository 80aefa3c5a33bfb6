"""What a question costs: its statements, and the buffers that PostgreSQL reads to answer each of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session


@dataclass
class Statement:
    """A statement as the driver got it."""

    text: str
    parameters: Any


@dataclass
class Cost:
    """What a question cost: `buffers` is the sum over its statements, `milliseconds` the best of three."""

    statements: list[Statement] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)
    milliseconds: float = 0.0

    @property
    def total(self) -> int:
        """Return the buffers of all statements."""
        return sum(self.buffers)


@contextmanager
def listening(engine: Engine) -> Iterator[list[Statement]]:
    """Collect the statements that run on `engine`, transaction control left out."""
    heard: list[Statement] = []

    def hear(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        if text != "BEGIN":
            heard.append(Statement(text, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def measure(engine: Engine, ask: Callable[[Session], Any], explained: bool = True) -> Cost:
    """Return what `ask` costs on `engine`; `explained` asks PostgreSQL for the buffers of each statement."""
    cost = Cost()
    with Session(engine) as session:
        with listening(engine) as heard:
            ask(session)
        cost.statements = list(heard)
    if not explained:
        return cost
    times = []
    for _try in range(3):
        with Session(engine) as session:
            begun = time.perf_counter()
            ask(session)
            times.append((time.perf_counter() - begun) * 1000)
    cost.milliseconds = min(times)
    cost.buffers = [buffers(engine, statement) for statement in cost.statements]
    return cost


def explain(engine: Engine, statement: Statement) -> dict[str, Any]:
    """Return the plan of `statement` with what it read."""
    with engine.connect() as connection:
        # The driver's own cursor: the parameters are in its form already.
        cursor = connection.connection.cursor()
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement.text, statement.parameters)
        (found,) = cursor.fetchone() or (None,)
        plan: dict[str, Any] = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
        return plan


def buffers(engine: Engine, statement: Statement) -> int:
    """Return the shared buffers that `statement` reads, in memory or not."""
    plan = explain(engine, statement)
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
