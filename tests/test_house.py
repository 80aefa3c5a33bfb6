"""A new resource needs one model file and one view file, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MODEL = '''
from sqlalchemy import String
from sqlalchemy.orm import Mapped

from backoffice.extensions import Base
from backoffice.models.base import Declaration, Resource, column
from backoffice.models.fields import Field, Kind
from backoffice.models.identifiers import Named


class Supplier(Named, Resource, Base):
    """Who delivers."""

    __tablename__ = "supplier"
    resource = Declaration(name="supplier", label="Supplier", plural="Suppliers", icon="truck", default_sort="name")
    country: Mapped[str | None] = column(
        String(2), Field(label="Country", kind=Kind.CODE, max_length=2, filtered=True)
    )
'''

VIEW = '''
from admin_views.base import ResourceView
from suppliers.models import Supplier


class SupplierView(ResourceView):
    """Suppliers."""

    model = Supplier
'''


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_supplier_needs_two_files(tmp_path: Path, database: str) -> None:
    package = tmp_path / "suppliers"
    package.mkdir()
    for name, text in (("__init__", ""), ("models", MODEL), ("views", VIEW)):
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    # A process of its own: the table would stay declared for every test after this one.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/house/case.py"]
    run = subprocess.run(
        [*command, "-k", database],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "skipped" in run.stdout and "passed" not in run.stdout:
        pytest.skip(f"{database} does not answer")
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
