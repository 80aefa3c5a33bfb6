"""Numbers by which siblings are ordered: room for newcomers, while as few others as possible move aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..models.fields import INTEGER_MAX

#: What is left free between two that are arranged, so that the next ones find room.
GAP = 1024

_LOWEST, _HIGHEST = -INTEGER_MAX, INTEGER_MAX


@dataclass(frozen=True)
class Room:
    """The numbers of the newcomers, and by their index the new numbers of those that move aside."""

    numbers: tuple[int, ...]
    aside: dict[int, int]


def make_room(positions: Sequence[int], at: int, count: int = 1) -> Room:
    """Return numbers for `count` newcomers that stand before `positions[at]`, at its end where `at` is its length.

    `positions` ascend and may be equal: those are ordered by something else, which a newcomer cannot go between.
    """
    for first, last in _runs(len(positions), at):
        low = positions[first - 1] if first else None
        high = positions[last] if last < len(positions) else None
        numbers = _spread(low, high, count + last - first)
        if numbers is not None:
            head, tail = at - first, at - first + count
            moved = [*numbers[:head], *numbers[tail:]]
            aside = {first + step: number for step, number in enumerate(moved)}
            changed = {index: number for index, number in aside.items() if positions[index] != number}
            return Room(tuple(numbers[head:tail]), changed)
    raise OverflowError("More siblings than there are numbers.")


def _runs(length: int, at: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches around `at` whose rows may move aside: none, then ever more to one side, at last all."""
    for size in range(max(at, length - at) + 1):
        if size <= at:
            yield at - size, at
        if 0 < size <= length - at:
            yield at, at + size
    yield 0, length


def _spread(low: int | None, high: int | None, count: int) -> list[int] | None:
    """Return `count` ascending numbers between `low` and `high`, None where there are not so many."""
    if low is None and high is None:
        return [GAP * place for place in range(count)]
    bottom = _LOWEST if low is None else low
    top = _HIGHEST if high is None else high
    step = min(GAP, (top - bottom) // (count + 1))
    if low is not None and high is not None:
        step = (top - bottom) // (count + 1)
    if step < 1:
        return None
    if low is None:
        return [top - step * (count - place) for place in range(count)]
    return [bottom + step * (place + 1) for place in range(count)]
