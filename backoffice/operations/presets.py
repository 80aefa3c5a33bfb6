"""What a new role can start from: the roles that the house ships with, as they were shipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..i18n import _l
from ..models.role import ADMINISTRATOR, EVERYTHING

_CATALOGUE = ("brand", "category", "product", "tag")


@dataclass(frozen=True)
class Preset:
    """Grants under a name."""

    label: Any
    grants: frozenset[str]


def _grants(verbs: str, *more: str) -> frozenset[str]:
    return frozenset({f"{name}:{verb}" for name in _CATALOGUE for verb in verbs.split()} | {"history:read", *more})


PRESETS: dict[str, Preset] = {
    ADMINISTRATOR: Preset(_l("Administrator"), frozenset({EVERYTHING})),
    "catalogue-manager": Preset(
        _l("Catalogue manager"), _grants("create read update delete import export", "product:publish")
    ),
    "editor": Preset(_l("Editor"), _grants("create read update")),
    "viewer": Preset(_l("Viewer"), _grants("read")),
}
