"""Texts that a document holds by language, asked for what it lacks.

PostgreSQL keeps the languages of a document as one text beside it, in an index: a house has few such sets of languages,
and what lacks one is read from those that lack it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    case,
    column,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session

from ..i18n import _, is_language
from ..models.base import Resource
from ..models.fields import Field
from ..models.house import HOUSE_ID, House
from .apart import Apart

#: Sets of languages that are told apart; of more of them the index is read whole.
MOST_SETS = 1_000


def language_code(field: Field, text: str) -> str:
    """Return the code of a language that `text` is. Raises Refused."""
    if not is_language(text):
        raise field.refuse(
            _(
                "%(field)s: “%(value)s” is not a language code. Write codes such as en, fr.",
                field=field.label,
                value=text[:40],
            )
        )
    return text


def held_by_language(
    session: Session, model: type[Resource], field: Field, keys: Select[Any], languages: Sequence[str]
) -> dict[str, int]:
    """Return how many of the records `keys` hold a text of `field` by language; under `""` how many they are."""
    sets = _set_column(session, model, field)
    if sets is not None:
        # They are few, and an index holds them: the documents would all be read.
        named: Counter[str] = Counter()
        for held, count in session.execute(keys.with_only_columns(sets, func.count()).group_by(sets)):
            named.update(dict.fromkeys(["", *json.loads(held)], count))
        return {code: named[code] for code in ("", *languages)}
    document: Any = field.attribute
    columns = [func.sum(case((document[code].as_string().is_not(None), 1), else_=0)) for code in languages]
    total, *counts = session.execute(keys.with_only_columns(func.count(), *columns)).one()
    return {"": total} | {code: int(count or 0) for code, count in zip(languages, counts, strict=True)}


def lacking(
    session: Session, model: type[Resource], field: Field, languages: Iterable[str], trash: bool
) -> Apart | ColumnElement[bool]:
    """Return the condition that records of `model` in or out of the trash lack a text of `field` in one of `languages`.

    In the source language none is lacking: there the text stands in a field of its own. Where the database keeps the
    sets of languages, they answer.
    """
    house = session.get(House, HOUSE_ID)
    codes = [code for code in languages if house is None or code != house.source_language]
    own = _set_column(session, model, field)
    if own is None or not codes:
        document: Any = field.attribute
        return or_(false(), *(document[code].as_string().is_(None) for code in codes))
    name, rows = model.languages_of[field.name], _table(model)
    # Aliased, it is another look at the table than that of the rows themselves.
    kept = table(rows.name, column("id"), column("trashed_at"), column(name, Text())).alias("languages")
    sets = list(session.scalars(_distinct(kept, name, trash)))
    wanted = [held for held in sets if not set(codes) <= set(json.loads(held))]

    def lacks(held: ColumnElement[str]) -> ColumnElement[bool]:
        if len(sets) <= MOST_SETS:
            return held.in_(wanted)
        return or_(*(not_(held.contains(f'"{code}"', autoescape=True)) for code in codes))

    keys = select(kept.c.id).where(lacks(kept.c[name]), _in_place(kept, trash))
    return Apart(rows.c.id.in_(keys), lacks(own), keys, common=True)


def _set_column(session: Session, model: type[Resource], field: Field) -> ColumnElement[str] | None:
    """Return the column of `model` that holds the languages of `field` as a JSON list, None where none does."""
    name = model.languages_of.get(field.name)
    if name is None or session.get_bind().dialect.name != "postgresql":
        return None
    return literal_column(f"{_table(model).name}.{name}", Text())


def _table(model: Any) -> Table:
    found: Table = model.__table__
    return found


def _in_place(rows: FromClause, trash: bool) -> ColumnElement[bool]:
    return rows.c.trashed_at.is_not(None) if trash else rows.c.trashed_at.is_(None)


def _distinct(kept: FromClause, name: str, trash: bool) -> Select[Any]:
    """Return the statement of the sets, which steps from one to the next; the database would read them all."""
    held = kept.c[name]
    lowest = select(held.label("held")).where(_in_place(kept, trash)).order_by(held).limit(1)
    steps = select(lowest.subquery().c.held).cte("steps", recursive=True)
    following = select(held).where(_in_place(kept, trash), held > steps.c.held).order_by(held).limit(1)
    steps = steps.union_all(select(following.scalar_subquery()).where(steps.c.held.is_not(None)))
    return select(steps.c.held).where(steps.c.held.is_not(None)).limit(MOST_SETS + 1)
