"""Import files: CSV and JSON Lines, of every resource, set-based and idempotent. docs/files.md tells it to people."""

from __future__ import annotations

from .outcome import Fate, Report
from .problems import BadFile, Problem
from .run import Options, import_file

__all__ = ["BadFile", "Fate", "Options", "Problem", "Report", "import_file"]
