"""What the actor may do to the rows of a chunk, asked once for each place of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import policy
from ...errors import Refused
from ...i18n import _
from ...models.base import Resource, defaults_of, fields_of
from ...policy import Actor, Denied, Place


class Rights:
    """The rights of `actor` over rows of `model`, which are known by the category path that they are filed under."""

    def __init__(self, actor: Actor, model: type[Resource]) -> None:
        self.actor, self.model, self.name = actor, model, model.resource.name
        self._fields: dict[tuple[str, str | None], frozenset[str]] = {}
        self._verbs: dict[tuple[str, str | None], bool] = {}
        self._creation: frozenset[str] | None = None
        self._defaults = defaults_of(model)
        self._extra = {name: declared.verb for name, declared in fields_of(model).items() if declared.verb}

    def reads(self, path: str | None) -> bool:
        """Return whether the actor sees rows filed there."""
        return self._allows("read", path)

    def require_creation(self, values: Mapping[str, Any]) -> None:
        """Raise Denied unless the actor may create a row with `values`."""
        if self._creation is None:
            policy.require(self.actor, "create", self.name)
            self._creation = policy.fields_for(self.actor, "create", self.model)
        for name, value in values.items():
            if name not in self._creation and value not in (None, "", [], {}):
                raise Denied("create", self.name, name)
            extra = self._extra.get(name)
            if extra and value != self._defaults.get(name):
                policy.require(self.actor, extra, self.name)

    def require_sight(self, names: Iterable[str], path: str | None) -> None:
        """Raise Denied where the file says something of a field that the actor does not see: that it agrees tells."""
        shown = self._fields_for("read", path)
        for name in names:
            if name not in shown:
                raise Denied("read", self.name, name)

    def require_change(self, names: Iterable[str], path: str | None) -> None:
        """Raise Denied unless the actor may change these fields of a row filed under `path`, by a file."""
        for verb in ("update", "import"):
            if not self._allows(verb, path):
                raise Denied(verb, self.name)
        allowed = self._fields_for("update", path)
        for name in names:
            if name not in allowed:
                raise Denied("update", self.name, name)
            extra = fields_of(self.model)[name].verb
            if extra and not self._allows(extra, path):
                raise Denied(extra, self.name, name)

    def require_reach(self, verb: str, path: str | None) -> None:
        """Raise Refused where a row would end up outside of the categories where the actor may do `verb` and import."""
        if not (self._allows(verb, path) and self._allows("import", path)):
            raise Refused(
                _("You can work in some categories only, and this would leave them. Choose one of yours."),
                self.model.resource.scope,
            )

    def _allows(self, verb: str, path: str | None) -> bool:
        if (verb, path) not in self._verbs:
            self._verbs[verb, path] = policy.allows(self.actor, verb, self.name, Place(self.model.resource, path))
        return self._verbs[verb, path]

    def _fields_for(self, verb: str, path: str | None) -> frozenset[str]:
        if (verb, path) not in self._fields:
            place = Place(self.model.resource, path)
            self._fields[verb, path] = policy.fields_for(self.actor, verb, self.model, place)
        return self._fields[verb, path]
