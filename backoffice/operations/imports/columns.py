"""Which column of a file means which field."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...i18n import _, is_language
from ...models.base import Resource, fields_of, file_fields, resources
from ...models.fields import Field, Kind
from .problems import BadFile

#: Columns that are remembered; rows of JSON may name any number.
MAX_COLUMNS = 5_000

#: The column of a tree's records that holds their whole path.
PATH = "path"

_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Target:
    """Where the cells of one column go: to a field, or to one `entry` of a document.

    `known` remembers what its cells said so far.
    """

    column: str
    field: Field
    entry: str | None = None
    known: dict[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)


@dataclass
class Plan:
    """How the columns of a file are read: the key that finds a record, and what each column means; None: nothing.

    Cells that are `typed`, as JSON's are, say themselves what is a number. `clear_empty`: an empty cell clears its
    field instead of leaving it alone.
    """

    model: type[Resource]
    key: str
    typed: bool = False
    clear_empty: bool = False
    targets: dict[str, Target | None] = field(default_factory=dict)

    @property
    def tree(self) -> bool:
        """Return whether records are found by their path."""
        return self.key == PATH

    @property
    def ignored(self) -> list[str]:
        """Return the columns that mean nothing."""
        return [column for column, target in self.targets.items() if target is None]

    def target(self, column: str) -> Target | None:
        """Return what `column` means, of which nobody may have heard before."""
        if column not in self.targets:
            if len(self.targets) >= MAX_COLUMNS:
                return find_target(self.model, column)
            self.targets[column] = find_target(self.model, column)
        return self.targets[column]


_parents: dict[type[Resource], Field | None] = {}


def parent_field(model: type[Resource]) -> Field | None:
    """Return the field by which `model` is a tree, None when it is none."""
    if model not in _parents:
        own = (one for one in fields_of(model).values() if one.kind is Kind.REFERENCE)
        _parents[model] = next((one for one in own if one.target == model.resource.name), None)
    return _parents[model]


_targets: dict[str, type[Resource]] = {}


def referred_model(declared: Field) -> type[Resource]:
    """Return the model that a reference points to."""
    name = str(declared.target)
    if name not in _targets:
        _targets[name] = resources()[name]
    return _targets[name]


def default_key(model: type[Resource]) -> str:
    """Return the column that names a record of `model` in files."""
    return PATH if parent_field(model) else model.resource.key


def find_target(model: type[Resource], column: str) -> Target | None:
    """Return what `column` means for `model`, None when it means nothing; its case and separators do not matter."""
    names = {_plain(name): name for name, declared in file_fields(model).items() if not declared.system}
    found = names.get(_plain(column))
    if found:
        return Target(found, file_fields(model)[found])
    prefix, dot, entry = column.partition(".")
    if dot and entry.strip():
        for declared in fields_of(model).values():
            if declared.kind is Kind.MAP and _plain(str(declared.entry_prefix)) == _plain(prefix):
                if declared.by_language and not is_language(entry.strip()):
                    return None
                return Target(f"{declared.entry_prefix}.{entry.strip()}", declared, entry.strip())
    if column.strip().casefold() == PATH and parent_field(model):
        return Target(PATH, fields_of(model)[model.resource.title])
    return None


def add_columns(plan: Plan, columns: Iterable[str]) -> None:
    """Tell `plan` the columns of a file. Raises BadFile where two of them mean the same."""
    meant: dict[str, str] = {}
    for column in columns:
        target = plan.target(column)
        if target and target.column in meant:
            raise BadFile(
                _(
                    "The columns “%(one)s” and “%(other)s” mean the same. Remove one of them.",
                    one=meant[target.column],
                    other=column,
                )
            )
        if target:
            meant[target.column] = column
    _refuse_two_places(plan, meant)


def _refuse_two_places(plan: Plan, meant: Mapping[str, str]) -> None:
    """Raise BadFile where a path says one place of a tree and other columns another."""
    parent = parent_field(plan.model)
    if parent is None or PATH not in meant:
        return
    for other in (plan.model.resource.title, str(parent.file_name)):
        if other in meant:
            raise BadFile(
                _(
                    "The column “%(one)s” says already what “%(other)s” says. Remove one of them.",
                    one=meant[PATH],
                    other=meant[other],
                )
            )


def require_key(plan: Plan) -> None:
    """Raise BadFile where the columns do not say what record a row is about."""
    meant = {target.column for target in plan.targets.values() if target}
    # A path may also come as a name and a parent.
    if plan.key in meant or (plan.tree and plan.model.resource.title in meant):
        return
    raise BadFile(
        _(
            "The file has no column “%(key)s”, which says what record a row is about. Its columns are: %(names)s. "
            "Rename one, or give --key or --map.",
            key=plan.key,
            names=", ".join(name for name in plan.targets if name) or "–",
        )
    )


def check_key(plan: Plan) -> None:
    """Raise BadFile where records cannot be found by the key of `plan`."""
    declared = file_fields(plan.model).get(plan.key)
    by_path = plan.tree and parent_field(plan.model)
    if by_path or (declared and (declared.unique or plan.key == plan.model.resource.key or _is_indexed(declared))):
        return
    usable = [name for name, one in file_fields(plan.model).items() if one.unique or _is_indexed(one)]
    raise BadFile(
        _(
            "Records cannot be found by “%(key)s”. Use one of: %(names)s.",
            key=plan.key,
            names=", ".join(dict.fromkeys([default_key(plan.model), *usable])),
        )
    )


def _is_indexed(declared: Field) -> bool:
    column = getattr(declared.attribute, "expression", None)
    return declared.kind is Kind.CODE and bool(getattr(column, "index", False))


def _plain(name: str) -> str:
    return _SEPARATORS.sub("_", name.strip()).casefold()
