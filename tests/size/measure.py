"""What a question costs: its statements, and the buffers that PostgreSQL reads to answer each of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.conftest import hearing

#: What the plan of a statement is asked for.
_READ = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, {}) "


@dataclass
class Statement:
    """A statement as the driver got it."""

    text: str
    parameters: Any


@dataclass
class Cost:
    """What a question cost: `buffers` by statement, `found` what it was answered with."""

    found: Any
    statements: list[Statement] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)

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

    with hearing(engine, "before_cursor_execute", hear):
        yield heard


def measure(engine: Engine, ask: Callable[[Session], Any], explained: bool = True) -> Cost:
    """Return what `ask` costs on `engine`; `explained` asks PostgreSQL for the buffers of each statement."""
    with Session(engine) as session, listening(engine) as heard:
        cost = Cost(ask(session))
    cost.statements = list(heard)
    if explained:
        cost.buffers = [buffers(engine, statement) for statement in cost.statements]
    return cost


def milliseconds(engine: Engine, ask: Callable[[Session], Any], tries: int = 5) -> float:
    """Return the best time in which `ask` was answered, the first time left out."""
    taken = []
    for _try in range(tries):
        with Session(engine) as session:
            begun = time.perf_counter()
            ask(session)
            taken.append((time.perf_counter() - begun) * 1000)
    return min(taken[1:])


def buffers(engine: Engine, statement: Statement) -> int:
    """Return the shared buffers that `statement` reads, in memory or not; asking for a plan reads none."""
    if statement.text.startswith("EXPLAIN"):
        return 0
    (found,) = _explained(engine, statement, "FORMAT JSON")
    plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def dearest(engine: Engine, cost: Cost) -> str:
    """Return the statement of `cost` that read most, with its plan, for a person to read."""
    worst = cost.statements[cost.buffers.index(max(cost.buffers))]
    plan = _explained(engine, worst, "COSTS OFF")
    return "\n".join([f"{cost.total:,} buffers: {cost.buffers}", worst.text, str(worst.parameters), *plan])


def _explained(engine: Engine, statement: Statement, form: str) -> list[Any]:
    with engine.connect() as connection:
        # The driver's own cursor: the parameters are in its form already.
        cursor = connection.connection.cursor()
        cursor.execute(_READ.format(form) + statement.text, statement.parameters)
        return [row[0] for row in cursor.fetchall()]
