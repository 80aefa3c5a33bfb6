"""Undo after do is identity: whatever was done to a record of any resource, taken back step by step it is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backoffice import history, policy, writes
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.models.base import Resource, fields_of, resources
from backoffice.models.fields import Field, Kind
from backoffice.models.history import ChangeSet
from backoffice.models.house import HOUSE_ID
from backoffice.operations import records, undo
from backoffice.writes import Unit

HOUSE = policy.system("tests")

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
NAME = TEXT.filter(lambda text: any(char.isalnum() for char in text))
CODE = st.from_regex(r"\A[A-Z]{1,8}-[0-9]{1,5}\Z")
ENTRY = st.from_regex(r"\A[a-z]{1,8}\Z")
AMOUNT = st.none() | st.decimals(0, 10**9, places=2)

#: Fields that a rule of their own narrows; all others are drawn by their kind.
NARROW: dict[str, st.SearchStrategy[Any]] = {
    "product.currency": st.sampled_from(["EUR", "USD", "KWD"]),
    "product.gtin": st.sampled_from([None, "4006381333931", "96385074"]),
    "product.sku": CODE,
    "role.key": CODE,
    "role.grants": st.lists(st.sampled_from(["product:read", "product:update", "brand:read"]), unique=True),
    "role.hidden_fields": st.lists(st.sampled_from(["product.cost", "product.price"]), unique=True),
    "role.locked_fields": st.lists(st.sampled_from(["product.status", "brand.name"]), unique=True),
    "user.email": st.from_regex(r"\A[a-z]{1,8}@example\.org\Z"),
    "user.zone": st.sampled_from([None, "Europe/Paris", "Asia/Tokyo"]),
    "house.languages": st.lists(st.sampled_from(["en", "fr", "de", "ar"]), unique=True),
    "house.source_language": st.sampled_from(["en", "fr"]),
    "house.currencies": st.lists(st.sampled_from(["EUR", "USD", "JPY"]), unique=True),
    "house.default_currency": st.sampled_from(["EUR", "CHF"]),
    "house.zone": st.sampled_from(["UTC", "Europe/Paris"]),
    "house.trash_days": st.integers(1, 3650),
}

#: References are drawn as places on the shelf.
PLACE = st.integers(0, 1)
OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXT,
    Kind.LONG_TEXT: TEXT,
    Kind.HTML: TEXT | st.just("<p>Holds <b>tea</b></p>"),
    Kind.CODE: st.none() | CODE,
    Kind.BOOLEAN: st.booleans(),
    Kind.INTEGER: st.integers(-1000, 1000),
    Kind.MONEY: AMOUNT,
    Kind.MAP: st.dictionaries(
        st.from_regex(r"\A[a-z]{1,8}\Z"), TEXT | st.booleans() | st.integers(0, 2**40), max_size=4
    ),
    Kind.REFERENCE: st.none() | PLACE,
    Kind.REFERENCES: st.lists(PLACE, unique=True),
}

SHELF: dict[str, list[dict[str, Any]]] = {
    "category": [{"name": "Cups"}, {"name": "Plates"}],
    "brand": [{"name": "Clay"}, {"name": "Tin"}],
    "tag": [{"name": "blue"}, {"name": "red"}],
    "role": [{"key": "one", "name": "One"}, {"key": "two", "name": "Two"}],
    "user": [{"email": "one@example.org"}, {"email": "two@example.org"}],
}


def values_of(declared: Field, resource: str) -> st.SearchStrategy[Any]:
    """Return what the field may be set to."""
    name = f"{resource}.{declared.name}"
    if name in NARROW:
        return NARROW[name]
    if declared.name == "name":
        return NAME
    if declared.kind is Kind.CHOICE:
        keys = [key for key, _label in declared.choices]
        return st.sampled_from(keys if declared.required else [None, *keys])
    return OF_KIND[declared.kind]


def edits_of(resource: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = fields_of(resources()[resource]).values()
    free = {one.name: values_of(one, resource) for one in fields if not one.secret and not one.system}
    return st.fixed_dictionaries({}, optional=free)


@st.composite
def deeds(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """Draw a resource and what is done to a record of it: edits, and ways to the trash and back."""
    name = draw(st.sampled_from(sorted(resources())))
    moves = () if resources()[name].resource.singleton else (records.trash, records.restore)
    step = st.one_of(edits_of(name), st.sampled_from(moves)) if moves else edits_of(name)
    return name, draw(st.lists(step, min_size=1, max_size=4))


@dataclass
class Bench:
    """The records that references are drawn from, by resource."""

    keys: dict[str, list[int]] = field(default_factory=dict)

    def placed(self, model: type[Resource], values: dict[str, Any]) -> dict[str, Any]:
        """Return `values` with keys in place of places on the shelf."""
        found = dict(values)
        for name, value in values.items():
            declared = fields_of(model)[name]
            if declared.target and value is not None:
                keys = self.keys[declared.target]
                found[name] = [keys[place] for place in value] if isinstance(value, list) else keys[value]
        return found


@pytest.fixture
def bench(app: Flask) -> Iterator[Bench]:
    def work(unit: Unit) -> dict[str, list[int]]:
        models = resources()
        return {name: [records.create(unit, models[name], row).id for row in rows] for name, rows in SHELF.items()}

    return Bench(writes.run(HOUSE, "Shelf", work)[0])


def begun(name: str) -> tuple[int, int | None]:
    """Return the key of a record to work on, and the change set that created it."""
    model = resources()[name]
    if model.resource.singleton:
        return HOUSE_ID, None
    number = db.session.scalar(select(ChangeSet.id).order_by(ChangeSet.id.desc())) or 0
    values = {"email": f"n{number}@example.com", "key": f"n{number}", "sku": f"n{number}", "name": f"N {number}"}
    given = {key: value for key, value in values.items() if key in fields_of(model)}
    record, receipt = writes.run(HOUSE, "Create", lambda unit: records.create(unit, model, given))
    return record.id, receipt.change_set_id


def state(name: str, key: int) -> history.State:
    db.session.rollback()
    return history.state_of(db.session.get_one(resources()[name], key, populate_existing=True))


def do(bench: Bench, name: str, key: int, step: Any) -> int | None:
    """Do one step and return its change set, None where it changed nothing or was refused."""
    model = resources()[name]

    def work(unit: Unit) -> None:
        record = unit.get(model, key)
        if isinstance(step, dict):
            records.update(unit, record, bench.placed(model, step))
        else:
            step(unit, record)

    try:
        return writes.run(HOUSE, "Do", work)[1].change_set_id
    except Refused:
        return None


def take_back(change_set: int) -> int:
    report = undo.undo_change_set(HOUSE, change_set)
    assert report.skipped == []
    assert report.change_set_id is not None
    return report.change_set_id


def test_every_kind_of_field_is_drawn(app: Flask) -> None:
    drawn = {one.kind for model in resources().values() for one in fields_of(model).values() if not one.secret}
    assert drawn == set(Kind), "moments are drawn by the trash"
    for name in resources():
        edits_of(name)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(done=deeds())
def test_undo_after_do_is_identity(bench: Bench, done: tuple[str, list[Any]]) -> None:
    name, steps = done
    key, created = begun(name)
    states, sets = [state(name, key)], []
    for step in steps:
        change_set = do(bench, name, key, step)
        after = state(name, key)
        assert (change_set is None) == (after == states[-1])
        if change_set is not None:
            sets.append(change_set)
            states.append(after)
    for change_set, before, after in zip(reversed(sets), reversed(states[:-1]), reversed(states), strict=False):
        undone = take_back(change_set)
        assert state(name, key) == before
        # To take that back is to do it again.
        again = take_back(undone)
        assert state(name, key) == after
        take_back(again)
        assert state(name, key) == before
    if created is not None and not sets:
        gone = take_back(created)
        assert state(name, key)["trashed_at"] is not None
        take_back(gone)
        assert state(name, key) == states[0]
