"""Pure functions over changes: difference, three-way merge, inverse, as-of. No database here.

A state maps keys, `price` or `attributes.colour`, to encoded values; a key that is missing means None.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .models.base import Resource, fields_of, find_field
from .models.fields import Field, Kind

State = dict[str, Any]
Diff = dict[str, list[Any]]


def flatten(declared: Field, value: Any) -> State:
    """Return the state that `value` of one field makes: one key, or one for each entry of a document."""
    encoded = declared.encode(value)
    if declared.kind is not Kind.MAP:
        return {declared.name: encoded}
    return {f"{declared.entry_prefix}.{entry}": item for entry, item in (encoded or {}).items()}


def state_of(record: Resource, names: Collection[str] | None = None) -> State:
    """Return the state of every recorded field of `record`, or of the fields `names` only."""
    state: State = {}
    for declared in recorded_fields(type(record)):
        if names is None or declared.name in names:
            state |= flatten(declared, declared.get(record))
    return state


_recorded: dict[type[Resource], list[Field]] = {}


def recorded_fields(model: type[Resource]) -> list[Field]:
    """Return the fields of `model` that history keeps: all but secrets and the moments of the house itself."""
    if model not in _recorded:
        _recorded[model] = [
            declared
            for name, declared in fields_of(model).items()
            if not declared.secret and name not in ("created_at", "updated_at")
        ]
    return _recorded[model]


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Diff:
    """Return what changed as key -> [before, after]; equal states give an empty difference."""
    keys = [*before, *(key for key in after if key not in before)]
    return {key: [before.get(key), after.get(key)] for key in keys if not same(before.get(key), after.get(key))}


def same(one: Any, other: Any) -> bool:
    """Return whether two encoded values are equal; true is not 1."""
    return (type(one) is type(other) and one == other) or _both_numbers(one, other)


def _both_numbers(one: Any, other: Any) -> bool:
    numbers = (int, float)
    return (
        isinstance(one, numbers)
        and isinstance(other, numbers)
        and bool not in (type(one), type(other))
        and one == other
    )


def verb_of(diff: Mapping[str, list[Any]], created: bool, purged: bool) -> str:
    """Return what a change did: create, update, trash, restore or purge."""
    if created or purged:
        return "create" if created else "purge"
    if "trashed_at" in diff:
        return "trash" if diff["trashed_at"][1] else "restore"
    return "update"


@dataclass(frozen=True)
class Conflict:
    """One field that two people changed from `base`: to `theirs`, which is stored, and to `yours`, which is not."""

    key: str
    base: Any
    theirs: Any
    yours: Any


@dataclass(frozen=True)
class Merge:
    """The outcome of a three-way merge: what to write, what they changed meanwhile, and what needs a person."""

    write: State
    merged: State = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()


def merge(base: Mapping[str, Any], theirs: Mapping[str, Any], yours: Mapping[str, Any]) -> Merge:
    """Merge `yours` over `theirs`, both made from `base`, field by field.

    A field that only one side changed takes that side; changed by both to the same value it is settled; otherwise it
    is a conflict. Only the keys of `yours` are written: what a form did not show is never touched.
    """
    write: State = {}
    conflicts: list[Conflict] = []
    for key, mine in yours.items():
        was, now = base.get(key), theirs.get(key)
        if same(mine, was) or same(mine, now):
            continue
        if same(now, was):
            write[key] = mine
        else:
            conflicts.append(Conflict(key, was, now, mine))
    merged = {key: value for key, value in theirs.items() if not same(value, base.get(key))}
    return Merge(write, merged, tuple(conflicts))


def as_of(current: Mapping[str, Any], later: Iterable[Mapping[str, list[Any]]]) -> State:
    """Return the state before the differences `later`, given oldest first, led to `current`."""
    state = dict(current)
    for diff in reversed(list(later)):
        state |= {key: before for key, (before, _after) in diff.items()}
    return state


@dataclass(frozen=True)
class Inverse:
    """What takes a difference back: `write` restores, `skipped` names what was edited since."""

    write: State
    skipped: tuple[str, ...] = ()


def inverse(diff: Mapping[str, list[Any]], current: Mapping[str, Any], keys: Iterable[str] | None = None) -> Inverse:
    """Return how to take `diff` back (only `keys` of it, when given) from the `current` state.

    A field whose current value is no longer what the change made of it is skipped and named.
    """
    chosen = diff.keys() if keys is None else [key for key in keys if key in diff]
    write: State = {}
    skipped: list[str] = []
    for key in chosen:
        before, after = diff[key]
        if same(current.get(key), after):
            write[key] = before
        else:
            skipped.append(key)
    return Inverse(write, tuple(skipped))


def unflatten(model: type[Resource], write: Mapping[str, Any], record: Resource | None = None) -> dict[str, Any]:
    """Return attribute values that bring the keys of `write` about on `record`, documents with their other entries.

    References stay keys of records. Keys that `model` no longer has are left out.
    """
    values: dict[str, Any] = {}
    for key, encoded in write.items():
        found = find_field(model, key)
        if found is None:
            continue
        declared, entry = found
        if entry is None:
            values[declared.name] = declared.decode(encoded)
            continue
        document = values.setdefault(declared.name, dict((record and declared.get(record)) or {}))
        if encoded is None:
            document.pop(entry, None)
        else:
            document[entry] = encoded
    return values
