"""Kill a unit before each of its statements in turn; run by test_crash.py as a process of its own.

Prints one JSON line for each kill: how many statements had run, and the rows of every table that the unit writes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path

from flask import Flask
from sqlalchemy import event, text

from backoffice import policy, writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.brand import Brand
from backoffice.models.product import Product
from tests.conftest import settings_for

TABLES = ("brand", "product", "change_set", "change", "search_entry", "outbox_message")
MOST = 60


def work(unit: writes.Unit) -> None:
    """Create, change and trash records, in several flushes."""
    brand = unit.add(Brand(name="Clay"))
    unit.session.flush()
    product = unit.add(Product(sku="A-1", name="Mug", price=Decimal(5), brand_id=brand.id))
    unit.session.flush()
    product.price = Decimal(6)
    brand.website = "https://clay.example"
    unit.emit("tested", {"sku": "A-1"})


def die_at(number: int) -> None:
    """Let the process be killed before its statement `number`, the commit being the last."""
    seen = 0

    def count(*_args: object) -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(db.engine, "before_cursor_execute", count)
    event.listen(db.engine, "commit", count)


def attempt(app: Flask, number: int) -> bool:
    """Run the unit in a child that is killed at statement `number`; return whether it got through."""
    child = os.fork()
    if child == 0:
        with app.app_context():
            die_at(number)
            writes.run(policy.system("crash"), "Crash", work)
            os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def counts(app: Flask) -> dict[str, int]:
    """Return the number of rows of each table, without what the migrations brought."""
    queries = {name: f"SELECT count(*) FROM {name}" for name in TABLES}
    queries["search_entry"] += " WHERE resource <> 'role'"
    with app.app_context(), db.engine.connect() as connection:
        found = {name: connection.scalar(text(query)) or 0 for name, query in queries.items()}
        db.engine.dispose()
    return found


def main(url: str, folder: str) -> None:
    """Kill at the first statement, then at the second, until the unit gets through."""
    app = create_app(settings_for(url, Path(folder)))
    for number in range(1, MOST):
        finished = attempt(app, number)
        sys.stdout.write(json.dumps({"number": number, "finished": finished, **counts(app)}) + "\n")
        if finished:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
