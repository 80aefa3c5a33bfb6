"""Killed at any statement, all of a unit is there or none of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_a_killed_unit_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash", database_url, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    *killed, finished = lines
    assert len(killed) > 8
    for line in killed:
        assert not line["finished"]
        assert {line[name] for name in ("brand", "product", "change_set", "change", "outbox_message")} == {0}, line
    assert finished["finished"]
    assert (finished["brand"], finished["product"], finished["change_set"], finished["change"]) == (1, 1, 1, 2)
    assert (finished["search_entry"], finished["outbox_message"]) == (2, 1)
