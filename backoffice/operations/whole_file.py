"""Files that are there only when they are whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import Refused


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """Open a file to write that takes its place at `path` when the block ends well; on an error nothing has changed.

    With `private` its owner alone may read it. Raises Refused where it cannot be written.
    """
    # Of its own name: what lies there already may be readable to others, or lead elsewhere.
    part = path.with_name(f".backoffice-{secrets.token_hex(8)}.part")
    try:
        _require_place(path)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(descriptor)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error


def _require_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {path.parent}. Create it first.")
    if path.exists() and not path.is_file():
        # Taking the place of a device, as root may, would leave the machine without it.
        raise Refused(f"{path} is no ordinary file. Name another.")
