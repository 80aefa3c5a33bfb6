"""Texts that a document holds by language, asked for what it lacks.

PostgreSQL keeps the languages of a document as one text beside it, in an index: a house has few such sets of languages,
and what lacks one is read from those that lack it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Text, column, literal_column, or_, select, table
from sqlalchemy.orm import Session

from ..i18n import _, is_language
from ..models.base import Resource
from ..models.fields import Field
from .apart import Apart

#: Sets of languages that are told apart; a house with more of them is read row by row.
MOST_SETS = 200


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


def lacking(field: Field, codes: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that the document of `field` lacks a text in one of the languages `codes`."""
    document: Any = field.attribute
    return or_(*(document[code].as_string().is_(None) for code in codes))


def lacking_apart(
    session: Session, model: type[Resource], field: Field, codes: Collection[str], trash: bool
) -> Apart | None:
    """Return the same for the records of `model` in or out of the trash, by their sets of languages.

    None where the database does not keep them, or where they are more than MOST_SETS.
    """
    name = model.languages_of.get(field.name)
    if name is None or session.get_bind().dialect.name != "postgresql":
        return None
    # Aliased, it is another look at the table than that of the rows themselves.
    rows: Any = model.__table__  # type: ignore[attr-defined]
    kept = table(rows.name, column("id"), column("trashed_at"), column(name, Text())).alias("languages")
    sets = list(session.scalars(_distinct(kept, name, trash)))
    if len(sets) > MOST_SETS:
        return None
    wanted = [held for held in sets if any(f'"{code}"' not in held for code in codes)]
    keys = select(kept.c.id).where(kept.c[name].in_(wanted), _in_place(kept, trash))
    own: ColumnElement[str] = literal_column(f"{rows.name}.{name}", Text())
    return Apart(rows.c.id.in_(keys), own.in_(wanted), keys, common=True)


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
