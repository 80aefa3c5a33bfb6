"""Draw the pictures of the documents: `make pictures`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from .draw import draw

TARGET = Path(__file__).resolve().parents[2] / "docs" / "pictures"

#: Screen or state -> its looks in the documents.
PICTURES = {
    "dashboard": ("1440-light",),
    "products": ("1440-light", "1440-dark", "375-arabic"),
    "products ticked": ("1440-light",),
    "product": ("1440-light",),
    "product in conflict": ("1440-light",),
    "categories opened": ("1440-light",),
    "history": ("1440-light",),
    "role changed": ("1440-light",),
    "palette": ("1440-light",),
}


def main() -> None:
    """Draw them, and replace those that are there when all are made."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        made = draw(fresh, PICTURES, whole=False)
        shutil.rmtree(TARGET, ignore_errors=True)
        TARGET.mkdir()
        for picture in fresh.iterdir():
            shutil.copyfile(picture, TARGET / picture.name)
    sys.stdout.write(f"{made} pictures in {TARGET.name}\n")


if __name__ == "__main__":
    main()
